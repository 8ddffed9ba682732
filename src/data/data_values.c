/* The values of a data set: range, what is broken, what f16 ruins, what lies far outside. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "data/data_counts.h"

#define LARGEST_HALF 65504.0f

/* A value is far outside at this many standard deviations of the training rows. Features with heavy
 * tails, as those of COVAREP, reach 20 to 30 in rows that are sound. */
#define FAR_DEVIATIONS 40.0

/* Among few rows no value can be that far out, since it widens the deviation itself. One that makes
 * more than half of its column's variance is far outside, too, beyond what chance brings. */
#define FEW_DEVIATIONS 5.0

/* So many zeros are no chance: fewer may be what was measured. */
#define FEWEST_ZEROS 8

/* Halves that stand this close to each other beside a column's spread still tell its values apart:
 * rounding adds an error of at most a tenth of the deviation. */
#define COARSE_STEPS 3.0

/* A constant column this large may be one that f16 made so. */
#define COARSE_CONSTANT 32.0f

int stream_counts_begin(struct stream_counts *counts, int64_t width, struct valence_error *error)
{
    counts->lows = allocate(width, sizeof *counts->lows);
    counts->highs = allocate(width, sizeof *counts->highs);
    counts->low_clips = allocate(width, sizeof *counts->low_clips);
    counts->high_clips = allocate(width, sizeof *counts->high_clips);
    counts->first = allocate(width, sizeof *counts->first);
    counts->sums = allocate(width, sizeof *counts->sums);
    counts->squares = allocate(width, sizeof *counts->squares);
    counts->current = counts->last_broken = -1;
    if (!counts->lows || !counts->highs || !counts->low_clips || !counts->high_clips ||
        !counts->first || !counts->sums || !counts->squares)
        return fail_memory(error, (size_t)width * 40, "a summary");
    for (int64_t j = 0; j < width; j++) {
        counts->lows[j] = INFINITY;
        counts->highs[j] = -INFINITY;
    }
    return VALENCE_OK;
}

void stream_counts_clear(struct stream_counts *counts)
{
    free(counts->lengths);
    free(counts->lows);
    free(counts->highs);
    free(counts->low_clips);
    free(counts->high_clips);
    free(counts->first);
    free(counts->sums);
    free(counts->squares);
}

/* ---- Rows ---- */

static void add_extremes(struct stream_counts *counts, const float *restrict row, int64_t width,
                         int32_t clip)
{
    float *restrict lows = counts->lows, *restrict highs = counts->highs;
    int32_t *restrict low_clips = counts->low_clips, *restrict high_clips = counts->high_clips;
    for (int64_t j = 0; j < width; j++) { /* a NaN is neither below nor above */
        float value = row[j];
        low_clips[j] = value < lows[j] ? clip : low_clips[j];
        high_clips[j] = value > highs[j] ? clip : high_clips[j];
        lows[j] = value < lows[j] ? value : lows[j];
        highs[j] = value > highs[j] ? value : highs[j];
    }
}

static void add_moments(struct stream_counts *counts, const float *restrict row, int64_t width)
{
    double *restrict first = counts->first, *restrict sums = counts->sums;
    double *restrict squares = counts->squares;
    if (counts->n_training_rows++ == 0)
        for (int64_t j = 0; j < width; j++)
            first[j] = (double)row[j];
    for (int64_t j = 0; j < width; j++) {
        double distance = (double)row[j] - first[j];
        sums[j] += distance;
        squares[j] += distance * distance;
    }
}

static void count_values(struct valence_stream_summary *stream, const float *row)
{
    int n_nan = 0, n_beyond = 0, n_largest = 0;
    for (int64_t j = 0; j < stream->format.width; j++) {
        float magnitude = fabsf(row[j]);
        n_nan += row[j] != row[j];
        n_beyond += magnitude > FLT_MAX;
        n_largest += magnitude == LARGEST_HALF;
    }
    stream->n_nan += n_nan;
    stream->n_infinite += n_beyond;
    if (stream->format.type == VALENCE_F16)
        stream->n_saturated += n_largest;
}

static bool is_zero(const float *values, int64_t n)
{
    uint32_t any = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        any |= bits << 1; /* -0 is 0 */
    }
    return any == 0;
}

