#!/usr/bin/env bash
# quickstart.sh - from a clean clone to a finished run: installs what the build needs, builds, and executes the main example job.
# Call it again at any time: it then only runs the job.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=packaging/lib.sh
. packaging/lib.sh

mkdir -p build
install_packages packaging/build-depends.txt
ensure_user
build_preset release

# The example's project as a zip, as the service would get it.
examples/build.sh build/examples 2>/dev/null
say "running examples/quickstart.yaml with its project as a zip"
status=0
build/release/bin/runlet run build/examples/quickstart.yaml </dev/null || status=$?
say "exit status $status"
exit "$status"
