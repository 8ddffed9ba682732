# Models measured while something is missing, by every protocol.
. "$TESTS/cli/support.sh"
store="$work/store"
run="$work/run"

expect 0 synthesize "$store" --train 60 --validation 20 --test 33 --audio-width 8 --text-width 10 \
    --video-width 6 --threads 1 --quiet
printf 'store: "%s"\nepochs: 2\nbatch_size: 16\nmodel:\n  d: 16\n  o: 8\n' "$store" >"$work/config.yaml"
expect 0 train "$work/config.yaml" --output "$run" --seeds 2 --threads 1 --quiet
all=text-missing,fixed,six-conditions,erase,erase-random,rmfm,rmfm-same,rmm,smm,random-modality,batch-modality,drop-rate,noise,drop-words,replace-words

# ---- Tables, within 80 columns
export COLUMNS=80
expect 0 evaluate "$run" "$store" --protocol "$all" --bootstrap 0 --quiet
silent
prints "EMT-DLFR"
prints "AUILC"
prints "Masks are NumPy's, bit for bit"
prints "Published figures: one model for all conditions; epochs chosen on validation."
prints "SYNTHETIC"
widest=$(awk 'length > most { most = length } END { print most }' "$work/out")
[ "$widest" -le 90 ] || wrong "a line has $widest bytes" # ± and … have more bytes than columns
[ "$(grep -c "^audio+video " "$work/out")" -eq 4 ] || wrong "audio+video is not a row of four protocols"
expect 0 evaluate "$run/seed-1" "$store" --protocol erase --rates 0,0.5 --bootstrap 50 --quiet
prints "1 seed each"

# ---- JSON: shares, hashes, areas
expect 0 evaluate "$run" "$store" --protocol "$all" --bootstrap 20 --json --quiet
fits evaluate-protocol
cp "$work/out" "$work/first"
json '"erase"' protocols 3 name
json 0.0 protocols 3 conditions 0 missing rows
json 33 protocols 3 conditions 10 missing clips_with_nothing
json '"numpy"' protocols 3 masks random
json null protocols 3 masks seed
json 33 protocols 1 conditions 0 models 1 clips
json '"validation"' selected_on
json null protocols 0 auilc
"$JSON_VALUE" "$work/out" protocols 3 auilc mae sd >/dev/null || wrong "no area over the seeds"
expect 0 evaluate "$run" "$store" --protocol "$all" --bootstrap 20 --json --quiet --batch 64 --threads 1
without_command() {
    sed '/"command": \[/,/\]/d' "$1"
}
[ "$(without_command "$work/out")" = "$(without_command "$work/first")" ] || wrong "the same evaluation gives other figures"

# ---- Computed again: the figures, and what was missing
expect 0 verify "$work/first" --quiet
prints "all figures are the same"
expect 0 evaluate "$run" "$store" --protocol erase --rates 0.5 --bootstrap 0 --json --quiet
cp "$work/out" "$work/one"
expect 0 verify "$work/one" --store "$store/" --quiet --threads 1
sed 's/"mask": "[0-9a-f]*"/"mask": "0"/' "$work/one" >"$work/other-masks"
expect 1 verify "$work/other-masks" --quiet
prints "protocols[0].conditions[0].mask"
sed 's/"--json"/"--tables", "written", "--json"/' "$work/first" >"$work/writes"
expect 1 verify "$work/writes" --quiet
complains "does not record a command that 'valence evaluate --json' ran"
[ ! -e written ] || wrong "verify runs an option that writes files"

# ---- Runs trained for a rate
expect 0 evaluate "$run" "$store" --protocol erase,noise --rates 0,0.5 --at 0.5="$run/seed-2" --bootstrap 0 --json --quiet
fits evaluate-protocol
json "\"$run/seed-2\"" protocols 0 conditions 1 run
json "\"$run\"" protocols 0 conditions 0 run
json '"text 0.5"' protocols 1 conditions 3 name
json "\"$run/seed-2\"" protocols 1 conditions 3 run
json 2 runs
json 1 seeds
expect 0 evaluate "$run/seed-2" "$store" --protocol erase --rates 0.5 --bootstrap 0 --json --quiet
alone=$("$JSON_VALUE" "$work/out" protocols 0 conditions 0 summary mae mean)
expect 0 evaluate "$run/seed-1" "$store" --protocol erase --rates 0,0.5 --at 0.5="$run/seed-2" --bootstrap 0 --json --quiet
json "$alone" protocols 0 conditions 1 summary mae mean

