# What the scripts about `valence serve` share, which read this file: a model of voice and words, clip.wav and clip.srt in $work,
# and servers of that model. shellcheck shell=sh
. "$TESTS/cli/support.sh"
command -v curl >/dev/null && command -v ffmpeg >/dev/null || { echo "no curl or ffmpeg"; exit 77; }
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
expect 1 serve -m "$work/nowhere" --port 0
grep -q "without libmicrohttpd" "$work/err" && exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }
llama=$TESTS/golden/llm/tiny-llama-f32.gguf
export VALENCE_CACHE="$work/cache"
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT

# ---- A model of voice and words ----
mkdir "$work/clips"
echo "file,label,split,transcript" >"$work/clips/clips.csv"
for i in 1 2 3 4 5 6; do
    ffmpeg -v error -nostdin -y -f lavfi -i "aevalsrc='0.3*sin(2*PI*t*(150+40*$i))*gt(mod(t\,1.5)\,0.5):d=2:s=16000'" \
        "$work/clips/clip$i.wav" || exit 1
    split=$(echo train validation test | cut -d' ' -f"$((i % 3 + 1))")
    echo "clip$i.wav,$((i % 5 - 2)),$split,what they say $i" >>"$work/clips/clips.csv"
done
expect 0 extract "$work/clips/clips.csv" -o "$work/store" -q --set "models.text=$llama" --set audio=prosody
cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
flows: [complete, text_missing]
epochs: 1
streams: {simulated_text: "", video: ""}
model: {d: 8, o: 6}
YAML
expect 0 train "$work/config.yaml" --quiet
run="-m $work/run --llm $llama --whisper $work/whisper.gguf --offline"

# ---- A server ----

# start ARGUMENT...: runs a server until it is ready; $url is where.
start() {
    : >"$work/messages" # at once: the last server's would look ready
    # shellcheck disable=SC2086 # words are meant
    "$VALENCE" serve $run --port 0 --threads 1 "$@" >"$work/log" 2>"$work/messages" &
    server=$!
    for _ in $(seq 600); do
        grep -q ready "$work/messages" && break
        kill -0 "$server" 2>/dev/null || { echo "the server ended: $(cat "$work/messages")"; exit 1; }
        sleep 0.1
    done
    url=$(sed -n 's/^valence serve: \(http:.*\)/\1/p' "$work/messages")
}
# stop SIGNAL CODE: ends it; its exit code must be CODE.
stop() {
    kill -"$1" "$server"
    wait "$server"
    code=$?
    [ "$code" -eq "$2" ] || wrong "after SIG$1 the server exits with $code, not $2"
    server=
}
# answers CODE ARGUMENT...: curl gets this code.
answers() {
    expected=$1
    shift
    said="curl $*"
    code=$(curl -s -o "$work/out" -w '%{http_code}' "$@" 2>"$work/err")
    [ "$code" = "$expected" ] || wrong "'$said' gets $code, not $expected"
}

cp "$work/clips/clip1.wav" "$work/clip.wav"
printf '1\n00:00:00,100 --> 00:00:01,500\nGood day.\n\n' >"$work/clip.srt"
cd "$work" || exit 1

# make_long_recording: long.wav, of more than a minute, and long.srt, with eight sentences.
make_long_recording() {
    ffmpeg -v error -nostdin -y -stream_loop 34 -i clip.wav -c copy long.wav || exit 1
    for i in 0 1 2 3 4 5 6 7; do
        printf '%d\n00:00:%02d,000 --> 00:00:%02d,000\nGood day, number %d.\n\n' $((i + 1)) $((i * 7)) $((i * 7 + 5)) "$i"
    done >long.srt
}
