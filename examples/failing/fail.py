# A job that fails: its exit code is the run's, and runlet's own exit status.
#   runlet run examples/failing/fail.py; echo $?
# Prints what went wrong on stderr and ends with exit code 61.
import sys

print("checking the input")
print("the input is not usable", file=sys.stderr)
sys.exit(61)
