#!/usr/bin/env bash
# scripts/demo.sh VALENCE [FOLDER]: what the second flow is good for, on a synthetic corpus; then real text.
#
# Makes the corpus, trains the network with both flows and once more with the complete flow alone, and prints the test
# figures of both. Then encodes the sentences of data/handmade.csv with SmolLM2, learns them and scores some others; without
# the encoders, or without the model, it says so and leaves that out. Everything is in FOLDER (build/demo), which is made
# anew; the same seeds give the same figures.
set -euo pipefail
cd "$(dirname "$0")/.."

valence=$(realpath "${1:?usage: scripts/demo.sh VALENCE [FOLDER]}")
folder=${2:-build/demo}
sentences=$PWD/data/handmade.csv
rm -rf "$folder/corpus" "$folder/double" "$folder/single" "$folder/transcripts" "$folder/sentences" "$folder/text"
mkdir -p "$folder"
cd "$folder"

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
        printf "SYNTHETIC data, %d test clips; 95 %% intervals in parentheses\n\n", value["double.n", 1]
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

# Real text: a language model reads hand-made sentences, and the network learns what they say. Sound and face are missing.
cat >text.yaml <<'YAML'
store: sentences
flows: [complete]
select: complete
epochs: 30
batch_size: 16
streams:
  audio: ""
  video: ""
  simulated_text: ""
model:
  d: 128
  o: 64
optimizer:
  learning_rate: 0.001
YAML
step import table "$sentences" transcripts --labels-only
if ! step encode text transcripts -o sentences --layers 18 --spelling sentence; then
    echo "So the second part of the demo, real text, is left out."
    exit 0
fi
step train text.yaml --output text
printf '\nHAND-MADE sentences (data/README.md), other than those it learnt from\n'
step evaluate text sentences
step predict text --text "I loved every minute" --text "It was nothing special" \
    --text "They kept us waiting for an hour and were rude about it" --text "I can hardly wait for the next part"
