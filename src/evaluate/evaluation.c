#include "evaluate/evaluation.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "valence/reliability.h"

/* ---- Scores ---- */

static void choose_flows(const struct valence_model *model,
                         const struct evaluation_options *options, struct evaluation *evaluation)
{
    const struct valence_model_config *config = valence_model_config(model);
    const unsigned *flows = options->n_flows ? options->flows : config->flows;
    evaluation->n_flows = options->n_flows ? options->n_flows : config->n_flows;
    for (int i = 0; i < evaluation->n_flows; i++) {
        evaluation->flows[i].flow = flows[i];
        evaluation->flows[i].trained = scoring_flow_is_trained(model, flows[i]);
    }
}

static int select_clips(const struct scoring *scoring, enum valence_split split,
                        struct evaluation *evaluation, struct valence_error *error)
{
    struct clip_selection *selection = &evaluation->selection;
    int status = clip_selection_make(scoring->store, &scoring->map, split, true, selection, error);
    if (!status && selection->n == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: no clip of the %s split has a label and features\n"
                      "         ('valence inspect' shows the splits)",
                      valence_store_path(scoring->store), valence_split_names[split]);
    if (status)
        return status;
    evaluation->labels = allocate(selection->n, sizeof *evaluation->labels);
    if (!evaluation->labels)
        return fail_memory(error, (size_t)selection->n * sizeof(float), "labels");
    for (int64_t i = 0; i < selection->n; i++)
        evaluation->labels[i] = valence_store_clip(scoring->store, selection->clips[i])->label;
    return VALENCE_OK;
}

static int score_flows(const struct scoring *scoring, struct evaluation *evaluation,
                       struct valence_error *error)
{
    int64_t n = evaluation->selection.n;
    unsigned flows[VALENCE_MAX_FLOWS];
    struct clip_score *scores[VALENCE_MAX_FLOWS] = {NULL};
    int status = VALENCE_OK;
    for (int i = 0; i < evaluation->n_flows; i++) {
        flows[i] = evaluation->flows[i].flow;
        scores[i] = allocate(n, sizeof *scores[i]);
        evaluation->flows[i].predicted = allocate(n, sizeof(float));
        if (!status && (!scores[i] || !evaluation->flows[i].predicted))
            status = fail_memory(error, (size_t)n * sizeof *scores[i], "scores");
    }
    if (!status)
        status = scoring_run(scoring, evaluation->selection.clips, n, flows, evaluation->n_flows,
                             scores, error);
    for (int i = 0; i < evaluation->n_flows; i++) {
        for (int64_t clip = 0; clip < n && !status; clip++) {
            evaluation->flows[i].predicted[clip] = scores[i][clip].score;
            if (isnan(scores[i][clip].score))
                status = fail(
                    error, VALENCE_ERROR_DATA, "%s: clip '%s': its values are too large to score",
                    valence_store_path(scoring->store),
                    valence_store_clip(scoring->store, evaluation->selection.clips[clip])->id);
        }
        free(scores[i]);
    }
    return status;
}

static void count_incomplete(const struct scoring *scoring, const struct clip_selection *selection,
                             struct flow_result *result)
{
    for (int64_t i = 0; i < selection->n; i++) {
        int64_t clip = selection->clips[i];
        result->n_incomplete +=
            (scoring_absent(scoring->store, &scoring->map, clip) & ~result->flow) != 0;
        result->n_unsimulated +=
            (result->flow & VALENCE_BIT(VALENCE_TEXT)) &&
            clip_rows(scoring->store, &scoring->map, clip, VALENCE_STREAM_SIMULATED_TEXT) == 0;
    }
}

/* ---- Reliability ---- */

const char *const reliability_figure_keys[N_RELIABILITY_FIGURES] = {
#define RELIABILITY_KEY(name, key) key,
    RELIABILITY_FIGURE_MAP(RELIABILITY_KEY)
#undef RELIABILITY_KEY
};

static void measure_reliability(const struct valence_model *model, double level,
                                const struct evaluation *evaluation, struct flow_result *result)
{
    const struct valence_reliability *reliability = valence_model_reliability(model, result->flow);
    double n = (double)evaluation->selection.n, covered = 0, width = 0, expected = 0;
    for (int64_t i = 0; i < evaluation->selection.n && reliability; i++) {
        struct valence_estimate e =
            valence_reliability_estimate(reliability, result->predicted[i], level);
        double label = (double)evaluation->labels[i];
        covered += label >= e.low && label <= e.high;
        width += e.high - e.low;
        expected += e.error;
    }
    result->reliability[RELIABILITY_COVERAGE] = reliability ? covered / n : NAN;
    result->reliability[RELIABILITY_WIDTH] = reliability ? width / n : NAN;
    result->reliability[RELIABILITY_EXPECTED] = reliability ? expected / n : NAN;
}

/* ---- Intervals ---- */

