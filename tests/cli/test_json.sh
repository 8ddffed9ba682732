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

# The checker itself refuses what does not fit.
echo '{"schema": "valence/models", "version": 2}' >"$work/out"
python3 "$TESTS/cli/check_json.py" "$TESTS/../docs/json/models.schema.json" "$work/out" >/dev/null &&
    wrong "a document of another version passes"
finish
