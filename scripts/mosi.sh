#!/usr/bin/env bash
# Trains and measures the double flow on CMU-MOSI's utterance-level features, 5 seeds.
#
#   scripts/mosi.sh [VALENCE]          the command, by default build/release/valence
#   VALENCE_SHARED=FOLDER              where data/mosi/mosi_utt_tav.csv is (default ../shared)
#
# The text and video columns of that file were made by networks trained on the training part of its split `split_bclstm`,
# so only that split is honest with them. It has no validation part: 15 % of the training clips are drawn for it, by video. Epochs
# are chosen on that part; how the learning rate was, docs/results.md says. The file has no simulated text: missing text is an empty sequence, and the figures of the
# text-missing flow stand beside those of always saying the median of the training labels.
set -euo pipefail
cd "$(dirname "$0")/.."

valence=$(realpath "${1:-build/release/valence}")
table=${VALENCE_SHARED:-../shared}/data/mosi/mosi_utt_tav.csv
if [ ! -f "$table" ]; then
    echo "mosi: $table is not there (VALENCE_SHARED says where to look)" >&2
    exit 1
fi
folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-mosi-XXXXXX")
trap 'rm -rf "$folder"' EXIT
start=$SECONDS

"$valence" import table "$table" "$folder/mosi" --quiet --dtype f32 --split-column split_bclstm \
    --group-column video --validation-fraction 0.15 --audio a0-a72 --text t0-t99 --video v0-v99
cat >"$folder/config.yaml" <<YAML
streams:
  simulated_text: ""
batch_size: 32
epochs: 20
select: complete
optimizer:
  learning_rate: 0.0005
YAML
"$valence" train "$folder/config.yaml" --set store="$folder/mosi" --output "$folder/run" --seeds 5
"$valence" evaluate "$folder/run" "$folder/mosi" --split test
echo "$((SECONDS - start)) s"
