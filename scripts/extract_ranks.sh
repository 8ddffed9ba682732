#!/usr/bin/env bash
# An extraction of 100 clips by two ranks of mpirun, undisturbed, and with random ranks killed at random moments: every other time
# the other rank goes on alone (mpirun --enable-recovery), else both are started again. All must give the store that one process
# makes: the same rows, records and failures, and once all are merged the same way, the same bytes of the file.
#
#     scripts/extract_ranks.sh [BUILD] [KILLS] [CLIPS]     build/release 10 100
#
# REAL=MODEL takes that Whisper (whisper-base), SmolLM2 and the face networks from the cache; otherwise they are small random models. With
# FILM=FILE the clips are cut from that film, of which 30 seconds are used; otherwise they are test pictures and a tone.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release} kills=${2:-10} clips=${3:-100}
valence=$PWD/$build/valence
work=$(mktemp -d /tmp/valence-ranks-XXXXXX)
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none
mkdir "$work/clips"
for ((i = 0; i < clips; i++)); do
    name=$(printf '%s/clips/c%03d' "$work" $i)
    source=(-f lavfi -i "testsrc2=size=160x120:rate=8" -f lavfi -i "sine=frequency=$((200 + 10 * i))")
    [ -z "${FILM:-}" ] || source=(-ss "$((i * 27 / clips))" -i "$FILM")
    ffmpeg -v error -nostdin -y "${source[@]}" -t "$((1 + i % 3))" -c:v mpeg4 -c:a pcm_s16le "$name.mkv"
    echo "This is sentence number $i." >"$name.txt"
done
echo "this is no film" >"$work/clips/c050.mkv"
if [ -n "${REAL:-}" ]; then
    models=(--set "models.whisper=$REAL" --offline)
else
    "$build/tests/make-tiny-models" "$work" >/dev/null
    models=(--set "models.whisper=$work/whisper.gguf" --set "models.faces=$work/faces.gguf" --set text=none)
fi
extract=(extract "$work/clips" -j 1 -q --set faces.fps=1 --allow-failures 1 "${models[@]}" -o)
content() { # STORE
    rm -rf "$work/npy" "$work/flat"
    "$valence" export "$work/$1" "$work/npy" --form npy -q >/dev/null
    (cd "$work/npy" && find . -type f | sort | xargs sha256sum)
    "$valence" inspect "$work/$1" --json --records -q | grep -v '"path"'
    "$valence" merge "$work/$1" -o "$work/flat" -q >/dev/null
    sha256sum <"$work/flat/data.mdb"
}
same() { # STORE
    content whole >"$work/a"
    content "$1" >"$work/b"
    cmp "$work/a" "$work/b"
}
seconds() { awk -v begin="$1" -v end="$(date +%s%N)" 'BEGIN { printf "%.1f s", (end - begin) / 1e9 }'; }

begin=$(date +%s%N)
"$valence" "${extract[@]}" "$work/whole" >/dev/null
whole_ms=$((($(date +%s%N) - begin) / 1000000))
begin=$(date +%s%N)
mpirun -n 2 "$valence" "${extract[@]}" "$work/ranks" >"$work/out"
same ranks
echo "$clips clips: one process $whole_ms ms, two ranks $(seconds "$begin"): the stores are equal"

killed=0 starts=0 finished=0 alone=0
while ((killed < kills || finished == 0)); do
    recovery=() victim='' code=0
    ((starts % 2)) || recovery=(--enable-recovery)
    mpirun "${recovery[@]}" -n 2 "$valence" "${extract[@]}" "$work/killed" >"$work/out" 2>&1 &
    launcher=$!
    starts=$((starts + 1))
    if ((killed < kills)); then # once all ranks have begun, which they do together: then each has locked a piece
        until ls -l $(pgrep -f "^$valence extract .*$work/killed" | sed 's|.*|/proc/&/fd|') /dev/null 2>/dev/null |
            grep -q '[0-9]\.lock' || ! kill -0 "$launcher" 2>/dev/null; do sleep 0.05; done
        sleep "$(awk -v r=$RANDOM -v ms="$whole_ms" 'BEGIN { printf "%.3f", r / 32768 * ms / 4000 }')"
        victim=$(pgrep -f "^$valence extract .*$work/killed" | shuf -n 1) || true
        if [ -n "$victim" ] && kill -9 "$victim" 2>/dev/null; then killed=$((killed + 1)); else victim=''; fi
    fi
    wait "$launcher" || code=$?
    if [ -e "$work/killed" ] && [ ! -e "$work/killed.pieces" ]; then
        same killed
        rm -rf "$work/killed"
        finished=$((finished + 1))
        [ -z "$victim" ] || [ ${#recovery[@]} = 0 ] || alone=$((alone + 1))
    elif [ -z "$victim" ] || [ ${#recovery[@]} = 1 ]; then
        echo "not finished, mpirun's exit code is $code"
        cat "$work/out"
        exit 1
    fi
done
echo "$killed kills in $starts starts and $finished extractions, $alone of them finished by the rank that was left: the stores are equal"
