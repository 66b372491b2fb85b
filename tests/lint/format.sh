#!/bin/sh
# format.sh [ROOT] - every C file is as .clang-format wants it.
set -eu
cd "${1:-$(dirname "$0")/../..}"
find agent common tests -name build -prune -o -name '*.[ch]' -print 2>/dev/null | sort | xargs -r clang-format --dry-run -Werror
