#include "train/step_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "kernels/rank_n_contrast.h"
#include "train/batch_slice.h"
#include "train/step_parts_private.h"

/* ---- Cutting ---- */

int64_t step_count_parts(const struct step_parts *p, int64_t n_clips)
{
    int64_t n_ranks = collective_n_ranks(p->collective);
    if (p->ordered)
        return (n_clips + p->part_clips - 1) / p->part_clips;
    return n_clips < n_ranks ? n_clips : n_ranks;
}

/* The first clip of a part; of the one behind the last, n_clips. */
static int64_t part_begin(const struct step_parts *p, int64_t n_clips, int64_t part)
{
    int64_t n_parts = step_count_parts(p, n_clips), begin = part * p->part_clips;
    if (p->ordered)
        return begin < n_clips ? begin : n_clips;
    return n_parts ? n_clips * part / n_parts : 0;
}

static void rank_share(const struct step_parts *p, int64_t n_clips, int rank, int64_t *begin,
                       int64_t *end)
{
    int64_t n_parts = step_count_parts(p, n_clips);
    int n_ranks = collective_n_ranks(p->collective);
    *begin = part_begin(p, n_clips, first_part(n_parts, rank, n_ranks));
    *end = part_begin(p, n_clips, first_part(n_parts, rank + 1, n_ranks));
}

void step_parts_share(const struct step_parts *p, int64_t n_clips, int64_t *begin, int64_t *end)
{
    rank_share(p, n_clips, collective_rank(p->collective), begin, end);
}

/* The largest share of any rank. */
static int64_t largest_share(const struct step_parts *p, int64_t n_clips)
{
    int64_t most = 0;
    for (int rank = 0; rank < collective_n_ranks(p->collective); rank++) {
        int64_t begin, end;
        rank_share(p, n_clips, rank, &begin, &end);
        most = end - begin > most ? end - begin : most;
    }
    return most;
}

int64_t step_own_parts(const struct step_parts *p, int64_t n_clips)
{
    int64_t n_parts = step_count_parts(p, n_clips);
    int rank = collective_rank(p->collective), n_ranks = collective_n_ranks(p->collective);
    return first_part(n_parts, rank + 1, n_ranks) - first_part(n_parts, rank, n_ranks);
}

/* ---- Its life ---- */

static int64_t report_bytes(const struct step_parts *p)
{
    return (int64_t)(sizeof(struct share_report) + (size_t)p->most * sizeof(struct loss_sums));
}

static bool allocate_exchange(struct step_parts *p)
{
    int64_t n_ranks = collective_n_ranks(p->collective), flows = p->max_flows;
    int64_t share = largest_share(p, p->max_clips) * flows * p->width;
    int64_t whole = p->max_clips * flows * p->width;
    p->report = allocate(report_bytes(p), 1);
    p->reports = allocate(report_bytes(p) * n_ranks, 1);
    p->all_statuses = allocate(n_ranks, sizeof *p->all_statuses);
    p->sent = allocate(share, sizeof *p->sent);
    p->received = allocate(share * n_ranks, sizeof *p->received);
    p->features = allocate(whole, sizeof *p->features);
    p->gradients = allocate(whole, sizeof *p->gradients);
    p->contrast_scratch = allocate((int64_t)rank_n_contrast_scratch_bytes(p->max_clips), 1);
    return p->report && p->reports && p->all_statuses && p->sent && p->received && p->features &&
           p->gradients && p->contrast_scratch;
}

/* Alone, parts are added as soon as they are done, and as many blocks as threads suffice. */
static int64_t blocks_needed(const struct step_parts *p)
{
    if (!p->ordered)
        return 0;
    if (collective_is_several(p->collective) || p->most < threads_count())
        return p->most;
    return threads_count();
}

