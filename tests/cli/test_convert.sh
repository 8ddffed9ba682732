# The published layout becomes a checkpoint; what is not that layout is refused with every reason.
. "$TESTS/cli/support.sh"
golden="$TESTS/golden/fusion"

for variant in transition text off; do
    for ending in pt safetensors; do
        expect 0 convert published "$golden/small-$variant.weights.$ending" -o "$work/$variant.$ending" \
            --imagination $variant
        prints "widths 20/24/12, d 16, o 8, imagination $variant"
        prints "left out: "
        prints "fc_out_ev.weight"
        silent
        [ -s "$work/$variant.$ending" ] || wrong "no file was written"
    done
done

expect 1 convert published "$golden/pair.weights.pt" -o "$work/text.pt"
complains "already exists (--force replaces it)"
expect 0 convert published "$golden/pair.weights.pt" -o "$work/text.pt" --force

expect 0 convert published "$golden/small-text.weights.pt" -o "$work/json.safetensors" --imagination text --json --quiet
fits convert
json 16 model d
json '"fc_out_e.weight"' left_out 0
expect 2 convert published "$golden/pair.weights.pt"
complains "--output FILE is missing"
expect 2 convert keras "$golden/pair.weights.pt" -o "$work/x"
complains "unknown value 'keras'"
expect 2 convert published "$golden/pair.weights.pt" -o "$work/x" --imagination none
complains "--imagination: unknown value 'none'; choose one of: transition, text, off"
expect 1 convert published "$work/nothing.pt" -o "$work/x"
complains "no such file"
expect 1 convert published "$golden/pair.weights.pt" -o "$work/nowhere/x"
complains "cannot write"
expect 1 convert published "$golden/pair.cases.safetensors" -o "$work/x"
complains "not a published checkpoint"
for size in 0 1 9 100 3000 60000; do
    for ending in pt safetensors; do
        head -c $size "$golden/pair.weights.$ending" >"$work/cut.$ending"
        [ "$(wc -c <"$work/cut.$ending")" -eq $size ] || continue
        cmp -s "$golden/pair.weights.$ending" "$work/cut.$ending" && continue
        expect 1 convert published "$work/cut.$ending" -o "$work/x"
        complains "$work/cut.$ending"
    done
done
[ ! -e "$work/x" ] || wrong "a failed conversion left a file"
ls "$work" | grep -q tmp- && wrong "a failed conversion left a temporary file"
finish