static int flow_intervals(const double *samples, const double *first, int64_t n_resamples,
                          struct flow_result *result, struct valence_error *error)
{
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++) {
        int status =
            valence_bootstrap_interval(samples, NULL, n_resamples, (enum valence_metric)metric,
                                       EVALUATION_LEVEL, &result->intervals[metric], error);
        if (!status)
            status =
                valence_bootstrap_interval(samples, first, n_resamples, (enum valence_metric)metric,
                                           EVALUATION_LEVEL, &result->differences[metric], error);
        if (status)
            return status;
    }
    return VALENCE_OK;
}

/* Two blocks of samples: the first flow's, which the others are compared with, and the current
 * one's. */
static int all_intervals(struct evaluation *evaluation, const struct evaluation_options *options,
                         struct valence_error *error)
{
    int64_t block = options->n_resamples * VALENCE_N_METRICS;
    double *samples = allocate(2 * block, sizeof *samples);
    if (!samples)
        return fail_memory(error, (size_t)block * 2 * sizeof *samples, "the bootstrap");
    int status = VALENCE_OK;
    for (int i = 0; i < evaluation->n_flows && !status; i++) {
        double *own = samples + (i > 0 ? block : 0);
        status = valence_bootstrap(evaluation->flows[i].predicted, evaluation->labels,
                                   evaluation->selection.n, options->n_resamples, options->seed,
                                   own, error);
        if (!status)
            status =
                flow_intervals(own, samples, options->n_resamples, &evaluation->flows[i], error);
    }
    free(samples);
    return status;
}

static void no_intervals(struct flow_result *result)
{
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        result->intervals[metric] = result->differences[metric] =
            (struct valence_interval){NAN, NAN};
}

/* ---- Everything ---- */

int evaluation_run(const struct valence_model *model, const struct valence_store *store,
                   const struct evaluation_options *options,
                   const struct valence_progress *progress, struct evaluation *evaluation,
                   struct valence_error *error)
{
    *evaluation = (struct evaluation){0};
    struct scoring scoring = {
        .model = model, .store = store, .batch_size = options->batch_size, .progress = progress};
    choose_flows(model, options, evaluation);
    int status = scoring_map_streams(model, store, options->max_rows, &scoring.map, error);
    if (!status)
        status = select_clips(&scoring, options->split, evaluation, error);
    if (!status)
        status = score_flows(&scoring, evaluation, error);
    for (int i = 0; i < evaluation->n_flows && !status; i++) {
        struct flow_result *result = &evaluation->flows[i];
        valence_metrics_compute(result->predicted, evaluation->labels, evaluation->selection.n,
                                &result->metrics);
        measure_reliability(model, options->level, evaluation, result);
        count_incomplete(&scoring, &evaluation->selection, result);
        no_intervals(result);
    }
    if (!status && options->n_resamples > 0)
        status = all_intervals(evaluation, options, error);
    if (status)
        evaluation_free(evaluation);
    return status;
}

void evaluation_free(struct evaluation *evaluation)
{
    for (int i = 0; i < evaluation->n_flows; i++)
        free(evaluation->flows[i].predicted);
    free(evaluation->labels);
    clip_selection_free(&evaluation->selection);
    *evaluation = (struct evaluation){0};
}

/* Of the value at `offset` in the flow's results. */
static struct seed_summary summarise(const struct evaluation *evaluations, int n, int flow,
                                     size_t offset)
{
    double sum = 0, squares = 0;
#define VALUE(i) (*(const double *)((const char *)&evaluations[i].flows[flow] + offset))
    for (int i = 0; i < n; i++)
        sum += VALUE(i);
    double mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (VALUE(i) - mean) * (VALUE(i) - mean);
#undef VALUE
    return (struct seed_summary){mean, n > 1 ? sqrt(squares / (n - 1)) : NAN};
}

struct seed_summary evaluation_summarise(const struct evaluation *evaluations, int n, int flow,
                                         enum valence_metric metric)
{
    return summarise(evaluations, n, flow,
                     offsetof(struct flow_result, metrics.values) + metric * sizeof(double));
}

struct seed_summary evaluation_summarise_reliability(const struct evaluation *evaluations, int n,
                                                     int flow, enum reliability_figure figure)
{
    return summarise(evaluations, n, flow,
                     offsetof(struct flow_result, reliability) + figure * sizeof(double));
}

/* ---- The constant predictor ---- */

int evaluation_constant(const struct valence_store *store, const struct evaluation *evaluation,
                        struct constant_predictor *constant, struct valence_error *error)
{
    *constant = (struct constant_predictor){.value = NAN};
    float *room = allocate(evaluation->selection.n, sizeof *room);
    if (!room)
        return fail_memory(error, (size_t)evaluation->selection.n * sizeof *room, "scores");
    int status = training_median(store, &constant->value, error);
    for (int64_t i = 0; i < evaluation->selection.n; i++)
        room[i] = constant->value;
    if (!status && !isnan(constant->value))
        valence_metrics_compute(room, evaluation->labels, evaluation->selection.n,
                                &constant->metrics);
    free(room);
    return status;
}

bool store_is_synthetic(const struct valence_store *store)
{
    const char *text = valence_store_source(store);
    json_t *source = json_loads(text, 0, NULL);
    const char *kind = json_string_value(json_object_get(source, "kind"));
    bool synthetic = kind && strcmp(kind, "synthetic") == 0;
    json_decref(source);
    return synthetic;
}
