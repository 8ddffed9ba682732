# valence score of a recording of more than a minute with a real recogniser, killed twice: what was done is kept, and the third call
# gives the scores of an undisturbed one. Without speech (VALENCE_SHARED), ffmpeg, encoders, or SmolLM2, Whisper and silero-vad in
# the cache (make test fetches the first) there is nothing to test.
. "$TESTS/cli/support.sh"

media=${VALENCE_SHARED:-}/data/media models=${VALENCE_CACHE:-$HOME/.cache/valence}/models
[ -f "$media/bbaf2n.mpg" ] && command -v ffmpeg >/dev/null || { echo "skipped: no speech here"; exit 0; }
for file in SmolLM2-135M-Instruct.Q4_1.gguf whisper-tiny.en.gguf silero-vad.bin; do
    [ -f "$models/$file" ] || { echo "skipped: $file is not here"; exit 0; }
done
mkdir "$work/cache"
ln -s "$models" "$work/cache/models"
export VALENCE_CACHE="$work/cache"

# Four sentences, four times, with pauses.
ffmpeg -v error -i "$media/bbaf2n.mpg" -i "$media/brbk7n.mpg" -i "$media/lbax4n.mpg" -i "$media/lbbc2a.mpg" -filter_complex \
    '[0:a]apad=pad_dur=1[a];[1:a]apad=pad_dur=1[b];[2:a]apad=pad_dur=1[c];[3:a]apad=pad_dur=1[d];[a][b][c][d]concat=n=4:v=0:a=1[o]' \
    -map '[o]' -ac 1 -ar 16000 "$work/once.wav" && ffmpeg -v error -stream_loop 3 -i "$work/once.wav" -c copy "$work/long.wav" ||
    wrong "ffmpeg fails"

set -- score "$work/long.wav" -m "$TESTS/../models/valence-text-en" --whisper whisper-tiny.en --offline --threads 1 --csv
if ! "$VALENCE" "$@" --no-journal >"$work/whole.csv" 2>"$work/err"; then
    grep -q "this build" "$work/err" || wrong "scoring fails: $(cat "$work/err")"
    finish
fi
[ "$(wc -l <"$work/whole.csv")" -gt 8 ] || wrong "fewer than 8 utterances were found"
[ ! -e "$work/cache/journals" ] || wrong "--no-journal keeps something"

journal_size() { cat "$work/cache/journals"/* 2>/dev/null | wc -c; }
# kill_beyond BYTES ARGUMENT...: kills a call whose journal has grown beyond that.
kill_beyond() {
    bytes=$1
    shift
    "$VALENCE" "$@" >"$work/out" 2>"$work/err" &
    pid=$!
    while [ "$(journal_size)" -le "$bytes" ] && kill -0 $pid 2>/dev/null; do
        sleep 0.02
    done
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
}
kill_beyond 300 "$@"
first=$(journal_size)
[ "$first" -gt 300 ] || wrong "nothing is kept of a call that was killed"
cat "$work/cache/journals"/* >"$work/first"
kill_beyond "$first" "$@"
[ "$(journal_size)" -gt "$first" ] || wrong "the second call kept nothing"
cat "$work/cache/journals"/* | head -c "$first" | cmp -s - "$work/first" || wrong "the second call began anew"
"$VALENCE" "$@" >"$work/out" 2>"$work/err" || wrong "the third call fails: $(cat "$work/err")"
cmp -s "$work/out" "$work/whole.csv" || wrong "resumed scores differ: $(diff "$work/out" "$work/whole.csv" | head -n 4)"
[ "$(journal_size)" -eq 0 ] || wrong "a finished recording leaves its journal"
finish
