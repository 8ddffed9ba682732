#!/bin/sh
# Builds the FFmpeg libraries that the Python wheel carries, once into PREFIX: decoders under the LGPL, and nothing that needs
# the GPL, a network or a device. Debian's own libraries are GPL and bring 100 others. The source is Debian's source package;
# its hash is pinned.
#
#   scripts/fetch_ffmpeg.sh PREFIX [SOURCE.tar.xz]
#
# scripts/setup.sh --wheel installs what building needs: nasm and the headers of dav1d. PREFIX appears only when everything is in it.
# With SOURCE nothing is downloaded.
set -eu
. "$(dirname "$0")/fetch_source.sh"

version=5.1.9
sha256=d9b593bb2ba93d4b50f74177e0cdcd41747e708596367deed0c30348a71dd176
prefix=$1

begin_build "$prefix" lib/libavformat.so
source=${2:-}
if [ -z "$source" ]; then
    # Lists and a cache of its own: the system's may lack source packages, and are left alone.
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
        >"$work/sources.list"
    apt() {
        apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
            -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" "$@"
    }
    echo "fetching the source of ffmpeg $version"
    (cd "$work" && apt update && apt source --download-only ffmpeg) >/dev/null 2>"$prefix.log" || {
        cat "$prefix.log" >&2
        echo "apt-get could not download it: pass ffmpeg_$version.orig.tar.xz yourself" >&2
        exit 1
    }
    source=$work/ffmpeg_$version.orig.tar.xz
fi
echo "$sha256  $source" | sha256sum --check --quiet -
mkdir "$work/source"
tar -xJf "$source" -C "$work/source" --strip-components 1

echo "building FFmpeg's libraries into $prefix (a few minutes, once)"
{
    # MJPEG alone is encoded: the small pictures of pages. dav1d decodes AV1, which FFmpeg itself cannot. The libraries hold the
    # text of these options, so that no folder of this machine is among them.
    cd "$work/source" &&
        ./configure --prefix=/usr/local --enable-shared --disable-static --disable-programs --disable-doc \
            --disable-avdevice --disable-avfilter --disable-postproc --disable-network --disable-autodetect \
            --disable-hwaccels --disable-encoders --enable-encoder=mjpeg --disable-muxers --disable-filters \
            --disable-protocols --enable-protocol=file,pipe,fd --disable-devices --disable-debug \
            --enable-zlib --enable-libdav1d --extra-ldflags="-Wl,-rpath,'\$\$ORIGIN'" &&
        make -j "$(nproc)" && make install DESTDIR="$work/installed"
} >"$prefix.log" 2>&1 || {
    tail -n 30 "$prefix.log" >&2
    echo "FFmpeg did not build (scripts/setup.sh --wheel installs what it needs): the whole log is $prefix.log" >&2
    exit 1
}
mv "$work/installed/usr/local" "$work/prefix"
sed -i "s|/usr/local|$prefix|g" "$work"/prefix/lib/pkgconfig/*.pc # where it will be
cp "$work/source/COPYING.LGPLv2.1" "$work/prefix/LICENSE"
rm -rf "$work/prefix/share"
mv "$work/prefix" "$prefix"
