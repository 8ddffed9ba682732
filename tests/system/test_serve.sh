#!/bin/sh
# valence serve from outside: the examples of the documentation by curl, signals, the log, keys, and what is refused at the start.
# What the answers hold is tested by serve/test-serve and http/test-server, jobs by test_serve_jobs.sh, other clients by
# test_serve_clients.sh.
. "$TESTS/system/serve_support.sh"

start --metrics
# Every example of the documentation, as it stands there but for the address.
ffmpeg -v error -nostdin -i clip.wav -c:a aac clip.mp4 || exit 1
awk '/^```sh/ { on = 1; next } /^```/ { if (on && text ~ /curl/) printf "%s", text "\0"; on = 0; text = "" } on { text = text $0 "\n" }' \
    "$TESTS/../docs/serve.md" >examples
[ "$(tr -cd '\0' <examples | wc -c)" -ge 4 ] || wrong "docs/serve.md has less than four examples"
grep -h '^curl .*127.0.0.1:8080' "$TESTS/../README.md" "$TESTS/../docs/packaging.md" >others
[ "$(wc -l <others)" -ge 2 ] || wrong "README.md and docs/packaging.md have no examples"
{ sed 's/$/\n%/' others && xargs -0 -n 1 <examples printf '%s\n%%\n'; } | sed "s|http://127.0.0.1:8080|$url|" >lines
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

# The log has a line for each request and nothing of them.
head -n 1 log >out
said="the log's first line"
json '"/v1/score"' route
json 200 status
grep -qE "lovely|good day|clip.wav" log && wrong "the log holds what was sent"

# A reload keeps it at work; SIGTERM ends it, and a request at hand is finished.
kill -HUP "$server"
answers 200 "$url/v1/score" -F "text=good day"
make_long_recording
curl -s "$url/v1/score" -F file=@long.wav -F transcript=@long.srt -F explain=true -o last &
client=$!
until curl -s "$url/metrics" | grep -qx "valence_jobs 1"; do
    kill -0 "$client" 2>/dev/null || { wrong "the request is over before the server stops"; break; }
done
stop TERM 0
wait
said="the request at hand"
cp last out
fits score

# ---- With a key ----
printf 'secret \r\n' >key
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
echo "our secret words" >words_key
# shellcheck disable=SC2086
expect 2 serve $run --port 0 --api-key-file words_key
complains "api_key: it holds a blank"
printf '%0400d\n' 1 >long_key
# shellcheck disable=SC2086
expect 1 serve $run --port 0 --api-key-file long_key
complains "the key has more than 254 characters"
expect 1 serve -m "$work/nowhere" --port 0 -q
complains "nowhere"
finish
