#!/usr/bin/env bash
# Kills an extraction of many clips at random moments and goes on, until it is done; then the store must equal that of an
# undisturbed extraction. Small random models and clips made by ffmpeg.
#
#     scripts/extract_kill.sh [BUILD] [KILLS] [CLIPS]     build/release 200 60
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release} kills=${2:-200} clips=${3:-60}
valence=$build/valence
work=$(mktemp -d /tmp/valence-kill-XXXXXX)
trap 'rm -rf "$work"' EXIT
"$build/tests/make-tiny-models" "$work" >/dev/null
mkdir "$work/clips"
for ((i = 0; i < clips; i++)); do
    ffmpeg -v error -nostdin -y -f lavfi -i "testsrc2=size=96x64:rate=8:duration=2" -f lavfi \
        -i "sine=frequency=$((200 + 10 * i)):duration=2" -c:v mpeg4 -c:a pcm_s16le "$(printf '%s/clips/c%03d.mkv' "$work" $i)"
done
# The store's name follows. Run in the background it is the command itself that is killed, and no shell around it.
extract=("$valence" extract "$work/clips" -q --set "models.whisper=$work/whisper.gguf" --set "models.faces=$work/faces.gguf" -o)
content() {
    rm -rf "$work/npy"
    "$valence" export "$work/$1" "$work/npy" --form npy -q >/dev/null
    (cd "$work/npy" && find . -type f | sort | xargs sha256sum)
    "$valence" inspect "$work/$1" --json --records -q | grep -v '"path"'
    for ((i = 0; i < clips; i++)); do
        "$valence" inspect "$work/$1" --clip "$(printf 'c%03d' $i)" --json | grep -v '"path"'
    done
}
begin=$(date +%s%N)
"${extract[@]}" "$work/whole" >/dev/null
whole=$((($(date +%s%N) - begin) / 1000000))
# A kill falls anywhere between the start of the process and about a tenth of the whole work; so the store grows slowly enough
# for all kills. When it is done early, it is begun anew.
killed=0 rounds=1
while ((killed < kills)); do
    "${extract[@]}" "$work/killed" >/dev/null &
    process=$!
    sleep "$(awk -v r=$RANDOM -v ms="$whole" 'BEGIN { printf "%.3f", (0.02 + r / 32768 * ms / 10) / 1000 }')"
    if kill -9 "$process" 2>/dev/null; then
        killed=$((killed + 1))
    fi
    if wait "$process" 2>/dev/null; then
        content whole >"$work/a"
        content killed >"$work/b"
        cmp "$work/a" "$work/b"
        rm -rf "$work/killed"
        rounds=$((rounds + 1))
    fi
done
"${extract[@]}" "$work/killed" >/dev/null
content whole >"$work/a"
content killed >"$work/b"
cmp "$work/a" "$work/b"
echo "$killed kills in $rounds extractions of $clips clips ($whole ms undisturbed): the stores are equal"
