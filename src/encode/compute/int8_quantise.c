/* Quantising and packing for int8_product.h. Compiled without fused multiplications and additions,
 * so that every processor rounds to the same bytes. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/compute/int8_form.h"
#include "encode/compute/q8_0.h"
#include "kernels/processor.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#define LEVELS  255.0f
#define LARGEST 127 /* of a weight */

/* To the nearest integer, halves to even, for |x| < 2^22. */
VALENCE_INLINE int32_t nearest(float x)
{
    const float shift = 0x1.8p23f;
    float shifted = x + shift;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4B400000;
}

/* ---- Rows ---- */

struct int8_scale int8_scale_of(float least, float most)
{
    float range = most - least;
    if (!(range <= FLT_MAX))
        return (struct int8_scale){NAN, 0};
    if (range < FLT_MIN * LEVELS) /* all values are 0, or next to it */
        return (struct int8_scale){0, 0};
    float scale = range / LEVELS;
    return (struct int8_scale){scale, nearest(-least / scale)};
}

enum { LANES = 32 };

/* The largest of LANES values, which are overwritten; in halves, so that the compiler uses vectors.
 */
VALENCE_INLINE float largest_lane(float *lanes)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lanes[j] = lanes[j + half] > lanes[j] ? lanes[j + half] : lanes[j];
    return lanes[0];
}

VALENCE_CLONES
void int8_range(int64_t n, const float *x, float *least, float *most)
{
    float low[LANES] = {0}, high[LANES] = {0}, size[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float v = x[i + j];
            low[j] = v < low[j] ? v : low[j];
            high[j] = v > high[j] ? v : high[j];
            size[j] += v * 0.0f; /* not 0 where a value is not finite */
        }
    for (; i < n; i++) {
        low[0] = x[i] < low[0] ? x[i] : low[0];
        high[0] = x[i] > high[0] ? x[i] : high[0];
        size[0] += x[i] * 0.0f;
    }
    for (int j = 1; j < LANES; j++) {
        low[0] = low[j] < low[0] ? low[j] : low[0];
        high[0] = high[j] > high[0] ? high[j] : high[0];
        size[0] += size[j];
    }
    *least = size[0] == 0 ? low[0] : NAN;
    *most = size[0] == 0 ? high[0] : NAN;
}

VALENCE_INLINE int32_t step_of(float x, float inverse, int32_t zero)
{
    int32_t step = nearest(x * inverse) + zero;
    return step < 0 ? 0 : step > 255 ? 255 : step;
}

VALENCE_CLONES
static void quantise_bytes(int64_t n, const float *x, float inverse, int32_t zero, uint8_t *values)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = (uint8_t)step_of(x[i], inverse, zero);
}

void int8_quantise(int64_t n, const float *x, struct int8_scale scale, uint8_t *values)
{
    if (scale.scale > 0)
        quantise_bytes(n, x, 1 / scale.scale, scale.zero, values);
    else /* NaN, too */
        int8_fill_zero(n, scale, values);
}

void int8_fill_zero(int64_t n, struct int8_scale scale, uint8_t *values)
{
    memset(values, scale.zero, (size_t)n);
}

/* ---- Weights as floats ---- */

/* The largest size of the sum of two neighbours that are multiplied and added in 16 bits. */
VALENCE_CLONES
static float largest_pair(int64_t n, const float *row)
{
    float largest[LANES] = {0};
    int64_t pairs = n / 2, i = 0; /* a last one alone is not larger than itself */
    for (; i + LANES <= pairs; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float sum = fabsf(row[2 * (i + j)] + row[2 * (i + j) + 1]);
            largest[j] = sum > largest[j] ? sum : largest[j];
        }
    for (; i < pairs; i++) {
        float sum = fabsf(row[2 * i] + row[2 * i + 1]);
        largest[0] = sum > largest[0] ? sum : largest[0];
    }
    return largest_lane(largest);
}

/* The largest size of n weights, and of their pairs if asked; NaN where one is not finite. */
static float largest_float(bool pairs, int64_t n, const float *row)
{
    float least, most;
    int8_range(n, row, &least, &most);
    float largest = -least > most ? -least : most, pair = pairs ? largest_pair(n, row) : 0;
    return pair > largest ? pair : largest; /* NaN stays */
}

VALENCE_CLONES
static void quantise_floats(int64_t n, const float *row, float inverse, int8_t *values)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = (int8_t)nearest(row[i] * inverse);
}

/* ---- Weights as q8_0 ---- */

