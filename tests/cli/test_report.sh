# valence report: its inputs, what it refuses, and that nothing is left behind.
. "$TESTS/cli/support.sh"

store=$work/store
expect 0 synthesize "$store" --train 40 --validation 20 --test 30 --quiet
small="--set epochs=2 --set model.d=16 --set model.o=8 --quiet"
# shellcheck disable=SC2086 # words are meant
{
    expect 0 train "$store" $small --output "$work/run"
    expect 0 train "$store" $small --output "$work/runs" --seeds 2
}
"$VALENCE" evaluate "$work/run" "$store" --json --quiet --bootstrap 20 --predictions "$work/scores.csv" >"$work/evaluate.json"
"$VALENCE" evaluate "$work/run" "$store" --json --quiet --bootstrap 20 --protocol erase,fixed >"$work/protocol.json"
"$VALENCE" predict "$work/run" "$store" --split test --json --quiet >"$work/predict.json"
"$VALENCE" doctor "$store" --json --quiet >"$work/doctor.json"

# sections NAME...: the ids of the last output's sections, in this order.
sections() {
    found=$(grep -o '"id":"[a-z]*","heading"' "$work/out" | cut -d '"' -f 4 | tr '\n' ' ')
    [ "$found" = "$* " ] || wrong "'$said' has the sections $found"
}

# ---- What it makes ----

expect 0 report "$work/run" --json --quiet
fits report
json '"valence/report"' schema
sections summary learning predictions errors intervals clips data made
expect 0 report "$work/run" --store '' --json --quiet
fits report
sections learning made
expect 0 report "$work/runs" "$work/evaluate.json" "$work/protocol.json" "$work/predict.json" "$work/doctor.json" --json --quiet
fits report
sections summary missing learning predictions errors intervals clips data made
prints '"Means over seeds on the test part of'
prints '"id":"auilc"'
expect 0 report "$work/scores.csv" --json --quiet
fits report
sections summary predictions errors intervals clips made

# The same figures as `evaluate`, as many digits as are shown.
mae=$("$JSON_VALUE" "$work/evaluate.json" models 0 flows complete metrics mae)
prints "[$(printf '%.3f' "$mae"),3]"

expect 0 report "$work/run" --output "$work/page.html"
prints "$work/page.html: open it in a browser"
grep -q '<!doctype html>' "$work/page.html" || wrong "the page is no page"
expect 0 report "$work/run" --output - --quiet
prints '<!doctype html>'

# ---- What it refuses ----

expect 1 report "$work/run" --output "$work/page.html"
complains "(--force replaces it)"
expect 0 report "$work/run" --output "$work/page.html" --force --title 'A <title>' --quiet
grep -q '<title>A &lt;title&gt;</title>' "$work/page.html" || wrong "the title is not escaped"
expect 2 report
expect 2 report "$work/run" --json --output "$work/other.html"
expect 2 report "$work/run" --split tset
complains "test"
expect 1 report "$work/none"
complains "$work/none: no such file or folder"
expect 1 report "$store"
complains "this is a store, not something that a report shows"
expect 1 report "$work/run/best.safetensors"
complains "this is a model file, not something that a report shows"
expect 1 report "$work/run" --output "$work/no/folder/page.html"
[ ! -e "$work/no" ] || wrong "a folder was made"
mkdir "$work/damaged-plan"
echo '{}' >"$work/damaged-plan/plan.json"
expect 1 report "$work/damaged-plan"
complains "this is not a plan"
mkdir "$work/empty"
expect 1 report "$work/empty"
echo '{"schema": "valence/models", "version": 1}' >"$work/models.json"
expect 1 report "$work/models.json"
complains "a report shows nothing of a valence/models"
echo '{"no": "document"' >"$work/broken.json"
expect 1 report "$work/broken.json"
complains "broken.json:2: not JSON"
echo '[1, 2]' >"$work/array.json"
expect 1 report "$work/array.json"
complains "not a document that valence printed"
printf 'id,score\na,1\n' >"$work/other.csv"
expect 1 report "$work/other.csv"
complains "not a table of predictions"
{ cat "$work/scores.csv"; tail -n 1 "$work/scores.csv"; } >"$work/twice.csv"
expect 1 report "$work/twice.csv"
complains "occurs twice"
echo '{"schema": "valence/predict", "version": 1, "clips": [{"id": "a", "score": 1}, {"id": "a", "score": 2}]}' >"$work/twice.json"
expect 1 report "$work/twice.json"
complains "'a' occurs twice"
sed '2s/,[^,]*,/,2.9,/2' "$work/scores.csv" | sed '2s/\(,[^,]*\),[^,]*\(,[^,]*,[^,]*\)$/\1,2.875\2/' >"$work/labels.csv"
expect 1 report "$work/scores.csv" "$work/labels.csv"
complains "make a report of each"

