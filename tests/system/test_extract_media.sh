#!/bin/sh
# valence extract on media that are damaged, huge, very long or hardly there: each is made as far as it can be, or fails with a
# reason, within bounded time and memory.
. "$TESTS/cli/support.sh"
command -v ffmpeg >/dev/null || { echo "no ffmpeg"; exit 77; }
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }
models="--set models.whisper=$work/whisper.gguf --set models.faces=$work/faces.gguf -q -j 2"
models="$models --set faces.size=96" # the random detector sees faces everywhere, and each takes time

make() { # OUTPUT FFMPEG-ARGUMENT...
    target=$1
    shift
    ffmpeg -v error -nostdin -y "$@" "$target" || wrong "ffmpeg cannot make $target"
}
picture() { echo "testsrc2=size=$1:rate=$2:duration=$3"; }
tone() { echo "sine=frequency=300:sample_rate=16000:duration=$1"; }

# extracted CODE ARGUMENT...: extracts $work/clips anew, within two minutes.
extracted() {
    wanted=$1
    shift
    rm -rf "$work/store" "$work/store.partial"
    begin=$(date +%s)
    expect "$wanted" extract "$work/clips" -o "$work/store" $models "$@"
    [ $(($(date +%s) - begin)) -le 120 ] || wrong "'$said' takes $(($(date +%s) - begin)) s"
}
new_clips() {
    rm -rf "$work/clips"
    mkdir "$work/clips"
}
# record TEXT: the store's record of what failed holds TEXT.
record() {
    "$VALENCE" inspect "$work/store" >"$work/out" 2>"$work/err"
    said="valence inspect store"
    prints "$1"
}

# ---- Damaged in the middle: nothing is made of it, or what can be, with a warning ----
new_clips
for form in mkv mp4 avi mpg flac; do
    case $form in
    flac) make "$work/clips/$form.$form" -f lavfi -i "$(tone 6)" -c:a flac ;;
    mpg) make "$work/clips/$form.$form" -f lavfi -i "$(picture 96x64 25 4)" -f lavfi -i "$(tone 4)" -c:v mpeg1video -c:a mp2 ;;
    *) make "$work/clips/$form.$form" -f lavfi -i "$(picture 96x64 8 4)" -f lavfi -i "$(tone 4)" -c:v mpeg4 -c:a aac ;;
    esac
    size=$(($(wc -c <"$work/clips/$form.$form")))
    head -c $((size / 5)) /dev/zero | tr '\0' '\252' |
        dd of="$work/clips/$form.$form" bs=1 seek=$((size * 2 / 5)) conv=notrunc 2>/dev/null
done
make "$work/clips/whole.mkv" -f lavfi -i "$(picture 96x64 8 1)" -f lavfi -i "$(tone 1)" -c:v mpeg4 -c:a pcm_s16le
extracted 1 --json
json 1 made
json 5 failed
record "damaged"
extracted 0 --json --set media.accept_damaged=true
json 6 made
for form in mkv mp4 avi mpg flac; do
    expect 0 inspect "$work/store" --clip $form --json
    prints '"warning"'
done

# ---- Pictures of 8K ----
new_clips
make "$work/clips/large.mkv" -f lavfi -i "$(picture 7680x4320 1 1)" -f lavfi -i "$(tone 1)" -c:v mjpeg -c:a pcm_s16le
extracted 1 --set media.max_pixels=1000000
complains "7680 x 4320 pixels; the limit is 1000000 pixels (--set media.max_pixels=N sets the limit)"
extracted 0 --json
json 1 made

# ---- Ten hours ----
new_clips
# A header of ten hours at 16 kHz, and the zeros that it promises, which take no room on the disk.
{ printf 'RIFF\044\040\252\104WAVEfmt \020\000\000\000\001\000\001\000\200\076\000\000\000\175\000\000\002\000\020\000data'
  printf '\000\040\252\104'; } >"$work/clips/long.wav"
truncate -s $((44 + 1152000000)) "$work/clips/long.wav"
extracted 1 --set cut_seconds=0
complains "long.wav: the clip is longer than 3600 seconds"
complains "max_clip_seconds"
extracted 1 --set cut_seconds=0 --set max_clip_seconds=36000 --set media.max_mib=64
complains "its sound needs more than 64 MiB of memory"
complains "--set media.max_mib=N sets the limit"
printf 'file,start,end\nclips/long.wav,35990,35991\nclips/long.wav,0,1\n' >"$work/ends.csv"
expect 0 extract "$work/ends.csv" -o "$work/ends" $models --json
json 2 made
new_clips
make "$work/clips/slow.mkv" -f lavfi -i "$(picture 16x16 1 36000)" -c:v mpeg4
extracted 1 --set cut_seconds=0
complains "slow.mkv: the clip is longer than 3600 seconds"
rm -f "$work/clips/slow.mkv"

# ---- One frame, and covers ----
make "$work/cover.png" -f lavfi -i "$(picture 64x64 1 1)" -frames:v 1
make "$work/clips/frame.mkv" -f lavfi -i "$(picture 96x64 1 1)" -frames:v 1 -c:v ffv1
make "$work/clips/song.flac" -f lavfi -i "$(tone 1)" -i "$work/cover.png" -map 0 -map 1 -c:a flac -disposition:v attached_pic
make "$work/clips/song.mp3" -f lavfi -i "$(tone 1)" -i "$work/cover.png" -map 0 -map 1 -c:a libmp3lame -disposition:v attached_pic
extracted 0 --json
json 3 made
expect 0 inspect "$work/store" --clip frame --json
prints '"frames": 5' # it is shown for a second
for song in song.flac song.mp3; do # a cover is no film
    expect 0 inspect "$work/store" --clip $song --json
    grep -q '"frames"' "$work/out" && wrong "the cover of $song counts as a picture"
done

# ---- Hostile sizes ----
new_clips
make "$work/tone.wav" -f lavfi -i "$(tone 1)" -c:a pcm_s16le
spoil() { # FROM TO OFFSET BYTES
    cp "$1" "$work/clips/$2"
    printf "$4" | dd of="$work/clips/$2" bs=1 seek="$3" conv=notrunc 2>/dev/null
}
spoil "$work/tone.wav" channels.wav 22 '\377\377'
spoil "$work/tone.wav" rate.wav 24 '\377\377\377\377'
spoil "$work/tone.wav" bits.wav 34 '\377\177'
spoil "$work/tone.wav" chunk.wav 16 '\377\377\377\177'
make "$work/film.mp4" -f lavfi -i "$(picture 96x64 8 1)" -c:v mpeg4
spoil "$work/film.mp4" box.mp4 0 '\000\000\000\001ftyp\377\377\377\377\377\377\377\377'
{ printf '\211PNG\r\n\032\n\000\000\000\015IHDR\177\377\377\377\177\377\377\377\010\002\000\000\000'; head -c 64 /dev/zero; } \
    >"$work/clips/huge.mp4"
extracted 1 --json
complains "none of 6 clips could be made"

# ---- What is no file ----
new_clips
ln -s nowhere "$work/clips/dangling.mp4"
mkfifo "$work/clips/pipe.mp4"
mkdir "$work/clips/folder.mp4"
cp "$work/tone.wav" "$work/clips/secret.wav"
cp "$work/tone.wav" "$work/clips/tone.wav"
failures_wanted=2
if [ "$(id -u)" -ne 0 ]; then # root may read everything
    chmod 000 "$work/clips/secret.wav"
    failures_wanted=3
fi
extracted 1 --json
json $((4 - failures_wanted)) made
json "$failures_wanted" failed
record "pipe.mp4: is not a regular file"
finish
