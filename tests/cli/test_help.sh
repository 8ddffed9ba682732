# The command explains itself, and what it does not understand it says in a way that helps.
. "$TESTS/cli/support.sh"

expect 0
prints "usage: valence COMMAND"
prints "A first example"
silent
cp "$work/out" "$work/overview"
for help in help --help -h; do
    expect 0 $help
    cmp -s "$work/out" "$work/overview" || wrong "'valence $help' differs from 'valence'"
done

commands=$(sed -n '/^A first example/q; s/^  \([a-z][a-z-]*\)\(  *[A-Z].*\)*$/\1/p' "$work/overview")
[ "$(echo "$commands" | wc -l)" -ge 20 ] || wrong "the overview lists too few commands: $commands"
for command in $commands; do
    expect 0 "$command" --help
    prints "usage: valence $command"
    prints "--help"
    silent
    awk '/^Example:/ { exit } length($0) > 100 { exit 1 }' "$work/out" ||
        wrong "'valence $command --help' has a line of more than 100 columns"
    cp "$work/out" "$work/help"
    expect 0 help "$command"
    cmp -s "$work/out" "$work/help" || wrong "'valence help $command' differs from --help"
    expect 2 "$command" --no-such-option-at-all
    complains "unknown option '--no-such-option-at-all'"
    complains "valence $command --help"
done

expect 2 evaluat
complains "did you mean 'evaluate'?"
expect 2 eval
complains "did you mean 'evaluate'?"
expect 2 ls
complains "did you mean 'inspect'?"
expect 2 sing
complains "'valence' alone lists them"
expect 2 help sing
expect 0 --version
prints "valence "
expect 0 version

expect 2 evaluate run
complains "an argument is missing: STORE"
expect 2 evaluate
complains "usage: valence evaluate [options] RUN STORE"
expect 2 evaluate a b c
complains "unexpected argument 'c'"
expect 2 evaluate --store a
complains "an argument is missing: RUN"
expect 2 evaluate a b --run c
complains "unexpected argument 'b'"
expect 2 evaluate --run a --run b c
complains "--run: this argument is given twice"
expect 2 import table a.csv b --store c
complains "unknown option '--store'; use --output c"
expect 2 evaluate a b --flw complete
complains "did you mean '--flow'?"
expect 2 evaluate a b --batch
complains "--batch needs its N"
expect 2 evaluate a b --batch=many
complains "--batch takes a whole number, not 'many'"
expect 2 evaluate a b --batch 0
complains "--batch takes values from 1 to 65536"
expect 2 evaluate a b --batch 99999999999999999999
complains "--batch takes"
expect 2 evaluate a b --json=yes
complains "--json takes no value"
expect 2 evaluate a b --split tset
complains "did you mean 'test'?"
expect 2 evaluate a b --flow complete,complete
complains "'complete' is given twice"
expect 2 evaluate a b --flow txt_missing
complains "did you mean 'text_missing'?"
expect 2 evaluate a b --checkpoint newest
complains "--checkpoint: unknown value 'newest'; choose one of: best, last"
expect 2 predict a b --checkpoint lst
complains "did you mean 'last'?"
expect 2 predict a b --json --csv
complains "cannot be combined"
expect 2 predict a b --flow complete,text_missing
complains "takes one flow"

# An option that nothing would read is refused: it would be taken for what was done.
expect 2 predict a b --model smollm2
complains "--model goes with --text"
expect 2 predict a --text good --split test
complains "--split goes with a store"
expect 2 score --text good --window 3
complains "--start, --end and --window need a file"
expect 2 doctor a --verify --published mosi
complains "--published does not go with it"
expect 2 report a --figure-width 7
complains "need --figures"
expect 2 report a --figure-format pdf
complains "need --figures"

# No escape sequence of a file name reaches the terminal.
expect 1 evaluate "$(printf 'a\033[31mb')" store
grep -q "$(printf '\033')" "$work/err" && wrong "an escape sequence reached the terminal"

if [ -e /dev/full ]; then
    "$VALENCE" help >/dev/full 2>"$work/err" && wrong "a full disk goes unnoticed"
    said="valence help >/dev/full"
    complains "No space left on device"
fi
# ---- Topics, completion, manual pages: all from the same tables
for topic in configuration flows stores missing-data; do
    expect 0 help "$topic"
    silent
    [ "$(wc -l <"$work/out")" -ge 5 ] || wrong "the topic $topic says little"
    awk 'length($0) > 100 { exit 1 }' "$work/out" || wrong "the topic $topic has long lines"
done
for shell in bash zsh fish; do
    expect 0 completion "$shell"
    silent
    for word in evaluate no-such bootstrap simulated-text missing-data; do
        [ "$word" = no-such ] || prints "$word"
    done
done
expect 2 completion tcsh
complains "choose one of: bash, zsh, fish"
if command -v bash >/dev/null; then
    "$VALENCE" completion bash >"$work/completion"
    completed() { # completed WORD WORDS...: what completing the last of the words offers
        wanted=$1
        shift
        found=$(bash -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _valence; echo "${COMPREPLY[*]}"' \
            "$work/completion" "$@")
        [ "$found" = "$wanted" ] || wrong "completing '$*' offers '$found', not '$wanted'"
    }
    completed "evaluate" valence eval
    completed "--bootstrap" valence evaluate --boo
    completed "flows" valence help flo
fi
expect 0 man valence
for command in $commands; do
    prints "valence $(echo "$command" | sed 's/-/\\-/g')" # as roff writes a hyphen
done
"$VALENCE" man >"$work/pages"
while read -r page; do
    expect 0 man "$page"
    silent
    prints ".SH OPTIONS"
    if command -v groff >/dev/null; then
        groff -man -ww -Tutf8 "$work/out" >/dev/null 2>"$work/err"
        silent
    fi
done <"$work/pages"
expect 2 man sing

# ---- Tables keep to the width, and colour to terminals
"$VALENCE" models >"$work/out" 2>"$work/err"
grep -q "$(printf '\033')" "$work/out" && wrong "colour goes into a file"
finish
