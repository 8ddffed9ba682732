/* Predictions: each clip in the flow that fits it, in the order of the clips. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/options.h"
#include "evaluate/scoring.h"
#include "model/network.h"
#include "valence/predict.h"

/* Batches whose scores are held at a time: so many that flows, and ranks, have work together, and
 * so few that memory does not grow with the store. */
#define CHUNK_BATCHES 64

/* What a prediction is made for, and where it goes. */
struct predicting {
    const struct valence_model *model;
    struct valence_predict_options options;
    valence_prediction_receiver receive;
    void *user;
    struct valence_prediction_counts counts;
};

/* A clip with the flow chosen for it. */
struct assigned {
    int64_t clip;
    unsigned flow, absent;
    struct clip_score score;
};

/* ---- One clip ---- */

static void assign_flow(const struct predicting *predicting, struct assigned *clip)
{
    clip->flow = predicting->options.flow == VALENCE_FLOW_AUTO
                     ? valence_model_flow_for(predicting->model, clip->absent)
                     : (unsigned)predicting->options.flow;
}

static float within_labels(const struct valence_model *model, float score)
{
    double low, high;
    if (!valence_model_label_range(model, &low, &high) || isnan(score))
        return score;
    return (float)fmin(fmax((double)score, low), high);
}

/* Of a clip far outside the training data nothing is known but that its label has a range. */
static struct valence_estimate estimate(const struct predicting *predicting,
                                        const struct valence_prediction *prediction)
{
    const struct valence_reliability *reliability =
        prediction->fitting ? valence_model_reliability(predicting->model, prediction->flow) : NULL;
    struct valence_estimate estimate = {NAN, NAN, NAN};
    if (!reliability || isnan(prediction->raw_score))
        return estimate;
    if (prediction->outside)
        (void)valence_model_label_range(predicting->model, &estimate.low, &estimate.high);
    else
        estimate = valence_reliability_estimate(reliability, prediction->raw_score,
                                                predicting->options.level);
    return estimate;
}

static void count(struct valence_prediction_counts *counts, const struct valence_prediction *p)
{
    counts->n++;
    counts->n_unfitting += !p->fitting;
    counts->n_untrained += !p->trained;
    counts->n_outside += p->outside;
    counts->n_unscored += isnan(p->score);
    counts->n_beyond += !isnan(p->score) && p->score != p->raw_score;
}

static int give(struct predicting *predicting, const char *id, const struct assigned *clip,
                struct valence_error *error)
{
    const struct clip_score *score = &clip->score;
    unsigned read = valence_model_modalities(predicting->model);
    struct valence_prediction prediction = {
        .clip = clip->clip,
        .id = id,
        .flow = clip->flow,
        .trained = scoring_flow_is_trained(predicting->model, clip->flow),
        .missing = (clip->absent | clip->flow) & VALENCE_ALL_MODALITIES,
        .fitting = !(clip->absent & ~clip->flow & read),
        .score = within_labels(predicting->model, score->score),
        .raw_score = score->score,
        .distance = score->distance,
        .outside = scoring_is_outside(score),
        .novelty = score->novelty,
        .modality_weights = score->modality_weights,
        .view_weights = score->view_weights,
    };
    prediction.n_classes = (int)valence_model_get_config(predicting->model)->n_classes;
    prediction.probabilities = prediction.n_classes ? score->probabilities : NULL;
    prediction.estimate = estimate(predicting, &prediction);
    count(&predicting->counts, &prediction);
    if (predicting->receive && predicting->receive(predicting->user, &prediction) != 0)
        return fail(error, VALENCE_ERROR_CANCELLED, "stopped after %lld clips",
                    (long long)predicting->counts.n);
    return VALENCE_OK;
}

static int begin(struct predicting *predicting, const struct valence_model *model,
                 const struct valence_predict_options *options, valence_prediction_receiver receive,
                 void *user, const struct valence_prediction_counts *counts,
                 struct valence_error *error)
{
    *predicting = (struct predicting){.model = model, .receive = receive, .user = user};
    predicting->counts.size = sizeof predicting->counts;
    if (counts && (counts->size < sizeof counts->size || counts->size > sizeof *counts))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the counts have size %zu; this library knows up to %zu", counts->size,
                    sizeof *counts);
    return predict_options_take(options, &predicting->options, error);
}

static void end(const struct predicting *predicting, struct valence_prediction_counts *counts)
{
    if (!counts)
        return;
    size_t size = counts->size;
    memcpy(counts, &predicting->counts, size);
    counts->size = size;
}

