#!/usr/bin/env bash
# scripts/mosi_rows.sh VALENCE FOLDER WORDS...: SmolLM2's rows of CMU-MOSI's words, for scripts/asr_text.sh and scripts/mosi.sh.
#
# WORDS are columns of mosi_asr.csv: gold, which is the transcript, or a recogniser. Layer 18, spelt plainly, as in
# scripts/text_network.sh. FOLDER/words.csv has the words as they are encoded, FOLDER/rows/WORDS an array for each clip; what is there
# already is not made again. VALENCE_SHARED says where data/mosi is (default ../shared).
set -euo pipefail
cd "$(dirname "$0")/.."
valence=$(realpath "$1")
folder=$(realpath "$2")
shift 2
shared=$(realpath "${VALENCE_SHARED:-../shared}")

# What recognisers write where they heard no words is no word. Apostrophes go because the true transcripts have none.
awk -F, -v OFS=, '
    NR > 1 {
        for (i = 2; i <= NF; i++) {
            gsub(/\[UNK\]|\047/, "", $i)
            $i = " " $i " "
            gsub(/ (NOISE|XXX) /, " ", $i)
            gsub(/^ +| +$/, "", $i)
        }
    }
    { print }' "$shared/data/mosi/mosi_asr.csv" >"$folder/words.csv"

# Each recogniser's rows as an array for each clip.
for words in "$@"; do
    [ ! -d "$folder/rows/$words" ] || continue
    rm -rf "$folder/texts" "$folder/encoded" "$folder/arrays"
    "$valence" import table "$folder/words.csv" "$folder/texts" --labels-only --quiet --split-column '' \
        --label-column '' --transcript-column "$words" >/dev/null
    "$valence" encode text "$folder/texts" -o "$folder/encoded" --layers 18 --spelling plain --quiet
    "$valence" export "$folder/encoded" "$folder/arrays" --quiet >/dev/null
    mkdir -p "$folder/rows"
    mv "$folder/arrays/text" "$folder/rows/$words"
done
