#!/usr/bin/env bash
# scripts/bench_experiments.sh BUILD: 20 small runs through `valence compare`, which measures how to share out the cores, against
# the same runs one after the other with all threads each. To be run on an idle machine.
set -euo pipefail
build=$(realpath "$1")
valence=$build/valence
work=$(mktemp -d /tmp/valence-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
threads=$(nproc)
"$valence" synthesize store --train 200 --validation 50 --test 50 --audio-width 32 --text-width 64 --video-width 32 --threads 1 \
    --quiet >/dev/null
settings=(--set model.d=64 --set model.o=32 --set epochs=8 --set batch_size=16)
seconds() { date +%s.%N; }
began=$(seconds)
for seed in $(seq 10); do
    for rnc in 0.8 0; do
        "$valence" train store "${settings[@]}" --set losses.rnc=$rnc --seed "$seed" --threads "$threads" -o "alone-$rnc-$seed" \
            --quiet >/dev/null
    done
done
alone=$(echo "$(seconds) - $began" | bc)
began=$(seconds)
"$valence" compare store "${settings[@]}" --seeds 10 --variant 'no-rnc losses.rnc=0' --threads "$threads" -o together --quiet \
    >/dev/null
together=$(echo "$(seconds) - $began" | bc)
cat together/resources.json
echo "one after the other with $threads threads: $alone s; through compare, measuring, tests and table included: $together s"
echo "$(echo "100 * $together / $alone" | bc) % (the aim is 60 %)"
