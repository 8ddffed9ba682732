#include "train/trainer.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "data/shuffle.h"
#include "model/layout.h"
#include "train/closed_form.h"
#include "train/epoch_record.h"
#include "train/trainer_private.h"
#include "train/validation.h"

/* ---- Saving ---- */

static bool all_finite(int64_t n, const float *values)
{
    int bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= !isfinite(values[i]);
    return !bad;
}

/* A checkpoint that cannot be loaded again must not take the place of one that can. */
static int check_usable(const struct trainer *t, struct valence_error *error)
{
    const struct checkpoint *checkpoint = &t->checkpoint;
    int64_t n = checkpoint->n_parameters;
    if (all_finite(n, checkpoint->parameters) && all_finite(n, checkpoint->first_moment) &&
        all_finite(n, checkpoint->second_moment))
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_DATA, "a parameter or one of its moments is not finite");
}

int trainer_fail_in_numbers(const struct trainer *t, int status, const char *doing,
                            struct valence_error *error)
{
    char path[RUN_PATH_BYTES], inner[VALENCE_ERROR_TEXT_BYTES];
    if (!error || status != VALENCE_ERROR_DATA)
        return status;
    bool saved = path_exists(run_folder_file(&t->folder, RUN_LAST, path));
    memcpy(inner, error->text, sizeof inner);
    return fail_key(
        error, VALENCE_ERROR_DATA, "optimizer.learning_rate",
        "epoch %lld, %s after step %lld: %.300s\n"
        "         (%s%s; if the features are right, a smaller optimizer.learning_rate or "
        "an optimizer.clip_norm of 1 often helps)",
        (long long)t->state.epoch + 1, doing, (long long)t->state.step, inner,
        saved ? "the last good checkpoint is " : "nothing was saved before", saved ? path : "");
}

static int save_last(struct trainer *t, struct valence_error *error)
{
    char path[RUN_PATH_BYTES];
    int status = check_usable(t, error);
    if (status)
        return trainer_fail_in_numbers(t, status, "saving", error);
    json_decref(t->checkpoint.training);
    t->checkpoint.training = train_state_to_json(&t->state, t->checkpoint.config.n_flows);
    if (!t->checkpoint.training)
        return fail_memory(error, 4096, "the state of the run");
    return checkpoint_save(run_folder_file(&t->folder, RUN_LAST, path), FILE_OVERWRITE,
                           &t->checkpoint, error);
}

/* The score's layers, weights and biases, give scores on the labels' scale, which is what a model
 * is to do; `learnt` (parameters) receives what they were. */
static void scale_score(struct trainer *t, float *learnt)
{
    struct network_layout layout;
    struct layer layers[VALENCE_N_MODALITIES];
    network_layout_make(&t->checkpoint.config, &layout, NULL);
    int n = network_score_layers(&t->checkpoint.config, &layout, layers);
    memcpy(learnt, t->checkpoint.parameters, (size_t)t->checkpoint.n_parameters * sizeof *learnt);
    for (int k = 0; k < n; k++) {
        float *bias = t->checkpoint.parameters + layers[k].bias;
        for (int64_t i = 0; i < layers[k].in; i++)
            t->checkpoint.parameters[layers[k].weight + i] *= t->labels.factor;
        *bias = *bias * t->labels.factor + t->labels.offset;
    }
}

/* The model alone, without what only training needs. */
static int save_model(struct trainer *t, const char *name, struct valence_error *error)
{
    char path[RUN_PATH_BYTES];
    struct checkpoint model = t->checkpoint;
    model.first_moment = model.second_moment = NULL;
    model.training = NULL;
    model.calibration = t->calibration;
    int64_t n = t->checkpoint.n_parameters;
    float *learnt = allocate(n, sizeof *learnt);
    if (!learnt)
        return fail_memory(error, (size_t)n * sizeof *learnt, "a model");
    scale_score(t, learnt);
    int status =
        checkpoint_save(run_folder_file(&t->folder, name, path), FILE_OVERWRITE, &model, error);
    memcpy(t->checkpoint.parameters, learnt, (size_t)n * sizeof *learnt);
    free(learnt);
    return status;
}

