# valence score from outside: texts, tables, folders, recordings that cannot be scored, and what is refused. What a scorer
# makes of recordings is tested by score/test-scorer.
. "$TESTS/cli/support.sh"
model="$TESTS/golden/llm/tiny-llama-f32.gguf"
export VALENCE_CACHE="$work/cache"

echo "the rest" >"$work/a.txt"
if ! "$VALENCE" encode text -m "$model" "$work/a.txt" -o "$work/a.npy" >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "encoding failed: $(cat "$work/err")"
    expect 1 score --text x -m run
    complains "this build cannot score"
    finish
fi

# A network that learnt two words.
awk 'BEGIN {
    print "id,split,label,transcript"
    for (i = 0; i < 300; i++) {
        good = i % 2
        printf "c%d,%s,%d,\"%s the rest %d\"\n", i, i < 100 ? "train" : i < 280 ? "validation" : "test",
            good ? 2 : -2, good ? "lovely" : "awful", i
    }
}' >"$work/clips.csv"
expect 0 import table "$work/clips.csv" "$work/transcripts" --labels-only
expect 0 encode text "$work/transcripts" -m "$model" -o "$work/store" --layers 3 --suffix ' it is' --quiet
cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
flows: [complete]
select: complete
epochs: 6
streams: {audio: "", video: "", simulated_text: ""}
model: {d: 16, o: 8}
optimizer: {learning_rate: 0.01}
YAML
expect 0 train "$work/config.yaml" --quiet
run="-m $work/run --llm $model"

# Texts.
# shellcheck disable=SC2086 # words are meant
expect 0 score --text "lovely the rest 3" --text "awful the rest 4" $run
prints "lovely the rest 3"
silent
# shellcheck disable=SC2086
expect 0 score --text "lovely the rest 3" --text "awful the rest 4" $run --json --explain --quiet
fits score
json 2 n
json '"lovely the rest 3"' recordings 0 segments 0 text
json '"given"' recordings 0 segments 0 words_from
json '"rest"' recordings 1 segments 0 words 2 word
# Attention by word and by row; the prefix and the rest of the words share what the two do not have.
awk -v a="$("$JSON_VALUE" "$work/out" recordings 1 segments 0 words 0 attention)" \
    -v b="$("$JSON_VALUE" "$work/out" recordings 1 segments 0 words 2 attention)" \
    'BEGIN { exit !(a > 0 && b > 0 && a + b < 1) }' || wrong "the words' attention is no share"
awk -v a="$("$JSON_VALUE" "$work/out" recordings 1 segments 0 attention text weights 0)" \
    'BEGIN { exit !(a > 0 && a < 1) }' || wrong "the rows' attention is no share"
good=$("$JSON_VALUE" "$work/out" recordings 0 score)
bad=$("$JSON_VALUE" "$work/out" recordings 1 score)
awk -v a="$good" -v b="$bad" 'BEGIN { exit !(a > b) }' || wrong "lovely is $good and awful $bad"
# shellcheck disable=SC2086
expect 0 predict "$work/run" --text "lovely the rest 3" -m "$model" --csv
predicted=$(sed -n 2p "$work/out" | cut -d, -f2)
awk -v a="$good" -v b="$predicted" 'BEGIN { exit !(a - b < 1e-4 && b - a < 1e-4) }' ||
    wrong "score says $good and predict $predicted"

# shellcheck disable=SC2086
expect 0 score --text "lovely the rest 3" $run --explain
prints "  words "
grep -q "^  adds  lovely [-+]" "$work/out" || wrong "what the words add is not shown"

# A table keeps its ids; what has no words has no score, and that is said.
printf 'name,review\nfirst,"lovely, the rest"\nsecond,\nthird,awful\n' >"$work/reviews.csv"
# shellcheck disable=SC2086
expect 0 score "$work/reviews.csv" --text-column review --id-column name $run --csv
complains "1 text has no score, the first is 'second'"
[ "$(cut -d, -f1 "$work/out" | tr '\n' ' ')" = "id first second third " ] || wrong "the ids are not kept"
sed -n 3p "$work/out" | grep -q "it has no words" || wrong "no reason is given"
# shellcheck disable=SC2086
expect 1 score "$work/reviews.csv" $run
complains "'transcript'"
complains "--text-column"

# shellcheck disable=SC2086
expect 2 score --text " " $run
complains "--text has no words"

