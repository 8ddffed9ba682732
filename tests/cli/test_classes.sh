# Classes as labels: imported by name, trained, measured, predicted, and what is refused.
. "$TESTS/cli/support.sh"
cd "$work" || exit 1

# A clip's first columns tell its class.
awk 'BEGIN {
    srand(3)
    split("anger joy neutral", name, " ")
    print "id,split,Emotion,a0,a1,a2,t0,t1,t2"
    for (i = 0; i < 150; i++) {
        c = i % 3
        part = i < 90 ? "train" : i < 120 ? "validation" : "test"
        printf "c%03d,%s,%s", i, part, name[c + 1]
        for (j = 0; j < 6; j++)
            printf ",%.4f", (j % 3 == c) * 2 + rand()
        print ""
    }
}' >table.csv
columns="--label-column Emotion --audio a0-a2 --text t0-t2"

# ---- import
expect 0 import table table.csv store $columns --label-classes anger,joy,neutral --quiet
expect 1 import table table.csv none $columns --label-classes anger,joy --quiet
complains "label 'neutral' is none of anger, joy"
expect 0 import table table.csv some $columns --label-classes anger,joy --skip label --quiet
expect 2 import table table.csv none $columns --label-classes anger --quiet
complains "there are 2 or more"
expect 2 import table table.csv none $columns --label-classes anger,joy,anger --quiet
complains "class 'anger' is named twice"
expect 2 import table table.csv none $columns --label-classes anger,joy,neutral --label-map x-1 --quiet
complains "classes have no label_map"

# ---- train, resume, measure
small="--set model.d=8 --set model.o=4 --set epochs=8 --set batch_size=16 --threads 1 --quiet"
expect 0 train store $small -o run --json
fits train
grep -q cross_entropy "$work/out" || wrong "the validation error is not named"
expect 0 train store $small -o parts --set epochs=3
expect 0 train --resume parts --set epochs=8 --quiet
cmp -s run/best.safetensors parts/best.safetensors || wrong "a resumed run has another model"
expect 0 evaluate run store --bootstrap 100 --quiet
prints "F1 (weighted)"
prints "recall"
prints "the most frequent class of the training clips"
expect 0 evaluate run store --bootstrap 100 --json --quiet --predictions predictions.csv
fits evaluate
json '"classes"' scale
json '"anger"' classes 0
json 30 clips
grep -q ',c120,anger,' predictions.csv || wrong "predictions have no class names"
expect 0 evaluate run store --protocol text-missing --bootstrap 100 --quiet
prints "F1 (macro)"

# ---- predict
expect 0 predict run store --split test --quiet
prints "class"
expect 0 predict run store --split test --json --quiet
fits predict
json 30 n
expect 0 predict run store --split test --csv --quiet
prints "id,class,outside,novelty,flow,missing,p_anger,p_joy,p_neutral"

# ---- baselines and comparisons
expect 0 train store $small -o ridge --model ridge --json
fits train
expect 0 evaluate ridge store --bootstrap 100 --json --quiet
right=$("$JSON_VALUE" "$work/out" models 0 flows complete metrics f1_weighted)
awk -v right="$right" 'BEGIN { exit !(right > 0.9) }' || wrong "ridge has a weighted F1 of $right on easy classes"
expect 0 train store $small -o late --model late-fusion --set epochs=30 --set optimizer.learning_rate=0.01
expect 0 evaluate late store --bootstrap 100 --json --quiet
right=$("$JSON_VALUE" "$work/out" models 0 flows complete metrics f1_weighted)
awk -v right="$right" 'BEGIN { exit !(right > 0.9) }' || wrong "late fusion has a weighted F1 of $right on easy classes"
expect 0 compare store $small --seeds 2 -o models --model constant --model early-fusion --model ridge --bootstrap 200 --json
fits compare
json '"base"' variants 0 name
expect 0 verify models/result.json --quiet
expect 0 evaluate models/runs/base store --bootstrap 100 --quiet
prints "all seeds together"
expect 0 evaluate models/runs/base store --bootstrap 100 --against run --json --quiet
fits evaluate

# ---- report
expect 0 evaluate run store --bootstrap 100 --json --quiet
cp "$work/out" evaluate.json
f1=$("$JSON_VALUE" evaluate.json models 0 flows complete metrics f1_weighted)
shown=$(awk -v f1="$f1" 'BEGIN { printf "%.1f", 100 * f1 }')
for source in run evaluate.json; do
    expect 0 report "$source" --json --quiet
    fits report
    prints "the weighted F1 on 30 clips of the test part of store is $shown %"
    prints '"heading":"UAR, %"'
    prints '"id":"recall-by-class"'
    prints '"categories":["anger (10)","joy (10)","neutral (10)"]'
    prints '"id":"confusion-run-complete","title":"Confusion of 3 classes: run, complete"'
    ! grep -qi 'absolute error' "$work/out" || wrong "a report of classes names an absolute error"
