#!/usr/bin/env bash
# scripts/bench_experiments.sh BUILD [ROUNDS]: 20 small runs through `valence compare`, which measures how to share out the cores, against
# the same runs one after the other with all threads each; the two take turns. Twice: clips of one row in each stream, as the
# utterance columns of CMU-MOSI are, and clips of some hundred rows. To be run on an idle machine.
set -euo pipefail
build=$(realpath "$1")
rounds=${2:-3}
valence=$build/valence
work=$(mktemp -d "${TMPDIR:-/tmp}/valence-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
threads=$(nproc)

"$valence" synthesize sequences --train 200 --validation 50 --test 50 --audio-width 32 --text-width 64 --video-width 32 --threads 1 \
    --quiet >/dev/null
# 1,000 clips with as many columns as CMU-MOSI's: the label is a sum of some of them, and noise.
awk 'BEGIN {
    srand(1)
    printf "id,split,label"
    for (i = 0; i < 273; i++) printf ",x%d", i
    for (clip = 0; clip < 1000; clip++) {
        label = 0; line = ""
        for (i = 0; i < 273; i++) {
            x = rand() + rand() + rand() - 1.5
            if (i % 30 == 0) label += x
            line = line sprintf(",%.4f", x)
        }
        label += rand() - 0.5
        if (label > 3) label = 3
        if (label < -3) label = -3
        printf "\n%d,%s,%.3f%s", clip, clip < 600 ? "train" : clip < 800 ? "validation" : "test", label, line
    }
    print ""
}' >rows.csv
"$valence" import table rows.csv rows --quiet --dtype f32 --audio x0-x72 --text x73-x172 --video x173-x272 >/dev/null

seconds() { date +%s.%N; }
taken() { echo "$(seconds) - $1" | bc; }
alone() { # alone STORE: the runs one after the other
    rm -rf alone
    for seed in $(seq 10); do
        for rnc in 0.8 0; do
            "$valence" train "$1" "${settings[@]}" --set losses.rnc=$rnc --seed "$seed" --threads "$threads" \
                -o "alone/$rnc-$seed" --quiet >/dev/null 2>&1
        done
    done
}
together() {
    rm -rf together
    "$valence" compare "$1" "${settings[@]}" --seeds 10 --variant 'no-rnc losses.rnc=0' --threads "$threads" -o together \
        --quiet >/dev/null 2>&1
}

for store in rows sequences; do
    settings=(--set model.d=64 --set model.o=32 --set epochs=8 --set batch_size=16)
    [ $store = sequences ] || settings=(--set model.d=64 --set model.o=32 --set epochs=15 --set batch_size=32)
    for round in $(seq "$rounds"); do
        began=$(seconds) && alone $store && one=$(taken "$began")
        began=$(seconds) && together $store && all=$(taken "$began")
        printf '%s, round %d: one after the other with %d threads %.1f s; through compare, measuring, tests and tables included, %.1f s (%s): %.0f %%\n' \
            $store "$round" "$threads" "$one" "$all" \
            "$(tr -d ' \n' <together/resources.json | sed 's/.*"jobs":\([0-9]*\),"threads":\([0-9]*\),"cores.*/\1 at once, \2 threads each/')" \
            "$(echo "100 * $all / $one" | bc -l)"
    done
done
