#!/bin/sh
# One extraction by several processes: the same store as by one, also where one of them is killed, and under mpirun.
. "$TESTS/cli/support.sh"
command -v ffmpeg >/dev/null || { echo "no ffmpeg"; exit 77; }
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }

mkdir "$work/clips"
for i in 1 2 3 4 5 6 7 8; do
    ffmpeg -v error -nostdin -y -f lavfi -i "testsrc2=size=96x64:rate=8:duration=1" -f lavfi \
        -i "sine=frequency=$((200 + 50 * i)):duration=1" -c:v mpeg4 -c:a pcm_s16le "$work/clips/c$i.mkv"
done
echo "this is no film" >"$work/clips/c3.mkv"
arguments="$work/clips --set models.whisper=$work/whisper.gguf --set models.faces=$work/faces.gguf --set models.vad= -q -j 1"

content() { # STORE: everything in it, as text
    rm -rf "$work/npy"
    "$VALENCE" export "$work/$1" "$work/npy" --form npy -q >/dev/null
    (cd "$work/npy" && find . -type f | sort | xargs sha256sum)
    "$VALENCE" inspect "$work/$1" --json --records -q | grep -v '"path"'
}
same() { # STORE: as the whole
    content whole >"$work/a"
    content "$1" >"$work/b"
    cmp -s "$work/a" "$work/b" || wrong "$1 differs: $(diff "$work/a" "$work/b" | head -n 4)"
    [ ! -e "$work/$1.pieces" ] || wrong "$1.pieces is still there"
}

expect 1 extract $arguments -o "$work/whole"
expect 1 extract $arguments -o "$work/alone" --pieces 3
same alone

# Three processes; one is killed while it has a piece, or before, or after: whenever it is.
for process in 1 2 3; do
    "$VALENCE" extract $arguments -o "$work/shared" --pieces 4 >"$work/out-$process" 2>&1 &
    eval "process_$process=\$!"
done
while [ ! -e "$work/shared.pieces" ] && kill -0 "$process_1" 2>/dev/null; do sleep 0.02; done
kill -9 "$process_2" 2>/dev/null || true
wait "$process_1" || true
wait "$process_3" || true
wait "$process_2" 2>/dev/null || true
same shared

# Once more: nothing is to do.
expect 0 extract $arguments -o "$work/shared" --pieces 4
same shared
expect 2 extract $arguments -o "$work/no" --pieces 2 --shard 1/2
complains "exclude each other"

# The number of pieces stays: those of other sizes would leave clips out.
expect 1 extract "$work/nothing" -o "$work/begun" --pieces 8
complains "name sound or video files"
expect 1 extract $arguments -o "$work/begun" --pieces 4
complains "was begun with --pieces 8, not 4"

# What a launcher sets is enough; no rank could print the whole.
for option in --json "--preview $work/pictures"; do
    OMPI_COMM_WORLD_SIZE=2
    export OMPI_COMM_WORLD_SIZE
    expect 2 extract $arguments -o "$work/no" $option
    unset OMPI_COMM_WORLD_SIZE
    complains "mpirun excludes --preview and --json"
done
[ ! -e "$work/no.pieces" ] || wrong "a refused command left a folder"

if command -v mpirun >/dev/null; then
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
        mpirun -n 2 "$VALENCE" extract $arguments -o "$work/ranks" --pieces 4 --allow-failures 1 >"$work/out" 2>&1 ||
        wrong "mpirun: $(head -n 20 "$work/out")"
    same ranks
fi
finish
