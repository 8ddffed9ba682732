#include "model/novelty.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/element.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

#define BLOCK      256  /* columns summed at a time */
#define ITERATIONS 30   /* of the search for the principal directions, more than enough to settle */
#define NEGLIGIBLE 1e-7 /* of the longest direction: what is shorter is rounding */

/* ---- Memory ---- */

int64_t novelty_columns(int64_t width)
{
    return width < NOVELTY_MAX_COLUMNS ? width : NOVELTY_MAX_COLUMNS;
}

int64_t novelty_directions(int64_t n_columns)
{
    int64_t n = n_columns / 4; /* most columns stay outside them */
    return n < NOVELTY_MAX_DIRECTIONS ? n : NOVELTY_MAX_DIRECTIONS;
}

int novelty_allocate(struct novelty *novelty, int64_t n_columns, int64_t n_directions,
                     int64_t n_validation, struct valence_error *error)
{
    *novelty = (struct novelty){.n_columns = n_columns,
                                .n_directions = n_directions,
                                .mean = allocate(n_columns, sizeof(float)),
                                .directions = allocate(n_directions * n_columns, sizeof(float)),
                                .n_validation = n_validation,
                                .validation = allocate(n_validation, sizeof(float))};
    if (novelty->mean && novelty->directions && novelty->validation)
        return VALENCE_OK;
    novelty_free(novelty);
    return fail_memory(error, (size_t)(n_directions * n_columns) * sizeof(float),
                       "what tells unusual clips");
}

void novelty_free(struct novelty *novelty)
{
    free(novelty->mean);
    free(novelty->directions);
    free(novelty->validation);
    *novelty = (struct novelty){0};
}

/* ---- A clip's vector ---- */

/* Where a column of the stream is added, and with which sign. */
struct fold {
    int64_t to;
    double sign;
};

static struct fold fold_of(int64_t column, int64_t width)
{
    if (width <= NOVELTY_MAX_COLUMNS)
        return (struct fold){column, 1};
    uint64_t key = mix_keys((uint64_t)width, (uint64_t)column);
    return (struct fold){(int64_t)(key % NOVELTY_MAX_COLUMNS), key >> 63 ? -1 : 1};
}

void novelty_fold(const struct standardisation *standardisation, int stream,
                  const struct valence_rows *rows, int64_t clip, float *columns)
{
    const float *mean = standardisation->mean[stream], *scale = standardisation->scale[stream];
    const void *values = network_clip_rows(rows, clip);
    int64_t n = rows->offsets[clip + 1] - rows->offsets[clip];
    double folded[NOVELTY_MAX_COLUMNS] = {0};
    for (int64_t from = 0; from < rows->width; from += BLOCK) {
        double sums[BLOCK] = {0};
        int64_t n_block = rows->width - from < BLOCK ? rows->width - from : BLOCK;
        for (int64_t r = 0; r < n; r++)
            for (int64_t c = 0; c < n_block; c++)
                sums[c] += (double)element_at(values, rows->type, r * rows->width + from + c);
        for (int64_t c = from; c < from + n_block; c++) {
            double value = sums[c - from] / (double)n;
            if (mean)
                value = (value - (double)mean[c]) * (double)scale[c];
            struct fold fold = fold_of(c, rows->width);
            folded[fold.to] += fold.sign * value;
        }
    }
    for (int64_t c = 0; c < novelty_columns(rows->width); c++)
        columns[c] = (float)folded[c];
}

float novelty_of(const struct novelty *novelty, const float *columns)
{
    double whole = 0, within = 0;
    for (int64_t c = 0; c < novelty->n_columns; c++)
        whole += pow((double)columns[c] - (double)novelty->mean[c], 2);
    for (int64_t d = 0; d < novelty->n_directions; d++) {
        double product = 0;
        const float *direction = novelty->directions + d * novelty->n_columns;
        for (int64_t c = 0; c < novelty->n_columns; c++)
            product += (double)direction[c] * ((double)columns[c] - (double)novelty->mean[c]);
        within += product * product;
    }
    return (float)sqrt(fmax(whole - within, 0));
}

/* ---- The directions ---- */

/* The covariance of the centred columns, (n_columns, n_columns). */
static void find_covariance(const float *columns, int64_t n_clips, int64_t n_columns,
                            double *covariance)
{
    for (int64_t i = 0; i < n_clips; i++) {
        const float *row = columns + i * n_columns;
        for (int64_t a = 0; a < n_columns; a++)
            for (int64_t b = a; b < n_columns; b++)
                covariance[a * n_columns + b] += (double)row[a] * (double)row[b];
    }
    for (int64_t a = 0; a < n_columns; a++)
        for (int64_t b = 0; b < a; b++)
            covariance[a * n_columns + b] = covariance[b * n_columns + a];
}

