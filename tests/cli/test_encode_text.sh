# Transcripts from outside: encoded from files and stores, trained on, and what is refused.
. "$TESTS/cli/support.sh"
mkdir "$work/tmp"
export TMPDIR="$work/tmp" # to see what is left there
model="$TESTS/golden/llm/tiny-llama-f32.gguf"
export VALENCE_CACHE="$work/cache"

echo "the rest" >"$work/a.txt"
if ! "$VALENCE" encode text -m "$model" "$work/a.txt" -o "$work/a.npy" >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "encoding failed: $(cat "$work/err")"
    finish
fi

printf '  THE REST \n' >"$work/b.txt"
expect 0 encode text -m "$model" "$work/a.txt" "$work/b.txt" -o "$work/ab.safetensors" --spelling lower
prints "2 files, "
grep -qa '"spelling\\":\\"lower\\"' "$work/ab.safetensors" || wrong "the settings are not in the file"
expect 0 encode text -m "$model" "$work/a.txt" -o "$work/mean.npy" --rows mean --layers 2,3 --no-special
prints "1 file, 1 row of 128"
expect 0 encode text -m "$model" "$work/a.txt" -o "$work/first.npy" --layers 2 --no-special --no-first --spelling sentence
expect 1 encode text -m "$model" "$work/a.txt" -o "$work/a.npy"
complains "already exists"

# A suffix adds its tokens' rows behind the text's, and is in the record that a model is scored by.
expect 0 encode text -m "$model" "$work/a.txt" "$work/b.txt" -o "$work/suffix.safetensors" --spelling lower --suffix ' it is'
grep -qa '"suffix\\":\\" it is\\"' "$work/suffix.safetensors" || wrong "the suffix is not in the file"
expect 0 encode text -m "$model" "$work/a.txt" -o "$work/longer.npy" --suffix ' it is'
[ "$(stat -c %s "$work/longer.npy")" -gt "$(stat -c %s "$work/a.npy")" ] || wrong "a suffix adds no rows"
expect 2 encode text -m "$model" "$work/a.txt" -o "$work/x.npy" --suffix "$(printf '%0300d' 0)"
complains "the suffix of 300 bytes is longer than 255"

: >"$work/empty.txt"
expect 1 encode text -m "$model" "$work/empty.txt" -o "$work/x.npy"
complains "empty.txt: holds no words"
printf 'a b\0c' >"$work/nul.txt"
expect 1 encode text -m "$model" "$work/nul.txt" -o "$work/x.npy"
complains "nul.txt: byte 3 is NUL"
printf '\357\273\277the rest\n' >"$work/bom.txt"
expect 0 encode text -m "$model" "$work/bom.txt" -o "$work/bom.npy"
cmp -s "$work/a.npy" "$work/bom.npy" || wrong "a byte-order mark changes the rows"
printf 'a\377b' >"$work/latin.txt"
expect 1 encode text -m "$model" "$work/latin.txt" -o "$work/x.npy"
complains "latin.txt"
complains "UTF-8"
expect 1 encode text -m "$work/nothing.gguf" "$work/a.txt" -o "$work/x.npy"
complains "nothing.gguf"
expect 1 encode text "$work/a.txt" -o "$work/x.npy" --offline
complains "'smollm2' comes from the Python package"
expect 2 encode text -m "$model" "$work/a.txt" -o "$work/x.npy" --layers 9
complains "layer '9': the model has hidden states 0 ... 6"
expect 2 encode text -m "$model" "$work/a.txt" -o "$work/x.npy" --rows men
complains "did you mean 'mean'?"
expect 2 encode text -m "$model" "$work/a.txt" -o "$work/x.npy" --spelling loud
complains "choose one of: as-is, lower, sentence, plain"
expect 2 encode text -m "$model" "$work/a.txt"
complains "--output PATH is missing"
expect 2 encode speech "$work/a.txt"
complains "KIND: unknown value 'speech'; choose one of: wavlm, whisper, prosody, manet, faces, text, simulated-text"
expect 1 encode text "$work/a.txt" -m no-such-model -o "$work/rows" --offline
complains "no-such-model: no such file, and 'valence models' lists no model of this name"
[ ! -e "$work/x.npy" ] || wrong "a failed encoding left a file"

