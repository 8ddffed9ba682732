#!/bin/sh
# A store in shards: made and added to, read as one, verified, damaged, and trained on in full and by shards.
. "$TESTS/cli/support.sh"

make() { # NAME FIRST LAST: a store of clips
    printf 'id,split,label,group,a0,a1,t0,v0\n' >"$work/$1.csv"
    i=$2
    while [ "$i" -le "$3" ]; do
        split=train
        [ $((i % 5)) -ne 0 ] || split=validation
        printf 'c%d,%s,%d,g%d,%d,%d,%d,%d\n' "$i" $split $((i % 7 - 3)) "$i" $((i % 7)) $((i % 3)) $((i * i % 11)) $((-i)) >>"$work/$1.csv"
        i=$((i + 1))
    done
    expect 0 import table "$work/$1.csv" "$work/$1" --audio a0-a1 --text t0 --video v0 --quiet
}
make one 1 20
make two 21 40
make three 41 60
make all 1 60

expect 0 merge "$work/one" "$work/two" -o "$work/shards" --shards --quiet
prints "40 clips; added 2 stores as shards"
sha256sum "$work"/shards/shard-*/data.mdb >"$work/before"
expect 0 merge "$work/three" -o "$work/shards" --shards --json --quiet
json 60 clips
fits merge
sha256sum -c --quiet "$work/before" >/dev/null 2>&1 || wrong "adding a shard has changed another"
expect 1 merge "$work/three" -o "$work/shards" --shards --quiet
complains "is in"
expect 2 merge "$work/three" -o "$work/shards" --shards --force --quiet
expect 0 inspect "$work/shards" --quiet
prints "60 clips"
expect 0 doctor "$work/shards" --verify --quiet

# Trained on, it is the store of one file; by shards it is not.
small="--set model.d=8 --set model.o=6 --set epochs=2 --set batch_size=8 --threads 1 --quiet"
expect 0 train "$work/all" -o "$work/run-all" $small
expect 0 train "$work/shards" -o "$work/run-shards" $small
cmp -s "$work/run-all/log.jsonl" "$work/run-shards/log.jsonl" || wrong "a run on shards differs from one on a file"
expect 0 train "$work/shards" -o "$work/run-by" $small --set shuffle_shards=1
cmp -s "$work/run-all/log.jsonl" "$work/run-by/log.jsonl" && wrong "shuffling by shards changes nothing"
expect 2 train --resume "$work/run-by" --set epochs=3 --set shuffle_shards=2 --quiet
complains "shuffle_shards"
expect 1 train --resume "$work/run-by" --set epochs=3 --set "store=$work/all" --quiet
complains "are in other shards"
expect 0 train --resume "$work/run-by" --set epochs=3 --quiet
expect 0 evaluate "$work/run-by" "$work/shards" --split validation --bootstrap 0 --quiet

# One wrong byte is found, and where it is.
cp "$work/shards/shard-000002/data.mdb" "$work/good"
printf '\377' | dd of="$work/shards/shard-000002/data.mdb" bs=1 seek=9000 conv=notrunc 2>/dev/null
cmp -s "$work/good" "$work/shards/shard-000002/data.mdb" && wrong "the byte is the same"
expect 1 doctor "$work/shards" --verify --quiet
cat "$work/err" >>"$work/out"
prints "shard-000002"
cp "$work/good" "$work/shards/shard-000002/data.mdb"
expect 0 doctor "$work/shards" --verify --quiet

# A shard that is gone or cut, and an index that is cut.
mv "$work/shards/shard-000002" "$work/gone"
expect 1 inspect "$work/shards" --quiet
complains "shard-000002"
mv "$work/gone" "$work/shards/shard-000002"
head -c 8192 "$work/good" >"$work/shards/shard-000002/data.mdb"
expect 1 inspect "$work/shards" --quiet
complains "shard-000002"
cp "$work/good" "$work/shards/shard-000002/data.mdb"
head -c 100 "$work/shards/shards.json" >"$work/cut"
cp "$work/cut" "$work/shards/shards.json"
expect 1 inspect "$work/shards" --quiet
complains "shards.json"
finish
