#!/usr/bin/env bash
# Valence from the voice alone: EmoDB through extract, train, evaluate and predict, each speaker held out in turn.
#
#   BENCH_PYTHON=python scripts/emodb.sh [VALENCE [FOLDER [CLIPS]]]
#
# VALENCE is the command (build/release/valence). FOLDER keeps tables, stores and runs; if you interrupt the script, it
# goes on where it stopped. CLIPS is the folder of the recordings and their labels.csv (file, speaker, sentence, emotion);
# default $VALENCE_SHARED/data/emodb, or ../shared/data/emodb. KINDS ("whisper prosody both") and LAYERS ("2 3 4") are the
# audio rows that are tried, THREADS is the number of threads (1). The Python needs numpy.
#
# Prints Pearson's correlation with the held-out speaker's valence, for the network and for ridge regression on clip
# means. docs/results.md says how settings were chosen.
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

# A table for each speaker who is held out: the next one chooses the epoch and the layer, the others train.
"$python" - "$clips" "$folder" <<'PYTHON'
import csv, os, sys

# Pleasure of the emotions' names on -1 ... 1, from Russell and Mehrabian (1977), Evidence for a
# three-factor theory of emotions, Journal of Research in Personality 11; neutral is their zero.
pleasure = {"happiness": 0.81, "neutral": 0, "anger": -0.51, "disgust": -0.60, "sadness": -0.63,
            "fear": -0.64, "boredom": -0.65}
clips, folder = sys.argv[1:]
with open(os.path.join(clips, "labels.csv"), encoding="utf-8") as file:
    table = list(csv.DictReader(file))
names = sorted({row["speaker"] for row in table})
for k, name in enumerate(names):
    part = {name: "test", names[(k + 1) % len(names)]: "validation"}
    with open(f"{folder}/{name}.csv", "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "file", "label", "split", "group"])
        for row in table:
            out.writerow([os.path.splitext(row["file"])[0], os.path.join(clips, row["file"]),
                          round(3 * pleasure[row["emotion"]], 2),
                          part.get(row["speaker"], "train"), row["speaker"]])
with open(f"{folder}/speakers.txt", "w") as file:
    file.write("".join(f"{name}\n" for name in names))
PYTHON
mapfile -t speakers <"$folder/speakers.txt"

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

# extract_rows STREAM SPEAKER: the store of a stream, split for a speaker. Rows are computed for the first speaker; for the
# others only labels and splits change.
extract_rows() {
    layer=${1##*-}
    sets=(--set text=none --set video=none)
    case $1 in
        prosody) sets+=(--set audio=prosody) ;;
        whisper-*) sets+=(--set audio=whisper --set layers.whisper="$layer") ;;
        both-*) sets+=(--set audio=whisper+prosody --set layers.whisper="$layer") ;;
    esac
    "$valence" extract "$folder/$2.csv" -o "$folder/$1" -q -j "$threads" "${sets[@]}" >/dev/null
}

# Correlations of the three seeds' mean score, as "validation test", from evaluate; predict must agree with it.
learn() {
    run=$folder/run-$1-$2
    if [ ! -f "$run.txt" ]; then
        rm -rf "$run"
        extract_rows "$1" "$2"
        "$valence" train "$folder/config.yaml" --model published --set store="$folder/$1" --output "$run" --seeds 3 -j "$threads" -q >/dev/null
        for split in validation test; do
            "$valence" evaluate "$run" "$folder/$1" --split "$split" --ensemble --bootstrap 0 --json -j "$threads" -q \
                >"$run-$split.json"
        done
        "$valence" predict "$run" "$folder/$1" --split test --json -j "$threads" -q >"$run-predict.json"
        "$python" - "$run" "$folder/$2.csv" >"$run.part" <<'PYTHON'
import csv, json, sys
import numpy as np

run, table = sys.argv[1:]
corr = {split: json.load(open(f"{run}-{split}.json"))["models"][0]["flows"]["complete"]["metrics"]["corr"]
        for split in ("validation", "test")}
labels = {row["id"]: float(row["label"]) for row in csv.DictReader(open(table, encoding="utf-8"))}
predicted = json.load(open(f"{run}-predict.json"))["clips"]
own = np.corrcoef([clip["raw_score"] for clip in predicted], [labels[clip["id"]] for clip in predicted])[0, 1]
if abs(own - corr["test"]) > 1e-4:
    sys.exit(f"emodb: predict gives a correlation of {own}, evaluate {corr['test']}")
print(corr["validation"], corr["test"])
PYTHON
        mv "$run.part" "$run.txt"
    fi
}

