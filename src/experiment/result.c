/* Means, deviations and differences of the variants' figures. */
#include "experiment/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/metric_sums.h"

/* ---- Which figures ---- */

/* The field's five for each scale. */
static const enum valence_metric scale_metrics[VALENCE_N_SCALES][RESULT_METRICS] = {
    [VALENCE_SCALE_SENTIMENT] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR, VALENCE_METRIC_ACC2_NON0,
                                 VALENCE_METRIC_F1_NON0, VALENCE_METRIC_ACC7},
    [VALENCE_SCALE_SIMS] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR, VALENCE_METRIC_ACC2_SIMS,
                            VALENCE_METRIC_F1_SIMS, VALENCE_METRIC_ACC5_SIMS},
    [VALENCE_SCALE_CLASSES3] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR, VALENCE_METRIC_ACC2_NON0,
                                VALENCE_METRIC_F1_3, VALENCE_METRIC_ACC3},
    [VALENCE_SCALE_OTHER] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR, VALENCE_METRIC_RMSE,
                             VALENCE_METRIC_ACC_ROUND, VALENCE_N_METRICS},
    [VALENCE_SCALE_CLASSES] = {VALENCE_METRIC_ACC, VALENCE_METRIC_F1_WEIGHTED,
                               VALENCE_METRIC_F1_MACRO, VALENCE_METRIC_UAR, VALENCE_N_METRICS},
};

static void choose_metrics(struct owned_result *result, enum valence_scale scale)
{
    memcpy(result->metrics, scale_metrics[scale], sizeof result->metrics);
    result->shown.n_metrics = 0;
    while (result->shown.n_metrics < RESULT_METRICS &&
           result->metrics[result->shown.n_metrics] != VALENCE_N_METRICS)
        result->shown.n_metrics++;
    result->shown.metrics = result->metrics;
}

/* ---- Life ---- */

struct owned_result *result_create(const char *kind, int n_variants, struct valence_error *error)
{
    struct owned_result *made = allocate(1, sizeof *made);
    if (made) {
        made->variants = allocate(n_variants, sizeof *made->variants);
        made->names = allocate(n_variants, sizeof *made->names);
    }
    if (!made || !made->variants || !made->names) {
        valence_experiment_result_free(made ? &made->shown : NULL);
        fail_memory(error, (size_t)n_variants * sizeof *made->variants, "the result");
        return NULL;
    }
    snprintf(made->kind, sizeof made->kind, "%s", kind);
    made->shown.kind = made->kind;
    made->shown.best = -1;
    made->shown.n_variants = n_variants;
    made->shown.variants = made->variants;
    for (int i = 0; i < n_variants; i++)
        made->variants[i] = (struct valence_result_variant){
            .name = made->names[i], .selected = {.mean = NAN, .deviation = NAN}};
    return made;
}

void valence_experiment_result_free(const struct valence_experiment_result *result)
{
    struct owned_result *owned = (struct owned_result *)(uintptr_t)result;
    if (!owned)
        return;
    free(owned->variants);
    free(owned->cells);
    free(owned->validation);
    free(owned->detectable);
    free(owned->names);
    free(owned->json);
    free(owned);
}

/* ---- Figures of one contestant in one flow ---- */

/* The metrics of all its models, and their resamples. */
struct measured {
    int n;
    double *values;         /* (VALENCE_MAX_METRICS, n) */
    double *samples;        /* (n, n_resamples, VALENCE_MAX_METRICS) */
    const double **of_each; /* (n) into samples */
    bool has_seeds;         /* every model says which seed it had */
};

static void measured_free(struct measured *measured)
{
    free(measured->values);
    free(measured->samples);
    free(measured->of_each);
    *measured = (struct measured){0};
}

static int measure(const struct contest *contest, int contestant, int flow, int64_t n_resamples,
                   uint64_t seed, struct measured *measured, struct valence_error *error)
{
    const struct contestant *from = &contest->contestants[contestant];
    int64_t n = from->n_models, block = n_resamples * VALENCE_MAX_METRICS;
    *measured = (struct measured){.n = from->n_models};
    measured->values = allocate(n * VALENCE_MAX_METRICS, sizeof *measured->values);
    measured->samples = allocate(n * block, sizeof *measured->samples);
    measured->of_each = allocate(n, sizeof(const double *));
    int status = measured->values && measured->samples && measured->of_each
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)(n * block) * sizeof(double), "the resamples");
    for (int i = 0; i < from->n_models && !status; i++) {
        const float *scores = from->models[i].scores + flow * contest->n_clips;
        struct valence_metrics metrics;
        valence_metrics_compute(scores, contest->labels, contest->n_clips, contest->scale,
                                &metrics);
        for (int m = 0; m < VALENCE_MAX_METRICS; m++)
            measured->values[m * n + i] = metrics.values[m];
        measured->of_each[i] = measured->samples + i * block;
        status = bootstrap_clusters(scores, contest->labels, &contest->clusters, contest->scale,
                                    n_resamples, seed, measured->samples + i * block, error);
    }
    return status;
}

/* Seed i of both is the same. */
static bool has_same_seeds(const struct contestant *a, const struct contestant *b)
{
    bool same = a->n_models == b->n_models;
    for (int i = 0; same && i < a->n_models; i++)
        same = a->models[i].seed == b->models[i].seed;
    return same;
}

static void set_mean(const double *values, int n, struct valence_result_cell *cell)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    cell->mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (values[i] - cell->mean) * (values[i] - cell->mean);
    cell->deviation = n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

/* ---- All cells ---- */

struct comparing {
    struct owned_result *result;
    const struct contest *contest;
    int64_t n_resamples;
    uint64_t seed;
};

