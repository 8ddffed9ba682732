#!/usr/bin/env bash
# Valence from the voice alone: EmoDB, each speaker held out in turn.
#
#   BENCH_PYTHON=python scripts/emodb.sh [VALENCE [FOLDER [CLIPS]]]
#
# VALENCE is the command (build/release/valence). FOLDER keeps features, tables and runs; if you
# interrupt the script, encoding continues where it stopped. CLIPS is the folder of the recordings
# and their labels.csv (file, speaker, emotion); default $VALENCE_SHARED/data/emodb, or
# ../shared/data/emodb. WHISPER names another model than whisper-base, THREADS is the number of
# threads (1). The Python needs numpy.
#
# Prints Pearson's correlation with the held-out speaker's valence, for ridge regression on clip
# means and for the network, with Whisper's rows, with prosody and with both. docs/results.md says
# how settings were chosen.
set -euo pipefail
cd "$(dirname "$0")/.."

valence=$(realpath "${1:-build/release/valence}")
clips=${3:-${VALENCE_SHARED:-../shared}/data/emodb}
python=${BENCH_PYTHON:?set BENCH_PYTHON to a Python with numpy}
threads=${THREADS:-1}
if [ ! -f "$clips/labels.csv" ]; then
    echo "emodb: $clips/labels.csv does not exist (VALENCE_SHARED says where to look)" >&2
    exit 1