echo "correlation, mean of the speakers ${speakers[*]}"
for kind in ${KINDS:-whisper prosody both}; do
    streams=()
    for layer in ${LAYERS:-2 3 4}; do streams+=("$kind-$layer"); done
    [ "$kind" = prosody ] && streams=(prosody)
    for stream in "${streams[@]}"; do
        for speaker in "${speakers[@]}"; do learn "$stream" "$speaker"; done
        [ -d "$folder/$stream-rows" ] || "$valence" export "$folder/$stream" "$folder/$stream-rows" -q >/dev/null
    done
    "$python" - "$folder" "$kind" "${streams[@]}" <<'PYTHON'
"""The layer is the one that is best without the held-out speaker: for the network on the
validation speaker, for ridge regression (with the penalty) over the other five, each in turn."""
import csv, sys
import numpy as np

folder, kind, *streams = sys.argv[1:]
PENALTIES = (3, 10, 30, 100, 300, 1000, 3000, 10000)
names = open(f"{folder}/speakers.txt").read().split()
with open(f"{folder}/{names[0]}.csv", encoding="utf-8") as file:
    table = list(csv.DictReader(file))
labels = np.array([float(row["label"]) for row in table])
speakers = np.array([row["group"] for row in table])
means = [np.stack([np.load(f"{folder}/{s}-rows/audio/{row['id']}.npy").mean(0) for row in table])
         for s in streams]


def ridge(x, train, test):
    """Correlation on the clips of test for each penalty."""
    mean, deviation = x[train].mean(0), x[train].std(0) + 1e-8
    u, s, vt = np.linalg.svd((x[train] - mean) / deviation, full_matrices=False)
    z, y = (x[test] - mean) / deviation @ vt.T, u.T @ (labels[train] - labels[train].mean())
    scores = [z @ (s / (s * s + penalty) * y) for penalty in PENALTIES]
    return np.array([np.corrcoef(score, labels[test])[0, 1] for score in scores])


def line(title, figures, note=""):
    """Mean and its 95 % interval (Student's t, 5 degrees of freedom for six speakers)."""
    quantile = {3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571}[len(figures)]
    half = quantile * np.std(figures, ddof=1) / np.sqrt(len(figures))
    print(f"{title:22} {np.mean(figures):.3f} ± {half:.3f}  ", *(f"{f:5.2f}" for f in figures), note)


network, chosen, linear = [], [], []
for k, name in enumerate(names):
    tried = [tuple(map(float, open(f"{folder}/run-{s}-{name}.txt").read().split())) for s in streams]
    best = int(np.argmax([validation for validation, _ in tried]))
    network.append(tried[best][1])
    chosen.append(streams[best].rpartition("-")[2])
    others = [other for other in names if other != name]
    found = [np.mean([ridge(x, (speakers != name) & (speakers != other), speakers == other)
                      for other in others], 0) for x in means]
    layer, penalty = np.unravel_index(np.argmax(found), np.shape(found))
    train = (speakers != name) & (speakers != names[(k + 1) % len(names)])
    linear.append(ridge(means[layer], train, speakers == name)[penalty])
line(f"{kind}, network", network, "layers " + " ".join(chosen) if len(streams) > 1 else "")
line(f"{kind}, ridge on means", linear)
PYTHON
done