/* ---- A store ---- */

/* The clips of a store that are predicted, in its order. */
struct clip_list {
    int64_t n;
    int64_t *clips;
};

static int by_clip(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int list_clips(const struct scoring *scoring, int split, struct clip_list *list,
                      struct valence_prediction_counts *counts, struct valence_error *error)
{
    int64_t n = valence_store_n_clips(scoring->store);
    *list = (struct clip_list){.clips = allocate(n, sizeof *list->clips)};
    int status =
        list->clips ? VALENCE_OK : fail_memory(error, (size_t)n * sizeof *list->clips, "the clips");
    for (int s = 0; s < VALENCE_N_SPLITS && !status; s++) {
        struct clip_selection selection;
        if (split != VALENCE_ALL_SPLITS && split != s)
            continue;
        status = clip_selection_make(scoring->store, &scoring->map, (enum valence_split)s, false,
                                     &selection, error);
        if (status)
            break;
        memcpy(list->clips + list->n, selection.clips, (size_t)selection.n * sizeof *list->clips);
        list->n += selection.n;
        counts->n_empty += selection.n_empty;
        counts->n_cut += selection.n_cut;
        clip_selection_free(&selection);
    }
    if (!status)
        qsort(list->clips, (size_t)list->n, sizeof *list->clips, by_clip);
    return status;
}

/* Room for a chunk of clips, and for those of one flow. */
struct chunk {
    struct assigned *clips;
    int64_t *of_flow;
    struct clip_score *scores;
};

static int score_flow(const struct scoring *scoring, unsigned flow, int64_t n, struct chunk *chunk,
                      struct valence_error *error)
{
    int64_t n_flow = 0;
    for (int64_t i = 0; i < n; i++)
        if (chunk->clips[i].flow == flow)
            chunk->of_flow[n_flow++] = chunk->clips[i].clip;
    if (n_flow == 0)
        return VALENCE_OK;
    int status = scoring_run(scoring, chunk->of_flow, n_flow, &flow, 1, &chunk->scores, error);
    n_flow = 0;
    for (int64_t i = 0; i < n && !status; i++)
        if (chunk->clips[i].flow == flow)
            chunk->clips[i].score = chunk->scores[n_flow++];
    return status;
}

static int predict_chunk(struct predicting *predicting, const struct scoring *scoring,
                         const int64_t *clips, int64_t n, struct chunk *chunk,
                         struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n; i++) {
        chunk->clips[i] = (struct assigned){
            .clip = clips[i], .absent = scoring_absent(scoring->store, &scoring->map, clips[i])};
        assign_flow(predicting, &chunk->clips[i]);
    }
    for (unsigned flow = 0; flow < VALENCE_ALL_MODALITIES && !status; flow++)
        status = score_flow(scoring, flow, n, chunk, error);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++)
        status = give(predicting, valence_store_clip(scoring->store, clips[i])->id,
                      &chunk->clips[i], error);
    return collective_agree(scoring->collective, status, error);
}

/* `status` is that of opening and listing. */
static int predict_all(struct predicting *predicting, struct scoring *scoring, int status,
                       const struct clip_list *list, struct valence_error *error)
{
    int64_t size = CHUNK_BATCHES * predicting->options.batch_size;
    size = size < list->n ? size : list->n;
    struct chunk chunk = {.clips = allocate(size, sizeof *chunk.clips),
                          .of_flow = allocate(size, sizeof *chunk.of_flow),
                          .scores = allocate(size, sizeof *chunk.scores)};
    if (!status && !(chunk.clips && chunk.of_flow && chunk.scores))
        status = fail_memory(error, (size_t)size * sizeof *chunk.clips, "predictions");
    status = scoring_begin(scoring, predicting->options.collective, status, list->clips, NULL,
                           list->n, error);
    scoring->total = list->n;
    for (int64_t first = 0; first < list->n && !status; first += size) {
        int64_t n = size < list->n - first ? size : list->n - first;
        scoring->before = first;
        status = predict_chunk(predicting, scoring, list->clips + first, n, &chunk, error);
    }
    free(chunk.clips);
    free(chunk.of_flow);
    free(chunk.scores);
    return status;
}

