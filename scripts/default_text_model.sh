#!/usr/bin/env bash
# Makes the model for English text that comes with valence: models/valence-text-en, three seeds of one training.
#
#   scripts/default_text_model.sh [VALENCE [FOLDER]]   the command (build/release/valence); FOLDER (build/text-model) keeps
#                                                      the package, the rows and the runs, and a second call reuses them
#   SDIST=FILE                                         use this file as vaderSentiment's package, and download nothing
#
# The sentences are those of the Python package vaderSentiment 3.3.2 (MIT), each rated by people; SmolLM2 encodes them. On one
# machine the same package gives the same bytes: encoding and training use one thread. It takes about an hour. At the end it
# writes the scores that tests/cli/test_default_model.sh compares, and prints the figures of docs/model-card.md, which
# also says how the settings were chosen.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/text_model_settings.sh

version=3.3.2
sha256=5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9

source=$PWD
valence=$(realpath "${1:-build/release/valence}")
folder=${2:-build/text-model}
mkdir -p "$folder"
sdist=$(realpath -m "${SDIST:-$folder/vaderSentiment-$version.tar.gz}")
if [ ! -f "$sdist" ]; then
    echo "vaderSentiment==$version --hash=sha256:$sha256" >"$folder/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --no-binary vaderSentiment \
        --dest "$folder" --requirement "$folder/requirements.txt"
fi
echo "$sha256  $sdist" | sha256sum --check --quiet -

# In the folder, with names that do not depend on where it is, and with one date: the model records them.
cd "$folder"
export OMP_NUM_THREADS=1
python3 "$source/scripts/text_model_data.py" "$sdist" sentences.csv
touch -d 1970-01-01T00:00:00Z sentences.csv
[ -d transcripts ] || "$valence" import table sentences.csv transcripts --labels-only --quiet --skip empty >/dev/null
if [ ! -d run ]; then
    # Goes on where it was interrupted.
    "$valence" encode text transcripts -o store "${text_model_encoding[@]}" --dtype f16 --threads 1
    {
        text_model_config
        cat <<'YAML'
store: store
epochs: 6
batch_size: 64
optimizer: {learning_rate: 0.001}
schedule: {warm_up_epochs: 1, step_every: 1, gamma: 0.65}
YAML
    } >config.yaml
    rm -rf begun
    "$valence" train config.yaml --model published --output begun --seeds 3 --threads 1
    mv begun run
fi
for seed in run/seed-*; do
    mkdir -p "$source/models/valence-text-en/$(basename "$seed")"
    cp "$seed/best.safetensors" "$source/models/valence-text-en/$(basename "$seed")/"
done

# The scores that the test compares: of every hundredth sentence of the test part, and of a few more.
python3 - "$valence" "$source/tests/cli/default_model.tsv" <<'PYTHON'
import csv
import json
import subprocess
import sys

command, output = sys.argv[1:]
test = [row["transcript"] for row in csv.DictReader(open("sentences.csv", encoding="utf-8")) if row["split"] == "test"]
texts = test[::100] + ["This is awful 😡", "I love it!!! 😍", "IT WAS NOT BAD AT ALL", "Awful acting", "The awful acting"]
options = [f"--text={text}" for text in texts]
out = subprocess.run([command, "predict", "run", "--json", "--quiet", *options], check=True, capture_output=True)
with open(output, "w", encoding="utf-8") as file:
    for text, clip in zip(texts, json.loads(out.stdout)["clips"]):
        file.write(f"{clip['score']:.3f}\t{text}\n")
PYTHON

"$valence" evaluate run store --split test --ensemble --threads 1
"$valence" evaluate run store --split test --ensemble --threads 1 --bootstrap 0 --quiet --predictions scores.csv --force >/dev/null
"$valence" predict run store --split test --csv --quiet --threads 1 |
    awk -F, 'NR > 1 { n++; marked += $7 } END { printf "unlike the training data: %d of %d test sentences\n", marked, n }'
python3 "$source/scripts/text_model_report.py" "$valence" run "$sdist" sentences.csv scores.csv
