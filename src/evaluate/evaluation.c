/* A model measured on a split of a store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "data/label_scale.h"
#include "evaluate/bootstrap.h"
#include "evaluate/clips_hash.h"
#include "evaluate/options.h"
#include "evaluate/scoring.h"
#include "evaluate/target_labels.h"
#include "valence/reliability.h"

const char *const valence_reliability_keys[VALENCE_MAX_NAMES] = {
#define RELIABILITY_KEY(name, key) key,
    VALENCE_RELIABILITY_MAP(RELIABILITY_KEY)
#undef RELIABILITY_KEY
};

/* ---- Clips ---- */

static int select_clips(const struct scoring *scoring, const struct target_labels *labels,
                        struct valence_evaluation *evaluation, struct valence_error *error)
{
    struct clip_selection selection;
    double low, high;
    int status = target_clips(labels, scoring->store, &scoring->map, evaluation->split, &selection,
                              &evaluation->labels, error);
    if (status)
        return status;
    evaluation->clips = selection.clips; /* taken over */
    evaluation->n_clips = selection.n;
    evaluation->n_unlabelled = selection.n_unlabelled;
    evaluation->n_empty = selection.n_empty;
    evaluation->n_cut = selection.n_cut;
    if (selection.n_cut)
        evaluation->first_cut =
            valence_store_clip(scoring->store,
                               valence_store_find_clip(scoring->store, selection.first_cut))
                ->id;
    bool known = valence_model_label_range(scoring->model, &low, &high);
    for (int64_t i = 0; i < selection.n && known; i++)
        evaluation->n_labels_beyond += (double)evaluation->labels[i] < low - 1e-6 ||
                                       (double)evaluation->labels[i] > high + 1e-6;
    return VALENCE_OK;
}

static int make_flows(const struct valence_model *model,
                      const struct valence_evaluate_options *options,
                      struct valence_evaluation *evaluation, struct valence_error *error)
{
    const struct valence_model_config *config = valence_model_get_config(model);
    const unsigned *flows = options->n_flows ? options->flows : config->flows;
    int n = options->n_flows ? options->n_flows : config->n_flows;
    evaluation->flows = allocate(n, sizeof *evaluation->flows);
    if (!evaluation->flows)
        return fail_memory(error, (size_t)n * sizeof *evaluation->flows, "results");
    for (; evaluation->n_flows < n; evaluation->n_flows++) {
        struct valence_flow_evaluation *result = &evaluation->flows[evaluation->n_flows];
        result->flow = flows[evaluation->n_flows];
        result->trained = scoring_flow_is_trained(model, result->flow);
        result->scores = allocate(evaluation->n_clips, sizeof *result->scores);
        result->intervals = allocate(VALENCE_N_METRICS, sizeof *result->intervals);
        result->differences = allocate(VALENCE_N_METRICS, sizeof *result->differences);
        result->reliability = allocate(VALENCE_N_RELIABILITY_FIGURES, sizeof *result->reliability);
        int64_t n_counts = (int64_t)evaluation->n_classes * evaluation->n_classes;
        result->confusion = n_counts ? allocate(n_counts, sizeof *result->confusion) : NULL;
        if (!result->scores || !result->intervals || !result->differences || !result->reliability ||
            (n_counts && !result->confusion)) {
            evaluation->n_flows++; /* for what was made of it to be freed */
            return fail_memory(error, (size_t)evaluation->n_clips * sizeof(float), "scores");
        }
        for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
            result->intervals[metric] = result->differences[metric] =
                (struct valence_interval){NAN, NAN};
    }
    return VALENCE_OK;
}

/* ---- Kinds of labels ---- */

/* A model's classes are those of the store, in the same order. */
static int check_labels_fit(const struct valence_model *model, const struct valence_store *store,
                            const struct valence_evaluate_options *options,
                            struct valence_error *error)
{
    const struct valence_label_scale *classes = label_classes(store);
    int n = (int)valence_model_get_config(model)->n_classes,
        n_store = classes ? classes->n_classes : 0;
    bool same = n == n_store;
    for (int c = 0; same && c < n; c++)
        same = strcmp(valence_model_class_name(model, c), classes->classes[c]) == 0;
    if (!same)
        return fail_key(error, VALENCE_ERROR_DATA, "labels",
                        n && n_store ? "%s: its labels are other classes than those that the model "
                                       "predicts, or in another order"
                        : n          ? "%s: its labels are scores, but the model predicts classes"
                                     : "%s: its labels are classes, but the model predicts scores",
                        valence_store_path(store));
    bool wanted = options->scale == VALENCE_SCALE_CLASSES;
    if (options->scale >= 0 && wanted != (n > 0))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "scale",
                        "the metrics of the scale '%s' are not defined for %s",
                        valence_scale_names[options->scale], n ? "classes" : "scores");
    return n && (options->label_map || options->label_values)
               ? fail_key(error, VALENCE_ERROR_ARGUMENT, "label_map",
                          "classes are no numbers that could be mapped")
               : VALENCE_OK;
}