/* As largest_float() of what the blocks stand for: those floats, and sums of two, are exact. */
static float largest_block(bool pairs, int64_t n, const struct block_q8_0 *blocks)
{
    float largest = 0, invalid = 0;
    for (int64_t b = 0; b < n / Q8_0_VALUES; b++) {
        const int8_t *quants = blocks[b].quants;
        float scale = q8_0_scale(&blocks[b]);
        int most = 0;
        for (int j = 0; j < Q8_0_VALUES; j += 2) {
            int sizes[] = {abs(quants[j]), abs(quants[j + 1]),
                           pairs ? abs(quants[j] + quants[j + 1]) : 0};
            for (int i = 0; i < 3; i++)
                most = sizes[i] > most ? sizes[i] : most;
        }
        float size = fabsf(scale) * (float)most;
        largest = size > largest ? size : largest;
        invalid += scale * 0.0f; /* not 0 where the scale is not finite */
    }
    return invalid == 0 ? largest : NAN;
}

#if defined(__x86_64__) && defined(__GNUC__)

/* What compilers do not make of the above; it would take a fifth of an encoder's time. */
__attribute__((target("avx2,f16c"))) static float
largest_block_avx2(bool pairs, int64_t n, const struct block_q8_0 *blocks)
{
    const __m256i ones = _mm256_set1_epi8(1), low = _mm256_set1_epi16(255);
    const __m256i mask = _mm256_set1_epi16(pairs ? -1 : 0);
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 largest = _mm256_setzero_ps(), invalid = _mm256_setzero_ps();
    for (int64_t b = 0; b < n / Q8_0_VALUES; b++) {
        __m256i quants = _mm256_loadu_si256((const void *)blocks[b].quants);
        __m256i sizes = _mm256_abs_epi8(quants);
        __m256i sums = _mm256_and_si256(_mm256_maddubs_epi16(ones, quants), mask);
        __m256i most = _mm256_max_epi16(_mm256_and_si256(sizes, low), _mm256_srli_epi16(sizes, 8));
        most = _mm256_max_epi16(most, _mm256_abs_epi16(sums));
        most = _mm256_max_epi16(most, _mm256_srli_epi32(most, 16)); /* the low halves matter */
        most = _mm256_and_si256(most, _mm256_set1_epi32(65535));
        __m256 scale = _mm256_set1_ps(_cvtsh_ss(blocks[b].scale));
        __m256 size = _mm256_mul_ps(_mm256_andnot_ps(sign, scale), _mm256_cvtepi32_ps(most));
        largest = _mm256_max_ps(largest, size);
        invalid = _mm256_add_ps(invalid, _mm256_mul_ps(scale, _mm256_setzero_ps()));
    }
    __m128 upper = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
    upper = _mm_max_ps(upper, _mm_movehl_ps(upper, upper));
    upper = _mm_max_ss(upper, _mm_movehdup_ps(upper));
    return _mm256_cvtss_f32(invalid) == 0 ? _mm_cvtss_f32(upper) : NAN;
}
#endif

VALENCE_CLONES
static void quantise_blocks(int64_t n, const struct block_q8_0 *blocks, float inverse,
                            int8_t *values)
{
    for (int64_t b = 0; b < n / Q8_0_VALUES; b++, values += Q8_0_VALUES) {
        float scale = q8_0_scale(&blocks[b]);
        for (int j = 0; j < Q8_0_VALUES; j++)
            values[j] = (int8_t)nearest(scale * (float)blocks[b].quants[j] * inverse);
    }
}

/* ---- Packing ---- */

/* Rows of W: floats, or blocks of q8_0 if `floats` is NULL. */
struct weight_rows {
    const float *floats;
    const struct block_q8_0 *blocks;
    int64_t stride; /* values */
};

static float largest_weight(bool pairs, const struct weight_rows *rows, int64_t first, int64_t n)
{
    if (rows->floats)
        return largest_float(pairs, n, rows->floats + first);
#if defined(__x86_64__) && defined(__GNUC__)
    if (processor_has(PROCESSOR_AVX2))
        return largest_block_avx2(pairs, n, rows->blocks + first / Q8_0_VALUES);
#endif
    return largest_block(pairs, n, rows->blocks + first / Q8_0_VALUES);
}

static void quantise_weights(const struct weight_rows *rows, int64_t first, int64_t n,
                             float inverse, int8_t *values)
{
    if (rows->floats)
        quantise_floats(n, rows->floats + first, inverse, values);
    else
        quantise_blocks(n, rows->blocks + first / Q8_0_VALUES, inverse, values);
}

