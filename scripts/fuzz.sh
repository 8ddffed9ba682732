#!/usr/bin/env bash
# scripts/fuzz.sh BUILD [SECONDS]: runs every fuzz target, 60 seconds each, starting from its corpus. New inputs go to
# BUILD/corpus; what crashes a target to BUILD/crashes, and ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:?usage: scripts/fuzz.sh BUILD [SECONDS]}
seconds=${2:-60}
mkdir -p "$build/crashes"
for target in "$build"/fuzz/fuzz-*; do
    [ -x "$target" ] || continue
    name=${target##*/fuzz-}
    mkdir -p "$build/corpus/$name"
    echo "== $name, $seconds s"
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$name-" "$build/corpus/$name" fuzz/*/corpus/"$name" \
        2>"$build/$name.log" || {
        tail -n 40 "$build/$name.log" >&2
        exit 1
    }
    grep -E 'number_of_executed_units|peak_rss_mb' "$build/$name.log"
done
