#!/usr/bin/env bash
# Every store that an earlier version wrote, opened by this one: run.sh GOLDEN DATA
# A new format: `golden make store-N.db` beside the others, and what `golden show` says of a copy as store-N.txt.
set -euo pipefail
golden=$1 data=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

n=0
for store in "$data"/store-*.db; do
    name=$(basename "$store" .db)
    cp "$store" "$dir/$name.db"
    chmod 600 "$dir/$name.db"
    "$golden" look "$dir/$name.db" | diff -u "$data/$name.txt" -
    cmp "$store" "$dir/$name.db" # looking has not changed it
    "$golden" show "$dir/$name.db" > "$dir/$name.txt"
    diff -u "$data/$name.txt" "$dir/$name.txt"
    "$golden" show "$dir/$name.db" | cmp - "$dir/$name.txt" # opening has not changed what it says
    n=$((n + 1))
done
[ "$n" -gt 0 ]
echo "$n stores of earlier versions open and say what they said"