static bool allocate_parts(struct step_parts *p)
{
    p->n_blocks = blocks_needed(p);
    p->networks = allocate(p->most, sizeof *p->networks);
    p->slices = allocate(p->most, sizeof *p->slices);
    p->errors = allocate(p->most, sizeof *p->errors);
    p->statuses = allocate(p->most, sizeof *p->statuses);
    p->blocks = allocate(p->n_blocks, sizeof *p->blocks);
    bool complete = p->networks && p->slices && p->errors && p->statuses && p->blocks;
    for (int64_t i = 0; i < p->n_blocks && complete; i++)
        complete = (p->blocks[i] = block_take_zeroed(p->n_parameters, sizeof **p->blocks)) != NULL;
    return complete;
}

int step_parts_create(const struct valence_collective *collective,
                      const struct valence_train_config *config,
                      const struct checkpoint *checkpoint, int64_t max_clips,
                      struct step_parts **parts, struct valence_error *error)
{
    *parts = NULL;
    struct step_parts *p = allocate(1, sizeof *p);
    if (!p)
        return fail_memory(error, sizeof *p, "the parts of a batch");
    p->collective = collective;
    p->ordered = config->reduce == TRAIN_REDUCE_ORDERED;
    p->part_clips = config->reduce_part;
    p->wire = config->reduce_wire;
    p->max_clips = max_clips;
    p->n_parameters = checkpoint->n_parameters;
    p->width = checkpoint->config.o / 2;
    p->max_flows = checkpoint->config.n_flows;
    int64_t n_ranks = collective_n_ranks(collective);
    p->most = (step_count_parts(p, max_clips) + n_ranks - 1) / n_ranks;
    int status = allocate_parts(p) && allocate_exchange(p)
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)p->n_parameters * sizeof(float),
                                   "the gradients of a batch's parts");
    for (int64_t i = 0; i < p->most && !status; i++) {
        status = network_create(&checkpoint->config, &p->networks[i], error);
        if (!status)
            network_set_precision(p->networks[i], config->precision);
    }
    if (status)
        step_parts_free(p);
    else
        *parts = p;
    return status;
}

void step_parts_free(struct step_parts *p)
{
    if (!p)
        return;
    for (int64_t i = 0; i < p->most; i++) {
        if (p->networks)
            network_free(p->networks[i]);
        if (p->slices)
            batch_slice_free(&p->slices[i]);
    }
    for (int64_t i = 0; i < p->n_blocks && p->blocks; i++)
        block_free(p->blocks[i], p->n_parameters, sizeof **p->blocks);
    free(p->networks);
    free(p->slices);
    free(p->errors);
    free(p->statuses);
    free(p->blocks);
    free(p->report);
    free(p->reports);
    free(p->all_statuses);
    free(p->sent);
    free(p->received);
    free(p->features);
    free(p->gradients);
    free(p->contrast_scratch);
    sum_buffers_free(&p->buffers);
    free(p);
}

/* ---- Parts beside each other ---- */

int step_each_part(struct step_parts *p, int64_t first, int64_t end,
                   int (*do_part)(struct step_parts *p, int64_t part, void *user,
                                  struct valence_error *error),
                   void *user, struct valence_error *error)
{
#pragma omp parallel for schedule(dynamic) if (p->ordered && end - first > 1)
    for (int64_t i = first; i < end; i++) {
        int before = p->ordered ? threads_enter(1) : 0;
        p->statuses[i] = do_part(p, i, user, &p->errors[i]);
        if (before)
            threads_leave(before);
    }
    for (int64_t i = first; i < end; i++)
        if (p->statuses[i]) {
            if (error)
                *error = p->errors[i];
            return p->statuses[i];
        }
    return VALENCE_OK;
}

/* ---- Forward ---- */

/* Cuts the share: its i-th part to slices[i]. */
static int cut_share(struct step_parts *p, const struct step_batch *batch,
                     struct valence_error *error)
{
    int64_t begin, end, n_parts = step_count_parts(p, batch->n_clips);
    int64_t first =
        first_part(n_parts, collective_rank(p->collective), collective_n_ranks(p->collective));
    struct valence_batch share = *batch->share;
    int status = VALENCE_OK;
    step_parts_share(p, batch->n_clips, &begin, &end);
    share.labels = batch->labels + begin;
    for (int64_t i = 0; i < step_own_parts(p, batch->n_clips) && !status; i++)
        status = batch_slice_cut(&share, part_begin(p, batch->n_clips, first + i) - begin,
                                 part_begin(p, batch->n_clips, first + i + 1) - begin,
                                 &p->slices[i], error);
    return status;
}

