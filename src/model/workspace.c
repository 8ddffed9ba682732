/* Scoring: a workspace holds its model and what its networks compute. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "kernels/cross_entropy.h"
#include "model/layout.h"
#include "model/model_private.h"
#include "model/network.h"
#include "valence/score.h"

struct valence_workspace {
    struct valence_model *model;
    int n_networks;
    struct network **networks;

    /* Results of the last call: per flow (n_clips) distances, (n_clips, 3) and (n_clips, 7)
     * weights. */
    float *results;
    bool *outside; /* (n_flows, n_clips) */
    int64_t n_results, n_outside;
    /* (N_STREAMS, n_clips) of the member at hand */
    float *distances, *novelty;
    int64_t n_distances, n_novelty;

    /* valence_attend(): the weights of all modalities, and where each stands. */
    struct valence_attention attention;
    float *weights;
    int64_t n_weights;
};

/* ---- The workspace ---- */

static int create_networks(struct valence_workspace *workspace, struct valence_error *error)
{
    const struct valence_model *model = workspace->model;
    int n = valence_model_n_members(model), status = VALENCE_OK;
    workspace->networks = allocate(n, sizeof(struct network *));
    if (!workspace->networks)
        return fail_memory(error, (size_t)n * sizeof *workspace->networks, "a workspace");
    for (; workspace->n_networks < n && !status; workspace->n_networks += !status) {
        const struct valence_model *member =
            model->n_members ? model->members[workspace->n_networks] : model;
        status = network_create(&member->checkpoint.config,
                                &workspace->networks[workspace->n_networks], error);
    }
    return status;
}

int valence_workspace_create(const struct valence_model *model,
                             struct valence_workspace **workspace, struct valence_error *error)
{
    *workspace = NULL;
    if (!model)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the workspace's model is NULL");
    struct valence_workspace *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a workspace");
    made->model = model_retain(model);
    int status = create_networks(made, error);
    if (status)
        valence_workspace_free(made);
    else
        *workspace = made;
    return status;
}

void valence_workspace_free(struct valence_workspace *workspace)
{
    if (!workspace)
        return;
    for (int i = 0; i < workspace->n_networks; i++)
        network_free(workspace->networks[i]);
    free(workspace->networks);
    free(workspace->results);
    free(workspace->outside);
    free(workspace->distances);
    free(workspace->novelty);
    free(workspace->weights);
    valence_model_free(workspace->model);
    free(workspace);
}

const struct valence_model *valence_workspace_model(const struct valence_workspace *workspace)
{
    return workspace->model;
}

/* ---- Scoring ---- */

/* An infinity in the rows is clipped like any large value, so the scores do not show it. */
static int check_distances(const float *distances, int64_t n_clips, struct valence_error *error)
{
    for (int64_t i = 0; i < VALENCE_N_STREAMS * n_clips; i++)
        if (isinf(distances[i]))
            return fail(error, VALENCE_ERROR_DATA,
                        "clip %lld of the batch: stream '%s' holds a value that is infinite or "
                        "too large to be standardised",
                        (long long)(i % n_clips), valence_stream_names[i / n_clips]);
    return VALENCE_OK;
}

/* The parts of `results` that belong to a flow. */
struct flow_results {
    float *distances, *novelty, *modality_weights, *view_weights, *probabilities;
    bool *outside;
};

#define WEIGHTS_PER_CLIP (VALENCE_N_MODALITIES + VALENCE_N_VIEWS)

static int64_t n_classes_of(const struct valence_workspace *workspace)
{
    return valence_model_get_config(workspace->model)->n_classes;
}

static int64_t results_per_clip(const struct valence_workspace *workspace)
{
    return 2 + WEIGHTS_PER_CLIP + n_classes_of(workspace);
}

