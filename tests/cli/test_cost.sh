# cost from outside: its forms and its errors.
. "$TESTS/cli/support.sh"
cd "$work" || exit 1
expect 0 synthesize store --train 40 --validation 16 --test 24 --audio-width 8 --text-width 10 --video-width 6 --threads 1 \
    --quiet
quick="--set max_rows=50 --set model.d=8 --set model.o=4 --set batch_size=16 --seconds 0.02 --threads 1 --quiet"
mkdir tmp
export TMPDIR="$work/tmp" VALENCE_CACHE="$work/cache"
expect 0 cost store $quick --no-encoders
silent
prints "Sizes and operations"
prints "early-fusion"
prints "Mean rows x columns of the 24 test clips scored (synthetic):"
prints "1 thread"
expect 0 cost store $quick --no-baselines --json --tables tables
fits cost
json '"full"' models 0 name
json '"no-mia"' models 1 name
json 16 data training_batch_size
json 1 threads
[ "$(ls tables | tr '\n' ' ')" = "cost.csv cost.json cost.md cost.tex cost.txt " ] || wrong "the tables are $(ls tables)"
grep -q '^full,step_operations_imagination,' tables/cost.csv || wrong "the CSV lacks a figure"
expect 0 cost store $quick --no-baselines --format markdown
prints "| no-mia | 2 |"
if "$VALENCE" cost --help | grep -q -- --projector; then # a build with encoders, and no model there
    expect 0 cost store $quick --no-baselines
    prints "simulated_text"
    prints "no model: --projector"
    prints "A made-up clip"
    expect 1 cost store $quick --no-baselines --clip nothing.mp4
fi
[ -z "$(ls tmp)" ] || wrong "the trials left $(ls tmp) behind"
"$VALENCE" train --print-config >config.yaml
expect 0 cost config.yaml --set store=store $quick --no-baselines --set model.imagination=off --format csv
grep -q no-mia "$work/out" && wrong "a model without imagination is measured without it once more"

expect 2 cost
expect 2 cost store --seconds 0
expect 2 cost store --split some
expect 2 cost store --json --format csv
expect 1 cost nothing --quiet
finish
