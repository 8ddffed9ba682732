/* Scores of a store's clips, batch by batch. */
#include "evaluate/scoring.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "collective/share.h"
#include "evaluate/data_match.h"
#include "model/model_private.h"
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

/* What scoring_run() is to do. */
struct work {
    const int64_t *clips; /* (n) */
    int64_t n;
    const unsigned *flows;
    int n_flows;
    float **values;                   /* (n_flows), each with room for a batch */
    struct clip_score *const *scores; /* (n_flows), each (n) */
};

/* Scores a batch, the clips from `first` on. */
static int score_batch(const struct scoring *scoring, const struct work *work,
                       const struct valence_batch *batch, int64_t first,
                       struct valence_error *error)
{
    struct valence_details details[VALENCE_MAX_FLOWS];
    int64_t n_classes = valence_model_get_config(scoring->model)->n_classes;
    int status = valence_score_flows(scoring->workspace, batch, work->flows, work->n_flows,
                                     work->values, details, error);
    for (int flow = 0; flow < work->n_flows && !status; flow++)
        for (int64_t i = 0; i < batch->n_clips; i++)
            clip_score_take(&details[flow], i, work->values[flow][i], n_classes,
                            &work->scores[flow][first + i]);
    return status;
}

/* The calling rank's share of the `n` clips from `first` on. Progress counts those of all ranks. */
static int score_share(const struct scoring *scoring, const struct work *work, int64_t first,
                       int64_t n, struct valence_error *error)
{
    struct share share = collective_share(scoring->collective, n, scoring->batch_size);
    int64_t n_own = share.end - share.begin, begin = first + share.begin, done = 0;
    int64_t total = scoring->total ? scoring->total : work->n;
    const struct valence_batch *batch;
    int status;
    batch_loader_start(scoring->loader, work->clips + begin, n_own, scoring->batch_size);
    while (!(status = batch_loader_next(scoring->loader, &batch, error)) && batch) {
        status = score_batch(scoring, work, batch, begin + done, error);
        if (status)
            return fail_in_batch(status, scoring, work->clips + begin + done, batch->n_clips,
                                 error);
        done += batch->n_clips;
        int64_t all_done = scoring->before + first + n * done / n_own;
        if (cancelled(scoring->progress, all_done, total) && first + n * done / n_own < work->n)
            return fail(error, VALENCE_ERROR_CANCELLED, "cancelled after %lld of %lld clips",
                        (long long)all_done, (long long)total);
    }
    return status;
}

/* Batches that a rank scores between two exchanges: so many that waiting for the slowest rank costs
 * little, and so few that all ranks soon hear of an error or that the work is cancelled. */
#define ROUND_BATCHES 16

/* Scores in rounds; `status` is that of making room. */
static int score_rounds(const struct scoring *scoring, const struct work *work, int status,
                        struct valence_error *error)
{
    const struct valence_collective *collective = scoring->collective;
    int64_t round = ROUND_BATCHES * scoring->batch_size * collective_n_ranks(collective);
    round = collective_is_several(collective) && round < work->n ? round : work->n;
    for (int64_t first = 0; first < work->n; first += round) {
        int64_t n = round < work->n - first ? round : work->n - first;
        if (!status)
            status = score_share(scoring, work, first, n, error);
        for (int flow = 0; flow < work->n_flows; flow++) {
            struct clip_score *scores = work->scores[flow] + first;
            status = collective_gather_shares(collective, status, n, scoring->batch_size,
                                              sizeof *scores, scores, error);
            if (status)
                return status;
        }
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

/* Of what ranks must have in common: the clips as they are read, and their labels. */
static uint64_t key_of_clips(const struct scoring *scoring, const int64_t *clips,
                             const float *labels, int64_t n)
{
    uint64_t key = (uint64_t)n;
    for (int64_t i = 0; i < n; i++) {
        uint32_t label = 0;
        if (labels)
            memcpy(&label, &labels[i], sizeof label);
        key = mix_keys(key, valence_clip_key(valence_store_clip(scoring->store, clips[i])->id));
        key = mix_keys(key, label);
        for (int s = 0; s < VALENCE_N_STREAMS; s++)
            key = mix_keys(key, (uint64_t)clip_rows(scoring->store, &scoring->map, clips[i],
                                                    (enum valence_stream)s));
    }
    return key;
}

int scoring_begin(struct scoring *scoring, const struct valence_collective *collective, int status,
                  const int64_t *clips, const float *labels, int64_t n, struct valence_error *error)
{
    scoring->collective = collective;
    status = collective_agree(collective, status, error);
    if (status || !collective_is_several(collective))
        return status;
    struct sha256 digest;
    char text[SHA256_TEXT_BYTES];
    sha256_begin(&digest);
    model_add_digest(scoring->model, &digest);
    sha256_end(&digest, text);
    uint64_t key = key_of_clips(scoring, clips, labels, n);
    status = collective_compare(collective, text, sizeof text, "model's parameters", error);
    return status ? status : collective_compare(collective, &key, sizeof key, "clips", error);
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
    float *values[VALENCE_MAX_FLOWS];
    float *block = allocate(n_flows * scoring->batch_size, sizeof *block);
    struct work work = {clips, n, flows, n_flows, values, scores};
    for (int flow = 0; flow < n_flows && block; flow++)
        values[flow] = block + flow * scoring->batch_size;
    int status =
        block ? VALENCE_OK
              : fail_memory(error, (size_t)scoring->batch_size * sizeof *block, "a batch's scores");
    status = score_rounds(scoring, &work, status, error);
    free(block);
    return status;
}
