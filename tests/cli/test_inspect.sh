# Sources looked at before they are imported.
. "$TESTS/cli/support.sh"
store="$work/store"
expect 0 synthesize "$store" --train 20 --validation 5 --test 5 --audio-width 4 --text-width 6 \
    --video-width 3 --quiet
expect 0 inspect "$store" --json --quiet
cp "$work/out" "$work/summary"

# same PATH KIND: the clips in PATH, read as KIND, are those of the store.
same() {
    expect 0 inspect "$1" --json --quiet
    silent
    json "\"$2\"" read_as
    for place in "clips" "streams 0 rows median" "streams 1 values highest" \
        "splits test label_mean" "splits train groups" "streams 2 clips" "duplicates_across_splits n"; do
        wanted=$("$JSON_VALUE" "$work/summary" $place)
        json "$wanted" data $place
    done
    expect 0 inspect "$1" --quiet
    prints "($2): 30 clips"
}
expect 0 export "$store" "$work/npy" --quiet
same "$work/npy" table
expect 0 export "$store" "$work/clips.safetensors" --form safetensors --quiet
same "$work/clips.safetensors" dense
expect 0 export "$store" "$work/clips.pkl" --form mmsa --quiet
same "$work/clips.pkl" mmsa

expect 0 export "$store" "$work/clips.npz" --form npz --quiet
same "$work/clips.npz" mmsa

# ---- folders of arrays, without labels
rm "$work/npy/labels.csv" "$work/npy/audio/"*0.npy
absent=$((30 - $(ls "$work/npy/audio" | wc -l)))
[ "$absent" -gt 0 ] || wrong "no clip's id ends in 0"
expect 0 inspect "$work/npy" --json --quiet
json '"features"' read_as
json 30 data clips
json "$absent" data streams 0 absent clips
cp "$work/npy/text/$(ls "$work/npy/text" | head -n 1)" "$work/npy/text/copy.npy"
printf 'no array' >"$work/npy/text/broken.npy"
expect 0 inspect "$work/npy/text/" --quiet
prints "(features): 32 clips"
prints "1 clip has the same rows as another"
prints "left out, as an import would: 1 clip"
prints "('broken')"
mkdir "$work/nothing"
expect 1 inspect "$work/nothing"
complains "this is an empty folder"

expect 0 export "$store" "$work/more" --quiet
cp "$work/more/text/$(ls "$work/more/text" | head -n 1)" "$work/more/text/stray.npy"
expect 0 inspect "$work/more" --quiet
prints "1 id has features, but no label ('stray')"
expect 0 inspect "$work/more" --json --quiet
json 1 left_out unlisted

# ---- tables
printf 'id,split,label,a0,a1,a2,word\nc1,train,1,0,nan,5,yes\nc2,dev,2,,3,5,no\nc2,test,,1,4,5,no\n' \
    >"$work/table.csv"
expect 0 inspect "$work/table.csv" --quiet
silent
prints "(table): 3 clips"
prints "WARNING: 1 clip has the id of an earlier clip ('c2')"
prints "a0-a2"
prints "no 2"
expect 0 inspect "$work/table.csv" --json --quiet
json 3 data clips
json '"a0-a2"' columns 3 name
json 3 columns 3 columns
json 1 columns 3 empty
json 1 columns 3 nan_or_infinite
json 1 columns 3 constant
json 5.0 columns 3 highest
printf 'x,y\n1,2\n' >"$work/plain.csv"
expect 0 inspect "$work/plain.csv" --json --quiet
json null read_as
json '"x"' columns 0 name
printf 'x,y\n1\n' >"$work/bad.csv"
expect 1 inspect "$work/bad.csv"
complains "bad.csv:2"

# ---- arrays
expect 0 inspect "$TESTS/format/fixtures/stored.npz" --json --quiet
json null read_as
json '"audio"' arrays 0 name
json '"(4, 5, 3)"' arrays 0 shape
json 0 arrays 0 nan
expect 0 inspect "$TESTS/format/fixtures/arrays-4.pickle"
silent
prints "Not read as a set of clips:"
expect 1 inspect "$TESTS/format/fixtures/hostile-system.pickle"
complains "posix.system"
expect 1 inspect "$work/absent.npz"
complains "no such file or folder"
printf 'text' >"$work/unknown.txt"
expect 1 inspect "$work/unknown.txt"
complains "this kind of file cannot be read"

# ---- media, and runs of several seeds
printf '\000\000\000\030ftypmp42' >"$work/clip.mp4"
expect 1 inspect "$work/clip.mp4"
complains "clip.mp4: this is a sound, picture or video"
complains "makes features of it"
printf 'RIFF' >"$work/sound"
expect 1 inspect "$work/sound"
complains "a sound, picture or video"
printf 'store: %s\noutput: %s\n' "$store" "$work/run" >"$work/config.yaml"
expect 0 train "$work/config.yaml" --quiet --seeds 2 --set epochs=1 --set model.d=8 --set model.o=8
expect 0 inspect "$work/run"
prints "seed-1"
prints "seed-2"
prints "A run with 2 seeds"
expect 2 inspect "$work/run" --clip c1
complains "--clip is for stores"
expect 0 inspect "$work/run" --json
json '"run"' kind
json '"checkpoint"' models 1 kind
expect 0 inspect "$work/run/seed-1"
prints "parameters"

# ---- an import that only looks
expect 0 import table "$work/table.csv" --audio a0-a1 --dry-run --quiet
prints "left out, as an import would: 1 clip: a value is NaN"
prints "('c2')"
expect 0 import table "$work/table.csv" --audio a2 --dry-run --json --quiet
json 3 data clips
json '[0]' data streams 0 values constant_columns
expect 2 import table "$work/table.csv" "$work/new" --audio a2 --dry-run
complains "unexpected argument"
expect 2 import table "$work/table.csv" --audio a2
complains "an argument is missing: STORE"
[ ! -e "$work/new" ] || wrong "looking makes a store"
finish
