/* Scores of a store's clips, batch by batch. */
#include "evaluate/scoring.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/data_match.h"
#include "model/network.h"
#include "store/store_source.h"
#include "valence/predict.h"

/* ---- Streams ---- */

static int64_t model_width(const struct valence_model *model, int stream)
{
    return valence_model_get_config(model)->widths[valence_stream_modality(stream)];
}

/* The name of the store's stream that is read as the model's; "" for none. */
static const char *stream_name(const struct valence_model *model, const char *text_stream, int s)
{
    return s == VALENCE_STREAM_TEXT && text_stream
               ? text_stream
               : valence_model_stream_name(model, (enum valence_stream)s);
}

static int check_text_stream(const struct valence_model *model, const struct valence_store *store,
                             const char *text_stream, struct valence_error *error)
{
    if (text_stream && !valence_model_stream_name(model, VALENCE_STREAM_TEXT)[0])
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "text_stream", "the model reads no text");
    if (text_stream && valence_store_find_stream(store, text_stream) < 0)
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, "text_stream", "%s: no stream '%s'",
                        valence_store_path(store), text_stream);
    return VALENCE_OK;
}

static int map_streams(const struct valence_model *model, const struct valence_store *store,
                       const char *text_stream, int64_t max_rows, struct stream_map *map,
                       struct valence_error *error)
{
    *map = (struct stream_map){.max_rows = max_rows};
    bool any = false;
    int status = check_text_stream(model, store, text_stream, error);
    if (status)
        return status;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const char *name = stream_name(model, text_stream, s);
        map->index[s] = name[0] ? valence_store_find_stream(store, name) : -1;
        if (map->index[s] < 0)
            continue;
        map->width[s] = valence_store_get_stream(store, map->index[s])->width;
        if (map->width[s] != model_width(model, s))
            return fail(error, VALENCE_ERROR_SHAPE,
                        "%s: stream '%s' has width %lld, the model reads %lld\n"
                        "         (extract it with the encoder that the model was trained on)",
                        valence_store_path(store), name, (long long)map->width[s],
                        (long long)model_width(model, s));
        any = true;
    }
    if (!any)
        return fail(error, VALENCE_ERROR_NOT_FOUND,
                    "%s: none of the streams that the model reads ('%s', '%s', '%s')",
                    valence_store_path(store),
                    valence_model_stream_name(model, VALENCE_STREAM_AUDIO),
                    valence_model_stream_name(model, VALENCE_STREAM_TEXT),
                    valence_model_stream_name(model, VALENCE_STREAM_VIDEO));
    return check_encodings(model, store, text_stream, error);
}

/* Simulated text is read in place of text. */
static bool flow_reads(unsigned flow, int stream)
{
    bool text_missing = flow & VALENCE_BIT(VALENCE_TEXT);
    return stream == VALENCE_STREAM_SIMULATED_TEXT ? text_missing : !(flow & VALENCE_BIT(stream));
}

bool scoring_is_outside(const struct clip_score *score)
{
    return score->outside || score->novelty > VALENCE_NOVELTY_LIMIT;
}

int scoring_furthest(const struct scoring *scoring, int64_t clip, unsigned flow,
                     const char **stream, int64_t *column, struct valence_error *error)
{
    const struct standardisation *standardisation = model_standardisation(scoring->model);
    float largest = 0, distance;
    int status = VALENCE_OK;
    *stream = NULL;
    *column = -1;
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        int64_t n = clip_rows(scoring->store, &scoring->map, clip, (enum valence_stream)s);
        int64_t width = scoring->map.width[s];
        if (n == 0 || !flow_reads(flow, s))
            continue;
        const struct valence_store_stream *from =
            valence_store_get_stream(scoring->store, scoring->map.index[s]);
        float *rows = allocate(n * width, sizeof *rows);
        status = rows ? valence_store_read_rows(scoring->store, clip, scoring->map.index[s], 0, n,
                                                rows, error)
                      : fail_memory(error, (size_t)(n * width) * sizeof *rows, "a clip's rows");
        int64_t furthest = status
                               ? -1
                               : standardisation_furthest(standardisation, (enum valence_stream)s,
                                                          rows, from->type, n, width, &distance);
        free(rows);
        if (furthest >= 0 && distance > largest) {
            largest = distance;
            *stream = from->name;
            *column = furthest;
        }
    }
    return status;
}

unsigned scoring_absent(const struct valence_store *store, const struct stream_map *map,
                        int64_t clip)
{
    unsigned absent = 0;
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (clip_rows(store, map, clip, (enum valence_stream)modality) == 0)
            absent |= VALENCE_BIT(modality);
    return absent;
}

/* ---- Flows ---- */

unsigned valence_model_flow_for(const struct valence_model *model, unsigned absent)
{
    const struct valence_model_config *config = valence_model_get_config(model);
    unsigned best = 0;
    for (int i = 0; i < config->n_flows; i++) {
        unsigned flow = config->flows[i];
        if (!(flow & ~absent) && __builtin_popcount(flow) > __builtin_popcount(best))
            best = flow;
    }
    return best;
}

bool scoring_flow_is_trained(const struct valence_model *model, unsigned flow)
{
    const struct valence_model_config *config = valence_model_get_config(model);
    for (int i = 0; i < config->n_flows; i++)
        if (config->flows[i] == flow)
            return true;
    return false;
}

/* ---- Scores ---- */

