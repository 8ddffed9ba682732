/* The models of runs score a store, for the report. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "evaluate/scoring.h"
#include "report/collect.h"
#include "report/measured.h"
#include "report/score_attention.h"
#include "run/run_folder.h"
#include "valence/evaluate.h"
#include "valence/predict.h"

/* ---- The set ---- */

/* The labelled clips of the split: those that a model cannot score stay without a score. */
static int list_clips(const struct valence_store *store, enum valence_split split, int64_t **clips,
                      int64_t *n, struct valence_error *error)
{
    int64_t n_clips = valence_store_n_clips(store);
    *n = 0;
    *clips = allocate(n_clips + 1, sizeof **clips);
    if (!*clips)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    for (int64_t i = 0; i < n_clips; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        if (clip->split == split && !isnan(clip->label))
            (*clips)[(*n)++] = i;
    }
    return VALENCE_OK;
}

/* What the store says of the clips, once for each set. */
static void describe_clips(struct report_builder *builder, struct scored_set *set,
                           const struct valence_store *store, const int64_t *clips)
{
    int64_t n = set->clips.n;
    const char **groups = report_take(builder, n + 1, sizeof *groups);
    const char **transcripts = report_take(builder, n + 1, sizeof *transcripts);
    float *labels = report_take(builder, n + 1, sizeof *labels);
    bool has_groups = false, has_transcripts = false;
    if (!groups || !transcripts || !labels)
        return;
    for (int64_t i = 0; i < n; i++) {
        const struct valence_clip *clip = valence_store_clip(store, clips[i]);
        int64_t at = scored_set_find(set, set->clips.ids[i]);
        labels[at] = clip->label;
        groups[at] = report_text(builder, clip->group);
        transcripts[at] = report_text(builder, clip->transcript);
        has_groups = has_groups || *clip->group;
        has_transcripts = has_transcripts || *clip->transcript;
    }
    set->clips.labels = labels;
    set->clips.groups = has_groups ? groups : NULL;
    set->clips.transcripts = has_transcripts ? transcripts : NULL;
}

static void name_classes(struct report_builder *builder, struct scored_set *set,
                         const struct valence_label_scale *scale)
{
    const char **names = report_take(builder, scale->n_classes + 1, sizeof *names);
    for (int i = 0; names && i < scale->n_classes; i++)
        names[i] = report_text(builder, scale->classes[i]);
    set->classes = names;
    set->n_classes = names ? scale->n_classes : 0;
}

static int find_set(struct scoring_run *run, struct scored_sets *sets, struct valence_error *error)
{
    int64_t *clips, n;
    int before = sets->n;
    int status = list_clips(run->store, run->options->split, &clips, &n, error);
    const char **ids = status ? NULL : report_take(run->builder, n + 1, sizeof *ids);
    if (!status && !ids)
        status = fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    for (int64_t i = 0; i < n && !status; i++)
        ids[i] = valence_store_clip(run->store, clips[i])->id;
    if (!status)
        status = scored_set_for(run->builder, sets, path_name(valence_store_path(run->store)), n,
                                ids, &run->set, error);
    if (!status && sets->n > before) {
        struct scored_set *set = run->set;
        const struct valence_label_scale *declared = valence_store_label_scale(run->store);
        describe_clips(run->builder, set, run->store, clips);
        scored_set_find_scale(set);
        set->scale = run->evaluation->scale;
        set->split = valence_split_names[run->options->split];
        set->synthetic = run->evaluation->synthetic;
        set->level = run->options->level;
        if (declared) {
            set->clips.low = declared->low;
            set->clips.high = declared->high;
            name_classes(run->builder, set, declared);
        }
    }
    free(clips);
    if (!status && sets->n > before)
        status = collect_data(run->builder, run->store, run->progress, error);
    return status;
}

static int find_clips(struct scoring_run *run, struct valence_error *error)
{
    const struct valence_evaluation *evaluation = run->evaluation;
    int64_t *places = report_take(run->builder, evaluation->n_clips + 1, sizeof *places);
    if (!places)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    for (int64_t i = 0; i < evaluation->n_clips; i++)
        places[i] =
            scored_set_find(run->set, valence_store_clip(run->store, evaluation->clips[i])->id);
    run->places = places;
    return VALENCE_OK;
}

/* ---- Intervals and weights ---- */

struct receiving {
    const struct scoring_run *run;
    float *low, *high, *weights;
    bool has_intervals;
};