static struct flow_results results_of(const struct valence_workspace *workspace, int flow,
                                      int64_t n_clips)
{
    float *results = workspace->results + flow * n_clips * results_per_clip(workspace);
    return (struct flow_results){
        .distances = results,
        .novelty = results + n_clips,
        .modality_weights = results + n_clips * 2,
        .view_weights = results + n_clips * (2 + VALENCE_N_MODALITIES),
        .probabilities = results + n_clips * (2 + WEIGHTS_PER_CLIP),
        .outside = workspace->outside + flow * n_clips,
    };
}

static int reserve(struct valence_workspace *workspace, int64_t n_clips, int n_flows,
                   struct valence_error *error)
{
    int64_t n = n_clips * n_flows, n_results = n * results_per_clip(workspace);
    int status = grow_array((void **)&workspace->results, &workspace->n_results, n_results,
                            sizeof(float), INT64_MAX, "results", error);
    if (!status)
        status = grow_array((void **)&workspace->outside, &workspace->n_outside, n, sizeof(bool),
                            INT64_MAX, "results", error);
    if (!status)
        status =
            grow_array((void **)&workspace->distances, &workspace->n_distances,
                       n_clips * VALENCE_N_STREAMS, sizeof(float), INT64_MAX, "distances", error);
    if (!status)
        status = grow_array((void **)&workspace->novelty, &workspace->n_novelty, n_clips,
                            sizeof(float), INT64_MAX, "results", error);
    if (status)
        return status;
    memset(workspace->results, 0, (size_t)n_results * sizeof(float));
    memset(workspace->outside, 0, (size_t)n * sizeof(bool));
    return VALENCE_OK;
}

/* `values` may be NULL where n is 0. */
static void add_share(int64_t n, const float *values, float share, float *sums)
{
    for (int64_t i = 0; i < n; i++)
        sums[i] += share * values[i];
}

/* Adds one member's share of the means to the scores and weights. */
static int add_member(struct valence_workspace *workspace, int number,
                      const struct valence_batch *batch, const unsigned *flows, int n_flows,
                      float *const *scores, struct valence_error *error)
{
    const struct valence_model *model = workspace->model;
    const struct valence_model *member = model->n_members ? model->members[number] : model;
    const struct checkpoint *checkpoint = &member->checkpoint;
    struct flow_output outputs[VALENCE_MAX_FLOWS];
    int64_t n = batch->n_clips;
    float share = 1.0f / (float)workspace->n_networks;
    int status =
        network_forward_each(workspace->networks[number], checkpoint->parameters,
                             &checkpoint->standardisation, batch, flows, n_flows, outputs, error);
    if (status)
        return status;
    standardisation_distances(&checkpoint->standardisation, batch, workspace->distances);
    status = check_distances(workspace->distances, n, error);
    for (int f = 0; f < n_flows && !status; f++) {
        struct flow_results to = results_of(workspace, f, n);
        add_share(n, outputs[f].score, share, scores[f]);
        add_share(n * VALENCE_N_MODALITIES, outputs[f].modality_weights, share,
                  to.modality_weights);
        int n_views = network_kept_views(&checkpoint->config);
        for (int64_t i = 0; i < n; i++)
            add_share(n_views, outputs[f].view_weights + i * n_views, share,
                      to.view_weights + i * VALENCE_N_VIEWS);
        novelty_shares(checkpoint->novelty, &checkpoint->standardisation, batch, flows[f],
                       workspace->novelty);
        add_share(n, workspace->novelty, share, to.novelty);
        if (outputs[f].probabilities)
            add_share(n * n_classes_of(workspace), outputs[f].probabilities, share,
                      to.probabilities);
        for (int64_t i = 0; i < n; i++) {
            float distance = model_flow_distance(workspace->distances + i, n, flows[f]);
            to.distances[i] = fmaxf(to.distances[i], distance);
            to.outside[i] |= distance > member->distance_limits[flows[f]];
        }
    }
    return status;
}

