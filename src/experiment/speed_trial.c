#include "experiment/speed_trial.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "train/train_config.h"

#define TRIALS "trials"

/* A measurement of so many steps is good after a part of its time. */
#define ENOUGH_STEPS 40
#define LEAST_PART   0.25

/* ---- Files ---- */

static const char *trial_file(const struct valence_experiment *experiment, int trial,
                              const char *ending, char path[PLAN_FILE_BYTES])
{
    snprintf(path, PLAN_FILE_BYTES, "%s/" TRIALS "/%d%s", experiment->folder, trial, ending);
    return path;
}

/* Removes a folder, and the folders in it down to `depth`. */
static void remove_folder(const char *path, int depth)
{
    DIR *folder = opendir(path);
    char inside[PLAN_FILE_BYTES];
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int length = snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (length < (int)sizeof inside && unlink(inside) != 0 && depth > 0)
            remove_folder(inside, depth - 1);
    }
    if (folder)
        closedir(folder);
    (void)rmdir(path);
}

void speed_trial_clear(const struct valence_experiment *experiment)
{
    char path[PLAN_FILE_BYTES];
    remove_folder(plan_file(experiment, TRIALS, path), 1);
}

/* ---- Measuring ---- */

struct stopwatch {
    const struct valence_progress *outer; /* or NULL */
    double seconds;                       /* to measure */
    double began, ended;                  /* 0: not yet */
    int64_t steps;                        /* since then */
    int64_t first, last;                  /* clips trained on then */
};

/* Small networks take many steps in little time, and are what a long measurement would delay. */
static bool is_measured(const struct stopwatch *watch)
{
    double part = (watch->ended - watch->began) / watch->seconds;
    return part >= 1 || (part >= LEAST_PART && watch->steps >= ENOUGH_STEPS);
}

/* The clock starts behind the first steps: memory, threads and the page cache are ready then. What
 * reads the store before them counts clips, too. */
static int watch(void *user, const struct valence_progress_event *event)
{
    struct stopwatch *watch = user;
    double now = seconds_now();
    if (watch->outer && watch->outer->report(watch->outer->user, event))
        return 1;
    if (event->done <= 0 || strcmp(event->stage, TRAINING_STAGE) != 0 ||
        strcmp(event->unit, "clips") != 0)
        return 0;
    if (watch->began == 0) {
        watch->began = now;
        watch->first = event->done;
    }
    watch->steps += event->done > watch->last;
    watch->last = event->done;
    watch->ended = now;
    return is_measured(watch);
}

static int64_t peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

int speed_trial_run(const struct valence_experiment *experiment,
                    const struct valence_worker *worker, const struct valence_train_config *config,
                    const struct valence_progress *progress, struct valence_error *error)
{
    struct stopwatch stopwatch = {.outer = progress, .seconds = worker->trial_seconds};
    struct valence_progress watched = {watch, &stopwatch};
    struct valence_train_config own = *config;
    struct valence_train_options options;
    char path[PLAN_FILE_BYTES];
    valence_train_options_default(&options);
    options.progress = &watched;
    own.epochs = 1000000;
    own.early_stopping = 0;
    snprintf(own.output, sizeof own.output, "%.1000s",
             trial_file(experiment, worker->trial, "", path));
    int status = valence_train(&own, &options, NULL, error);
    remove_folder(own.output, 0);
    double seconds = stopwatch.ended - stopwatch.began;
    if (status != VALENCE_ERROR_CANCELLED || !is_measured(&stopwatch))
        return status;
    return plan_write_json(trial_file(experiment, worker->trial, ".json", path),
                           json_pack("{s:f, s:I}", "clips_per_second",
                                     (double)(stopwatch.last - stopwatch.first) / seconds, "bytes",
                                     (json_int_t)peak_bytes()),
                           error);
}

int speed_trial_take(const struct valence_experiment *experiment, int trial,
                     struct trial_figures *figures, struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    json_t *value;
    int status = plan_read_json(trial_file(experiment, trial, ".json", path), &value, error);
    if (status)
        return status;
    const json_t *rate = json_object_get(value, "clips_per_second");
    const json_t *bytes = json_object_get(value, "bytes");
    *figures = (struct trial_figures){json_number_value(rate), json_integer_value(bytes)};
    if (!json_is_number(rate) || !json_is_integer(bytes))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: this is not what a trial writes", path);
    json_decref(value);
    (void)unlink(path);
    return status;
}
