#!/bin/sh
# valence transcribe with a small random model: every format holds what the model hears, and a translation says that it is one.
. "$TESTS/cli/support.sh"
command -v ffmpeg >/dev/null || { echo "no ffmpeg"; exit 77; }
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }
ffmpeg -v error -nostdin -y -f lavfi -i "anoisesrc=duration=3:seed=7:sample_rate=16000:amplitude=0.1" -c:a pcm_s16le "$work/noise.wav" ||
    wrong "ffmpeg makes no noise"

for format in text srt vtt json csv; do
    expect 0 transcribe "$work/noise.wav" -m "$work/whisper.gguf" --language de --beams 1 -f "$format" -o "$work/said.$format" -q
    [ -s "$work/said.$format" ] || wrong "$format: nothing is written"
done
cp "$work/said.json" "$work/out"
json '"transcribe"' task
json '"de"' language
words=$(head -n 1 "$work/said.text")
[ -n "$words" ] || wrong "the text is empty"
grep -qF -- "$words" "$work/said.srt" || wrong "SubRip lacks '$words'"
grep -qF -- "$words" "$work/said.vtt" || wrong "WebVTT lacks '$words'"
grep -qF -- "$words" "$work/said.csv" || wrong "CSV lacks '$words'"
grep -qF -- "$words" "$work/said.json" || wrong "JSON lacks '$words'"
grep -qE '^00:00:0[0-9],[0-9]{3} --> 00:00:[0-9]{2},[0-9]{3}$' "$work/said.srt" || wrong "SubRip has no times"
grep -qE '^00:00:0[0-9]\.[0-9]{3} --> 00:00:[0-9]{2}\.[0-9]{3}$' "$work/said.vtt" || wrong "WebVTT has no times"
[ "$(head -n 1 "$work/said.vtt")" = WEBVTT ] || wrong "WebVTT does not begin as such"
[ "$(head -n 1 "$work/said.csv")" = file,start,end,text,confidence,language ] || wrong "CSV has no head"

expect 0 transcribe "$work/noise.wav" -m "$work/whisper.gguf" --language de --translate --beams 1 -f json -o "$work/english.json" -q
cp "$work/english.json" "$work/out"
json '"translate"' task
finish