static int save_epoch(struct trainer *t, struct valence_error *error)
{
    char name[RUN_EPOCH_BYTES];
    return save_model(t, run_epoch_name(t->state.epoch, name), error);
}

int trainer_fail_cancelled(const struct trainer *t, struct valence_error *error)
{
    return fail_key(error, VALENCE_ERROR_CANCELLED, "resume",
                    "%s: stopped in epoch %lld after step %lld; everything is saved",
                    t->config->output, (long long)t->state.epoch + 1, (long long)t->state.step);
}

double trainer_learning_rate(const struct trainer *t)
{
    return t->config->learning_rate * schedule_factor(&t->config->schedule, t->state.epoch);
}

int trainer_draw_missing(struct trainer *t, const struct clip_selection *clips,
                         struct valence_error *error)
{
    const struct missing_settings *settings = &t->config->missing;
    bool validation = clips == &t->validation;
    uint64_t epoch = validation || !settings->redraw ? 0 : (uint64_t)t->state.epoch;
    batch_loader_set_filter(t->loader, NULL);
    if (!missing_is_on(settings) || (validation && !settings->validation))
        return VALENCE_OK;
    int status = missing_draw(&t->missing,
                              mix_keys(mix_keys((uint64_t)t->config->seed, PURPOSE_MISSING), epoch),
                              clips->clips, clips->n, error);
    batch_loader_set_filter(t->loader, &t->missing.filter);
    return status;
}

/* ---- An epoch ---- */

/* Room for the largest batch in what flows the epoch's steps draw. */
static int reserve_epoch(struct trainer *t, struct valence_error *error)
{
    int64_t n = t->training.n, batch_size = t->config->batch_size, n_rows[VALENCE_N_STREAMS];
    int64_t n_steps = (trainer_n_batches(t) - t->state.n_batches + t->config->accumulate - 1) /
                      t->config->accumulate;
    int64_t n_clips = n < batch_size ? n : batch_size;
    largest_batch(t->store, &t->map, t->order, n, batch_size, n_rows);
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n_steps && !status; i++) {
        unsigned flows[VALENCE_MAX_FLOWS];
        int n_flows = trainer_draw_flows(t, t->state.step + i, flows);
        status = network_reserve(t->network, n_clips, n_rows, flows, n_flows, true, error);
    }
    return status;
}

/* Starts reading this rank's share of the batches that are left. */
static void start_shares(struct trainer *t)
{
    int64_t n = 0, first = t->state.n_batches, n_batches = trainer_n_batches(t);
    for (int64_t i = first; i < n_batches; i++) {
        int64_t begin, end;
        step_parts_share(t->parts, trainer_clips_of_batch(t, i), &begin, &end);
        memcpy(t->share + n, t->order + i * t->config->batch_size + begin,
               (size_t)(end - begin) * sizeof *t->share);
        t->share_sizes[i - first] = end - begin;
        n += end - begin;
    }
    batch_loader_start_sizes(t->loader, t->share, t->share_sizes, n_batches - first);
}

/* The order depends on seed and epoch alone, and by shards on what they hold, so that a resumed
 * epoch takes the same clips. */
static int begin_epoch(struct trainer *t, struct valence_error *error)
{
    int64_t n = t->training.n, batch_size = t->config->batch_size;
    struct random_source source =
        random_source(mix_keys((uint64_t)t->config->seed, PURPOSE_ORDER), (uint64_t)t->state.epoch);
    int status = shuffle_clips(t->store, t->training.clips, n, t->config->shuffle_shards, &source,
                               t->order, error);
    if (!status && !t->parts)
        status = reserve_epoch(t, error);
    if (!status)
        status = trainer_draw_missing(t, &t->training, error);
    status = collective_agree(t->collective, status, error);
    if (status)
        return status;
    int64_t done = t->state.n_batches * batch_size;
    done = done < n ? done : n;
    if (t->parts)
        start_shares(t);
    else
        batch_loader_start(t->loader, t->order + done, n - done, batch_size);
    return VALENCE_OK;
}

