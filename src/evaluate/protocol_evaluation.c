/* A model measured under the conditions of a protocol. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/bootstrap.h"
#include "evaluate/clips_hash.h"
#include "evaluate/options.h"
#include "evaluate/protocol_figures.h"
#include "evaluate/protocol_mask.h"
#include "evaluate/scoring.h"
#include "evaluate/target_labels.h"
#include "model/network.h"

/* What is measured with what. */
struct session {
    enum protocol protocol;
    struct valence_protocol_options options;
    struct scoring scoring;
    struct mask_clips clips;
    struct mask mask;
    struct word_rows words; /* to replace others */
    struct condition conditions[MAX_CONDITIONS];
    struct valence_protocol_evaluation *to;
};

/* ---- Clips ---- */

static int select_clips(const struct session *s, const struct target_labels *labels,
                        struct valence_error *error)
{
    struct valence_protocol_evaluation *to = s->to;
    struct clip_selection selection;
    int status = target_clips(labels, s->scoring.store, &s->scoring.map, to->split, &selection,
                              &to->labels, error);
    if (status)
        return status;
    to->clips = selection.clips; /* taken over */
    to->n_clips = selection.n;
    to->n_unlabelled = selection.n_unlabelled;
    to->n_empty = selection.n_empty;
    to->n_cut = selection.n_cut;
    return VALENCE_OK;
}

static int make_conditions(struct session *s, struct valence_error *error)
{
    struct valence_protocol_evaluation *to = s->to;
    int n;
    int status = protocol_conditions(s->protocol, &s->options, s->conditions, &n, error);
    if (status)
        return status;
    to->conditions = allocate(n, sizeof *to->conditions);
    if (!to->conditions)
        return fail_memory(error, (size_t)n * sizeof *to->conditions, "results");
    for (; to->n_conditions < n; to->n_conditions++) {
        struct valence_condition *condition = &to->conditions[to->n_conditions];
        memcpy(condition->name, s->conditions[to->n_conditions].name, sizeof condition->name);
        condition->rate = s->conditions[to->n_conditions].rate;
        condition->scores = allocate(to->n_clips, sizeof *condition->scores);
        condition->intervals = allocate(VALENCE_N_METRICS, sizeof *condition->intervals);
        if (!condition->scores || !condition->intervals) {
            to->n_conditions++; /* for what was made of it to be freed */
            return fail_memory(error, (size_t)to->n_clips * sizeof(float), "scores");
        }
        for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
            condition->intervals[metric] = (struct valence_interval){NAN, NAN};
    }
    return VALENCE_OK;
}

/* ---- What is missing ---- */

/* The shares of one modality; adds to the sums over all. */
static void measure_modality(const struct session *s, int m, struct valence_condition *condition,
                             double sums[4])
{
    const struct valence_protocol_evaluation *to = s->to;
    double rows = 0, left = 0, absent = 0;
    condition->rows_of[m] = condition->modalities_of[m] = NAN;
    if (s->scoring.map.index[m] < 0)
        return;
    for (int64_t i = 0; i < to->n_clips; i++) {
        int64_t place = s->clips.places[to->clips[i]];
        int64_t stays = mask_rows_left(&s->mask, place, m);
        rows += (double)s->clips.rows[m][place];
        left += (double)stays;
        absent += stays == 0;
    }
    condition->rows_of[m] = rows > 0 ? 1 - left / rows : 0;
    condition->modalities_of[m] = absent / (double)to->n_clips;
    sums[0] += rows;
    sums[1] += left;
    sums[2] += absent;
    sums[3] += (double)to->n_clips;
}

/* Nothing of what the model reads in the flow that is taken. */
static bool has_nothing(const struct session *s, int64_t place)
{
    unsigned flow = valence_model_flow_for(s->scoring.model, mask_absent(&s->mask, place));
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (mask_rows_left(&s->mask, place, m) > 0)
            return false;
    return !(flow & VALENCE_BIT(VALENCE_TEXT) && mask_has_simulated_text(&s->mask, place));
}

