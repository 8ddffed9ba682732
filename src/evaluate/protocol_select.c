/* Epochs chosen as for published figures: on the part that is measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "collective/collective.h"
#include "evaluate/options.h"
#include "evaluate/protocol_figures.h"
#include "evaluate/protocol_mask.h"

/* All epochs of a model, measured. */
struct epochs {
    int64_t n;
    const struct valence_protocol_evaluation **evaluations; /* (n) */
};

static bool larger_is_better(enum valence_metric metric)
{
    return metric != VALENCE_METRIC_MAE && metric != VALENCE_METRIC_RMSE;
}

/* The epoch whose metric is best under a condition, from 0; the first of equals. An undefined value
 * is worse than any. */
static int64_t best_epoch(const struct epochs *epochs, int condition, enum valence_metric metric)
{
    int64_t best = 0;
    double best_value = NAN;
    for (int64_t e = 0; e < epochs->n; e++) {
        double value = epochs->evaluations[e]->conditions[condition].metrics.values[metric];
        bool better = larger_is_better(metric) ? value > best_value : value < best_value;
        if (better || (isnan(best_value) && !isnan(value))) {
            best = e;
            best_value = value;
        }
    }
    return best;
}

static enum valence_metric f1_of(enum valence_scale scale)
{
    static const enum valence_metric metrics[VALENCE_N_SCALES] = {
        [VALENCE_SCALE_SENTIMENT] = VALENCE_METRIC_F1_NON0,
        [VALENCE_SCALE_SIMS] = VALENCE_METRIC_F1_SIMS,
        [VALENCE_SCALE_CLASSES3] = VALENCE_METRIC_F1_3,
        [VALENCE_SCALE_OTHER] = VALENCE_METRIC_MAE,
        [VALENCE_SCALE_CLASSES] = VALENCE_METRIC_F1_WEIGHTED};
    return metrics[scale];
}

/* The condition at a rate of 0.5, or -1. */
static int half_condition(const struct valence_protocol_evaluation *evaluation)
{
    for (int c = 0; c < evaluation->n_conditions; c++)
        if (fabs(evaluation->conditions[c].rate - 0.5) < 1e-9)
            return c;
    return -1;
}

/* ---- Measuring ---- */

/* Loads and measures the model at `path`, unless `status` is an error already. */
static int measure_path(int status, const char *path, const struct valence_store *store,
                        const char *name, const struct valence_protocol_options *options,
                        const struct valence_progress *progress,
                        const struct valence_protocol_evaluation **evaluation,
                        struct valence_error *error)
{
    struct valence_model *model = NULL;
    if (!status)
        status = valence_model_load(path, &model, error);
    status = collective_agree(options->collective, status, error);
    if (!status)
        status =
            valence_evaluate_protocol(model, store, name, options, progress, evaluation, error);
    valence_model_free(model);
    return status;
}

static int measure_epoch(const struct valence_run *run, int number, int64_t epoch,
                         const struct valence_store *store, const char *name,
                         const struct valence_protocol_options *options,
                         const struct valence_progress *progress,
                         const struct valence_protocol_evaluation **evaluation,
                         struct valence_error *error)
{
    enum { PATH_BYTES = 4096 };
    char path[PATH_BYTES];
    int status = valence_run_epoch_path(run, number, epoch, path, sizeof path, error);
    return measure_path(status, path, store, name, options, progress, evaluation, error);
}

static int measure_epochs(const struct valence_run *run, int number,
                          const struct valence_store *store, const char *name,
                          const struct valence_protocol_options *options,
                          const struct valence_progress *progress, struct epochs *epochs,
                          struct valence_error *error)
{
    struct valence_protocol_options quick = *options;
    int64_t n = valence_run_n_epochs(run, number);
    quick.n_resamples = 0; /* intervals are made for what is chosen */
    int status = VALENCE_OK;
    if (n == 0)
        status = fail_key(error, VALENCE_ERROR_NOT_FOUND, "keep_epochs",
                          "%s: the run has kept no epochs to choose from",
                          valence_run_model_path(run, number));
    epochs->evaluations = allocate(n, sizeof *epochs->evaluations);
    if (!status && !epochs->evaluations)
        status = fail_memory(error, (size_t)n * sizeof *epochs->evaluations, "results");
    status = collective_agree(options->collective, status, error);
    if (!status)
        status = collective_compare(options->collective, &n, sizeof n, "kept epochs", error);
    for (; epochs->n < n && !status; epochs->n += !status)
        status = measure_epoch(run, number, epochs->n + 1, store, name, &quick, progress,
                               &epochs->evaluations[epochs->n], error);
    return status;
}

static void free_epochs(struct epochs *epochs)
{
    for (int64_t e = 0; e < epochs->n; e++)
        valence_protocol_evaluation_free(epochs->evaluations[e]);
    free(epochs->evaluations);
}

/* ---- Choosing ---- */

/* Puts each metric's value and interval under a condition where its chosen epoch has them; `room`
 * is for 2 n_clips floats. */
