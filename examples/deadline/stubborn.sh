trap 'echo "asked to stop, and going on" >&2' TERM
echo "working for ever"
while :; do
    sleep 0.1
done
