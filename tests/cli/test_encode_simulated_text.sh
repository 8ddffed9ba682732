# Speech into simulated text from outside: files, stores, what was heard, and what is refused.
. "$TESTS/cli/support.sh"
golden="$TESTS/golden"
llm="$golden/llm/tiny-llama-f32.gguf"
export VALENCE_CACHE="$work/cache"

if ! "$VALENCE" convert wavlm "$golden/wavlm/base" -o "$work/wavlm.gguf" >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "converting failed: $(cat "$work/err")"
    finish
fi
expect 0 convert projector "$golden/llm/projector.safetensors" -o "$work/projector.gguf" --wavlm "$work/wavlm.gguf" --llm "$llm"
expect 0 inspect "$work/projector.gguf" --json
json 5 frames_joined
json 48 frame_width
expect 0 inspect "$llm" --json
json '"llama"' architecture
json 6 layers
expect 2 convert projector "$golden/llm/projector.safetensors" -o "$work/x.gguf"
complains "--wavlm FILE names WavLM, --llm FILE"
expect 2 convert projector "$golden/llm/projector.safetensors" -o "$work/x.gguf" --wavlm "$llm" --llm "$llm"
complains "not a WavLM encoder"

# Seconds of 16-bit sound: a header and a saw tooth.
sound() { # sound FILE BYTES: what the two numbers of the header say is the sum
    printf 'RIFF\377\377\000\000WAVEfmt \020\000\000\000\001\000\001\000\200\076\000\000\000\175\000\000\002\000\020\000data\200\175\000\000' >"$1"
    awk 'BEGIN { for (i = 0; i < 8100; i++) printf "\001\002\003\004" }' | head -c "$2" >>"$1"
}
sound "$work/a.wav" 32128
sound "$work/b.wav" 32128
models="--wavlm $work/wavlm.gguf --projector $work/projector.gguf --llm $llm --prompt short --max-tokens 12"

expect 0 encode simulated-text "$work/a.wav" "$work/b.wav" -o "$work/ab.safetensors" $models
prints "2 files, "
prints "heard"
prints "a.wav"
expect 0 encode simulated-text "$work/a.wav" -o "$work/a.npy" $models --json
tokens=$("$JSON_VALUE" "$work/out" inputs 0 heard tokens)
probability=$("$JSON_VALUE" "$work/out" inputs 0 heard probabilities 0)
fits encode
awk -v p="$probability" 'BEGIN { exit !(p > 0 && p <= 1) }' || wrong "no probability: $probability"
expect 0 encode simulated-text "$work/a.wav" -o "$work/greedy.npy" $models --beams 1 --json --quiet
expect 0 encode simulated-text "$work/a.wav" -o "$work/reference.npy" $models --reading reference --rows mean --layers 3
prints "1 file, 1 row of 64"

printf 'id,split,label,transcript\na,train,1,the rest\nb,train,-1,\nc,test,0,\n' >"$work/clips.csv"
expect 0 import table "$work/clips.csv" "$work/labels" --labels-only
expect 2 encode simulated-text "$work/labels" -o "$work/store" $models
complains "the folder of the clips' sounds is missing (--sounds FOLDER names it)"
expect 1 encode simulated-text "$work/labels" -o "$work/store" $models --sounds "$work"
complains "clip 'c': no sound $work/c.wav (--skip leaves it out)"
expect 0 encode simulated-text "$work/labels" -o "$work/store" $models --sounds "$work" --skip
prints "stream 'simulated_text' of width 64, f32: 0 clips encoded, 1 skipped, 2 already there"
complains "skipped c: no sound $work/c.wav"
expect 0 inspect "$work/store" --json
json '"simulated_text"' streams 0 name
json '"winner"' source encoders simulated_text reading
json 2 streams 0 clips
expect 0 inspect "$work/store" --clip a
prints "metadata.simulated_text.transcript"
prints "rows.simulated_text"
expect 0 inspect "$work/store" --clip a --json
json "$tokens" metadata simulated_text tokens
json '"the rest"' transcript
expect 0 inspect "$work/store" --clip c
expect 1 inspect "$work/store" --clip d
complains "has no clip 'd'"
expect 2 inspect "$work/wavlm.gguf" --clip a
complains "--clip is for stores"

# What does not belong together.
expect 0 convert wavlm "$golden/wavlm/stable" -o "$work/other.gguf"
expect 1 encode simulated-text "$work/a.wav" -o "$work/x.npy" $models --wavlm "$work/other.gguf"
complains "belongs to the WavLM 'model.safetensors'"
expect 2 encode simulated-text "$work/a.wav" -o "$work/x.npy" $models --projector "$work/wavlm.gguf"
complains "wavlm"
expect 1 encode simulated-text "$work/a.wav" -o "$work/x.npy" --wavlm "$work/wavlm.gguf" --llm "$llm"
complains "'projector' comes from your own"
expect 1 encode simulated-text "$work/nothing.wav" -o "$work/x.npy" $models
complains "nothing.wav"
expect 2 encode simulated-text "$work/a.wav" -o "$work/x.npy" $models --reading both
complains "choose one of: winner, reference"
expect 1 encode simulated-text "$work/a.wav" -o "$work/x.npy" $models --max-tokens 4096
complains "context"
[ ! -e "$work/x.npy" ] || wrong "a failed encoding left a file"
finish
