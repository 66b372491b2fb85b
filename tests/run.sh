#!/usr/bin/env bash
# run.sh - every test: installs what they need, builds, runs unit tests, fuzz corpora, stories and lints, and ends with one line
# "N passed, N failed, N skipped". Exit status 0 when something passed and nothing failed.
#   --preset NAME   build and test this preset (dev)
#   -k EXPRESSION   only the pytest tests that match; unit tests by the same words
#   --vm            the stories in a virtual machine (tests/vm) as well
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=packaging/lib.sh
. packaging/lib.sh

preset=dev
only=
vm=false
while [[ $# -gt 0 ]]; do
    case $1 in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    --preset=*) preset=${1#*=}; shift ;;
    -k) only=${2:?-k needs an expression}; shift 2 ;;
    --vm) vm=true; shift ;;
    *)
        say "unknown option $1 (there are: --preset NAME, -k EXPRESSION, --vm)"
        exit 2
        ;;
    esac
done

# Whatever stops this script early is a failure that the last line must show.
finished=false
trap '$finished || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }' EXIT

mkdir -p build
packages=(packaging/build-depends.txt packaging/test-depends.txt)
if $vm; then
    packages+=(tests/vm/depends.txt)
fi
install_packages "${packages[@]}"
ensure_user
build_preset "$preset"
if $vm; then
    build_preset release
fi

build=build/$preset
results=$build/results
rm -rf "$results"
mkdir -p "$results"

say "running unit tests and fuzz corpora"
ctest --test-dir "$build" --output-junit "$PWD/$results/ctest.xml" --no-tests=ignore --output-on-failure --parallel 2 \
    --timeout 300 ${only:+--tests-regex "${only// or /|}"} >"$results/ctest.log" 2>&1 </dev/null || true

say "running stories and lints"
pytest=(/usr/bin/python3 -m pytest -q -o cache_dir="$PWD/$results/cache" -o junit_family=xunit2)
parallel=()
if /usr/bin/python3 -c 'import xdist' 2>/dev/null; then
    parallel=(-n 2)
fi
if [[ -n $only ]]; then
    pytest+=(-k "$only")
fi
export RUNLET_BUILD=$PWD/$build RUNLET_BIN_DIR=$PWD/$build/bin PYTHONDONTWRITEBYTECODE=1
pytest_status=0
"${pytest[@]}" "${parallel[@]}" --ignore=tests/vm --junitxml="$results/pytest.xml" tests >"$results/pytest.log" 2>&1 </dev/null || pytest_status=$?
# Stories of real processes share the machine's cores. A few that failed are run once more, alone: one that passes then is shown
# as UNSTABLE, for somebody to look at, and does not hold the rest up.
if [[ $pytest_status -eq 1 && $(grep -c '^FAILED' "$results/pytest.log") -le 5 ]]; then
    say "running what failed once more, alone"
    "${pytest[@]}" --last-failed --ignore=tests/vm --junitxml="$results/again.xml" tests >"$results/again.log" 2>&1 </dev/null || true
fi

# One machine at a time: it has as many processors as many of its hosts.
if $vm; then
    say "running the stories in a virtual machine"
    vm_status=0
    RUNLET_VM=1 "${pytest[@]}" --junitxml="$results/vm.xml" tests/vm >"$results/vm.log" 2>&1 </dev/null || vm_status=$?
    if [[ $vm_status -eq 1 && $(grep -c '^FAILED' "$results/vm.log") -le 2 ]]; then
        say "running what failed there once more"
        RUNLET_VM=1 "${pytest[@]}" --last-failed --junitxml="$results/vm-again.xml" tests/vm >"$results/vm-again.log" 2>&1 </dev/null || true
    fi
    case $vm_status in
    0 | 1 | 5) ;;
    *) pytest_status=$vm_status && cat "$results/vm.log" >>"$results/pytest.log" ;;
    esac
fi

if [[ -f $results/crash-points.txt ]]; then
    cat "$results/crash-points.txt"
fi

finished=true
exec /usr/bin/python3 tests/tally.py "$results" "$pytest_status"
