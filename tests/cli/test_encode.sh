# Encoders from outside: convert, inspect, encode; and what is refused.
. "$TESTS/cli/support.sh"
golden="$TESTS/golden"

if ! "$VALENCE" convert wavlm "$golden/wavlm/base" -o "$work/base.gguf" >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "converting failed: $(cat "$work/err")"
    expect 1 encode wavlm x.wav -m x.gguf -o x.npy
    complains "VALENCE_ENCODERS=ON"
    finish
fi

expect 0 encode text --help
cp "$work/out" "$work/help"
expect 0 help encode text
cmp -s "$work/out" "$work/help" || wrong "'valence help encode text' differs from --help"
expect 2 help encode tetx
complains "KIND: unknown value 'tetx'; did you mean 'text'?"

for type in f32 f16 q8_0 Q5_0; do
    expect 0 convert wavlm "$golden/wavlm/stable" -o "$work/$type.gguf" --type $type
done
expect 0 convert manet "$golden/manet/manet-tiny.pth" -o "$work/manet.gguf" --license "for tests"
expect 1 convert manet "$golden/manet/manet-tiny.pth" -o "$work/manet.gguf"
complains "already exists (--force replaces it)"

expect 0 inspect "$work/q8_0.gguf"
prints "wavlm"
prints "q8_0"
prints "CC-BY-SA-3.0"
prints "$(sha256sum "$golden/wavlm/stable/pytorch_model.bin" | cut -d' ' -f1)"
expect 0 inspect "$work/manet.gguf" --json
prints '"for tests"'

