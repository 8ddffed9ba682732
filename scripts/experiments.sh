#!/usr/bin/env bash
# scripts/experiments.sh VALENCE [FOLDER]: every experiment on the synthetic corpus of the demo, 3 seeds each, in less than 20 minutes
# on two idle cores (`make experiments`). FOLDER is build/experiments; the same call continues what was ended.
#
# The network is half as wide as the demo's, so that some 120 trainings fit the time, and MulT has one block where its default is two: its
# time grows with the product of two modalities' rows, which are hundreds here. Other networks have no such blocks.
set -euo pipefail
suite=$(dirname "$(realpath "$0")")/experiment_suite.sh
valence=$(realpath "${1:?usage: scripts/experiments.sh VALENCE [FOLDER]}")
folder=${2:-$(dirname "$suite")/../build/experiments}
mkdir -p "$folder"
cd "$folder"

cat >config.yaml <<'YAML'
store: corpus
epochs: 10
batch_size: 32
model: {d: 32, o: 16, layers: 1}
optimizer: {learning_rate: 0.002}
YAML
[ -d corpus ] || { rm -rf corpus.new && "$valence" synthesize corpus.new --test 600 --quiet && mv corpus.new corpus; }
start=$SECONDS
"$suite" "$valence" config.yaml . 3
echo
echo "$((SECONDS - start)) s; the tables are in $PWD/tables"
