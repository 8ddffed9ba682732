#!/usr/bin/env bash
# Peak memory of training against the number of clips, at the paper's sizes: it must not grow with the set.
#
#   scripts/memory.sh [VALENCE]        the command, by default build/release/valence
#   CLIPS="500 5000" scripts/memory.sh
#
# Makes synthetic corpora with 1024, 4096 and 1024 columns in a temporary folder (about 1.3 MB a clip), trains one epoch
# at batch size 96 on each and prints a line with the largest resident set.
set -euo pipefail
cd "$(dirname "$0")/.."

valence=$(realpath "${1:-build/release/valence}")
clips=${CLIPS:-500 5000}
folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-memory-XXXXXX")
trap 'rm -rf "$folder"' EXIT

# The high-water mark that the kernel keeps of a process, read until it ends.
peak_mib() {
    local peak=0 now
    while now=$(awk '/^VmHWM/ {print $2}' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
        peak=$now
        sleep 0.05
    done
    echo $((peak / 1024))
}

for n in $clips; do
    corpus=$folder/corpus-$n
    "$valence" synthesize "$corpus" --quiet --train "$n" --validation 96 --test 0 \
        --audio-width 1024 --text-width 4096 --video-width 1024 >/dev/null
    echo 'epochs: 1' >"$folder/config.yaml"
    "$valence" train "$folder/config.yaml" --quiet --set store="$corpus" \
        --output "$folder/run-$n" >/dev/null &
    peak=$(peak_mib $!)
    wait $!
    printf '%6d clips: %5d MiB\n' "$n" "$peak"
    rm -rf "$corpus" "$folder/run-$n"
done
