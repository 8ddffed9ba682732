#include "experiment/cost_trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/block_peak.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/times.h"
#include "evaluate/scoring.h"
#include "model/layout.h"
#include "valence/run.h"

static int report(const struct cost_job *job, const char *stage)
{
    struct valence_progress_event event = {.stage = stage, .unit = "", .detail = job->name};
    return job->progress && job->progress->report(job->progress->user, &event);
}

/* ---- Training ---- */

struct stopwatch {
    const struct cost_job *job;
    struct times times;
    double began;      /* when the first step that counts did */
    double last;       /* when the last step was reported */
    int64_t done;      /* clips trained on then */
    int64_t n_clips;   /* of a full batch */
    int64_t n_skipped; /* of TIMES_WARM_UP */
    bool cancelled;    /* by the caller */
};

/* Training reports before each step, and once behind an epoch's last. What validation and saving
 * take is between reports without a new clip. */
static int watch(void *user, const struct valence_progress_event *event)
{
    struct stopwatch *watch = user;
    double now = seconds_now();
    if (report(watch->job, "training"))
        return watch->cancelled = true;
    if (strcmp(event->stage, "training") != 0 || strcmp(event->unit, "clips") != 0)
        return 0;
    int64_t n_clips = event->done - watch->done;
    if (n_clips == watch->n_clips && watch->n_skipped < TIMES_WARM_UP) {
        watch->n_skipped++;
        watch->began = now;
    } else if (n_clips == watch->n_clips && watch->times.n < TIMES_MAX) {
        watch->times.seconds[watch->times.n++] = now - watch->last;
    }
    watch->done = event->done;
    watch->last = seconds_now();
    return watch->n_skipped == TIMES_WARM_UP &&
           times_enough(&watch->times, now - watch->began, watch->job->options->seconds);
}

/* Endless, without what other than steps takes time. */
static void configure(const struct valence_train_config *config, struct valence_train_config *own)
{
    *own = *config;
    own->seeds = 1;
    own->early_stopping = 0;
    own->checkpoint_every = 0;
    own->keep_epochs = false;
    if (!network_is_closed_form(&own->model))
        own->epochs = 1000000;
}

int cost_train(const struct cost_job *job, const struct valence_train_config *config,
               struct valence_model_cost *cost, struct valence_error *error)
{
    struct stopwatch stopwatch = {.job = job, .n_clips = config->batch_size};
    struct valence_progress watched = {watch, &stopwatch};
    struct valence_train_config own;
    struct valence_train_options options;
    struct valence_train_result *planned;
    configure(config, &own);
    valence_train_options_default(&options);
    options.dry_run = true;
    int status = valence_train(&own, &options, &planned, error);
    if (status)
        return status;
    cost->n_parameters = planned->runs[0].n_parameters;
    int64_t n_train = planned->runs[0].n_train;
    if (stopwatch.n_clips > n_train)
        stopwatch.n_clips = n_train;
    valence_train_result_free(planned);
    status = times_make(&stopwatch.times, error);
    if (status)
        return status;
    options.dry_run = false;
    options.progress = &watched;
    size_t before = block_bytes_peak(true);
    double began = seconds_now();
    status = valence_train(&own, &options, NULL, error);
    struct times whole = {1, &(double){seconds_now() - began}};
    cost->training_bytes = (int64_t)(block_bytes_peak(false) - before);
    if (status == VALENCE_ERROR_CANCELLED && !stopwatch.cancelled)
        status = VALENCE_OK;
    bool steps = !network_is_closed_form(&own.model);
    cost->step_seconds = times_spread(steps ? &stopwatch.times : &(struct times){0});
    cost->training_rate = steps ? times_rate(&stopwatch.times, (double)stopwatch.n_clips)
                                : times_rate(&whole, (double)n_train);
    free(stopwatch.times.seconds);
    return status;
}

/* ---- Scoring ---- */

/* Clips in memory, and each of them as a batch of its own. */
struct bench {
    const struct cost_job *job;
    struct valence_workspace *workspace;
    const struct valence_batch *all;
    int64_t clip;  /* the next one */
    float *scores; /* (VALENCE_MAX_FLOWS, n_clips) */
};

/* The batch of one clip; its offsets go to `offsets`. */
static struct valence_batch one_clip(const struct valence_batch *all, int64_t clip,
                                     int64_t offsets[VALENCE_N_STREAMS][2])
{
    struct valence_batch one = {.n_clips = 1};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &all->streams[s];
        if (!rows->width)
            continue;
        int64_t first = rows->offsets[clip];
        size_t bytes = (size_t)(first * rows->width) * valence_dtype_size(rows->type);
        offsets[s][0] = 0;
        offsets[s][1] = rows->offsets[clip + 1] - first;
        one.streams[s] = *rows;
        one.streams[s].data = (const char *)rows->data + bytes;
        one.streams[s].offsets = offsets[s];
    }
    return one;
}

