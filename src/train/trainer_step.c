/* A step: from the epoch's next batches to new parameters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/random.h"
#include "base/threads.h"
#include "kernels/adam.h"
#include "train/flow_draw.h"
#include "train/step_parts.h"
#include "train/trainer_private.h"

/* ---- Progress ---- */

/* What the bar shows beside the clips: this epoch's loss so far and the best validation error. */
static void describe(struct trainer *t)
{
    const struct train_state *state = &t->state;
    int n = snprintf(t->detail, sizeof t->detail, "epoch %lld/%lld", (long long)state->epoch + 1,
                     (long long)t->config->epochs);
    if (state->n_clips)
        n += snprintf(t->detail + n, sizeof t->detail - (size_t)n, ", loss %.4f",
                      state->sums.total / (double)state->n_clips);
    if (state->best_epoch)
        snprintf(t->detail + n, sizeof t->detail - (size_t)n, ", best %s %.4f (epoch %lld)",
                 train_error_heading(&t->checkpoint.config), state->best_value,
                 (long long)state->best_epoch);
}

static int report(struct trainer *t)
{
    if (!t->progress)
        return VALENCE_OK;
    struct valence_progress_event event = {
        .stage = t->stage,
        .done = t->state.epoch * t->training.n + t->state.n_clips,
        .total = t->config->epochs * t->training.n,
        .unit = "clips",
        .detail = t->detail,
    };
    return t->progress->report(t->progress->user, &event);
}

/* ---- Gradients ---- */

int trainer_draw_flows(const struct trainer *t, int64_t step, unsigned flows[VALENCE_MAX_FLOWS])
{
    return draw_flows(&t->checkpoint.config, t->config->flows_per_step,
                      mix_keys((uint64_t)t->config->seed, PURPOSE_FLOWS), step, flows);
}

/* The optimizer squares gradients in single precision: 1e19 squared is below FLT_MAX, 3.4e38. */
#define LARGEST_NORM 1e19

static void add_to_sums(struct loss_terms *sums, const struct loss_terms *terms, double weight)
{
    sums->complete += weight * terms->complete;
    sums->missing += weight * terms->missing;
    sums->rep += weight * terms->rep;
    sums->cross += weight * terms->cross;
    sums->feature += weight * terms->feature;
    sums->rnc += weight * terms->rnc;
    sums->total += weight * terms->total;
}

/* What a step is taken from: consecutive batches of the epoch. */
struct step_sums {
    int64_t n_clips;         /* of all its batches */
    struct loss_terms terms; /* weighted by the batches' clips */
};

/* The labels of a batch's clips, as the network learns them. `read` is the batch, or this rank's
 * share of it, as it was read, or NULL. */
static void learn_labels(struct trainer *t, int64_t number, const struct valence_batch *read)
{
    const int64_t *clips = t->order + number * t->config->batch_size;
    int64_t n = trainer_clips_of_batch(t, number);
    bool is_whole = read && read->n_clips == n;
    for (int64_t i = 0; i < n; i++) {
        float label = is_whole ? read->labels[i] : valence_store_clip(t->store, clips[i])->label;
        t->learnt_labels[i] = (label - t->labels.offset) / t->labels.factor;
    }
}

/* The gradients of the epoch's next batch, or with several ranks of this one's share, which are
 * `reduced` or not. `status`: the caller has cancelled, which all ranks must hear of. */
static int batch_gradients(struct trainer *t, int64_t number, int status, bool reduced,
                           float *gradients, struct loss_terms *terms, struct valence_error *error)
{
    const struct checkpoint *checkpoint = &t->checkpoint;
    const struct loss_weights *losses = &t->config->losses;
    const struct valence_batch *batch = NULL;
    unsigned flows[VALENCE_MAX_FLOWS];
    int n_flows = trainer_draw_flows(t, t->state.step, flows);
    uint64_t seed = mix_keys((uint64_t)t->config->seed, PURPOSE_DROPOUT);
    uint64_t key = mix_keys(seed, (uint64_t)t->state.step);
    key = key ? key : 1;
    if (!status)
        status = batch_loader_next(t->loader, &batch, error);
    learn_labels(t, number, batch);
    if (t->parts) {
        struct step_batch part = {.status = status,
                                  .share = batch,
                                  .n_clips = trainer_clips_of_batch(t, number),
                                  .labels = t->learnt_labels,
                                  .flows = flows,
                                  .n_flows = n_flows,
                                  .dropout_key = key};
        int given = step_parts_gradients(t->parts, checkpoint, losses, &part, reduced, gradients,
                                         terms, error);
        return status ? given : trainer_fail_in_numbers(t, given, "training", error);
    }
    if (status)
        return status;
    struct valence_batch learnt = *batch;
    learnt.labels = t->learnt_labels;
    t->alone = t->alone && network_threads(t->network, &learnt, true) == 1;
    status = network_gradients(t->network, checkpoint->parameters, &checkpoint->standardisation,
                               &learnt, flows, n_flows, losses, key, gradients, terms, error);
    return trainer_fail_in_numbers(t, status, "training", error);
}

