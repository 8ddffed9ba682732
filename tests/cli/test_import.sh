# Tables into stores: options, errors with their place, counted skips, going on.
. "$TESTS/cli/support.sh"
table="$work/clips.csv"
store="$work/store"
printf 'id,fold,label,video,a0,a1\nc1,train,1,v1,1,2\nc2,test,9,v2,3,4\nc3,test,0,v2,5,6\n' >"$table"

expect 1 import table "$table" "$store" --audio a0-a1
complains "--split-column NAME names the column"
expect 1 import table "$table" "$store" --audio a0-a1 --split-column fold --quiet
complains "$table:3: clip 'c2': label '9' is not within -3 and 3"
complains "--skip label"
expect 0 import table "$table" "$store" --audio a0-a1 --split-column fold --skip label --quiet
silent
prints "1  imported"
prints "1  in the store already"
prints "skipped: its label is out of range, missing or not a number (c2)"
expect 0 import table "$table" "$store" --audio a0-a1 --split-column fold --skip label --json --quiet
json 0 imported
json 2 stored_before
json 1 skipped label clips
json '"c2"' skipped label examples 0
expect 1 import table "$table" "$store" --audio a0-a1 --split-column fold --group-column video
complains "its group was not set, not \"video\""
expect 0 import table "$table" "$work/wide" --audio a0-a1 --split-column fold --label-range -9,9 \
    --dtype f32 --group-column video --quiet
prints "3  imported"
expect 0 inspect "$work/wide"
prints "f32"

# ---- label files alone
mkdir "$work/meld"
for split in train dev test; do
    printf 'Utterance,Sentiment,Dialogue_ID,Utterance_ID\n"Oh, %s",positive,0,1\n' $split \
        >"$work/meld/${split}_sent_emo.csv"
done
expect 2 import table "$work/meld" "$work/labels" --quiet
complains "--labels-only"
expect 0 import table "$work/meld" "$work/labels" --labels-only --quiet
prints "3  imported"
expect 0 inspect "$work/labels"
prints "No feature streams"
expect 0 doctor "$work/labels" --json --quiet
json '"no-streams"' findings 0 code
printf 'store: "%s"\n' "$work/labels" >"$work/config.yaml"
expect 1 train "$work/config.yaml" --output "$work/run" --quiet
complains "no feature streams"
expect 2 import table "$work/meld" "$work/new" --labels-only --label-values negative
complains "'negative' is not FROM=TO"
complains "--label-values FROM=TO"

# ---- the layouts of others
fixtures="$TESTS/exchange/fixtures"
merbench="$fixtures/merbench"
expect 1 import merbench "$merbench/demo_label.npz" "$work/partial" --video-folder "$merbench/manet_FRA" -q
complains "vid4_0.npy"
complains "--skip missing"
expect 0 import merbench "$merbench/demo_label.npz" "$work/merbench" --text-folder "$merbench/bert-UTT" \
    --video-folder "$merbench/manet_FRA" --skip missing --skip empty --feat-scale 6 -q
prints "11  imported"
prints "noted: a stream"
prints "left out: the labels do not name them (stray_1, stray_2)"
expect 0 import merbench "$merbench/demo_label.npz" "$work/merbench" --text-folder "$merbench/bert-UTT" \
    --video-folder "$merbench/manet_FRA" --skip missing --skip empty --feat-scale 6 -q --json
json 11 stored_before
json 2 unlisted clips
json 1 skipped missing clips # stored clips are not looked at again
expect 0 import mmsa "$fixtures/mmsa/unaligned-4.pkl" "$work/mmsa" -q
prints "10  imported"
expect 1 import mmsa "$TESTS/format/fixtures/hostile/system-4.pickle" "$work/new" -q
complains "refused: posix.system"
expect 0 import csd "$fixtures/csd/labels.csd" "$work/csd" --audio "$fixtures/csd/audio.csd" \
    --splits "$fixtures/csd/splits.csv" --skip empty -q
