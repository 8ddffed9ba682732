#!/bin/sh
# Jobs of valence serve: a server that is killed, and a full disk.
. "$TESTS/system/serve_support.sh"

# ---- Jobs, and a server that is killed ----
# What an undisturbed server makes of the long recording.
make_long_recording
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
start --jobs "$work/jobs" --job-seconds 30 --keep-jobs 600
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

finish
