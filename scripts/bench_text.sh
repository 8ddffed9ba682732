#!/usr/bin/env bash
# Times text features with SmolLM2: `valence encode text` beside transformers on the same weights, in turns, and a prompt's
# speed in llama.cpp, which is the limit.
#
#   BENCH_PYTHON=python scripts/bench_text.sh BUILD TEXTS
#
# TEXTS holds a transcript a line. The Python needs torch, transformers and gguf. Two threads; BENCH_TURNS (2) turns.
set -euo pipefail

build=$(realpath "${1:?usage: BENCH_PYTHON=python scripts/bench_text.sh BUILD TEXTS}")
texts=$(realpath "${2:?usage: BENCH_PYTHON=python scripts/bench_text.sh BUILD TEXTS}")
python=${BENCH_PYTHON:?set BENCH_PYTHON to a Python with torch, transformers and gguf}
bench=$(dirname "$(realpath "$0")")/../bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=2 BENCH_THREADS=2

model=$("$build/valence" models fetch smollm2)
awk 'BEGIN { print "id,split,label,transcript" } { gsub(/"/, "\"\""); printf "%d,train,0,\"%s\"\n", NR, $0 }' "$texts" >"$work/texts.csv"
"$build/valence" import table "$work/texts.csv" "$work/transcripts" --labels-only --quiet >/dev/null

for turn in $(seq "${BENCH_TURNS:-2}"); do
    echo "turn $turn"
    printf '  transformers, f32, one by one:  '
    "$python" "$bench/text_transformers.py" "$model" "$texts" 2 2>/dev/null
    rm -rf "$work/store"
    "$python" - "$build/valence" encode text "$work/transcripts" -o "$work/store" --quiet <<'PYTHON'
import resource, subprocess, sys, time
start = time.time()
subprocess.run(sys.argv[1:], check=True)
seconds, peak = time.time() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"  valence encode text, Q4_1:       {seconds:.1f} s with loading and writing, peak {peak:.0f} MiB")
PYTHON
    "$build/bench/bench-llm" "$model" "$texts" | sed 's/^/  bench-llm: /'
done
