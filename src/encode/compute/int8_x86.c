/* The sums of int8_product.h on x86-64. Without dot products of bytes, PMADDUBSW adds two products
 * in 16 bits, which it would saturate if scales of weights did not keep them small. */
#include "encode/compute/int8_form.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <string.h>

#include "kernels/amx.h"
#include "kernels/processor.h"
#include "kernels/simd.h"

#define PANEL_BYTES (INT8_COLUMNS * INT8_GROUP_BYTES) /* a group of all columns */

VALENCE_INLINE int32_t group_at(const char *x)
{
    int32_t group;
    memcpy(&group, x, sizeof group);
    return group;
}

/* ---- Dot products ---- */

/* Defines NAME_sums() for up to ROWS rows, two vectors of PREFIX's width at a time. ADD(sum, x, w)
 * adds the products of a group to each 32 bits. Rows are constant where the block is inlined, so
 * that the sums live in registers; those that do not fill a block are computed one by one. */
#define DEFINE_SUMS(NAME, FEATURES, VECTOR, PREFIX, SUFFIX, ROWS, ADD)                             \
    __attribute__((target(FEATURES), always_inline)) static inline void NAME##_block(              \
        int rows, const struct int8_shape *shape, int64_t n_groups, const char *x, int64_t stride, \
        int64_t tap_stride, const unsigned char *groups, int32_t *sums)                            \
    {                                                                                              \
        VECTOR sum[ROWS][2];                                                                       \
        for (int i = 0; i < rows; i++)                                                             \
            sum[i][0] = sum[i][1] = PREFIX##_setzero_##SUFFIX();                                   \
        for (int64_t tap = 0; tap < shape->taps; tap++) {                                          \
            const char *row = x + tap * tap_stride;                                                \
            for (int64_t k = 0; k < n_groups; k++, row += INT8_GROUP_BYTES) {                      \
                const VECTOR *w = (const void *)groups;                                            \
                VECTOR w0 = w[0], w1 = w[1];                                                       \
                groups += PANEL_BYTES;                                                             \
                _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                            \
                {                                                                                  \
                    VECTOR v = PREFIX##_set1_epi32(group_at(row + i * stride));                    \
                    sum[i][0] = ADD(sum[i][0], v, w0);                                             \
                    sum[i][1] = ADD(sum[i][1], v, w1);                                             \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (int i = 0; i < rows; i++)                                                             \
            memcpy(sums + i * INT8_COLUMNS, sum[i], sizeof sum[i]);                                \
    }                                                                                              \
                                                                                                   \
    __attribute__((target(FEATURES))) static void NAME##_sums(                                     \
        const struct int8_shape *shape, int64_t n_groups, int64_t n, const char *x,                \
        int64_t stride, int64_t tap_stride, const unsigned char *groups, int32_t *sums)            \
    {                                                                                              \
        int64_t half = n < ROWS && n >= ROWS / 2 ? ROWS / 2 : 0;                                   \
        for (size_t at = 0; at < PANEL_BYTES; at += 2 * sizeof(VECTOR)) {                          \
            int32_t *out = sums + at / sizeof(int32_t);                                            \
            if (n == ROWS)                                                                         \
                NAME##_block(ROWS, shape, n_groups, x, stride, tap_stride, groups + at, out);      \
            else if (half)                                                                         \
                NAME##_block(ROWS / 2, shape, n_groups, x, stride, tap_stride, groups + at, out);  \
            for (int64_t i = half; n < ROWS && i < n; i++)                                         \
                NAME##_block(1, shape, n_groups, x + i * stride, 0, tap_stride, groups + at,       \
                             out + i * INT8_COLUMNS);                                              \
        }                                                                                          \
    }

#ifndef VALENCE_WITHOUT_AVX512
DEFINE_SUMS(avx_vnni, "avx2,avxvnni", __m256i, _mm256, si256, 6, _mm256_dpbusd_avx_epi32)
DEFINE_SUMS(avx512_vnni, "avx512f,avx512vnni", __m512i, _mm512, si512, 12, _mm512_dpbusd_epi32)

static const struct int8_form avx_vnni = {"AVX-VNNI", 4, 0, 6, 0, avx_vnni_sums, NULL, NULL, NULL};
static const struct int8_form avx512_vnni = {"AVX-512 VNNI",   4,    0,    12,  0,
                                             avx512_vnni_sums, NULL, NULL, NULL};
#endif

/* ---- Slices ---- */

#define SLICE 64 /* longer ones are rounded more, shorter ones take longer; totals fit 16 bits */

/* Defines NAME_add_slice(), likewise. Sums begin with -z_i total_j, a product of 16 bits: beside
 * -z_i stands 0. */
#define DEFINE_SLICES(NAME, FEATURES, INTEGERS, PREFIX, ROWS)                                      \
    __attribute__((target(FEATURES), always_inline)) static inline void NAME##_block(              \
        int rows, const struct int8_packed_slice *slice, int column, int64_t n_groups,             \
        const char *x, int64_t stride, const int32_t *zeros, float *sums)                          \
    {                                                                                              \
        enum { LANES = sizeof(INTEGERS) / sizeof(int32_t) };                                       \
        const INTEGERS *totals = (const void *)(slice->totals + column);                           \
        const unsigned char *groups = slice->groups + column * INT8_GROUP_BYTES;                   \
        const INTEGERS one = PREFIX##_set1_epi16(1);                                               \
        INTEGERS sum[ROWS][2];                                                                     \
        for (int i = 0; i < rows; i++)                                                             \
            for (int j = 0; j < 2; j++)                                                            \
                sum[i][j] =                                                                        \
                    PREFIX##_madd_epi16(totals[j], PREFIX##_set1_epi32(-zeros[i] & 65535));        \
        for (int64_t k = 0; k < n_groups; k++, x += INT8_GROUP_BYTES, groups += PANEL_BYTES) {     \
            const INTEGERS *w = (const void *)groups;                                              \
            _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                                \
            {                                                                                      \
                INTEGERS v = PREFIX##_set1_epi32(group_at(x + i * stride));                        \
                for (int j = 0; j < 2; j++)                                                        \
                    sum[i][j] = PREFIX##_add_epi32(                                                \
                        sum[i][j], PREFIX##_madd_epi16(PREFIX##_maddubs_epi16(v, w[j]), one));     \
            }                                                                                      \
        }                                                                                          \
        for (int i = 0; i < rows; i++)                                                             \
            for (int j = 0; j < 2; j++) {                                                          \
                float *y = sums + i * INT8_COLUMNS + column + j * LANES;                           \
                PREFIX##_storeu_ps(                                                                \
                    y, PREFIX##_add_ps(PREFIX##_loadu_ps(y),                                       \
                                       PREFIX##_mul_ps(PREFIX##_cvtepi32_ps(sum[i][j]),            \
                                                       PREFIX##_loadu_ps(slice->scales + column +  \
                                                                         j * LANES))));            \
            }                                                                                      \
    }                                                                                              \
                                                                                                   \
    __attribute__((target(FEATURES))) static void NAME##_add_slice(                                \
        const struct int8_packed_slice *slice, int64_t n_groups, int64_t n, const char *x,         \
        int64_t stride, const int32_t *zeros, float *sums)                                         \
    {                                                                                              \
        enum { WIDTH = 2 * sizeof(INTEGERS) / sizeof(int32_t) };                                   \
        int64_t half = n < ROWS && n >= ROWS / 2 ? ROWS / 2 : 0;                                   \
        for (int column = 0; column < INT8_COLUMNS; column += WIDTH) {                             \
            if (n == ROWS)                                                                         \
                NAME##_block(ROWS, slice, column, n_groups, x, stride, zeros, sums);               \
            else if (half)                                                                         \
                NAME##_block(ROWS / 2, slice, column, n_groups, x, stride, zeros, sums);           \
            for (int64_t i = half; n < ROWS && i < n; i++)                                         \
                NAME##_block(1, slice, column, n_groups, x + i * stride, 0, zeros + i,             \
                             sums + i * INT8_COLUMNS);                                             \
        }                                                                                          \
    }

