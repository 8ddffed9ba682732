#!/bin/sh
# Clients of valence serve that others made: a reader of its description, OpenAI's library, and a browser with its page. They need
# the packages of requirements.txt and Chromium; where something is missing, the others run, and the test counts as skipped.
python=$("$TESTS/../scripts/python_environment.sh" "$TESTS/system/requirements.txt") || python=
. "$TESTS/system/serve_support.sh"
missing=

# uses PYTHON PROGRAM ARGUMENT...: a client must be content; it exits with 77 where it cannot run.
uses() {
    said="$2 $3"
    code=77
    [ -z "$1" ] || { "$1" "$TESTS/system/$2" "$url" clip.wav $3 >out 2>err && code=0 || code=$?; }
    case $code in
    0) ;;
    77) missing="$missing $2" ;;
    *) wrong "$2 is not content with the server" ;;
    esac
}

start --metrics --faces "$work/faces.gguf"
uses "$python" check_openapi.py ""
uses "$python" check_openai_client.py ""
uses python3 check_serve_page.py signals
stop TERM 0

# ---- With jobs ----
make_long_recording
start --metrics --jobs "$work/jobs" --job-seconds 30
answers 202 "$url/v1/score" -F file=@long.wav -F transcript=@long.srt
id=$(sed 's/.*"id":"\([0-9a-f]*\)".*/\1/' out)
uses "$python" check_openapi.py "$id"
stop TERM 0
start --jobs "$work/jobs" --job-seconds 1 # of less than its recordings
uses python3 check_serve_page.py ""
case $missing in
*check_serve_page.py*) ;;
*) grep -q '"status":202' log || wrong "the page's recordings were no jobs" ;;
esac
[ "$(find "$work/jobs" -mindepth 1 ! -name lock -prune | wc -l)" -le 1 ] || wrong "the page leaves jobs: $(ls "$work/jobs")"
stop TERM 0

[ "$failures" -gt 0 ] || [ -z "$missing" ] || { echo "skipped:$missing"; exit 77; }
finish
