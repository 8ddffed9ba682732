# A corpus, a training with two seeds, and every form in which its models are measured and used.
. "$TESTS/cli/support.sh"
store="$work/store"
run="$work/run"

expect 0 synthesize "$store" --train 60 --validation 20 --test 30 --audio-width 8 --text-width 10 \
    --video-width 6 --threads 1 --quiet
printf 'store: "%s"\nepochs: 2\nbatch_size: 16\nmodel:\n  d: 16\n  o: 8\n' "$store" >"$work/config.yaml"
expect 0 train "$work/config.yaml" --output "$run" --seeds 2 --threads 1 --quiet

# ---- evaluate: tables
expect 0 evaluate "$run" "$store" --quiet
silent
prints "test split, 30 clips"
prints "2 seeds"
prints "mean ± sd"
prints "SYNTHETIC"
prints "seed-2  text_missing"
(unset GOMP_SPINCOUNT && "$VALENCE" evaluate "$run" "$store" --quiet) >"$work/again" 2>&1
cmp -s "$work/out" "$work/again" || wrong "a command that has to set GOMP_SPINCOUNT itself says something else"
expect 0 evaluate "$run/seed-1" "$store" --split val --bootstrap 100 --quiet
prints "validation split, 20 clips"
prints "text_missing minus complete, paired: MAE"
prints "the median training label"
prints "In 90 %"
prints "the split measured here"
expect 0 evaluate "$run/seed-1/last.safetensors" "$store" --bootstrap 0 --quiet
grep -q '95 %' "$work/out" && wrong "intervals without a bootstrap"
grep -q 'In 90 %' "$work/out" && wrong "a checkpoint to go on from has a calibration set"

# ---- evaluate: every subset of modalities
expect 0 evaluate "$run/seed-1" "$store" --flow all --level 0.8 --bootstrap 50 --quiet
prints "Width of 80 %"
for flow in complete 'audio_missing \*' text_missing 'video_missing \*' 'audio_text_missing \*' \
    'audio_video_missing \*' 'text_video_missing \*'; do
    [ "$(grep -c "^$flow  " "$work/out")" -eq 1 ] || wrong "not a row for '$flow'"
done
expect 0 evaluate "$run" "$store" --flow all --bootstrap 0 --quiet
[ "$(grep -c ' ± ' "$work/out")" -eq 8 ] || wrong "not a mean for every flow"
expect 0 evaluate "$run" "$store" --flow all --json --bootstrap 0 --quiet
json true models 0 flows complete trained
json false models 0 flows text_video_missing trained
json null models 0 flows text_video_missing reliability
json 0.90000000000000002 level
"$JSON_VALUE" "$work/out" summary text_missing coverage mean >/dev/null || wrong "no coverage over the seeds"

# ---- evaluate: another corpus, with labels on another scale, and other text
expect 0 synthesize "$work/other" --train 20 --validation 10 --test 12 --audio-width 8 --text-width 10 --video-width 6 \
    --seed 9 --threads 1 --quiet
expect 0 evaluate "$run" "$work/other" --label-map 'x*10' --bootstrap 0 --quiet
prints "is not the data that the model was trained on"
prints "outside the range of the training's"
expect 0 evaluate "$run" "$work/other" --label-map 'x/2' --text-stream simulated_text --bootstrap 0 --json --quiet
json '"other"' training_data
json '"x/2"' labels map
json 0 labels_outside_range
json '"simulated_text"' text_stream
expect 0 evaluate "$run" "$work/other" --label-map 'x/2' --protocol text-missing --bootstrap 0 --json --quiet
json '"x/2"' labels map
expect 2 evaluate "$run" "$work/other" --label-map 'x*x' --quiet
complains "it multiplies x by x"
expect 1 evaluate "$run" "$work/other" --text-stream words --quiet
complains "('valence inspect STORE' lists its streams)"
expect 0 synthesize "$work/wider" --train 20 --validation 10 --test 12 --audio-width 9 --text-width 10 --video-width 6 \
    --threads 1 --quiet
