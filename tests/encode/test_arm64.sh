#!/usr/bin/env bash
# The products of bytes for arm64, compiled by a cross compiler and run by qemu. Skipped (77) where these are missing:
# Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
compiler=aarch64-linux-gnu-gcc
command -v $compiler >/dev/null && command -v qemu-aarch64 >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' | $compiler -static -x c - -o "$work/nothing" 2>/dev/null || exit 77

sources=()
for name in encode/compute/int8_{product,quantise,arm,x86} kernels/{processor,transpose} base/random; do
    sources+=("$root/src/$name.c")
done
for test in encode/test_int8_product kernels/test_transpose; do
    $compiler -std=gnu11 -O2 -ffp-contract=off -Wall -Wextra -Werror -static -pthread -I"$root/tests/arm64" -I"$root/src" \
        -I"$root/include" "$root/tests/$test.c" "${sources[@]}" -lm -o "$work/test"
    qemu-aarch64 -cpu max "$work/test" | tee "$work/out"
    grep -q 'NEON dot: skipped' "$work/out" && echo "the emulated processor has no dot products" && exit 1
done
exit 0