/* Saves, in the rank that does. */
static int save_for_all(struct trainer *t, struct valence_error *error)
{
    int status = trainer_is_first(t) ? save_last(t, error) : VALENCE_OK;
    return collective_agree(t->collective, status, error);
}

static int train_epoch(struct trainer *t, struct valence_error *error)
{
    int status = begin_epoch(t, error);
    if (network_is_closed_form(&t->checkpoint.config))
        return status ? status : closed_form_train(t, error);
    while (!status && t->state.n_batches < trainer_n_batches(t)) {
        status = trainer_step(t, error);
        int64_t every = t->config->checkpoint_every;
        if (status == VALENCE_ERROR_CANCELLED) {
            int saved = save_for_all(t, error);
            return saved ? saved : trainer_fail_cancelled(t, error);
        }
        if (!status && every && t->state.step % every == 0)
            status = save_for_all(t, error);
    }
    return status;
}

/* Writes what an epoch came to, after advancing the state. The order matters for who is killed in
 * between: a log line beyond the last checkpoint is cut off on resuming, and a best model beyond it
 * is written again with the same bytes. */
static int write_epoch(struct trainer *t, const struct valence_train_epoch *epoch,
                       struct valence_error *error)
{
    int status = epoch->is_best ? save_model(t, RUN_BEST, error) : VALENCE_OK;
    if (!status && t->config->keep_epochs)
        status = save_epoch(t, error);
    return status ? status : save_last(t, error);
}

static int finish_epoch(struct trainer *t, const struct valence_train_epoch *epoch,
                        struct valence_error *error)
{
    struct train_state *state = &t->state;
    int status = check_usable(t, error);
    if (status)
        return trainer_fail_in_numbers(t, status, "saving", error);
    if (trainer_is_first(t))
        status = run_log_append(t->log, RUN_LOG, epoch_to_json(epoch), &state->log_bytes, error);
    if (status)
        return status;
    state->epoch++;
    state->n_batches = 0;
    state->n_clips = 0;
    state->sums = (struct loss_terms){0};
    state->norm_sum = 0;
    state->since_best = epoch->is_best ? 0 : state->since_best + 1;
    if (epoch->is_best) {
        state->best_epoch = epoch->best_epoch;
        state->best_value = epoch->best_mae;
        memcpy(state->best_mae, epoch->validation_mae,
               (size_t)epoch->n_flows * sizeof *epoch->validation_mae);
    }
    return trainer_is_first(t) ? write_epoch(t, epoch, error) : VALENCE_OK;
}

/* The epoch's times to their log, and the whole record to the caller. */
static int tell_epoch(struct trainer *t, const struct valence_train_epoch *epoch,
                      struct valence_error *error)
{
    const struct valence_train_options *options = t->job->options;
    int64_t size;
    if (!trainer_is_first(t))
        return VALENCE_OK;
    int status = run_log_append(t->timing, RUN_TIMING, epoch_times_to_json(epoch), &size, error);
    if (!status && options->epoch && options->epoch(options->user, epoch))
        status = trainer_fail_cancelled(t, error);
    return status;
}

static int validate_epoch(struct trainer *t, double *mae, struct valence_error *error)
{
    struct validation validation = {.collective = t->collective,
                                    .checkpoint = &t->checkpoint,
                                    .network = t->network,
                                    .parts = t->parts,
                                    .labels = &t->labels,
                                    .loader = t->loader,
                                    .clips = t->validation.clips,
                                    .n = t->validation.n,
                                    .batch_size = t->config->batch_size};
    int status = trainer_draw_missing(t, &t->validation, error);
    status = collective_agree(t->collective, status, error);
    if (status)
        return status;
    status = validate(&validation, t->calibration.scores, mae, error);
    return trainer_fail_in_numbers(t, status, "validating", error);
}