static int take_condition(const struct epochs *epochs, int c, const int64_t *chosen,
                          const struct valence_protocol_options *options, float *room,
                          struct valence_protocol_evaluation *to, struct valence_error *error)
{
    struct valence_condition *condition = &to->conditions[c];
    const struct valence_condition *main =
        &epochs->evaluations[chosen[VALENCE_METRIC_MAE]]->conditions[c];
    struct valence_interval intervals[VALENCE_N_METRICS];
    int64_t made_for = -1;
    int status = VALENCE_OK;
    /* Before anything is copied: `to` is one of the epochs. */
    struct valence_metrics metrics = main->metrics, nonzero = main->nonzero_metrics;
    int64_t n_unscored = main->n_unscored;
    for (int metric = 0; metric < VALENCE_N_METRICS && !status; metric++) {
        const struct valence_protocol_evaluation *from = epochs->evaluations[chosen[metric]];
        metrics.values[metric] = from->conditions[c].metrics.values[metric];
        condition->epochs[metric] = chosen[metric] + 1;
        if (options->n_resamples && chosen[metric] != made_for) {
            int64_t n = scored_clips(from, &from->conditions[c], room, room + to->n_clips);
            status =
                condition_intervals(options->collective, room, room + to->n_clips, n, to->scale,
                                    options->n_resamples, options->seed, intervals, error);
            made_for = chosen[metric];
        }
        if (options->n_resamples)
            condition->intervals[metric] = intervals[metric];
    }
    condition->metrics = metrics;
    condition->nonzero_metrics = nonzero;
    condition->n_unscored = n_unscored;
    memmove(condition->scores, main->scores, (size_t)to->n_clips * sizeof *condition->scores);
    return status;
}

/* Chooses for every condition and metric, before the last epoch's evaluation becomes the result. */
static int choose(const struct epochs *epochs, enum protocol protocol,
                  const struct valence_protocol_options *options, int64_t *chosen,
                  struct valence_protocol_evaluation *to, struct valence_error *error)
{
    int half = half_condition(to);
    float *room = allocate(2 * to->n_clips, sizeof *room);
    int status =
        room ? VALENCE_OK : fail_memory(error, (size_t)to->n_clips * 2 * sizeof *room, "scores");
    if (protocol == PROTOCOL_ERASE_RANDOM && half < 0)
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "rates",
                     "erase-random chooses its epochs at a rate of 0.5, which is not measured");
    status = collective_agree(options->collective, status, error);
    if (status) {
        free(room);
        return status;
    }
    for (int c = 0; c < to->n_conditions; c++)
        for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
            chosen[c * VALENCE_N_METRICS + metric] =
                protocol == PROTOCOL_ERASE_RANDOM
                    ? best_epoch(epochs, half, (enum valence_metric)metric)
                    : best_epoch(epochs, c, f1_of(to->scale));
    for (int c = 0; c < to->n_conditions && !status; c++)
        status =
            take_condition(epochs, c, chosen + c * VALENCE_N_METRICS, options, room, to, error);
    free(room);
    return status;
}

static int choose_among(struct epochs *epochs, enum protocol protocol,
                        const struct valence_protocol_options *options,
                        const struct valence_protocol_evaluation **evaluation,
                        struct valence_error *error)
{
    struct valence_protocol_evaluation *to =
        (struct valence_protocol_evaluation *)(uintptr_t)epochs->evaluations[epochs->n - 1];
    int64_t *chosen = allocate(to->n_conditions * VALENCE_N_METRICS, sizeof *chosen);
    int status =
        chosen ? VALENCE_OK : fail_memory(error, sizeof *chosen * VALENCE_N_METRICS, "results");
    status = collective_agree(options->collective, status, error);
    if (!status)
        status = choose(epochs, protocol, options, chosen, to, error);
    free(chosen);
    if (status)
        return status;
    to->n_resamples = options->n_resamples;
    protocol_summarise(to);
    *evaluation = to;
    epochs->n--; /* it is the caller's now */
    return VALENCE_OK;
}

/* ---- Any protocol ---- */

int valence_evaluate_protocol_as_published(const struct valence_run *run, int model,
                                           const struct valence_store *store, const char *name,
                                           const struct valence_protocol_options *options,
                                           const struct valence_progress *progress,
                                           const struct valence_protocol_evaluation **evaluation,
                                           struct valence_error *error)
{
    const struct valence_protocol_info *info = valence_protocol_find(name);
    struct valence_protocol_options known;
    struct epochs epochs = {.n = 0};
    *evaluation = NULL;
    if (!run || !store || !valence_run_model_path(run, model))
        return fail(error, VALENCE_ERROR_ARGUMENT, "the run, its model or the store is NULL");
    if (!info)
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, "protocol", "no protocol '%s'",
                        name ? name : "");
    int status = protocol_options_take(options, &known, error);
    if (status)
        return status;
    enum protocol protocol = protocol_of(info);
    if (protocol == PROTOCOL_DROP_RATE)
        known.split = VALENCE_VALIDATION;
    if (protocol != PROTOCOL_ERASE_RANDOM && protocol != PROTOCOL_FIXED)
        status = measure_path(VALENCE_OK, valence_run_model_path(run, model), store, name, &known,
                              progress, evaluation, error);
    else {
        status = measure_epochs(run, model, store, name, &known, progress, &epochs, error);
        if (!status)
            status = choose_among(&epochs, protocol, &known, evaluation, error);
        free_epochs(&epochs);
    }
    if (!status)
        ((struct valence_protocol_evaluation *)(uintptr_t)*evaluation)->as_published = true;
    return status;
}
