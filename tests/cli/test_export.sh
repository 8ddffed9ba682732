# Exports, and back.
. "$TESTS/cli/support.sh"
store="$work/store"
expect 0 synthesize "$store" --train 20 --validation 5 --test 5 --audio-width 4 --text-width 6 \
    --video-width 3 --quiet
expect 0 inspect "$store" --json --quiet
cp "$work/out" "$work/summary"

# same STORE: what inspect says of it is what it says of the first one, but for path and source.
same() {
    expect 0 inspect "$1" --json --quiet
    for file in summary out; do
        sed -n '/^  "clips"/,$p' "$work/$file" >"$work/$file.part"
    done
    cmp -s "$work/summary.part" "$work/out.part" || wrong "'$said' differs from the store exported"
}

expect 0 export "$store" "$work/npy" --quiet
silent
prints "30"
prints "rows of simulated_text"
[ "$(wc -l <"$work/npy/labels.csv")" -eq 31 ] || wrong "labels.csv has not a line a clip"
expect 0 import table "$work/npy/labels.csv" "$work/from-npy" --audio-folder "$work/npy/audio" \
    --text-folder "$work/npy/text" --video-folder "$work/npy/video" \
    --simulated_text-folder "$work/npy/simulated_text" --skip missing --quiet
same "$work/from-npy"

expect 0 export "$store" "$work/one.safetensors" --form safetensors --json --quiet
json 30 clips
json '"safetensors"' form
expect 0 import dense "$work/one.safetensors" "$work/from-tensors" --quiet
same "$work/from-tensors"

expect 0 export "$store" "$work/one.pkl" --form mmsa --quiet
expect 0 import mmsa "$work/one.pkl" "$work/from-mmsa" --quiet
expect 0 inspect "$work/from-mmsa"
prints "30 clips"

expect 0 export "$store" "$work/one.npz" --form npz --quiet
expect 0 import mmsa "$work/one.npz" "$work/from-npz" --quiet
same "$work/from-npz"

expect 1 export "$store" "$work/npy"
complains "already exists"
expect 1 export "$store" "$work/one.npz" --form npz
complains "already exists (--force replaces it)"
expect 0 export "$store" "$work/one.npz" --form npz --quiet --force
"$VALENCE" export "$store" - --form mmsa --quiet 2>"$work/err" >"$work/streamed.pkl"
cmp -s "$work/streamed.pkl" "$work/one.pkl" || wrong "standard output receives something else than a file"
"$VALENCE" export "$store" - --form npz --quiet 2>"$work/err" | cat >"$work/out"
complains "cannot be written into a pipe (try another --form)"
expect 2 export "$store" "$work/new" --form nyp
complains "did you mean 'npy'?"
expect 1 export "$work/nothing" "$work/new"
complains "no such file or folder"
expect 1 export "$store" "$work/nowhere/new"
complains "$work/nowhere/new"
[ ! -e "$work/new" ] || wrong "a failed export leaves something"
finish
