#!/usr/bin/env bash
# Tries sla_cases: run.sh SLA_CASES wrong|cases DIR
set -euo pipefail
program=$1 what=$2 dir=$3

case $what in
cases) # those that lie beside the project
    if [ ! -e "$dir/sla_cases.jsonl" ]; then
        echo "sla.cases: skipped, there is no $dir/sla_cases.jsonl"
        exit 77
    fi
    exec "$program" "$dir/sla_cases.jsonl"
    ;;
wrong) # each line is wrong, and each must be told
    status=0
    said=$("$program" "$dir/wrong.jsonl") || status=$?
    lines=$(grep -c . "$dir/wrong.jsonl")
    echo "$said"
    [ "$status" -eq 1 ]
    [ "$(grep -c '^FAILED' <<<"$said")" -eq "$lines" ]
    [ "$(tail -n 1 <<<"$said")" = "0 passed, $lines failed, 0 skipped" ]
    ;;
esac
