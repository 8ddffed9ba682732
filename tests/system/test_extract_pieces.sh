#!/bin/sh
# One extraction by several processes: the same store as by one, also where one of them is killed, and under mpirun.
. "$TESTS/cli/support.sh"
for program in ffmpeg flock pgrep; do
    command -v $program >/dev/null || { echo "no $program"; exit 77; }
done
[ -n "${MAKE_TINY_MODELS:-}" ] || exit 77
"$MAKE_TINY_MODELS" "$work" >/dev/null 2>&1 || { echo "no models"; exit 1; }

mkdir "$work/clips"
for i in 1 2 3 4 5 6 7 8; do
    ffmpeg -v error -nostdin -y -f lavfi -i "testsrc2=size=96x64:rate=8:duration=1" -f lavfi \
        -i "sine=frequency=$((200 + 50 * i)):duration=1" -c:v mpeg4 -c:a pcm_s16le "$work/clips/c$i.mkv"
done
echo "this is no film" >"$work/clips/c3.mkv"
arguments="$work/clips --set models.whisper=$work/whisper.gguf --set models.faces=$work/faces.gguf --set models.vad= \
    --set faces.fps=1 --set faces.size=96 -q -j 1"

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

# Once more: nothing is to do. But a store of other settings is not what was asked for.
expect 0 extract $arguments -o "$work/shared" --pieces 4
same shared
expect 0 extract $arguments -o "$work/shared" --pieces 4 --json
json false whole
fits extract
expect 1 extract $arguments -o "$work/shared" --pieces 4 --set faces.fps=4
complains "with other settings"
expect 2 extract $arguments -o "$work/no" --pieces 2 --shard 1/2
complains "cannot be combined"

# The bad clip is alone in its piece. More pieces than clips are as many as clips.
expect 1 extract $arguments -o "$work/single" --pieces 100 --json
same single
json 8 pieces

# While the test has the lock of a piece, no command can finish.
hold() { # STORE
    rm -rf "$work/$1" "$work/$1.pieces"
    mkdir "$work/$1.pieces"
    exec 9>"$work/$1.pieces/3.lock"
    flock -n 9 || wrong "no lock"
}
begun() { # STORE PROCESS: waits until the process has begun the pieces
    while [ ! -s "$work/$1.pieces/pieces.json" ] && kill -0 "$2" 2>/dev/null; do sleep 0.02; done
    [ -s "$work/$1.pieces/pieces.json" ] || wrong "it did not begin"
}

# What pieces are made of stays until they are merged: the command is killed when it has begun them, and called again.
begin() { # ARGUMENT...: leaves begun.pieces
    hold begun
    "$VALENCE" extract $arguments -o "$work/begun" --pieces 8 "$@" >"$work/out" 2>"$work/err" 9>&- &
    process=$!
    begun begun "$process"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    exec 9>&-
}
refuses() { # TEXT ARGUMENT...
    text=$1
    shift
    expect 1 extract $arguments -o "$work/begun" "$@"
    complains "$text"
    complains "force replaces"
    [ -d "$work/begun.pieces" ] || wrong "a refused command removed the pieces"
}
begin --set faces.fps=4
refuses "was begun with 8 pieces, not 4" --pieces 4 --set faces.fps=4
refuses "were begun with faces.fps '4', not '1'" --pieces 8
refuses "were begun with dtype 'f32', not 'f16'" --pieces 8 --set faces.fps=4 --set dtype=f16
cp "$work/whisper.gguf" "$work/copy.gguf"
mv "$work/clips/c8.mkv" "$work/c8.mkv"
refuses "the clips have changed" --pieces 8 --set faces.fps=4
mv "$work/c8.mkv" "$work/clips/c8.mkv"
cp "$work/begun.pieces/pieces.json" "$work/record"
sed -i 's/"version": *2/"version": 1/' "$work/begun.pieces/pieces.json" # whose pieces had other clips
refuses "another version of valence wrote it" --pieces 8 --set faces.fps=4
cp "$work/record" "$work/begun.pieces/pieces.json"
printf x >>"$work/begun.pieces/pieces.json"
refuses "is no JSON" --pieces 8 --set faces.fps=4

# --force discards them; so does none of the processes that come later with the same settings.
expect 1 extract $arguments -o "$work/begun" --pieces 8 --force
same begun

# A copy of a model is the same model, another model under its name is not. Earlier versions recorded 3600 as 3.6e+03.
begin --set models.whisper="$work/copy.gguf"
sed -i 's/"max_clip_seconds": "3600"/"max_clip_seconds": "3.6e+03"/' "$work/begun.pieces/pieces.json"
grep -q '"3.6e+03"' "$work/begun.pieces/pieces.json" || wrong "the record has no '3600'"
expect 1 extract $arguments -o "$work/begun" --pieces 8
same begun
begin --set models.whisper="$work/copy.gguf"
sed -i 's/"fingerprint": "[0-9a-f]*"/"fingerprint": "0123"/' "$work/begun.pieces/pieces.json"
refuses "another encoder for 'audio'" --pieces 8 --set models.whisper="$work/copy.gguf"
refuses "were begun with models.whisper" --pieces 8