# A text file, and one that is cut into sentences.
# shellcheck disable=SC2086
expect 0 score "$work/a.txt" $run
prints "the rest"
for i in 1 2 3 4 5; do echo "A lovely day it was and the rest of it too $i."; done >"$work/long.txt"
# shellcheck disable=SC2086
expect 0 score "$work/long.txt" $run
prints "The whole: "
prints "weighted by words"
"$VALENCE" score - -m "$work/run" --llm "$model" --csv <"$work/a.txt" >"$work/out" 2>"$work/err" || wrong "standard input fails"
grep -q '^-,' "$work/out" || wrong "standard input has no row"

# Files that fail are named and counted, and the others scored.
mkdir "$work/folder"
cp "$work/a.txt" "$work/folder"
printf 'a b\0c' >"$work/folder/nul.txt"
echo nothing >"$work/folder/notes.xyz"
# shellcheck disable=SC2086
expect 1 score "$work/folder" $run --json
complains "nul.txt"
complains "1 of 2 files could not be scored"
complains "1 files of the folder"
fits score
json 2 n
mkdir "$work/empty"
# shellcheck disable=SC2086
expect 1 score "$work/empty" $run
complains "this is an empty folder, not sound, video or text"

# A page: the results of --json in it, in one step or not at all.
# shellcheck disable=SC2086
expect 0 score "$work/long.txt" "$work/a.txt" $run --json --report "$work/page.html" --quiet
sed -n '/id="scores">/,/^],"n":/p' "$work/page.html" | sed 's/.*id="scores">//' | cmp -s - "$work/out" ||
    wrong "the page holds another document than --json prints"
grep -q '<title>2 recordings and texts</title>' "$work/page.html" || wrong "the page has another title"
# shellcheck disable=SC2086
expect 1 score "$work/a.txt" $run --report "$work/page.html"
complains "already exists"
complains "--force replaces it"
# shellcheck disable=SC2086
expect 1 score "$work/folder" $run --report "$work/page.html" --force
grep -q 'nul.txt","error":"' "$work/page.html" || wrong "the page does not name the file that failed"
# shellcheck disable=SC2086
expect 1 score "$work/folder/nul.txt" $run --report "$work/none.html"
[ ! -e "$work/none.html" ] || wrong "there is a page without a score"
# shellcheck disable=SC2086
expect 1 score "$work/a.txt" $run --report "$work/nowhere/page.html"
# shellcheck disable=SC2086
expect 0 score "$work/reviews.csv" --text-column review --id-column name $run --report "$work/table.html"
grep -q '"id":"second"' "$work/table.html" || wrong "the page has not all rows of the table"

# Neighbours among many words are left out together: a long text is not read anew for each word.
# shellcheck disable=SC2086
expect 0 score --text "$(for i in 1 2 3 4 5 6 7 8 9 10; do printf 'lovely awful rest %d ' $i; done)" $run --json --explain
without() { "$JSON_VALUE" "$work/out" recordings 0 segments 0 words "$1" score_without; }
[ "$(without 0)" = "$(without 1)" ] || wrong "the first two of 40 words are not left out together"
[ "$(without 1)" != "$(without 2)" ] || wrong "the second and third of 40 words are left out together"
[ "$(without 38)" = "$(without 39)" ] || wrong "the last two of 40 words are not left out together"

# A text that is put together otherwise than any that was learnt is marked, and its interval is the whole range.
# shellcheck disable=SC2086
expect 0 score --text "lovely the rest 7" --text "it it it it" $run --json
fits score
json false recordings 0 segments 0 outside
json true recordings 1 segments 0 outside
json -3.0 recordings 1 segments 0 low
json 3.0 recordings 1 segments 0 high
novelty=$("$JSON_VALUE" "$work/out" recordings 1 segments 0 novelty)
awk -v n="$novelty" 'BEGIN { exit !(n > 0.99 && n < 1) }' || wrong "the other text's novelty is $novelty"
# shellcheck disable=SC2086
expect 0 score --text "it it it it" $run
prints " !"
prints "!: WARNING: 1 segment is unlike the training data"

# What is refused.
expect 2 score a.txt --embed
complains "--embed needs --report"
expect 2 score - --live --report x.html
complains "--live and --report cannot be combined"
expect 2 score a.txt --report -
complains "--report needs the name of a file"
# shellcheck disable=SC2086
expect 2 score https://example.org/clip.mp4 $run
complains "opens no network addresses"
expect 2 score -m "$work/run"
complains "give a file, or texts with --text"
expect 2 score a.txt b.txt --text x
complains "give one file and one text"
expect 2 score a.txt --json --csv
complains "cannot be combined"
expect 2 score a.wav --live
complains "--live reads standard input"
expect 2 score a.wav --start 3 --end 2
complains "--end is not after --start"
expect 1 score --text x -m "$work/run"
complains "needs the encoder 'tiny-llama-f32.gguf'"
expect 1 score --text x --offline # the model that comes with valence, without its encoder
complains "smollm2"
complains "without --offline it is fetched"
# shellcheck disable=SC2086
expect 1 score "$work/nowhere.wav" $run --offline
complains "whisper-base"
complains "without --offline it is fetched"
# A model of classes: the most probable class of each segment, and all probabilities.
sed '1s/label/Emotion/; s/,2,"/,joy,"/; s/,-2,"/,anger,"/' "$work/clips.csv" >"$work/classes.csv"
expect 0 import table "$work/classes.csv" "$work/class-transcripts" --labels-only --label-column Emotion \
    --label-classes anger,joy --quiet
