#!/usr/bin/env bash
# Load on `valence serve`, by a bounded generator (bench/bench_http.c), on this machine:
#
#   scripts/bench_serve.sh BUILD [--soak SECONDS]
#
# 1. texts: requests/s and the times of answers with 1, 8 and 64 clients; beside it, the same texts by `valence score` in one call,
#    which encodes them together;
# 2. recordings of 10 s: throughput with 2 clients, beside `valence score` on the same files;
# 3. 1,000 clients at once: how many are answered, how many get 429, how many nothing, and how far the memory grows;
# with --soak, instead: for so long, each minute texts by 4 clients for BENCH_SOAK_TEXTS (15) seconds, a recording by each of 2
# clients, a stream, a transcription and a job, then nothing until the minute is over. A line a minute has the server's memory, open
# files and threads, and what was answered. The exit code is 1 where something was lost or refused.
#
# BENCH_SECONDS (20) is for each point of 1. The models (valence models fetch smollm2 whisper-base; BENCH_WHISPER names another) must
# be in the cache. BENCH_SOUND is a recording with ordinary speech; by default a film of VALENCE_SHARED. (A short sentence repeated is
# not ordinary: the recogniser suspects a loop of its own and decodes it again and again, ten times as long.) Without it, recordings
# are left out.
set -euo pipefail

build=${1:?usage: scripts/bench_serve.sh BUILD [--soak SECONDS]}
soak=
[ "${2:-}" != --soak ] || soak=${3:?--soak takes SECONDS}
seconds=${BENCH_SECONDS:-20}
whisper=${BENCH_WHISPER:-whisper-base}
sound=${BENCH_SOUND:-${VALENCE_SHARED:-/nowhere}/data/media/moud_101_movies.mp4}
valence=$build/valence load=$build/bench/bench-http
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

text="I did not expect much, but the second half of the film was a quiet, funny surprise."
printf '{"text": "%s"}' "$text" >"$work/text.json"
if [ -r "$sound" ]; then
    ffmpeg -v error -nostdin -stream_loop 9 -i "$sound" -t 10 -vn -ac 1 -ar 16000 "$work/clip.wav"
    {
        printf -- '--line\r\nContent-Disposition: form-data; name="file"; filename="clip.wav"\r\n\r\n'
        cat "$work/clip.wav"
        printf '\r\n--line--\r\n'
    } >"$work/clip.form"
fi

start() { # start ARGUMENT...
    : >"$work/messages" # at once: the last server's would look ready
    "$valence" serve --port 0 --offline --no-log --whisper "$whisper" "$@" 2>"$work/messages" &
    server=$!
    until grep -q ready "$work/messages"; do
        kill -0 "$server" 2>/dev/null || { cat "$work/messages" >&2 && exit 1; }
        sleep 0.2
    done
    port=$(sed -n 's/^valence serve: http:.*:\([0-9]*\)$/\1/p' "$work/messages")
}
stop() {
    kill -TERM "$server"
    wait "$server" || true
    server=
}
memory() { # MiB, of the server and of what decodes for it
    local of
    for of in "$server" $(pgrep -P "$server"); do
        sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$of/status"
    done | awk '{ sum += $1 } END { printf "%.0f", sum / 1024 }'
}
texts() { # CLIENTS SECONDS [REQUESTS]
    "$load" "$port" /v1/score application/json "$work/text.json" "$@"
}
clips() {
    "$load" "$port" /v1/score "multipart/form-data; boundary=line" "$work/clip.form" "$@"
}
timed() { # COMMAND...: seconds
    local begin=$EPOCHREALTIME
    "$@" >/dev/null
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}

