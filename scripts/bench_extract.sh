#!/usr/bin/env bash
# How fast extraction is, stage by stage and as a whole, as a Markdown table for docs/benchmarks.md.
#
#   scripts/bench_extract.sh [--avx2] BUILD FILM SPEECH FOLDER
#
# The talk that is measured is FILM, SPEECH (sound alone; FILM's first picture stands meanwhile) and FILM again. FOLDER is
# a folder of media files, extracted as it is. RUNS (3) rounds, each stage once a round; THREADS (2). The models
# whisper-base, silero-vad, faces and smollm2 must be there ('valence models fetch'). BUILD needs the target bench-media.
#
# --avx2 shows a processor without AVX-512: it takes ggml's kernels for AVX2 and OpenBLAS's for Haswell. BUILD must leave
# out the project's own: cmake --preset avx2 && cmake --build --preset avx2 --target valence bench-media
# FFmpeg is not restricted.
#
# WHISPER_CLI is whisper.cpp's own command; with it, scripts/bench_transcribe.py compares it on the talk, with five
# beams and language detection. To make one that takes its kernels from the same ggml, unpack the sdist that
# scripts/fetch_whisper.sh names, and in its folder whisper.cpp (LLAMA is ~/.cache/valence/llama-KEY):
#   c++ -std=c++17 -O3 -DNDEBUG '-DWHISPER_VERSION="1"' -I include -I examples -I LLAMA/include src/whisper.cpp
#       examples/cli/cli.cpp examples/common.cpp examples/common-whisper.cpp examples/grammar-parser.cpp
#       -o whisper-cli LLAMA/lib/libggml.so LLAMA/lib/libggml-base.so
# --avx2 does not restrict one that has ggml in itself.
set -euo pipefail
avx2=no
[ "${1:-}" = --avx2 ] && avx2=yes && shift
[ $# -eq 4 ] || { sed -n 2,5p "$0" >&2; exit 2; }
build=$(realpath "$1") film=$(realpath "$2") speech=$(realpath "$3") folder=$(realpath "$4")
here=$(dirname "$(realpath "$0")")
valence=$build/valence
threads=${THREADS:-2} runs=${RUNS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/valence-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# ---- Kernels -----------------------------------------------------------------------------------------------------

# The folder of a library that the command loads.
place() { ldd "$valence" | awk -v name="$1" '$1 ~ name { print $3; exit }' | xargs dirname; }

mkdir "$work/lib"
ln -s "$(place libggml.so)"/lib*.so* "$(place libwhisper)"/lib*.so* "$work/lib"
if [ $avx2 = yes ]; then
    grep -q '^VALENCE_AVX512:BOOL=OFF' "$build/CMakeCache.txt" || {
        echo "bench_extract: $build has the project's kernels for AVX-512; build it with the preset avx2" >&2
        exit 2
    }
    find "$work/lib" -name 'libggml-cpu-*' ! -name '*-haswell.so' ! -name '*-x64.so' -delete
    export OPENBLAS_CORETYPE=Haswell
fi
export LD_LIBRARY_PATH=$work/lib OMP_NUM_THREADS=$threads GOMP_SPINCOUNT=10000

# ---- Sound and pictures ------------------------------------------------------------------------------------------

ff() { ffmpeg -nostdin -loglevel error -y "$@"; }
duration() { ffprobe -v error -show_entries format=duration -of csv=p=0 "$1"; }
size=$(ffprobe -v error -select_streams v:0 -show_entries stream=width,height -of csv=s=x:p=0 "$film" | head -n 1)
ff -i "$film" -frames:v 1 "$work/still.png"
mkdir "$work/talk" "$work/words"
picture=scale=s=$size,setsar=1,fps=25,format=yuv420p sound=aresample=16000,aformat=channel_layouts=mono
ff -i "$film" -loop 1 -framerate 25 -i "$work/still.png" -i "$speech" -filter_complex \
    "[0:v]$picture,split[v0][v2]; [0:a]$sound,asplit[a0][a2];
     [1:v]$picture,trim=duration=$(duration "$speech")[v1]; [2:a]$sound[a1];
     [v0][a0][v1][a1][v2][a2]concat=n=3:v=1:a=1[v][a]" \
    -map '[v]' -map '[a]' -c:v libx264 -preset veryfast -c:a flac "$work/talk/talk.mkv"
ff -i "$work/talk/talk.mkv" -c:a pcm_s16le -vn "$work/talk.wav"
ln -s "$work/talk/talk.mkv" "$work/words/talk.mkv"
"$valence" transcribe "$work/talk.wav" --beams 1 --vad silero-vad -j "$threads" -q -f srt -o "$work/words/talk.srt"
printf 'file,start,end\n%s,0,13\n' "$work/talk/talk.mkv" >"$work/start.csv"

# ---- Stages ------------------------------------------------------------------------------------------------------

# A line: stage, clock, processor (two kinds), peak, media. note STAGE MEDIA_SECONDS adds what `timed` measured.
timed() { /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@"; }
note() {
    read -r wall user system kib <"$work/time"
    echo "$1|$wall|$user|$system|$kib|$2" >>"$work/figures"
}
# extract STAGE INPUT KEY=VALUE...: an extraction by a process of its own.
extract() {
    local stage=$1 input=$2 sets=()
    shift 2
    for key in "$@"; do sets+=(--set "$key"); done
    rm -rf "$work/store"
    timed "$valence" extract "$input" -o "$work/store" -q -j "$threads" --json "${sets[@]}" >"$work/json"
    # Words alone are read without the media: they count as the talk's length.
    note "$stage" "$(awk -F '[:,]' -v talk="$seconds" '/"media_seconds"/ { print ($2 > 0 ? $2 : talk) }' "$work/json")"
}
seconds=$(duration "$work/talk.wav")
vad=${XDG_CACHE_HOME:-$HOME/.cache}/valence/models/silero-vad.bin
echo "load before: $(cut -d' ' -f1-3 /proc/loadavg); $(nproc) CPUs, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
for _ in $(seq "$runs"); do
    "$build/bench/bench-media" "$work/talk/talk.mkv" "$vad" 1 2>/dev/null >>"$work/figures"
    timed "$valence" transcribe "$work/talk.wav" --beams 1 --vad silero-vad -j "$threads" -q >/dev/null
    note "transcription, one beam, with VAD" "$seconds"
    extract "Whisper rows" "$work/talk" audio=whisper video=none text=none
    extract "prosody" "$work/talk" audio=prosody video=none text=none
    extract "faces, 5 a second" "$work/talk" audio=none video=faces text=none faces.fps=5
    extract "faces, 25 a second (first 13 s)" "$work/start.csv" audio=none video=faces text=none faces.fps=25
    extract "SmolLM2 on given words" "$work/words" audio=none video=none text=given
    extract "**audio only**: Whisper rows, recognised words" "$work/talk" audio=whisper video=none text=asr
    extract "**everything**: and faces, 5 a second" "$work/talk" audio=whisper video=faces text=asr faces.fps=5
    extract "**audio only**, the folder" "$folder" audio=whisper video=none text=asr
    extract "**everything**, the folder" "$folder" audio=whisper video=faces text=asr faces.fps=5
done
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg); talk of $seconds s, $runs rounds, $threads threads, AVX2 only: $avx2"
python3 - "$work/figures" <<'PYTHON'
import statistics, sys

stages = {}
for line in open(sys.argv[1]):
    name, wall, user, system, kib, media = line.strip().split("|")
    stages.setdefault(name, []).append((float(media), float(wall), float(user) + float(system), int(kib) / 1024))


def spread(values, digits):
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


print("\n| stage | media, s | clock, s | × real time | processor, s | peak, MiB |\n| --- | ---: | ---: | ---: | ---: | ---: |")
for name, runs in stages.items():
    speeds = [media / wall for media, wall, _, _ in runs]
    print(f"| {name} | {runs[0][0]:.1f} | {spread([run[1] for run in runs], 2)} | {spread(speeds, 1)} "
          f"| {statistics.median(run[2] for run in runs):.2f} | {max(run[3] for run in runs):.0f} |")
PYTHON
if [ -n "${WHISPER_CLI:-}" ]; then
    cp "$WHISPER_CLI" "$work/lib/whisper-cli" # ggml's kernels are looked for beside the program
    echo
    python3 "$here/bench_transcribe.py" "$valence" "$work/lib/whisper-cli" "${vad%/*}/whisper-base.gguf" "$work/talk.wav" --runs "$runs" \
        --threads "$threads"
fi
