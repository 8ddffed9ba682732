#!/usr/bin/env bash
# scripts/seeds.sh [VALENCE [FOLDER]]: does every seed learn? Trains many seeds from the default start and from the published one.
#
#   VALENCE               the command (build/release/valence); FOLDER (build/seeds) keeps everything
#   SEEDS=50              seeds from the default start
#   PUBLISHED=10          seeds from the published start (`--model published`), for the comparison
#   ROUND=10              all networks train this many seeds before any of them trains more
#   ONLY="NETWORK..."     these networks alone
#   VALENCE_SHARED=FOLDER where data/mosi is (default ../shared); without it CMU-MOSI is left out
#
# The networks: the demo's corpus, two flows and all seven (one drawn for each step), d = 128 and 256; CMU-MOSI's columns and
# transcripts, as in scripts/mosi.sh. A synthetic corpus of half the demo's clips takes batches of half the size: as many steps
# as the demo's, in half the time. One thread a run. The same call continues what was ended. `SEEDS=0` prints the table alone.
#
# A run has not learnt if the validation MAE of its complete flow is above 0.9 of that of the training labels' median.
set -euo pipefail
scripts=$(dirname "$(realpath "$0")")
cd "$scripts/.."

valence=$(realpath "${1:-build/release/valence}")
shared=$(realpath -m "${VALENCE_SHARED:-../shared}")
folder=${2:-build/seeds}
mkdir -p "$folder"
cd "$folder"
all='flows=[complete, audio_missing, text_missing, video_missing, audio_text_missing, audio_video_missing, text_video_missing]'

# ---- Stores ----

store() { # store NAME COMMAND...: made by a command whose last argument is the store, unless it is there
    [ ! -d "$1" ] || return 0
    rm -rf new
    "$valence" "${@:2}" new --quiet >/dev/null
    mv new "$1"
}
networks="demo-two-128 demo-seven-128 demo-two-256 demo-seven-256"
store demo synthesize --train 500 --validation 200 --test 10
if [ -f "$shared/data/mosi/mosi_utt_tav.csv" ]; then
    networks="columns transcripts $networks"
    table=(import table "$shared/data/mosi/mosi_utt_tav.csv" --dtype f32 --group-column video)
    store columns "${table[@]}" --split-column split_bclstm --validation-fraction 0.15 --audio a0-a72 --text t0-t99 --video v0-v99
    if [ ! -d transcripts ]; then
        VALENCE_SHARED=$shared "$scripts/mosi_rows.sh" "$valence" . gold ibm
        store transcripts "${table[@]}" --split-column split_std --skip missing --skip empty --text-folder rows/gold \
            --simulated_text-folder rows/ibm
    fi
fi
networks=${ONLY:-$networks}

# ---- Runs ----

cat >config.yaml <<'YAML'
threads: 1
batch_size: 32
optimizer: {learning_rate: 0.001}
YAML
settings() { # settings NETWORK: what it sets, a line each
    case $1 in
    demo-*) printf '%s\n' store=demo epochs=6 batch_size=16 "model.d=${1##*-}" "model.o=$((${1##*-} / 2))" ;;
    *) printf '%s\n' "store=$1" epochs=10 model.d=64 model.o=32 ;;
    esac
    case $1 in
    *-seven-*) printf '%s\n' "$all" flows_per_step=1 ;;
    columns) printf '%s\n' streams.simulated_text= ;;
    transcripts) printf '%s\n' streams.audio= streams.video= ;;
    esac
}

train() { # train NETWORK START SEED
    local run=runs/$1/$2/seed-$3 options=() setting
    [ ! -f "$run/results.json" ] || return 0
    rm -rf "$run"
    mkdir -p "runs/$1/$2"
    while IFS= read -r setting; do options+=(--set "$setting"); done < <(settings "$1")
    [ "$2" = default ] || options+=(--model "$2")
    "$valence" train config.yaml "${options[@]}" --set seed="$3" --output "$run" --quiet >/dev/null
    rm -f "$run/last.safetensors"
}

seeds=${SEEDS:-50} published=${PUBLISHED:-10} round=${ROUND:-10}
for ((first = 1; first <= seeds; first += round)); do
    for network in $networks; do
        for ((seed = first; seed < first + round && seed <= seeds; seed++)); do
            train "$network" default $seed
            [ $seed -gt "$published" ] || train "$network" published $seed
        done
    done
done

# ---- Table ----

for network in $networks; do
    [ -d "runs/$network" ] || continue # not begun
    run=$(find "runs/$network" -path '*/seed-*/results.json' | head -n 1)
    [ -n "$run" ] && [ ! -f "runs/$network/constant.json" ] || continue
    "$valence" evaluate "${run%/*}" "${network%%-*}" --split validation --json --quiet >"runs/$network/constant.json"
done
python3 - $networks <<'PYTHON'
import glob
import json
import os
import statistics
import sys

def interval(values):
    """Half of the 95 % interval of the mean; Student's t by its expansion about the normal distribution."""
    n, z = len(values) - 1, 1.959964
    t = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n * n) + (
        3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return t * statistics.stdev(values) / len(values) ** 0.5

line = "{:<15} {:<10} {:>5} {:>16} {:>24}  {}"
print(line.format("network", "start", "seeds", "did not learn", "MAE of the others", "less the published start's, paired"))
for network in sys.argv[1:]:
    if not os.path.exists(f"runs/{network}/constant.json"):
        continue
    constant = json.load(open(f"runs/{network}/constant.json"))["constant"]["metrics"]["mae"]
    learnt = {}
    for start in ("default", "published"):
        errors, failed = {}, []
        for path in glob.glob(f"runs/{network}/{start}/seed-*/results.json"):
            results = json.load(open(path))
            flows = [flow["mae"] for flow in results["validation"].values()]
            if results["validation"]["complete"]["mae"] > 0.9 * constant:
                failed.append(results["seed"])
            else:
                errors[results["seed"]] = statistics.mean(flows)
        learnt[start] = errors
        if not errors and not failed:
            continue
        mean = f"{statistics.mean(errors.values()):.3f}" if errors else "-"
        if len(errors) > 1:
            mean += f" ± {statistics.stdev(errors.values()):.3f}"
        paired = ""
        both = sorted(set(learnt["default"]) & set(errors))
        if start == "published" and len(both) > 1:
            differences = [learnt["default"][seed] - errors[seed] for seed in both]
            paired = f"{statistics.mean(differences):+.3f} ± {interval(differences):.3f} ({len(both)} seeds)"
        names = f" ({', '.join(map(str, sorted(failed)))})" if failed else ""
        print(line.format(network, start, len(errors) + len(failed), f"{len(failed)}{names}", mean, paired))
PYTHON