/* Labels for which the scale's metrics, such as Acc-7 in -3 ... 3, are not made. */
static void count_beyond_scale(struct valence_evaluation *evaluation)
{
    double limit = evaluation->scale == VALENCE_SCALE_SENTIMENT  ? 3
                   : evaluation->scale == VALENCE_SCALE_SIMS     ? 1
                   : evaluation->scale == VALENCE_SCALE_CLASSES3 ? 1
                                                                 : INFINITY;
    for (int64_t i = 0; i < evaluation->n_clips; i++)
        evaluation->n_beyond_scale += fabs((double)evaluation->labels[i]) > limit + 1e-6;
}

/* ---- Scores ---- */

/* Leaves a clip out of all flows where any of them has no score for it, so that flows stay
 * comparable clip by clip. *outside is the first clip that is far outside the training data. */
static void drop_unscored(const struct scoring *scoring, struct clip_score *const *scores,
                          struct valence_evaluation *evaluation, int64_t *outside)
{
    int64_t kept = 0;
    *outside = -1;
    for (int64_t i = 0; i < evaluation->n_clips; i++) {
        bool scored = true;
        for (int f = 0; f < evaluation->n_flows; f++)
            scored = scored && !isnan(scores[f][i].score);
        const char *id = valence_store_clip(scoring->store, evaluation->clips[i])->id;
        if (!scored && evaluation->n_unscored++ == 0)
            evaluation->first_unscored = id;
        if (!scored)
            continue;
        if (scores[0][i].outside && *outside < 0) {
            *outside = evaluation->clips[i];
            evaluation->first_outside = id;
        }
        for (int f = 0; f < evaluation->n_flows; f++) {
            scores[f][kept] = scores[f][i];
            evaluation->flows[f].scores[kept] = scores[f][i].score;
            evaluation->flows[f].n_outside += scores[f][i].outside;
        }
        evaluation->clips[kept] = evaluation->clips[i];
        evaluation->labels[kept++] = evaluation->labels[i];
    }
    evaluation->n_clips = kept;
}

static void count_incomplete(const struct scoring *scoring,
                             const struct valence_evaluation *evaluation,
                             struct valence_flow_evaluation *result)
{
    unsigned read = valence_model_modalities(scoring->model);
    bool simulates = (result->flow & VALENCE_BIT(VALENCE_TEXT)) &&
                     valence_model_stream_name(scoring->model, VALENCE_STREAM_SIMULATED_TEXT)[0];
    for (int64_t i = 0; i < evaluation->n_clips; i++) {
        int64_t clip = evaluation->clips[i];
        unsigned absent = scoring_absent(scoring->store, &scoring->map, clip);
        result->n_incomplete += (absent & ~result->flow & read) != 0;
        result->n_unsimulated += simulates && clip_rows(scoring->store, &scoring->map, clip,
                                                        VALENCE_STREAM_SIMULATED_TEXT) == 0;
    }
}

static void measure_reliability(const struct valence_model *model, double level,
                                const struct valence_evaluation *evaluation,
                                const struct clip_score *scores,
                                struct valence_flow_evaluation *result)
{
    const struct valence_reliability *reliability = valence_model_reliability(model, result->flow);
    double n = (double)evaluation->n_clips, covered = 0, width = 0, expected = 0, n_expected = 0;
    for (int64_t i = 0; i < evaluation->n_clips && reliability; i++) {
        struct valence_estimate e =
            valence_reliability_estimate(reliability, result->scores[i], level);
        double label = (double)evaluation->labels[i];
        bool outside = scoring_is_outside(&scores[i]);
        if (outside) /* as predictions have it */
            (void)valence_model_label_range(model, &e.low, &e.high);
        else
            expected += e.error;
        n_expected += !outside;
        covered += label >= e.low && label <= e.high;
        width += e.high - e.low;
    }
    result->reliability[VALENCE_RELIABILITY_COVERAGE] = reliability ? covered / n : NAN;
    result->reliability[VALENCE_RELIABILITY_WIDTH] = reliability ? width / n : NAN;
    result->reliability[VALENCE_RELIABILITY_EXPECTED] = reliability ? expected / n_expected : NAN;
}

