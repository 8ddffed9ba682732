# Training from outside: the configuration, its errors, an interrupt, resuming, several seeds, JSON.
. "$TESTS/cli/support.sh"
store="$work/store"
run="$work/run"
config="$work/config.yaml"

expect 0 synthesize "$store" --train 60 --validation 20 --test 30 --audio-width 8 --text-width 10 \
    --video-width 6 --threads 1 --quiet
printf 'store: "%s"\nepochs: 3\nbatch_size: 16\nmodel:\n  d: 16\n  o: 8\n' "$store" >"$config"

# ---- the configuration
expect 0 train --print-config
silent
prints "# Width of the model, an even number."
cp "$work/out" "$work/defaults.yaml"
expect 0 train "$work/defaults.yaml" --print-config
cmp -s "$work/out" "$work/defaults.yaml" || wrong "the printed configuration does not read back"
expect 0 train "$config" --print-config --set model.d=32 --set flows=complete -o elsewhere --seed 7
prints "  d: 32"
prints "  o: 8"
prints "flows: [complete]"
prints 'output: "elsewhere"'
prints "seed: 7"

said="train -"
"$VALENCE" train - --print-config <"$config" >"$work/out" 2>"$work/err" || wrong "standard input is not read"
prints "  d: 16"

# ---- its errors
expect 2 train
complains "valence train STORE -o RUN"
expect 1 train "$work/nothing.yaml"
complains "nothing.yaml"
printf 'epochs: 3\nmodel:\n  droput: 0.1\n' >"$work/wrong.yaml"
expect 2 train "$work/wrong.yaml"
complains "wrong.yaml:3: unknown key 'model.droput'; did you mean 'model.dropout'?"
printf 'zzz: 3\n' >"$work/wrong.yaml"
expect 2 train "$work/wrong.yaml"
complains "wrong.yaml:1: unknown key 'zzz'"
complains "valence train --print-config"
expect 0 train "$config" --print-config --set 'streams.audio=""' --set model.d=48
prints '  audio: ""'
prints "  d: 48"
expect 2 train "$config" --epochs 3
complains "unknown option '--epochs'; use --set epochs=3"
expect 2 train "$config" --learning-rate=1e-3
complains "use --set optimizer.learning_rate=1e-3"
expect 2 train "$config" --outptu x
complains "did you mean '--output'?"
expect 2 train "$config" --set epochs
complains "KEY=VALUE"
expect 2 train "$config" --set epochs=1.5
complains "epochs: '1.5' is not a whole number"
expect 1 train "$config" --set store="$work/nothing"
complains "$work/nothing"
expect 1 train "$config" --set streams.audio=wavlm -o "$run"
complains "the store has audio, text, video, simulated_text"
[ ! -e "$run" ] || wrong "a run that cannot begin leaves a folder"
expect 2 train "$config" --resume "$run"
expect 1 train --resume "$run"
complains "no such file or folder"

expect 2 train "$config" --json --test
complains "cannot be combined"

# ---- without a configuration file
expect 0 train "$store" --print-config
prints "store: \"$store\""
prints "  d: 128"
prints "batch_size: 16"
expect 0 train --set "store=$store" --print-config
prints "  d: 128"
expect 0 train "$store" --dry-run -o "$work/dry run" --set model.d=16
prints "valence train $store --output '$work/dry run' --set model.d=16 --set model.o=64"
prints "60 training and 20 validation clips"
[ ! -e "$work/dry run" ] || wrong "a dry run leaves a folder"
sed -n 1p "$work/out" | sed 's/^valence //' >"$work/command"
eval "expect 0 $(cat "$work/command") --print-config"
cp "$work/out" "$work/again.yaml"
expect 0 train "$store" -o "$work/dry run" --set model.d=16 --print-config
cmp -s "$work/out" "$work/again.yaml" || wrong "the full command does not say the whole configuration"
expect 0 train "$store" -o "$work/plain" --set epochs=1 --set model.d=16 --set model.o=8 --quiet
prints "60 training and 20 validation clips"
expect 1 train "$store" -o "$work/plain" --dry-run
complains "is not an empty folder"
expect 0 train "$store" --set epochs=2 --set model.d=16 --set model.o=8 -o "$work/lines"
grep -q "^epoch 2/2  loss .*  MAE  complete .*  text_missing " "$work/err" || wrong "no line for an epoch"

# ---- from another run's weights
expect 0 train "$store" --from "$work/plain" -o "$work/tuned" --quiet
silent
grep -q "^  d: 16" "$work/tuned/config.yaml" || wrong "the configuration of the run is not taken"
expect 1 train "$store" --from "$work/plain" -o "$work/wide" --set model.d=24 --set model.o=12 --quiet
complains "no weight matrix fits"
[ ! -e "$work/wide/last.safetensors" ] || wrong "a run that cannot begin leaves a checkpoint"
expect 0 train "$store" --from "$work/plain" -o "$work/flows" --set flows=[complete,audio_missing] --quiet
complains "are not there and start at random"
expect 1 train "$store" --from "$work/nothing" -o "$work/none" --set model.d=16
complains "$work/nothing"
expect 2 train --resume "$work/tuned" --from "$work/plain"

