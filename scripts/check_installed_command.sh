#!/usr/bin/env bash
# scripts/check_installed_command.sh PREFIX: builds the command from an installed tree alone (headers, libraries,
# pkg-config), so that the public interface cannot have holes. While files of cli/ still include private headers, those that
# do not are compiled, and the number of private includes may only fall. Once there are none the whole command is linked and
# run.
set -euo pipefail
prefix=${1:?usage: scripts/check_installed_command.sh PREFIX}
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/valence-command-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$source"

# FILE HEADER of every include of cli/ that is not installed: those with a folder in front that is not valence/.
private() {
    grep -nE '^# *include *"[a-z_]+/' cli/*.[ch] | sed -E 's/^cli\/([^:]+):[0-9]+:# *include *"([^"]+)".*/\1 \2/' |
        grep -v ' valence/' | LC_ALL=C sort -u || true
}
most=58 # lower it with every include that goes; at 0 the whole command is linked
private >"$work/private"
n_private=$(wc -l <"$work/private")
[ "$n_private" -le "$most" ] || { echo "check_installed_command: cli/ has $n_private private includes, more than $most:" &&
    cat "$work/private" && exit 1; }

pc=$(dirname "$(find "$prefix" -name valence.pc)")
packages="valence"
[ ! -f "$pc/valence-media.pc" ] || packages="valence-media valence"
export PKG_CONFIG_PATH=$pc
read -ra flags <<<"$(pkg-config --cflags $packages jansson) -Icli -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror"
[ "$packages" = valence ] || flags+=(-DVALENCE_WITH_ENCODERS)
read -ra libraries <<<"$(pkg-config --libs $packages jansson)"

# Whether a file, or a header of cli/ that it includes, directly or not, includes something private.
reaches_private() {
    local name
    grep -q "^$1 " "$work/private" && return 0
    for name in $(sed -nE 's/^# *include *"([a-z_]+\.h)".*/\1/p' "cli/$1"); do
        reaches_private "$name" && return 0
    done
    return 1
}
objects=() left=0
for file in cli/*.c; do
    name=$(basename "$file")
    [[ $name != encode_* && $name != media_files.c && $name != transcript_output.c || $packages != valence ]] || continue
    if reaches_private "$name"; then
        left=$((left + 1))
        continue
    fi
    cc "${flags[@]}" -c "$file" -o "$work/$name.o"
    objects+=("$work/$name.o")
done
if [ "$left" -gt 0 ]; then
    echo "compiled against the installed headers: ${#objects[@]} files of cli/; $left still include private ones" \
        "($n_private includes)"
    exit 0
fi
cc "${objects[@]}" -o "$work/valence" "${libraries[@]}" -lm -pthread
LD_LIBRARY_PATH=$(pkg-config --variable=libdir valence) "$work/valence" version
echo "the command builds from the installed tree alone"