/* One repetition: a clip after the other, or all at once. */
static int score_once(struct bench *bench, bool alone, const unsigned *flows, int n_flows,
                      double *seconds, struct valence_error *error)
{
    int64_t offsets[VALENCE_N_STREAMS][2];
    float *scores[VALENCE_MAX_FLOWS];
    struct valence_batch batch = *bench->all;
    if (alone)
        batch = one_clip(bench->all, bench->clip++ % bench->all->n_clips, offsets);
    for (int f = 0; f < n_flows; f++)
        scores[f] = bench->scores + f * bench->all->n_clips;
    double began = seconds_now();
    int status = valence_score_flows(bench->workspace, &batch, flows, n_flows, scores, NULL, error);
    *seconds = seconds_now() - began;
    return status;
}

static int time_scoring(struct bench *bench, bool alone, const unsigned *flows, int n_flows,
                        struct times *times, struct valence_error *error)
{
    double began = 0, seconds;
    int status = VALENCE_OK;
    times->n = 0;
    for (int64_t i = 0;
         !status && (i <= TIMES_WARM_UP ||
                     !times_enough(times, seconds_now() - began, bench->job->options->seconds));
         i++) {
        if (i == TIMES_WARM_UP)
            began = seconds_now();
        if (report(bench->job, "scoring"))
            return fail(error, VALENCE_ERROR_CANCELLED, "stopped while measuring");
        status = score_once(bench, alone, flows, n_flows, &seconds, error);
        if (i >= TIMES_WARM_UP && !status)
            times->seconds[times->n++] = seconds;
    }
    return status;
}

static int time_model(struct bench *bench, const struct valence_model_config *model,
                      struct valence_model_cost *cost, struct times *times,
                      struct valence_error *error)
{
    const unsigned complete = 0;
    int status = time_scoring(bench, true, &complete, 1, times, error);
    cost->latency_complete = times_spread(times);
    if (!status && model->n_flows > 1)
        status = time_scoring(bench, true, model->flows, model->n_flows, times, error);
    cost->latency_all = model->n_flows > 1 ? times_spread(times) : cost->latency_complete;
    if (!status)
        status = time_scoring(bench, false, &complete, 1, times, error);
    cost->scoring_rate = times_rate(times, (double)bench->all->n_clips);
    return status;
}

static int score_batch(const struct cost_job *job, const struct scoring *scoring,
                       struct valence_model_cost *cost, struct valence_error *error)
{
    struct bench bench = {.job = job, .workspace = scoring->workspace};
    struct times times;
    int status = times_make(&times, error);
    batch_loader_start(scoring->loader, job->clips, job->n_clips, job->n_clips);
    if (!status)
        status = batch_loader_next(scoring->loader, &bench.all, error);
    bench.scores = allocate(VALENCE_MAX_FLOWS * job->n_clips, sizeof *bench.scores);
    if (!status && !bench.scores)
        status = fail_memory(error, (size_t)job->n_clips * sizeof *bench.scores, "scores");
    if (!status)
        status = time_model(&bench, valence_model_get_config(scoring->model), cost, &times, error);
    free(bench.scores);
    free(times.seconds);
    return status;
}

static int load_trained(const struct valence_train_config *config, struct valence_model **model,
                        struct valence_error *error)
{
    struct valence_run *run;
    int status = valence_run_open(config->output, VALENCE_CHECKPOINT_LAST, &run, error);
    if (status)
        return status;
    status = valence_run_load(run, model, error);
    valence_run_close(run);
    return status;
}

int cost_score(const struct cost_job *job, const struct valence_train_config *config,
               struct valence_model_cost *cost, struct valence_error *error)
{
    struct valence_model *model;
    struct scoring scoring;
    size_t before = block_bytes_peak(true);
    int status = load_trained(config, &model, error);
    if (status)
        return status;
    status = scoring_open(&scoring, model, job->store, NULL, job->n_clips, config->max_rows, NULL,
                          error);
    if (!status) {
        status = score_batch(job, &scoring, cost, error);
        scoring_close(&scoring);
    }
    cost->scoring_bytes = (int64_t)(block_bytes_peak(false) - before);
    valence_model_free(model);
    return status;
}