# Nobody discards pieces that a process works on.
hold begun
"$VALENCE" extract $arguments -o "$work/begun" --pieces 8 >"$work/process" 2>&1 9>&- &
process=$!
begun begun "$process"
expect 1 extract $arguments -o "$work/begun" --pieces 8 --force --set faces.fps=4
complains "another process works on these pieces"
exec 9>&-
wait "$process"
same begun

# Several processes at once, all with --force: one of them discards the pieces of other settings, and all make the new ones.
begin --set faces.fps=4
for process in 1 2 3 4; do
    "$VALENCE" extract $arguments -o "$work/begun" --pieces 4 --force --allow-failures 1 >"$work/out-$process" 2>"$work/err-$process" &
    eval "process_$process=\$!"
done
for process in 1 2 3 4; do
    eval "wait \$process_$process" || wrong "process $process: $(cat "$work/err-$process")"
done
same begun

if [ "${WITH_MPI:-}" != ON ]; then
    export OMPI_COMM_WORLD_SIZE=2
    expect 1 extract $arguments -o "$work/no"
    complains "mpirun started this"
    unset OMPI_COMM_WORLD_SIZE
elif command -v mpirun >/dev/null; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_base_warn_component_unused=0
    run_ranks() { # STORE ARGUMENT...
        store=$1
        shift
        mpirun -n 2 "$VALENCE" extract $arguments -o "$work/$store" --allow-failures 1 "$@" >"$work/out" 2>"$work/err" ||
            wrong "mpirun ends with an error"
    }
    # One rank prints the document of the whole, and each draws the clips that it makes.
    run_ranks ranks --json --preview "$work/pictures"
    same ranks
    [ "$(grep -c '"schema"' "$work/out")" = 1 ] || wrong "not one document: $(head -n 20 "$work/out")"
    grep -q '"failed": 1' "$work/out" || wrong "no failure in $(head -n 20 "$work/out")"
    [ "$(ls "$work/pictures" | wc -l)" = 7 ] || wrong "pictures: $(ls "$work/pictures")"

    # A rank that starts when the store is there, or after two seconds, makes nothing anew, although --force replaces what was there.
    cat >"$work/late" <<'END'
#!/bin/sh
# STORE COMMAND...
store=$1
shift
tries=0
while [ "$OMPI_COMM_WORLD_RANK" = 1 ] && [ $tries -lt 40 ] && { [ ! -e "$store" ] || [ -e "$store.pieces" ]; }; do
    tries=$((tries + 1))
    sleep 0.05
done
exec "$@"
END
    chmod +x "$work/late"
    said="mpirun extract --force with a late rank"
    mpirun -n 2 "$work/late" "$work/late-store" "$VALENCE" extract $(echo "$arguments" | sed 's/ -q / /') -o "$work/late-store" --force \
        --allow-failures 1 >"$work/out" 2>"$work/err" || wrong "mpirun ends with an error"
    same late-store
    made=$(sed -n 's/.*this process made \([0-9]*\) clip.*/\1/p; s/.*(\([0-9]*\) new.*/\1/p' "$work/out" | awk '{ n += $1 } END { print n }')
    [ "$made" = 7 ] || wrong "7 clips, but the ranks made $made"

    # A rank is killed, mpirun ends the other, and the same command continues.
    hold killed
    run_ranks killed --pieces 8 >"$work/ignored" 2>&1 9>&- &
    launcher=$!
    begun killed "$launcher"
    rank=$(pgrep -f "^$VALENCE extract .* -o $work/killed" | tail -n 1)
    kill -9 "$rank"
    wait "$launcher"
    exec 9>&-
    run_ranks killed --pieces 8
    same killed

    # With --enable-recovery mpirun lets the other one continue, which takes over what the killed one had.
    hold recovered
    mpirun --enable-recovery -n 2 "$VALENCE" extract $arguments -o "$work/recovered" --pieces 8 --allow-failures 1 >"$work/out" \
        2>"$work/err" 9>&- &
    launcher=$!
    begun recovered "$launcher"
    rank=$(pgrep -f "^$VALENCE extract .* -o $work/recovered" | tail -n 1)
    until ls -l "/proc/$rank/fd" 2>/dev/null | grep -q '[0-9]\.lock'; do
        kill -0 "$launcher" 2>/dev/null || break
        sleep 0.02
    done
    kill -9 "$rank"
    exec 9>&-
    wait "$launcher"
    same recovered
fi
finish
