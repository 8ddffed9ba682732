#include "experiment/resources.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "experiment/runs.h"
#include "experiment/speed_trial.h"
#include "valence/runtime.h"

#define TRIAL_SECONDS 1.5
#define MAX_TRIALS    16

/* One way to share out the cores, and what it gave. */
struct trial {
    int64_t n_jobs, n_threads;
    double clips_per_second; /* of all jobs together */
    int64_t bytes;           /* of the largest of them */
};

/* ---- resources.json ---- */

static bool read_count(const json_t *object, const char *key, int64_t *count)
{
    const json_t *value = json_object_get(object, key);
    *count = json_integer_value(value);
    return json_is_integer(value) && *count >= 0;
}

/* All that the choice depends on. */
struct resources {
    int64_t n_jobs, n_threads, n_cores, memory;
};

static int read_file(const struct valence_experiment *experiment, struct resources *resources,
                     struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    *resources = (struct resources){0};
    if (!path_exists(plan_file(experiment, RESOURCES_FILE, path)))
        return VALENCE_OK;
    json_t *value;
    int status = plan_read_json(path, &value, error);
    if (status)
        return status;
    bool good = read_count(value, "jobs", &resources->n_jobs) &&
                read_count(value, "threads", &resources->n_threads) &&
                read_count(value, "cores", &resources->n_cores) &&
                read_count(value, "memory", &resources->memory) && resources->n_jobs >= 1 &&
                resources->n_jobs <= MAX_WORKERS && resources->n_threads >= 1;
    json_decref(value);
    return good
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "%s: damaged; remove it to measure again", path);
}

int resources_read(const struct valence_experiment *experiment, int64_t *n_jobs, int64_t *n_threads,
                   struct valence_error *error)
{
    struct resources resources;
    int status = read_file(experiment, &resources, error);
    *n_jobs = status ? 0 : resources.n_jobs;
    *n_threads = status ? 0 : resources.n_threads;
    return status;
}

static int write_file(const struct valence_experiment *experiment,
                      const struct resources *resources, const struct trial *trials, int n,
                      struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    json_t *measured = json_array();
    int failed = !measured;
    for (int i = 0; i < n; i++)
        failed |= json_array_append_new(
            measured, json_pack("{s:I, s:I, s:f, s:I}", "jobs", (json_int_t)trials[i].n_jobs,
                                "threads", (json_int_t)trials[i].n_threads, "clips_per_second",
                                trials[i].clips_per_second, "bytes", (json_int_t)trials[i].bytes));
    if (failed) {
        json_decref(measured);
        return fail_memory(error, 4096, "the resources");
    }
    return plan_write_json(
        plan_file(experiment, RESOURCES_FILE, path),
        json_pack("{s:I, s:I, s:I, s:I, s:o}", "jobs", (json_int_t)resources->n_jobs, "threads",
                  (json_int_t)resources->n_threads, "cores", (json_int_t)resources->n_cores,
                  "memory", (json_int_t)resources->memory, "measured", measured),
        error);
}

/* ---- Measuring ---- */

static int report(const struct workers *workers)
{
    const struct valence_progress *progress = workers->options->progress;
    struct valence_progress_event event = {"measuring speed", 0, 0, "runs", NULL};
    return progress ? progress->report(progress->user, &event) : 0;
}

/* Waits for the trials' processes. A killed one gives no figures, which speed_trial_take() will
 * say. */
static int wait_for_trials(struct workers *workers, struct valence_error *error)
{
    struct worker_process ended;
    int status = VALENCE_OK, library;
    while (workers_busy(workers) && !status) {
        enum worker_end end = workers_reap(workers, &ended, &library);
        if (end == WORKER_FAILED) {
            char path[PLAN_FILE_BYTES], *text = NULL;
            snprintf(path, sizeof path, "%s/logs/trial.txt", workers->experiment->folder);
            if (file_read_text(path, 1 << 20, &text, NULL, NULL))
                text = NULL;
            status = fail(error, library, "the measurement failed: %.600s", text ? text : path);
            free(text);
        } else if (end == WORKER_WORKS) {
            workers_pause();
            if (report(workers))
                status = fail(error, VALENCE_ERROR_CANCELLED, "stopped while measuring");
        }
    }
    workers_stop(workers);
    return status;
}

