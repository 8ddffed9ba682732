#!/usr/bin/env bash
# scripts/experiment_suite.sh VALENCE CONFIG.yaml FOLDER [SEEDS]: every experiment on one configuration, 3 seeds each.
#
# What is each part worth (ablation)? Where do the four weights of the losses have their sweet spot (sweep, 5 points each)? What do
# simpler models reach (models)? What happens while something is missing (all protocols)? How near are imagined representations to real
# ones (maps)? What does it cost? FOLDER/tables has all of it as text, Markdown, CSV, LaTeX and JSON, FOLDER/*.card.md the run cards.
# The last lines say which differences the test part shows.
#
# You can end it at any time: the same call continues, and repeats no training. Set THREADS and JOBS to share out the cores
# yourself (valence measures first what is fastest). scripts/experiments.sh and scripts/mosi.sh call this.
set -euo pipefail

[ $# -ge 3 ] || { echo "usage: scripts/experiment_suite.sh VALENCE CONFIG.yaml FOLDER [SEEDS]" >&2; exit 2; }
valence=$(realpath "$1")
config=$2
folder=$3
seeds=${4:-3}
summary=$(dirname "$(realpath "$0")")/experiment_summary.py
store=$(sed -n 's/^store: *//p' "$config")
tables=$folder/tables
mkdir -p "$tables"
cores=()
[ -z "${THREADS:-}" ] || cores+=(--threads "$THREADS")
[ -z "${JOBS:-}" ] || cores+=(--jobs "$JOBS")

# What has ended is not measured again.
once() { # once FILE ARGUMENTS...: the output goes to FILE, too
    local file=$1
    shift
    [ ! -e "$file" ] || { printf '\n%s is there already.\n' "$file"; return 0; }
    printf '\n$ valence %s\n\n' "$*"
    "$valence" "$@" | tee "$file.new"
    mv "$file.new" "$file"
}

once "$folder/ablation.txt" ablate "$config" --output "$folder/ablation" --seeds "$seeds" "${cores[@]}" --quiet \
    --tables "$tables" --card "$folder/ablation.card.md"
once "$folder/sweep.txt" sweep "$config" --output "$folder/sweep" --seeds "$seeds" "${cores[@]}" --quiet \
    --tables "$tables" --card "$folder/sweep.card.md" --vary losses.rep=0:1:0.25 --vary losses.cross=0:1:0.25 \
    --vary losses.feature=0:1:0.25 --vary losses.rnc=0:1:0.25

once "$folder/models.txt" compare "$config" --model all --output "$folder/models" --seeds "$seeds" "${cores[@]}" --quiet \
    --tables "$tables" --card "$folder/models.card.md"

# The published protocols by the ablation's full model. Those of aligned streams need clips with as many rows in each.
full=$folder/ablation/runs/full
protocols=text-missing,fixed,smm,six-conditions,erase,erase-random,rmfm,rmfm-same,rmm,random-modality,batch-modality,drop-rate
protocols+=,imbalanced,noise,drop-words,replace-words
once "$folder/protocols.txt" evaluate "$full" "$store" --protocol "$protocols" --modality-rates audio=0.1,text=0.6,video=0.3 \
    --bootstrap 0 --quiet --tables "$tables"

# How near imagined representations are to real ones, and what the models cost.
once "$folder/maps.txt" compare-representations "$full" "$store" --quiet --tables "$tables"
once "$folder/cost.txt" cost "$config" --quiet --tables "$tables"

python3 "$summary" "$folder" | tee "$folder/summary.txt"