static int forward_part(struct step_parts *p, int64_t part, void *user, struct valence_error *error)
{
    const struct step *step = user;
    const struct step_batch *batch = step->batch;
    return network_part_forward(p->networks[part], step->checkpoint->parameters,
                                &step->checkpoint->standardisation, &p->slices[part].batch,
                                batch->n_clips, batch->flows, batch->n_flows, step->weights,
                                batch->dropout_key, &p->report->sums[part], error);
}

/* Tells all ranks how the own share went, and adds up what all parts add to the losses. */
static int gather_sums(struct step_parts *p, const struct step_batch *batch, int status,
                       struct loss_sums *whole, struct valence_error *error)
{
    int n_ranks = collective_n_ranks(p->collective);
    int64_t n_parts = step_count_parts(p, batch->n_clips), bytes = report_bytes(p);
    struct valence_error own = status && error ? *error : (struct valence_error){0};
    p->report->status = status;
    int failed = collective_gather(p->collective, p->report, p->reports, bytes, error);
    if (failed)
        return failed;
    *whole = (struct loss_sums){0};
    for (int rank = 0; rank < n_ranks; rank++) {
        const struct share_report *report = (const void *)((const char *)p->reports + rank * bytes);
        int64_t n = first_part(n_parts, rank + 1, n_ranks) - first_part(n_parts, rank, n_ranks);
        p->all_statuses[rank] = report->status;
        for (int64_t i = 0; i < n && !report->status; i++)
            loss_sums_add(whole, &report->sums[i]);
    }
    if (!collective_is_several(p->collective))
        return status;
    if (status && error)
        *error = own;
    return collective_settle(p->collective, p->all_statuses, error);
}

/* ---- The contrast ---- */

/* The own features, flow by flow, where a share of `most` clips has room. */
static void pack_features(struct step_parts *p, const struct step_batch *batch, int64_t most)
{
    for (int f = 0; f < batch->n_flows; f++) {
        float *to = p->sent + f * most * p->width;
        for (int64_t i = 0; i < step_own_parts(p, batch->n_clips); i++) {
            int64_t n = p->slices[i].batch.n_clips * p->width;
            memcpy(to, network_part_features(p->networks[i], f), (size_t)n * sizeof *to);
            to += n;
        }
    }
}

static void unpack_features(struct step_parts *p, const struct step_batch *batch, int64_t most)
{
    for (int rank = 0; rank < collective_n_ranks(p->collective); rank++) {
        int64_t begin, end;
        rank_share(p, batch->n_clips, rank, &begin, &end);
        for (int f = 0; f < batch->n_flows; f++)
            memcpy(p->features + (f * batch->n_clips + begin) * p->width,
                   p->received + (rank * batch->n_flows + f) * most * p->width,
                   (size_t)((end - begin) * p->width) * sizeof *p->features);
    }
}

/* The gradients of the own clips, to the parts' networks. */
static void give_gradients(struct step_parts *p, const struct step_batch *batch)
{
    int64_t begin, end;
    step_parts_share(p, batch->n_clips, &begin, &end);
    for (int f = 0; f < batch->n_flows; f++) {
        const float *from = p->gradients + (f * batch->n_clips + begin) * p->width;
        for (int64_t i = 0; i < step_own_parts(p, batch->n_clips); i++) {
            int64_t n = p->slices[i].batch.n_clips * p->width;
            memcpy(network_part_feature_gradients(p->networks[i], f), from,
                   (size_t)n * sizeof *from);
            from += n;
        }
    }
}

/* All ranks compute the loss of the whole batch: a rank's own clips have gradients from all pairs.
 */
