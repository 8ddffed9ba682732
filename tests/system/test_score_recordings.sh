#!/bin/sh
# valence score with a model of sound, words and faces that was trained on extracted media, with tiny encoders: each of the 7
# sets of modalities, words given, recognised and absent, signals, live sound, and an interruption by kill -9. The films are
# those of $VALENCE_SHARED/data/media where it is set, else made by ffmpeg.
. "$TESTS/cli/support.sh"
command -v ffmpeg >/dev/null || { echo "no ffmpeg"; exit 77; }
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }
llama=$TESTS/golden/llm/tiny-llama-f32.gguf
export VALENCE_CACHE="$work/cache"

# make ARGUMENT...: ffmpeg without its banner.
make() {
    ffmpeg -v error -nostdin -y "$@" || { echo "ffmpeg $*"; exit 1; }
}

# ---- A model ----
mkdir "$work/clips"
echo "file,start,end,label,split,transcript" >"$work/clips/clips.csv"
media=${VALENCE_SHARED:-}/data/media
films=0
for film in "$media"/*.mpg; do
    [ -e "$film" ] || continue
    films=$((films + 1))
    cp "$film" "$work/clips/film$films.mpg"
done
while [ "$films" -lt 3 ]; do
    films=$((films + 1))
    make -f lavfi -i "testsrc2=size=160x120:rate=8:duration=3" \
        -f lavfi -i "aevalsrc='0.3*sin(2*PI*t*(150+40*$films))*gt(mod(t\,1.5)\,0.5):d=3:s=16000'" \
        -c:v mpeg1video -r 25 -c:a mp2 "$work/clips/film$films.mpg"
done
for i in 1 2 3; do
    for part in 0 1; do
        split=$(echo train validation test | cut -d' ' -f"$i")
        printf 'film%s.mpg,%s,%s.9,%s,%s,%s\n' "$i" "$part" "$part" "$((i + part - 2))" "$split" "what they say $i" \
            >>"$work/clips/clips.csv"
    done
done
expect 0 extract "$work/clips/clips.csv" -o "$work/store" -q --set "models.whisper=$work/whisper.gguf" \
    --set "models.faces=$work/faces.gguf" --set "models.text=$llama" --set audio=whisper+prosody --set faces.fps=2 --transcribe \
    --set models.vad= --set faces.size=96 # the random detector sees faces everywhere, and each takes time
cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
flows: [complete, text_missing, audio_missing, video_missing, audio_text_missing, audio_video_missing, text_video_missing]
epochs: 1
streams: {simulated_text: ""}
model: {d: 8, o: 6}
YAML
expect 0 train "$work/config.yaml" --quiet
run="-m $work/run --llm $llama --whisper $work/whisper.gguf --faces $work/faces.gguf --quiet --offline"

# ---- What is there, and the flow that fits it ----
make -i "$work/clips/film1.mpg" -t 2 -c:v mpeg4 -c:a pcm_s16le "$work/both.mkv"
make -i "$work/both.mkv" -vn -c copy "$work/sound.mka"
make -i "$work/both.mkv" -an -c copy "$work/silent.mkv"

# flow NAME MISSING ARGUMENT...: what is scored goes through this flow, and lacks so many modalities.
flow() {
    name=$1
    missing=$2
    shift 2
    # shellcheck disable=SC2086 # words are meant
    expect 0 score "$@" $run --json
    fits score
    json "\"$name\"" recordings 0 segments 0 flow
    [ "$missing" -gt 0 ] && { "$JSON_VALUE" "$work/out" recordings 0 segments 0 missing $((missing - 1)) >/dev/null 2>&1 ||
        wrong "fewer than $missing modalities are missing"; }
    "$JSON_VALUE" "$work/out" recordings 0 segments 0 missing "$missing" >/dev/null 2>&1 &&
        wrong "more than $missing modalities are missing"
    "$JSON_VALUE" "$work/out" recordings 0 score | grep -q '^-\{0,1\}[0-9]' || wrong "there is no score"
}
flow complete 0 "$work/both.mkv" --text "what they say"
json '"given"' recordings 0 segments 0 words_from
flow text_missing 1 "$work/both.mkv" --no-transcript
json '"none"' recordings 0 segments 0 words_from
flow video_missing 1 "$work/sound.mka" --text "what they say"
flow text_video_missing 2 "$work/sound.mka" --no-transcript
flow audio_missing 1 "$work/silent.mkv" --text "what they say"
flow audio_text_missing 2 "$work/silent.mkv" --no-transcript
flow audio_video_missing 2 --text "what they say"
flow complete 0 "$work/both.mkv" # the random recogniser always hears something
json '"recognised"' recordings 0 segments 0 words_from
# shellcheck disable=SC2086
expect 0 score "$work/both.mkv" $run
prints "The words were recognised"
prints "audio  text  video  words" # text is a weight there
# shellcheck disable=SC2086
expect 0 score "$work/both.mkv" $run --no-transcript --explain --signals
prints "  sound "
prints "without audio "
prints "Observed, not scored"
grep -q "recognised" "$work/out" && wrong "nothing was recognised, and it says so"
# shellcheck disable=SC2086
expect 0 score "$work/both.mkv" $run --text "what they say" --json --signals
"$JSON_VALUE" "$work/out" recordings 0 segments 0 signals voiced | grep -q '^[01]' || wrong "no share is voiced"
"$JSON_VALUE" "$work/out" recordings 0 segments 0 signals words_per_second | grep -q '^1.[0-9]' || wrong "no rate of words"
# shellcheck disable=SC2086
expect 0 score --text "what they say" $run --signals
grep -q "Observed" "$work/out" && wrong "a text was observed"

# ---- Live ----
live="score - --live $run --no-transcript"
make -f lavfi -i "aevalsrc='0.3*sin(2*PI*t*200)*lt(mod(t\,3)\,1.5):d=8.5:s=16000'" -c:a pcm_s16le "$work/talk.wav"
make -i "$work/talk.wav" -f s16le "$work/talk.raw"

# live FILE LINES ARGUMENT...: a line for each of the utterances.
live() {
    file=$1
    lines=$2
    shift 2
    said="live $file"
    # shellcheck disable=SC2086
    "$VALENCE" $live "$@" <"$file" >"$work/out" 2>"$work/err" || wrong "live scoring of $file fails"
    [ "$(wc -l <"$work/out")" -eq "$lines" ] || wrong "$file gives $(wc -l <"$work/out") lines, not $lines"
}
live "$work/talk.wav" 3
cp "$work/out" "$work/by-wav"
live "$work/talk.raw" 3 --raw
cmp -s "$work/out" "$work/by-wav" || wrong "samples without a header give other scores"
live "$work/talk.wav" 3 --json
head -n 1 "$work/out" >"$work/line"
grep -q '"score":' "$work/line" || wrong "a line is no JSON"
# Cut off within an utterance, and within a sample: what came is scored.
head -c 67001 "$work/talk.raw" >"$work/cut.raw"
live "$work/cut.raw" 1 --raw
head -c 67001 "$work/talk.wav" >"$work/cut.wav"
live "$work/cut.wav" 1
: >"$work/nothing.raw"
live "$work/nothing.raw" 0 --raw
# What is no sound is refused; as raw samples any bytes are sound.
head -c 20000 "$VALENCE" >"$work/garbage"
# shellcheck disable=SC2086
"$VALENCE" $live <"$work/garbage" >"$work/out" 2>"$work/err"
code=$?
said="live garbage"
[ "$code" -eq 1 ] || wrong "garbage gives exit code $code"
complains "standard input"
# A line comes before more does: half a second of silence after the utterance, and the time that scoring takes.
mkfifo "$work/pipe"
# shellcheck disable=SC2086
"$VALENCE" $live --raw <"$work/pipe" >"$work/out" 2>"$work/err" &
scoring=$!
exec 8>"$work/pipe"
head -c 67200 "$work/talk.raw" >&8 # 1.5 s of sound and 0.6 s of silence
waited=0
while [ ! -s "$work/out" ] && [ "$waited" -lt 300 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
[ -s "$work/out" ] || wrong "there is no line while the input goes on"
exec 8>&-
wait "$scoring" || wrong "live scoring ends with an error"
[ "$(wc -l <"$work/out")" -eq 1 ] || wrong "an utterance gives $(wc -l <"$work/out") lines"

# ---- Killed ----
make -f lavfi -i "aevalsrc='0.3*sin(2*PI*t*(150+20*floor(2*t)))*gt(mod(t\,3)\,0.7):d=75:s=16000'" -c:a pcm_s16le "$work/long.wav"
long="score $work/long.wav $run --no-transcript --csv"
# shellcheck disable=SC2086
expect 0 $long --no-journal
cp "$work/out" "$work/whole"
[ ! -e "$VALENCE_CACHE/journals" ] || wrong "--no-journal keeps something"
kills=0
while [ "$kills" -lt 3 ]; do
    # shellcheck disable=SC2086
    "$VALENCE" $long >"$work/out" 2>"$work/err" &
    scoring=$!
    size=$(cat "$VALENCE_CACHE"/journals/* 2>/dev/null | wc -c)
    waited=0
    while [ "$(cat "$VALENCE_CACHE"/journals/* 2>/dev/null | wc -c)" -le $((size + 2000)) ] && [ "$waited" -lt 600 ]; do
        sleep 0.05
        waited=$((waited + 1))
    done
    kill -9 "$scoring" 2>/dev/null || wrong "it was too fast to be killed"
    wait "$scoring" 2>/dev/null
    kills=$((kills + 1))
done
[ "$(find "$VALENCE_CACHE/journals" -type f -perm 600 | wc -l)" -eq 1 ] || wrong "there is no journal that only its owner reads"
# shellcheck disable=SC2086
expect 0 $long
cmp -s "$work/out" "$work/whole" || wrong "after three kills the scores differ: $(diff "$work/out" "$work/whole" | head -n 4)"
[ -z "$(ls "$VALENCE_CACHE/journals")" ] || wrong "a journal of a finished recording is left"
finish
