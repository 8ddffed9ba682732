/* Experiments: many trainings on one store, run in parallel and compared.
 *
 * An experiment is a folder:
 *
 *   plan.json        what is trained: a configuration, variants of it, and seeds; never changed
 *   resources.json   how many runs train at once, with how many threads each, and what was measured
 *   rungs.json       successive halving: which variants were trained on after each rung
 *   runs/NAME/seed-N the run of a variant and a seed, as valence_train() writes it
 *   logs/NAME/seed-N.txt  why a run failed
 *   result.json      what came of it, once every run is finished
 *
 * Runs that are finished are never repeated and half-finished ones are resumed, whatever was killed
 * and when: everything that is known about the state is in the folder. The results are the same
 * bytes as those of an undisturbed experiment. */
#ifndef VALENCE_EXPERIMENT_H
#define VALENCE_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Plans ---- */

/* A plan, and the folder that it lies in. Read by any number of threads at once. */
struct valence_experiment;

/* A configuration that differs from the plan's in some keys. */
struct valence_variant {
    /* the name of its folder: 1 to 63 letters, digits, '-', '_', '.', '+' and '=', the first of
     * them no '.' */
    const char *name;
    /* "KEY=VALUE" each, as valence_train_config_set() takes them; not "store", "output", "seed",
     * "seeds" or "threads" */
    const char *const *assignments;
    int n_assignments;
};

/* Of a plan at most. */
#define VALENCE_MAX_VARIANTS 1000

struct valence_plan_options {
    /* sizeof(struct valence_plan_options); set by valence_plan_options_default() */
    size_t size;
    /* What it is called in results: "comparison". */
    const char *kind;
    /* Successive halving: all variants are trained for epochs / factor^(n_rungs - 1) epochs, the
     * best 1 / factor of them for factor times as many, and so on; 1: everything is trained in
     * full. The mean validation error over the seeds decides. */
    int64_t n_rungs;
    int64_t factor;
};
VALENCE_API void valence_plan_options_default(struct valence_plan_options *options);

/* Makes the folder that `config` names as "output", or opens the experiment in it if that has the
 * same plan. The seeds are "seed" ... "seed" + "seeds" - 1 of the configuration. The first variant
 * is what the others are compared with. *experiment is NULL on failure; close it with
 * valence_experiment_close(), which takes NULL. `options` may be NULL.
 *
 * Errors: CONFIG for a key or a value that is wrong; ARGUMENT for names; those of a dry run of
 * valence_train(), for every variant; EXISTS with key "output" if the folder holds something else,
 * or another plan; IO, DISK_FULL, MEMORY. */
VALENCE_API int valence_experiment_create(const struct valence_train_config *config,
                                          const struct valence_variant *variants, int n_variants,
                                          const struct valence_plan_options *options,
                                          struct valence_experiment **experiment,
                                          struct valence_error *error);

/* Opens the experiment in a folder. Errors: NOT_FOUND, FORMAT, CONFIG, IO, MEMORY. */
VALENCE_API int valence_experiment_open(const char *folder, struct valence_experiment **experiment,
                                        struct valence_error *error);
VALENCE_API void valence_experiment_close(struct valence_experiment *experiment);

/* Lives until the experiment is closed. */
VALENCE_API const char *valence_experiment_folder(const struct valence_experiment *experiment);

/* ---- State ---- */

enum valence_run_state {
    VALENCE_RUN_WAITING,
    VALENCE_RUN_RUNNING, /* a process is training it */
    VALENCE_RUN_STOPPED, /* half finished */
    VALENCE_RUN_DONE,
    VALENCE_RUN_DROPPED, /* successive halving went on without it */
    VALENCE_N_RUN_STATES
};
/* "waiting", ... */
extern VALENCE_API const char *const valence_run_state_names[VALENCE_MAX_NAMES];

struct valence_planned_run {
    const char *variant;
    int64_t seed;
    enum valence_run_state state;
    /* epochs trained, and how many there will be */
    int64_t epoch, n_epochs;
    /* spent on these epochs, and needed for the others; NaN where not yet known */
    double seconds, seconds_left;
    /* why it failed when it was last tried, or "" */
    const char *failure;
};

struct valence_experiment_state {
    int64_t n_runs;
    /* variant by variant, seed by seed */
    const struct valence_planned_run *runs;
    /* of runs in each state */
    int64_t counts[VALENCE_N_RUN_STATES];
    /* until all are done, as many at a time as resources.json says; NaN where not yet known */
    double seconds_left;
    /* 0 where not yet decided */
    int64_t n_jobs, n_threads;
};

/* Looks at the folder. *state is NULL on failure; free it with valence_experiment_state_free(),
 * which takes NULL. Errors: IO, FORMAT, MEMORY. */
VALENCE_API int valence_experiment_look(const struct valence_experiment *experiment,
                                        const struct valence_experiment_state **state,
                                        struct valence_error *error);
VALENCE_API void valence_experiment_state_free(const struct valence_experiment_state *state);

/* ---- Training ---- */

/* What a worker is asked to do: to call valence_experiment_work() with the same members. */
struct valence_worker {
    const char *folder;
    const char *variant;
    int64_t seed;
    int64_t n_threads;
    /* a measurement of this many seconds, number `trial`, and not a run; 0: a run */
    double trial_seconds;
    int trial;
    /* the file that standard error goes to */
    const char *log;
};

struct valence_experiment_options {
    /* sizeof(struct valence_experiment_options); set by valence_experiment_options_default() */
    size_t size;
    /* Starts a process that works as `worker` says, and gives its id; the library waits for it, and
     * ends it by SIGTERM. It should end when the process that started it does. NULL: runs are
     * trained in the calling process, one after the other. */
    int (*start)(void *user, const struct valence_worker *worker, int64_t *process,
                 struct valence_error *error);
    void *user;
    /* Cores to use; 0: valence_default_threads(). */
    int64_t n_cores;
    /* Runs at once, of n_cores / n_jobs threads each; 0: what is fastest by a measurement of a few
     * seconds, which resources.json keeps. */
    int64_t n_jobs;
    /* Bytes that all runs together may take; 0: no limit. It is kept by starting fewer runs, whose
     * size the measurement tells. */
    int64_t memory;
    const struct valence_progress *progress;
};
VALENCE_API void valence_experiment_options_default(struct valence_experiment_options *options);

/* Trains every run that is not finished. `options` may be NULL.
 *
 * A worker that is killed is started again, and its run resumes; after ten times without a new
 * epoch that is an error. The first run that fails ends the experiment, which you can run again.
 *
 * Errors: BUSY if another process runs the experiment; those of valence_train(), naming the run;
 * LIMIT with key "memory" if a single run takes more; CANCELLED, with everything saved. */
VALENCE_API int valence_experiment_run(const struct valence_experiment *experiment,
                                       const struct valence_experiment_options *options,
                                       struct valence_error *error);

/* The work of one process: trains a run, or continues it, until it is finished. Of `worker`, `log`
 * is not read. Returns at once if the run is finished already. Errors: NOT_FOUND for a variant or a
 * seed that the plan does not have; those of valence_train(). */
VALENCE_API int valence_experiment_work(const struct valence_worker *worker,
                                        const struct valence_progress *progress,
                                        struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