static void measure_mask(const struct session *s, struct valence_condition *condition)
{
    const struct valence_protocol_evaluation *to = s->to;
    double sums[4] = {0};
    for (int m = 0; m < VALENCE_MAX_MODALITIES; m++)
        condition->rows_of[m] = condition->modalities_of[m] = NAN;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        measure_modality(s, m, condition, sums);
    condition->missing_rows = sums[0] > 0 ? 1 - sums[1] / sums[0] : 0;
    condition->missing_modalities = sums[2] / sums[3];
    for (int64_t i = 0; i < to->n_clips; i++) {
        int64_t place = s->clips.places[to->clips[i]];
        condition->noisy += (s->mask.noisy[place] != 0) / (double)to->n_clips;
        condition->n_nothing += has_nothing(s, place);
    }
    mask_hash(&s->mask, condition->mask);
}

/* ---- Scores ---- */

/* Scores those clips that a flow is taken for. `chosen` and `scores` have room for all. */
static int score_flow(struct session *s, unsigned flow, int64_t *chosen, struct clip_score *scores,
                      struct valence_condition *condition, struct valence_error *error)
{
    const struct valence_protocol_evaluation *to = s->to;
    unsigned read = valence_model_modalities(s->scoring.model);
    int64_t n = 0;
    for (int64_t i = 0; i < to->n_clips; i++) {
        unsigned absent = mask_absent(&s->mask, s->clips.places[to->clips[i]]);
        if (valence_model_flow_for(s->scoring.model, absent) != flow)
            continue;
        condition->n_unimagined += (absent & ~flow & read) != 0;
        chosen[n++] = to->clips[i];
    }
    int status = n ? scoring_run(&s->scoring, chosen, n, &flow, 1, &scores, error) : VALENCE_OK;
    int64_t at = 0;
    for (int64_t i = 0; i < to->n_clips && at < n && !status; i++)
        if (to->clips[i] == chosen[at])
            condition->scores[i] = scores[at++].score;
    s->scoring.before += n;
    return status;
}

static int score_condition(struct session *s, int64_t *chosen, struct clip_score *scores,
                           struct valence_condition *condition, struct valence_error *error)
{
    const struct row_filter filter = {mask_apply, &s->mask};
    int status = VALENCE_OK;
    scoring_set_filter(&s->scoring, &filter);
    for (unsigned flow = 0; flow < VALENCE_ALL_MODALITIES && !status; flow++)
        status = score_flow(s, flow, chosen, scores, condition, error);
    scoring_set_filter(&s->scoring, NULL);
    return status;
}

/* ---- Figures ---- */

static int all_intervals(const double *samples, int64_t n_resamples,
                         struct valence_interval *intervals, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int metric = 0; metric < VALENCE_N_METRICS && !status; metric++)
        status = valence_bootstrap_interval(samples, NULL, n_resamples, (enum valence_metric)metric,
                                            VALENCE_METRIC_LEVEL, &intervals[metric], error);
    return status;
}

int condition_intervals(const struct valence_collective *collective, const float *scores,
                        const float *labels, int64_t n, enum valence_scale scale,
                        int64_t n_resamples, uint64_t seed, struct valence_interval *intervals,
                        struct valence_error *error)
{
    if (n_resamples == 0 || n == 0)
        return VALENCE_OK;
    double *samples = allocate(n_resamples * VALENCE_MAX_METRICS, sizeof *samples);
    int status =
        samples ? VALENCE_OK
                : fail_memory(error, (size_t)n_resamples * VALENCE_MAX_METRICS * sizeof *samples,
                              "the bootstrap");
    status = collective_agree(collective, status, error);
    if (!status)
        status =
            bootstrap_run(collective, scores, labels, n, scale, n_resamples, seed, samples, error);
    if (!status)
        status = collective_agree(collective, all_intervals(samples, n_resamples, intervals, error),
                                  error);
    free(samples);
    return status;
}

int64_t scored_clips(const struct valence_protocol_evaluation *of,
                     const struct valence_condition *condition, float *scores, float *labels)
{
    int64_t n = 0;
    for (int64_t i = 0; i < of->n_clips; i++) {
        if (isnan(condition->scores[i]))
            continue;
        scores[n] = condition->scores[i];
        labels[n++] = of->labels[i];
    }
    return n;
}

/* `scores` and `labels` have room for all clips. */
static int measure_scores(const struct session *s, float *scores, float *labels,
                          struct valence_condition *condition, struct valence_error *error)
{
    const struct valence_protocol_evaluation *to = s->to;
    int64_t n = scored_clips(to, condition, scores, labels), n_nonzero = 0;
    condition->n_unscored = to->n_clips - n;
    valence_metrics_compute(scores, labels, n, to->scale, &condition->metrics);
    int status =
        condition_intervals(s->options.collective, scores, labels, n, to->scale,
                            s->options.n_resamples, s->options.seed, condition->intervals, error);
    for (int64_t i = 0; i < n; i++)
        if (labels[i] != 0 || to->scale == VALENCE_SCALE_CLASSES) {
            scores[n_nonzero] = scores[i];
            labels[n_nonzero++] = labels[i];
        }
    valence_metrics_compute(scores, labels, n_nonzero, to->scale, &condition->nonzero_metrics);
    return status;
}

