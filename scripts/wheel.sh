#!/bin/sh
# scripts/wheel.sh [OUTPUT]: builds the sdist and, from it, the Python wheel into OUTPUT (dist), with FFmpeg under the LGPL, and puts
# every library that the wheel needs into it: py3-none-manylinux_2_N_x86_64, where N is the oldest C library that it runs with.
# docs/python.md says what is in it.
#
# scripts/setup.sh --wheel installs the Debian packages that it needs; python/requirements-wheel.txt has the versions and hashes of
# the other tools. VALENCE_FFMPEG names FFmpeg's prefix where it is built.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
output=$(realpath -m "${1:-$source/dist}")
cache=${VALENCE_CACHE:-$HOME/.cache/valence}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

script=$source/scripts/fetch_ffmpeg.sh
ffmpeg=${VALENCE_FFMPEG:-$cache/ffmpeg-$(sha256sum "$script" | cut -c1-12)}
[ -e "$ffmpeg/lib/libavformat.so" ] || "$script" "$ffmpeg"

python3 -m venv "$work/tools"
"$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --requirement "$source/python/requirements-wheel.txt"
PATH=$work/tools/bin:$PATH
export PKG_CONFIG_PATH="$ffmpeg/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

cd "$source"
export TMPDIR="$work"
python -m build --no-isolation --outdir "$work/made" . >"$work/log" 2>&1 || { tail -n 40 "$work/log" && exit 1; }

# The libraries of the wheel itself are found by each other; those of the system come along, licences beside them.
folder=$(pkg-config --variable=libdir openblas)
LD_LIBRARY_PATH=$ffmpeg/lib:$folder auditwheel repair --strip --exclude libgomp.so.1 --wheel-dir "$work/repaired" "$work"/made/*.whl >"$work/log" 2>&1 ||
    { tail -n 40 "$work/log" && exit 1; }

# Assertions name source files, and configurations folders: none of this machine's may be among them.
python -m zipfile -e "$work"/repaired/*.whl "$work/unpacked"
! grep -rlaF -e "$source/" -e "$work/" -e "$cache/" "$work/unpacked" || { echo "wheel: these files name folders of this machine" && exit 1; }
mkdir -p "$output"
mv "$work"/repaired/*.whl "$work"/made/*.tar.gz "$output"
ls -l "$output"
