#!/usr/bin/env bash
# scripts/check_installed_command.sh PREFIX: builds the command from an installed tree alone (headers, libraries,
# pkg-config), so that the public interface cannot have holes, and runs it.
set -euo pipefail
prefix=${1:?usage: scripts/check_installed_command.sh PREFIX}
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/valence-command-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$source"

pc=$(dirname "$(find "$prefix" -name valence.pc)")
packages="valence"
[ ! -f "$pc/valence-media.pc" ] || packages="valence-media valence"
export PKG_CONFIG_PATH=$pc
read -ra flags <<<"$(pkg-config --cflags $packages jansson zlib) -Icli -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror"
[ "$packages" = valence ] || flags+=(-DVALENCE_WITH_ENCODERS)
read -ra libraries <<<"$(pkg-config --libs $packages jansson zlib)"

objects=()
for file in cli/*.c; do
    name=$(basename "$file")
    case $name in encode_* | score_* | media_files.c) [ "$packages" != valence ] || continue ;; esac
    cc "${flags[@]}" -c "$file" -o "$work/$name.o"
    objects+=("$work/$name.o")
done
cc "${objects[@]}" -o "$work/valence" "${libraries[@]}" -lm -pthread
LD_LIBRARY_PATH=$(pkg-config --variable=libdir valence) "$work/valence" version
echo "the command builds from the installed tree alone"
