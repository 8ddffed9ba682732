#!/usr/bin/env bash
# scripts/demo.sh VALENCE [FOLDER]: scores a talking clip and a speech, then shows what the second flow is good for.
#
# First media: fetches the encoders (pinned by hashes, an interrupted download goes on), makes a clip of a synthetic voice and
# a drawn face, and scores it and the speech sample that whisper.cpp carries. Without the encoders, without espeak-ng or ffmpeg,
# or without a network, it says what it leaves out. Then the double flow: makes a synthetic corpus, trains the network with
# both flows and once more with the complete flow alone, and prints the test figures of both. Everything is in FOLDER
# (build/demo), which is made anew; the same seeds give the same figures.
set -euo pipefail
cd "$(dirname "$0")/.."

valence=$(realpath "${1:?usage: scripts/demo.sh VALENCE [FOLDER]}")
scripts=$PWD/scripts
mkdir -p "${2:-build/demo}"
cd "${2:-build/demo}"
folder=$PWD
rm -rf corpus double single clip.mp4

# Shows a command as one types it, and runs it.
step() {
    local word line=
    for word in "$@"; do
        [[ $word != *[\ \[]* ]] || word="'$word'"
        line+=" $word"
    done
    printf '\n$ valence%s\n' "$line"
    "$valence" "$@"
}

# ---- Media ----

# A synthetic voice, and a drawn face whose mouth follows it.
make_clip() {
    espeak-ng -v en-us -s 135 -w voice.wav "I really love this place. The people were so kind to us. But the waiting was \
terrible, and nobody said sorry. The soup was cold, too. Still, the view from the terrace was wonderful. I would come back \
tomorrow."
    ffmpeg -v error -nostdin -y -i voice.wav -ac 1 -ar 16000 -c:a pcm_s16le sound.wav
    python3 "$scripts/draw_face.py" sound.wav |
        ffmpeg -v error -y -f rawvideo -pix_fmt rgb24 -s 320x240 -r 25 -i - -i sound.wav -c:v mpeg4 -q:v 3 -c:a aac clip.mp4
}

if ! step models fetch smollm2 whisper-base faces; then
    echo "So the first part of the demo, media, is left out."
elif ! command -v espeak-ng >/dev/null || ! command -v ffmpeg >/dev/null; then
    echo "espeak-ng or ffmpeg is missing (scripts/setup.sh): the talking clip is left out."
else
    printf '\nA clip of a synthetic voice and a drawn face: %s/clip.mp4\n' "$folder"
    make_clip
    step score clip.mp4 --signals --quiet
    if "$scripts/fetch_sample.sh" "$folder/jfk.wav"; then
        step score jfk.wav --quiet
    fi
    step score --text "I loved every minute of it, but the ending was terrible" --explain --quiet
fi

# ---- Both flows ----

# A small network that learns fast: less than a minute on two cores for both.
cat >config.yaml <<'YAML'
store: corpus
epochs: 10
batch_size: 32
model:
  d: 64
  o: 32
optimizer:
  learning_rate: 0.001
YAML

step synthesize corpus --test 1000
step train config.yaml --output double
step train config.yaml --output single --set 'flows=[complete]'

# The figures of both runs as "RUN.KEY.KEY VALUE" lines, from the indented JSON that the command writes.
flatten() {
    awk -v run="$1" '
        { indent = match($0, /[^ ]/) - 1; line = $0; gsub(/^ +|,$/, "", line) }
        line ~ /^"[^"]*": / {
            key = line; sub(/^"/, "", key); sub(/".*/, "", key)
            value = line; sub(/^"[^"]*": /, "", value)
            path[indent] = key
        }
        line !~ /^"[^"]*": / { value = line }
        value ~ /^[-0-9tfn"]/ {
            name = run
            for (i = 0; i <= indent; i++)
                if (i in path && (i < indent || line ~ /^"[^"]*": /))
                    name = name "." path[i]
            print name, value
        }
        line ~ /^[]}]/ { for (i in path) if (i + 0 > indent) delete path[i] }'
}
for run in double single; do
    "$valence" evaluate "$run" corpus --flow complete,text_missing --json --quiet >"$run.json"
done
printf '\n$ valence evaluate double corpus; valence evaluate single corpus --flow complete,text_missing\n\n'
{ flatten double <double.json && flatten single <single.json; } | awk '
    { seen[$1]++; value[$1, seen[$1]] = $2 }
    function figure(run, flow, metric, share,    path, scale, form) {
        path = run ".models.flows." flow
        scale = share ? 100 : 1
        form = share ? "%.1f (%.1f-%.1f)" : "%.3f (%.3f-%.3f)"
        return sprintf(form, scale * value[path ".metrics." metric, 1],
            scale * value[path ".intervals." metric, 1], scale * value[path ".intervals." metric, 2])
    }
    function row(name, transcript, run, flow) {
        printf "%-21s  %-10s  %-19s  %5.3f  %s\n", name, transcript, figure(run, flow, "mae"),
            value[run ".models.flows." flow ".metrics.corr", 1], figure(run, flow, "acc2_non0", 1)
    }
    END {
        missing = "models.flows.text_missing.metrics.mae"
        if (!(("double.clips", 1) in value) || !(("double." missing, 1) in value)) {
            print "demo: the evaluation has other names than this script reads" >"/dev/stderr"
            exit 1
        }
        printf "SYNTHETIC data, %d test clips; 95 %% intervals in parentheses\n\n", value["double.clips", 1]
        printf "%-21s  %-10s  %-19s  %-5s  %s\n", "network", "transcript", "MAE", "Corr", "Acc-2 non-0, %"
        row("double flow", "there", "double", "complete")
        row("double flow", "missing", "double", "text_missing")
        row("complete flow alone", "there", "single", "complete")
        row("complete flow alone", "missing", "single", "text_missing")
        printf "%-21s  %-10s  %.3f\n\n", "always " value["double.constant.value", 1], "", \
            value["double.constant.metrics.mae", 1]
        printf "Training the second flow takes the error without a transcript from %.2f to %.2f (MAE).\n",
            value["single." missing, 1], value["double." missing, 1]
        print "That is one seed of each; valence train --seeds 4 shows how much seeds differ."
        print "The corpus is made up: these figures show that the system works and say nothing about people."
    }'