# An experiment that is not finished is shown as far as it is.
# shellcheck disable=SC2086 # words are meant
expect 0 compare "$store" --output "$work/experiment" --variant 'no-rnc losses.rnc=0' --seeds 2 --jobs 1 $small
expect 0 report "$work/experiment" --json --quiet
prints '"id":"difference-experiment-mae"'
cp -r "$work/experiment" "$work/experiment-done"
rm -r "$work/experiment/result.json" "$work/experiment/runs/no-rnc/seed-2"
expect 0 report "$work/experiment" --json --quiet
fits report
sections experiments made
prints "experiment is not finished: 3 of 4 runs are done, and the others are missing below."
prints '"id":"so-far-experiment"'
prints '["no-rnc",[2,0],"waiting",[0,0],[2,0],null,null]'
! grep -q '"id":"difference-experiment-mae"' "$work/out" || wrong "figures of the test part"
rm -r "$work/experiment/runs"
expect 0 report "$work/experiment" --json --quiet
prints "experiment is not finished: 0 of 4 runs are done"
! grep -q '"id":"so-far-experiment"' "$work/out" || wrong "a chart of nothing"
echo '[]' >"$work/experiment/plan.json"
expect 1 report "$work/experiment"

# Other data are never shown beside each other without a word.
expect 0 synthesize "$work/second" --train 40 --validation 20 --test 30 --seed 9 --quiet
# shellcheck disable=SC2086 # words are meant
expect 0 train "$work/second" $small --output "$work/run-second"
# shellcheck disable=SC2086 # words are meant
expect 0 train "$store" $small --model ridge --output "$work/ridge" # which reads no simulated text
expect 0 report "$work/run" "$work/runs" "$work/ridge" "$work/experiment-done" --json --quiet
! grep -q "Not everything here" "$work/out" || wrong "a warning of the same data"
prints 'run, on store'
prints 'Trained on store. The total'
expect 0 report "$work/run" "$work/runs" "$work/run-second" --json --quiet
fits report
json '"run, runs, run-second"' title
prints '{"kind":"warning","text":"Not everything here was trained on the same data, so figures differ by more than the models: run, runs on store (data '
prints '; run-second on second (data '
"$VALENCE" evaluate "$work/run" "$work/second" --json --quiet --bootstrap 0 --protocol erase >"$work/other.json"
expect 0 report "$work/protocol.json" "$work/other.json" --json --quiet
prints 'other.json was measured on second, which holds other data than its model was trained on.'
prints 'Not everything here was measured on the same clips: protocol.json on the test part of store; other.json on the test part of second.'

# A run whose log is damaged, one that is still training, one whose store has gone.
cp -r "$work/run" "$work/damaged"
echo 'not a line' >>"$work/damaged/log.jsonl"
expect 1 report "$work/damaged" --output "$work/damaged.html"
complains "log.jsonl: line 3: not JSON"
[ ! -e "$work/damaged.html" ] || wrong "a page was left behind"
cp -r "$work/run" "$work/training"
rm "$work/training/results.json"
expect 0 report "$work/training" --store '' --json --quiet
prints "has not finished its training"
# A store without a test part: everything else is shown.
expect 0 synthesize "$work/untested" --train 20 --validation 10 --test 0 --quiet
expect 0 train "$work/untested" -o "$work/untested-run" --set epochs=2 --set model.d=16 --set model.o=8 --quiet
expect 0 report "$work/untested-run" --json --quiet
prints "scored nothing. $work/untested: no clip of the test split has a label and features"
sections summary learning made
expect 0 report "$work/untested-run" --split validation --json --quiet
sections summary learning predictions errors intervals clips data made
expect 1 report "$work/untested-run" --store "$work/untested" --json --quiet
complains "no clip of the test split"
mv "$store" "$work/moved"
expect 0 report "$work/run" --json --quiet
prints "is not there, so its model scored nothing"
sections summary learning made
expect 0 report "$work/run" --store "$work/moved" --json --quiet
sections summary learning predictions errors intervals clips data made
expect 1 report "$work/run" --store "$work/none" --json
ls "$work"/*.tmp-* >/dev/null 2>&1 && wrong "temporary files were left behind"
finish