static int measure_condition(struct session *s, int number, struct valence_error *error)
{
    struct valence_condition *condition = &s->to->conditions[number];
    int64_t n = s->to->n_clips, *chosen = allocate(n, sizeof *chosen);
    struct clip_score *scores = allocate(n, sizeof *scores);
    float *room = allocate(2 * n, sizeof *room);
    int status = chosen && scores && room
                     ? mask_draw(s->protocol, &s->conditions[number], &s->options, &s->mask, error)
                     : fail_memory(error, (size_t)n * sizeof *scores, "scores");
    status = collective_agree(s->options.collective, status, error);
    if (!status) {
        measure_mask(s, condition);
        status = score_condition(s, chosen, scores, condition, error);
    }
    if (!status)
        status = measure_scores(s, room, room + n, condition, error);
    free(chosen);
    free(scores);
    free(room);
    return status;
}

void protocol_summarise(struct valence_protocol_evaluation *to)
{
    double rates[MAX_CONDITIONS], values[MAX_CONDITIONS];
    for (int metric = 0; metric < VALENCE_MAX_METRICS; metric++) {
        double sum = 0;
        for (int c = 0; c < to->n_conditions; c++) {
            rates[c] = to->conditions[c].rate;
            values[c] = metric < VALENCE_N_METRICS ? to->conditions[c].metrics.values[metric] : NAN;
            sum += values[c];
        }
        to->mean[metric] = sum / to->n_conditions;
        to->auilc[metric] =
            to->protocol->has_auilc ? valence_auilc(rates, values, to->n_conditions) : NAN;
    }
}

/* ---- Words ---- */

static bool is_of_words(enum protocol protocol)
{
    return protocol == PROTOCOL_DROP_WORDS || protocol == PROTOCOL_REPLACE_WORDS;
}

/* What the protocols of low-quality text need and say beside what all have. */
static int prepare_words(struct session *s, struct valence_error *error)
{
    struct valence_protocol_evaluation *to = s->to;
    const struct valence_store *store = s->scoring.store;
    if (!is_of_words(s->protocol))
        return VALENCE_OK;
    if (s->scoring.map.index[VALENCE_STREAM_TEXT] < 0)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "%s: the model reads no text, or the store has none", to->protocol->name);
    for (int64_t i = 0; i < to->n_clips; i++) {
        to->n_with_text += clip_rows(store, &s->scoring.map, to->clips[i], VALENCE_STREAM_TEXT) > 0;
        to->n_word_rows += clip_rows_are_words(store, &s->scoring.map, to->clips[i]);
    }
    if (s->protocol == PROTOCOL_DROP_WORDS || s->options.replacement != VALENCE_REPLACEMENT_WORD)
        return VALENCE_OK;
    s->mask.replacements = &s->words;
    return word_rows_draw(store, &s->scoring.map, (uint64_t)to->mask_seed, &s->words, error);
}

/* ---- Everything ---- */

/* Every modality that the model reads needs a rate of its own. */
static int check_modality_rates(const struct session *s, struct valence_error *error)
{
    for (int m = 0; m < VALENCE_N_MODALITIES && s->protocol == PROTOCOL_IMBALANCED; m++)
        if (s->scoring.map.index[m] >= 0 && isnan(s->options.modality_rates[m]))
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "modality_rates",
                            "imbalanced: no rate for %s", valence_modality_names[m]);
    return VALENCE_OK;
}

static void note_options(const struct session *s)
{
    struct valence_protocol_evaluation *to = s->to;
    to->mask_seed = s->options.mask_seed >= 0 ? s->options.mask_seed : to->protocol->seed;
    to->erasure = s->options.erasure;
    to->replacement = s->options.replacement;
    to->noise_kind = s->options.noise_kind;
    to->n_resamples = s->options.n_resamples;
    memcpy(to->padded_rows, s->clips.padded, sizeof s->clips.padded);
}

