#!/bin/sh
# scripts/bench_python.sh BUILD [ROUNDS]: how many clips a second Python scores for each that C scores, from a store and from
# arrays. Both run in one process, on one thread, in turn, and CPU time is measured, so that a busy machine matters little.
# Prints a table: for each network and kind of clips the median of ROUNDS (30) pairs.
set -eu
build=$(realpath "${1:?usage: scripts/bench_python.sh BUILD [ROUNDS]}")
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=$("$source/scripts/python_environment.sh" "$source/python/requirements-test.txt")
"$source/scripts/python_package.sh" "$python" "$build"
export PYTHONPATH="$build/python" VALENCE_LIBRARIES="$build" OMP_NUM_THREADS=1
cc -O2 -shared -fPIC "-I$source/include" "$source/bench/python_peer.c" "-L$build" -lvalence "-Wl,-rpath,$build" -o "$work/peer.so"
"$python" "$source/bench/python_throughput.py" "$work" "${2:-30}"
