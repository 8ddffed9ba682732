#!/bin/sh
# valence extract and merge with tiny models on clips that ffmpeg makes: resuming after kill -9, doing again only what changed,
# parts of the work, and files that are no clips.
. "$TESTS/cli/support.sh"
command -v ffmpeg >/dev/null || { echo "no ffmpeg"; exit 77; }
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }

clip() { # NAME SECONDS HERTZ
    ffmpeg -v error -nostdin -y -f lavfi -i "testsrc2=size=96x64:rate=8:duration=$2" -f lavfi -i "sine=frequency=$3:duration=$2" \
        -c:v mpeg4 -c:a pcm_s16le "$1"
}
mkdir "$work/clips"
for i in 1 2 3 4 5 6; do
    clip "$work/clips/c$i.mkv" "1.$i" $((200 + 50 * i))
done
echo "we are here" >"$work/clips/c2.txt"
llama=$TESTS/golden/llm/tiny-llama-f32.gguf
models="--set models.whisper=$work/whisper.gguf --set models.faces=$work/faces.gguf --set models.text=$llama --set models.vad= -q -j 2"
models="$models --set faces.size=96" # the random detector sees faces everywhere, and each takes time

# The face networks are no encoder of single inputs, and can be inspected all the same.
expect 0 inspect "$work/faces.gguf" --json
json '"faces"' encoder
json '432' width
expect 1 encode wavlm "$work/clips/c1.mkv" -m "$work/faces.gguf" -o "$work/rows.npy"
complains "holds face networks"
complains "'valence encode faces"

# extracted CODE STORE ARGUMENT...
extracted() {
    wanted=$1
    target=$2
    shift 2
    expect "$wanted" extract "$work/clips" -o "$work/$target" $models "$@"
}

# content STORE: everything in it, as text.
content() {
    rm -rf "$work/npy"
    "$VALENCE" export "$work/$1" "$work/npy" --form npy -q >/dev/null
    (cd "$work/npy" && find . -type f | sort | xargs sha256sum)
    "$VALENCE" inspect "$work/$1" --json -q | grep -v '"path"'
    for id in c1 c4 c6; do
        "$VALENCE" inspect "$work/$1" --clip "$id" --json 2>&1 | grep -v '"path"'
    done
}
same() {
    content "$1" >"$work/a"
    content "$2" >"$work/b"
    cmp -s "$work/a" "$work/b" || wrong "$1 and $2 differ: $(diff "$work/a" "$work/b" | head -n 4)"
}

# ---- All of it, and nothing twice ----
extracted 0 whole --json
fits extract
json 6 made
json 6 streams 0 clips
extracted 0 whole --json
json 0 made
json 6 kept
expect 0 inspect "$work/whole" --clip c2 --json
prints "we are here"
prints '"sha256"'

# ---- Drawn ----
extracted 0 drawn --preview "$work/previews"
same whole drawn
for id in c1 c2 c3 c4 c5 c6; do
    [ -s "$work/previews/$id.svg" ] || wrong "$id was not drawn"
done
grep -q "we are here" "$work/previews/c2.svg" || wrong "the words of c2 were not drawn"

# ---- Killed, and gone on with ----
for delay in 0.1 0.2 0.4 0.6; do
    "$VALENCE" extract "$work/clips" -o "$work/killed" $models >/dev/null 2>&1 &
    process=$!
    sleep "$delay"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
done
extracted 0 killed
same whole killed

# ---- What changed is done again, and nothing else ----
cp -r "$work/whole" "$work/changed"
clip "$work/clips/c4.mkv" 1.7 999
extracted 0 changed --json
json 1 made
json 5 copied
extracted 0 fresh
same changed fresh
[ ! -e "$work/changed.partial" ] || wrong "changed.partial is left"
clip "$work/clips/c7.mkv" 1 300
extracted 0 changed --json # behind the others: in place
json 1 made
json 0 copied
rm "$work/clips/c7.mkv"
extracted 0 changed --json
json 0 made
same changed fresh
extracted 0 changed --set faces.fps=2 --json
json 6 made

# ---- A table, and its rows ----
printf 'file,start,end,label,split,transcript\nclips/c1.mkv,0.2,0.9,1.5,train,yes\nclips/c1.mkv,0.5,1,,test,\n' >"$work/t.csv"
expect 0 extract "$work/t.csv" -o "$work/table" $models --json
json 2 made
sed -i 's/1.5,train/-2,validation/' "$work/t.csv"
expect 0 extract "$work/t.csv" -o "$work/table" $models --json
json 0 made
json 2 copied
expect 0 inspect "$work/table" --clip clips/c1_0001 --json
json '"validation"' split
printf 'file,start,end\nclips/c1.mkv,2,1\n' >"$work/bad.csv"
expect 1 extract "$work/bad.csv" -o "$work/none" $models
complains "bad.csv:2"

# ---- Parts ----
for part in 1 2 3; do
    extracted 0 "part$part" --shard "$part/3"
done
expect 0 merge "$work/part1" "$work/part2" "$work/part3" -o "$work/merged" --json -q
fits merge
json 6 clips
same fresh merged
expect 1 merge "$work/part3" "$work/part1" -o "$work/gap" -q # without the part between them
complains "part3 is part 3 of 3, and part 2 is missing (--partial joins those that you named)"
[ ! -e "$work/gap" ] || wrong "a merge that failed leaves a store"
expect 0 merge "$work/part1" "$work/part3" -o "$work/gap" --partial -q
extracted 0 gap --json                                      # which the extraction of all makes
json 2 made
json 4 copied
same fresh gap
expect 1 merge "$work/part1" "$work/part1" -o "$work/twice" -q
complains "is in $work/part1 already"
[ ! -e "$work/twice" ] || wrong "a merge that failed leaves a store"
expect 1 merge "$work/part1" "$work/changed" -o "$work/mixed" -q
complains "other encoders"

# ---- What is no clip ----
printf '' >"$work/clips/empty.mp4"
echo "not a film" >"$work/clips/text.mp4"
head -c 3000 "$work/clips/c1.mkv" >"$work/clips/cut.mkv"
ffmpeg -v error -nostdin -y -f lavfi -i color=size=16x16:duration=1 -c:v ffv1 "$work/clips/still.mkv"
printf '1\n00:00:01,000 --> 00:00:02,000\nHi\n' >"$work/s.srt"
ffmpeg -v error -nostdin -y -i "$work/s.srt" -c:s srt "$work/clips/subtitles.mkv"
extracted 1 failed --json
json 7 made
json 4 failed
prints '"id": "text"'
extracted 0 failed --allow-failures 9 --json
json 0 made
json 4 failed
extracted 1 failed --allow-failures 1
expect 0 inspect "$work/failed"
prints "Clips that could not be made"
expect 1 extract "$work/clips/text.mp4" -o "$work/none" $models
expect 1 extract "$work/nowhere" -o "$work/none" $models
expect 2 extract "$work/clips" -o "$work/none" --shard 3/2
expect 2 extract "$work/clips" -o "$work/none" --set fps=3
complains "did you mean"
expect 0 synthesize "$work/synthetic" --train 2 --validation 1 --test 1 -q
expect 1 extract "$work/clips" -o "$work/synthetic" $models --allow-failures 9
complains "--force"
expect 0 extract "$work/clips" -o "$work/synthetic" $models --allow-failures 9 --force
finish