prints "9  imported"
prints "(vidX)"
expect 1 import csd "$TESTS/format/fixtures/hdf5/external-link.csd" "$work/new" --labels-only -q
complains "refused: the external link 'features'"

# ---- what an import says beyond counts
faults="$fixtures/faults"
expect 0 import mmsa "$faults/front.pkl" "$work/front" -q
prints "note: stream 'audio' has its padding in front of the rows in"
expect 0 import mmsa "$faults/front.pkl" "$work/front" -q --json
json 8 stored_before
expect 0 import mmsa "$faults/front_no_lengths.pkl" --dry-run -q
prints "--trim-zeros leaves them out"
expect 0 import mmsa "$faults/front.pkl" "$work/front-json" -q --json
json '""' notes 0 key
expect 1 import merbench "$faults/label.npz" "$work/minus" --labels-only --label-values=-10= -q
complains "clip 'c': it has no label 'val'"
complains "--skip label"
expect 0 import merbench "$faults/label.npz" "$work/minus" --labels-only --label-values=-10= --skip label -q
prints "2  in the store already"
expect 0 import merbench "$faults/label.npz" "$work/mapped" --labels-only --label-values=-10= --skip label \
    --label-map 'x-3' --label-scale likert-5 -q
prints "4  imported"
expect 2 import merbench "$faults/label.npz" "$work/new" --labels-only --label-map 'x*x'
complains "'x*x' is not a formula a x + b"

# ---- advice that an error gives works when it is followed
printf 'id,split,label,a0\nc1,train,1,1\nc2,test,4,100000\n' >"$work/advice.csv"
expect 1 import table "$work/advice.csv" "$work/advised" --audio a0 -q
complains "--label-range"
expect 1 import table "$work/advice.csv" "$work/advised" --audio a0 --label-range=-4,4 -q
complains "--dtype f32 stores it"
expect 0 import table "$work/advice.csv" "$work/advised" --audio a0 --label-range=-4,4 --dtype f32 -q
prints "2  imported"
prints "an unfinished import with other options"
printf 'id,split,label,a0\nc1,train,2,1\nc2,test,4,100000\n' >"$work/advice.csv"
expect 1 import table "$work/advice.csv" "$work/advised" --audio a0 --label-range=-4,4 --dtype f32 -q
complains "'advice.csv' has changed since"

# ---- what is no import
expect 1 import table "$work/nothing.csv" "$work/new"
complains "nothing.csv"
expect 1 import dense "$table" "$work/new"
complains "$table"
expect 2 import table "$table" "$work/new" --split-column fold
complains "no stream"
expect 1 import table "$table" "$table" --audio a0 --split-column fold --skip all
complains "not a folder"
expect 2 import tables "$table" "$work/new"
complains "did you mean 'table'?"
expect 2 import mosei "$table" "$work/new"
complains "choose one of: table, dense, merbench, mmsa, csd"
expect 2 import table "$table" "$work/new" --skip labels
complains "did you mean 'label'?"
expect 2 import table "$table" "$work/new" --label-range 3
complains "MIN,MAX"
for range in -inf,inf nan,3 3,-3 -3,; do
    expect 2 import table "$table" "$work/new" --label-range=$range
    complains "two finite numbers"
