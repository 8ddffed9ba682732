#include "train/validation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "collective/share.h"
#include "kernels/cross_entropy.h"

/* What a clip gives in one flow. */
struct scored {
    double error;
    float score;
};

/* Room for a batch's results. */
struct room {
    struct flow_output *outputs; /* (parts, n_flows) */
    int64_t *part_clips;         /* (parts) */
};

static void take_scores(const struct validation *v, const struct flow_output *outputs,
                        const float *labels, int64_t n, struct scored *scored)
{
    const struct valence_model_config *model = &v->checkpoint->config;
    for (int f = 0; f < model->n_flows; f++)
        for (int64_t i = 0; i < n; i++) {
            struct scored *to = &scored[i * model->n_flows + f];
            int64_t k = outputs[f].outputs ? model->n_classes : 0;
            if (k) {
                to->score = outputs[f].score[i];
                to->error = cross_entropy_row(k, outputs[f].outputs + i * k, (int64_t)labels[i]);
                continue;
            }
            to->score = outputs[f].score[i] * v->labels->factor + v->labels->offset;
            to->error = fabs((double)to->score - (double)labels[i]);
        }
}

static int score_batch(const struct validation *v, const struct valence_batch *batch,
                       const struct room *room, struct scored *scored, struct valence_error *error)
{
    const struct checkpoint *checkpoint = v->checkpoint;
    const struct valence_model_config *model = &checkpoint->config;
    int64_t n_parts = 1, done = 0;
    int status;
    room->part_clips[0] = batch->n_clips;
    if (v->parts)
        status = step_parts_forward(v->parts, checkpoint, batch, model->flows, model->n_flows,
                                    room->outputs, room->part_clips, &n_parts, error);
    else
        status = network_forward(v->network, checkpoint->parameters, &checkpoint->standardisation,
                                 batch, model->flows, model->n_flows, room->outputs, error);
    for (int64_t part = 0; part < n_parts && !status; part++) {
        take_scores(v, room->outputs + part * model->n_flows, batch->labels + done,
                    room->part_clips[part], scored + done * model->n_flows);
        done += room->part_clips[part];
    }
    return status;
}

static int score_share(const struct validation *v, struct share share, const struct room *room,
                       struct scored *scored, struct valence_error *error)
{
    const struct valence_batch *batch;
    int64_t batch_size = v->parts ? step_parts_room(v->parts) : v->batch_size;
    int status;
    batch_loader_start(v->loader, v->clips + share.begin, share.end - share.begin, batch_size);
    while (!(status = batch_loader_next(v->loader, &batch, error)) && batch) {
        status = score_batch(v, batch, room, scored, error);
        if (status)
            break;
        scored += batch->n_clips * v->checkpoint->config.n_flows;
    }
    return status;
}

/* All clips' scores, flow by flow, and the means in the clips' order. */
static void take_all(const struct validation *v, const struct scored *scored, float *scores,
                     double *mae)
{
    int n_flows = v->checkpoint->config.n_flows;
    memset(mae, 0, (size_t)n_flows * sizeof *mae);
    for (int f = 0; f < n_flows; f++) {
        for (int64_t i = 0; i < v->n; i++) {
            scores[f * v->n + i] = scored[i * n_flows + f].score;
            mae[f] += scored[i * n_flows + f].error;
        }
        mae[f] /= (double)v->n;
    }
}

int validate(const struct validation *v, float *scores, double *mae, struct valence_error *error)
{
    int n_flows = v->checkpoint->config.n_flows;
    int64_t unit = v->parts ? step_parts_unit(v->parts) : v->batch_size;
    int64_t parts = v->parts ? step_parts_most(v->parts) : 1;
    int64_t clip_bytes = n_flows * (int64_t)sizeof(struct scored);
    struct share share = collective_share(v->collective, v->n, unit);
    struct scored *scored = allocate(v->n, (size_t)clip_bytes);
    struct room room = {.outputs = allocate(parts * n_flows, sizeof *room.outputs),
                        .part_clips = allocate(parts, sizeof *room.part_clips)};
    int status =
        scored && room.outputs && room.part_clips
            ? score_share(v, share, &room, scored + share.begin * n_flows, error)
            : fail_memory(error, (size_t)(v->n * clip_bytes), "the scores of the validation clips");
    status = collective_gather_shares(v->collective, status, v->n, unit, clip_bytes, scored, error);
    if (!status)
        take_all(v, scored, scores, mae);
    free(scored);
    free(room.outputs);
    free(room.part_clips);
    return status;
}
