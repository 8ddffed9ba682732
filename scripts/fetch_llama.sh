#!/bin/sh
# Builds llama.cpp and ggml, libraries alone, once into PREFIX: cmake/llama.cmake calls it where no installed llama
# fits. The source is the sdist of the PyPI package llama-cpp-python, which carries the tree; its hash is pinned.
#
#   scripts/fetch_llama.sh PREFIX [SDIST.tar.gz]
#
# PREFIX appears only when everything is in it. With SDIST nothing is downloaded.
set -eu
. "$(dirname "$0")/fetch_source.sh"

version=0.3.36
prefix=$1

begin_build "$prefix" lib/libllama.so
fetch_sdist llama-cpp-python "$version" 832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e "${2:-}" llama.cpp \
    "pass the sdist yourself (-DVALENCE_LLAMA_SDIST=FILE), install llama.cpp, or build with -DVALENCE_ENCODERS=OFF"

tar -xzf "$sdist" -C "$work" "llama_cpp_python-$version/vendor/llama.cpp"
source=$work/llama_cpp_python-$version/vendor/llama.cpp

# One CPU back end per kind of processor, chosen at run time. Of the x86 ones those remain that differ in instructions
# the matrix products use; the others only cost compile time.
sed -i -E '/ggml_add_cpu_backend_variant\((sse42|sandybridge|ivybridge|piledriver|cannonlake|icelake|cooperlake|zen4|alderlake) /d' \
    "$source/ggml/src/CMakeLists.txt"

# GCC 12 tells its optimizer that ldtilecfg reads 8 bytes of the tile configuration and drops the stores to the other 56:
# the first AMX product then dies with SIGILL. The barrier keeps them.
sed -i 's/^    _tile_loadconfig(&tc);/    __asm__ volatile("" : : "r"(\&tc) : "memory");\n&/' \
    "$source/ggml/src/ggml-cpu/amx/mmq.cpp"

generator="Unix Makefiles"
if command -v ninja >/dev/null; then
    generator=Ninja
fi
echo "building llama.cpp and ggml into $prefix (a few minutes, once)"
{
    # Back ends lie beside libggml.so (BINDIR = LIBDIR), where src/encode/compute/backend.c looks for them.
    cmake -S "$source" -B "$work/build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
        -DCMAKE_INSTALL_PREFIX="$work/prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_BINDIR=lib \
        "-DCMAKE_INSTALL_RPATH=\$ORIGIN" \
        -DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_OPENMP=ON \
        -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_COMMON=OFF ${VALENCE_GGML_OPTIONS:-} &&
        cmake --build "$work/build" --parallel "$(nproc)" &&
        cmake --install "$work/build"
} >"$prefix.log" 2>&1 || {
    tail -n 30 "$prefix.log" >&2
    echo "llama.cpp did not build: the whole log is $prefix.log" >&2
    exit 1
}
rm -rf "$work/prefix/lib/cmake" "$work/prefix/lib/pkgconfig" # they name the folder it was built in
cp "$source/LICENSE" "$work/prefix/LICENSE"
mv "$work/prefix" "$prefix"