expect 1 evaluate "$run" "$work/wider" --quiet
complains "has width 9, the model reads 8"

# ---- evaluate: JSON, the same twice
expect 0 evaluate "$run" "$store" --json --bootstrap 50 --predictions "$work/scores.csv"
cp "$work/out" "$work/first"
json true synthetic
json 30 clips
json '"test"' split
json '"seed-1"' models 0 name
json 30 models 1 flows text_missing clips
json '"complete"' models 1 flows text_missing difference from
json 50 bootstrap resamples
"$JSON_VALUE" "$work/out" summary complete mae sd >/dev/null || wrong "no deviation over the seeds"
"$JSON_VALUE" "$work/out" models 0 flows complete intervals acc2_non0 1 >/dev/null || wrong "no interval"
expect 0 evaluate "$run" "$store" --json --bootstrap 50 --batch 7
json 30 clips
expect 0 evaluate "$run" "$store" --json --bootstrap 50
cmp -s "$work/out" "$work/first" || wrong "the same evaluation gives other figures"
expect 0 verify "$work/first" --quiet
sed 's/"mae": [0-9][0-9.]*/"mae": 77.5/' "$work/first" >"$work/changed"
expect 1 verify "$work/changed" --json --quiet
fits verify
json '"constant.metrics.mae"' differences 0 where
sed 's/"command": \[/"command": null, "words": [/' "$work/first" >"$work/silent"
expect 1 verify "$work/silent" --quiet
complains "does not record a command"
sed "s#\"$run\"#\"$work/gone\"#" "$work/first" >"$work/moved"
expect 1 verify "$work/moved" --quiet
complains "the command that it records failed"
tr -d '\n' <"$work/first" |
    sed "s#\"$run\", *\"$store\"#\"--run\", \"--\", \"--predictions\", \"written\", \"--store\", \"$store\"#" \
        >"$work/writing"
grep -q predictions "$work/writing" || wrong "the command was not changed"
ln -s "$run" "$work/--"
cd "$work"
expect 1 verify "$work/writing" --quiet
cd - >/dev/null
complains "does not record a command"
[ ! -e "$work/written" ] || wrong "a document made verify write a file"
[ "$(wc -l <"$work/scores.csv")" -eq 61 ] || wrong "the predictions have not a line a model and clip"
[ "$(head -n 1 "$work/scores.csv")" = "model,id,label,complete,text_missing" ] ||
    wrong "the predictions have another head"

# ---- evaluate: where predictions go
chmod 600 "$work/scores.csv"
expect 1 evaluate "$run" "$store" --bootstrap 0 --predictions "$work/scores.csv"
complains "scores.csv: already exists (--force replaces it)"
ln -s scores.csv "$work/link.csv"
mkfifo "$work/pipe"
cat "$work/pipe" >"$work/through" &
expect 0 evaluate "$run" "$store" --bootstrap 0 --quiet --predictions "$work/pipe"
wait $!
cmp -s "$work/through" "$work/scores.csv" || wrong "a pipe receives something else than a file"
[ -p "$work/pipe" ] || wrong "a pipe is no pipe any more"
echo old >"$work/scores.csv"
expect 0 evaluate "$run" "$store" --bootstrap 0 --quiet --predictions "$work/link.csv" --force
cmp -s "$work/through" "$work/scores.csv" || wrong "a link's target is not written"
[ -L "$work/link.csv" ] || wrong "a link is no link any more"
[ "$(stat -c %a "$work/scores.csv")" = 600 ] || wrong "an overwritten file has another mode"
expect 0 evaluate "$run" "$store" --bootstrap 0 --quiet --predictions /dev/null
[ -c /dev/null ] || wrong "/dev/null is no device any more"
(ulimit -f 1 && expect 1 evaluate "$run" "$store" --quiet --predictions "$work/big.csv" &&
    complains "File too large" && exit "$failures") || failures=$((failures + 1))
