/* Quantising and packing for int8_product.h. Compiled without fused multiplications and additions,
 * so that every processor rounds to the same bytes. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "encode/compute/int8_form.h"
#include "kernels/simd.h"

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

VALENCE_CLONES
static void quantise_pairs(int64_t n, const float *x, float inverse, int32_t zero, int16_t *values)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = (int16_t)step_of(x[i], inverse, zero);
}

void int8_quantise(int64_t n, const float *x, struct int8_scale scale, void *values)
{
    if (!(scale.scale > 0)) /* NaN, too */
        int8_fill_zero(n, scale, values);
    else if (int8_value_bytes() == 1)
        quantise_bytes(n, x, 1 / scale.scale, scale.zero, values);
    else
        quantise_pairs(n, x, 1 / scale.scale, scale.zero, values);
}

void int8_fill_zero(int64_t n, struct int8_scale scale, void *values)
{
    if (int8_value_bytes() == 1)
        memset(values, scale.zero, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++)
            ((int16_t *)values)[i] = (int16_t)scale.zero;
}

/* ---- Weights ---- */

size_t int8_panel_bytes(const struct int8_shape *shape)
{
    int64_t groups = shape->taps * int8_groups(int8_form(), shape->length);
    return sizeof(struct int8_panel) + (size_t)(groups * INT8_COLUMNS * INT8_GROUP_BYTES);
}

/* The scale of one row of W; 0 where all weights are next to 0, NaN where one is not finite. */
static float weight_scale(int64_t n, const float *row)
{
    float least, most;
    int8_range(n, row, &least, &most);
    float largest = -least > most ? -least : most;
    return largest < FLT_MIN * LARGEST ? 0 : largest / LARGEST;
}

/* Gives the sum of the n quantised values, too. */
VALENCE_CLONES
static int32_t quantise_weights(int64_t n, const float *row, float inverse, int8_t *values)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        values[i] = (int8_t)nearest(row[i] * inverse);
        sum += values[i];
    }
    return sum;
}

#define BLOCK 64 /* of the depth: what is written stays in the nearest cache */

/* n values of a column into its place in the groups. */
static void place_values(int value_bytes, int64_t n, const int8_t *values, unsigned char *place)
{
    if (value_bytes == 1)
        for (int64_t i = 0; i < n; i += 4, place += INT8_COLUMNS * INT8_GROUP_BYTES)
            memcpy(place, values + i, INT8_GROUP_BYTES);
    else
        for (int64_t i = 0; i < n; i += 2, place += INT8_COLUMNS * INT8_GROUP_BYTES) {
            int16_t pair[2] = {values[i], values[i + 1]};
            memcpy(place, pair, INT8_GROUP_BYTES);
        }
}

void int8_pack(int64_t n, const struct int8_shape *shape, const float *rows, int64_t stride,
               void *memory)
{
    const struct int8_form *form = int8_form();
    struct int8_panel *panel = memory;
    int64_t tap_groups = int8_groups(form, shape->length);
    float inverse[INT8_COLUMNS] = {0};
    memset(memory, 0, n < INT8_COLUMNS ? int8_panel_bytes(shape) : sizeof *panel);
    for (int64_t j = 0; j < n; j++) {
        panel->scales[j] = weight_scale(shape->taps * shape->length, rows + j * stride);
        inverse[j] = panel->scales[j] > 0 ? 1 / panel->scales[j] : 0;
    }
    for (int64_t tap = 0; tap < shape->taps; tap++)
        for (int64_t k = 0; k < shape->length; k += BLOCK)
            for (int64_t j = 0; j < n; j++) {
                int8_t values[BLOCK] = {0};
                int64_t m = shape->length - k < BLOCK ? shape->length - k : BLOCK;
                int64_t groups = tap * tap_groups + k * form->value_bytes / INT8_GROUP_BYTES;
                const float *row = rows + j * stride + tap * shape->length + k;
                int64_t unit = form->depth_unit;
                if (inverse[j] > 0)
                    panel->totals[j] += quantise_weights(m, row, inverse[j], values);
                place_values(form->value_bytes, (m + unit - 1) / unit * unit, values,
                             panel->groups + (groups * INT8_COLUMNS + j) * INT8_GROUP_BYTES);
            }
}
