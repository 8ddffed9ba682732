#include "evaluate/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

static int check_same_clips(const struct evaluation *a, const struct evaluation *b,
                            struct valence_error *error)
{
    bool same = a->selection.n == b->selection.n && a->n_flows == b->n_flows &&
                memcmp(a->selection.clips, b->selection.clips,
                       (size_t)a->selection.n * sizeof *a->selection.clips) == 0;
    for (int flow = 0; same && flow < a->n_flows; flow++)
        same = a->flows[flow].flow == b->flows[flow].flow;
    return same ? VALENCE_OK
                : fail(error, VALENCE_ERROR_DATA,
                       "the two runs cannot be compared: they score different clips\n"
                       "         (clips without any stream that a run reads are left out of it)");
}

/* Adds sign / n of each model's metrics of the resamples to `sums`; `room` holds one model's. */
static int add_samples(const struct evaluation *evaluations, int n, int flow, double sign,
                       const struct evaluation_options *options, double *sums, double *room,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int i = 0; i < n && !status; i++) {
        const struct evaluation *evaluation = &evaluations[i];
        status = valence_bootstrap(evaluation->flows[flow].predicted, evaluation->labels,
                                   evaluation->selection.n, options->n_resamples, options->seed,
                                   room, error);
        for (int64_t j = 0; j < options->n_resamples * VALENCE_N_METRICS && !status; j++)
            sums[j] += sign / n * room[j];
    }
    return status;
}

static int compare_flow(const struct evaluation *evaluations, int n,
                        const struct evaluation *others, int n_others, int flow,
                        const struct evaluation_options *options, double *sums, double *room,
                        struct metric_difference *differences, struct valence_error *error)
{
    int64_t n_values = options->n_resamples * VALENCE_N_METRICS;
    memset(sums, 0, (size_t)n_values * sizeof *sums);
    int status = add_samples(evaluations, n, flow, 1, options, sums, room, error);
    if (!status)
        status = add_samples(others, n_others, flow, -1, options, sums, room, error);
    for (int m = 0; m < VALENCE_N_METRICS && !status; m++) {
        enum valence_metric metric = (enum valence_metric)m;
        differences[m] = (struct metric_difference){
            .value = evaluation_summarise(evaluations, n, flow, metric).mean -
                     evaluation_summarise(others, n_others, flow, metric).mean,
            .interval = {NAN, NAN}};
        if (n_values)
            status = valence_bootstrap_interval(sums, NULL, options->n_resamples, metric,
                                                EVALUATION_LEVEL, &differences[m].interval, error);
    }
    return status;
}

int comparison_make(const struct evaluation *evaluations, int n, const struct evaluation *others,
                    int n_others, const struct evaluation_options *options,
                    struct comparison *comparison, struct valence_error *error)
{
    int64_t block = options->n_resamples * VALENCE_N_METRICS;
    *comparison = (struct comparison){.n_flows = evaluations[0].n_flows};
    int status = check_same_clips(&evaluations[0], &others[0], error);
    if (status)
        return status;
    double *samples = allocate(2 * block, sizeof *samples);
    if (!samples)
        return fail_memory(error, (size_t)block * 2 * sizeof *samples, "the bootstrap");
    for (int flow = 0; flow < comparison->n_flows && !status; flow++)
        status = compare_flow(evaluations, n, others, n_others, flow, options, samples,
                              samples + block, comparison->differences[flow], error);
    free(samples);
    return status;
}
