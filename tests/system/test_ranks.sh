#!/bin/sh
# Several processes that mpirun starts train, evaluate and predict as one: the same bytes, also after a kill and with another number of ranks.
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

# Slurm's srun without PMI, or with one that MPI does not understand: an error, and not so many trainings in one folder. A batch
# script runs once, whatever number of tasks its job has: below, such a one trains alone.
srun() { # srun [VARIABLE=VALUE] COMMAND ...
    env -u OMPI_COMM_WORLD_SIZE -u PMI_SIZE -u MPI_LOCALNRANKS SLURM_NTASKS=2 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 "$@"
}
if train srun "$valence" train -o "$work/no"; then fail "trained alone where srun started two"; fi
grep -q "srun started 2 processes without PMI" "$work/errors" || { cat "$work/errors"; fail "no word about PMI"; }
[ ! -e "$work/no" ] || fail "a refused training left its folder"

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

if train srun PMI_RANK=1 "$valence" train -o "$work/no"; then fail "trained alone where MPI finds one process"; fi
grep -q "srun started 2 processes, but MPI finds 1" "$work/errors" || { cat "$work/errors"; fail "no word about the launcher"; }

same() { # same RUN: as the one of a single process
    for name in best.safetensors last.safetensors log.jsonl results.json; do
        cmp "$work/alone/$name" "$1/$name" || fail "$1/$name differs"
    done
}
train env SLURM_NTASKS=2 SLURM_PROCID=0 "$valence" train -o "$work/alone" || { cat "$work/errors"; fail "one process"; }
for n in 1 2 3 4; do
    train mpirun -n "$n" "$valence" train -o "$work/ranks-$n" || { cat "$work/errors"; fail "$n ranks"; }
    same "$work/ranks-$n"
done

# Open MPI gives its processes a terminal as standard output; what ends up in a file has no escape sequences all the same.
TERM=xterm mpirun -n 2 "$valence" evaluate "$work/alone" "$work/store" -q >"$work/out"
if grep -q "$(printf '\033')" "$work/out"; then fail "escape sequences in a file: $(cat -v "$work/out" | head -n 5)"; fi
grep -q MAE "$work/out" || fail "no evaluation"

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

# Evaluation and prediction: rank 0 prints and writes what one process does, the others nothing.
ask() { # ask FOLDER QUESTIONS [LAUNCHER ...]
    folder=$1 questions=$2
    shift 2
    mkdir "$folder"
    echo "$questions" | while read -r question; do
        # shellcheck disable=SC2016,SC2086 # the rank is each process's own; a question's words are options
        "$@" sh -c 'exec "$@" >>"$0-${OMPI_COMM_WORLD_RANK:-0}"' "$folder/answers" "$valence" ${question%% *} "$work/alone" "$work/store" \
            ${question#* } -q --threads 1 2>"$work/errors" </dev/null || { cat "$work/errors"; fail "$* $question"; }
    done
    find "$folder" -name 'answers-*' -empty -delete
}
few="evaluate --flow all --json
evaluate --protocol rmfm,noise --bootstrap 40 --json
predict --json"
all="$few
evaluate --split train --bootstrap 300
evaluate --against $work/killed
predict --csv"
ask "$work/one-few" "$few"
ask "$work/one-all" "$all"
ask "$work/two" "$all" mpirun -n 2
ask "$work/three" "$few" mpirun -n 3
ask "$work/four" "$few" mpirun -n 4
for pair in "one-all two" "one-few three" "one-few four"; do
    diff -r "$work/${pair% *}" "$work/${pair#* }" >"$work/differences" || { head "$work/differences"; fail "ranks answer something else: $pair"; }
done
"$valence" evaluate "$work/alone" "$work/store" -q --threads 1 --predictions "$work/scores" >/dev/null
mpirun -n 2 "$valence" evaluate "$work/alone" "$work/store" -q --threads 1 --predictions "$work/scores-2" >/dev/null
cmp "$work/scores" "$work/scores-2" || fail "--predictions"
if mpirun -n 2 "$valence" predict "$work/alone" --text hello 2>"$work/errors"; then fail "two processes share a sentence"; fi
grep -q "in one process" "$work/errors" || { cat "$work/errors"; fail "why are sentences refused?"; }
if mpirun -n 2 "$valence" verify "$work/alone/results.json" 2>"$work/errors"; then fail "two processes verify one file"; fi
grep -q "without mpirun" "$work/errors" || { cat "$work/errors"; fail "why is verify refused?"; }
if mpirun -n 2 "$valence" evaluate "$work/nowhere" "$work/store" 2>"$work/errors"; then fail "evaluated nothing"; fi
[ "$(grep -c 'rank 0 of 2: .*nowhere' "$work/errors")" = 1 ] || { cat "$work/errors"; fail "which rank evaluates nothing?"; }
mpirun -n 2 "$valence" train "$work/store" -o "$work/tested" -q --threads 1 --set model.d=8 --set model.o=6 --set epochs=1 --test \
    >"$work/out" 2>"$work/errors" || { cat "$work/errors"; fail "train --test"; }
[ "$(grep -c 'test split' "$work/out")" = 1 ] || { cat "$work/out"; fail "--test prints one evaluation"; }

# An error names its rank, ends all, and is said once.
if train mpirun -n 3 "$valence" train -o "$work/alone"; then fail "wrote over a run"; fi
[ "$(grep -c 'rank 0 of 3: .*not an empty folder' "$work/errors")" = 1 ] || { cat "$work/errors"; fail "which rank?"; }