[ -z "$(find "$work" -name 'big.csv*')" ] || wrong "a failed write leaves something"

# ---- evaluate: another run
expect 0 evaluate "$run" "$store" --against "$run/seed-1" --bootstrap 50 --quiet
prints "$run minus $run/seed-1, paired"
expect 0 evaluate "$run/seed-1" "$store" --against "$run/seed-1" --bootstrap 50 --flow text_missing --json --quiet
json 0.0 against flows text_missing mae value
json 0.0 against flows text_missing mae interval 1
expect 1 evaluate "$run/seed-1" "$store" --against "$work/nothing"
complains "$work/nothing"

# ---- evaluate: what does not fit
expect 1 evaluate "$work/nothing" "$store"
complains "no such file or folder"
expect 1 evaluate "$store" "$store"
complains "this is a store, not a run or a model file"
expect 1 evaluate "$run" "$work/nothing"
complains "$work/nothing"
expect 1 evaluate "$run" "$run"
complains "$run"
expect 1 evaluate "$work/config.yaml" "$store"
complains "$work/config.yaml"
expect 0 evaluate "$run" "$store" --flow audio_missing
prints "audio_missing *"
prints "* the model was not trained with audio_missing"
expect 1 evaluate "$run" "$store" --predictions "$work/no/folder.csv"
complains "cannot write"
head -c 5000 "$run/seed-1/best.safetensors" >"$work/cut.safetensors"
expect 1 evaluate "$work/cut.safetensors" "$store"
complains "$work/cut.safetensors"
expect 0 synthesize "$work/wide" --train 5 --validation 5 --test 5 --audio-width 9 --text-width 10 \
    --video-width 6 --quiet
expect 1 evaluate "$run" "$work/wide"
complains "stream 'audio' has width 9, the model reads 8"

# ---- predict
expect 0 predict "$run/seed-1" "$store" --split test --quiet
silent
prints "complete"
[ "$(grep -c ' complete ' "$work/out")" -eq 30 ] || wrong "not a line for every clip"
expect 0 predict "$run/seed-1" "$store" --csv --flow text_missing --quiet
[ "$(wc -l <"$work/out")" -eq 111 ] || wrong "not a line for every clip of all splits"
prints ",text_missing,text,"
grep -q '^id,score,raw_score,expected_error,low,high,outside,novelty,flow,' "$work/out" || wrong "the CSV has another head"
grep -q '^[^,]*,[^,]*,[^,]*,[0-9.]*,[-0-9.]*,[-0-9.]*,0,[0-9.]*,text_missing' "$work/out" || wrong "no interval in the CSV"
expect 0 predict "$run/seed-1" "$store" --json --quiet
json '"complete"' clips 0 flow
json '[]' clips 0 missing
"$JSON_VALUE" "$work/out" clips 0 low >/dev/null || wrong "no interval in the JSON"
"$JSON_VALUE" "$work/out" clips 109 view_weights fused >/dev/null || wrong "no view weights"
expect 0 predict "$run/seed-1" "$store" --json --quiet --flow audio_missing
json null clips 0 expected_error
expect 2 predict "$run/seed-1" "$store" --level 1
complains "--level takes values from 0.01 to 0.999"
expect 0 predict "$run" "$store" --json --quiet # the mean of both seeds
json '"seed-2"' models 1 name
mean=$("$JSON_VALUE" "$work/out" clips 3 raw_score)
for seed in 1 2; do
    expect 0 predict "$run/seed-$seed" "$store" --json --quiet
    eval "score$seed=$("$JSON_VALUE" "$work/out" clips 3 raw_score)"
done
awk "BEGIN { d = ($score1 + $score2) / 2 - ($mean); exit !(d < 1e-5 && d > -1e-5) }" ||
    wrong "the score of two seeds ($score1, $score2) is $mean, not their mean"