/* Gram and Schmidt's, twice for the rounding. What is left of a direction that depends on the
 * others is zero. */
static void make_orthonormal(double *directions, int64_t n, int64_t n_columns)
{
    double longest = 0;
    for (int64_t d = 0; d < n; d++) {
        double *is = directions + d * n_columns, square = 0;
        for (int64_t e = 0; e < 2 * d; e++) {
            const double *other = directions + e % d * n_columns;
            double product = 0;
            for (int64_t c = 0; c < n_columns; c++)
                product += is[c] * other[c];
            for (int64_t c = 0; c < n_columns; c++)
                is[c] -= product * other[c];
        }
        for (int64_t c = 0; c < n_columns; c++)
            square += is[c] * is[c];
        double length = sqrt(square);
        longest = fmax(longest, length);
        for (int64_t c = 0; c < n_columns; c++)
            is[c] = length > NEGLIGIBLE * longest ? is[c] / length : 0;
    }
}

/* Orthogonal iteration: the span converges to that of the first eigenvectors, which is all that
 * novelty_of() needs. */
static void find_directions(const double *covariance, int64_t n, int64_t n_columns,
                            double *directions, double *products)
{
    for (int64_t i = 0; i < n * n_columns; i++)
        directions[i] = (double)(mix_keys((uint64_t)n_columns, (uint64_t)i) >> 11) * 0x1p-53 - 0.5;
    make_orthonormal(directions, n, n_columns);
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        memset(products, 0, (size_t)(n * n_columns) * sizeof *products);
        for (int64_t d = 0; d < n; d++)
            for (int64_t a = 0; a < n_columns; a++)
                for (int64_t b = 0; b < n_columns; b++)
                    products[d * n_columns + b] +=
                        directions[d * n_columns + a] * covariance[a * n_columns + b];
        memcpy(directions, products, (size_t)(n * n_columns) * sizeof *products);
        make_orthonormal(directions, n, n_columns);
    }
}

int novelty_fit(struct novelty *novelty, float *columns, int64_t n_clips,
                struct valence_error *error)
{
    int64_t m = novelty->n_columns, n = novelty->n_directions;
    double *covariance = allocate(m * m, sizeof *covariance);
    double *directions = allocate(2 * n * m, sizeof *directions);
    if (!covariance || !directions) {
        free(covariance);
        free(directions);
        return fail_memory(error, (size_t)(m * m) * sizeof *covariance, "a covariance");
    }
    for (int64_t c = 0; c < m; c++) {
        double sum = 0;
        for (int64_t i = 0; i < n_clips; i++)
            sum += (double)columns[i * m + c];
        novelty->mean[c] = (float)(sum / (double)n_clips);
        for (int64_t i = 0; i < n_clips; i++)
            columns[i * m + c] -= novelty->mean[c];
    }
    find_covariance(columns, n_clips, m, covariance);
    find_directions(covariance, n, m, directions, directions + n * m);
    for (int64_t i = 0; i < n * m; i++)
        novelty->directions[i] = (float)directions[i];
    free(covariance);
    free(directions);
    return VALENCE_OK;
}

/* ---- Compared with the validation clips ---- */

/* The share of the validation clips that are less novel, as if the clip were one of them. */
static double share_below(const struct novelty *novelty, float value)
{
    int64_t low = 0, high = novelty->n_validation;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (novelty->validation[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return (double)low / (double)(novelty->n_validation + 1);
}

static float share_of_clip(const struct novelty novelty[VALENCE_N_STREAMS],
                           const struct standardisation *standardisation,
                           const struct valence_batch *batch, int64_t clip, unsigned missing)
{
    double largest = 0;
    int n = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        float columns[NOVELTY_MAX_COLUMNS];
        int s = network_stream_read(missing, m);
        const struct valence_rows *rows = s < 0 ? NULL : &batch->streams[s];
        if (!rows || !rows->width || !novelty[s].n_columns ||
            novelty[s].n_columns != novelty_columns(rows->width) ||
            rows->offsets[clip + 1] == rows->offsets[clip])
            continue;
        novelty_fold(standardisation, s, rows, clip, columns);
        largest = fmax(largest, share_below(&novelty[s], novelty_of(&novelty[s], columns)));
        n++;
    }
    return n ? (float)fmax(1 - n * (1 - largest), 0) : NAN;
}

void novelty_shares(const struct novelty novelty[VALENCE_N_STREAMS],
                    const struct standardisation *standardisation,
                    const struct valence_batch *batch, unsigned missing, float *to)
{
#pragma omp parallel for schedule(dynamic)
    for (int64_t clip = 0; clip < batch->n_clips; clip++)
        to[clip] = share_of_clip(novelty, standardisation, batch, clip, missing);
}
