#!/usr/bin/env bash
# How much is lost without the transcript? CMU-MOSI, with speech recognition's words in place of the true ones.
#
#   scripts/asr_text.sh [VALENCE [FOLDER]]     the command (build/release/valence); FOLDER keeps encoded rows and runs
#   VALENCE_SHARED=FOLDER                      where data/mosi is (default ../shared)
#
# For each of three recognisers, the double flow learns from SmolLM2's rows of the true words (text) and of the recognised
# ones (simulated_text). It is measured with the transcript and without it, beside a single flow, beside recognised words
# given as if they were the transcript, and beside no words at all; 5 seeds each. Twice: with the words alone (split_std),
# and with the utterance's audio and video columns (split_bclstm, whose training part made the video columns;
# its validation part is drawn by video). Epochs are chosen on validation. Nothing else is chosen here: layer and network are
# those of scripts/text_network.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

valence=$(realpath "${1:-build/release/valence}")
shared=$(realpath "${VALENCE_SHARED:-../shared}")
for table in mosi_asr mosi_utt_tav; do
    if [ ! -f "$shared/data/mosi/$table.csv" ]; then
        echo "asr_text: $shared/data/mosi/$table.csv does not exist (set VALENCE_SHARED)" >&2
        exit 1
    fi
done
utterances=$shared/data/mosi/mosi_utt_tav.csv
recognisers="ibm iflytek speechbrain"
if [ $# -ge 2 ]; then
    folder=$2
    mkdir -p "$folder"
else
    folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-asr-text-XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi

scripts/mosi_rows.sh "$valence" "$folder" gold $recognisers

# Word error rate of the whole data set: substitutions, deletions and insertions over the true words.
awk -F, '
    NR == 1 { for (i = 3; i <= NF; i++) name[i] = $i; next }
    {
        n = split($2, truth, " ")
        for (column = 3; column <= NF; column++) {
            m = split($column, heard, " ")
            none[column] += m == 0
            words[column] += n
            for (j = 0; j <= m; j++) before[j] = j
            for (i = 1; i <= n; i++) {
                here[0] = i
                for (j = 1; j <= m; j++) {
                    least = before[j - 1] + (truth[i] != heard[j])
                    if (before[j] + 1 < least) least = before[j] + 1
                    if (here[j - 1] + 1 < least) least = here[j - 1] + 1
                    here[j] = least
                }
                for (j = 0; j <= m; j++) before[j] = here[j]
            }
            errors[column] += before[m]
        }
    }
    END {
        for (column = 3; column in name; column++)
            printf "%-12s word error rate %.1f %%, %d clips without a word\n", name[column],
                100 * errors[column] / words[column], none[column]
    }' "$folder/words.csv"

config() { # config FLOWS SIMULATED_TEXT SELECT
    cat <<YAML
flows: $1
select: $3
epochs: $epochs
batch_size: 32
streams: {audio: "$audio", video: "$video", simulated_text: "$2"}
model: {d: 64, o: 32}
optimizer: {learning_rate: 0.001}
YAML
}

train() { # train NAME STORE FLOWS SIMULATED_TEXT SELECT
    [ ! -d "$setting/$1" ] || return 0
    rm -rf "$setting/begun"
    config "$3" "$4" "$5" >"$setting/$1.yaml"
    "$valence" train "$setting/$1.yaml" --model published --set store="$setting/$2" --output "$setting/begun" --seeds 5 --quiet >/dev/null
    mv "$setting/begun" "$setting/$1"
}

measure() { # measure TITLE RUN STORE FLOW
    "$valence" evaluate "$setting/$2" "$setting/$3" --split test --flow "$4" --bootstrap 0 --quiet --json \
        >"$setting/figures.json"
    python3 - "$1" "$4" "$setting/figures.json" <<'PYTHON'
import json, statistics, sys

title, flow, path = sys.argv[1:]
figures = json.load(open(path))
line = f"{title:58s}"
for name, scale in (("mae", 1), ("corr", 1), ("acc2_non0", 100)):
    seeds = [model["flows"][flow]["metrics"][name] for model in figures["models"]]
    digits = 1 if scale == 100 else 3
    line += f"  {name} {scale * statistics.mean(seeds):.{digits}f} ± {scale * statistics.stdev(seeds):.{digits}f}"
print(line + f"  {figures['clips']} clips", flush=True)
PYTHON
}

for setting in words trimodal; do
    split=split_std audio="" video="" epochs=40 columns=()
    if [ "$setting" = trimodal ]; then
        split=split_bclstm audio=audio video=video epochs=20
        columns=(--audio a0-a72 --video v0-v99 --group-column video --validation-fraction 0.15)
    fi
    echo
    echo "$setting, $split, test part"
    setting=$folder/$setting
    mkdir -p "$setting"
    for words in gold $recognisers; do
        [ ! -d "$setting/store-$words" ] || continue
        "$valence" import table "$utterances" "$setting/store-$words" --quiet --dtype f32 --split-column "$split" \
            --skip missing --skip empty --text-folder "$folder/rows/gold" --simulated_text-folder "$folder/rows/$words" \
            "${columns[@]}" >/dev/null
        "$valence" import table "$utterances" "$setting/heard-$words" --quiet --dtype f32 --split-column "$split" \
            --skip missing --skip empty --text-folder "$folder/rows/$words" "${columns[@]}" >/dev/null
    done
    train single heard-gold '[complete]' "" complete
    measure "single flow, true words" single heard-gold complete
    if [ "$audio" ]; then
        train none heard-gold '[complete, text_missing]' "" mean
        measure "double flow, no words" none heard-gold text_missing
    fi
    for words in $recognisers; do
        train "double-$words" "store-$words" '[complete, text_missing]' simulated_text mean
        measure "double flow, true words ($words beside them)" "double-$words" "store-$words" complete
        measure "double flow, text missing, words of $words" "double-$words" "store-$words" text_missing
        measure "double flow, words of $words as the transcript" "double-$words" "heard-$words" complete
        measure "single flow, words of $words as the transcript" single "heard-$words" complete
    done
done
