#!/bin/sh
# shell.sh [ROOT] - shellcheck over every shell script.
set -eu
cd "${1:-$(dirname "$0")/../..}"
{
    find agent common tests packaging systemd -name build -prune -o -name '*.sh' -print 2>/dev/null
    [ ! -f .ci/run ] || echo .ci/run
} | sort | xargs -r shellcheck -x