done
expect 0 report run --json --quiet
prints '"title":"Cross-entropy"'
prints '"id":"wrong-clips"'
prints '"title":"Classes of store"'
expect 0 inspect store
prints 'labels are of 3 classes'
expect 0 doctor store --json --quiet
if grep -q 'label-sign\|label-range' "$work/out"; then wrong "the doctor finds a range of classes"; fi
expect 0 report run --output page.html --quiet
expect 0 predict run store --split test --json --quiet
cp "$work/out" predict.json
# Predictions alone: with labels they are measured, and the figures are those of the run.
expect 0 report predictions.csv --json --quiet
fits report
prints "is $shown % (95 % interval"
prints '"categories":["anger (10)","joy (10)","neutral (10)"]'
prints 'Confusion of 3 classes: '
prints '"id":"wrong-clips"'
expect 0 report predict.json --json --quiet
fits report
prints '"id":"predicted-classes"'
prints '"categories":["anger","joy","neutral"]'
prints '"id":"class-clips"'
if grep -q 'Confusion' "$work/out"; then wrong "a confusion without labels"; fi
expect 0 report predictions.csv predict.json --json --quiet
fits report
[ "$(grep -o '"id":"confusion-' "$work/out" | wc -l)" -ge 2 ] || wrong "labels of one input do not serve the other"
sed '3s/,\(anger\|joy\|neutral\),/,sad,/' predictions.csv >sad.csv
expect 1 report predictions.csv sad.csv --json
complains "has the label sad, in another input"
sed '3s/,\(anger\|joy\|neutral\),/,,/' predictions.csv >unknown.csv
expect 0 report unknown.csv --json --quiet
prints "on 29 clips of unknown.csv is"
sed 's/anger/1/g; s/joy/2/g; s/neutral/3/g' predictions.csv >numbers.csv
expect 1 report predictions.csv numbers.csv --json
complains "scores of clips that another input has classes of"
sed 's/"class": *"[a-z]*"/"score": 1.5/' predict.json >scores.json
expect 1 report predictions.csv scores.json --json
complains "scores of clips that another input has classes of"
sed '3s/,\(anger\|joy\|neutral\),/,0.5,/' numbers.csv | sed '4s/,[0-9]*$/,angry/' >mixed.csv
expect 1 report mixed.csv --json
complains "mixed.csv:4:"
awk 'BEGIN { print "model,id,label,complete"; for (i = 0; i < 33; i++) print "m,x" i ",class" i ",class" i }' >many.csv
expect 1 report many.csv --json
complains "more than 32 classes"

# ---- a sweep
sweep="sweep store $small --set epochs=2 --seeds 1 --vary losses.missing=0.5,1 --bootstrap 100"
expect 0 $sweep -o sweep
prints "Validation cross-entropy of the best epochs"
prints "F1 (weighted)"
expect 0 $sweep -o sweep --json
fits sweep
prints '"validation_cross_entropy"'
if grep -q validation_mae "$work/out"; then wrong "a cross-entropy is called a mean absolute error"; fi
cp "$work/out" sweep.json
expect 0 report sweep.json --json --quiet
fits report
prints "Validation error (cross-entropy)"

# ---- what is refused
expect 2 train store $small -o refused --set losses.rnc=0.5
complains "classes have no order"
expect 2 train store $small -o refused --set labels=scores
complains "its labels are classes (anger, joy, neutral)"
expect 2 evaluate run store --scale sentiment
complains "not defined for classes"
expect 0 import table table.csv other $columns --label-classes joy,anger,neutral --quiet
expect 1 evaluate run other --quiet
complains "other classes"
sed 's/,train,neutral,/,train,joy,/' table.csv >unseen.csv
expect 0 import table unseen.csv unseen $columns --label-classes anger,joy,neutral --quiet
expect 1 train unseen $small -o refused
complains "no training clip is of the class 'neutral'"
expect 0 synthesize scores --train 30 --validation 10 --test 10 --audio-width 3 --text-width 3 --video-width 3 --threads 1 --quiet
expect 2 train scores $small -o refused --set labels=classes --set losses.rnc=0
complains "its labels are scores"
expect 1 evaluate run scores --quiet

finish
