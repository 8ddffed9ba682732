#include "experiment/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "evaluate/metric_sums.h"

/* Keeps the draws of seeds apart from those of recordings. */
enum { PURPOSE_SEEDS = 0x5EED };

/* ---- Recordings ---- */

struct labelled_clip {
    const char *group;
    int64_t clip;
};

/* By group, then as they were. */
static int by_group(const void *a, const void *b)
{
    const struct labelled_clip *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : (x->clip > y->clip) - (x->clip < y->clip);
}

int clusters_make(const char *const *groups, int64_t n_clips, struct clusters *clusters,
                  struct valence_error *error)
{
    *clusters = (struct clusters){.n_clips = n_clips};
    struct labelled_clip *order = allocate(n_clips, sizeof *order);
    clusters->offsets = allocate(n_clips + 1, sizeof *clusters->offsets);
    clusters->clips = allocate(n_clips, sizeof *clusters->clips);
    if (!order || !clusters->offsets || !clusters->clips) {
        free(order);
        return fail_memory(error, (size_t)n_clips * sizeof *order, "the recordings");
    }
    for (int64_t i = 0; i < n_clips; i++)
        order[i] = (struct labelled_clip){groups[i], i};
    qsort(order, (size_t)n_clips, sizeof *order, by_group);
    for (int64_t i = 0; i < n_clips; i++) {
        bool same = i > 0 && order[i].group[0] && strcmp(order[i].group, order[i - 1].group) == 0;
        if (!same)
            clusters->offsets[clusters->n++] = i;
        clusters->clips[i] = order[i].clip;
    }
    clusters->offsets[clusters->n] = n_clips;
    free(order);
    return VALENCE_OK;
}

void clusters_free(struct clusters *clusters)
{
    free(clusters->offsets);
    free(clusters->clips);
    *clusters = (struct clusters){0};
}

int bootstrap_clusters(const float *predicted, const float *labels, const struct clusters *clusters,
                       enum valence_scale scale, int64_t n_resamples, uint64_t seed,
                       double *samples, struct valence_error *error)
{
    int64_t n = clusters->n_clips;
    struct clip_terms *terms = metric_terms_take(predicted, labels, n, scale);
    if (!terms)
        return fail_memory(error, (size_t)n * sizeof *terms, "the bootstrap");
#pragma omp parallel for schedule(static)
    for (int64_t resample = 0; resample < n_resamples; resample++) {
        struct random_source source = random_source(seed, (uint64_t)resample);
        struct metric_sums sums = {0};
        int64_t n_drawn = 0;
        for (int64_t i = 0; i < clusters->n; i++) {
            int64_t drawn = random_below(&source, clusters->n);
            int64_t from = clusters->offsets[drawn], to = clusters->offsets[drawn + 1];
            for (int64_t j = from; j < to; j++)
                metric_sums_add(&sums, &terms[clusters->clips[j]]);
            n_drawn += to - from;
        }
        metrics_of_sums(&sums, (double)n_drawn, scale, samples + resample * VALENCE_MAX_METRICS);
    }
    free(terms);
    return VALENCE_OK;
}

/* ---- Differences ---- */

#define MAX_DRAWN 1000 /* seeds of a side */

static double mean_of(const double *values, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    return sum / n;
}

/* The mean over drawn seeds, spread as that of n new ones. */
static double drawn_mean(const struct seed_samples *side, const int *drawn, int64_t at)
{
    double mean = 0, of_drawn = 0;
    for (int i = 0; i < side->n; i++) {
        mean += side->samples[i][at] / side->n;
        of_drawn += side->samples[drawn[i]][at] / side->n;
    }
    double scale = side->n > 1 ? sqrt((double)side->n / (side->n - 1)) : 0;
    return mean + scale * (of_drawn - mean);
}

static void draw_seeds(struct random_source *source, int n, int *drawn)
{
    for (int i = 0; i < n; i++)
        drawn[i] = (int)random_below(source, n);
}

