#!/bin/sh
# valence serve from outside: the examples of docs/serve.md by curl, the description of the API, signals, the log, and what is
# refused at the start. What the answers hold is tested by serve/test-serve and http/test-server.
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

start --metrics
# Every example of the page, as it stands there but for the address.
cp "$work/clips/clip1.wav" "$work/clip.wav"
printf '1\n00:00:00,100 --> 00:00:01,500\nGood day.\n\n' >"$work/clip.srt"
cd "$work" || exit 1
awk '/^```sh/ { on = 1; next } /^```/ { if (on && text ~ /curl/) printf "%s", text "\0"; on = 0; text = "" } on { text = text $0 "\n" }' \
    "$TESTS/../docs/serve.md" >examples
[ "$(tr -cd '\0' <examples | wc -c)" -ge 4 ] || wrong "docs/serve.md has less than four examples"
xargs -0 -n 1 <examples printf '%s\n%%\n' | sed "s|http://127.0.0.1:8080|$url|" >lines
while IFS= read -r line; do
    if [ "$line" != % ]; then
        example="${example:-}$line
"
        continue
    fi
    said=$example
    sh -c "$example" >out 2>err </dev/null || wrong "'$said' fails"
    grep -q '"error"' out && wrong "'$said' gets an error"
    [ -s out ] || wrong "'$said' gets nothing"
    example=
done <lines
said="the last example"
prints " --> "

answers 200 "$url/v1/score/stream" -F file=@clip.wav -F window=1
prints "event: done"
answers 200 "$url/v1/score" -F file=@clip.wav -F "text=good day" -F explain=true
fits score
json '"complete"' recordings 0 segments 0 flow
json '"given"' recordings 0 segments 0 words_from
answers 200 "$url/v1/score" -F file=@clip.wav
json '"recognised"' recordings 0 segments 0 words_from
answers 415 "$url/v1/score" -F file=@config.yaml