done
expect 2 import table "$table" "$work/new" --dtype f64
complains "f64"
expect 2 import table "$table"
[ ! -e "$work/new" ] || wrong "a failed import makes a store"
# ---- What a source is instead, and where there is nothing
echo '{"train": []}' >"$work/set.pkl"
expect 1 import mmsa "$work/set.pkl" "$work/x"
complains "set.pkl: a JSON document, not a pickle"
expect 1 import table "$work/set.pkl" "$work/x" --audio a0
complains "a JSON document, not a table"
printf 'hello, world\n' >"$work/text.pkl"
expect 1 import mmsa "$work/text.pkl" "$work/x"
complains "text.pkl: a text file, not a pickle"
expect 1 import dense "$work/text.pkl" "$work/x"
complains "a text file, not a zip archive"
# What was expected, and which kinds there are beside it.
printf '\211PNG\r\n\032\n0000' >"$work/picture"
printf 'Some notes.\n' >"$work/notes"
: >"$work/nothing"
mkdir "$work/letters" "$work/bare"
cp "$work/notes" "$work/letters/a.txt"
head -c 40 "$fixtures/mmsa/unaligned-4.pkl" >"$work/cut-mmsa"
head -c 2000 "$fixtures/csd/labels.csd" >"$work/cut-csd"
head -c 200 "$merbench/demo_label.npz" >"$work/cut-dense" # also an archive
for kind in dense mmsa csd; do
    case $kind in
    dense) needs="(dense reads an .npz or .safetensors file, or a folder of .npy files; other kinds: table, merbench, mmsa, csd)" ;;
    mmsa) needs="(mmsa reads a pickle (.pkl) or an .npz; other kinds: table, dense, merbench, csd)" ;;
    csd) needs="(csd reads a .csd of labels, and one for each stream; other kinds: table, dense, merbench, mmsa)" ;;
    esac
    expect 1 import $kind "$work/picture" "$work/x"
    complains "picture: this is a sound, picture or video, not a data set that can be imported"
    complains "'valence import --help' lists the kinds of data sets"
    expect 1 import $kind "$work/notes" "$work/x"
    complains "notes: a text file, not"
    complains "$needs"
    expect 1 import $kind "$work/nothing" "$work/x"
    complains "nothing: an empty file, not"
    complains "$needs"
    expect 1 import $kind "$work/letters" "$work/x"
    complains "$work/letters: "
    complains "$needs"
    expect 1 import $kind "$work/bare" "$work/x"
    complains "bare: this is an empty folder"
    expect 1 import $kind "$work/cut-$kind" "$work/x"
    complains "cut off?"
    complains "$needs"
done
expect 1 import csd "$fixtures/csd/labels.csd" "$work/x" --audio "$work/notes"
complains "notes: a text file, not an HDF5 file"
complains "(csd reads a .csd of labels, and one for each stream"
[ ! -e "$work/x" ] || wrong "a file that is not read makes a store"
expect 2 import table "$work/set.pkl" ""
complains "an argument is empty"
expect 2 train --set store=
complains "a store or a configuration is missing"
printf 'store: ""\n' >"$work/empty.yaml"
expect 2 train "$work/empty.yaml"
complains "store is empty"

# ---- What helps an id is not what helps a value
long_id=$(printf '%0501d' 0)
printf 'id,split,label,a0\n%s,train,1,1\n' "$long_id" >"$work/long-id.csv"
expect 1 import table "$work/long-id.csv" "$work/long-id" --audio a0 -q
complains "(correct it, or leave such clips out with --skip value)"
grep -q -- --zero-invalid "$work/err" && wrong "'$said' advises --zero-invalid"

# ---- Another store is replaced where asked for
printf 'id,split,label,a0\nc1,train,1,1\n' >"$work/one.csv"
printf 'id,split,label,a0\nc1,train,1,1\nc2,test,2,3\n' >"$work/two.csv"
expect 0 import table "$work/one.csv" -o "$work/forced" --audio a0 -q
expect 1 import table "$work/two.csv" "$work/forced" --audio a0 -q
complains "is a finished store with another source or other options"
complains "(--force replaces it)"
expect 0 import table "$work/two.csv" --output "$work/forced" --audio a0 -q --force
prints "the store that was there was replaced"
expect 0 inspect --store "$work/forced" --json -q
json 2 clips
expect 0 import table "$work/two.csv" "$work/forced" --audio a0 -q --force
prints "in the store already"
finish