int valence_predict(const struct valence_model *model, const struct valence_store *store,
                    const struct valence_predict_options *options,
                    const struct valence_progress *progress, valence_prediction_receiver receive,
                    void *user, struct valence_prediction_counts *counts,
                    struct valence_error *error)
{
    struct predicting predicting;
    struct scoring scoring;
    struct clip_list list = {0};
    if (!model || !store)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the model or the store is NULL");
    int status = begin(&predicting, model, options, receive, user, counts, error);
    status = collective_agree(predicting.options.collective, status, error);
    if (status)
        return status;
    status = scoring_open(&scoring, model, store, NULL, predicting.options.batch_size,
                          predicting.options.max_rows, progress, error);
    if (!status)
        status = list_clips(&scoring, predicting.options.split, &list, &predicting.counts, error);
    status = predict_all(&predicting, &scoring, status, &list, error);
    scoring_close(&scoring);
    free(list.clips);
    end(&predicting, counts);
    return status;
}

/* ---- A batch in memory ---- */

static unsigned absent_from(const struct valence_batch *batch, int64_t clip, bool *empty)
{
    unsigned absent = 0;
    *empty = true;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        bool there = rows->width && rows->offsets[clip + 1] > rows->offsets[clip];
        *empty = *empty && !there;
        if (s < VALENCE_N_MODALITIES && !there)
            absent |= VALENCE_BIT(s);
    }
    return absent;
}

/* The scores of all clips in each flow that some clip goes through. */
struct batch_scores {
    int n_flows;
    unsigned flows[VALENCE_MAX_FLOWS];
    float *scores[VALENCE_MAX_FLOWS];
    struct valence_details details[VALENCE_MAX_FLOWS];
};

static void take_score(const struct batch_scores *from, int64_t i, int64_t n_classes,
                       struct assigned *clip)
{
    int f = 0;
    while (from->flows[f] != clip->flow)
        f++;
    clip_score_take(&from->details[f], i, from->scores[f][i], n_classes, &clip->score);
}

static int assign_batch(const struct predicting *predicting, const struct valence_batch *batch,
                        struct assigned *clips, struct batch_scores *scores,
                        struct valence_error *error)
{
    unsigned used = 0;
    for (int64_t i = 0; i < batch->n_clips; i++) {
        bool empty;
        clips[i] = (struct assigned){.clip = i, .absent = absent_from(batch, i, &empty)};
        if (empty)
            return fail(error, VALENCE_ERROR_ARGUMENT, "clip %lld of the batch has no rows",
                        (long long)i);
        assign_flow(predicting, &clips[i]);
        used |= 1u << clips[i].flow;
    }
    for (unsigned flow = 0; flow < VALENCE_ALL_MODALITIES; flow++)
        if (used & 1u << flow)
            scores->flows[scores->n_flows++] = flow;
    return VALENCE_OK;
}

static int predict_rows(struct predicting *predicting, struct valence_workspace *workspace,
                        const struct valence_batch *batch, struct assigned *clips, float *room,
                        struct valence_error *error)
{
    struct batch_scores scores = {0};
    int status = assign_batch(predicting, batch, clips, &scores, error);
    for (int f = 0; f < scores.n_flows; f++)
        scores.scores[f] = room + f * batch->n_clips;
    if (!status)
        status = valence_score_flows(workspace, batch, scores.flows, scores.n_flows, scores.scores,
                                     scores.details, error);
    for (int64_t i = 0; i < batch->n_clips && !status; i++) {
        take_score(&scores, i, valence_model_get_config(predicting->model)->n_classes, &clips[i]);
        status = give(predicting, "", &clips[i], error);
    }
    return status;
}

int valence_predict_batch(struct valence_workspace *workspace, const struct valence_batch *batch,
                          const struct valence_predict_options *options,
                          valence_prediction_receiver receive, void *user,
                          struct valence_prediction_counts *counts, struct valence_error *error)
{
    struct predicting predicting;
    if (!workspace)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the workspace is NULL");
    const struct valence_model *model = valence_workspace_model(workspace);
    int status = begin(&predicting, model, options, receive, user, counts, error);
    if (!status)
        status = network_check_batch(valence_model_get_config(model), batch, error);
    if (status)
        return status;
    int64_t n = batch->n_clips;
    struct assigned *clips = allocate(n, sizeof *clips);
    float *room = allocate(n * (int64_t)VALENCE_ALL_MODALITIES, sizeof *room);
    status = clips && room ? predict_rows(&predicting, workspace, batch, clips, room, error)
                           : fail_memory(error, (size_t)n * sizeof *clips, "predictions");
    free(clips);
    free(room);
    end(&predicting, counts);
    return status;
}