/* Everything that comes before the conditions. */
static int prepare(struct session *s, struct valence_error *error)
{
    const struct valence_store *store = s->scoring.store;
    struct valence_protocol_evaluation *to = s->to;
    to->split = s->options.split;
    struct target_labels labels;
    int status = target_labels_make(s->options.label_values, s->options.label_map, &labels, error);
    if (status)
        return status;
    to->scale =
        s->options.scale < 0 ? target_scale(&labels, store) : (enum valence_scale)s->options.scale;
    to->synthetic = store_is_synthetic(store);
    status = check_modality_rates(s, error);
    if (!status)
        status = scoring_note_training(&s->scoring, to->trained_on, &to->configuration, error);
    if (!status)
        status = valence_model_match_data(s->scoring.model, store, &to->data, error);
    if (!status)
        status = select_clips(s, &labels, error);
    if (!status) {
        clips_hash(store, to->clips, to->labels, to->n_clips, to->clips_sha256);
        status = make_conditions(s, error);
    }
    if (!status)
        status = mask_clips_make(store, &s->scoring.map, &s->options, &s->clips, error);
    if (!status)
        status = mask_create(&s->clips, &s->mask, error);
    if (status)
        return status;
    note_options(s);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        s->mask.scale[m] = model_standardisation(s->scoring.model)->scale[m];
    s->scoring.total = to->n_conditions * to->n_clips;
    return prepare_words(s, error);
}

/* `status` is that of opening. */
static int measure(struct session *s, int status, struct valence_error *error)
{
    struct valence_protocol_evaluation *to = s->to;
    if (!status)
        status = prepare(s, error);
    status = scoring_begin(&s->scoring, s->options.collective, status, to->clips, to->labels,
                           to->n_clips, error);
    for (int c = 0; c < to->n_conditions && !status; c++)
        status = measure_condition(s, c, error);
    if (!status)
        protocol_summarise(to);
    return status;
}

/* Opens what the session needs, measures, and closes it. */
static int run_session(const struct valence_model *model, const struct valence_store *store,
                       const struct valence_progress *progress, struct session *s,
                       struct valence_error *error)
{
    int status = scoring_open(&s->scoring, model, store, s->options.text_stream,
                              s->options.batch_size, s->options.max_rows, progress, error);
    status = measure(s, status, error);
    mask_free(&s->mask);
    word_rows_free(&s->words);
    mask_clips_free(&s->clips);
    scoring_close(&s->scoring);
    return status;
}

static int find_protocol(const char *name, const struct valence_protocol_info **info,
                         struct valence_error *error)
{
    *info = valence_protocol_find(name);
    return *info ? VALENCE_OK
                 : fail_key(error, VALENCE_ERROR_NOT_FOUND, "protocol", "no protocol '%s'",
                            name ? name : "");
}

int valence_evaluate_protocol(const struct valence_model *model, const struct valence_store *store,
                              const char *name, const struct valence_protocol_options *options,
                              const struct valence_progress *progress,
                              const struct valence_protocol_evaluation **evaluation,
                              struct valence_error *error)
{
    const struct valence_protocol_info *info;
    struct valence_protocol_options known;
    *evaluation = NULL;
    if (!model || !store)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the model or the store is NULL");
    int status = find_protocol(name, &info, error);
    if (!status)
        status = protocol_options_take(options, &known, error);
    if (status)
        return status;
    struct session *s = allocate(1, sizeof *s);
    struct valence_protocol_evaluation *made = allocate(1, sizeof *made);
    if (s && made) {
        s->protocol = protocol_of(info);
        s->options = known;
        s->to = made;
        made->protocol = info;
        status = run_session(model, store, progress, s, error);
    } else {
        status = fail_memory(error, sizeof *s + sizeof *made, "results");
        status = collective_agree(known.collective, status, error);
    }
    free(s);
    if (status)
        valence_protocol_evaluation_free(made);
    else
        *evaluation = made;
    return status;
}

void valence_protocol_evaluation_free(const struct valence_protocol_evaluation *evaluation)
{
    if (!evaluation)
        return;
    for (int c = 0; c < evaluation->n_conditions; c++) {
        free(evaluation->conditions[c].scores);
        free(evaluation->conditions[c].intervals);
    }
    free(evaluation->conditions);
    free(evaluation->labels);
    free(evaluation->clips);
    free((void *)(uintptr_t)evaluation->configuration);
    free((void *)(uintptr_t)evaluation);
}
