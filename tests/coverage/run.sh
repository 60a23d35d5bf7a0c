#!/usr/bin/env bash
# Builds usher in build/coverage, runs the tests that reach most of it in little time, and checks which of its
# branches none of them took: see coverage.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cmake --preset coverage
cmake --build --preset coverage
python3 -B tests/coverage/coverage.py build/coverage --clear
ctest --preset coverage
python3 -B tests/coverage/coverage.py build/coverage
