#!/bin/sh
# The command under a system that gives less than it asks for: threads, processes, address space, disk. Every run ends by
# itself, with a result or with an error that says what is short.
. "$TESTS/cli/support.sh"

# ends SECONDS COMMAND...: the command's exit code; a command that has to be killed fails the test.
ends() {
    seconds=$1
    shift
    said="$*"
    timeout -s KILL "$seconds" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ "$code" -ne 137 ] || wrong "'$said' does not end within $seconds seconds"
}
unset OMP_NUM_THREADS GOMP_SPINCOUNT # as for a user

expect 0 synthesize "$work/store" --train 30 --validation 10 --test 10 --quiet
"$VALENCE" train --print-config >"$work/config.yaml"

# ---- Fewer threads than asked for
for setting in OMP_DYNAMIC=true OMP_THREAD_LIMIT=1 OMP_MAX_ACTIVE_LEVELS=0; do
    rm -rf "$work/run"
    ends 60 env "$setting" "$VALENCE" train "$work/config.yaml" --set "store=$work/store" --set epochs=1 \
        --set model.d=16 --set model.o=8 --threads 4 --output "$work/run" --quiet
    [ "$code" -eq 0 ] || wrong "training under $setting fails"
    ends 60 env "$setting" "$VALENCE" evaluate "$work/run" "$work/store" --bootstrap 0 --threads 4
    [ "$code" -eq 0 ] || wrong "evaluating under $setting fails"
done

# ---- No more processes. The limit does not hold for root: another user's is looked at.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    chmod 755 "$work"
    nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
    mkdir "$work/lib" # libraries in a home folder that others cannot enter
    ldd "$VALENCE" | awk '$3 ~ "^/root/" { print $3 }' | xargs -r cp -t "$work/lib"
    if LD_LIBRARY_PATH=$work/lib $nobody "$VALENCE" version >/dev/null 2>&1; then
        LD_LIBRARY_PATH=$work/lib ends 60 $nobody prlimit --nproc=1 "$VALENCE" evaluate "$work/run" "$work/store" \
            --bootstrap 0 --threads 4
        [ "$code" -le 1 ] || wrong "without processes it ends with $code"
        grep -q libgomp "$work/err" && wrong "libgomp ends the process"
    fi
fi

# ---- Little address space: from too little to start with to enough
for kilobytes in 100000 200000 300000 400000 500000 600000 700000 800000 1000000 4000000; do
    ends 60 sh -c 'ulimit -v "$3"; exec "$0" predict "$1" "$2" --threads 2 --quiet' "$VALENCE" "$work/run" "$work/store" \
        "$kilobytes"
    # 127: the loader itself found no room for the libraries, and says so.
    [ "$code" -le 1 ] || [ "$code" -eq 127 ] || wrong "with $kilobytes kB of address space it ends with $code"
    [ "$code" -eq 0 ] || [ -s "$work/err" ] || wrong "with $kilobytes kB of address space it fails without a word"
done
[ "$code" -eq 0 ] || wrong "4 GB of address space are not enough"

# ---- A full disk, and a limit on files' sizes
if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=256k tmpfs "$work/small" 2>/dev/null; then
    for form in npy safetensors mmsa npz; do
        expect 1 export "$work/store" "$work/small/export" --form "$form"
        complains "No space left on device"
        [ -z "$(ls "$work/small")" ] || wrong "a failed export of $form leaves something"
    done
    umount "$work/small"
fi
(ulimit -f 8 && expect 1 export "$work/store" "$work/big" --form mmsa && complains "File too large" && exit "$failures") ||
    failures=$((failures + 1))
[ -z "$(find "$work" -name 'big*')" ] || wrong "a write over the limit leaves something"

# ---- Signals: one SIGTERM is enough, and what a killed writer leaves goes with the next one
"$VALENCE" train "$work/config.yaml" --set "store=$work/store" --set epochs=100000 --set early_stopping=0 --output "$work/long" \
    --quiet >"$work/out" 2>"$work/err" &
pid=$!
until [ -s "$work/long/log.jsonl" ] || ! kill -0 $pid 2>/dev/null; do
    sleep 0.1
done
kill -TERM $pid
wait $pid
code=$?
[ "$code" -eq 130 ] || wrong "a training that gets SIGTERM exits with $code"
sh -c 'exit 0' &
dead=$!
wait $dead
: >"$work/scores.csv.tmp-$dead"
expect 0 evaluate "$work/run" "$work/store" --bootstrap 0 --quiet --predictions "$work/scores.csv"
[ ! -e "$work/scores.csv.tmp-$dead" ] || wrong "what a killed run left stays"
finish