static uint64_t hash_values(uint64_t hash, const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = (hash ^ bits) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

static void finish_clip(struct valence_stream_summary *stream, const struct stream_counts *counts)
{
    if (counts->n_current_values >= FEWEST_ZEROS && counts->is_zero)
        add_example(&stream->zero, counts->current);
}

void data_summary_add_rows(struct valence_data_summary *summary, int64_t clip, int index,
                           const float *rows, int64_t n_rows)
{
    struct valence_stream_summary *stream = &summary->streams[index];
    struct stream_counts *counts = &summary->counts->streams[index];
    struct summary_clip *owner = &summary->counts->clips[clip];
    int64_t width = stream->format.width, n_bad = stream->n_nan + stream->n_infinite;
    if (n_rows <= 0)
        return;
    if (counts->current != clip) {
        finish_clip(stream, counts);
        counts->current = clip;
        counts->n_current_values = 0;
        counts->is_zero = true;
    }
    for (int64_t i = 0; i < n_rows; i++) {
        add_extremes(counts, rows + i * width, width, (int32_t)clip);
        count_values(stream, rows + i * width);
        if (owner->split == VALENCE_TRAIN)
            add_moments(counts, rows + i * width, width);
    }
    counts->n_current_values += n_rows * width;
    counts->is_zero = counts->is_zero && is_zero(rows, n_rows * width);
    if (stream->n_nan + stream->n_infinite > n_bad && counts->last_broken != clip) {
        add_example(&stream->broken, clip);
        counts->last_broken = clip;
    }
    owner->hash = hash_values(owner->hash, rows, n_rows * width);
    summary->has_values = true;
}

/* ---- Columns ---- */

static void add_column(int64_t columns[VALENCE_N_EXAMPLES], int64_t *n, int64_t column)
{
    if (*n < VALENCE_N_EXAMPLES)
        columns[*n] = column;
    ++*n;
}

/* Keeps the worst ones, in their order. */
static void add_far(struct valence_stream_summary *stream, struct valence_far_column far)
{
    int64_t kept = stream->n_far < VALENCE_N_EXAMPLES ? stream->n_far : VALENCE_N_EXAMPLES;
    stream->n_far++;
    for (int64_t i = 0; i < kept; i++)
        if (far.deviations > stream->far[i].deviations) {
            struct valence_far_column next = stream->far[i];
            stream->far[i] = far;
            far = next;
        }
    if (kept < VALENCE_N_EXAMPLES)
        stream->far[kept] = far;
}

/* How far two halves beside `magnitude` stand apart. */
static double half_step(double magnitude)
{
    int exponent;
    frexp(magnitude, &exponent); /* magnitude is in [2^(exponent - 1), 2^exponent) */
    return ldexp(1, (exponent < -13 ? -13 : exponent) - 11);
}

static void judge_column(struct valence_stream_summary *stream, const struct stream_counts *counts,
                         int64_t j)
{
    float low = counts->lows[j], high = counts->highs[j];
    double n = (double)counts->n_training_rows;
    bool is_constant = low == high && stream->n_rows > 1;
    if (is_constant)
        add_column(stream->constant, &stream->n_constant, j);
    double mean = counts->sums[j] / n; /* of the distances from the first row */
    double variance = counts->squares[j] / n - mean * mean;
    double deviation = variance > 0 ? sqrt(variance) : 0;
    if (counts->n_training_rows < 2 || !isfinite(variance))
        return;
    mean += counts->first[j];
    bool is_coarse = is_constant
                         ? fabsf(low) >= COARSE_CONSTANT
                         : deviation > 0 && deviation < COARSE_STEPS * half_step(fabs(mean));
    if (stream->format.type == VALENCE_F16 && is_coarse)
        add_column(stream->coarse, &stream->n_coarse, j);
    if (!(deviation > 0) || is_coarse)
        return;
    bool above = (double)high - mean > mean - (double)low;
    float value = above ? high : low;
    double deviations = fabs((double)value - mean) / deviation;
    /* Saturated values are named as such. */
    bool is_saturated = stream->format.type == VALENCE_F16 && fabsf(value) >= LARGEST_HALF;
    bool makes_variance = !is_saturated && deviations > fmax(FEW_DEVIATIONS, sqrt(n / 2));
    if (deviations > FAR_DEVIATIONS || makes_variance)
        add_far(stream,
                (struct valence_far_column){j, above ? counts->high_clips[j] : counts->low_clips[j],
                                            value, deviations});
}

void stream_values_finish(struct valence_data_summary *summary, int index)
{
    struct valence_stream_summary *stream = &summary->streams[index];
    const struct stream_counts *counts = &summary->counts->streams[index];
    finish_clip(stream, counts);
    for (int64_t j = 0; j < stream->format.width; j++) {
        stream->low = counts->lows[j] < stream->low ? counts->lows[j] : stream->low;
        stream->high = counts->highs[j] > stream->high ? counts->highs[j] : stream->high;
        judge_column(stream, counts, j);
    }
}
