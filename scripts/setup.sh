#!/usr/bin/env bash
# Installs the Debian packages that are missing; says nothing where all are there.
#
#   scripts/setup.sh           what building, testing and the demo need
#   scripts/setup.sh --fuzz    ... and the fuzz targets
#   scripts/setup.sh --wheel   ... and the Python wheel
#   scripts/setup.sh --ci      ... and .ci/run
#
# As root, or where sudo asks for no password, it installs by itself; else it prints the command and exits with 1.
set -euo pipefail

packages=(build-essential cmake ninja-build pkg-config python3 python3-pip file
    libopenblas-openmp-dev liblmdb-dev libyaml-dev libjansson-dev libzip-dev zlib1g-dev libhdf5-dev
    libcairo2-dev
    libcmocka-dev
    libavformat-dev libavcodec-dev libswresample-dev libswscale-dev
    libmicrohttpd-dev
    libopenmpi-dev
    ffmpeg espeak-ng)
case ${1:-} in
'') ;;
--fuzz) packages+=(clang libclang-rt-14-dev) ;;
--wheel) packages+=(nasm libdav1d-dev python3-venv) ;; # for its own FFmpeg
--ci) packages+=(clang clang-format ffmpeg chromium
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user) ;; # the products for arm64, emulated
*) echo "usage: scripts/setup.sh [--fuzz | --wheel | --ci]" >&2 && exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    exit 0 # another distribution: CMake names what it misses
fi
missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null || true)
    grep -qx installed <<<"$state" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Packages are missing; install them with" >&2
        echo "    sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo -n)
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}")
"${install[@]}" >/dev/null 2>&1 && exit 0
"${as_root[@]}" apt-get update -qq # the lists may be old, or not there yet
"${install[@]}" >/dev/null
