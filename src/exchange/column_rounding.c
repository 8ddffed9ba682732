#include "exchange/column_rounding.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* Rows summed in single precision before they are added to the sums in double: the error of so few
 * terms does not matter, and the loops vectorise. */
#define PARTIAL_ROWS 64
/* Deviations below this part of the mean are the noise of f32 itself. */
#define NOISE (8 * FLT_EPSILON)

int rounding_begin(struct column_rounding *rounding, int64_t width, struct valence_error *error)
{
    *rounding = (struct column_rounding){.width = width};
    rounding->first = allocate(width, sizeof *rounding->first);
    rounding->sum = allocate(width, sizeof *rounding->sum);
    rounding->square = allocate(width, sizeof *rounding->square);
    rounding->error = allocate(width, sizeof *rounding->error);
    rounding->partial = allocate(3 * width, sizeof *rounding->partial);
    return rounding->first && rounding->sum && rounding->square && rounding->error &&
                   rounding->partial
               ? VALENCE_OK
               : fail_memory(error, (size_t)width * 40, "measuring columns");
}

void rounding_end(struct column_rounding *rounding)
{
    free(rounding->first);
    free(rounding->sum);
    free(rounding->square);
    free(rounding->error);
    free(rounding->partial);
    *rounding = (struct column_rounding){0};
}

/* To the 11 significant bits of f16 (Veltkamp's splitting), and below its normal numbers to
 * multiples of 2^-24: what float_to_half() does, in arithmetic that vectorises. Not for values
 * beyond f16. */
static inline float round_to_half(float value)
{
    float shifted = value * 8193.0f; /* 2^13 + 1 */
    float rounded = shifted - (shifted - value);
    float small = (value + 0.75f) - 0.75f;
    return fabsf(value) < 0x1p-14f ? small : rounded;
}

static void add_row(struct column_rounding *rounding, const float *row)
{
    const float *first = rounding->first;
    int64_t width = rounding->width;
    float *sum = rounding->partial, *square = sum + width, *error = square + width;
    for (int64_t i = 0; i < width; i++) {
        float value = row[i] - first[i], lost = row[i] - round_to_half(row[i]);
        sum[i] += value;
        square[i] += value * value;
        error[i] += lost * lost;
    }
}

static void add_partial(struct column_rounding *rounding)
{
    int64_t width = rounding->width;
    const float *partial = rounding->partial;
    for (int64_t i = 0; i < width; i++) {
        rounding->sum[i] += (double)partial[i];
        rounding->square[i] += (double)partial[width + i];
        rounding->error[i] += (double)partial[2 * width + i];
    }
    memset(rounding->partial, 0, 3 * (size_t)width * sizeof *rounding->partial);
}

void rounding_add(struct column_rounding *rounding, const float *rows, int64_t n_rows)
{
    if (rounding->n_rows == 0 && n_rows > 0)
        memcpy(rounding->first, rows, (size_t)rounding->width * sizeof *rows);
    for (int64_t i = 0; i < n_rows; i++) {
        add_row(rounding, rows + i * rounding->width);
        if (i % PARTIAL_ROWS == PARTIAL_ROWS - 1 || i == n_rows - 1)
            add_partial(rounding);
    }
    rounding->n_rows += n_rows;
}

int64_t rounding_count(const struct column_rounding *rounding, int64_t *worst, double *mean,
                       double *deviation)
{
    int64_t n_damaged = 0;
    double most = 0, n = (double)rounding->n_rows;
    for (int64_t i = 0; i < rounding->width && rounding->n_rows > 1; i++) {
        double shift = rounding->sum[i] / n, centre = shift + (double)rounding->first[i];
        double spread = sqrt(fmax(rounding->square[i] / n - shift * shift, 0));
        double loss = spread > 0 ? sqrt(rounding->error[i] / n) / spread : 0;
        if (!(loss > ROUNDING_LIMIT) || spread <= NOISE * fabs(centre))
            continue;
        n_damaged++;
        if (loss > most) {
            most = loss;
            *worst = i;
            *mean = centre;
            *deviation = spread;
        }
    }
    return n_damaged;
}