# A store of transcripts, its stream, and a text-only network on it.
awk 'BEGIN {
    srand(1); print "id,split,label,transcript"
    for (i = 0; i < 60; i++) {
        good = i % 2
        printf "c%d,%s,%d,\"%s the rest %d\"\n", i, i < 40 ? "train" : i < 50 ? "validation" : "test",
            good ? 2 : -2, good ? "lovely" : "awful", i
    }
    print "silent,test,0,"
}' >"$work/clips.csv"
expect 0 import table "$work/clips.csv" "$work/transcripts" --labels-only
expect 0 encode text "$work/transcripts" -m "$model" -o "$work/store" --layers 3+4 --rows last
prints "store: stream 'text' of width 64, f32: 60 clips encoded, 1 without input"
expect 0 encode text "$work/transcripts" -m "$model" -o "$work/store" --layers 3+4 --rows last
prints "0 clips encoded, 61 already there"
expect 1 encode text "$work/transcripts" -m "$model" -o "$work/store" --layers 3 --rows last
complains "encoders"
expect 1 encode text "$work/store" -m "$model" -o "$work/more"
complains "has a stream 'text' already"
expect 0 encode text "$work/store" -m "$model" -o "$work/more" --stream text_mean --rows mean --dtype f16 --json
fits encode
json 60 encoded
expect 0 inspect "$work/more" --json
json '"text_mean"' streams 1 name
json '"f16"' streams 1 dtype
json '"3+4"' source encoders text layers
json '"mean"' source encoders text_mean rows

# Words that are lost before encoding: another stream beside the whole one.
expect 0 encode text "$work/store" -m "$model" -o "$work/lost" --layers 3+4 --stream text_lost --drop-words 0.5 --seed 3
expect 0 inspect "$work/lost" --json
json 0.5 source encoders text_lost damage drop_words
json 3 source encoders text_lost damage seed
expect 1 encode text "$work/store" -m "$model" -o "$work/lost" --layers 3+4 --stream text_lost --drop-words 0.4 --seed 3
complains "encoders"
expect 0 encode text "$work/store" -m "$model" -o "$work/gone" --rows last --stream text_gone --drop-words 1
prints "0 clips encoded"
expect 0 encode text "$work/store" -m "$model" -o "$work/others" --rows last --stream text_others --replace-words 1
prints "60 clips encoded"
expect 2 encode text "$work/store" -m "$model" -o "$work/x" --stream text_x --drop-words 0.7 --replace-words 0.7
complains "words are replaced at a rate of 0 to 0.3"
expect 2 encode text "$work/a.txt" -m "$model" -o "$work/x" --drop-words 0.7
complains "damage the transcripts of a store"
[ ! -e "$work/x" ] || wrong "a refused encoding left a store"

# The same in one step.
expect 0 import table "$work/clips.csv" "$work/at-once" -m "$model" --layers 3+4 --rows last
prints "61  imported"
prints "stream 'text' of width 64, f32: 60 clips encoded, 1 without input"
expect 0 import table "$work/clips.csv" "$work/at-once" --encode-text "$model" --encode-layers 3+4 --encode-rows last --json
json 61 imported
expect 0 inspect "$work/at-once" --json
json '"last"' source encoders text rows
json 60 streams 0 clips
expect 1 import table "$work/clips.csv" "$work/at-once" --model "$model"
complains "encoders"
expect 2 import table "$work/clips.csv" "$work/x" --layers 3
complains "--model MODEL is missing"
expect 2 import table "$work/clips.csv" "$work/x" --model "$model" --audio label
complains "encodes transcripts alone, without the stream 'audio'"
expect 1 import table "$work/clips.csv" "$work/x" --model smollm2 --offline
complains "'smollm2' comes from"
[ ! -e "$work/x" ] || wrong "a failed import left a store"

cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
flows: [complete]
select: complete
epochs: 6
batch_size: 8
streams: {audio: "", video: "", simulated_text: ""}
model: {d: 16, o: 8}
optimizer: {learning_rate: 0.01}
YAML
expect 0 train "$work/config.yaml" --quiet
expect 0 predict "$work/run" --text "lovely the rest 7" -t "awful the rest 8" -m "$model" --json
json '"lovely the rest 7"' clips 0 id
[ "$("$JSON_VALUE" "$work/out" clips 0 score | cut -c1)" != - ] || wrong "'lovely' scores below 0"
[ "$("$JSON_VALUE" "$work/out" clips 1 score | cut -c1)" = - ] || wrong "'awful' scores above 0"
expect 0 predict "$work/run" --text "lovely" -m "$model"
prints "lovely"
expect 2 predict "$work/run" --text "lovely"
complains "encoded with tiny-llama-f32.gguf: say where it is with --model FILE"
expect 2 predict "$work/run" --text " " -m "$model"
complains "it has no words"
expect 0 predict "$work/run" --text "lovely" --text "awful" --text "lovely" --csv --encoder "$model"
[ "$(wc -l <"$work/out")" -eq 4 ] || wrong "not a row for each of three sentences"
[ "$(sed -n 2p "$work/out")" = "$(sed -n 4p "$work/out")" ] || wrong "the same sentence has two scores"
long=$(printf '%0600d' 0 | sed 's/0/ab c /g' | head -c 520)
expect 0 predict "$work/run" --text "$long good" --text "$long bad" --csv --encoder "$model"
[ "$(wc -l <"$work/out")" -eq 3 ] || wrong "two long sentences with the same beginning are one"
grep -q "good," "$work/out" && grep -q "bad," "$work/out" || wrong "a long sentence is cut"
expect 2 predict "$work/run"
complains "a store, or sentences with --text, are missing"
expect 2 predict "$work/run" "$work/store" --text "lovely"
complains "give a store or --text, not both"
# Checkpoints from before there was a digest: its key is renamed.
sed 's/"digest":/"former":/; s/\(layers[\]*": *[\]*"\)3+4/\12+4/' "$work/run/best.safetensors" >"$work/other.safetensors"
expect 0 predict "$work/other.safetensors" --text "lovely" --encoder "$model" # the recorded settings are used
sed 's/"digest":/"former":/; s/\(type[\]*": *[\]*"\)f32/\1f16/' "$work/run/best.safetensors" >"$work/other.safetensors"
cmp -s "$work/run/best.safetensors" "$work/other.safetensors" && wrong "the checkpoint records no encoder's type"
expect 1 predict "$work/other.safetensors" --text "lovely" --encoder "$model"
complains "with weights of type f16, and 'tiny-llama-f32.gguf' has f32"

# A store whose text was encoded otherwise is not what the model reads.
expect 0 evaluate "$work/run" "$work/store" --quiet
expect 0 encode text "$work/transcripts" -m "$model" -o "$work/other-layer" --layers 3 --rows last --quiet
for command in evaluate predict; do
    expect 1 $command "$work/run" "$work/other-layer"
    complains "other-layer: the model was trained on 'text' encoded with layers \"3+4\", and this is encoded with \"3\""
done

# Trained on something else: nobody knows how to encode a sentence.
expect 0 synthesize "$work/made" --train 40 --validation 10 --test 1 --quiet
expect 0 train "$work/config.yaml" --quiet --set store="$work/made" --set epochs=1 --output "$work/other"
expect 1 predict "$work/other" --text "lovely" --encoder "$model"
complains "valence does not know how to encode a sentence"
[ -z "$(ls "$TMPDIR")" ] || wrong "a sentence's store was left"
# A row for each token: the store says of which word, and a report how much attention each word gets.
expect 0 encode text "$work/transcripts" -m "$model" -o "$work/tokens" --layers 3
expect 0 inspect "$work/tokens" --clip c1 --json
prints '"row_words"'
sed "s|^store:.*|store: $work/tokens|; s|^output:.*|output: $work/tokens-run|; s|^epochs:.*|epochs: 1|" "$work/config.yaml" >"$work/tokens.yaml"
expect 0 train "$work/tokens.yaml" --quiet
expect 0 report "$work/tokens-run" --json --quiet
fits report
prints '"n_words":[4,4,4,4,4,4,4,4,4,4]'
prints '"word_attention":{'
# Where a row stands for all words, no word has a weight.
expect 0 report "$work/run" --json --quiet
grep -q '"word_attention"' "$work/out" && wrong "words of rows that are of none"
finish
