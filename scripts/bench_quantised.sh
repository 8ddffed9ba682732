#!/usr/bin/env bash
# Times quantised products and encoders at the instructions of several processors, beside oneDNN and PyTorch, in turns:
#
#   BENCH_PYTHON=python scripts/bench_quantised.sh BUILD FOLDER [OUT.json]
#
# FOLDER is one that scripts/bench_encoders.sh filled; a whisper-TYPE.gguf there is timed, too. Without BENCH_PYTHON
# (torch and transformers) PyTorch is left out, and without -DVALENCE_BENCH_ONEDNN=FOLDER (include, lib) at configuring
# oneDNN. BENCH_ROUNDS (5) and BENCH_THREADS (2) can be set. OUT.json (BUILD/bench/quantised.json) keeps every number;
# `bench/quantised.py show` prints its tables again. An idle machine needs five minutes.
set -euo pipefail

build=${1:?usage: BENCH_PYTHON=python scripts/bench_quantised.sh BUILD FOLDER [OUT.json]}
folder=${2:?usage: BENCH_PYTHON=python scripts/bench_quantised.sh BUILD FOLDER [OUT.json]}
exec python3 "$(dirname "$0")/../bench/quantised.py" run "$build" "$folder" "${3:-$build/bench/quantised.json}"