python3 "$TESTS/system/check_openapi.py" "$url" clip.wav >out 2>err
code=$?
said=check_openapi.py
[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || wrong "the server does not do what its description says"

python3 "$TESTS/system/check_openai_client.py" "$url" clip.wav >out 2>err
code=$?
said=check_openai_client.py
[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || wrong "OpenAI's client does not work with the server"

python3 "$TESTS/system/check_serve_page.py" "$url" clip.wav >out 2>err
code=$?
said=check_serve_page.py
[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || wrong "the page does not work"

# The log has a line for each request and nothing of them.
head -n 1 log >out
said="the log's first line"
json '"/v1/score"' route
json 200 status
grep -qE "lovely|good day|clip.wav" log && wrong "the log holds what was sent"

# A reload keeps it at work; SIGTERM ends it, and a request at hand is finished.
kill -HUP "$server"
answers 200 "$url/v1/score" -F "text=good day"
curl -s "$url/v1/score" -F file=@clip.wav -F text=good -F explain=true -o last &
sleep 0.3
stop TERM 0
wait
said="the request at hand"
cp last out
fits score

# ---- With a key ----
echo secret >key
start --api-key-file key --max-body 1 --no-log --no-transcript
answers 200 "$url/health"
answers 200 "$url/v1/score" -H "Authorization: Bearer secret" -F file=@clip.wav
json '"text_missing"' recordings 0 segments 0 flow
answers 503 "$url/v1/audio/transcriptions" -H "Authorization: Bearer secret" -F file=@clip.wav
answers 401 "$url/v1/models"
answers 200 "$url/v1/models" -H "Authorization: Bearer secret"
head -c 3000000 /dev/zero >large
answers 413 "$url/v1/score" -H "Authorization: Bearer secret" -F file=@large
json '"too_large"' error code
[ ! -s log ] || wrong "--no-log logs"
port=${url##*:}
# shellcheck disable=SC2086
expect 1 serve $run --port "$port"
complains "in use"
complains "--port N takes another"
stop INT 0

# ---- Jobs, and a server that is killed ----
# A recording of more than a minute in eight sentences; what an undisturbed server makes of it.
ffmpeg -v error -nostdin -y -stream_loop 34 -i clip.wav -c copy long.wav || exit 1
for i in 0 1 2 3 4 5 6 7; do
    printf '%d\n00:00:%02d,000 --> 00:00:%02d,000\nGood day, number %d.\n\n' $((i + 1)) $((i * 7)) $((i * 7 + 5)) "$i"
done >long.srt
start
answers 200 "$url/v1/score" -F file=@long.wav -F transcript=@long.srt -F response_format=csv
cp out undisturbed
answers 404 "$url/v1/jobs/0123456789abcdef0123456789abcdef"
stop TERM 0
start --jobs "$work/jobs" --job-seconds 30 --keep-jobs 600
ids=
for _ in 1 2 3; do
    answers 202 "$url/v1/score" -F file=@long.wav -F transcript=@long.srt -F response_format=csv
    json '"job"' object
    ids="$ids $(sed 's/.*"id":"\([0-9a-f]*\)".*/\1/' out)"
done
answers 200 "$url/v1/score" -F "text=good day"
said="kill -9 of a server with jobs"
kill -9 "$server"
wait "$server" 2>/dev/null
start --metrics --jobs "$work/jobs" --job-seconds 30 --keep-jobs 600
for id in $ids; do
    state=queued
    while [ "$state" = queued ] || [ "$state" = running ]; do
        answers 200 "$url/v1/jobs/$id"
        state=$(sed 's/.*"status":"\([a-z]*\)".*/\1/' out)
        sleep 0.1
    done
    [ "$state" = done ] || wrong "a job is $state"
    answers 200 "$url/v1/jobs/$id/result"
    cmp -s out undisturbed || wrong "a job of a killed server has other scores: $(diff out undisturbed | head -n 4)"
    [ ! -e "$work/jobs/$id/0" ] && [ ! -e "$work/jobs/$id/journal" ] || wrong "a job that is done leaves its upload or journal"
    answers 200 -X DELETE "$url/v1/jobs/$id"
done
[ "$(ls "$work/jobs")" = lock ] || wrong "jobs that were deleted leave something: $(ls "$work/jobs")"
answers 202 "$url/v1/score" -F file=@long.wav -F transcript=@long.srt
id=$(sed 's/.*"id":"\([0-9a-f]*\)".*/\1/' out)
python3 "$TESTS/system/check_openapi.py" "$url" clip.wav "$id" >out 2>err
code=$?
said="check_openapi.py of a server with jobs"
[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || wrong "the server does not do what its description says"
stop TERM 0
start --jobs "$work/jobs" --job-seconds 1 # of less than its recordings
python3 "$TESTS/system/check_serve_page.py" "$url" clip.wav >out 2>err
code=$?
said="check_serve_page.py of a server with jobs"
[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || wrong "the page does not wait for jobs"
[ "$code" -eq 77 ] || grep -q '"status":202' log || wrong "the page's recordings were no jobs"
stop TERM 0

# ---- A full disk: for uploads and for jobs; to make one takes root ----
mkdir full
if mount -t tmpfs -o size=256k none full 2>/dev/null; then
    trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT
    start --upload-folder full
    answers 503 "$url/v1/score" -F file=@long.wav
    json '"no_room"' error code
    answers 200 "$url/v1/score" -F "text=good day"
    stop TERM 0
    start --jobs full --job-seconds 30
    answers 503 "$url/v1/score" -F file=@long.wav
    json '"no_room"' error code
    [ "$(ls full)" = lock ] || wrong "a job that found no room leaves something: $(ls full)"
    answers 200 "$url/v1/score" -F "text=good day"
    stop TERM 0
    umount full
fi

# ---- What is refused ----
# shellcheck disable=SC2086
expect 2 serve $run --port 0 --host 0.0.0.0
complains "needs a key"
complains "--api-key-file FILE sets it"
expect 2 serve --api-key a --api-key-file key
complains "cannot be combined"
: >empty
# shellcheck disable=SC2086
expect 1 serve $run --api-key-file empty
complains "holds no key"
expect 1 serve -m "$work/nowhere" --port 0 -q
complains "nowhere"
finish
