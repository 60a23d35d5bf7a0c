#!/usr/bin/env bash
# Builds the examples in build/release and runs the main one: a sample of service requests, replayed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "examples/run.sh: installs what is missing, builds usher in build/release, replays a sample of requests."

step() {
    printf '\n== %s\n' "$1"
    shift
    "$@" || { printf '\nexamples/run.sh: stopped, this failed: %s\n' "$*" >&2; exit 1; }
}

step "packages" tests/packages.sh
step "configure" cmake --preset release
step "build" cmake --build --preset release --target usher-examples
step "replay" build/release/examples/usher-replay \
    examples/replay/sample.csv --mapping examples/replay/sample.json
