#include "encode/compute/panel.h"

#include <string.h>

#include "kernels/simd.h"

typedef float vector __attribute__((vector_size(64), aligned(4), may_alias));

#define HALVES (PANEL / 16) /* vectors of a panel's row */

/* The product of `rows` rows, a constant where it is inlined, so that the sums live in
 * registers. */
VALENCE_INLINE void product(int rows, const struct panel_shape *shape, const float *const *a,
                            const float *b, float *const *out)
{
    vector sums[12][HALVES] = {0};
    for (int t = 0; t < shape->taps; t++) {
        const float *row[12];
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++)
            row[i] = a[i] + shape->offsets[t];
        for (int64_t k = 0; k < shape->length; k++, b += PANEL) {
            const vector b0 = *(const vector *)b, b1 = *(const vector *)(b + 16);
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                sums[i][0] += row[i][k] * b0;
                sums[i][1] += row[i][k] * b1;
            }
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        *(vector *)out[i] = sums[i][0];
        *(vector *)(out[i] + 16) = sums[i][1];
    }
}

/* Up to `group` rows as if they were that many: the last is repeated, with the same results. */
VALENCE_INLINE void product_of_rest(int group, const struct panel_shape *shape, int64_t n,
                                    const float *const *a, const float *b, float *const *out)
{
    const float *rest[12];
    float *rest_out[12];
    for (int i = 0; i < group; i++) {
        rest[i] = a[i < n ? i : n - 1];
        rest_out[i] = out[i < n ? i : n - 1];
    }
    product(group, shape, rest, b, rest_out);
}

/* Rows in groups of `group`, a multiple of 3; the rest in thirds of it. */
VALENCE_INLINE void product_in_groups(int group, const struct panel_shape *shape, int64_t n,
                                      const float *const *a, const float *b, float *const *out)
{
    int64_t i = 0;
    for (; i + group <= n; i += group)
        product(group, shape, a + i, b, out + i);
    if (n - i > group * 2 / 3)
        product_of_rest(group, shape, n - i, a + i, b, out + i);
    else if (n - i > group / 3)
        product_of_rest(group * 2 / 3, shape, n - i, a + i, b, out + i);
    else if (n > i)
        product_of_rest(group / 3, shape, n - i, a + i, b, out + i);
}

/* 12 x 2 of 32 registers, 3 x 4 of 16. */
#if defined(__x86_64__) && defined(__GNUC__)
#ifndef VALENCE_WITHOUT_AVX512
__attribute__((target("avx512f,avx512vl,avx512dq,fma"))) static void
product_avx512(const struct panel_shape *shape, int64_t n, const float *const *a, const float *b,
               float *const *out)
{
    product_in_groups(12, shape, n, a, b, out);
}
#endif

__attribute__((target("avx2,fma"))) static void product_avx2(const struct panel_shape *shape,
                                                             int64_t n, const float *const *a,
                                                             const float *b, float *const *out)
{
    product_in_groups(3, shape, n, a, b, out);
}
#endif

static void product_portable(const struct panel_shape *shape, int64_t n, const float *const *a,
                             const float *b, float *const *out)
{
    product_in_groups(3, shape, n, a, b, out);
}

void panel_product(const struct panel_shape *shape, int64_t n, const float *const *a,
                   const float *b, float *const *out)
{
#if defined(__x86_64__) && defined(__GNUC__)
#ifndef VALENCE_WITHOUT_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        product_avx512(shape, n, a, b, out);
        return;
    }
#endif
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        product_avx2(shape, n, a, b, out);
    else
#endif
        product_portable(shape, n, a, b, out);
}

int64_t panel_count(int64_t out)
{
    return (out + PANEL - 1) / PANEL;
}

void panel_pack(int64_t out, int64_t depth, const float *weights, int64_t stride, float *packed)
{
    enum { BLOCK = 16 }; /* of the depth: reading and writing stay in the nearest cache */
    for (int64_t first = 0; first < out; first += PANEL, packed += depth * PANEL) {
        int64_t n = out - first < PANEL ? out - first : PANEL;
        if (n < PANEL)
            memset(packed, 0, (size_t)(depth * PANEL) * sizeof *packed);
        for (int64_t k = 0; k < depth; k += BLOCK)
            for (int64_t j = 0; j < n; j++) {
                const float *row = weights + (first + j) * stride;
                for (int64_t i = k; i < k + BLOCK && i < depth; i++)
                    packed[i * PANEL + j] = row[i];
            }
    }
}

void panel_pack_transposed(int64_t out, int64_t depth, const float *weights, int64_t stride,
                           float *packed)
{
    for (int64_t first = 0; first < out; first += PANEL) {
        int64_t n = out - first < PANEL ? out - first : PANEL;
        for (int64_t k = 0; k < depth; k++, packed += PANEL) {
            memcpy(packed, weights + k * stride + first, (size_t)n * sizeof *packed);
            memset(packed + n, 0, (size_t)(PANEL - n) * sizeof *packed);
        }
    }
}
