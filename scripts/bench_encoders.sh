#!/usr/bin/env bash
# Times the encoders beside PyTorch, in turns, on full-size checkpoints with random weights that it makes itself; and
# measures memory, the time to a first result, and how far the quantised types are from f32:
#
#   BENCH_PYTHON=python scripts/bench_encoders.sh BUILD [FOLDER]
#
# The Python needs torch and transformers. FOLDER (default BUILD/bench/encoders, 4 GB) keeps checkpoints and GGUF files
# between runs. BENCH_TURNS (3) turns of 4 repeats, of which the first warms up; printed are the median and the range.
set -euo pipefail

build=${1:?usage: BENCH_PYTHON=python scripts/bench_encoders.sh BUILD [FOLDER]}
folder=${2:-$build/bench/encoders}
python=${BENCH_PYTHON:?set BENCH_PYTHON to a Python with torch and transformers}
here=$(dirname "$0")
turns=${BENCH_TURNS:-3}
mkdir -p "$folder"
[ -e "$folder/manet.pth" ] || "$python" "$here/make_encoders.py" "$folder" >/dev/null 2>&1
for type in f32 f16 bf16 q8_0; do
    [ -e "$folder/wavlm-$type.gguf" ] ||
        "$build/valence" convert wavlm "$folder/wavlm-large" -o "$folder/wavlm-$type.gguf" --type $type 2>/dev/null
    [ -e "$folder/manet-$type.gguf" ] ||
        "$build/valence" convert manet "$folder/manet.pth" -o "$folder/manet-$type.gguf" --type $type 2>/dev/null
done
export OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 BENCH_THREADS=2 BENCH_LAYERS=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- Speed -------------------------------------------------------------------------------------------------------

ours() { # NAME MODEL SIZE
    "$build/bench/bench-encode" "$folder/$2.gguf" "$3" 4 | sed -n 's/^\([0-9.]*\) s, .*/\1/p' | tail -n 3 >>"$work/$1"
}
theirs() { # NAME KIND CHECKPOINT SIZE
    "$python" "$here/../bench/encoders_pytorch.py" "$2" "$folder/$3" "$4" 4 2>/dev/null | tail -n 3 | cut -d " " -f 1 >>"$work/$1"
}
for _ in $(seq "$turns"); do
    "$build/bench/bench-encode" limit >>"$work/limit"
    theirs wavlm wavlm wavlm-large 10
    for type in f32 f16 bf16 q8_0; do BENCH_LAYERS=final ours "wavlm-$type" "wavlm-$type" 10; done
    for n in 1 32; do
        theirs "manet-$n" manet manet.pth $n
        for type in f32 bf16 q8_0; do BENCH_LAYERS=embedding ours "manet-$n-$type" "manet-$type" $n; done
    done
done

middle() { # of the numbers that have come for a name
    sort -g "$work/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
range() {
    sort -g "$work/$1" | awk 'NR == 1 { low = $1 } END { printf "%s-%s", low, $1 }'
}
row() { # LABEL OURS THEIRS SIZE GFLOP UNIT
    awk -v label="$1" -v ours="$(middle "$2")" -v theirs="$(middle "$3")" -v ours_range="$(range "$2")" \
        -v theirs_range="$(range "$3")" -v size="$4" -v gflop="$5" -v unit="$6" -v limit="$(middle limit)" 'BEGIN {
        printf "%-26s %7.3f (%s)  %7.3f (%s)  %6.1f %-11s %5.2f x  %4.0f %%\n", label, ours, ours_range, theirs, \
            theirs_range, size / ours, unit, theirs / ours, 100 * gflop / ours / limit }'
}
printf '2 threads; seconds as median (range); the last column is 35 GFLOP a second of sound or 7.28 GFLOP a face, taken
as they are counted and not as they are computed, beside an sgemm at %s GFLOP/s\n\n' "$(middle limit)"
printf '%-26s %-21s  %-21s  %-18s  %-7s  %s\n' "" valence PyTorch "" ratio "of sgemm"
for type in f32 f16 bf16 q8_0; do row "WavLM-Large 10 s, $type" "wavlm-$type" wavlm 10 350 "x real time"; done
for n in 1 32; do
    for type in f32 bf16 q8_0; do
        row "MANet, batch $n, $type" "manet-$n-$type" "manet-$n" $n "$(awk -v n=$n 'BEGIN { print n * 7.28 }')" faces/s
    done
done

# ---- Memory, the first result, and exactness -----------------------------------------------------------------------

printf '\nWavLM-Large, a clip of 30 s, and of 10 s for the first result after the start of the program\n\n'
for type in f32 q8_0; do
    BENCH_LAYERS=final "$build/bench/bench-encode" "$folder/wavlm-$type.gguf" 30 1 |
        sed -n "s/^peak \(.*\)/$type: peak \1/p"
    BENCH_LAYERS=final "$build/bench/bench-encode" "$folder/wavlm-$type.gguf" 10 1 |
        sed -n "s/.*result 1 after \(.*\), .*/$type: first result after \1/p"
done

"$python" - "$work" <<'PY'
import struct
import sys
import wave
import zlib

import numpy as np

random = np.random.default_rng(1)
samples = np.convolve(random.standard_normal(160000), np.ones(8) / 8, "same")
with wave.open(sys.argv[1] + "/noise.wav", "wb") as sound:
    sound.setnchannels(1)
    sound.setsampwidth(2)
    sound.setframerate(16000)
    sound.writeframes((samples / abs(samples).max() * 20000).astype("<i2").tobytes())


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


for i in range(8):
    pixels = random.integers(0, 255, (14, 14, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    with open(f"{sys.argv[1]}/face{i}.png", "wb") as picture:
        picture.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 224, 224, 8, 2, 0, 0, 0)) +
                      chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))
PY
for type in f32 f16 bf16 q8_0; do
    "$build/valence" encode wavlm -q -m "$folder/wavlm-$type.gguf" --layers final "$work/noise.wav" -o "$work/wavlm-$type.npy"
    "$build/valence" encode manet -q -m "$folder/manet-$type.gguf" "$work"/face*.png -o "$work/manet-$type.npy"
done
printf '\nLeast cosine of a row with that of f32\n\n'
"$python" - "$work" <<'PY'
import sys

import numpy as np

for encoder in ("wavlm", "manet"):
    f32 = np.load(f"{sys.argv[1]}/{encoder}-f32.npy").astype(float)
    for kind in ("f16", "bf16", "q8_0"):
        rows = np.load(f"{sys.argv[1]}/{encoder}-{kind}.npy").astype(float)
        cosine = (f32 * rows).sum(1) / np.linalg.norm(f32, axis=1) / np.linalg.norm(rows, axis=1)
        print(f"{encoder} {kind}: {cosine.min():.7f}")
PY
