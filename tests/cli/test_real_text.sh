# The demo's second part with the real model: hand-made sentences are encoded and learnt, and others scored sensibly. Without
# SmolLM2 in the cache (make test fetches it) or without encoders there is nothing to test.
. "$TESTS/cli/support.sh"

"$VALENCE" models --json >"$work/out"
[ "$("$JSON_VALUE" "$work/out" items 0 here)" = true ] || { echo "skipped: SmolLM2 is not here"; exit 0; }
expect 0 import table "$TESTS/../data/handmade.csv" "$work/transcripts" --labels-only
if ! "$VALENCE" encode text "$work/transcripts" -o "$work/store" --layers 18 --spelling sentence --offline \
    >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "encoding failed: $(cat "$work/err")"
    finish
fi
cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
flows: [complete]
select: complete
epochs: 30
batch_size: 16
streams: {audio: "", video: "", simulated_text: ""}
model: {d: 128, o: 64}
optimizer: {learning_rate: 0.001}
YAML
expect 0 train "$work/config.yaml" --quiet
expect 0 predict "$work/run" --offline --json \
    --text "I loved every minute" --text "They kept us waiting and were rude" --text "I HATED IT" --text "What a lovely surprise"
score() { "$JSON_VALUE" "$work/out" clips "$1" score; }
for clip in 0 3; do
    awk -v s="$(score $clip)" 'BEGIN { exit !(s > 0.5) }' || wrong "sentence $clip scores $(score $clip)"
done
for clip in 1 2; do
    awk -v s="$(score $clip)" 'BEGIN { exit !(s < -0.5) }' || wrong "sentence $clip scores $(score $clip)"
done
finish