void clip_score_take(const struct valence_details *details, int64_t i, float value,
                     int64_t n_classes, struct clip_score *score)
{
    score->score = value;
    score->distance = details->distances[i];
    score->outside = details->outside[i];
    score->novelty = details->novelty[i];
    memcpy(score->modality_weights, details->modality_weights + i * VALENCE_N_MODALITIES,
           sizeof score->modality_weights);
    memcpy(score->view_weights, details->view_weights + i * VALENCE_N_VIEWS,
           sizeof score->view_weights);
    if (n_classes)
        memcpy(score->probabilities, details->probabilities + i * n_classes,
               (size_t)n_classes * sizeof score->probabilities[0]);
}

/* Scores a batch into scores[flow][first ...]; values[flow] has room for a batch. */
static int score_batch(struct valence_workspace *workspace, const struct valence_batch *batch,
                       const unsigned *flows, int n_flows, float *const *values,
                       struct clip_score *const *scores, int64_t first, struct valence_error *error)
{
    struct valence_details details[VALENCE_MAX_FLOWS];
    int64_t n_classes = valence_model_get_config(valence_workspace_model(workspace))->n_classes;
    int status = valence_score_flows(workspace, batch, flows, n_flows, values, details, error);
    for (int flow = 0; flow < n_flows && !status; flow++)
        for (int64_t i = 0; i < batch->n_clips; i++)
            clip_score_take(&details[flow], i, values[flow][i], n_classes,
                            &scores[flow][first + i]);
    return status;
}

static bool cancelled(const struct valence_progress *progress, int64_t done, int64_t total)
{
    struct valence_progress_event event = {
        .stage = "scoring", .done = done, .total = total, .unit = "clips"};
    return progress && progress->report(progress->user, &event) != 0;
}

/* Adds which clips a batch that failed held. */
static int fail_in_batch(int status, const struct scoring *scoring, const int64_t *clips, int64_t n,
                         struct valence_error *error)
{
    const char *first = valence_store_clip(scoring->store, clips[0])->id;
    const char *last = valence_store_clip(scoring->store, clips[n - 1])->id;
    return n == 1 ? fail_within(status, error, "%s: clip '%s'", valence_store_path(scoring->store),
                                first)
                  : fail_within(status, error, "%s: clips '%s' to '%s'",
                                valence_store_path(scoring->store), first, last);
}

static int score_batches(const struct scoring *scoring, struct valence_workspace *workspace,
                         struct batch_loader *loader, const int64_t *clips, int64_t n,
                         const unsigned *flows, int n_flows, float *const *values,
                         struct clip_score *const *scores, struct valence_error *error)
{
    const struct valence_batch *batch;
    int64_t done = 0;
    int status;
    batch_loader_start(loader, clips, n, scoring->batch_size);
    while (!(status = batch_loader_next(loader, &batch, error)) && batch) {
        status = score_batch(workspace, batch, flows, n_flows, values, scores, done, error);
        if (status)
            return fail_in_batch(status, scoring, clips + done, batch->n_clips, error);
        done += batch->n_clips;
        int64_t total = scoring->total ? scoring->total : n;
        if (cancelled(scoring->progress, scoring->before + done, total) && done < n)
            return fail(error, VALENCE_ERROR_CANCELLED, "cancelled after %lld of %lld clips",
                        (long long)(scoring->before + done), (long long)total);
    }
    return status;
}

int scoring_open(struct scoring *scoring, const struct valence_model *model,
                 const struct valence_store *store, const char *text_stream, int64_t batch_size,
                 int64_t max_rows, const struct valence_progress *progress,
                 struct valence_error *error)
{
    *scoring = (struct scoring){
        .model = model, .store = store, .batch_size = batch_size, .progress = progress};
    int status = map_streams(model, store, text_stream, max_rows, &scoring->map, error);
    if (!status)
        status = valence_workspace_create(model, &scoring->workspace, error);
    if (!status)
        status = batch_loader_create(store, &scoring->map, &scoring->loader, error);
    if (status)
        scoring_close(scoring);
    return status;
}

void scoring_close(struct scoring *scoring)
{
    batch_loader_free(scoring->loader);
    valence_workspace_free(scoring->workspace);
    *scoring = (struct scoring){0};
}

void scoring_set_filter(struct scoring *scoring, const struct row_filter *filter)
{
    batch_loader_set_filter(scoring->loader, filter);
}

int scoring_note_training(const struct scoring *scoring, char trained_on[64],
                          const char **configuration, struct valence_error *error)
{
    const struct valence_model_provenance *from = valence_model_get_provenance(scoring->model);
    snprintf(trained_on, 64, "%s", from->data);
    *configuration = strdup(from->configuration);
    return *configuration ? VALENCE_OK
                          : fail_memory(error, strlen(from->configuration), "a configuration");
}

bool store_is_synthetic(const struct valence_store *store)
{
    const char *kind = json_string_value(json_object_get(store_source_json(store), "kind"));
    return kind && strcmp(kind, "synthetic") == 0;
}

int scoring_run(const struct scoring *scoring, const int64_t *clips, int64_t n,
                const unsigned *flows, int n_flows, struct clip_score *const *scores,
                struct valence_error *error)
{
    float *values[VALENCE_MAX_FLOWS],
        *block = allocate(n_flows * scoring->batch_size, sizeof *block);
    if (!block)
        return fail_memory(error, (size_t)scoring->batch_size * sizeof *block, "a batch's scores");
    for (int flow = 0; flow < n_flows; flow++)
        values[flow] = block + flow * scoring->batch_size;
    int status = score_batches(scoring, scoring->workspace, scoring->loader, clips, n, flows,
                               n_flows, values, scores, error);
    free(block);
    return status;
}
