#!/usr/bin/env bash
# Times the encoders beside PyTorch, in turns, on full-size checkpoints with random weights that it makes itself:
#
#   BENCH_PYTHON=python scripts/bench_encoders.sh BUILD [FOLDER]
#
# The Python needs torch and transformers. FOLDER (default BUILD/bench/encoders, 4 GB) keeps checkpoints and GGUF files
# between runs. Printed are the best of all turns: a machine is never idle all the time.
set -euo pipefail

build=${1:?usage: BENCH_PYTHON=python scripts/bench_encoders.sh BUILD [FOLDER]}
folder=${2:-$build/bench/encoders}
python=${BENCH_PYTHON:?set BENCH_PYTHON to a Python with torch and transformers}
here=$(dirname "$0")
turns=${BENCH_TURNS:-3}
mkdir -p "$folder"
[ -e "$folder/manet.pth" ] || "$python" "$here/make_encoders.py" "$folder" >/dev/null 2>&1
for type in f32 f16 q8_0; do
    [ -e "$folder/wavlm-$type.gguf" ] ||
        "$build/valence" convert wavlm "$folder/wavlm-large" -o "$folder/wavlm-$type.gguf" --type $type 2>/dev/null
    [ -e "$folder/manet-$type.gguf" ] ||
        "$build/valence" convert manet "$folder/manet.pth" -o "$folder/manet-$type.gguf" --type $type 2>/dev/null
done
export OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 BENCH_THREADS=2 BENCH_LAYERS=

best() { # the smallest number that has come for a name
    sort -g "$work/$1" | head -n 1
}
ours() { # NAME MODEL SIZE
    "$build/bench/bench-encode" "$folder/$2.gguf" "$3" 4 | sed -n 's/^\([0-9.]*\) s, .*/\1/p' >>"$work/$1"
}
theirs() { # NAME KIND CHECKPOINT SIZE
    "$python" "$here/../bench/encoders_pytorch.py" "$2" "$folder/$3" "$4" 4 2>/dev/null >>"$work/$1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for _ in $(seq "$turns"); do
    theirs wavlm wavlm wavlm-large 10
    for type in f32 f16 q8_0; do BENCH_LAYERS=final ours "wavlm-$type" "wavlm-$type" 10; done
    for n in 1 32; do
        theirs "manet-$n" manet manet.pth $n
        for type in f32 q8_0; do BENCH_LAYERS=embedding ours "manet-$n-$type" "manet-$type" $n; done
    done
done

row() { # LABEL OURS THEIRS SIZE UNIT
    awk -v label="$1" -v ours="$(best "$2")" -v theirs="$(best "$3")" -v size="$4" -v unit="$5" 'BEGIN {
        printf "%-28s %8.3f s %8.3f s %9.1f %-12s %5.2f x\n", label, ours, theirs, size / ours, unit, theirs / ours }'
}
printf '%-28s %10s %10s %22s %7s\n' "2 threads, best of turns" valence PyTorch "" ratio
for type in f32 f16 q8_0; do row "WavLM-Large 10 s, $type" "wavlm-$type" wavlm 10 "x real time"; done
for n in 1 32; do
    for type in f32 q8_0; do row "MANet, batch $n, $type" "manet-$n-$type" "manet-$n" $n "faces/s"; done
done
