# The first word counts: a network trained on CMU-MOSI's transcripts scores 30 pairs of texts that differ in a leading article. No
# pair may differ in sign, and on average they differ by no more than 0.7. Without the data (VALENCE_SHARED), SmolLM2 in the cache
# or encoders there is nothing to test.
. "$TESTS/cli/support.sh"

labels=${VALENCE_SHARED:-}/data/labels/labels_cmumosi.csv
[ -f "$labels" ] || { echo "skipped: no CMU-MOSI here"; exit 0; }
"$VALENCE" models --json >"$work/out"
[ "$("$JSON_VALUE" "$work/out" items 0 here)" = true ] || { echo "skipped: SmolLM2 is not here"; exit 0; }
expect 0 import table "$labels" "$work/transcripts" --labels-only
if ! "$VALENCE" encode text "$work/transcripts" -o "$work/store" --layers 18 --spelling plain --offline --quiet 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "encoding failed: $(cat "$work/err")"
    finish
fi
cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
flows: [complete]
select: complete
epochs: 12
batch_size: 32
streams: {audio: "", video: "", simulated_text: ""}
model: {d: 64, o: 32}
optimizer: {learning_rate: 0.001}
YAML
# As published: the bound was set on that start, and here the rows are tested, not the training.
expect 0 train "$work/config.yaml" --model published --quiet

set --
while IFS= read -r text; do
    set -- "$@" --text "$text" --text "the $text"
done <<TEXTS
awful acting
disappointing movie
worst movie ever
great film
terrible plot
boring story
funny jokes
beautiful pictures
horrible ending
wonderful music
stupid characters
amazing effects
bad script
good cast
lovely scenes
waste of money
brilliant performance
weak dialogue
nice soundtrack
ugly costumes
acting was terrible
story was great
movie was okay
ending was disappointing
jokes were hilarious
plot made no sense
music was really good
characters were annoying
photography is stunning
director ruined it
TEXTS
expect 0 predict "$work/run" --offline --json "$@"
i=0
while [ $i -lt 60 ]; do
    "$JSON_VALUE" "$work/out" clips $i score
    i=$((i + 1))
done >"$work/scores"
awk 'NR % 2 { first = $1; next }
     { d = $1 > first ? $1 - first : first - $1; sum += d; n++; if ((first > 0) != ($1 > 0)) signs++ }
     END { printf "%d pairs: mean difference %.2f, %d of other sign\n", n, sum / n, signs
           exit !(n == 30 && sum / n <= 0.7 && signs == 0) }' "$work/scores" >"$work/agreement" ||
    wrong "$(cat "$work/agreement")"
finish
