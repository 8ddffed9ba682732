#!/usr/bin/env bash
# From films to scores: extract, train, evaluate and predict on nine clips of tests/system/media.csv.
#
#   scripts/media.sh [VALENCE [FOLDER [MEDIA]]] [KEY=VALUE...]
#
# VALENCE is the command (build/release/valence), FOLDER keeps the store and the run. MEDIA is the folder of the films,
# default $VALENCE_SHARED/data/media, or ../shared/data/media. KEY=VALUE are settings of the extraction.
#
# The clips are a Spanish review, cut as the MOUD corpus cuts it, and four commands of the GRID corpus. Their labels are
# MADE UP, and nine clips teach nothing: this shows that every step takes what the one before makes.
set -euo pipefail
cd "$(dirname "$0")/.."
settings=() places=()
for argument in "$@"; do
    case $argument in
        *=*) settings+=(--set "$argument") ;;
        *) places+=("$argument") ;;
    esac
done
valence=$(realpath "${places[0]:-build/release/valence}")
folder=${places[1]:-}
media=$(realpath "${places[2]:-${VALENCE_SHARED:-../shared}/data/media}")
if [ -z "$folder" ]; then
    folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-media-XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
sed "2,\$s|^\([^,]*\),|\1,$media/|" tests/system/media.csv >"$folder/media.csv"
cat >"$folder/config.yaml" <<YAML
store: $folder/store
output: $folder/run
flows: [complete, text_missing]
epochs: 4
batch_size: 4
model: {d: 32, o: 16}
YAML
rm -rf "$folder/run"
"$valence" extract "$folder/media.csv" -o "$folder/store" -q --set text=asr --set simulated_text=asr "${settings[@]}"
"$valence" train "$folder/config.yaml" -q
"$valence" evaluate "$folder/run" "$folder/store" --split test --bootstrap 0 -q
"$valence" predict "$folder/run" "$folder/store" --csv -q >"$folder/scores.csv"
cat "$folder/scores.csv"