static void add_gradients(const struct trainer *t, double weight, bool first)
{
    int64_t n = t->checkpoint.n_parameters;
    float factor = (float)weight;
    for (int64_t i = 0; i < n; i++)
        t->gradients[i] = (first ? 0 : t->gradients[i]) + factor * t->batch_gradients[i];
}

/* The mean gradient of `n_batches` batches, each weighing as many as it has clips. */
static int step_gradients(struct trainer *t, int64_t n_batches, int status, struct step_sums *sums,
                          struct valence_error *error)
{
    bool alone = n_batches == 1, reduced = alone || t->config->reduce == TRAIN_REDUCE_ORDERED;
    *sums = (struct step_sums){.n_clips = 0};
    for (int64_t i = 0; i < n_batches; i++)
        sums->n_clips += trainer_clips_of_batch(t, t->state.n_batches + i);
    for (int64_t i = 0; i < n_batches; i++) {
        struct loss_terms terms;
        int64_t number = t->state.n_batches + i;
        status = batch_gradients(t, number, status, reduced,
                                 alone ? t->gradients : t->batch_gradients, &terms, error);
        if (status)
            return status;
        double n_clips = (double)trainer_clips_of_batch(t, number);
        add_to_sums(&sums->terms, &terms, n_clips);
        if (!alone)
            add_gradients(t, n_clips / (double)sums->n_clips, i == 0);
    }
    return t->parts && !reduced ? step_parts_reduce(t->parts, t->gradients, error) : VALENCE_OK;
}

/* Fails for gradients that cannot be used; else what they are scaled by, and their norm. All ranks
 * have the same. */
static int check_gradients(const struct trainer *t, double *norm, double *scale,
                           struct valence_error *error)
{
    double limit = t->config->clip_norm;
    *norm = gradient_norm(t->checkpoint.n_parameters, t->gradients);
    *scale = limit > 0 && *norm > limit ? limit / *norm : 1.0;
    if (*norm * *scale < LARGEST_NORM)
        return VALENCE_OK;
    int status = isfinite(*norm)
                     ? fail(error, VALENCE_ERROR_DATA,
                            "the training diverges: the gradient has a norm of %g", *norm)
                     : fail(error, VALENCE_ERROR_DATA, "the gradient is not finite");
    status = collective_agree(t->collective, status, error);
    return trainer_fail_in_numbers(t, status, "training", error);
}

int trainer_step(struct trainer *t, struct valence_error *error)
{
    const struct valence_train_config *config = t->config;
    struct checkpoint *checkpoint = &t->checkpoint;
    struct train_state *state = &t->state;
    struct step_sums sums;
    double norm = 0, scale = 0;
    int64_t left = trainer_n_batches(t) - state->n_batches;
    int64_t n_batches = left < config->accumulate ? left : config->accumulate;
    describe(t);
    int status = report(t) ? trainer_fail_cancelled(t, error) : VALENCE_OK;
    t->alone = !t->parts; /* until a batch is larger */
    status = step_gradients(t, n_batches, status, &sums, error);
    int before = !status && t->alone ? threads_enter(1) : 0; /* what follows is not more work */
    if (!status)
        status = check_gradients(t, &norm, &scale, error);
    struct adam_options adam = {.learning_rate = trainer_learning_rate(t),
                                .beta1 = config->beta1,
                                .beta2 = config->beta2,
                                .epsilon = config->epsilon,
                                .weight_decay = config->weight_decay,
                                .decoupled = config->optimizer == TRAIN_ADAMW,
                                .gradient_scale = scale};
    if (!status)
        adam_step(&adam, ++state->step, checkpoint->n_parameters, checkpoint->parameters,
                  t->gradients, checkpoint->first_moment, checkpoint->second_moment);
    if (before)
        threads_leave(before);
    if (status)
        return status;
    add_to_sums(&state->sums, &sums.terms, 1);
    state->norm_sum += (double)sums.n_clips * norm;
    state->n_clips += sums.n_clips;
    state->n_batches += n_batches;
    return VALENCE_OK;
}
