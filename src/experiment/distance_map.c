#include "experiment/distance_map.h"

#include <math.h>
#include <string.h>

/* ---- Bins ---- */

static int cut(const double *edges, int n, struct valence_label_bin *bins)
{
    for (int b = 0; b < n; b++)
        bins[b] = (struct valence_label_bin){.low = edges[b], .high = edges[b + 1]};
    return n;
}

/* Five of equal width. */
static int cut_evenly(double low, double high, struct valence_label_bin *bins)
{
    double edges[6];
    for (int i = 0; i <= 5; i++)
        edges[i] = low + (high - low) * i / 5;
    return cut(edges, 5, bins);
}

/* The bin of a label; values beyond the first and the last belong to these. */
static int bin_of(const struct valence_label_bin *bins, int n_bins, float label)
{
    int b = 0;
    while (b < n_bins - 1 && label >= (float)bins[b].high)
        b++;
    return b;
}

int map_label_bins(enum valence_scale scale, const float *labels, int64_t n,
                   struct valence_label_bin *bins)
{
    static const double sentiment[] = {-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5};
    static const double classes3[] = {-1.5, -0.5, 0.5, 1.5};
    static const double sims[] = {-1, -0.7, -0.1, 0.1, 0.7, 1};
    int n_bins = scale == VALENCE_SCALE_SENTIMENT  ? cut(sentiment, 7, bins)
                 : scale == VALENCE_SCALE_CLASSES3 ? cut(classes3, 3, bins)
                 : scale == VALENCE_SCALE_SIMS
                     ? cut(sims, 5, bins)
                     : cut_evenly((double)labels[0], (double)labels[n - 1], bins);
    for (int64_t i = 0; i < n; i++)
        bins[bin_of(bins, n_bins, labels[i])].n_clips++;
    return n_bins;
}

/* ---- Figures ---- */

/* What figures are made of, added up over rows. */
struct sums {
    double n_rows, n_pairs, diagonal, off_diagonal, nearest, nearer;
    double x, y, xx, yy, xy; /* distances and differences of labels of all pairs j != i */
};

static void add_row(const float *row, const float *labels, int64_t n, int64_t i, struct sums *sums)
{
    double own = (double)row[i], nearer = 0, off = 0;
    bool nearest = true;
    for (int64_t j = 0; j < n; j++) {
        if (j == i)
            continue;
        double x = (double)row[j], y = fabs((double)labels[i] - (double)labels[j]);
        off += x;
        nearer += x < own ? 1 : x == own ? 0.5 : 0;
        nearest = nearest && x > own;
        sums->y += y;
        sums->xx += x * x;
        sums->yy += y * y;
        sums->xy += x * y;
    }
    sums->x += off;
    sums->n_rows++;
    sums->n_pairs += (double)(n - 1);
    sums->diagonal += own;
    sums->off_diagonal += off;
    sums->nearest += nearest;
    sums->nearer += nearer / (double)(n - 1);
}

static void add_sums(const struct sums *more, struct sums *sums)
{
    const double *from = (const double *)more;
    double *to = (double *)sums;
    for (size_t i = 0; i < sizeof *sums / sizeof *to; i++)
        to[i] += from[i];
}

static void give_figures(const struct sums *s, double figures[MAP_N_FIGURES])
{
    double covariance = s->xy / s->n_pairs - s->x / s->n_pairs * s->y / s->n_pairs;
    double x = s->xx / s->n_pairs - s->x / s->n_pairs * s->x / s->n_pairs;
    double y = s->yy / s->n_pairs - s->y / s->n_pairs * s->y / s->n_pairs;
    figures[MAP_DIAGONAL] = s->diagonal / s->n_rows;
    figures[MAP_OFF_DIAGONAL] = s->off_diagonal / s->n_pairs;
    figures[MAP_RATIO] = figures[MAP_OFF_DIAGONAL] > 0
                             ? figures[MAP_DIAGONAL] / figures[MAP_OFF_DIAGONAL]
                             : (double)NAN;
    figures[MAP_NEAREST] = s->nearest / s->n_rows;
    figures[MAP_NEARER] = s->nearer / s->n_rows;
    /* What only rounding made differ does not correlate. */
    figures[MAP_LABEL_CORR] = x > 1e-12 * s->xx / s->n_pairs && y > 1e-12 * s->yy / s->n_pairs
                                  ? covariance / sqrt(x * y)
                                  : (double)NAN;
}

void map_measure(const float *distances, const float *labels, int64_t n,
                 const struct valence_label_bin *bins, int n_bins, double *figures)
{
    struct sums sums[1 + MAP_MAX_BINS] = {0};
    for (int64_t i = 0; i < n; i++)
        add_row(distances + i * n, labels, n, i, &sums[1 + bin_of(bins, n_bins, labels[i])]);
    for (int b = 0; b < n_bins; b++)
        add_sums(&sums[1 + b], &sums[0]);
    for (int b = 0; b <= n_bins; b++)
        give_figures(&sums[b], figures + b * MAP_N_FIGURES);
}

void map_reduce(const float *distances, int64_t n, int n_grid, float *grid)
{
    for (int a = 0; a < n_grid; a++)
        for (int b = 0; b < n_grid; b++) {
            int64_t first = n * a / n_grid, last = n * (a + 1) / n_grid;
            int64_t left = n * b / n_grid, right = n * (b + 1) / n_grid;
            double sum = 0;
            for (int64_t i = first; i < last; i++)
                for (int64_t j = left; j < right; j++)
                    sum += (double)distances[i * n + j];
            grid[a * n_grid + b] = (float)(sum / (double)((last - first) * (right - left)));
        }
}