static int check_flows(const unsigned *flows, int n_flows, struct valence_error *error)
{
    if (!flows || n_flows < 1 || n_flows > VALENCE_MAX_FLOWS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%d flows; there can be 1 to %d", n_flows,
                    VALENCE_MAX_FLOWS);
    for (int f = 0; f < n_flows; f++)
        if (flows[f] >= VALENCE_ALL_MODALITIES)
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "a flow that misses every modality has nothing to score from");
    return VALENCE_OK;
}

/* The most probable class by the members' mean probabilities. */
static float most_probable(int64_t k, const float *probabilities)
{
    int64_t largest = largest_of(k, probabilities);
    return largest < 0 ? NAN : (float)largest;
}

/* A mean over members that overflowed in one is NaN in all. */
static void give(const struct valence_workspace *workspace, const struct valence_batch *batch,
                 int n_flows, float *const *sums, float *const *scores,
                 struct valence_details *details)
{
    int64_t n = batch->n_clips;
    int64_t k = n_classes_of(workspace);
    for (int f = 0; f < n_flows; f++) {
        struct flow_results results = results_of(workspace, f, n);
        for (int64_t i = 0; i < n; i++)
            scores[f][i] = !isfinite(sums[f][i]) ? NAN
                           : k                   ? most_probable(k, results.probabilities + i * k)
                                                 : sums[f][i];
        if (details)
            details[f] = (struct valence_details){.modality_weights = results.modality_weights,
                                                  .view_weights = results.view_weights,
                                                  .distances = results.distances,
                                                  .probabilities = k ? results.probabilities : NULL,
                                                  .outside = results.outside,
                                                  .novelty = results.novelty};
    }
}

int valence_score_flows(struct valence_workspace *workspace, const struct valence_batch *batch,
                        const unsigned *flows, int n_flows, float *const *scores,
                        struct valence_details *details, struct valence_error *error)
{
    if (!workspace || !scores)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the workspace or the scores are NULL");
    int status = check_flows(flows, n_flows, error);
    for (int f = 0; f < n_flows && !status; f++)
        if (!scores[f])
            status = fail(error, VALENCE_ERROR_ARGUMENT, "the scores of flow %d are NULL", f + 1);
    if (!status)
        status = network_check_batch(&workspace->model->checkpoint.config, batch, error);
    if (!status)
        status = reserve(workspace, batch->n_clips, n_flows, error);
    if (status)
        return status;
    float *sums[VALENCE_MAX_FLOWS], *block = allocate(n_flows * batch->n_clips, sizeof *block);
    if (!block)
        return fail_memory(error, (size_t)(n_flows * batch->n_clips) * sizeof *block, "scores");
    for (int f = 0; f < n_flows; f++)
        sums[f] = block + f * batch->n_clips;
    for (int i = 0; i < workspace->n_networks && !status; i++)
        status = add_member(workspace, i, batch, flows, n_flows, sums, error);
    if (!status)
        give(workspace, batch, n_flows, sums, scores, details);
    free(block);
    return status;
}

int valence_score(struct valence_workspace *workspace, const struct valence_batch *batch,
                  unsigned missing, float *scores, struct valence_details *details,
                  struct valence_error *error)
{
    return valence_score_flows(workspace, batch, &missing, 1, &scores, details, error);
}

/* ---- Attention ---- */

/* What stands in `weights` for each row: the mean, the views', the pooling's. */
#define WEIGHTS_PER_ROW (1 + VALENCE_N_VIEWS + 1)

static void lay_out_attention(struct valence_workspace *workspace, float *block,
                              const struct valence_batch *batch, unsigned missing)
{
    workspace->attention = (struct valence_attention){0};
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        struct valence_modality_attention *to = &workspace->attention.modalities[m];
        int stream = network_stream_read(missing, m);
        if (stream < 0 || batch->streams[stream].width == 0)
            continue;
        to->stream = (enum valence_stream)stream;
        to->n_rows = batch->streams[stream].offsets[batch->n_clips];
        if (!block || to->n_rows == 0)
            continue;
        to->rows = block;
        to->views = block + to->n_rows;
        to->pooling = block + to->n_rows * (1 + VALENCE_N_VIEWS);
        block += to->n_rows * WEIGHTS_PER_ROW;
    }
}

