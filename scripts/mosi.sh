#!/usr/bin/env bash
# Every experiment on CMU-MOSI, 5 seeds each: does the second flow help where text is missing? Do MIA, MKD, RS, RNC?
#
#   scripts/mosi.sh [VALENCE [FOLDER]]     the command (build/release/valence); FOLDER (build/mosi) keeps everything
#   VALENCE_SHARED=FOLDER                  where data/mosi is (default ../shared)
#
# Twice, each by scripts/experiment_suite.sh:
#
# transcripts   SmolLM2's rows of the true words as text and of the words that one recogniser (ibm) heard as simulated text; no audio
#               or video. Split `split_std`.
# columns       the utterance columns of audio, text and video, one row each. A network that was trained on the training part of
#               `split_bclstm` made the text and video columns, so only that split is honest. It has no validation part: 15 % of the
#               training clips are drawn for it, by video. There is no simulated text: missing text is an empty sequence.
#
# Intervals are over videos and seeds. Epochs are chosen on validation, and so was the learning rate of the columns; the network
# and the settings of the transcripts are those of scripts/asr_text.sh with fewer epochs. Training starts as published. The same
# call continues what was ended.
set -euo pipefail
scripts=$(dirname "$(realpath "$0")")
cd "$scripts/.."

valence=$(realpath "${1:-build/release/valence}")
export VALENCE_SHARED
VALENCE_SHARED=$(realpath "${VALENCE_SHARED:-../shared}")
for table in mosi_asr mosi_utt_tav; do
    if [ ! -f "$VALENCE_SHARED/data/mosi/$table.csv" ]; then
        echo "mosi: $VALENCE_SHARED/data/mosi/$table.csv does not exist (set VALENCE_SHARED)" >&2
        exit 1
    fi
done
utterances=$VALENCE_SHARED/data/mosi/mosi_utt_tav.csv
folder=${2:-build/mosi}
mkdir -p "$folder"
folder=$(realpath "$folder")
start=$SECONDS

"$scripts/mosi_rows.sh" "$valence" "$folder" gold ibm
cd "$folder"

make_store() { # make_store NAME OPTIONS...
    [ ! -d "$1" ] || return 0
    rm -rf new
    "$valence" import table "$utterances" new --quiet --dtype f32 --group-column video "${@:2}" >/dev/null
    mv new "$1"
}
make_store transcripts --split-column split_std --skip missing --skip empty --text-folder rows/gold \
    --simulated_text-folder rows/ibm
make_store columns --split-column split_bclstm --validation-fraction 0.15 --audio a0-a72 --text t0-t99 --video v0-v99

for data in transcripts columns; do
    streams='{audio: "", video: ""}'
    [ $data = transcripts ] || streams='{simulated_text: ""}'
    mkdir -p "$data-experiments"
    cat >"$data.yaml" <<YAML
store: $data
streams: $streams
select: mean
epochs: 25
batch_size: 32
model: {d: 64, o: 32, weights_start: random}
standardise: {labels: false}
optimizer: {learning_rate: 0.001}
YAML
    printf '\n==== %s ====\n' "$data"
    "$scripts/experiment_suite.sh" "$valence" "$data.yaml" "$data-experiments" 5
done
echo "$((SECONDS - start)) s"
