#!/usr/bin/env bash
# How fast an extraction is, stage by stage and as a whole, in times real time, and how much memory a long file takes.
#
#     scripts/bench_extract.sh [BUILD] MEDIA...     needs the models whisper-base, silero-vad, faces and smollm2 in the cache
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/release
[ -x "${1:-}/valence" ] && build=$1 && shift
[ $# -gt 0 ] || { sed -n 2,5p "$0"; exit 2; }
valence=$build/valence
work=$(mktemp -d /tmp/valence-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/clips"
cp "$@" "$work/clips"
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) CPUs, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"

# figures NAME KEY=VALUE...: one extraction with two threads.
figures() {
    name=$1
    shift
    rm -rf "$work/store"
    sets=()
    for key in "$@"; do sets+=(--set "$key"); done
    /usr/bin/time -f '%M %U %S' -o "$work/time" "$valence" extract "$work/clips" -o "$work/store" -q -j 2 --json \
        --set cut_seconds=60 "${sets[@]}" >"$work/json"
    read -r kib user system <"$work/time"
    python3 - "$name" "$work/json" "$kib" "$user" "$system" <<'PYTHON'
import json, sys
name, path, kib, user, system = sys.argv[1:]
report = json.load(open(path))
media = report["media_seconds"]
cpu = float(user) + float(system)
print(f"{name:34} {media / report['seconds']:6.2f} x real time, {media / cpu * 2:6.2f} x by CPU time of two cores, {int(kib) / 1024:6.0f} MiB")
PYTHON
}
figures "prosody (with decoding)" audio=prosody video=none text=none
figures "whisper rows" audio=whisper video=none text=none
figures "faces, 5 a second" audio=none text=none faces.fps=5
figures "faces, 25 a second" audio=none text=none faces.fps=25
figures "recognised words, SmolLM2" audio=none video=none text=asr
figures "audio only, all of it" audio=whisper video=none text=asr
figures "everything, faces 5 a second" audio=whisper text=asr faces.fps=5