static struct valence_result_cell *cell_of(const struct comparing *c, int contestant, int flow,
                                           int metric)
{
    int n_metrics = c->result->shown.n_metrics;
    return &c->result->cells[(contestant * c->contest->n_flows + flow) * n_metrics + metric];
}

static int fill_cells(const struct comparing *c, int contestant, int flow,
                      const struct measured *first, const struct measured *own,
                      struct valence_error *error)
{
    const struct contestant *contestants = c->contest->contestants;
    bool paired = has_same_seeds(&contestants[0], &contestants[contestant]);
    int status = VALENCE_OK;
    for (int m = 0; m < c->result->shown.n_metrics && !status; m++) {
        struct valence_result_cell *cell = cell_of(c, contestant, flow, m);
        enum valence_metric metric = c->result->metrics[m];
        struct seed_samples a = {own->n, own->values + metric * own->n, own->of_each};
        struct seed_samples b = {first->n, first->values + metric * first->n, first->of_each};
        struct difference difference;
        set_mean(a.values, a.n, cell);
        cell->difference = cell->p = cell->p_holm = cell->detectable = NAN;
        cell->interval = (struct valence_interval){NAN, NAN};
        if (contestant == 0)
            continue;
        status = difference_of(&a, &b, paired, metric, c->n_resamples, c->seed,
                               VALENCE_METRIC_LEVEL, &difference, error);
        cell->difference = difference.value;
        cell->interval = difference.interval;
        cell->p = difference.p;
        cell->detectable = detectable_difference(difference.error);
    }
    return status;
}

static int compare_flow(const struct comparing *c, int flow, struct valence_error *error)
{
    struct measured first;
    int status = measure(c->contest, 0, flow, c->n_resamples, c->seed, &first, error);
    if (!status)
        status = fill_cells(c, 0, flow, &first, &first, error);
    for (int i = 1; i < c->contest->n_contestants && !status; i++) {
        struct measured own;
        status = measure(c->contest, i, flow, c->n_resamples, c->seed, &own, error);
        if (!status)
            status = fill_cells(c, i, flow, &first, &own, error);
        measured_free(&own);
    }
    measured_free(&first);
    return status;
}

/* Over the whole table: all variants, flows and metrics. */
static int adjust(const struct comparing *c, int64_t n_cells, struct valence_error *error)
{
    struct valence_result_cell *cells = c->result->cells;
    double *p = allocate(n_cells, sizeof *p);
    if (!p)
        return fail_memory(error, (size_t)n_cells * sizeof *p, "the tests");
    for (int64_t i = 0; i < n_cells; i++) {
        p[i] = cells[i].p;
        c->result->shown.n_tests += !isnan(p[i]);
    }
    int status = adjust_holm(p, n_cells, p, error);
    for (int64_t i = 0; i < n_cells && !status; i++)
        cells[i].p_holm = p[i];
    free(p);
    return status;
}

/* The median over the variants: what this test part can show of a change of the usual kind. */
static void set_detectable(const struct comparing *c, double *room)
{
    for (int flow = 0; flow < c->contest->n_flows; flow++)
        for (int m = 0; m < c->result->shown.n_metrics; m++) {
            int n = 0;
            for (int i = 1; i < c->contest->n_contestants; i++)
                if (!isnan(cell_of(c, i, flow, m)->detectable))
                    room[n++] = cell_of(c, i, flow, m)->detectable;
            sort_values(room, n);
            c->result->detectable[flow * c->result->shown.n_metrics + m] =
                n ? (room[(n - 1) / 2] + room[n / 2]) / 2 : NAN;
        }
}

static int prepare(struct owned_result *result, const struct contest *contest, const int *which,
                   struct valence_error *error)
{
    struct valence_experiment_result *shown = &result->shown;
    choose_metrics(result, contest->scale);
    int64_t n = (int64_t)contest->n_flows * shown->n_metrics;
    result->cells = allocate(n * contest->n_contestants, sizeof *result->cells);
    result->detectable = allocate(n, sizeof *result->detectable);
    if (!result->cells || !result->detectable)
        return fail_memory(error, (size_t)n * sizeof *result->cells, "the table");
    memcpy(result->flows, contest->flows, sizeof result->flows);
    shown->flows = result->flows;
    shown->n_flows = contest->n_flows;
    shown->detectable = result->detectable;
    shown->split = contest->split;
    shown->scale = contest->scale;
    shown->synthetic = contest->synthetic;
    shown->n_clips = contest->n_clips;
    shown->n_left_out = contest->n_left_out;
    shown->n_recordings = contest->clusters.n;
    for (int i = 0; i < contest->n_contestants; i++) {
        struct valence_result_variant *variant = &result->variants[which[i]];
        const struct contestant *contestant = &contest->contestants[i];
        snprintf(result->names[which[i]], sizeof *result->names, "%s", contestant->name);
        variant->n_models = contestant->n_models;
        variant->n_parameters = contestant->models[0].n_parameters;
        variant->cells = result->cells + i * n;
    }
    return VALENCE_OK;
}

int result_compare(struct owned_result *result, const struct contest *contest, const int *which,
                   int64_t n_resamples, uint64_t seed, struct valence_error *error)
{
    struct comparing c = {result, contest, n_resamples, seed};
    int status = prepare(result, contest, which, error);
    result->shown.n_resamples = n_resamples;
    for (int flow = 0; flow < contest->n_flows && !status; flow++)
        status = compare_flow(&c, flow, error);
    if (!status)
        status =
            adjust(&c, (int64_t)contest->n_contestants * contest->n_flows * result->shown.n_metrics,
                   error);
    double *room = status ? NULL : allocate(contest->n_contestants, sizeof *room);
    if (!status && !room)
        status = fail_memory(error, 4096, "the table");
    if (!status)
        set_detectable(&c, room);
    free(room);
    return status;
}