static int measure_flows(const struct scoring *scoring, struct clip_score *const *scores,
                         struct valence_evaluation *evaluation, struct valence_error *error)
{
    int64_t outside;
    drop_unscored(scoring, scores, evaluation, &outside);
    if (evaluation->n_clips == 0)
        return fail(error, VALENCE_ERROR_DATA,
                    "%s: the values of every clip are too large to score, '%s' the first of them",
                    valence_store_path(scoring->store), evaluation->first_unscored);
    count_beyond_scale(evaluation);
    for (int f = 0; f < evaluation->n_flows; f++) {
        struct valence_flow_evaluation *result = &evaluation->flows[f];
        int status =
            result->confusion
                ? valence_confusion_compute(result->scores, evaluation->labels, evaluation->n_clips,
                                            evaluation->n_classes, result->confusion, error)
                : VALENCE_OK;
        if (status)
            return status;
        valence_metrics_compute(result->scores, evaluation->labels, evaluation->n_clips,
                                evaluation->scale, &result->metrics);
        measure_reliability(scoring->model, evaluation->level, evaluation, scores[f], result);
        count_incomplete(scoring, evaluation, result);
    }
    evaluation->outside_column = -1;
    return outside < 0
               ? VALENCE_OK
               : scoring_furthest(scoring, outside, evaluation->flows[0].flow,
                                  &evaluation->outside_stream, &evaluation->outside_column, error);
}

/* Room for the scores of all flows: freed together. */
struct flow_scores {
    unsigned flows[VALENCE_MAX_FLOWS];
    struct clip_score *scores[VALENCE_MAX_FLOWS];
};

static int make_scores(const struct valence_evaluation *evaluation, struct flow_scores *to,
                       struct valence_error *error)
{
    int64_t n = evaluation->n_clips;
    for (int f = 0; f < evaluation->n_flows; f++) {
        to->flows[f] = evaluation->flows[f].flow;
        to->scores[f] = allocate(n, sizeof *to->scores[f]);
        if (!to->scores[f])
            return fail_memory(error, (size_t)n * sizeof *to->scores[f], "scores");
    }
    return VALENCE_OK;
}

static void free_scores(struct flow_scores *scores)
{
    for (int f = 0; f < VALENCE_MAX_FLOWS; f++)
        free(scores->scores[f]);
}

/* ---- Intervals ---- */

static int flow_intervals(const double *samples, const double *first, int64_t n_resamples,
                          struct valence_flow_evaluation *result, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int m = 0; m < VALENCE_N_METRICS && !status; m++) {
        enum valence_metric metric = (enum valence_metric)m;
        status =
            valence_bootstrap_interval(samples, NULL, n_resamples, metric, VALENCE_METRIC_LEVEL,
                                       &result->intervals[metric], error);
        if (!status)
            status = valence_bootstrap_interval(samples, first, n_resamples, metric,
                                                VALENCE_METRIC_LEVEL, &result->differences[metric],
                                                error);
    }
    return status;
}

/* Two blocks of samples: the first flow's, which the others are compared with, and the current
 * one's. */
static int all_intervals(struct valence_evaluation *evaluation,
                         const struct valence_collective *collective, uint64_t seed,
                         struct valence_error *error)
{
    int64_t n = evaluation->n_resamples, block = n * VALENCE_MAX_METRICS;
    double *samples = allocate(2 * block, sizeof *samples);
    int status = samples ? VALENCE_OK
                         : fail_memory(error, (size_t)block * 2 * sizeof *samples, "the bootstrap");
    status = collective_agree(collective, status, error);
    for (int f = 0; f < evaluation->n_flows && !status; f++) {
        double *own = samples + (f > 0 ? block : 0);
        status = bootstrap_run(collective, evaluation->flows[f].scores, evaluation->labels,
                               evaluation->n_clips, evaluation->scale, n, seed, own, error);
        if (!status)
            status = collective_agree(
                collective, flow_intervals(own, samples, n, &evaluation->flows[f], error), error);
    }
    free(samples);
    return status;
}

/* ---- Everything ---- */

static int measure_constant(const struct valence_store *store, const struct target_labels *labels,
                            struct valence_evaluation *evaluation, struct valence_error *error)
{
    float *room = allocate(evaluation->n_clips, sizeof *room);
    if (!room)
        return fail_memory(error, (size_t)evaluation->n_clips * sizeof *room, "scores");
    int status = target_median(labels, store, &evaluation->constant, error);
    for (int64_t i = 0; i < evaluation->n_clips; i++)
        room[i] = evaluation->constant;
    if (!status && !isnan(evaluation->constant))
        valence_metrics_compute(room, evaluation->labels, evaluation->n_clips, evaluation->scale,
                                &evaluation->constant_metrics);
    free(room);
    return status;
}

