#include "kernels/panel.h"

#include <string.h>

#include "kernels/processor.h"
#include "kernels/simd.h"

/* Defines NAME_product(): rows in blocks of GROUP, two vectors of LANES columns at a time, so that
 * the sums of a block live in registers; GROUP is a multiple of 3, and the rest comes in thirds of
 * it. A vector type must not be wider than the processor's: the compiler splits it through memory.
 * What is added to is asked for before the sums, which take longer than memory does. */
#define DEFINE_PRODUCT(NAME, ATTRIBUTE, LANES, GROUP)                                              \
    typedef real NAME##_vector                                                                     \
        __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real)), may_alias));      \
                                                                                                   \
    ATTRIBUTE VALENCE_INLINE void NAME##_rows(int rows, const struct panel_shape *shape,           \
                                              const real *const *a, const real *panel,             \
                                              real *const *out)                                    \
    {                                                                                              \
        bool add = shape->add;                                                                     \
        int64_t step = shape->step;                                                                \
        for (int column = 0; column < PANEL; column += 2 * LANES) {                                \
            NAME##_vector sums[GROUP][2] = {0};                                                    \
            const real *b = panel + column;                                                        \
            for (int i = 0; add && i < rows; i++)                                                  \
                for (int j = 0; j < 2 * LANES; j += LANES)                                         \
                    __builtin_prefetch(out[i] + column + j, 1);                                    \
            for (int t = 0; t < shape->taps; t++) {                                                \
                const real *row[GROUP], *end = b + shape->length * PANEL;                          \
                _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++) row[i] =                   \
                    a[i] + shape->offsets[t];                                                      \
                for (int64_t k = 0; b < end; k += step, b += PANEL) {                              \
                    const NAME##_vector b0 = *(const NAME##_vector *)b,                            \
                                        b1 = *(const NAME##_vector *)(b + LANES);                  \
                    _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                        \
                    {                                                                              \
                        sums[i][0] += row[i][k] * b0;                                              \
                        sums[i][1] += row[i][k] * b1;                                              \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
            if (add) { /* all before any is stored: the last row may be there twice */             \
                _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                            \
                {                                                                                  \
                    sums[i][0] += *(const NAME##_vector *)(out[i] + column);                       \
                    sums[i][1] += *(const NAME##_vector *)(out[i] + column + LANES);               \
                }                                                                                  \
            }                                                                                      \
            _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                                \
            {                                                                                      \
                *(NAME##_vector *)(out[i] + column) = sums[i][0];                                  \
                *(NAME##_vector *)(out[i] + column + LANES) = sums[i][1];                          \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    /* Up to `group` rows as if they were that many: the last is repeated, with the same           \
     * results. */                                                                                 \
    ATTRIBUTE VALENCE_INLINE void NAME##_rest(int group, const struct panel_shape *shape,          \
                                              int64_t n, const real *const *a, const real *b,      \
                                              real *const *out)                                    \
    {                                                                                              \
        const real *rest[GROUP];                                                                   \
        real *rest_out[GROUP];                                                                     \
        for (int i = 0; i < group; i++) {                                                          \
            rest[i] = a[i < n ? i : n - 1];                                                        \
            rest_out[i] = out[i < n ? i : n - 1];                                                  \
        }                                                                                          \
        NAME##_rows(group, shape, rest, b, rest_out);                                              \
    }                                                                                              \
                                                                                                   \
    ATTRIBUTE static void NAME##_product(const struct panel_shape *shape, int64_t n,               \
                                         const real *const *a, const real *b, real *const *out)    \
    {                                                                                              \
        int64_t i = 0;                                                                             \
        for (; i + GROUP <= n; i += GROUP)                                                         \
            NAME##_rows(GROUP, shape, a + i, b, out + i);                                          \
        if (n - i > GROUP * 2 / 3)                                                                 \
            NAME##_rest(GROUP, shape, n - i, a + i, b, out + i);                                   \
        else if (n - i > GROUP / 3)                                                                \
            NAME##_rest(GROUP * 2 / 3, shape, n - i, a + i, b, out + i);                           \
        else if (n > i)                                                                            \
            NAME##_rest(GROUP / 3, shape, n - i, a + i, b, out + i);                               \
    }

/* 12 x 2 of 32 registers, 6 x 2 of 16. In double, for the tests of gradients, the portable one. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(VALENCE_DOUBLE)
#define FOR_PROCESSORS
#ifndef VALENCE_WITHOUT_AVX512
DEFINE_PRODUCT(avx512, __attribute__((target("avx512f,avx512vl,avx512dq,fma"))), 16, 12)
#endif
DEFINE_PRODUCT(avx2, __attribute__((target("avx2,fma"))), 8, 6)
#endif
DEFINE_PRODUCT(portable, , 16 / (int)sizeof(real), 6)

void panel_product(const struct panel_shape *shape, int64_t n, const real *const *a, const real *b,
                   real *const *out)
{
#ifdef FOR_PROCESSORS
#ifndef VALENCE_WITHOUT_AVX512
    if (processor_has(PROCESSOR_AVX512)) {
        avx512_product(shape, n, a, b, out);
        return;
    }
#endif
    if (processor_has(PROCESSOR_AVX2))
        avx2_product(shape, n, a, b, out);
    else
#endif
        portable_product(shape, n, a, b, out);
}

int64_t panel_count(int64_t out)
{
    return (out + PANEL - 1) / PANEL;
}

void panel_pack(int64_t out, int64_t depth, const real *weights, int64_t stride, real *packed)
{
    enum { BLOCK = 16 }; /* of the depth: reading and writing stay in the nearest cache */
    for (int64_t first = 0; first < out; first += PANEL, packed += depth * PANEL) {
        int64_t n = out - first < PANEL ? out - first : PANEL;
        if (n < PANEL)
            memset(packed, 0, (size_t)(depth * PANEL) * sizeof *packed);
        for (int64_t k = 0; k < depth; k += BLOCK)
            for (int64_t j = 0; j < n; j++) {
                const real *row = weights + (first + j) * stride;
                for (int64_t i = k; i < k + BLOCK && i < depth; i++)
                    packed[i * PANEL + j] = row[i];
            }
    }
}

void panel_pack_transposed(int64_t out, int64_t depth, const real *weights, int64_t stride,
                           real *packed)
{
    for (int64_t first = 0; first < out; first += PANEL) {
        int64_t n = out - first < PANEL ? out - first : PANEL;
        for (int64_t k = 0; k < depth; k++, packed += PANEL) {
            const real *row = weights + k * stride + first;
            if (n == PANEL) { /* a size that the compiler knows */
                memcpy(packed, row, PANEL * sizeof *packed);
                continue;
            }
            memcpy(packed, row, (size_t)n * sizeof *packed);
            memset(packed + n, 0, (size_t)(PANEL - n) * sizeof *packed);
        }
    }
}