fi
clips=$(realpath "$clips")
if [ $# -ge 2 ]; then
    mkdir -p "$2"
    folder=$(realpath "$2")
else
    folder=$(mktemp -d "${TMPDIR:-/tmp}/valence-emodb-XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi

# All six layers side by side: the encoder's work is the same for one and for six.
"$valence" encode whisper "$clips" -m "${WHISPER:-whisper-base}" --layers 1,2,3,4,5,6 \
    -o "$folder/whisper" -j "$threads" --quiet
"$valence" encode prosody "$clips" -o "$folder/prosody" -j "$threads" --quiet

cat >"$folder/emodb.py" <<'PYTHON'
"""Chooses the layers, fits ridge regression, and writes what the network learns from."""
import csv, os, sys
import numpy as np

clips, folder = sys.argv[1:]
LAYERS = 6
POOL = 5  # rows averaged for the network: 10 rows a second
PENALTIES = (3, 10, 30, 100, 300, 1000, 3000, 10000)

# Pleasure of the emotions' names on -1 ... 1, from Russell and Mehrabian (1977), Evidence for a
# three-factor theory of emotions, Journal of Research in Personality 11; neutral is their zero.
pleasure = {"happiness": 0.81, "neutral": 0, "anger": -0.51, "disgust": -0.60, "sadness": -0.63,
            "fear": -0.64, "boredom": -0.65}

with open(os.path.join(clips, "labels.csv"), encoding="utf-8") as file:
    table = list(csv.DictReader(file))
ids = [os.path.splitext(row["file"])[0] for row in table]
labels = np.array([round(3 * pleasure[row["emotion"]], 2) for row in table])
speakers = np.array([row["speaker"] for row in table])
names = sorted(set(speakers))
whisper = [np.load(f"{folder}/whisper/{i}.npy") for i in ids]
whisper = [rows.reshape(len(rows), LAYERS, -1) for rows in whisper]
prosody = [np.load(f"{folder}/prosody/{i}.npy") for i in ids]


def rows_of(kind, layer):
    """The rows of every clip; both are as long as the shorter."""
    if kind == "prosody":
        return prosody
    if kind == "whisper":
        return [w[:, layer] for w in whisper]
    return [np.concatenate([w[: len(p), layer], p[: len(w)]], 1) for w, p in zip(whisper, prosody)]


means = {(kind, layer): np.stack([rows.mean(0) for rows in rows_of(kind, layer)])
         for kind in ("whisper", "prosody", "both") for layer in range(LAYERS)}


def ridge(x, train, test):
    """Correlation on the clips of test for each penalty."""
    mean, deviation = x[train].mean(0), x[train].std(0) + 1e-8
    u, s, vt = np.linalg.svd((x[train] - mean) / deviation, full_matrices=False)
    z, y = (x[test] - mean) / deviation @ vt.T, u.T @ (labels[train] - labels[train].mean())
    scores = [z @ (s / (s * s + penalty) * y) for penalty in PENALTIES]
    return np.array([np.corrcoef(score, labels[test])[0, 1] for score in scores])


def choose(kind, held_out):
    """Layer and penalty with the best mean correlation on the other speakers, each in turn."""
    others = [name for name in names if name != held_out]
    table = [np.mean([ridge(means[kind, layer], (speakers != held_out) & (speakers != name),
                            speakers == name) for name in others], 0)
             for layer in range(1 if kind == "prosody" else LAYERS)]
    return np.unravel_index(np.argmax(table), np.shape(table))


for kind in ("whisper", "prosody", "both"):
    figures = []
    for k, name in enumerate(names):
        layer, penalty = choose(kind, name)
        validation = names[(k + 1) % len(names)]  # chooses the network's epoch
        train = (speakers != name) & (speakers != validation)
        figures.append(ridge(means[kind, layer], train, speakers == name)[penalty])
        if kind != "prosody":
            print(f"layer {layer + 1} for {kind} without speaker {name}")
        rows_folder = f"{folder}/{kind}-{name}-rows"
        os.makedirs(rows_folder, exist_ok=True)
        for i, rows in zip(ids, rows_of(kind, layer)):
            starts = np.arange(0, len(rows), POOL)
            counts = np.minimum(POOL, len(rows) - starts)[:, None]
            pooled = np.add.reduceat(rows, starts, 0) / counts
            np.save(f"{rows_folder}/{i}.npy", pooled.astype(np.float32))
        with open(f"{folder}/{kind}-{name}.csv", "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "split", "label", "group"])
            for i, speaker, label in zip(ids, speakers, labels):
                part = {name: "test", validation: "validation"}.get(speaker, "train")
                out.writerow([i, part, label, speaker])
    with open(f"{folder}/ridge-{kind}.txt", "w") as file:
        file.write("".join(f"{figure}\n" for figure in figures))
with open(f"{folder}/speakers.txt", "w") as file:
    file.write("".join(f"{name}\n" for name in names))
PYTHON
"$python" "$folder/emodb.py" "$clips" "$folder"

cat >"$folder/config.yaml" <<YAML
flows: [complete]
select: complete
epochs: 30
batch_size: 16
streams: {text: "", video: "", simulated_text: ""}
model: {d: 64, o: 32}
losses: {rnc: 0.1}
optimizer: {learning_rate: 0.002}
YAML

# The mean of six figures, its 95 % interval (Student's t, 5 degrees of freedom), and the figures.
summary() {
    awk -v title="$1" '
        { x[NR] = $1; sum += $1; all = all sprintf(" %.2f", $1) }
        END {
            mean = sum / NR
            for (i = 1; i <= NR; i++) squares += (x[i] - mean) ^ 2
            half = 2.571 * sqrt(squares / (NR - 1) / NR)
            printf "%-26s %.3f ± %.3f  %s\n", title, mean, half, all
        }'
}

correlation='import json, sys
print(json.load(sys.stdin)["models"][0]["flows"]["complete"]["metrics"]["corr"])'
mapfile -t speakers <"$folder/speakers.txt"
printf '\ncorrelation, mean of the speakers %s\n' "${speakers[*]}"
for kind in whisper prosody both; do
    for speaker in "${speakers[@]}"; do
        run=$folder/run-$kind-$speaker
        rm -rf "$run" "$folder/store"
        "$valence" import table "$folder/$kind-$speaker.csv" "$folder/store" --dtype f32 \
            --audio-folder "$folder/$kind-$speaker-rows" --quiet >/dev/null
        "$valence" train "$folder/config.yaml" --set store="$folder/store" --output "$run" \
            --seeds 3 -j "$threads" --quiet >/dev/null
        "$valence" evaluate "$run" "$folder/store" --split test --ensemble --bootstrap 0 --json \
            -j "$threads" --quiet | "$python" -c "$correlation"
    done >"$folder/network-$kind.txt"
    summary "ridge on means, $kind" <"$folder/ridge-$kind.txt"
    summary "network, $kind" <"$folder/network-$kind.txt"
done