/* The differences in the resamples where they are defined; gives how many. */
static int64_t resample_differences(const struct seed_samples *a, const struct seed_samples *b,
                                    bool paired, enum valence_metric metric, int64_t n_resamples,
                                    uint64_t seed, double *differences)
{
    int64_t n = 0;
    int drawn_a[MAX_DRAWN], drawn_b[MAX_DRAWN];
    for (int64_t i = 0; i < n_resamples; i++) {
        struct random_source source = random_source(mix_keys(seed, PURPOSE_SEEDS), (uint64_t)i);
        int64_t at = i * VALENCE_MAX_METRICS + metric;
        draw_seeds(&source, a->n, drawn_a);
        draw_seeds(&source, b->n, drawn_b);
        double difference =
            drawn_mean(a, drawn_a, at) - drawn_mean(b, paired ? drawn_a : drawn_b, at);
        if (!isnan(difference))
            differences[n++] = difference;
    }
    return n;
}

static void describe(double *differences, int64_t n, double level, struct difference *difference)
{
    int64_t below = 0, above = 0;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        below += differences[i] <= 0;
        above += differences[i] >= 0;
        mean += differences[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++)
        squares += (differences[i] - mean) * (differences[i] - mean);
    sort_values(differences, n);
    difference->error = sqrt(squares / (double)(n - 1));
    difference->interval.low = percentile(differences, n, (1 - level) / 2);
    difference->interval.high = percentile(differences, n, (1 + level) / 2);
    difference->p = fmin(1, 2 * (double)((below < above ? below : above) + 1) / (double)(n + 1));
}

int difference_of(const struct seed_samples *a, const struct seed_samples *b, bool paired,
                  enum valence_metric metric, int64_t n_resamples, uint64_t seed, double level,
                  struct difference *difference, struct valence_error *error)
{
    *difference = (struct difference){.value = mean_of(a->values, a->n) - mean_of(b->values, b->n),
                                      .error = NAN,
                                      .interval = {NAN, NAN},
                                      .p = NAN};
    if (a->n > MAX_DRAWN || b->n > MAX_DRAWN)
        return fail(error, VALENCE_ERROR_LIMIT, "more than %d models on a side", MAX_DRAWN);
    double *differences = allocate(n_resamples, sizeof *differences);
    if (!differences)
        return fail_memory(error, (size_t)n_resamples * sizeof *differences, "the differences");
    int64_t n =
        resample_differences(a, b, paired && a->n == b->n, metric, n_resamples, seed, differences);
    if (!isnan(difference->value) && n > 1 && n > n_resamples / 2)
        describe(differences, n, level, difference);
    free(differences);
    return VALENCE_OK;
}

/* The quantiles of the normal distribution at 0.975 and at 0.8. */
#define Z_SIGNIFICANCE 1.959963984540054
#define Z_POWER        0.8416212335729143

double detectable_difference(double standard_error)
{
    return (Z_SIGNIFICANCE + Z_POWER) * standard_error;
}

/* ---- Many tests ---- */

struct ranked_p {
    double p;
    int64_t place;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked_p *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

int adjust_holm(const double *p, int64_t n, double *adjusted, struct valence_error *error)
{
    struct ranked_p *ranked = allocate(n ? n : 1, sizeof *ranked);
    int64_t n_tests = 0;
    double largest = 0;
    if (!ranked)
        return fail_memory(error, (size_t)n * sizeof *ranked, "the tests");
    for (int64_t i = 0; i < n; i++)
        if (!isnan(p[i]))
            ranked[n_tests++] = (struct ranked_p){p[i], i};
    qsort(ranked, (size_t)n_tests, sizeof *ranked, by_p);
    for (int64_t i = 0; i < n; i++)
        adjusted[i] = p[i];
    for (int64_t i = 0; i < n_tests; i++) {
        largest = fmax(largest, fmin(1, (double)(n_tests - i) * ranked[i].p));
        adjusted[ranked[i].place] = largest;
    }
    free(ranked);
    return VALENCE_OK;
}