static int reserve_attention(struct valence_workspace *workspace, const struct valence_batch *batch,
                             unsigned missing, struct valence_error *error)
{
    int64_t n = 0;
    lay_out_attention(workspace, NULL, batch, missing);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        n += workspace->attention.modalities[m].n_rows * WEIGHTS_PER_ROW;
    int status = grow_array((void **)&workspace->weights, &workspace->n_weights, n + 1,
                            sizeof(float), INT64_MAX, "attention weights", error);
    if (status)
        return status;
    memset(workspace->weights, 0, (size_t)n * sizeof(float));
    lay_out_attention(workspace, workspace->weights, batch, missing);
    return VALENCE_OK;
}

/* Adds a clip's mean over the views, (T), of their weights, (Q, T). Views that all count nothing
 * count alike. */
static void add_mean(const float *views, const float *view_weights, int n_views, int64_t n,
                     float share, float *sums)
{
    float total = 0;
    for (int q = 0; q < n_views; q++)
        total += fabsf(view_weights[q]);
    for (int q = 0; q < n_views; q++) {
        float counts = total > 0 ? fabsf(view_weights[q]) / total : 1.0f / (float)n_views;
        add_share(n, views + q * n, share * counts, sums);
    }
}

/* Adds one member's share of the means to the weights. */
static int attend_member(struct valence_workspace *workspace, int number,
                         const struct valence_batch *batch, unsigned missing,
                         struct valence_error *error)
{
    const struct valence_model *model = workspace->model;
    const struct checkpoint *checkpoint =
        model->n_members ? &model->members[number]->checkpoint : &model->checkpoint;
    const float share = 1.0f / (float)workspace->n_networks;
    int n_views = network_kept_views(&checkpoint->config);
    struct flow_output output;
    int status =
        network_forward_each(workspace->networks[number], checkpoint->parameters,
                             &checkpoint->standardisation, batch, &missing, 1, &output, error);
    if (!status) {
        standardisation_distances(&checkpoint->standardisation, batch, workspace->distances);
        status = check_distances(workspace->distances, batch->n_clips, error);
    }
    for (int m = 0; m < VALENCE_N_MODALITIES && !status; m++) {
        const struct valence_modality_attention *is = &workspace->attention.modalities[m];
        if (is->n_rows == 0)
            continue;
        const int64_t *offsets = batch->streams[is->stream].offsets;
        float *to = workspace->weights + (is->rows - workspace->weights);
        add_share(is->n_rows, output.pool_weights[m], share,
                  to + is->n_rows * (1 + VALENCE_N_VIEWS));
        for (int64_t i = 0; i < batch->n_clips; i++) {
            const float *views = output.cross_weights[m] + n_views * offsets[i];
            int64_t n = offsets[i + 1] - offsets[i];
            add_share(n * n_views, views, share, to + is->n_rows + VALENCE_N_VIEWS * offsets[i]);
            add_mean(views, output.view_weights + n_views * i, n_views, n, share, to + offsets[i]);
        }
    }
    return status;
}

int valence_attend(struct valence_workspace *workspace, const struct valence_batch *batch,
                   unsigned missing, const struct valence_attention **attention,
                   struct valence_error *error)
{
    if (!workspace || !attention)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the workspace or the attention is NULL");
    *attention = NULL;
    int status = check_flows(&missing, 1, error);
    if (!status)
        status = network_check_batch(&workspace->model->checkpoint.config, batch, error);
    if (!status)
        status = reserve(workspace, batch->n_clips, 1, error);
    if (!status)
        status = reserve_attention(workspace, batch, missing, error);
    for (int i = 0; i < workspace->n_networks && !status; i++)
        status = attend_member(workspace, i, batch, missing, error);
    if (!status)
        *attention = &workspace->attention;
    return status;
}