static int measure(struct workers *workers, struct trial *trial, struct valence_error *error)
{
    int status = VALENCE_OK;
    workers->n_threads = trial->n_threads;
    for (int i = 0; i < trial->n_jobs && !status; i++)
        status = workers_start_trial(workers, i, TRIAL_SECONDS, error);
    if (status)
        workers_stop(workers);
    else
        status = wait_for_trials(workers, error);
    for (int i = 0; i < trial->n_jobs && !status; i++) {
        struct trial_figures figures = {0};
        /* One that was killed counts as one that does nothing. */
        if (speed_trial_take(workers->experiment, i, &figures, error) == VALENCE_ERROR_FORMAT)
            status = VALENCE_ERROR_FORMAT;
        trial->clips_per_second += figures.clips_per_second;
        trial->bytes = figures.bytes > trial->bytes ? figures.bytes : trial->bytes;
    }
    return status;
}

/* Tries one run with all cores, then twice as many runs at once each time, as far as cores, runs
 * and memory go. */
static int measure_all(struct workers *workers, const struct resources *limits, int64_t n_runs,
                       struct trial trials[MAX_TRIALS], int *n, struct valence_error *error)
{
    int status = VALENCE_OK;
    int64_t most = limits->n_cores < n_runs ? limits->n_cores : n_runs, n_jobs = 1;
    most = most < MAX_WORKERS ? most : MAX_WORKERS;
    for (*n = 0; *n < MAX_TRIALS && !status; n_jobs = 2 * n_jobs < most ? 2 * n_jobs : most) {
        struct trial *trial = &trials[*n];
        *trial = (struct trial){.n_jobs = n_jobs, .n_threads = limits->n_cores / n_jobs};
        status = measure(workers, trial, error);
        *n += !status;
        if (!status && limits->memory && trial->bytes > 0 && limits->memory / trial->bytes < most)
            most = limits->memory / trial->bytes;
        if (!status && most < 1)
            status = fail_key(error, VALENCE_ERROR_LIMIT, "memory",
                              "a run takes %lld MiB; all runs together may take %lld MiB",
                              (long long)(trial->bytes >> 20), (long long)(limits->memory >> 20));
        if (n_jobs >= most)
            break;
    }
    return status;
}

/* Of figures within 3 % of the best, those with more threads a run: fewer runs are left unfinished
 * when something ends the experiment. */
static const struct trial *best_of(const struct trial *trials, int n, int64_t most)
{
    const struct trial *best = &trials[0];
    for (int i = 1; i < n; i++)
        if (trials[i].n_jobs <= most && trials[i].clips_per_second > 1.03 * best->clips_per_second)
            best = &trials[i];
    return best;
}

/* ---- Choosing ---- */

int resources_choose(struct workers *workers, int64_t n_runs, struct valence_error *error)
{
    const struct valence_experiment_options *options = workers->options;
    struct trial trials[MAX_TRIALS];
    struct resources kept, chosen = {.n_cores = options->n_cores, .memory = options->memory};
    int n = 0, status = read_file(workers->experiment, &kept, error);
    if (status)
        return status;
    if (chosen.n_cores == 0)
        chosen.n_cores = valence_default_threads();
    bool same = kept.n_jobs && kept.n_cores == chosen.n_cores && kept.memory == chosen.memory;
    if (options->n_jobs) {
        chosen.n_jobs = options->n_jobs;
        chosen.n_threads = chosen.n_cores > chosen.n_jobs ? chosen.n_cores / chosen.n_jobs : 1;
    } else if (same) {
        chosen = kept;
    } else if (!options->start || ((chosen.n_cores == 1 || n_runs == 1) && !chosen.memory)) {
        chosen.n_jobs = 1;
        chosen.n_threads = chosen.n_cores;
    } else {
        speed_trial_clear(workers->experiment);
        status = measure_all(workers, &chosen, n_runs, trials, &n, error);
        speed_trial_clear(workers->experiment);
        int64_t most = MAX_WORKERS;
        for (int i = 0; i < n && chosen.memory; i++)
            if (trials[i].bytes > 0 && chosen.memory / trials[i].bytes < most)
                most = chosen.memory / trials[i].bytes;
        const struct trial *best = status ? NULL : best_of(trials, n, most);
        chosen.n_jobs = best ? best->n_jobs : 0;
        chosen.n_threads = best ? best->n_threads : 0;
    }
    workers->n = (int)chosen.n_jobs;
    workers->n_threads = chosen.n_threads;
    bool is_new = memcmp(&chosen, &kept, sizeof kept) != 0;
    return status || !is_new ? status : write_file(workers->experiment, &chosen, trials, n, error);
}