ask() { # ask PATH [OPTION...]: the code of one answer, which is in $work/answer
    local path=$1
    shift
    curl -s -o "$work/answer" -w '%{http_code}' "http://127.0.0.1:$port$path" "$@" || true
}
# A job from its upload to its removal: its state at the end.
job() {
    local id state=queued
    [ "$(ask /v1/score -F "file=@$work/long.wav")" = 202 ] || { echo refused && return; }
    id=$(sed 's/.*"id":"\([0-9a-f]*\)".*/\1/' "$work/answer")
    while [ $state = queued ] || [ $state = running ]; do
        sleep 0.5
        [ "$(ask "/v1/jobs/$id")" = 200 ] || { echo lost && return; }
        state=$(sed 's/.*"status":"\([a-z]*\)".*/\1/' "$work/answer")
    done
    [ "$(ask "/v1/jobs/$id/result")" = 200 ] && [ "$(ask "/v1/jobs/$id" -X DELETE)" = 200 ] || state=lost
    echo "$state"
}
soak_minute() { # soak_minute N
    local said heard=- codes=-
    said=$(texts 4 "${BENCH_SOAK_TEXTS:-15}")
    if [ -e "$work/clip.form" ]; then
        heard=$(clips 2 600 1)
        codes="$(ask /v1/score/stream -F "file=@$work/clip.wav") $(ask /v1/audio/transcriptions -F "file=@$work/clip.wav") $(job)"
    fi
    echo "$1 $(memory VmRSS) $(find "/proc/$server/fd" -mindepth 1 | wc -l) $(find "/proc/$server/task" -maxdepth 1 -mindepth 1 | wc -l) $said $heard $codes"
    [[ $codes =~ ^(-|200\ 200\ done)$ && ! $said$heard =~ \"lost\":\ [1-9]|\"[345][0-9][0-9]\": ]]
}

if [ -n "$soak" ]; then
    code=0
    [ ! -e "$work/clip.wav" ] || ffmpeg -v error -nostdin -stream_loop 1 -i "$work/clip.wav" -t 20 "$work/long.wav"
    start --jobs "$work/jobs" --job-seconds 15 ${BENCH_SOAK_OPTIONS:-}
    texts 4 5 >/dev/null
    [ ! -e "$work/clip.form" ] || clips 2 600 1 >/dev/null
    echo "minute memory_mib files threads texts clips stream transcription job"
    for ((minute = 0; SECONDS < soak; minute++)); do
        until=$((SECONDS + 60))
        soak_minute $minute || code=1
        [ $SECONDS -ge $until ] || sleep $((until - SECONDS))
    done
    stop
    exit $code
fi

echo "== texts, $seconds s each"
start
texts 4 3 >/dev/null
for clients in 1 8 64; do
    texts "$clients" "$seconds"
done
stop
{
    echo "id,text"
    for i in $(seq 200); do echo "$i,\"$text\""; done
} >"$work/many.csv"
head -n 2 "$work/many.csv" >"$work/one.csv"
one=$(timed "$valence" score --offline -q --csv "$work/one.csv")
many=$(timed "$valence" score --offline -q --csv "$work/many.csv")
awk -v a="$one" -v b="$many" 'BEGIN { printf "valence score, 32 texts together: %.2f texts/s\n", 199 / (b - a) }'

if [ -e "$work/clip.form" ]; then
    echo "== recordings of 10 s"
    n=8
    for i in $(seq $n); do cp "$work/clip.wav" "$work/clip$i.wav"; done
    offline() { "$valence" score --offline -q --csv --no-journal --whisper "$whisper" "$@"; }
    one=$(timed offline "$work/clip1.wav")
    many=$(timed offline "$work"/clip[1-8].wav)
    start
    clips 1 600 1 >/dev/null
    served=$(clips 2 600 $((n / 2)))
    stop
    echo "$served"
    per_second=$(sed 's/.*"per_second": \([0-9.]*\).*/\1/' <<<"$served")
    awk -v a="$one" -v b="$many" -v n=$n -v s="$per_second" 'BEGIN {
        off = (n - 1) / (b - a)
        printf "valence score: %.3f recordings/s; the server: %.3f, %.0f %% of that\n", off, s, 100 * s / off }'
fi

echo "== 1,000 clients at once, a queue of 64"
start --connections 1200
texts 4 3 >/dev/null
before=$(memory VmHWM)
texts 1000 120 1
echo "memory: at most $before MiB before, $(memory VmHWM) MiB with 1,000 clients"
stop
