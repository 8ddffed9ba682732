#!/usr/bin/env bash
# scripts/bench_neighbour.sh BENCH-NETWORK [OTHER-BENCH-NETWORK] [OPTIONS...]: speed beside another program that uses both cores.
#
#   scripts/bench_neighbour.sh build/release/bench/bench-network --batch 32 --steps 3
#   scripts/bench_neighbour.sh old/bench-network build/release/bench/bench-network --batch 32 --steps 30 --lengths one.csv
#
# Runs each program with one thread and with two, alone and beside two endless loops, in turns, ROUNDS times (5). Prints clips/s of
# training and evaluation as medians (least–most). THREADS="2" leaves one thread out; PRIORITY sets nice for all of it, loops too (0).
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
programs=()
while [ $# -gt 0 ] && [[ $1 != --* ]]; do
    programs+=("$(realpath "$1")")
    shift
done
rounds=${ROUNDS:-5}
priority=${PRIORITY:-0}
results=$(mktemp)
loops=()
stop_loops() { [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true; loops=(); }
trap 'stop_loops; rm -f "$results"' EXIT
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-10000}

for ((round = 0; round < rounds; round++)); do
    for threads in ${THREADS:-1 2}; do
        for busy in no yes; do
            for program in "${programs[@]}"; do
                if [ $busy = yes ]; then
                    for _ in 1 2; do
                        nice -n "$priority" timeout 60 sh -c 'while :; do :; done' &
                        loops+=($!)
                    done
                fi
                line=$(nice -n "$priority" "$program" --threads "$threads" "$@")
                stop_loops
                echo "$program $threads $busy $line" >>"$results"
            done
        done
    done
done

python3 - "$results" <<'PY'
import collections, json, statistics, sys
runs = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    program, threads, busy, result = line.split(" ", 3)
    for what in ("train", "evaluate"):
        runs[program, threads, busy][what].append(json.loads(result)[what + "_clips_per_s"])
for (program, threads, busy), values in sorted(runs.items()):
    shown = [f"{what} {statistics.median(v):.0f} ({min(v):.0f}–{max(v):.0f})" for what, v in values.items()]
    print(f"{program}  threads {threads}  neighbour {busy:3}  " + "  ".join(shown))
PY
