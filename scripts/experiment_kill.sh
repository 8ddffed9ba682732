#!/usr/bin/env bash
# scripts/experiment_kill.sh BUILD [KILLS]: an experiment whose scheduler and workers are killed at random (kill -9) gives the
# bytes of one that was left alone. Prints the kills and what was compared.
set -euo pipefail
build=$(realpath "$1")
kills=${2:-10}
valence=$build/valence
work=$(mktemp -d /tmp/valence-kill-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$valence" synthesize store --train 160 --validation 40 --test 60 --audio-width 16 --text-width 16 --video-width 16 --threads 1 \
    --quiet >/dev/null
plan=(../store --set model.d=16 --set model.o=8 --set epochs=20 --seeds 2 --threads 2 --jobs 2 --quiet -o experiment
      --vary losses.rnc=0:0.8:0.4 --rungs 2)
mkdir calm wild
(cd calm && time "$valence" sweep "${plan[@]}" >/dev/null)
cd wild
killed_schedulers=0
killed_workers=0
for ((i = 0; i < kills; i++)); do
    setsid "$valence" sweep "${plan[@]}" >/dev/null 2>&1 &
    scheduler=$!
    # On a busy machine the first worker may take long to start; now and then the kill comes before it.
    for ((wait = 0; wait < 300 && RANDOM % 100; wait++)); do
        pgrep -P "$scheduler" >/dev/null && break
        sleep 0.1
    done
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    workers=$(pgrep -P "$scheduler" || true)
    if ((RANDOM % 2)) && [ -n "$workers" ]; then
        for worker in $workers; do
            kill -9 "$worker" 2>/dev/null && killed_workers=$((killed_workers + 1))
        done
        sleep 0.5
    fi
    kill -9 "$scheduler" 2>/dev/null && killed_schedulers=$((killed_schedulers + 1))
    wait "$scheduler" 2>/dev/null || true
done
"$valence" sweep "${plan[@]}" >/dev/null
cd ..
compared=0
while IFS= read -r file; do
    case $file in */timing.jsonl | */resources.json) continue ;; esac
    cmp "calm/experiment/$file" "wild/experiment/$file"
    compared=$((compared + 1))
done < <(cd calm/experiment && find . -type f | sort)
echo "$killed_schedulers schedulers and $killed_workers workers killed: $compared files are the same"
