# A shell script and its arguments: each word arrives as it was written, blanks and quotes included.
#   runlet run examples/shell-arguments/greet.sh -e GREETING=Ciao -- 'Grace Hopper' "it's" 'a*b' ''
# The interpreter is chosen by the extension: neither an exec bit nor a first line with #! is needed.
set -eu

echo "${GREETING:-Hello}, $# guests"
number=0
for guest in "$@"; do
    number=$((number + 1))
    echo "$number: [$guest]"
done
[ $# -gt 0 ] || echo "nobody came" >&2