# ---- Rates of modalities, seeds, lengths
expect 0 evaluate "$run" "$store" --protocol imbalanced --modality-rates audio=1,text=0,video=0 --json --quiet
json 1.0 protocols 0 conditions 0 missing modalities_of audio
json 0.0 protocols 0 conditions 0 missing modalities_of text
expect 0 evaluate "$run" "$store" --protocol erase --rates 0.5 --mask-seed 7 --padded-rows audio=4000,text=500 --json --quiet \
    --bootstrap 0 --erased remove --keep-text-ends
json 7 protocols 0 masks seed
json 4000.0 protocols 0 masks padded_rows audio
json '"remove"' protocols 0 masks erased

# ---- Words deleted or replaced, and kinds of noise
expect 0 evaluate "$run" "$store" --protocol drop-words,replace-words --rates 0,0.5 --json --quiet --bootstrap 0
fits evaluate-protocol
json '"word"' protocols 1 masks replaced_by
json 111 protocols 1 masks seed
json 33 protocols 0 masks word_rows of
[ "$("$JSON_VALUE" "$work/out" protocols 0 conditions 1 mask)" = "$("$JSON_VALUE" "$work/out" protocols 1 conditions 1 mask)" ] ||
    wrong "words deleted and replaced are not the same"
word=$("$JSON_VALUE" "$work/out" protocols 1 conditions 1 summary mae mean)
expect 0 evaluate "$run" "$store" --protocol replace-words --rates 0,0.5 --replaced-by unknown --bootstrap 0 --quiet
prints "A replaced row becomes 0."
prints "clips with text have a row for each word"
expect 0 evaluate "$run" "$store" --protocol replace-words --rates 0.5 --replaced-by unknown --bootstrap 0 --quiet --json
[ "$word" != "$("$JSON_VALUE" "$work/out" protocols 0 conditions 0 summary mae mean)" ] || wrong "words are not replaced by words"
expect 0 evaluate "$run" "$store" --protocol noise --noise-kind hybrid --noisy text --bootstrap 0 --quiet
prints "The noise is hybrid."
prints "abstract"

# ---- Other forms
expect 0 evaluate "$run" "$store" --protocol text-missing,erase --bootstrap 0 --quiet --format csv --tables "$work/forms"
prints "protocol,condition,rate,metric,mean,sd,rows,absent,noisy,bare,mask"
prints "erase,AUILC,,mae,"
prints "text-missing,audio+video,,mae,"
cmp -s "$work/out" "$work/forms/protocols.csv" || wrong "--tables and --format write other tables"
for form in "txt:AUILC" "md:| AUILC" "tex:toprule" 'json:"name": "erase"'; do
    grep -qF -- "${form#*:}" "$work/forms/protocols.${form%%:*}" || wrong "protocols.${form%%:*} has no '${form#*:}'"
done

# ---- Epochs chosen as published: for each metric the best of all epochs, under each subset or at 0.5
expect 1 evaluate "$run" "$store" --protocol fixed --select as-published --quiet --bootstrap 0
complains "(train with --set keep_epochs=true)"
expect 0 train "$work/config.yaml" --output "$work/kept" --threads 1 --quiet --set keep_epochs=true --set epochs=4 \
    --set optimizer.learning_rate=0.01
for epoch in 1 2 3 4; do
    "$VALENCE" evaluate "$work/kept/epoch-$epoch.safetensors" "$store" --protocol fixed,erase-random --bootstrap 0 --json --quiet \
        >"$work/epoch-$epoch.json"
done
expect 0 evaluate "$work/kept" "$store" --protocol fixed,erase-random,drop-rate,erase --select as-published --bootstrap 20 --json --quiet
fits evaluate-protocol
cp "$work/out" "$work/published.json"
json '"as-published"' selected_on
json null protocols 3 conditions 0 models 0 epochs
if command -v python3 >/dev/null; then
    python3 - "$work" >"$work/out" 2>&1 <<'PYTHON' || wrong "epochs are not chosen as published"
import json, sys
work = sys.argv[1]
read = lambda name: json.load(open(f"{work}/{name}.json"))["protocols"]
epochs = [read(f"epoch-{e}") for e in range(1, 5)]
metrics = lambda protocols, p, c: protocols[p]["conditions"][c]["models"][0]["metrics"]
published = read("published")
def best(p, c, key):
    values = [metrics(e, p, c)[key] for e in epochs]
    values = [-v if key in ("mae", "rmse") else v for v in values]
    return values.index(max(values))
