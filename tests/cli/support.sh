# What the scripts use. $VALENCE is the command, $JSON_VALUE reads JSON, $TESTS is the tests' folder, $work a folder of the
# script's own. A script ends with `finish`.
set -u
[ -x "$VALENCE" ] && [ -x "$JSON_VALUE" ] || { echo "not built: $VALENCE, $JSON_VALUE"; exit 1; }
work=$(mktemp -d /tmp/valence-cli-XXXXXX)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1    # tests share the machine
export GOMP_SPINCOUNT=10000 # else the command sets it and starts itself again, every time
failures=0

wrong() {
    echo "FAILED: $*"
    sed 's/^/    out: /' "$work/out" | head -n 20
    sed 's/^/    err: /' "$work/err" | head -n 20
    failures=$((failures + 1))
}

# expect CODE ARGUMENT...: runs the command; its exit code must be CODE. A JSON document that it prints must be as its schema says.
expect() {
    expected=$1
    shift
    said="valence $*"
    "$VALENCE" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ "$code" -eq "$expected" ] || wrong "'$said' exits with $code, not $expected"
    written=$(head -n 2 "$work/out" | tr '\n' ' ' | sed -n 's|^{ *"schema": "valence/\([a-z-]*\)".*|\1|p')
    case $written in
    '') ;;
    encode-*) fits encode ;; # one for all kinds of encoders
    *) fits "$written" ;;
    esac
}

# prints TEXT, complains TEXT: what the last command wrote to its output or error output holds TEXT.
prints() {
    grep -qF -- "$1" "$work/out" || wrong "'$said' does not print '$1'"
}
complains() {
    grep -qF -- "$1" "$work/err" || wrong "'$said' does not complain '$1'"
}
silent() {
    [ ! -s "$work/err" ] || wrong "'$said' writes to its error output"
}

# json VALUE KEY...: the last output is JSON and the value behind the keys is VALUE.
json() {
    wanted=$1
    shift
    found=$("$JSON_VALUE" "$work/out" "$@" 2>&1)
    [ "$found" = "$wanted" ] || wrong "'$said': $* is '$found', not '$wanted'"
}

finish() {
    [ "$failures" -eq 0 ] && exit 0
    echo "$failures failures"
    exit 1
}

# fits NAME: the last output is as docs/json/NAME.schema.json says.
fits() {
    command -v python3 >/dev/null || return 0
    python3 "$TESTS/cli/check_json.py" "$TESTS/../docs/json/$1.schema.json" "$work/out" >"$work/problems" 2>&1 ||
        wrong "'$said' does not fit docs/json/$1.schema.json: $(cat "$work/problems")"
}