expect 0 evaluate "$run" "$store" --ensemble --bootstrap 0 --json --quiet
json null summary
json '"same"' training_data
json '"sentiment"' scale

# ---- a store that is not the training's
expect 0 synthesize "$work/newer" --train 60 --validation 20 --test 30 --audio-width 8 --text-width 10 \
    --video-width 6 --seed 9 --threads 1 --quiet
expect 0 evaluate "$run" "$work/newer" --bootstrap 0 --quiet
prints "newer is not the data that the model was trained on"
expect 0 predict "$run" "$work/newer" --csv
complains "newer is not the data that the model was trained on"
cp -r "$run" "$work/resumed"
expect 1 train --resume "$work/resumed" --set store="$work/newer" --set epochs=3 --quiet
complains "the run was begun with"

# ---- other scales
expect 0 evaluate "$run" "$store" --scale sims --bootstrap 0 --json --quiet
"$JSON_VALUE" "$work/out" models 0 flows complete metrics acc5_sims >/dev/null || wrong "no figures of CH-SIMS"
"$JSON_VALUE" "$work/out" models 0 flows complete metrics acc7 >/dev/null 2>&1 && wrong "figures of another scale"
expect 2 evaluate "$run" "$store" --scale mosi
complains "--scale: unknown value 'mosi'"

# ---- a clip far outside the training data, and one with values beyond any
awk 'BEGIN {
    print "id,split,label,a0,a1,a2"
    for (i = 0; i < 60; i++)
        printf "c%d,%s,%d,%.3f,%.3f,%.3f\n", i, i < 30 ? "train" : i < 50 ? "validation" : "test",
            i % 7 - 3, sin(i), cos(i * 3), (i % 7 - 3) / 3 + sin(i * 7) / 9
    print "far,test,0,164,0.1,0.2"
    print "huge,test,0,1e30,-1e30,0.2"
}' >"$work/rows.csv"
expect 0 import table "$work/rows.csv" "$work/rows" --audio a0-a2 --dtype f32 --quiet
printf 'store: "%s"\nepochs: 3\nbatch_size: 16\nstreams:\n  text: ""\n  video: ""\nmodel:\n  d: 16\n  o: 8\n' \
    "$work/rows" >"$work/audio.yaml"
expect 0 train "$work/audio.yaml" --output "$work/audio" --threads 1 --quiet
expect 0 predict "$work/audio" "$work/rows" --split test --csv --quiet
[ "$(wc -l <"$work/out")" -eq 13 ] || wrong "not a line for every clip"
head -n 1 "$work/out" | grep -q 'weight_text\|view_tv' && wrong "weights of modalities that the model does not have"
grep -q '^far,[^,]*,[^,]*,,-3,3,1,0\.95' "$work/out" || wrong "the clip far outside has an interval of its own"
grep -q '^huge,[-0-9.]*,[-0-9.]*,,-3,3,1,' "$work/out" || wrong "the clip of huge values has no score"
awk -F, 'NR > 1 && $5 != "" && ($2 < $5 - 1e-5 || $2 > $6 + 1e-5) { exit 1 }' "$work/out" ||
    wrong "an interval does not contain its score"
expect 0 predict "$work/audio" "$work/rows" --split test --quiet
prints "!: WARNING: 2 clips are unlike the training data"
expect 0 evaluate "$work/audio" "$work/rows" --bootstrap 0 --quiet
prints "WARNING: 2 clips lie far outside the training data"
prints "first 'far', furthest in column 0 of stream 'audio'"
grep -q 'lack a modality\|no simulated text' "$work/out" && wrong "modalities that the model does not have are lacked"
expect 1 doctor "$work/audio"
complains "this is a run, not a store"
if [ -e /dev/full ]; then
    "$VALENCE" predict "$run/seed-1" "$store" --json -q >/dev/full 2>"$work/err" &&
        wrong "a full disk goes unnoticed"
    said="valence predict >/dev/full"
    complains "cannot write the output"
fi
finish
