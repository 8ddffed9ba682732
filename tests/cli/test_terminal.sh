# What the command shows on a terminal: progress that fits, colours unless NO_COLOR is set, and Ctrl-C.
. "$TESTS/cli/support.sh"
command -v script >/dev/null || { echo "no 'script' (util-linux): skipped"; exit 0; }
export TERM=xterm LC_ALL=C.UTF-8

# on_terminal COLUMNS COMMAND...: runs it on a terminal that wide; $work/frames has what was drawn, a line for each drawing.
on_terminal() {
    columns=$1
    shift
    said="valence $* on $columns columns"
    script -qec "stty cols $columns rows 24; '$VALENCE' $*" "$work/typescript" >/dev/null </dev/null
    sed '1d;$d' "$work/typescript" | tr '\r' '\n' >"$work/frames"
    cp "$work/frames" "$work/out"
}

expect 0 synthesize "$work/store" --train 60 --validation 20 --test 10 --quiet
"$VALENCE" train --print-config >"$work/config.yaml"
settings="--set store=$work/store --set epochs=20 --set batch_size=8 --set model.d=32 --set model.o=16 --threads 1"
escape=$(printf '\033')

# Whole parts alone: half a number would be a wrong one. The escape at the beginning clears the line.
for columns in 120 80 60 40; do
    rm -rf "$work/run"
    on_terminal $columns train "$work/config.yaml" $settings -o "$work/run"
    sed -n "s/^$escape\[K\(training.*\)/\1/p" "$work/frames" >"$work/bars"
    [ "$(wc -l <"$work/bars")" -ge 2 ] || wrong "'$said' shows no progress"
    part='(, epoch [0-9]+/20)?(, loss [0-9.]+)?(, best MAE [0-9.]+ \(epoch [0-9]+\))?(, [0-9:]+ left)?(, [0-9.]+ clips/s)?'
    bar='(:|  [━╌]+ | \[[#.]+\])'
    grep -vE "^training$bar [0-9]+/1200 clips$part\$" "$work/bars" >"$work/cut" &&
        wrong "'$said' cuts its progress: $(head -n 1 "$work/cut")"
    [ "$(wc -L <"$work/bars")" -lt $columns ] || wrong "'$said' draws progress that wraps"
done

on_terminal 80 inspect "$work/store" --quiet
grep -q "$escape\[1m" "$work/frames" || wrong "'$said' has no colours"
(
    export NO_COLOR=1
    on_terminal 80 inspect "$work/store" --quiet
    grep -q "$escape" "$work/frames" && wrong "'$said' has colours though NO_COLOR is set"
    [ "$failures" -eq 0 ]
) || failures=$((failures + 1))
[ "$(wc -L <"$work/frames")" -le 80 ] || wrong "'$said' has lines that wrap"
finish
