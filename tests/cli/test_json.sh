# Every document of --json is as its schema in docs/json/ says.
. "$TESTS/cli/support.sh"
command -v python3 >/dev/null || { echo "python3 is not installed: skipped"; exit 0; }

# valid NAME COMMAND...: the command's output fits docs/json/NAME.schema.json.
valid() {
    schema=$1
    shift
    expect 0 "$@"
    fits "$schema"
}

valid synthesize synthesize "$work/store" --train 20 --validation 10 --test 10 --quiet --json
json 40 clips
expect 1 synthesize "$work/store" --train 21 --validation 10 --test 10 --quiet
complains "(--force replaces it)"
valid synthesize synthesize "$work/store" --train 20 --validation 10 --test 10 --text-width 8 --quiet --json --force
valid synthesize synthesize --output "$work/store" --train 20 --validation 10 --test 10 --force --quiet --json
"$VALENCE" train --print-config >"$work/config.yaml"
small="--set store=$work/store --set epochs=1 --set model.d=16 --set model.o=8 --quiet --json"
# shellcheck disable=SC2086 # words are meant
valid train train "$work/config.yaml" $small --output "$work/run"
# shellcheck disable=SC2086
valid train train "$work/config.yaml" $small --output "$work/runs" --seeds 2
valid evaluate evaluate "$work/run" "$work/store" --json --quiet --bootstrap 20 --against "$work/runs"
valid evaluate evaluate "$work/runs" "$work/store" --json --quiet --bootstrap 0 --flow all
valid evaluate evaluate "$work/runs" "$work/store" --json --quiet --bootstrap 20 --scale sims --against "$work/run"
valid evaluate evaluate "$work/run" "$work/store" --json --quiet --bootstrap 0 --against "$work/runs"
valid predict predict "$work/run" "$work/store" --json --quiet
valid inspect inspect "$work/store" --json --quiet
valid inspect inspect "$work/run" --json
valid inspect inspect "$work/store" --clip train-00000 --json
valid doctor doctor "$work/store" --json --quiet
valid doctor doctor "$work/store" --verify --json --quiet
valid inspect inspect "$work/runs" --json
# A test part of one clip: what needs two, such as a correlation, is null.
valid synthesize synthesize "$work/one" --train 20 --validation 10 --test 1 --quiet --json
valid evaluate evaluate "$work/run" "$work/one" --json --quiet --bootstrap 20 --flow all --against "$work/runs"
valid evaluate-protocol evaluate "$work/run" "$work/one" --json --quiet --bootstrap 20 --protocol fixed,erase
valid predict predict "$work/run" "$work/one" --json --quiet
valid export export "$work/store" "$work/all.npz" --form npz --json --quiet
valid inspect inspect "$work/all.npz" --json --quiet
valid import import mmsa "$work/all.npz" "$work/again" --json --quiet
valid import import mmsa "$work/all.npz" --dry-run --json --quiet
valid train train "$work/store" --output "$work/planned" --dry-run --json --quiet
[ ! -e "$work/planned" ] || wrong "a dry run made a folder"
valid models models --json

if [ -x "$PROGRAMS/write-transcript" ]; then
    "$PROGRAMS/write-transcript" >"$work/out"
    said=write-transcript
    fits transcribe
    json '" So good. \"Yes\""' text
    { printf '{"schema": "valence/transcribe", "version": 1, "transcripts": ['
      sed 's/"schema".*//; s/"version".*/"output": null,/' "$work/out"
      echo ']}'; } >"$work/all" && mv "$work/all" "$work/out"
    fits transcribe
fi

# Every command with --json has a schema, and a test that holds its output against it; every schema has its command.
for command in $("$VALENCE" completion bash | sed -n "s/^ *'\([a-z-]*\)') options=.* --json .*/\1/p"); do
    echo "$command"
done >"$work/commands"
echo encode >>"$work/commands" # each of its kinds has the option
[ "$(wc -l <"$work/commands")" -ge 20 ] || wrong "only $(wc -l <"$work/commands") commands have --json"
while read -r command; do
    [ -e "$TESTS/../docs/json/$command.schema.json" ] || wrong "docs/json has no schema of 'valence $command --json'"
    grep -qE "^ *(fits|valid) $command( |\$)" "$TESTS"/cli/test_*.sh "$TESTS"/system/test_*.sh ||
        wrong "no test holds the output of 'valence $command --json' against its schema"
done <"$work/commands"
for schema in "$TESTS"/../docs/json/*.schema.json; do
    command=$(basename "$schema" .schema.json)
    grep -qx "${command%-protocol}" "$work/commands" || wrong "no command writes $command"
done

# The checker itself refuses what does not fit.
echo '{"schema": "valence/models", "version": 2}' >"$work/out"
python3 "$TESTS/cli/check_json.py" "$TESTS/../docs/json/models.schema.json" "$work/out" >/dev/null &&
    wrong "a document of another version passes"
echo '{"type": "object", "properties": {"a": {"type": "integer"}}, "anyOf": [{"required": ["a"]}]}' >"$work/schema"
for document in '{"a": 1, "b": 2}' '{"a": "1"}' '{}'; do
    echo "$document" >"$work/out"
    python3 "$TESTS/cli/check_json.py" "$work/schema" "$work/out" >/dev/null && wrong "$document passes"
done
echo '{"a": 1}' >"$work/out"
python3 "$TESTS/cli/check_json.py" "$work/schema" "$work/out" >/dev/null || wrong 'what fits does not pass'
finish
