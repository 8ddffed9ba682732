#!/bin/sh
# Films through extract, train, evaluate and predict with tiny models (scripts/media.sh).
. "$TESTS/cli/support.sh"
[ -n "${VALENCE_SHARED:-}" ] && [ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
command -v bash >/dev/null || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }

films_to_scores() {
    said="scripts/media.sh"
    bash "$TESTS/../scripts/media.sh" "$VALENCE" "$work/made" threads=2 models.whisper="$work/whisper.gguf" \
        models.faces="$work/faces.gguf" models.text="$TESTS/golden/llm/tiny-llama-f32.gguf" text=given simulated_text=none \
        faces.fps=0.5 faces.threshold=0.9 \
        >"$work/out" 2>"$work/err" || wrong "scripts/media.sh exits with $?"
}
films_to_scores

# Every clip has its streams, and a score within the labels' range.
expect 0 inspect "$work/made/store" --json
json 9 clips
expect 0 predict "$work/made/run" "$work/made/store" --json -q
fits predict
json '"bbaf2n"' clips 5 id
[ "$(wc -l <"$work/made/scores.csv")" -eq 10 ] || wrong "scores.csv has not a line for each of nine clips"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "score") column = i; next }
    { if (!column || $column == "" || $column < -3 || $column > 3) exit 1 }' "$work/made/scores.csv" ||
    wrong "a score is missing or out of range"

# A second run computes no rows again, and its scores are the same.
cp "$work/made/scores.csv" "$work/first.csv"
films_to_scores
prints "0 new, 9 kept"
cmp -s "$work/first.csv" "$work/made/scores.csv" || wrong "a second run gives other scores"
finish