static int run_epoch(struct trainer *t, struct valence_error *error)
{
    double mae[VALENCE_MAX_FLOWS];
    double start = seconds_now();
    int64_t before = t->state.n_clips;
    int status = train_epoch(t, error);
    if (status)
        return status;
    double training = seconds_now() - start;
    int64_t n_clips = t->state.n_clips - before;
    status = validate_epoch(t, mae, error);
    if (!status)
        status = collective_compare(t->collective, t->checkpoint.parameters,
                                    t->checkpoint.n_parameters * (int64_t)sizeof(float),
                                    "parameters", error);
    if (status)
        return status;
    struct epoch_record record;
    epoch_record_make(t, mae, &record);
    status = finish_epoch(t, &record.shown, error);
    record.shown.n_clips = n_clips;
    record.shown.training_seconds = training;
    record.shown.clips_per_second = (double)n_clips / training;
    record.shown.seconds = seconds_now() - start;
    if (!status)
        status = tell_epoch(t, &record.shown, error);
    return collective_agree(t->collective, status, error);
}

/* ---- The run ---- */

static void fill_run(const struct trainer *t, struct valence_train_run *run)
{
    const struct valence_model_config *model = &t->checkpoint.config;
    *run = (struct valence_train_run){
        .seed = t->config->seed,
        .n_parameters = t->checkpoint.n_parameters,
        .n_train = t->training.n,
        .n_validation = t->validation.n,
        .n_unlabelled = t->training.n_unlabelled + t->validation.n_unlabelled,
        .n_empty = t->training.n_empty + t->validation.n_empty,
        .n_cut = t->training.n_cut + t->validation.n_cut,
        .n_epochs = t->state.epoch,
        .best_epoch = t->state.best_epoch,
        .n_flows = model->n_flows,
        .constant_mae = t->constant_mae,
        .n_classes = model->n_classes,
        .ridge_penalty = t->state.ridge_penalty,
    };
    strcpy(run->first_cut, t->training.n_cut ? t->training.first_cut : t->validation.first_cut);
    memcpy(run->flows, model->flows, sizeof run->flows);
    memcpy(run->validation_mae, t->state.best_mae, sizeof run->validation_mae);
}

static int write_results(const struct trainer *t, const struct valence_train_run *run,
                         struct valence_error *error)
{
    json_t *results = train_run_to_json(run);
    if (!results)
        return fail_memory(error, 4096, "the results");
    int status = run_folder_write_json(&t->folder, RUN_RESULTS, results, error);
    json_decref(results);
    return status;
}

static bool has_stopped(const struct trainer *t)
{
    return t->state.epoch >= t->config->epochs ||
           (t->state.epoch && network_is_closed_form(&t->checkpoint.config)) ||
           (t->config->early_stopping && t->state.since_best >= t->config->early_stopping);
}

void trainer_note(const struct trainer *t, const char *key, const char *format, ...)
{
    const struct valence_train_options *options = t->job->options;
    char text[VALENCE_ERROR_TEXT_BYTES];
    va_list args;
    if (!options->note || t->job->number > 1) /* other seeds see the same data */
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    options->note(options->user, &(struct valence_train_note){.key = key, .text = text});
}

int train_one_seed(const struct train_job *job, struct valence_train_run *run,
                   struct valence_error *error)
{
    struct trainer t = {
        .job = job,
        .config = job->config,
        .collective = job->options->collective,
        .progress = job->options->progress,
        .stage = TRAINING_STAGE,
    };
    if (job->n > 1)
        snprintf(t.stage, sizeof t.stage, "seed %lld of %lld", (long long)job->number,
                 (long long)job->n);
    int status = trainer_open(&t, error);
    bool dry = job->options->dry_run;
    while (!status && !dry && !has_stopped(&t))
        status = run_epoch(&t, error);
    if (!status) {
        fill_run(&t, run);
        if (!dry && trainer_is_first(&t))
            status = write_results(&t, run, error);
        status = collective_agree(t.collective, status, error);
    }
    if (status && status != VALENCE_ERROR_CANCELLED)
        run_folder_abandon(&t.folder);
    trainer_close(&t);
    return status;
}