/* Everything that comes before the scores. */
static int prepare(const struct scoring *scoring, const struct valence_evaluate_options *options,
                   const struct target_labels *labels, struct valence_evaluation *evaluation,
                   struct flow_scores *scores, struct valence_error *error)
{
    evaluation->split = options->split;
    evaluation->level = options->level;
    evaluation->n_resamples = options->n_resamples;
    evaluation->synthetic = store_is_synthetic(scoring->store);
    evaluation->constant = NAN;
    evaluation->n_classes = (int)valence_model_get_config(scoring->model)->n_classes;
    evaluation->scale = options->scale < 0 ? target_scale(labels, scoring->store)
                                           : (enum valence_scale)options->scale;
    int status = valence_model_match_data(scoring->model, scoring->store, &evaluation->data, error);
    if (!status)
        status = scoring_note_training(scoring, evaluation->trained_on, &evaluation->configuration,
                                       error);
    if (!status)
        status = select_clips(scoring, labels, evaluation, error);
    if (!status) {
        clips_hash(scoring->store, evaluation->clips, evaluation->labels, evaluation->n_clips,
                   evaluation->clips_sha256);
        status = make_flows(scoring->model, options, evaluation, error);
    }
    return status ? status : make_scores(evaluation, scores, error);
}

/* Scores and what is computed from them: what is not shared among ranks is each rank's own work,
 * with the same result. `status` is that of preparing. */
static int measure(struct scoring *scoring, const struct valence_evaluate_options *options,
                   int status, const struct target_labels *labels, struct flow_scores *scores,
                   struct valence_evaluation *evaluation, struct valence_error *error)
{
    status = scoring_begin(scoring, options->collective, status, evaluation->clips,
                           evaluation->labels, evaluation->n_clips, error);
    if (!status)
        status = scoring_run(scoring, evaluation->clips, evaluation->n_clips, scores->flows,
                             evaluation->n_flows, scores->scores, error);
    if (status)
        return status;
    status = measure_flows(scoring, scores->scores, evaluation, error);
    if (!status)
        status = measure_constant(scoring->store, labels, evaluation, error);
    status = collective_agree(options->collective, status, error);
    return status || options->n_resamples == 0
               ? status
               : all_intervals(evaluation, options->collective, options->seed, error);
}

static int evaluate(struct scoring *scoring, const struct valence_evaluate_options *options,
                    int status, struct valence_evaluation *evaluation, struct valence_error *error)
{
    struct target_labels labels = {.mapped = false};
    struct flow_scores scores = {.flows = {0}};
    if (!status)
        status = check_labels_fit(scoring->model, scoring->store, options, error);
    if (!status)
        status = target_labels_make(options->label_values, options->label_map, &labels, error);
    if (!status)
        status = prepare(scoring, options, &labels, evaluation, &scores, error);
    status = measure(scoring, options, status, &labels, &scores, evaluation, error);
    free_scores(&scores);
    return status;
}

int valence_evaluate(const struct valence_model *model, const struct valence_store *store,
                     const struct valence_evaluate_options *options,
                     const struct valence_progress *progress,
                     const struct valence_evaluation **evaluation, struct valence_error *error)
{
    struct valence_evaluate_options known;
    struct scoring scoring;
    *evaluation = NULL;
    if (!model || !store)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the model or the store is NULL");
    int status = evaluate_options_take(options, &known, error);
    if (status)
        return status;
    status = scoring_open(&scoring, model, store, known.text_stream, known.batch_size,
                          known.max_rows, progress, error);
    struct valence_evaluation *made = allocate(1, sizeof *made);
    status = made ? evaluate(&scoring, &known, status, made, error)
                  : collective_agree(known.collective, fail_memory(error, sizeof *made, "results"),
                                     error);
    scoring_close(&scoring);
    if (status)
        valence_evaluation_free(made);
    else
        *evaluation = made;
    return status;
}

void valence_evaluation_free(const struct valence_evaluation *evaluation)
{
    if (!evaluation)
        return;
    for (int f = 0; f < evaluation->n_flows; f++) {
        free(evaluation->flows[f].scores);
        free(evaluation->flows[f].intervals);
        free(evaluation->flows[f].differences);
        free(evaluation->flows[f].reliability);
        free(evaluation->flows[f].confusion);
    }
    free(evaluation->flows);
    free(evaluation->labels);
    free(evaluation->clips);
    free((void *)(uintptr_t)evaluation->configuration);
    free((void *)(uintptr_t)evaluation);
}