expect 0 encode text "$work/class-transcripts" -m "$model" -o "$work/class-store" --layers 3 --suffix ' it is' --quiet
sed "s#store: .*#store: $work/class-store#; s#output: .*#output: $work/classes#" "$work/config.yaml" >"$work/classes.yaml"
printf 'labels: classes\nlosses: {rnc: 0}\n' >>"$work/classes.yaml"
expect 0 train "$work/classes.yaml" --quiet
classes="-m $work/classes --llm $model"
# shellcheck disable=SC2086
expect 0 score --text "lovely the rest 1" --text "awful the rest 2" --text "" $classes
prints "class  probability"
prints "joy"
prints "anger"
# shellcheck disable=SC2086
expect 0 score --text "lovely the rest 1" --text "" $classes --json
fits score
json '"joy"' recordings 0 class
json null recordings 0 score
json '"joy"' recordings 0 segments 0 class
json null recordings 1 segments 0 class
json null range 0
"$JSON_VALUE" "$work/out" recordings 0 probabilities joy | awk '{ exit !($1 > 0.5 && $1 <= 1) }' ||
    wrong "the class is not the most probable one"
# shellcheck disable=SC2086
expect 0 score --text "awful the rest 2" $classes --csv
prints "id,class,outside,novelty,flow,missing,segment,start,end,words_from,text,reason,p_anger,p_joy,weight_text"
prints "awful the rest 2,anger,"
{ for i in 1 2 3 4 5 6; do printf 'Awful the rest %d, the rest, the rest. ' $i; done; } >"$work/long.txt"
for i in 1 2 3 4; do printf 'And awful the rest %d and the rest. ' $i; done >>"$work/long.txt"
# shellcheck disable=SC2086
expect 0 score "$work/long.txt" $classes
prints "The whole: anger, with a mean probability of "
for option in --explain "--report $work/class-page.html"; do
    # shellcheck disable=SC2086
    expect 1 score --text "awful the rest 2" $classes $option
    complains "only scores can be explained (score without --explain and --report)"
done
[ ! -e "$work/class-page.html" ] || wrong "a page that is refused is there"
# shellcheck disable=SC2086
expect 1 serve $classes --port 0
complains "predicts classes, and the server answers with scores ('valence score -m RUN' gives the classes"

# Samples without a header, live, by a model of the voice alone: the error names --raw, and with it they are read.
mkdir "$work/voices"
echo "file,label,split" >"$work/voices/table.csv"
i=0
while [ $i -lt 24 ]; do
    {
        printf 'RIFF\244\076\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\0\175\0\0\002\0\020\0data\200\076\0\0'
        awk -v n=$i 'BEGIN { srand(n + 1); for (j = 0; j < 8000; j++) printf "%c%c", 1 + int(rand() * 126), 65 + int(rand() * 20) }'
    } >"$work/voices/v$i.wav"
    echo "v$i.wav,$((i % 3 - 1)),$([ $i -lt 12 ] && echo train || echo validation)" >>"$work/voices/table.csv"
    i=$((i + 1))
done
expect 0 extract "$work/voices/table.csv" -o "$work/voice-store" --set audio=prosody --set video=none --set text=none --quiet
expect 0 train "$work/voice-store" -o "$work/voice" --set epochs=1 --set model.d=8 --set model.o=4 --quiet
tail -c 16000 "$work/voices/v1.wav" >"$work/samples"
said="valence score - --live <samples"
"$VALENCE" score - --live -m "$work/voice" --offline --no-transcript <"$work/samples" >"$work/out" 2>"$work/err"
[ $? -eq 1 ] || wrong "'$said' does not exit with 1"
complains "standard input: "
complains "(--raw reads samples without a header: 16 bit, little-endian, 16 kHz, mono)"
"$VALENCE" score - --live --raw -m "$work/voice" --offline --no-transcript <"$work/samples" >"$work/out" 2>"$work/err" ||
    wrong "'$said' fails with --raw"
prints "0:00.0"
finish
