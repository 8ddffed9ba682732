/* Several models: over the seeds of a run, and of two runs on the same clips. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/bootstrap.h"
#include "evaluate/options.h"
#include "evaluate/seeds.h"

/* ---- Seeds ---- */

struct valence_seed_summary summarise_seeds(const double *values, int n)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (struct valence_seed_summary){mean, n > 1 ? sqrt(squares / (n - 1)) : NAN};
}

/* More seeds than anybody trains; what lies beyond is left out. */
#define MAX_SEEDS 1000

struct valence_seed_summary
valence_summarise_metric(const struct valence_evaluation *const *evaluations, int n, int flow,
                         enum valence_metric metric)
{
    double values[MAX_SEEDS];
    if (n < 1 || n > MAX_SEEDS || flow < 0 || flow >= evaluations[0]->n_flows ||
        (unsigned)metric >= VALENCE_N_METRICS)
        return (struct valence_seed_summary){NAN, NAN};
    for (int i = 0; i < n; i++)
        values[i] = evaluations[i]->flows[flow].metrics.values[metric];
    return summarise_seeds(values, n);
}

struct valence_seed_summary
valence_summarise_reliability(const struct valence_evaluation *const *evaluations, int n, int flow,
                              enum valence_reliability_figure figure)
{
    double values[MAX_SEEDS];
    if (n < 1 || n > MAX_SEEDS || flow < 0 || flow >= evaluations[0]->n_flows ||
        (unsigned)figure >= VALENCE_N_RELIABILITY_FIGURES)
        return (struct valence_seed_summary){NAN, NAN};
    for (int i = 0; i < n; i++)
        values[i] = evaluations[i]->flows[flow].reliability[figure];
    return summarise_seeds(values, n);
}

/* ---- Two runs ---- */

static bool same_clips(const struct valence_evaluation *a, const struct valence_evaluation *b)
{
    bool same = a->n_clips == b->n_clips && a->n_flows == b->n_flows && a->scale == b->scale &&
                memcmp(a->clips, b->clips, (size_t)a->n_clips * sizeof *a->clips) == 0;
    for (int flow = 0; same && flow < a->n_flows; flow++)
        same = a->flows[flow].flow == b->flows[flow].flow;
    return same;
}

static int check_same_clips(const struct valence_evaluation *const *evaluations, int n,
                            const struct valence_evaluation *const *others, int n_others,
                            struct valence_error *error)
{
    bool same = true;
    if (!evaluations || !others || n < 1 || n_others < 1)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a comparison needs evaluations on both sides");
    for (int i = 0; i < n && same; i++)
        same = same_clips(evaluations[0], evaluations[i]);
    for (int i = 0; i < n_others && same; i++)
        same = same_clips(evaluations[0], others[i]);
    return same ? VALENCE_OK
                : fail(error, VALENCE_ERROR_DATA,
                       "the two runs cannot be compared: they score different clips\n"
                       "         (clips without any stream that a run reads are left out of it)");
}

/* What both sides are resampled into. */
struct resampling {
    const struct valence_collective *collective;
    int64_t n_resamples;
    uint64_t seed;
    double *sums; /* (n_resamples, VALENCE_MAX_METRICS): the difference of the means */
    double *room; /* the same: one model's */
};

/* Adds sign / n of each model's metrics of the resamples to the sums. */
static int add_samples(const struct valence_evaluation *const *evaluations, int n, int flow,
                       double sign, const struct resampling *resampling,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int i = 0; i < n && !status; i++) {
        const struct valence_evaluation *evaluation = evaluations[i];
        status = bootstrap_run(resampling->collective, evaluation->flows[flow].scores,
                               evaluation->labels, evaluation->n_clips, evaluation->scale,
                               resampling->n_resamples, resampling->seed, resampling->room, error);
        for (int64_t j = 0; j < resampling->n_resamples * VALENCE_MAX_METRICS && !status; j++)
            resampling->sums[j] += sign / n * resampling->room[j];
    }
    return status;
}

