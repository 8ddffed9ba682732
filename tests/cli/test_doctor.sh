# What is in a store, and what is wrong with it.
. "$TESTS/cli/support.sh"
store="$work/store"
table="$work/clips.csv"
printf 'id,split,label,group,a0,a1,t0,v0\n' >"$table"
i=0
while [ $i -lt 30 ]; do
    printf 'c%d,train,%d,g%d,%d,7,%d,%d\n' $i $((i % 7 - 3)) $((i / 5)) $i $((i * i)) $((-i)) >>"$table"
    i=$((i + 1))
done
printf 'd1,dev,1,g0,50,7,1,1\nd2,test,1,h,3,7,9,-3\n' >>"$table"
expect 0 import table "$table" "$store" --audio a0-a1 --text t0 --video v0 --quiet

expect 0 inspect "$store" --quiet
silent
prints "constant columns"
prints "WARNING: 1 recording has clips in more than one split"
prints "WARNING: 1 clip has the same rows as one of an earlier split ('d2' as 'c3')"
expect 0 inspect "$store" --json --quiet
json 32 clips
json 1 streams 0 values constant_columns 0
json '"c3"' duplicates_across_splits examples 0 0
expect 0 inspect "$store" --records --json --quiet
json null streams 0 values
json null duplicates_across_splits
json 1 groups_in_several_splits

expect 0 doctor "$store" --quiet
silent
prints "4 warnings"
prints "WARNING duplicates-across-splits"
prints "WARNING groups-across-splits"
prints "WARNING constant-columns"
prints "stream 'audio': 1 of 2 columns has one value in all rows (column 1)"
prints "WARNING small-validation"
expect 1 doctor "$store" --quiet --strict
prints "4 warnings"
expect 0 doctor "$store" --quiet --json
json 4 warnings
json '"constant-columns"' findings 0 code
json null published
expect 0 doctor "$store" --quiet --json --published mosi
json 5 warnings
json 1284 published clips 0
expect 2 doctor "$store" --published mossi
complains "did you mean 'mosi'?"
# ---- checksums
expect 0 doctor "$store" --verify --quiet
prints ": 32 clips, 96 values read, 0 damaged"
expect 0 doctor "$store" --verify --quiet --json
json true has_checksums
json 0 damaged
cp -r "$store" "$work/damaged"
at=$(LC_ALL=C grep -obaP '\x40\x4f\x00\x47' "$work/damaged/data.mdb" | head -n 1 | cut -d: -f1) # 29 and 7 as f16
[ -n "$at" ] || wrong "the row of a clip is not found"
printf '\101' | dd of="$work/damaged/data.mdb" bs=1 seek="$at" conv=notrunc 2>"$work/dd"
expect 1 doctor "$work/damaged" --verify --quiet
prints "96 values read, 1 damaged"
prints "clip 'c29': stream 'audio'"
expect 1 doctor "$work/damaged" --verify --quiet --json
json '"c29"' damaged_clips examples 0
for command in doctor inspect; do
    expect 1 $command "$work/damaged" --quiet
    complains "clip 'c29': stream 'audio': the bytes at"
done
expect 0 inspect "$work/damaged" --quiet --records

# ---- an import that stopped in the middle
cp "$table" "$work/broken.csv"
printf 'e1,test,7,h,3,7,9,-3\n' >>"$work/broken.csv"
expect 1 import table "$work/broken.csv" "$work/part" --audio a0-a1 --text t0 --video v0 --quiet
for command in doctor inspect; do
    expect 1 $command "$work/part" --quiet
    complains "this store is unfinished"
    expect 0 $command "$work/part" --quiet --accept-unfinished
    complains "warning: $work/part: unfinished; it holds the first 32 clips"
done
expect 1 export "$work/part" "$work/part-npy" --quiet
complains "this store is unfinished"
[ ! -e "$work/part-npy" ] || wrong "a part is exported"
expect 0 export "$work/part" "$work/part-npy" --quiet --accept-unfinished
printf 'store: %s\noutput: %s\n' "$work/part" "$work/run" >"$work/config.yaml"
expect 1 train "$work/config.yaml" --quiet
complains "this store is unfinished"
[ ! -e "$work/run" ] || wrong "a run on a part of a store"
expect 0 train "$work/config.yaml" --quiet --set accept_unfinished=true --set epochs=1 \
    --set model.d=8 --set model.o=8
for command in evaluate predict; do
    expect 1 $command "$work/run" "$work/part" --quiet
    complains "this store is unfinished"
    expect 0 $command "$work/run" "$work/part" --quiet --accept-unfinished
    complains "warning: $work/part: unfinished"
done
expect 0 import table "$work/broken.csv" "$work/part" --audio a0-a1 --text t0 --video v0 --quiet --skip label
expect 0 doctor "$work/part" --quiet

expect 1 doctor "$work/nothing"
complains "no such file or folder"
expect 2 doctor
finish