# What does not fit is listed.
mkdir "$work/broken"
cp "$golden"/wavlm/base/*.json "$golden/wavlm/base/model.safetensors" "$work/broken"
sed -i 's/"hidden_size": 48/"hidden_size": 96/' "$work/broken/config.json"
expect 1 convert wavlm "$work/broken" -o "$work/x.gguf"
complains "of another shape: "
sed -i 's/"hidden_size": 96/"hidden_size": 48/; s/"num_hidden_layers": 4/"num_hidden_layers": 3/' "$work/broken/config.json"
expect 1 convert wavlm "$work/broken" -o "$work/x.gguf"
complains "unexpected: encoder.layers.3."
sed -i 's/"num_hidden_layers": 3/"num_hidden_layers": 5/' "$work/broken/config.json"
expect 1 convert wavlm "$work/broken" -o "$work/x.gguf"
complains "missing: encoder.layers.4."
sed -i 's/"hidden_act": "gelu"/"hidden_act": "relu"/' "$work/broken/config.json"
expect 1 convert wavlm "$work/broken" -o "$work/x.gguf"
complains "only gelu"
expect 1 convert wavlm "$golden/manet/manet-tiny.pth" -o "$work/x.gguf"
complains "give its folder"
expect 1 convert manet "$golden/wavlm/base/model.safetensors" -o "$work/x.gguf"
complains "not a MANet checkpoint"
expect 2 convert manet "$golden/manet/manet-tiny.pth" -o "$work/x.gguf" --type q9_9
complains "unknown type 'q9_9'"
for size in 0 1 100 5000 100000; do
    head -c $size "$golden/manet/manet-tiny.pth" >"$work/cut.pth"
    expect 1 convert manet "$work/cut.pth" -o "$work/x.gguf"
    complains "cut.pth"
done
[ ! -e "$work/x.gguf" ] || wrong "a failed conversion left a file"

# One second of 16-bit sound: a header and a saw tooth.
printf 'RIFF\244\176\000\000WAVEfmt \020\000\000\000\001\000\001\000\200\076\000\000\000\175\000\000\002\000\020\000data\200\176\000\000' \
    >"$work/a.wav"
awk 'BEGIN { for (i = 0; i < 8100; i++) printf "\001\002\003\004" }' | head -c 32384 >>"$work/a.wav"
cp "$work/a.wav" "$work/b.wav"
expect 0 encode wavlm -m "$work/f32.gguf" "$work/a.wav" "$work/b.wav" -o "$work/rows.npy"
prints "2 files, 100 rows of 48"
expect 0 encode wavlm -m "$work/q8_0.gguf" "$work/a.wav" -o "$work/rows.safetensors" --layers 1,final
prints "1 file, 50 rows of 96"
expect 0 encode wavlm -m "$work/base.gguf" "$work/a.wav" -o "$work/folder"
[ -s "$work/folder/a.npy" ] || wrong "no file in the folder"

# Many files: what is there is kept, what cannot be encoded is left out where asked, and a folder is its files.
mkdir "$work/sounds"
cp "$work/a.wav" "$work/sounds/b.wav"
cp "$work/a.wav" "$work/sounds/a.wav"
printf 'no sound' >"$work/sounds/c.wav"
printf 'notes' >"$work/sounds/readme.md"
expect 1 encode wavlm -m "$work/base.gguf" "$work/sounds" -o "$work/folder"
complains "c.wav"
complains "(--skip leaves it out)"
[ -s "$work/folder/b.npy" ] || wrong "what came before the bad file is not kept"
rm "$work/folder/b.npy"
before=$(stat -c %Y%i "$work/folder/a.npy")
expect 0 encode wavlm -m "$work/base.gguf" "$work/sounds" -o "$work/folder" --skip
prints "folder: 2 files, 100 rows of 48, 1 already there, 1 skipped"
complains "skipped $work/sounds/c.wav: "
[ "$before" = "$(stat -c %Y%i "$work/folder/a.npy")" ] || wrong "what was there was made again"
expect 0 encode wavlm -m "$work/base.gguf" "$work/sounds" -o "$work/folder" --skip --json --quiet
fits encode
json '"before"' inputs 0 state
json '"skipped"' inputs 2 state
json 50 inputs 0 rows
json 100 rows
cmp -s "$work/folder/a.npy" "$work/folder/b.npy" || wrong "the same sound gives other rows"
expect 1 encode wavlm -m "$work/base.gguf" "$work/a.wav" -o "$work/folder" --layers 1
complains "rows of another encoder or of other settings"
complains "(--force replaces it)"
expect 0 encode wavlm -m "$work/base.gguf" "$work/a.wav" -o "$work/folder" --layers 1 --force
mkdir "$work/unknown"
cp "$work/folder/a.npy" "$work/unknown"
expect 1 encode wavlm -m "$work/base.gguf" "$work/a.wav" -o "$work/unknown"
complains "a.npy: already exists and does not record which encoder wrote it"
expect 1 encode wavlm -m "$work/base.gguf" "$work/sounds" "$work/a.wav" -o "$work/twice"
complains "the rows of both would be called 'a'"
[ ! -e "$work/twice" ] || wrong "two files of one name are found too late"
expect 0 encode wavlm -m "$work/base.gguf" "$work/sounds" "$work/a.wav" -o "$work/thrice.npy" --skip
prints "3 files, 150 rows of 48, 1 skipped"
expect 1 encode wavlm -m "$work/base.gguf" "$work/sounds/c.wav" -o "$work/x.npy" --skip
complains "none of 1 inputs could be encoded"
mkdir "$work/nothing"
expect 1 encode wavlm -m "$work/base.gguf" "$work/nothing" -o "$work/x.npy"
complains "nothing: this is an empty folder, not sound, video or text"

expect 0 convert whisper "$golden/whisper/tiny" -o "$work/whisper.gguf"
expect 0 encode whisper -m "$work/whisper.gguf" "$work/a.wav" -o "$work/whisper.safetensors" --layers 1,final
prints "1 file, 51 rows of 96"
expect 2 encode whisper -m "$work/f32.gguf" "$work/a.wav" -o "$work/x.npy"
complains "holds the encoder 'wavlm', not 'whisper'"
expect 2 encode whisper -m "$work/whisper.gguf" "$work/a.wav" -o "$work/x.npy" --layers 4
complains "hidden states 0 ... 3"
mkdir "$work/none"
expect 1 convert whisper "$work/none" -o "$work/x.gguf"
complains "holds none of model.safetensors"
expect 1 convert whisper "$golden/wavlm/base/model.safetensors" -o "$work/x.gguf"
complains "is not a Whisper checkpoint"

expect 2 encode wavlm -m "$work/manet.gguf" "$work/a.wav" -o "$work/x.npy"
complains "holds the encoder 'manet', not 'wavlm'"
expect 2 encode wavlm -m "$work/f32.gguf" "$work/a.wav" -o "$work/x.npy" --layers 5
complains "hidden states 0 ... 4"
expect 1 encode wavlm -m "$work/f32.gguf" "$work/a.wav" -o "$work/x.npy" --device abacus
complains "unknown device 'abacus'"
expect 1 encode manet -m "$work/manet.gguf" "$work/a.wav" -o "$work/x.npy"
complains "a.wav: has no pictures"
expect 1 encode wavlm -m "$work/f32.gguf" "$golden/manet/manet-tiny.pth" -o "$work/x.npy"
complains "is not sound, video or a picture"
expect 1 encode wavlm -m "$golden/manet/manet-tiny.pth" "$work/a.wav" -o "$work/x.npy"
complains "not a GGUF file"
printf '<!DOCTYPE html>\n<html></html>\n' >"$work/page.gguf"
expect 1 encode wavlm -m "$work/page.gguf" "$work/a.wav" -o "$work/x.npy"
complains "a web page"
head -c 100 "$work/a.wav" >"$work/short.wav"
expect 1 encode wavlm -m "$work/f32.gguf" "$work/short.wav" -o "$work/x.npy"
complains "short.wav: the file is cut off: 32328 bytes are missing (--accept-damaged"
expect 1 encode wavlm -m "$work/f32.gguf" "$work/short.wav" -o "$work/x.npy" --accept-damaged
complains "samples are too few"
head -c 16428 "$work/a.wav" >"$work/half.wav"
expect 0 encode wavlm -m "$work/f32.gguf" "$work/half.wav" -o "$work/half.npy" --accept-damaged
prints "1 file, 25 rows of 48"
complains "half.wav: the file is cut off: 16000 bytes are missing; valence uses the readable part"
expect 1 encode wavlm -m "$work/f32.gguf" "$work/a.wav" -o "$work/x.npy" --max-seconds 1
complains "the limit is 1 (--max-seconds S sets the limit)"
"$VALENCE" encode wavlm -m "$work/f32.gguf" - <"$work/a.wav" -o "$work/piped.npy" >/dev/null || wrong "standard input"
mkfifo "$work/fifo"
cat "$work/a.wav" >"$work/fifo" &
"$VALENCE" encode wavlm -m "$work/f32.gguf" "$work/fifo" -o "$work/fifo.npy" >/dev/null || wrong "a pipe"
"$VALENCE" encode wavlm -m "$work/f32.gguf" "$work/a.wav" -o "$work/a.npy" >/dev/null
cmp -s "$work/a.npy" "$work/piped.npy" || wrong "standard input gives other rows"
cmp -s "$work/a.npy" "$work/fifo.npy" || wrong "a pipe gives other rows"
expect 2 encode wavlm "$work/a.wav" -o "$work/x.npy"
complains "--model MODEL is missing"
[ ! -e "$work/x.npy" ] || wrong "a failed encoding left a file"
finish
