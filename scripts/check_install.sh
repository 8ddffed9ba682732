#!/bin/sh
# scripts/check_install.sh BUILD: installs a built tree into a folder of its own and uses what is there as a stranger would:
# the command, the manual pages, and the programs of docs/ and cli/ compiled against the libraries by pkg-config.
set -eu
build=${1:?usage: scripts/check_install.sh BUILD}
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/valence-install-XXXXXX)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
prefix="$work/moved" # the pkg-config file and the library may not depend on where they were put
mv "$work/prefix" "$prefix"
pc=$(dirname "$(find "$prefix" -name valence.pc)")
libraries=$(PKG_CONFIG_PATH=$pc pkg-config --variable=libdir valence)

# What the libraries export is what the headers declare, name by name.
nm -D --defined-only "$libraries"/libvalence*.so | awk '$3 ~ /^[a-z].*/ && $2 != "A" { print $3 }' | sed 's/@.*//' |
    sort -u >"$work/exported"
cat "$prefix"/include/valence/*.h | tr '\n' ' ' | sed 's/VALENCE_API/\n&/g' |
    sed -nE 's/^VALENCE_API [^(;[]*[ *](const )?(valence_[a-z0-9_]+)[([;].*/\2/p' | sort -u >"$work/declared"
differences=$(diff "$work/declared" "$work/exported" || true)
[ -z "$differences" ] || { echo "check_install: headers (<) and libraries (>) differ:" && echo "$differences" && exit 1; }
for page in valence_model valence_model_load; do
    [ -f "$prefix/share/man/man3/$page.3" ] || { echo "check_install: no manual page $page(3)"; exit 1; }
done
# One library's names are not the other's, and all carry a version.
for library in "$libraries"/libvalence*.so; do
    nm -D --defined-only "$library" | awk '$3 ~ /^[a-z].*/ && $2 != "A" { print $3 }'
done | sort >"$work/all"
[ -z "$(sort "$work/all" | sed 's/@.*//' | uniq -d)" ] || { echo "check_install: exported by both libraries:" &&
    sed 's/@.*//' "$work/all" | uniq -d && exit 1; }
grep -v '@@VALENCE_' "$work/all" && { echo "check_install: these names have no version"; exit 1; }

# Nothing points to where it was built.
for file in "$prefix"/bin/valence "$libraries"/libvalence*.so; do
    readelf -d "$file" | sed -n 's/.*R\(UN\)\{0,1\}PATH.*\[\(.*\)\]/\2/p' | tr ':' '\n' >"$work/paths"
    if grep -vE '^(\$ORIGIN|/usr/)' "$work/paths"; then
        echo "check_install: $file looks for libraries there"
        exit 1
    fi
done
[ -n "$(find "$prefix/share/doc" -name LICENSE)" ] || { echo "check_install: no licence"; exit 1; }
"$source/scripts/check_installed_command.sh" "$prefix"
"$source/scripts/check_api.sh" "$prefix"
for text in man/man1/valence-evaluate.1 man/man1/valence-encode.1 bash-completion/completions/valence \
    zsh/site-functions/_valence fish/vendor_completions.d/valence.fish; do
    [ -s "$prefix/share/$text" ] || { echo "check_install: no $text"; exit 1; }
done
[ -f "$prefix/share/man/man1/valence.1" ] || { echo "check_install: no manual page"; exit 1; }
echo "installed library, headers, pkg-config file, command and manual page work"