static int contrast(struct step_parts *p, const struct step_batch *batch, double weight,
                    double *loss, struct valence_error *error)
{
    const float *features[VALENCE_MAX_FLOWS];
    float *gradients[VALENCE_MAX_FLOWS];
    int64_t most = largest_share(p, batch->n_clips), plane = batch->n_clips * p->width;
    *loss = 0;
    if (weight == 0) /* nothing to exchange */
        return VALENCE_OK;
    pack_features(p, batch, most);
    int status =
        collective_gather(p->collective, p->sent, p->received,
                          most * batch->n_flows * p->width * (int64_t)sizeof *p->sent, error);
    if (status)
        return status;
    unpack_features(p, batch, most);
    memset(p->gradients, 0, (size_t)(plane * batch->n_flows) * sizeof *p->gradients);
    for (int f = 0; f < batch->n_flows; f++) {
        features[f] = p->features + f * plane;
        gradients[f] = p->gradients + f * plane;
    }
    *loss = losses_contrast(batch->n_clips, p->width, batch->n_flows, batch->labels, weight,
                            features, gradients, p->contrast_scratch);
    give_gradients(p, batch);
    return VALENCE_OK;
}

/* ---- A step ---- */

static int check_finite(struct step_parts *p, const struct step_batch *batch,
                        const struct loss_terms *terms, struct valence_error *error)
{
    if (isfinite(terms->total))
        return VALENCE_OK;
    int status = batch->share->n_clips ? network_fail_not_finite(batch->share, error) : VALENCE_OK;
    return collective_agree(p->collective, status, error);
}

int step_parts_gradients(struct step_parts *p, const struct checkpoint *checkpoint,
                         const struct loss_weights *weights, const struct step_batch *batch,
                         bool reduced, float *gradients, struct loss_terms *terms,
                         struct valence_error *error)
{
    struct step step = {
        .checkpoint = checkpoint, .weights = weights, .batch = batch, .gradients = gradients};
    double rnc;
    int status = batch->status ? batch->status : cut_share(p, batch, error);
    if (!status)
        status =
            step_each_part(p, 0, step_own_parts(p, batch->n_clips), forward_part, &step, error);
    status = gather_sums(p, batch, status, &step.whole, error);
    if (!status)
        status = contrast(p, batch, weights->rnc, &rnc, error);
    if (status)
        return status;
    loss_terms_make(&checkpoint->config, batch->flows, batch->n_flows, batch->n_clips, weights,
                    &step.whole, rnc, terms);
    status = check_finite(p, batch, terms, error);
    return status ? status : step_backward(p, &step, reduced, error);
}

/* ---- Scores ---- */

int64_t step_parts_unit(const struct step_parts *p)
{
    return p->ordered ? p->part_clips : largest_share(p, p->max_clips);
}

int64_t step_parts_room(const struct step_parts *p)
{
    return p->ordered ? p->most * p->part_clips : largest_share(p, p->max_clips);
}

int64_t step_parts_most(const struct step_parts *p)
{
    return p->most;
}

struct scores {
    const struct checkpoint *checkpoint;
    const unsigned *flows;
    int n_flows;
    struct flow_output *outputs;
};

static int score_part(struct step_parts *p, int64_t part, void *user, struct valence_error *error)
{
    const struct scores *scores = user;
    return network_forward(p->networks[part], scores->checkpoint->parameters,
                           &scores->checkpoint->standardisation, &p->slices[part].batch,
                           scores->flows, scores->n_flows, scores->outputs + part * scores->n_flows,
                           error);
}

int step_parts_forward(struct step_parts *p, const struct checkpoint *checkpoint,
                       const struct valence_batch *batch, const unsigned *flows, int n_flows,
                       struct flow_output *outputs, int64_t *clips, int64_t *n_parts,
                       struct valence_error *error)
{
    struct scores scores = {checkpoint, flows, n_flows, outputs};
    int64_t size = p->ordered ? p->part_clips : batch->n_clips, n = 0;
    for (int64_t begin = 0; begin < batch->n_clips; begin += size, n++) {
        int64_t end = begin + size < batch->n_clips ? begin + size : batch->n_clips;
        int status = batch_slice_cut(batch, begin, end, &p->slices[n], error);
        if (status)
            return status;
        clips[n] = end - begin;
    }
    *n_parts = n;
    return step_each_part(p, 0, n, score_part, &scores, error);
}