DEFINE_SLICES(ssse3, "ssse3", __m128i, _mm, 4)
DEFINE_SLICES(avx2, "avx2", __m256i, _mm256, 4)

static const struct int8_form ssse3 = {"SSSE3", 4, 0, 4, SLICE, NULL, ssse3_add_slice, NULL, NULL};
static const struct int8_form avx2 = {"AVX2", 4, 0, 4, SLICE, NULL, avx2_add_slice, NULL, NULL};

#ifndef VALENCE_WITHOUT_AVX512
DEFINE_SLICES(avx512, "avx512f,avx512bw", __m512i, _mm512, 12)

static const struct int8_form avx512 = {"AVX-512",        4,    0,   12, SLICE, NULL,
                                        avx512_add_slice, NULL, NULL};
#endif

/* ---- Tiles ---- */

#ifdef AMX_AVAILABLE

#define TILE_GROUPS (AMX_ROW_BYTES / INT8_GROUP_BYTES) /* of the depth, in a tile */

AMX_TARGET static inline __attribute__((always_inline)) void
tile_block(bool both, const struct int8_shape *shape, int64_t n_groups, const char *x,
           int64_t stride, int64_t tap_stride, const unsigned char *groups, int32_t *sums)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t tap = 0; tap < shape->taps; tap++, x += tap_stride)
        for (int64_t k = 0; k < n_groups; k += TILE_GROUPS, groups += TILE_GROUPS * PANEL_BYTES) {
            const char *row = x + k * INT8_GROUP_BYTES;
            _tile_loadd(4, row, (size_t)stride);
            _tile_loadd(6, groups, PANEL_BYTES);
            _tile_loadd(7, groups + AMX_ROW_BYTES, PANEL_BYTES);
            _tile_dpbusd(0, 4, 6);
            _tile_dpbusd(1, 4, 7);
            if (both) {
                _tile_loadd(5, row + AMX_TILE * stride, (size_t)stride);
                _tile_dpbusd(2, 5, 6);
                _tile_dpbusd(3, 5, 7);
            }
        }
    _tile_stored(0, sums, PANEL_BYTES);
    _tile_stored(1, sums + AMX_TILE, PANEL_BYTES);
    if (both) {
        _tile_stored(2, sums + AMX_TILE * INT8_COLUMNS, PANEL_BYTES);
        _tile_stored(3, sums + AMX_TILE * INT8_COLUMNS + AMX_TILE, PANEL_BYTES);
    }
}

