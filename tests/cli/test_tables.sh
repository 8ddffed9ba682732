# Every table keeps to the terminal's width, and says which columns that cost.
. "$TESTS/cli/support.sh"

expect 0 synthesize "$work/store" --train 40 --validation 20 --test 20 --quiet
cat >"$work/config.yaml" <<YAML
store: $work/store
output: $work/run
epochs: 1
model: {d: 16, o: 8}
YAML
expect 0 train "$work/config.yaml" --quiet
expect 0 train "$work/config.yaml" --quiet --output "$work/seeds" --seeds 2
expect 0 export "$work/store" "$work/all.npz" --form npz --quiet
printf 'id,split,label,a0\nc1,train,1,1\nc2,test,9,3\nc3,test,3,3\n' >"$work/rows.csv"

# narrow COMMAND...: the command's output at several widths.
narrow() {
    for columns in 40 60 80 120; do
        said="COLUMNS=$columns valence $*"
        COLUMNS=$columns "$VALENCE" "$@" >"$work/out" 2>"$work/err" </dev/null || wrong "'$said' fails"
        # bytes, not characters, where awk knows no UTF-8: leave such a line to the others
        LC_ALL=C grep -v '[^ -~]' "$work/out" | sed 's#[^ ]*/[^ ]*##g; s#[0-9a-f]\{64\}##g' |
            awk -v n="$columns" 'length($0) > n { print; exit 1 }' >"$work/wide" ||
            wrong "'$said' prints a wider line: $(cat "$work/wide")"
    done
}

cd "$work" || exit 1
narrow evaluate run store --quiet
narrow evaluate run store --quiet --flow all
narrow evaluate seeds store --quiet --bootstrap 0
narrow evaluate run store --quiet --against seeds
narrow predict run store --quiet --split test
narrow inspect store --quiet
narrow inspect run
narrow inspect seeds
narrow inspect store --clip train-00000
narrow inspect all.npz --quiet
narrow inspect rows.csv --quiet
narrow doctor store --quiet
narrow models
rm -rf imported && narrow import table rows.csv imported --audio a0 --skip label --quiet --force
narrow import table rows.csv --audio a0 --dry-run --quiet
narrow export store out.npz --form npz --quiet --force

# The columns that do not fit are named, and are there where they fit or nobody looks.
COLUMNS=40 "$VALENCE" evaluate run store --quiet >"$work/out" 2>"$work/err"
said="evaluate at 40 columns"
prints "Not shown in 40 columns: 95 %"
prints "metric"
COLUMNS=160 "$VALENCE" evaluate run store --quiet >"$work/out" 2>"$work/err"
grep -q "Not shown" "$work/out" && wrong "columns are missing at 160 columns"

# piped COMMAND...: without a terminal and COLUMNS a table keeps to 80 columns.
unset COLUMNS
piped() {
    expect 0 "$@"
    python3 - "$work/out" <<'WIDTHS' >"$work/wide" || wrong "'$said' prints a wider line: $(cat "$work/wide")"
import sys
wide = [line for line in open(sys.argv[1], encoding="utf-8") if len(line.rstrip("\n")) > 80]
print(*wide, sep="", end="")
sys.exit(len(wide) > 0)
WIDTHS
}
if command -v python3 >/dev/null; then
    small="--set epochs=1 --set batch_size=16 --threads 1 --jobs 1 --bootstrap 100 --seeds 1 --quiet"
    piped evaluate run store --quiet --flow all
    prints "Not shown in 80 columns"
    piped evaluate run store --quiet --protocol erase,drop-rate --rates 0.1,0.5 --bootstrap 100 --tables protocols
    prints "mask"
    grep -q "95 %" protocols/erase.txt || grep -rq "95 %" protocols || wrong "a file lacks columns"
    piped compare-representations run store --quiet
    piped compare config.yaml $small -o compared --variant 'no-contrast losses.rnc=0' --tables compared-tables
    grep -q "F1 (non-0)" compared-tables/comparison.txt || wrong "a file lacks columns"
    piped sweep config.yaml $small -o swept --vary losses.rnc=0,0.4
    piped cost store --no-baselines --no-encoders --seconds 0.01 --quiet --set model.d=16 --set model.o=8
    piped runs compared
fi
COLUMNS=60 "$VALENCE" inspect store --quiet >"$work/out" 2>"$work/err"
said="inspect at 60 columns"
prints "Not shown in 60 columns: -3, -2, -1, 0, 1, 2, 3"

# A terminal's own width counts, where COLUMNS says nothing.
if command -v script >/dev/null; then
    script -qec "stty cols 60; unset COLUMNS; '$VALENCE' inspect store --quiet" /dev/null >"$work/out" 2>&1 </dev/null
    said="inspect on a terminal of 60 columns"
    prints "Not shown in 60 columns"
fi
finish