static int receive(void *user, const struct valence_prediction *prediction)
{
    struct receiving *to = user;
    int64_t at = scored_set_find(to->run->set, prediction->id);
    if (at < 0)
        return 0; /* without a label */
    to->low[at] = (float)prediction->estimate.low;
    to->high[at] = (float)prediction->estimate.high;
    to->has_intervals = to->has_intervals || !isnan(prediction->estimate.low);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        to->weights[VALENCE_N_MODALITIES * at + m] =
            valence_model_modalities(to->run->model) & VALENCE_BIT(m)
                ? prediction->modality_weights[m]
                : NAN;
    return 0;
}

static int predict_flow(const struct scoring_run *run, struct scored_list *list, unsigned flow,
                        struct valence_error *error)
{
    int64_t n = run->set->clips.n;
    struct receiving to = {.run = run,
                           .low = report_take(run->builder, n + 1, sizeof(float)),
                           .high = report_take(run->builder, n + 1, sizeof(float)),
                           .weights = report_take(run->builder, 3 * n + 1, sizeof(float))};
    struct valence_predict_options options;
    if (!to.low || !to.high || !to.weights)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    for (int64_t i = 0; i < n; i++) {
        to.low[i] = to.high[i] = NAN;
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            to.weights[VALENCE_N_MODALITIES * i + m] = NAN;
    }
    valence_predict_options_default(&options);
    options.split = (int)run->options->split;
    options.flow = (int)flow;
    options.level = run->options->level;
    int status =
        valence_predict(run->model, run->store, &options, run->progress, receive, &to, NULL, error);
    if (status)
        return status;
    list->shown.low = to.has_intervals ? to.low : NULL;
    list->shown.high = to.has_intervals ? to.high : NULL;
    enum valence_fusion fusion = valence_model_get_config(run->model)->fusion;
    if (fusion == VALENCE_FUSION_CROSS_ATTENTION)
        list->shown.modality_weights = to.weights;
    return VALENCE_OK;
}

/* ---- One run ---- */

/* Counts of the confusion, as the page's charts take them; NULL of scores. */
static const double *copy_confusion(const struct scoring_run *run,
                                    const struct valence_flow_evaluation *flow)
{
    int64_t n = (int64_t)run->evaluation->n_classes * run->evaluation->n_classes;
    double *counts = flow->confusion ? report_numbers(run->builder, n) : NULL;
    for (int64_t i = 0; counts && i < n; i++)
        counts[i] = (double)flow->confusion[i];
    return counts;
}

static int take_flow(const struct scoring_run *run, const struct valence_flow_evaluation *flow,
                     struct scored_list **added, struct valence_error *error)
{
    int status = scored_list_add(run->builder, run->set, run->run->name, run->run->group,
                                 valence_flow_name(flow->flow), added, error);
    struct scored_list *list = *added;
    if (status)
        return status;
    for (int64_t i = 0; i < run->evaluation->n_clips; i++)
        list->shown.score[run->places[i]] = flow->scores[i];
    list->is_trained = flow->trained;
    list->is_measured = true;
    list->metrics = flow->metrics;
    for (int i = 0; i < VALENCE_N_METRICS; i++)
        list->intervals[i] = flow->intervals[i];
    list->gap = flow->differences[headline_of(run->evaluation->scale)->metric];
    list->confusion = copy_confusion(run, flow);
    list->coverage = flow->reliability[VALENCE_RELIABILITY_COVERAGE];
    list->mean_width = flow->reliability[VALENCE_RELIABILITY_WIDTH];
    list->expected_error = flow->reliability[VALENCE_RELIABILITY_EXPECTED];
    return VALENCE_OK;
}

/* Rows of each clip and modality, as the first model of the set reads them. */
static void count_rows(struct scoring_run *run)
{
    int64_t n = run->set->clips.n;
    int64_t *rows =
        run->set->clips.rows ? NULL : report_take(run->builder, 3 * n + 1, sizeof *rows);
    for (int64_t i = 0; rows && i < n; i++) {
        const struct valence_clip *clip = valence_store_clip(
            run->store, valence_store_find_clip(run->store, run->set->clips.ids[i]));
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            const char *name = valence_model_stream_name(run->model, (enum valence_stream)m);
            int stream = *name ? valence_store_find_stream(run->store, name) : -1;
            rows[3 * i + m] = clip && stream >= 0 ? clip->n_rows[stream] : 0;
        }
    }
    if (rows)
        run->set->clips.rows = rows;
}

