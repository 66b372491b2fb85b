import os

print("COLOR=%(COLOR)s RETRIES=%(RETRIES)s" % os.environ)
