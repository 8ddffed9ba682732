#!/usr/bin/env bash
# Which hidden states of a language model suit: encodes transcripts once for each spelling and kind of rows, layers side by
# side, and fits a ridge regression on each layer alone. Prints MAE on validation (which chooses the ridge) and test.
#
#   BENCH_PYTHON=python scripts/layer_study.sh LABELS [VALENCE [MODEL...]]
#
# LABELS is what `valence import table` takes. MODELs are GGUF files of a model of 30 layers (default: smollm2, as Q4_1). STUDY
# replaces the spellings, rows and prefixes, one a line; "\n" in a prefix is a new line. The Python needs numpy.
set -euo pipefail

labels=${1:?usage: BENCH_PYTHON=python scripts/layer_study.sh LABELS [VALENCE [MODEL...]]}
valence=$(realpath "${2:-$(dirname "$0")/../build/release/valence}")
shift $(($# < 2 ? $# : 2))
models=("${@:-smollm2}")
python=${BENCH_PYTHON:?set BENCH_PYTHON to a Python with numpy}
folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-layers-XXXXXX")
trap 'rm -rf "$folder"' EXIT
layers=$(seq -s , 0 2 30),-4+-3+-2+-1
mapfile -t hows <<<"${STUDY:-lower mean
sentence mean
sentence mean <bos>
sentence mean <bos>\\n
sentence last <bos>\\n}"

"$valence" import table "$labels" "$folder/transcripts" --labels-only --quiet >/dev/null
for model in "${models[@]}"; do
    for how in "${hows[@]}"; do
        read -r spelling rows prefix <<<"$how"
        printf -v prefix '%b' "$prefix"
        rm -rf "$folder/store" "$folder/arrays"
        "$valence" encode text "$folder/transcripts" -m "$model" -o "$folder/store" --layers "$layers" \
            --spelling "$spelling" --rows "$rows" --prefix "$prefix" --quiet
        "$valence" export "$folder/store" "$folder/arrays" --quiet >/dev/null
        "$python" - "$folder/arrays" "$(basename "$model" .gguf)" "$how" <<'PYTHON'
import csv, os, sys
import numpy as np

folder, model, how = sys.argv[1:]
clips = list(csv.DictReader(open(os.path.join(folder, "labels.csv"), encoding="utf-8")))
labels = np.array([float(c["label"]) for c in clips])
part = {name: np.array([c["split"].startswith(name) for c in clips]) for name in ("train", "val", "test")}
rows = np.concatenate([np.load(os.path.join(folder, "text", c["id"] + ".npy")).reshape(1, -1) for c in clips])
layers = rows.reshape(len(clips), 17, -1).astype(np.float64)


def fit(features):
    """MAE on validation and test, and Pearson's r on test, of the ridge that validation prefers."""
    mean, deviation = features[part["train"]].mean(0), features[part["train"]].std(0) + 1e-8
    z, y = (features - mean) / deviation, labels[part["train"]]
    u, s, vt = np.linalg.svd(z[part["train"]], full_matrices=False)
    best = None
    for ridge in (100, 300, 1000, 3000, 10000, 30000):
        scores = np.clip(z @ (vt.T @ (s / (s * s + ridge) * (u.T @ (y - y.mean())))) + y.mean(), -3, 3)
        error = {name: np.abs(scores - labels)[part[name]].mean() for name in part}
        if best is None or error["val"] < best[0]:
            best = error["val"], error["test"], np.corrcoef(scores[part["test"]], labels[part["test"]])[0, 1]
    return best


names = [str(layer) for layer in range(0, 31, 2)] + ["-4+-3+-2+-1"]
for i, name in enumerate(names):
    print(f"{model}  {how:24s}  {name:12s}  " + "validation %.3f  test %.3f  Corr %.3f" % fit(layers[:, i]), flush=True)
PYTHON
    done
done
