#!/usr/bin/env bash
# Uses usher as somebody else's program would.
#   run.sh stage      SOURCE WORK KIND    builds usher as shared or static and installs it in WORK/KIND
#   run.sh package    SOURCE WORK KIND    finds that one with find_package
#   run.sh pkg-config SOURCE WORK KIND    finds that one with pkg-config
#   run.sh subproject SOURCE WORK static  takes the source tree in with add_subdirectory, as it comes
# CC says with which compiler. Everything is written below WORK, nothing below SOURCE.
set -euo pipefail

how=$1 source=$2 work=$3 kind=$4
prefix=$work/$kind
build=$work/$how-$kind
programs=("$source/tests/consumer/version.c" "$source/examples/minimal.c")
version=$(sed -n 's/^#define USHER_VERSION_[MP][A-Z]* \([0-9]*\)$/\1/p' \
    "$source/include/usher/version.h" | paste -sd.)
shared=$([ "$kind" = shared ] && echo ON || echo OFF)

same() {
    [ "$2" = "$3" ] || { echo "$1 is '$2', not '$3'" >&2; exit 1; }
}

# The programs run; and usher is linked in the way that was asked for.
try() {
    local program needs=OFF
    for program in "${programs[@]}"; do
        program=$(basename "$program" .c)
        echo "-- $program"
        "$build/$program"
    done
    same "the version" "$("$build/version" | cut -d' ' -f1)" "$version"
    if readelf -d "$build/version" | grep -q 'NEEDED.*libusher'; then
        needs=ON
    fi
    same "linking with a shared usher" "$needs" "$shared"
}

rm -rf "$build"
case $how in
stage)
    rm -rf "$prefix"
    cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DBUILD_SHARED_LIBS="$shared" -DUSHER_TESTS=OFF -DUSHER_EXAMPLES=OFF
    cmake --build "$build"
    cmake --install "$build"
    ;;
package)
    cmake -S "$source/tests/consumer" -B "$build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
        -DPROGRAMS="$(IFS=';'; echo "${programs[*]}")"
    cmake --build "$build"
    try
    ;;
pkg-config)
    mkdir -p "$build"
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name usher.pc)")
    LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
    export PKG_CONFIG_PATH LD_LIBRARY_PATH
    same "pkg-config's version" "$(pkg-config --modversion usher)" "$version"
    flags=$(pkg-config "--$kind" --cflags --libs usher)
    eval "flags=($flags)" # spaces in paths come escaped
    for program in "${programs[@]}"; do
        "${CC:-cc}" "$program" -o "$build/$(basename "$program" .c)" "${flags[@]}"
    done
    try
    ;;
subproject)
    cmake -S "$source/tests/consumer" -B "$build" -G Ninja -DUSHER_SOURCE="$source" \
        -DPROGRAMS="$(IFS=';'; echo "${programs[*]}")"
    cmake --build "$build"
    try
    ;;
esac
