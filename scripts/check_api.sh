#!/usr/bin/env bash
# scripts/check_api.sh PREFIX: on an installed tree, every public header compiles alone as C11 and as C++17 without a warning,
# docs/score.c and every program of docs/api compile, run and print what they should.
set -euo pipefail
prefix=${1:?usage: scripts/check_api.sh PREFIX}
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/valence-api-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
pc=$(dirname "$(find "$prefix" -name valence.pc)")
export PKG_CONFIG_PATH=$pc LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir valence)
strict=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

for header in "$prefix"/include/valence/*.h; do
    printf '#include <valence/%s>\nextern int unused;\n' "$(basename "$header")" | tee alone.c >alone.cpp
    cc -std=c11 "${strict[@]}" -I"$prefix/include" -fsyntax-only alone.c
    c++ -std=c++17 "${strict[@]}" -I"$prefix/include" -fsyntax-only alone.cpp
done

packages=valence
[ ! -f "$pc/valence-media.pc" ] || packages="valence-media valence"
for program in import train evaluate compare score_rows score_text encode_sound; do
    case $program in score_text | encode_sound) [ "$packages" != valence ] || continue ;; esac
    # shellcheck disable=SC2046,SC2086 # words are meant
    cc -std=c11 "${strict[@]}" "$source/docs/api/$program.c" -o "$program" $(pkg-config --cflags --libs $packages) -lm
done
if [ "$packages" != valence ]; then
    # shellcheck disable=SC2046,SC2086
    cc -std=c11 "${strict[@]}" "$source/docs/score.c" -o score $(pkg-config --cflags --libs $packages)
    [ "$(wc -l <"$source/docs/score.c")" -le 40 ] || { echo "check_api: docs/score.c has more than 40 lines" && exit 1; }
fi

expect() { # expect PATTERN COMMAND...: a line of what it prints matches
    local pattern=$1
    shift
    "$@" >out 2>&1 || { cat out && echo "check_api: $* failed" && exit 1; }
    grep -qE "$pattern" out || { cat out && echo "check_api: $* prints no '$pattern'" && exit 1; }
}
valence=$prefix/bin/valence
"$valence" synthesize corpus --train 120 --validation 40 --test 40 --quiet >/dev/null
python3 - <<'END'
import math, os, struct, wave
os.mkdir("arrays")

def array(name, type_, shape, data):
    header = f"{{'descr': '{type_}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(f"arrays/{name}.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)

n, t, d = 6, 4, 3
array("audio", "<f4", (n, t, d), struct.pack(f"<{n * t * d}f", *(math.sin(i) for i in range(n * t * d))))
array("audio_lengths", "<i8", (n,), struct.pack("<6q", 4, 3, 2, 4, 1, 4))
array("id", "<U2", (n,), b"".join(f"c{i}".encode("utf-32-le") for i in range(n)))
array("split", "<U5", (n,), b"".join(s.ljust(5, "\0").encode("utf-32-le") for s in ["train"] * 4 + ["valid", "test"]))
array("label", "<f4", (n,), struct.pack("<6f", -1, 0.5, 2, -2.5, 1, 0))
with wave.open("tone.wav", "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * 200 * i / 16000))) for i in range(16000)))
END
expect '^6 clips taken' ./import arrays imported
expect 'epoch 2 of 2: validation MAE [0-9.]+ \(complete\)' ./train corpus run 2
expect 'complete:  MAE [0-9.]+ \([0-9.]+ to [0-9.]+\)' ./evaluate run corpus
expect '^changed +complete +MAE [+-][0-9.]+ \([+-][0-9.]+ to [+-][0-9.]+\), p = [0-9.]+' ./compare corpus comparison losses.rnc=0 1
expect '^[+-][0-9.]+, 90 % interval .* flow text_missing' ./score_rows run/best.safetensors
if [ -x encode_sound ]; then
    expect '50 rows, energy -1[0-9.]+ dB, [0-9]+ voiced at 200 Hz' ./encode_sound tone.wav
    # A model of the voice alone, whose encoder needs no weights, and a recording of it.
    { echo file,split,label
      for split in train train train train validation validation test; do echo "tone.wav,$split,1"; done; } |
        awk -F, -v OFS=, 'NR == 1 { print $0, "id"; next } { print $0, "clip" NR }' >voices.csv
    "$valence" extract voices.csv -o voices --set audio=prosody --set video=none --set text=none -q >/dev/null
    printf 'store: voices\noutput: voice\nepochs: 1\nflows: [complete]\nselect: complete\nmodel: {d: 8, o: 4}\n' >voice.yaml
    printf 'streams: {text: "", video: "", simulated_text: ""}\n' >>voice.yaml
    "$valence" train voice.yaml --quiet >/dev/null
    expect '^the whole: [+-][0-9.]+, spread 0.00' ./score voice . tone.wav
fi
echo "public headers compile alone as C11 and C++17; docs/score.c and the programs of docs/api run"
