# The logs of runs, as event files and as CSV.
. "$TESTS/cli/support.sh"
cd "$work" || exit 1
expect 0 synthesize store --train 20 --validation 10 --test 5 --audio-width 4 --text-width 6 --video-width 3 --quiet
small="--set epochs=3 --set model.d=16 --set model.o=8 --quiet"
# shellcheck disable=SC2086 # words are meant
expect 0 train store $small --output two --seeds 2
# shellcheck disable=SC2086
expect 0 train store $small --output one

# events FOLDER RUN: the event file in FOLDER is the record of RUN.
events() {
    command -v python3 >/dev/null || return 0
    python3 "$TESTS/cli/check_events.py" "$1" "$2/log.jsonl" "$2/timing.jsonl" >"$work/read" 2>&1 ||
        wrong "the event file in $1 is wrong: $(cat "$work/read")"
}

# ---- TensorBoard ----
expect 0 export-log one
silent
prints "tensorboard --logdir one-tensorboard"
events one-tensorboard one
expect 0 export-log ./two/ -o events --json
fits export-log
json 2 runs
json 6 epochs
events events/seed-1 two/seed-1
events events/seed-2 two/seed-2

# What is there stays, unless it is meant; then each file is replaced, and nothing else.
expect 1 export-log one -o events
complains "events: already exists (--force replaces it)"
echo kept >events/notes
expect 0 export-log two -o events --force
[ "$(cat events/notes)" = kept ] || wrong "--force removes other files"
events events/seed-2 two/seed-2
expect 1 export-log one -o nowhere/events
complains "nowhere/events"
expect 2 export-log one -o -
complains "need a folder"

# A run that is still training: half a line at the end is not yet an epoch, and the export grows.
cp -r one training
sed -i '3d' training/log.jsonl
printf '{"epoch":3,"st' >>training/log.jsonl
expect 0 export-log training -o growing --json
json 2 epochs
events growing training
cp growing/*tfevents* before
cp one/log.jsonl training/log.jsonl
expect 0 export-log training -o growing --force
events growing one
head -c "$(wc -c <before)" growing/*tfevents* | cmp -s - before ||
    wrong "a later export does not begin with the earlier one, which TensorBoard has read"
: >training/log.jsonl
expect 1 export-log training -o none
complains "no epoch is finished yet"

# A run of an older version, without times of day, and one without timing.jsonl.
cp -r one old
sed -i 's/,"unix_milliseconds":[0-9]*//' old/timing.jsonl
expect 0 export-log old
expect 0 export-log old -o - --format csv
prints "old,1,2,,"
rm old/timing.jsonl
expect 0 export-log old -o - --format csv
grep -q time/ out && wrong "times are named where none were recorded"

# ---- CSV ----
expect 0 export-log two --format csv
[ "$(wc -l <two.csv)" -eq 7 ] || wrong "two.csv has not a row for each epoch of both runs"
expect 1 export-log two --format csv
complains "two.csv: already exists (--force replaces it)"
expect 0 export-log two --format csv --force
"$VALENCE" export-log two --format csv -o - 2>err >out
cmp -s out two.csv || wrong "standard output receives something else than a file"
cat >compare.py <<'END'
import csv, json
rows = list(csv.DictReader(open("two.csv", newline="")))
for run in ("seed-1", "seed-2"):
    log = [json.loads(line) for line in open(f"two/{run}/log.jsonl")]
    mine = [row for row in rows if row["run"] == run]
    assert len(mine) == len(log) == 3
    for row, line in zip(mine, log):
        assert int(row["epoch"]) == line["epoch"] and int(row["step"]) == line["step"]
        assert float(row["learning_rate"]) == line["learning_rate"]
        assert all(float(row["loss/" + key]) == value for key, value in line["loss"].items())
        assert float(row["validation/text_missing/mae"]) == line["validation"]["text_missing"]["mae"]
        assert float(row["time"]) > 1.6e9
END
if command -v python3 >/dev/null; then
    python3 compare.py >read 2>&1 || wrong "two.csv is not the record: $(cat read)"
fi

# ---- An experiment ----
# shellcheck disable=SC2086
expect 0 compare store --variant 'wide model.o=12' --seeds 1 --jobs 1 --bootstrap 100 $small -o experiment
expect 0 export-log experiment --json
json 2 runs
events experiment-tensorboard/base/seed-1 experiment/runs/base/seed-1
events experiment-tensorboard/wide/seed-1 experiment/runs/wide/seed-1

# ---- What cannot be read ----
cp -r two damaged
sed -i '2s/.*/{"epoch":2,/' damaged/seed-2/log.jsonl
expect 1 export-log damaged
complains "damaged/seed-2/log.jsonl: line 2: not JSON"
[ ! -e damaged-tensorboard ] || wrong "a failed export leaves a folder"
expect 1 export-log damaged --format csv
[ ! -e damaged.csv ] || wrong "a failed export leaves a file"
sed -i 2d damaged/seed-2/log.jsonl
expect 1 export-log damaged
complains "line 2: not the record of epoch 2"
expect 1 export-log store
complains "this is a store, not the folder of a run or an experiment"
expect 1 export-log one/best.safetensors
complains "this is a model file, not the folder of a run or an experiment"
expect 1 export-log nothing
complains "no such file or folder"
expect 2 export-log one --format tensorbord
complains "did you mean 'tensorboard'?"
expect 2 export-log one --format csv -o - --json
finish
