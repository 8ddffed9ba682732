#include "kernels/rank_n_contrast.h"

#include <math.h>
#include <stdlib.h>

/* Sorting them takes a fraction of a millisecond. */
#define PAIRS_WORTH_THREADS (1 << 14)

/* A running log(sum(exp)) that neither overflows nor loses the small terms to the first one. */
struct log_sum {
    double maximum;
    double sum; /* of exp(x - maximum) */
};

static void log_sum_add(struct log_sum *total, double x)
{
    if (total->sum == 0) {
        *total = (struct log_sum){x, 1};
    } else if (x > total->maximum) {
        total->sum = total->sum * exp(total->maximum - x) + 1;
        total->maximum = x;
    } else {
        total->sum += exp(x - total->maximum);
    }
}

static double log_sum_value(const struct log_sum *total)
{
    return total->maximum + log(total->sum);
}

/* One other sample as an anchor sees it. */
struct other {
    double gap;
    double logit;
    double log_denominator;
    int64_t index;
};

static int by_falling_gap(const void *a, const void *b)
{
    const struct other *x = a, *y = b;
    if (x->gap != y->gap)
        return x->gap < y->gap ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* An anchor's sum of losses. `coefficients[j]` receives dloss/d|z_i - z_j| for the sum. */
static double anchor_loss(int64_t n, struct other *others, double *coefficients)
{
    int64_t m = n - 1;
    qsort(others, (size_t)m, sizeof *others, by_falling_gap);

    double loss = 0;
    struct log_sum negatives = {0, 0};
    int64_t included = 0;
    for (int64_t k = 0; k < m; k++) {
        while (included < m && others[included].gap >= others[k].gap - RNC_TIE_TOLERANCE)
            log_sum_add(&negatives, others[included++].logit);
        others[k].log_denominator = log_sum_value(&negatives);
        loss += others[k].log_denominator - others[k].logit;
    }

    /* dloss/dl_j = exp(l_j) * sum over the k whose negatives include j of 1 / denominator_k  -  1.
     * Those k are the ones with gap_k <= gap_j + tolerance: a suffix. */
    struct log_sum inverse = {0, 0};
    int64_t k = m;
    for (int64_t j = m - 1; j >= 0; j--) {
        while (k > 0 && others[j].gap >= others[k - 1].gap - RNC_TIE_TOLERANCE)
            log_sum_add(&inverse, -others[--k].log_denominator);
        double dlogit = exp(others[j].logit + log_sum_value(&inverse)) - 1;
        coefficients[others[j].index] = -dlogit / RNC_TEMPERATURE;
    }
    return loss;
}

/* The scratch: n anchors' coefficients and distances, (n, n) each, and their losses, their sorted
 * others. */
struct layout {
    double *coefficients, *distances, *losses;
    struct other *others;
    const real **features; /* the rows of both views, stacked */
};

size_t rank_n_contrast_scratch_bytes(int64_t n_clips)
{
    size_t n = 2 * (size_t)n_clips;
    return (2 * n * n + n) * sizeof(double) + n * n * sizeof(struct other) + n * sizeof(real *);
}

static struct layout lay_out(int64_t n, void *scratch)
{
    struct layout layout = {.coefficients = scratch};
    layout.distances = layout.coefficients + n * n;
    layout.losses = layout.distances + n * n;
    layout.others = (struct other *)(layout.losses + n);
    layout.features = (const real **)(layout.others + n * n);
    return layout;
}

static double distance(int64_t width, const real *x, const real *y)
{
    double sum = 0;
    for (int64_t j = 0; j < width; j++) {
        double difference = (double)x[j] - (double)y[j];
        sum += difference * difference;
    }
    return sqrt(sum);
}

/* dz_i = sum over j of (C_ij + C_ji) (z_i - z_j) / |z_i - z_j| */
static void add_feature_gradient(int64_t n, int64_t width, int64_t i, const real *const *z,
                                 const struct layout *layout, double factor, real *dz)
{
    for (int64_t j = 0; j < n; j++) {
        double length = layout->distances[i * n + j];
        if (j == i || length == 0)
            continue;
        double both = layout->coefficients[i * n + j] + layout->coefficients[j * n + i];
        real step = (real)(factor * both / length);
        for (int64_t c = 0; c < width; c++)
            dz[c] += step * (z[i][c] - z[j][c]);
    }
}

double rank_n_contrast(int64_t n_clips, int64_t width, const real *view0, const real *view1,
                       const float *labels, double weight, real *d0, real *d1, void *scratch)
{
    int64_t n = view1 ? 2 * n_clips : n_clips;
    if (n < 2)
        return 0;
    struct layout layout = lay_out(n, scratch);
    for (int64_t i = 0; i < n; i++)
        layout.features[i] = i < n_clips ? view0 + i * width : view1 + (i - n_clips) * width;
    const real *const *z = layout.features;

#pragma omp parallel for schedule(static) if (n * n > PAIRS_WORTH_THREADS)
    for (int64_t i = 0; i < n; i++) {
        struct other *others = layout.others + i * n;
        int64_t m = 0;
        for (int64_t j = 0; j < n; j++) {
            double length = j == i ? 0 : distance(width, z[i], z[j]);
            layout.distances[i * n + j] = length;
            if (j != i)
                others[m++] = (struct other){
                    .gap = fabs((double)labels[i % n_clips] - (double)labels[j % n_clips]),
                    .logit = -length / RNC_TEMPERATURE,
                    .index = j};
        }
        layout.coefficients[i * n + i] = 0;
        layout.losses[i] = anchor_loss(n, others, layout.coefficients + i * n);
    }
    double pairs = (double)n * (double)(n - 1), loss = 0;
#pragma omp parallel for schedule(static) if (n * n > PAIRS_WORTH_THREADS)
    for (int64_t i = 0; i < n; i++)
        add_feature_gradient(n, width, i, z, &layout, weight / pairs,
                             i < n_clips ? d0 + i * width : d1 + (i - n_clips) * width);
    for (int64_t i = 0; i < n; i++)
        loss += layout.losses[i];
    return loss / pairs;
}