static int take_evaluation(struct scoring_run *run, struct scored_sets *sets,
                           struct valence_error *error)
{
    struct scored_list *lists[VALENCE_MAX_FLOWS];
    int status = find_set(run, sets, error);
    if (!status)
        status = find_clips(run, error);
    if (status)
        return status;
    count_rows(run);
    run->set->constant = (double)run->evaluation->constant;
    run->set->has_constant = !isnan(run->evaluation->constant);
    run->set->constant_metrics = run->evaluation->constant_metrics;
    for (int i = 0; i < run->evaluation->n_flows && !status; i++) {
        status = take_flow(run, &run->evaluation->flows[i], &lists[i], error);
        if (!status)
            status = predict_flow(run, lists[i], run->evaluation->flows[i].flow, error);
    }
    return status ? status : score_attention(run, lists, error);
}

/* Whether to score: the data must be those of the training, unless a store was asked for. */
static int check_data(const struct scoring_run *run, bool *fits, struct valence_error *error)
{
    enum valence_data_match match;
    int status = valence_model_match_data(run->model, run->store, &match, error);
    *fits = match != VALENCE_DATA_OTHER || run->options->store;
    if (!status && match == VALENCE_DATA_OTHER) {
        report_section(run->builder, "summary");
        report_say(run->builder, REPORT_WARNING,
                   *fits ? "%s was trained on other data than %s holds now."
                         : "%s was trained on other data than %s holds now, so it was not scored. "
                           "Name the store to score it all the same.",
                   run->run->name, valence_store_path(run->store));
    }
    return status;
}

static int score_run(struct scoring_run *run, struct scored_sets *sets, struct valence_error *error)
{
    struct valence_evaluate_options options;
    bool fits;
    int status = check_data(run, &fits, error);
    if (status || !fits)
        return status;
    valence_evaluate_options_default(&options);
    options.split = run->options->split;
    options.level = run->options->level;
    struct valence_error why = {0};
    status =
        valence_evaluate(run->model, run->store, &options, run->progress, &run->evaluation, &why);
    if (status == VALENCE_ERROR_NOT_FOUND && !run->options->store) {
        /* Many data sets have no test part, and everything else can be shown. */
        report_section(run->builder, "summary");
        report_say(run->builder, REPORT_WARNING, "The model of %s scored nothing. %s",
                   run->run->name, why.text);
        return VALENCE_OK;
    }
    if (status && error)
        *error = why;
    if (!status)
        status = take_evaluation(run, sets, error);
    valence_evaluation_free(run->evaluation);
    run->evaluation = NULL;
    return status;
}

/* ---- All runs ---- */

static int load_model(const struct run_source *run, struct valence_model **model,
                      struct valence_error *error)
{
    char *path = path_join(run->path, RUN_BEST);
    *model = NULL;
    int status = path ? valence_model_load(path, model, error)
                      : fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    free(path);
    return status;
}

/* The store that a run's model is to score, open in *store; NULL where there is none. The one that
 * is open already is kept where it is the same. */
static int open_store(struct report_builder *builder, const struct run_source *run,
                      const struct valence_model *model,
                      const struct valence_report_options *options, struct valence_store **store,
                      struct valence_error *error)
{
    const char *path = options->store ? options->store : valence_model_get_provenance(model)->store;
    if (*store && strcmp(valence_store_path(*store), path) == 0)
        return VALENCE_OK;
    valence_store_close(*store);
    *store = NULL;
    if (*path && (options->store || path_is_folder(path)))
        return valence_store_open(path, NULL, store, error);
    report_section(builder, "summary");
    if (*path)
        report_say(builder, REPORT_WARNING,
                   "The store of %s, %s, is not there, so its model scored nothing. Name the store "
                   "where it is now.",
                   run->name, path);
    return VALENCE_OK;
}

int score_runs(struct report_builder *builder, const struct sources *sources,
               const struct valence_report_options *options,
               const struct valence_progress *progress, struct scored_sets *sets,
               struct valence_error *error)
{
    struct valence_store *store = NULL;
    int status = VALENCE_OK;
    bool is_wanted = !options->store || *options->store;
    for (int64_t i = 0; i < sources->n_runs && is_wanted && !status; i++) {
        struct valence_model *model = NULL;
        struct scoring_run run = {.builder = builder,
                                  .run = &sources->runs[i],
                                  .options = options,
                                  .progress = progress,
                                  .n_kept = score_attention_clips(sources)};
        if (!sources->runs[i].has_model)
            continue;
        status = load_model(run.run, &model, error);
        run.model = model;
        if (!status)
            status = open_store(builder, run.run, model, options, &store, error);
        run.store = store;
        if (!status && store)
            status = score_run(&run, sets, error);
        valence_model_free(model);
    }
    valence_store_close(store);
    return status;
}
