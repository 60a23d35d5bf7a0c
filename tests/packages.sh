#!/usr/bin/env bash
# Installs the Debian packages that building and testing usher needs, those that are missing only; with
# `ci`, also those of what is done beyond that, see .ci/run. What is there is found by asking for the
# thing itself, so a cmake from elsewhere counts too.
#
#     packages.sh [ci]
set -euo pipefail
ci=${1:-}

# package | what it is for | how to see that it is there
needs() {
    cat <<'END'
gcc|the C compiler|command -v cc
libc6-dev|the C library's headers|test -e /usr/include/stdio.h
g++|compiles the header as C++, as a C++ program would|command -v g++
cmake|the build system, 3.25 or newer|cmake_is_new_enough
ninja-build|runs the build|command -v ninja
pkg-config|finds libraries|command -v pkg-config
libuv1-dev|the event loop that usher runs on|pkg-config --exists libuv
libsqlite3-dev|the file that a service is kept in|pkg-config --exists sqlite3
libjansson-dev|the examples read mappings and write reports|pkg-config --exists jansson
libcmocka-dev|the unit tests' framework|pkg-config --exists cmocka
python3|runs the tests' scripts, and the binding|command -v python3
python3-venv|the binding is installed into a fresh environment|python3 -m ensurepip --version
mypy|the binding's types are checked|command -v mypy
tzdata|the time zones of business calendars|test -e /usr/share/zoneinfo/Europe/Berlin
spin|searches the models of what cannot be tried by running it|command -v spin
END
    [ "$ci" != ci ] || cat <<'END'
gcc|counts branches|command -v gcc
clang|compiles the fuzz targets|command -v clang
libclang-rt-dev|what looks for inputs that break them, libFuzzer|fuzzer_links
END
}

cmake_is_new_enough() {
    local have
    have=$(cmake --version | sed -n '1s/.* //p') || return 1
    [ "$(printf '%s\n' 3.25 "$have" | sort -V | head -n 1)" = 3.25 ]
}

fuzzer_links() {
    echo 'int LLVMFuzzerTestOneInput(const char *s, unsigned long n) { return n > 0 && *s == 0; }' |
        clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null -
}

missing() {
    local package purpose probe
    while IFS='|' read -r package purpose probe; do
        $probe >/dev/null 2>&1 </dev/null || printf '%s|%s\n' "$package" "$purpose"
    done < <(needs)
}

give_up() {
    printf 'packages: %s\n' "$1" >&2
    exit 1
}

list=$(missing)
[ -n "$list" ] || exit 0

packages=$(cut -d'|' -f1 <<<"$list" | paste -sd' ')
echo "packages: missing on this machine:"
sed 's/^/    /; s/|/: /' <<<"$list"

command -v apt-get >/dev/null ||
    give_up "there is no apt-get here. Install these under the names that your system has for them."
root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
        give_up "neither root nor sudo. As root, run: apt-get install $packages"
    root=(sudo "${root[@]}")
fi

echo "packages: installing them with apt-get"
"${root[@]}" apt-get update -qq || give_up "apt-get update failed"
# shellcheck disable=SC2086 # a list of words
"${root[@]}" apt-get install -y -qq --no-install-recommends $packages ||
    give_up "apt-get install failed"

list=$(missing)
[ -z "$list" ] || give_up "installed, but still missing: $(cut -d'|' -f2 <<<"$list" | paste -sd',')"
echo "packages: all there now"