/* Each metric's difference of the means, with its interval from the resamples. */
static int take_differences(const struct valence_evaluation *const *evaluations, int n,
                            const struct valence_evaluation *const *others, int n_others, int flow,
                            const struct resampling *resampling,
                            struct valence_difference *differences, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int m = 0; m < VALENCE_N_METRICS && !status; m++) {
        enum valence_metric metric = (enum valence_metric)m;
        differences[m] = (struct valence_difference){
            .value = valence_summarise_metric(evaluations, n, flow, metric).mean -
                     valence_summarise_metric(others, n_others, flow, metric).mean,
            .interval = {NAN, NAN}};
        if (resampling->n_resamples)
            status =
                valence_bootstrap_interval(resampling->sums, NULL, resampling->n_resamples, metric,
                                           VALENCE_METRIC_LEVEL, &differences[m].interval, error);
    }
    return status;
}

static int compare_flow(const struct valence_evaluation *const *evaluations, int n,
                        const struct valence_evaluation *const *others, int n_others, int flow,
                        const struct resampling *resampling, struct valence_difference *differences,
                        struct valence_error *error)
{
    int64_t n_values = resampling->n_resamples * VALENCE_MAX_METRICS;
    memset(resampling->sums, 0, (size_t)n_values * sizeof *resampling->sums);
    int status = add_samples(evaluations, n, flow, 1, resampling, error);
    if (!status)
        status = add_samples(others, n_others, flow, -1, resampling, error);
    if (status)
        return status;
    status =
        take_differences(evaluations, n, others, n_others, flow, resampling, differences, error);
    return collective_agree(resampling->collective, status, error);
}

static int compare(const struct valence_evaluation *const *evaluations, int n,
                   const struct valence_evaluation *const *others, int n_others,
                   const struct valence_evaluate_options *options,
                   struct valence_comparison *comparison, struct valence_error *error)
{
    int64_t block = options->n_resamples * VALENCE_MAX_METRICS;
    comparison->n_flows = evaluations[0]->n_flows;
    comparison->differences =
        allocate(comparison->n_flows * VALENCE_N_METRICS, sizeof *comparison->differences);
    double *samples = allocate(2 * block, sizeof *samples);
    struct resampling resampling = {.collective = options->collective,
                                    .n_resamples = options->n_resamples,
                                    .seed = options->seed,
                                    .sums = samples,
                                    .room = samples ? samples + block : NULL};
    int status = samples && comparison->differences
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)block * 2 * sizeof *samples, "the bootstrap");
    status = collective_agree(options->collective, status, error);
    for (int flow = 0; flow < comparison->n_flows && !status; flow++)
        status = compare_flow(evaluations, n, others, n_others, flow, &resampling,
                              comparison->differences + flow * VALENCE_N_METRICS, error);
    free(samples);
    return status;
}

int valence_compare(const struct valence_evaluation *const *evaluations, int n,
                    const struct valence_evaluation *const *others, int n_others,
                    const struct valence_evaluate_options *options,
                    const struct valence_comparison **comparison, struct valence_error *error)
{
    struct valence_evaluate_options known;
    *comparison = NULL;
    int status = evaluate_options_take(options, &known, error);
    if (!status)
        status = collective_agree(known.collective,
                                  check_same_clips(evaluations, n, others, n_others, error), error);
    if (status)
        return status;
    struct valence_comparison *made = allocate(1, sizeof *made);
    status = made ? compare(evaluations, n, others, n_others, &known, made, error)
                  : collective_agree(known.collective,
                                     fail_memory(error, sizeof *made, "the comparison"), error);
    if (status)
        valence_comparison_free(made);
    else
        *comparison = made;
    return status;
}

void valence_comparison_free(const struct valence_comparison *comparison)
{
    if (comparison)
        free(comparison->differences);
    free((void *)(uintptr_t)comparison);
}
