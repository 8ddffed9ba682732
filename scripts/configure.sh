#!/usr/bin/env bash
# scripts/configure.sh PRESET [OPTION...]: configures a build; where llama.cpp cannot be had (no network, say), one without
# the encoders, which the rest does not need. The next call tries again.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset "$@" && exit 0
case "$*" in
*VALENCE_ENCODERS=*) exit 1 ;; # it was asked for like this
esac
echo "Trying again without the encoders." >&2
cmake --preset "$@" -DVALENCE_ENCODERS=OFF
echo "NOTE: configured WITHOUT the encoders; the reason stands above." >&2
