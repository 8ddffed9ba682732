#!/bin/sh
# Commands under a limit on the size of files, which a full disk resembles: each fails with an error that says so, and leaves
# nothing behind: no half a file, and no folder with what was begun.
. "$TESTS/cli/support.sh"

golden=$TESTS/golden
mkdir "$work/made" "$work/models"

# limited BLOCKS COMMAND...: files may have that many blocks of 512 bytes.
limited() {
    blocks=$1
    shift
    said="valence $* (files of $blocks blocks)"
    : >"$work/out"
    # What it says goes through a pipe, for a file would be limited, too.
    { (ulimit -f "$blocks" && exec "$VALENCE" "$@") 2>&1 </dev/null; echo "exit code $?"; } | cat >"$work/err"
    grep -qx 'exit code 1' "$work/err" || wrong "'$said' does not exit with 1"
    grep -qE 'File too large|may not become larger|No space left' "$work/err" || wrong "'$said' gives another reason"
    left=$(find "$work/made" -mindepth 1 | head -n 5)
    [ -z "$left" ] || wrong "'$said' leaves $left"
    rm -rf "$work/made"
    mkdir "$work/made"
}

expect 0 synthesize "$work/store" --train 30 --validation 10 --test 10 --quiet
expect 0 train "$work/store" -o "$work/run" --set epochs=1 --set model.d=16 --set model.o=8 --quiet
expect 0 export "$work/store" "$work/npy" --form npy
expect 0 export "$work/store" "$work/mmsa.pkl" --form mmsa

for blocks in 1 8 64; do
    limited "$blocks" train "$work/store" -o "$work/made/run" --set epochs=2 --set model.d=64 --set model.o=32 --quiet
    limited "$blocks" train "$work/store" -o "$work/made/run" --set seeds=2 --set epochs=2 --set model.d=64 --quiet
    limited "$blocks" synthesize "$work/made/store" --quiet
    limited "$blocks" import mmsa "$work/mmsa.pkl" "$work/made/store"
    for form in npy safetensors mmsa npz; do
        limited "$blocks" export "$work/store" "$work/made/exported" --form "$form"
    done
done
limited 1 evaluate "$work/run" "$work/store" --split train --bootstrap 0 --predictions "$work/made/scores.csv"

# ---- Encoders
if "$VALENCE" encode --help >/dev/null 2>&1 && [ -x "${MAKE_TINY_MODELS:-}" ]; then
    "$MAKE_TINY_MODELS" "$work/models" || wrong "no models"
    expect 0 convert wavlm "$golden/wavlm/stable" -o "$work/models/wavlm.gguf"
    for i in 1 2 3 4 5 6 7 8; do printf 'one two three. '; done >"$work/text.txt"
    for blocks in 1 8 64; do
        limited "$blocks" convert wavlm "$golden/wavlm/stable" -o "$work/made/wavlm.gguf"
        limited "$blocks" convert manet "$golden/manet/manet-tiny.pth" -o "$work/made/manet.gguf"
        limited "$blocks" convert published "$golden/fusion/small-transition.weights.pt" -o "$work/made/a.safetensors"
        limited "$blocks" encode text -m "$golden/llm/tiny-llama-f32.gguf" "$work/store" --stream new -o "$work/made/store"
    done
    for output in rows.npy rows.safetensors folder; do
        limited 1 encode text -m "$golden/llm/tiny-llama-f32.gguf" "$work/text.txt" -o "$work/made/$output"
    done
    # A second of silence, as a WAV file.
    { printf 'RIFF\044\175\000\000WAVEfmt \020\000\000\000\001\000\001\000\200\076\000\000\000\175\000\000\002\000\020\000data'
      printf '\000\175\000\000'; head -c 32000 /dev/zero; } >"$work/silence.wav"
    limited 1 encode wavlm -m "$work/models/wavlm.gguf" "$work/silence.wav" -o "$work/made/rows.npy"
    cp "$work/silence.wav" "$work/more.wav"
    mkdir "$work/clips"
    cp "$work/silence.wav" "$work/more.wav" "$work/clips"
    small="--set models.whisper=$work/models/whisper.gguf --set video=none"
    for part in 1 2; do
        expect 0 extract "$work/clips" -o "$work/part$part" --shard "$part/2" $small -q
    done
    for blocks in 0 1 8; do
        limited "$blocks" extract "$work/clips" -o "$work/made/store" $small -q
        limited "$blocks" merge "$work/part1" "$work/part2" -o "$work/made/merged" -q
    done
    limited 0 transcribe -m "$work/models/whisper.gguf" "$work/silence.wav" -f json -o "$work/made/text.json"
    limited 0 transcribe -m "$work/models/whisper.gguf" "$work/silence.wav" "$work/more.wav" -f json -o "$work/made/texts"
fi
finish