for c in range(7):  # fixed: by F1
    chosen = best(0, c, "f1_non0")
    model = published[0]["conditions"][c]["models"][0]
    assert set(model["epochs"].values()) == {chosen + 1}, (c, model["epochs"], chosen)
    assert model["metrics"] == metrics(epochs[chosen], 0, c)
for c in range(10):  # erase-random: each metric by itself at 0.5
    model = published[1]["conditions"][c]["models"][0]
    for key, value in model["metrics"].items():
        chosen = best(1, 5, key)
        assert model["epochs"][key] == chosen + 1, (c, key)
        assert value == metrics(epochs[chosen], 1, c)[key], (c, key)
        low, high = model["intervals"][key]
        assert low <= value <= high, (c, key)
PYTHON
fi
expect 0 evaluate "$work/kept" "$store" --protocol fixed --select as-published --bootstrap 0 --quiet
prints "epochs chosen AS PUBLISHED"
prints "WARNING: epochs were chosen on the part that is measured"
expect 2 evaluate "$work/kept" "$store" --protocol erase-random --rates 0,1 --select as-published --quiet
complains "at a rate of 0.5"

# ---- What is wrong
wrong_use() {
    text=$1
    shift
    expect 2 evaluate "$run" "$store" --quiet "$@"
    complains "$text"
}
wrong_use "did you mean 'erase'" --protocol erasee
wrong_use "choose one of: text-missing, fixed" --protocol r7
wrong_use "is given twice" --protocol erase,erase
wrong_use "not a number from 0 to 1" --protocol erase --rates 0,1.5
wrong_use "not a number from 0 to 1" --protocol erase --rates 0,x
wrong_use "not above the rate before" --protocol erase --rates 0.5,0.5
wrong_use "has no rates" --protocol fixed --rates 0.5
wrong_use "imbalanced: no rate for" --protocol imbalanced --modality-rates audio=0.5
wrong_use "not MODALITY=VALUE" --protocol imbalanced --modality-rates 0.5
wrong_use "not a number from 0 to 1" --protocol imbalanced --modality-rates audio=2
wrong_use "unknown value 'smell'" --protocol noise --noisy smell
wrong_use "not a number of rows" --protocol erase --padded-rows audio=-1
wrong_use "unknown value 'gone'" --protocol erase --erased gone
wrong_use "unknown value 'noun'" --protocol replace-words --replaced-by noun
wrong_use "unknown value 'pink'" --protocol noise --noise-kind pink
wrong_use "--at: 'x' is not RATE=RUN" --protocol erase --at x
wrong_use "two runs for the rate" --protocol erase --at "0.5=$run" --at "0.5=$run"
wrong_use "not one of the rates" --protocol erase --at "0.45=$run"
for option in '--rates 0.5' '--at 0.5=run' '--select as-published' '--modality-rates audio=1' '--noise 2' '--noisy text' \
    '--noise-kind hybrid' '--replaced-by unknown' '--erased remove' --keep-text-ends '--padded-rows text=50' '--mask-seed 1' \
    '--mask-batch 8' '--format csv' "--tables $work/tables"; do
    wrong_use "${option%% *} needs --protocol" $option
done
wrong_use "--noise goes with --protocol noise only" --protocol erase,fixed --noise 2
wrong_use "--replaced-by goes with --protocol replace-words only" --protocol drop-words --replaced-by unknown
wrong_use "cannot be combined" --protocol erase --format csv --json
wrong_use "unknown value 'test'" --protocol erase --select test
wrong_use "do not go with --protocol" --protocol erase --flow all
expect 1 evaluate "$run" "$store" --protocol erase --at "0.5=$work/nowhere" --quiet --bootstrap 0
complains "nowhere"
expect 1 evaluate "$run" "$store" --protocol tmfm --quiet
complains "aligned"
expect 1 evaluate "$run" "$store" --protocol erase --padded-rows audio=1 --quiet
complains "more than the padded length 1"

# ---- A full disk
if [ -w /dev/full ]; then
    "$VALENCE" evaluate "$run" "$store" --protocol fixed --bootstrap 0 --quiet --json >/dev/full 2>"$work/err"
    [ $? -eq 1 ] || wrong "a full disk is not noticed"
fi
finish
