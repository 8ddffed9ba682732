#!/usr/bin/env bash
# Transcripts alone: encodes them with SmolLM2-135M-Instruct, trains a text-only network with 5 seeds and measures the seeds, and
# what they say together, on the test part.
#
#   scripts/text_network.sh LABELS [VALENCE [OPTION...]]
#
# LABELS is what `valence import table` takes: a CSV with transcripts, or MELD's folder. VALENCE is the command
# (build/release/valence); options go to `valence train` (--set epochs=6).
#
# Layer, spelling, prefix and the network's settings were chosen on the validation part of CMU-MOSI; docs/text-features.md says how.
set -euo pipefail

labels=${1:?usage: scripts/text_network.sh LABELS [VALENCE]}
valence=$(realpath "${2:-$(dirname "$0")/../build/release/valence}")
shift $(($# < 2 ? $# : 2))
folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-text-network-XXXXXX")
trap 'rm -rf "$folder"' EXIT
start=$SECONDS

"$valence" import table "$labels" "$folder/transcripts" --labels-only --quiet
"$valence" encode text "$folder/transcripts" -o "$folder/store" --layers 18 --spelling plain --quiet
cat >"$folder/config.yaml" <<YAML
flows: [complete]
select: complete
epochs: 40
batch_size: 32
streams:
  audio: ""
  video: ""
  simulated_text: ""
model:
  d: 64
  o: 32
optimizer:
  learning_rate: 0.001
YAML
"$valence" train "$folder/config.yaml" --model published --set store="$folder/store" --output "$folder/run" --seeds 5 "$@"
"$valence" evaluate "$folder/run" "$folder/store" --split test --predictions "$folder/scores.csv"

# What the seeds say together; and as three classes, negative, neutral and positive, by rounding to -1, 0 and 1.
awk -F, '
    NR == 1 { next }
    { label[$2] = $3; sum[$2] += $4; n[$2]++ }
    function class(x) { return x < -0.5 ? -1 : x > 0.5 ? 1 : 0 }
    END {
        for (id in label) {
            y = label[id]; p = sum[id] / n[id]; count++
            error += y > p ? y - p : p - y
            sy += y; sp += p; syy += y * y; spp += p * p; syp += y * p
            if (y != 0) { signs++; right += (y > 0) == (p > 0) }
            a = class(y); b = class(p); truth[a]++; said[b]++; hit[a] += a == b
        }
        for (c = -1; c <= 1; c++)
            if (truth[c] + said[c]) f1 += truth[c] / count * 2 * hit[c] / (truth[c] + said[c])
        printf "\nthe mean of all seeds: MAE %.3f, Corr %.3f, Acc-2 (non-0) %.1f %%, weighted F1 of three classes %.1f %%\n",
            error / count, (syp - sy * sp / count) / sqrt((syy - sy * sy / count) * (spp - sp * sp / count)),
            100 * right / signs, 100 * f1
    }' "$folder/scores.csv"
echo "$((SECONDS - start)) s"
