import os
import sys

print("model=%(MODEL)s threshold=%(THRESHOLD)s" % os.environ)
print("arguments=%r" % sys.argv[1:])
print("run %(JOB_RUN_OCID)s of job %(JOB_OCID)s in %(PROJECT_OCID)s" % os.environ)