# ---- a store that nothing can be learnt from
printf 'id,label,a0\nc1,1,0.5\nc2,-1,0.25\n' >"$work/rows.csv"
expect 0 import table "$work/rows.csv" "$work/unsplit" --audio a0 --split-column '' --all-in test --quiet
expect 1 train "$work/unsplit" -o "$work/none" --quiet
complains "no clip is in the train part"

# ---- a run
expect 0 train "$config" --output "$run" --quiet
silent
prints "60 training and 20 validation clips"
grep -q WARNING "$work/out" && wrong "a run that learns is warned of"
for file in config.yaml last.safetensors best.safetensors log.jsonl timing.jsonl results.json; do
    [ -s "$run/$file" ] || wrong "$file is not there"
done
[ "$(wc -l <"$run/log.jsonl")" -eq 3 ] || wrong "the log has not a line an epoch"
expect 0 inspect "$run" --json
json 20 calibration_clips
expect 0 inspect "$run/last.safetensors" --json
json 0 calibration_clips
expect 1 train "$config" --output "$run" --quiet
complains "valence train --resume $run"
expect 2 train --resume "$run" --set batch_size=5
complains "batch_size is 5, but the run was begun with 16"
expect 0 train --resume "$run" --set epochs=5 --json --quiet
json 5 epochs
json 60 clips train
[ "$(wc -l <"$run/log.jsonl")" -eq 5 ] || wrong "the run was not trained on"

cp -r "$run" "$work/copy"
expect 0 synthesize "$work/other" --train 60 --validation 20 --test 30 --audio-width 8 --text-width 10 \
    --video-width 6 --seed 2 --quiet
expect 1 train --resume "$work/copy" --set "store=$work/other" --set epochs=6 --quiet
complains "the run was begun with"
complains "--accept-changed-data resumes all the same"
expect 0 train --resume "$work/copy" --set "store=$work/other" --set epochs=6 --accept-changed-data --quiet
complains "note: $work/other"
expect 2 train "$config" --accept-changed-data

expect 0 synthesize "$work/many" --train 200 --validation 300 --test 1 --audio-width 4 --text-width 4 \
    --video-width 4 --quiet
expect 0 train "$config" --output "$work/idle" --set "store=$work/many" --set epochs=1 \
    --set optimizer.learning_rate=1e-12 --quiet
prints "WARNING: seed 1 learnt nothing"

# ---- an interrupt, and the same bytes as a run without one
"$VALENCE" train "$config" --output "$work/stopped" --set epochs=100000 --quiet >/dev/null 2>"$work/err" &
child=$!
while kill -0 $child 2>/dev/null && [ "$(cat "$work/stopped/log.jsonl" 2>/dev/null | wc -l)" -lt 2 ]; do
    sleep 0.1
done
kill -TERM $child # a shell's background jobs ignore SIGINT
wait $child
code=$?
said="train, interrupted"
[ "$code" -eq 130 ] || wrong "an interrupted run exits with $code"
complains "everything is saved"
complains "valence train --resume $work/stopped"
epochs=$(($(wc -l <"$work/stopped/log.jsonl") + 2))
expect 0 train --resume "$work/stopped" --set epochs=$epochs --quiet
expect 0 train "$config" --output "$work/through" --set epochs=$epochs --quiet
for file in last.safetensors best.safetensors log.jsonl results.json; do
    cmp -s "$work/stopped/$file" "$work/through/$file" || wrong "$file differs after an interrupt"
done

# ---- seeds
expect 0 train "$config" --output "$work/seeds" --seeds 3 --test --quiet
prints "mean ± sd"
prints "test split, 30 clips"
[ -s "$work/seeds/seed-3/best.safetensors" ] || wrong "a seed has no model"
expect 0 train --resume "$work/seeds" --json --quiet
json 3 seeds
json 2 runs 1 seed

# ---- baselines
expect 0 train "$config" --output "$work/ridge" --model ridge --json --quiet
fits train
json 1 epochs
expect 0 train "$config" --output "$work/constant" --model constant --quiet
expect 0 train "$config" --output "$work/mult" --model mult --set model.layers=1 --seeds 2 --json --quiet
fits train
expect 0 train "$config" --output "$work/late" --model late-fusion --quiet
for model in mult late; do
    expect 0 evaluate "$work/$model" "$store" --flow all --bootstrap 100 --json --quiet
    fits evaluate
    expect 0 evaluate "$work/$model" "$store" --protocol text-missing --bootstrap 100 --quiet
    prints "audio+video"
    expect 0 predict "$work/$model" "$store" --flow text_missing --quiet
done
expect 0 evaluate "$work/ridge" "$store" --quiet
prints "complete"
expect 0 predict "$work/constant" "$store" --quiet
expect 0 compare "$work/ridge" "$work/constant" --store "$store" --quiet
prints "constant"
expect 2 train "$config" --output "$work/none" --model rigde
complains "did you mean 'ridge'"
expect 2 train --resume "$work/ridge" --model ridge
complains "takes store, configuration, model and folder"

finish
