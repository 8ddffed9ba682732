#!/bin/sh
# Several processes that mpirun starts train as one: the same bytes, also after a kill and with another number of ranks.
# Without mpirun, or a build without MPI, what can be shown is the error.
set -eu
valence=${VALENCE:?}
work=$(mktemp -d /tmp/valence-ranks-XXXXXX)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

"$valence" synthesize "$work/store" --train 60 --validation 20 --test 10 --audio-width 6 --text-width 8 --video-width 5 -q >/dev/null
train() { # as valence train, with a small network
    "$@" "$work/store" -q --threads 1 --set model.d=8 --set model.o=6 --set epochs=12 --set batch_size=16 \
        --set reduce=ordered --set reduce_part=4 --set checkpoint_every=1 >"$work/out" 2>"$work/errors"
}

if [ "${WITH_MPI:-}" = ON ]; then
    command -v mpirun >/dev/null || exit 77
else
    if OMPI_COMM_WORLD_SIZE=2 train "$valence" train -o "$work/no"; then fail "trained without MPI"; fi
    grep -q "mpirun started this" "$work/errors" || { cat "$work/errors"; fail "no word about MPI"; }
    exit 77
fi

OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_base_warn_component_unused=0
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
export OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_btl_base_warn_component_unused

same() { # same RUN: as the one of a single process
    for name in best.safetensors last.safetensors log.jsonl results.json; do
        cmp "$work/alone/$name" "$1/$name" || fail "$1/$name differs"
    done
}
train "$valence" train -o "$work/alone" || { cat "$work/errors"; fail "one process"; }
for n in 1 2 3 4; do
    train mpirun -n "$n" "$valence" train -o "$work/ranks-$n" || { cat "$work/errors"; fail "$n ranks"; }
    same "$work/ranks-$n"
done

# A rank is killed, the others end, and another number of ranks resumes the run. A run that was faster has nothing to show here.
train mpirun -n 2 "$valence" train -o "$work/killed" &
launcher=$!
until [ -f "$work/killed/last.safetensors" ] || ! kill -0 "$launcher" 2>/dev/null; do sleep 0.02; done
rank=$(pgrep -f "^$valence train -o $work/killed" | tail -1) || true
if [ -n "$rank" ] && kill -9 "$rank" 2>/dev/null; then
    if wait "$launcher"; then fail "mpirun says that all is well after a kill"; fi
else
    wait "$launcher" || { cat "$work/errors"; fail "2 ranks, once more"; }
fi
mpirun -n 3 "$valence" train --resume "$work/killed" -q --threads 1 >"$work/out" 2>"$work/errors" ||
    { cat "$work/errors"; fail "resume"; }
same "$work/killed"

# An error names its rank, ends all, and is said once.
if train mpirun -n 3 "$valence" train -o "$work/alone"; then fail "wrote over a run"; fi
[ "$(grep -c 'rank 0 of 3: .*not an empty folder' "$work/errors")" = 1 ] || { cat "$work/errors"; fail "which rank?"; }
