# The smallest job: one Python file.
#   runlet run examples/hello-python/hello.py -- Ada
# It runs as the user datascience, in /home/datascience.
import getpass
import os
import sys

print("hello %s, this is %s in %s" % (" ".join(sys.argv[1:]) or "world", getpass.getuser(), os.getcwd()))
print("this line goes to stderr", file=sys.stderr)
