#!/bin/sh
# The Debian packages of the build: they are well formed, the same bytes twice, and what is in them runs from an empty folder,
# with the model for English text found beside the command. Needs dpkg-deb and cpack.
. "$TESTS/cli/support.sh"

command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null && command -v cpack >/dev/null ||
    { echo "skipped: no dpkg-deb, dpkg-shlibdeps or cpack"; exit 77; }
build=$(cd "$(dirname "$VALENCE")" && pwd)
source=$(cd "$TESTS/.." && pwd)
[ -d "$build/command_texts/man1" ] ||
    { echo "not built: the command's manual pages"; exit 1; }
: >"$work/out"
said="cpack"

# make_packages FOLDER
make_packages() {
    SOURCE_DATE_EPOCH=1700000000 cpack --config "$build/CPackConfig.cmake" -B "$work/$1" >"$work/err" 2>&1 ||
        { wrong "cpack fails"; finish; }
}
make_packages first
make_packages second
: >"$work/err"
runtime=$(echo "$work"/first/valence_*.deb) development=$(echo "$work"/first/libvalence-dev_*.deb)
for package in "$runtime" "$development" "$work"/first/valence-mpi_*.deb; do
    name=$(basename "$package")
    [ "$name" = 'valence-mpi_*.deb' ] && continue # the build has no MPI
    [ -f "$package" ] || { wrong "no package $name"; finish; }
    cmp "$package" "$work/second/$name" >"$work/out" 2>&1 || wrong "$name has other bytes when it is made again"
    dpkg-deb -x "$package" "$work/root"
    dpkg-deb -c "$package" >"$work/out"
    # Everything is root's, readable by all and writable by root alone.
    grep -vE '^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x|lrwxrwxrwx) root/root ' "$work/out" && wrong "owners or modes of $name"
    grep -E ' \./(usr/local|home|root|tmp)' "$work/out" && wrong "$name has files in a strange place"
    grep -q " \./usr/share/doc/${name%%_*}/copyright$" "$work/out" || wrong "$name has no copyright"
    # Other packages learn from it which package a library of the system is in.
    grep -oE '/usr/lib/([^/ ]*-linux-gnu[^/ ]*/)?lib[^/. ]*\.so\.0( |$)' "$work/out" | sed 's|.*/\(lib.*\)\.so\.0 *$|\1 0|' |
        sort >"$work/libraries"
    if [ -s "$work/libraries" ]; then
        dpkg-deb -I "$package" shlibs | cut -d ' ' -f 1-2 | sort | cmp -s - "$work/libraries" ||
            wrong "the shlibs of $name are not its libraries: $(cat "$work/libraries")"
        dpkg-deb -I "$package" triggers | grep -q ldconfig || wrong "$name does not run ldconfig"
    fi
done
version=$("$VALENCE" version | sed -n '1s/^valence \([0-9.]*\).*/\1/p')
for field in "Package valence" "Version $version-1" "Section science" "Architecture $(dpkg --print-architecture)"; do
    found=$(dpkg-deb -f "$runtime" "${field%% *}")
    [ "$found" = "${field#* }" ] || wrong "${field%% *} is '$found', not '${field#* }'"
done
# The libraries of the system, and none of the package's own.
dpkg-deb -f "$runtime" Depends >"$work/out"
for library in libc6 libopenblas libyaml libjansson liblmdb; do
    grep -qE "(^|, )$library" "$work/out" || wrong "the package does not depend on $library"
done
# The files that a link of libvalence-dev leads to are in it or in a package that it depends on.
mkdir "$work/alone"
for package in "$development" $(dpkg-deb -f "$development" Depends | tr , '\n' | sed 's|^ *\([^ ]*\) (= .*|'"$work"'/first/\1_*.deb|'); do
    dpkg-deb -x "$package" "$work/alone"
done
find "$work/alone" -xtype l >"$work/out"
[ ! -s "$work/out" ] || wrong "libvalence-dev has links that lead nowhere: $(cat "$work/out")"
: >"$work/out"

