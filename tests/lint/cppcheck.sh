#!/bin/sh
# cppcheck.sh [ROOT] - cppcheck over common/ and agent/; the places it has wrong are named in cppcheck.txt.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"
folders=
for folder in common agent; do
    [ ! -d "$folder" ] || folders="$folders $folder"
done
# shellcheck disable=SC2086
exec cppcheck --quiet -j 2 --std=c11 --language=c --enable=warning,performance,portability --inconclusive --error-exitcode=1 \
    --inline-suppr --suppressions-list="$here/cppcheck.txt" --template='{file}:{line}: {severity}: {message} [{id}]' \
    -I common -I agent -D_GNU_SOURCE -D__x86_64__ -DRUNLET_VERSION='"0"' $folders
