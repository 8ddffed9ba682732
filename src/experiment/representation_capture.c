#include "experiment/representation_capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "model/layout.h"
#include "model/model_private.h"
#include "model/network.h"

/* ---- Room ---- */

static int add_compared(struct capture *capture, enum valence_modality modality,
                        enum valence_representation representation, int64_t n, int64_t width,
                        struct valence_error *error)
{
    struct compared *made = &capture->compared[capture->n_compared++];
    *made = (struct compared){modality, representation, width, NULL, NULL, NULL};
    made->real = block_take(n * width, sizeof(float));
    made->before = block_take(n * width, sizeof(float));
    made->after = block_take(n * width, sizeof(float));
    return made->real && made->before && made->after
               ? VALENCE_OK
               : fail_memory(error, 3 * (size_t)(n * width) * sizeof(float), "representations");
}

static int make_room(const struct valence_model_config *config, unsigned missing, int64_t n,
                     struct capture *capture, struct valence_error *error)
{
    int n_views = network_n_views(config), status = VALENCE_OK;
    for (int m = 0; m < VALENCE_N_MODALITIES && !status; m++) {
        if (!(missing & VALENCE_BIT(m)))
            continue;
        status = add_compared(capture, (enum valence_modality)m, VALENCE_REPRESENTATION_POOLED, n,
                              config->d, error);
        if (!status && n_views)
            status = add_compared(capture, (enum valence_modality)m, VALENCE_REPRESENTATION_CROSS,
                                  n, n_views * config->o, error);
    }
    capture->n = n;
    capture->feature_width = config->o;
    capture->features = status ? NULL : block_take(2 * n * config->o, sizeof(float));
    return status || capture->features
               ? status
               : fail_memory(error, 2 * (size_t)(n * config->o) * sizeof(float), "features");
}

void capture_free(struct capture *capture)
{
    for (int i = 0; i < capture->n_compared; i++) {
        struct compared *compared = &capture->compared[i];
        block_free(compared->real, capture->n * compared->width, sizeof(float));
        block_free(compared->before, capture->n * compared->width, sizeof(float));
        block_free(compared->after, capture->n * compared->width, sizeof(float));
    }
    block_free(capture->features, 2 * capture->n * capture->feature_width, sizeof(float));
    *capture = (struct capture){0};
}

/* ---- A batch ---- */

/* One modality's vectors of B clips, those of all views side by side, from `from`: (B, Q, 3, size),
 * where pooled representations are one view. */
static void take_vectors(const float *from, int64_t n_clips, int n_views, int64_t size,
                         enum valence_modality modality, float *to)
{
    for (int64_t b = 0; b < n_clips; b++)
        for (int q = 0; q < n_views; q++) {
            memcpy(to, from + ((b * n_views + q) * VALENCE_N_MODALITIES + (int)modality) * size,
                   (size_t)size * sizeof *to);
            to += size;
        }
}

static void take_batch(const struct flow_output outputs[2], int64_t done, int64_t n_clips,
                       const struct valence_model_config *config, struct capture *capture)
{
    const struct flow_output *complete = &outputs[0], *incomplete = &outputs[1];
    for (int i = 0; i < capture->n_compared; i++) {
        struct compared *c = &capture->compared[i];
        int64_t at = done * c->width;
        if (c->representation == VALENCE_REPRESENTATION_POOLED) {
            take_vectors(complete->seen, n_clips, 1, c->width, c->modality, c->real + at);
            take_vectors(incomplete->seen, n_clips, 1, c->width, c->modality, c->before + at);
            take_vectors(incomplete->representations, n_clips, 1, c->width, c->modality,
                         c->after + at);
        } else {
            int views = network_n_views(config);
            take_vectors(complete->seen_cross, n_clips, views, config->o, c->modality,
                         c->real + at);
            take_vectors(incomplete->seen_cross, n_clips, views, config->o, c->modality,
                         c->before + at);
            take_vectors(incomplete->cross, n_clips, views, config->o, c->modality, c->after + at);
        }
    }
    for (int f = 0; f < 2; f++)
        memcpy(capture->features + (f * capture->n + done) * config->o, outputs[f].feature,
               (size_t)(n_clips * config->o) * sizeof(float));
}

/* ---- All batches ---- */

static int compute(const struct scoring *scoring, const struct checkpoint *checkpoint,
                   struct network *network, unsigned missing, const int64_t *clips,
                   struct capture *capture, struct valence_error *error)
{
    const unsigned flows[2] = {0, missing};
    const struct valence_batch *batch;
    struct flow_output outputs[2];
    int64_t done = 0;
    int status;
    batch_loader_start(scoring->loader, clips, capture->n, scoring->batch_size);
    while (!(status = batch_loader_next(scoring->loader, &batch, error)) && batch) {
        int64_t n = batch->n_clips;
        status = network_forward(network, checkpoint->parameters, &checkpoint->standardisation,
                                 batch, flows, 2, outputs, error);
        if (status)
            return fail_within(status, error, "%s: clips '%s' to '%s'",
                               valence_store_path(scoring->store),
                               valence_store_clip(scoring->store, clips[done])->id,
                               valence_store_clip(scoring->store, clips[done + n - 1])->id);
        take_batch(outputs, done, n, &checkpoint->config, capture);
        done += n;
        struct valence_progress_event event = {.stage = "computing representations",
                                               .done = scoring->before + done,
                                               .total = scoring->total,
                                               .unit = "clips"};
        if (scoring->progress && scoring->progress->report(scoring->progress->user, &event))
            return fail(error, VALENCE_ERROR_CANCELLED, "stopped while computing representations");
    }
    return status;
}

int capture_make(const struct scoring *scoring, const struct valence_model *model, unsigned missing,
                 const int64_t *clips, int64_t n, struct capture *capture,
                 struct valence_error *error)
{
    struct network *network;
    *capture = (struct capture){0};
    int status = network_create(&model->checkpoint.config, &network, error);
    if (status)
        return status;
    status = make_room(&model->checkpoint.config, missing, n, capture, error);
    if (!status)
        status = compute(scoring, &model->checkpoint, network, missing, clips, capture, error);
    network_free(network);
    return status;
}
