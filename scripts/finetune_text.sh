#!/usr/bin/env bash
# Transcripts alone, starting from the model for English text that comes with valence: first its score of the test part as it is,
# then trained further on the training part, 5 seeds.
#
#   scripts/finetune_text.sh LABELS [VALENCE [OPTION...]]
#
# LABELS is what `valence import table` takes: a CSV with transcripts. VALENCE is the command (build/release/valence); options go
# to `valence train` (--set epochs=4). The learning rate was chosen on the validation part of CMU-MOSI (docs/results.md).
set -euo pipefail

. "$(dirname "$0")/text_model_settings.sh"
labels=${1:?usage: scripts/finetune_text.sh LABELS [VALENCE]}
model=$(realpath "$(dirname "$0")/../models/valence-text-en")
valence=$(realpath "${2:-$(dirname "$0")/../build/release/valence}")
shift $(($# < 2 ? $# : 2))
folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-finetune-text-XXXXXX")
trap 'rm -rf "$folder"' EXIT
start=$SECONDS

"$valence" import table "$labels" "$folder/transcripts" --labels-only --quiet >/dev/null
"$valence" encode text "$folder/transcripts" -o "$folder/store" "${text_model_encoding[@]}" --quiet
"$valence" evaluate "$model" "$folder/store" --split test --ensemble
{
    text_model_config
    cat <<'YAML'
epochs: 8
batch_size: 32
optimizer: {learning_rate: 0.0003}
schedule: {warm_up_epochs: 1, step_every: 1, gamma: 0.75}
YAML
} >"$folder/config.yaml"
# The model has three seeds: each starts one or two of the five.
for seed in 1 2 3 4 5; do
    "$valence" train "$folder/config.yaml" --model published --set store="$folder/store" --output "$folder/run/seed-$seed" --seed "$seed" \
        --from "$model/seed-$(((seed - 1) % 3 + 1))" "$@"
done
"$valence" evaluate "$folder/run" "$folder/store" --split test
"$valence" evaluate "$folder/run" "$folder/store" --split test --ensemble
echo "$((SECONDS - start)) s"
