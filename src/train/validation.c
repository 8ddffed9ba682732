#include "train/validation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "kernels/cross_entropy.h"

/* What a clip gives in one flow. */
struct scored {
    double error;
    float score;
};

/* One rank's part of the work, and what comes of it. */
struct share {
    int64_t begin, end;          /* of the clips */
    struct scored *scored;       /* (most, n_flows), most: clips of the largest share */
    struct flow_output *outputs; /* of a batch, (parts, n_flows) */
    int64_t *part_clips;
};

/* Where the share of a rank begins: at a multiple of `unit` clips, so that batches and parts are
 * cut alike however many ranks there are. */
static int64_t share_begin(int64_t n, int64_t unit, int rank, int n_ranks)
{
    int64_t units = (n + unit - 1) / unit, begin = units * rank / n_ranks * unit;
    return begin < n ? begin : n;
}

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
                       struct share *share, struct scored *scored, struct valence_error *error)
{
    const struct checkpoint *checkpoint = v->checkpoint;
    const struct valence_model_config *model = &checkpoint->config;
    int64_t n_parts = 1, done = 0;
    int status;
    share->part_clips[0] = batch->n_clips;
    if (v->parts)
        status = step_parts_forward(v->parts, checkpoint, batch, model->flows, model->n_flows,
                                    share->outputs, share->part_clips, &n_parts, error);
    else
        status = network_forward(v->network, checkpoint->parameters, &checkpoint->standardisation,
                                 batch, model->flows, model->n_flows, share->outputs, error);
    for (int64_t part = 0; part < n_parts && !status; part++) {
        take_scores(v, share->outputs + part * model->n_flows, batch->labels + done,
                    share->part_clips[part], scored + done * model->n_flows);
        done += share->part_clips[part];
    }
    return status;
}

static int score_share(const struct validation *v, int64_t batch_size, struct share *share,
                       struct valence_error *error)
{
    const struct valence_batch *batch;
    struct scored *scored = share->scored;
    int status;
    batch_loader_start(v->loader, v->clips + share->begin, share->end - share->begin, batch_size);
    while (!(status = batch_loader_next(v->loader, &batch, error)) && batch) {
        status = score_batch(v, batch, share, scored, error);
        if (status)
            break;
        scored += batch->n_clips * v->checkpoint->config.n_flows;
    }
    return status;
}

/* Every rank's share to its place; the sums in the clips' order. */
static void spread(const struct validation *v, int64_t unit, int64_t most, const struct scored *all,
                   float *scores, double *mae)
{
    int n_flows = v->checkpoint->config.n_flows, n_ranks = collective_n_ranks(v->collective);
    memset(mae, 0, (size_t)n_flows * sizeof *mae);
    for (int rank = 0; rank < n_ranks; rank++) {
        int64_t begin = share_begin(v->n, unit, rank, n_ranks);
        int64_t end = share_begin(v->n, unit, rank + 1, n_ranks);
        const struct scored *scored = all + rank * most * n_flows;
        for (int f = 0; f < n_flows; f++)
            for (int64_t i = begin; i < end; i++) {
                scores[f * v->n + i] = scored[(i - begin) * n_flows + f].score;
                mae[f] += scored[(i - begin) * n_flows + f].error;
            }
    }
    for (int f = 0; f < n_flows; f++)
        mae[f] /= (double)v->n;
}

int validate(const struct validation *v, float *scores, double *mae, struct valence_error *error)
{
    int n_flows = v->checkpoint->config.n_flows;
    int rank = collective_rank(v->collective), n_ranks = collective_n_ranks(v->collective);
    int64_t unit = v->parts ? step_parts_unit(v->parts) : v->batch_size, most = 0;
    int64_t parts = v->parts ? step_parts_most(v->parts) : 1;
    struct share share = {share_begin(v->n, unit, rank, n_ranks),
                          share_begin(v->n, unit, rank + 1, n_ranks), NULL, NULL, NULL};
    for (int r = 0; r < n_ranks; r++) {
        int64_t n = share_begin(v->n, unit, r + 1, n_ranks) - share_begin(v->n, unit, r, n_ranks);
        most = n > most ? n : most;
    }
    int64_t bytes = most * n_flows * (int64_t)sizeof *share.scored;
    struct scored *all = allocate(bytes * n_ranks, 1);
    share.scored = allocate(bytes, 1);
    share.outputs = allocate(parts * n_flows, sizeof *share.outputs);
    share.part_clips = allocate(parts, sizeof *share.part_clips);
    int status = all && share.scored && share.outputs && share.part_clips
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)bytes, "the scores of the validation clips");
    if (!status)
        status =
            score_share(v, v->parts ? step_parts_room(v->parts) : v->batch_size, &share, error);
    status = collective_agree(v->collective, status, error);
    if (!status)
        status = collective_gather(v->collective, share.scored, all, bytes, error);
    if (!status)
        spread(v, unit, most, all, scores, mae);
    free(all);
    free(share.scored);
    free(share.outputs);
    free(share.part_clips);
    return status;
}