root=$work/root/usr
for file in bin/valence share/man/man1/valence.1.gz share/man/man1/valence-score.1.gz share/man/man3/valence_model.3.gz \
    share/bash-completion/completions/valence share/fish/vendor_completions.d/valence.fish include/valence/model.h \
    share/doc/valence/copyright share/doc/valence/changelog.Debian.gz share/doc/libvalence-dev/copyright \
    share/valence/models/valence-text-en/seed-1; do
    [ -e "$root/$file" ] || wrong "no /usr/$file"
done
[ -s "$(find "$root/share/zsh" -name _valence)" ] || wrong "no completion for zsh"
gzip -t "$root"/share/man/man*/*.gz || wrong "a manual page is damaged"
built_with() { # built_with OPTION
    grep -q "^VALENCE_$1:BOOL=ON" "$build/CMakeCache.txt"
}
if built_with SERVE && built_with ENCODERS; then
    [ -f "$root/lib/systemd/system/valence.service" ] || wrong "no systemd unit"
    [ -f "$root/share/doc/valence/examples/nginx.conf" ] || wrong "no example for nginx"
fi

# Nothing names the folder of the build, and nothing is looked for there. Assertions name the source files; the preset `deb`
# takes the folder from their names, and there, nothing names the cache of built dependencies either.
folder=$build/ cache=$build/
if grep -qF -e "-ffile-prefix-map=$source/=" "$build/CMakeCache.txt"; then
    folder=$source/
    cache=$(sed -n 's/^VALENCE_CACHE:PATH=//p' "$build/CMakeCache.txt")
    cache=${cache:-$HOME/.cache/valence}/
fi
find "$root" -type f \( -name '*.so*' -o -path '*/bin/*' \) >"$work/binaries"
[ "$(wc -l <"$work/binaries")" -ge 2 ] || wrong "no libraries"
while read -r file; do
    strings -a "$file" | grep -F -e "$folder" -e "$cache" >"$work/out" &&
        wrong "$(basename "$file") names the folder it was built in"
    readelf -d "$file" | sed -n 's/.*R\(UN\)\{0,1\}PATH.*\[\(.*\)\]/\2/p' | tr ':' '\n' | grep -v '^$' |
        grep -vE '^(\$ORIGIN|/usr/lib/)' >"$work/out" && wrong "$(basename "$file") looks for libraries there"
    readelf -S "$file" | grep -qE '\.(symtab|debug_info)' && wrong "$(basename "$file") is not stripped"
    env -u LD_LIBRARY_PATH ldd "$file" >"$work/out" 2>&1
    grep -q 'not found' "$work/out" && wrong "$(basename "$file") misses libraries"
    # What the package brings is taken from the package.
    grep -E 'lib(valence|llama|ggml|whisper)[^ ]* => ' "$work/out" | grep -vF "=> $work/root/" |
        grep -q . && wrong "$(basename "$file") takes libraries from elsewhere"
done <"$work/binaries"

# A program is compiled against the packages by pkg-config.
pc=$(dirname "$(find "$root" -name valence.pc)")
printf '#include <stdio.h>\n#include <valence/version.h>\nint main(void)\n{\n    puts(valence_version());\n    return 0;\n}\n' \
    >"$work/program.c"
# shellcheck disable=SC2046
cc "$work/program.c" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs valence) -o "$work/program" >"$work/out" 2>&1 ||
    wrong "a program does not compile against the packages"
[ "$(LD_LIBRARY_PATH=$(dirname "$pc") "$work/program")" = "$version" ] || wrong "a program does not run with the packages"

# The command runs from there.
smollm2=$("$VALENCE" models --json 2>/dev/null >"$work/out" && "$JSON_VALUE" "$work/out" items 0 here 2>/dev/null)
VALENCE=$root/bin/valence
expect 0 version
prints "valence $version"
if [ "$smollm2" = true ] && built_with ENCODERS; then
    expect 0 score --text "I loved every minute of it" --offline --quiet --json
    score=$("$JSON_VALUE" "$work/out" recordings 0 score)
    awk -v score="$score" 'BEGIN { exit !(score > 0.5 && score <= 3) }' || wrong "a glad sentence scores '$score'"
fi
finish