#define BLOCK 64 /* of the depth: what TRANSPOSE_WORDS groups of a column hold */
_Static_assert(BLOCK == TRANSPOSE_WORDS * INT8_GROUP_BYTES, "a block of 16 columns is a square");

/* A block of all columns, (INT8_COLUMNS, BLOCK), into its groups, of which there are `n_groups`. */
static void place_block(const int8_t *block, int64_t n_groups, unsigned char *groups)
{
    enum { GROUP = INT8_COLUMNS * INT8_GROUP_BYTES, HALF = GROUP / 2 };
    unsigned char room[TRANSPOSE_WORDS * GROUP];
    unsigned char *place = n_groups < TRANSPOSE_WORDS ? room : groups;
    for (int half = 0; half < 2; half++)
        transpose_words(block + half * TRANSPOSE_WORDS * BLOCK, BLOCK, place + half * HALF, GROUP);
    if (n_groups < TRANSPOSE_WORDS)
        memcpy(groups, room, (size_t)(n_groups * GROUP));
}

/* The sums of columns in groups, from the four values of each. */
VALENCE_CLONES
static void add_totals(int64_t n_groups, const unsigned char *groups, int32_t *totals)
{
    for (int64_t i = 0; i < n_groups; i++, groups += INT8_COLUMNS * INT8_GROUP_BYTES) {
        uint32_t four[INT8_COLUMNS];
        memcpy(four, groups, sizeof four);
        for (int j = 0; j < INT8_COLUMNS; j++)
            totals[j] += ((int32_t)(four[j] << 24) >> 24) + ((int32_t)(four[j] << 16) >> 24) +
                         ((int32_t)(four[j] << 8) >> 24) + ((int32_t)four[j] >> 24);
    }
}

/* A slice of n rows of W. */
static void pack_slice(const struct int8_form *form, const struct int8_slice *slice, int64_t n,
                       const struct weight_rows *rows, struct int8_packed_slice *packed)
{
    const struct int8_shape *shape = &slice->shape;
    int64_t tap_groups = int8_slice_groups(form, slice);
    unsigned char *groups = packed->groups;
    float inverse[INT8_COLUMNS] = {0};
    memset(packed, 0, sizeof *packed);
    for (int64_t j = 0; j < n; j++) {
        float largest = largest_weight(form->slice > 0, rows, slice->w + j * rows->stride,
                                       shape->taps * shape->length);
        packed->scales[j] = largest < FLT_MIN * LARGEST ? 0 : largest / LARGEST;
        inverse[j] = packed->scales[j] > 0 ? 1 / packed->scales[j] : 0;
    }
    for (int64_t tap = 0; tap < shape->taps; tap++)
        for (int64_t group = 0; group < tap_groups; group += TRANSPOSE_WORDS) {
            int8_t block[INT8_COLUMNS][BLOCK] = {0};
            int64_t k = group * INT8_GROUP_BYTES, m = shape->length - k;
            int64_t first = slice->w + tap * shape->length + k, n_groups = tap_groups - group;
            for (int64_t j = 0; j < n; j++)
                if (inverse[j] > 0)
                    quantise_weights(rows, first + j * rows->stride, m < BLOCK ? m : BLOCK,
                                     inverse[j], block[j]);
            n_groups = n_groups < TRANSPOSE_WORDS ? n_groups : TRANSPOSE_WORDS;
            place_block(block[0], n_groups, groups);
            add_totals(n_groups, groups, packed->totals);
            groups += n_groups * INT8_COLUMNS * INT8_GROUP_BYTES;
        }
}

static void pack(int64_t n, const struct int8_shape *shape, const struct weight_rows *rows,
                 void *panel)
{
    const struct int8_form *form = int8_form();
    unsigned char *place = panel;
    for (int64_t i = 0; i < int8_n_slices(form, shape); i++) {
        struct int8_slice slice = int8_slice_at(form, shape, i);
        pack_slice(form, &slice, n, rows, (void *)place);
        place += int8_slice_bytes(form, &slice);
    }
}

void int8_pack(int64_t n, const struct int8_shape *shape, const float *rows, int64_t stride,
               void *panel)
{
    pack(n, shape, &(struct weight_rows){.floats = rows, .stride = stride}, panel);
}

void int8_pack_q8_0(int64_t n, const struct int8_shape *shape, const struct block_q8_0 *rows,
                    void *panel)
{
    assert(shape->length % Q8_0_VALUES == 0);
    pack(n, shape, &(struct weight_rows){.blocks = rows, .stride = shape->taps * shape->length},
         panel);
}
