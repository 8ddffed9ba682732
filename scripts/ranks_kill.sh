#!/usr/bin/env bash
# Kills a random rank of a training by MPI at random moments and goes on, each time with another number of ranks, until it is
# done; then the run must have the bytes of one that a single process trained undisturbed.
#
#     scripts/ranks_kill.sh [BUILD] [KILLS]     build/release 30
set -euo pipefail
cd "$(dirname "$0")/.."
valence=$PWD/${1:-build/release}/valence kills=${2:-30}
work=$(mktemp -d /tmp/valence-ranks-XXXXXX)
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none
"$valence" synthesize "$work/store" --train 120 --validation 30 --test 10 --audio-width 6 --text-width 8 --video-width 5 -q >/dev/null
settings=(-q --threads 1 --set model.d=16 --set model.o=8 --set epochs=30 --set batch_size=32 --set reduce=ordered
    --set checkpoint_every=1)
begin=$(date +%s%N)
"$valence" train "$work/store" -o "$work/whole" "${settings[@]}" >/dev/null
whole=$((($(date +%s%N) - begin) / 1000000))
# mpirun itself can stay for ever when a rank dies at certain moments of its start (Open MPI 4.1, in PMIx_server_finalize()). It is
# ended when all its ranks have been gone for half a minute.
wait_for_ranks() { # LAUNCHER: its exit code
    local gone=0
    while kill -0 "$1" 2>/dev/null && ((gone < 300)); do
        sleep 0.1
        if pgrep -f "^$valence train .*$work/killed" >/dev/null; then gone=0; else gone=$((gone + 1)); fi
    done
    if ((gone >= 300)) && kill -9 "$1" 2>/dev/null; then hung=$((hung + 1)); fi
    wait "$1"
}
checkpoint() { stat -c %y "$work/killed/last.safetensors" 2>/dev/null || true; }
killed=0 hung=0 advanced=0
for ((round = 0; ; round++)); do
    ranks=$((1 + round % 4)) run=("$work/store" -o "$work/killed" "${settings[@]}")
    [ -f "$work/killed/config.yaml" ] && run=(--resume "$work/killed" -q --threads 1)
    mpirun -n "$ranks" "$valence" train "${run[@]}" >"$work/out" 2>&1 &
    launcher=$!
    # Half of the kills fall after the first steps of training, the others at any time from the start of MPI, which takes about half
    # a second.
    before=$(checkpoint) late=$((RANDOM % 2))
    while ((late)) && [ "$(checkpoint)" = "$before" ] && kill -0 "$launcher" 2>/dev/null; do sleep 0.01; done
    sleep "$(awk -v r=$RANDOM -v ms="$whole" -v start=$((late ? 0 : 500)) \
        'BEGIN { printf "%.3f", r / 32768 * (start + ms / 10) / 1000 }')"
    victim=
    if ((killed < kills)); then
        victim=$(pgrep -f "^$valence train .*$work/killed" | shuf -n 1) || true
        if [ -n "$victim" ] && kill -9 "$victim" 2>/dev/null; then killed=$((killed + 1)); else victim=; fi
    fi
    code=0
    wait_for_ranks "$launcher" || code=$?
    [ -z "$victim" ] || [ "$(checkpoint)" = "$before" ] || advanced=$((advanced + 1))
    if [ -n "$victim" ] && [ "$code" = 0 ] && [ ! -f "$work/killed/results.json" ]; then
        echo "a rank was killed and mpirun says that all is well"; exit 1
    fi
    if [ -z "$victim" ] && [ "$code" != 0 ]; then cat "$work/out"; exit 1; fi
    [ "$code" = 0 ] || continue
    for name in best.safetensors last.safetensors log.jsonl results.json; do
        cmp "$work/whole/$name" "$work/killed/$name"
    done
    ((killed < kills)) || break
    rm -rf "$work/killed" # done early: begin anew
done
echo "$killed kills, $advanced of them after steps of training, in $((round + 1)) starts with 1 to 4 ranks: the same bytes as one" \
    "undisturbed process; mpirun hung $hung times"