/* The tiles are configured for whole blocks but within a call for fewer rows. */
AMX_TARGET static void tile_sums(const struct int8_shape *shape, int64_t n_groups, int64_t n,
                                 const char *x, int64_t stride, int64_t tap_stride,
                                 const unsigned char *groups, int32_t *sums)
{
    if (n < 2 * AMX_TILE)
        configure_tiles(n);
    if (n > AMX_TILE)
        tile_block(true, shape, n_groups, x, stride, tap_stride, groups, sums);
    else
        tile_block(false, shape, n_groups, x, stride, tap_stride, groups, sums);
    if (n < 2 * AMX_TILE)
        configure_tiles(2 * AMX_TILE);
}

AMX_TARGET static void begin_tiles(void *saved)
{
    _Static_assert(sizeof(struct tile_configuration) <= INT8_SAVED_BYTES, "begin()'s memory");
    save_configuration(saved);
    configure_tiles(2 * AMX_TILE);
}

AMX_TARGET static void end_tiles(void *saved)
{
    restore_configuration(saved);
}

static const struct int8_form tiles = {"AMX",     64,   0,           2 * AMX_TILE, 0,
                                       tile_sums, NULL, begin_tiles, end_tiles};
#endif

/* ---- Choosing ---- */

const struct int8_form *int8_form_x86(void)
{
#ifdef AMX_AVAILABLE
    if (processor_has(PROCESSOR_AMX_INT8))
        return &tiles;
#endif
#ifndef VALENCE_WITHOUT_AVX512
    if (processor_has(PROCESSOR_AVX512_VNNI))
        return &avx512_vnni;
    if (processor_has(PROCESSOR_AVX_VNNI))
        return &avx_vnni;
    if (processor_has(PROCESSOR_AVX512))
        return &avx512;
#endif
    if (processor_has(PROCESSOR_AVX2))
        return &avx2;
    return processor_has(PROCESSOR_SSSE3) ? &ssse3 : NULL;
}

#else

const struct int8_form *int8_form_x86(void)
{
    return NULL;
}

#endif
