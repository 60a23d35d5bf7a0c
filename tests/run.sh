#!/usr/bin/env bash
# Builds usher in build/release and runs all its tests there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "tests/run.sh: installs what is missing, builds usher in build/release, runs all tests."

step() {
    printf '\n== %s\n' "$1"
    shift
    "$@" || { printf '\ntests/run.sh: stopped, this failed: %s\n' "$*" >&2; exit 1; }
}

step "packages" tests/packages.sh
step "configure" cmake --preset release
step "build" cmake --build --preset release

log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf '\n== tests\n'
status=0
ctest --preset release | tee "$log" || status=$?
printf '\n== what they counted\n'
python3 -B tests/counts.py build/release || true
printf '\n%s\n' "$(grep -E '^[0-9]+% tests passed' "$log" || echo 'ctest did not get to its end')"
exit "$status"
