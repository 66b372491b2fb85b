here=$(dirname "$0")
. "$here/lib/say.sh"
say "running from $here"
"$here/lib/sum" 1 2 3 4
