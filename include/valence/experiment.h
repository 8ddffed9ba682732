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
#include "valence/evaluate.h"
#include "valence/metrics.h"
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
    /* Whether two variants may have the same configuration: a curve has a point where the base
     * lies. Otherwise the second one is refused, since its runs would only repeat the first's. */
    bool allow_equal;
    /* Checks the variants' configurations alone: looks at no folder, writes nothing, and
     * *experiment is NULL. */
    bool dry_run;
};
VALENCE_API void valence_plan_options_default(struct valence_plan_options *options);

/* Makes the folder that `config` names as "output", or opens the experiment in it if that has the
 * same plan. The seeds are "seed" ... "seed" + "seeds" - 1 of the configuration. The first variant
 * is what the others are compared with. *experiment is NULL on failure; close it with
 * valence_experiment_close(), which takes NULL. `options` may be NULL.
 *
 * Errors: CONFIG for a key or a value that is wrong; ARGUMENT for names, and with key "variant" for
 * a variant that is equal to another; those of a dry run of valence_train(), for every variant;
 * EXISTS with key "output" if the folder holds something else, or another plan; IO, DISK_FULL,
 * MEMORY. */
VALENCE_API int valence_experiment_create(const struct valence_train_config *config,
                                          const struct valence_variant *variants, int n_variants,
                                          const struct valence_plan_options *options,
                                          struct valence_experiment **experiment,
                                          struct valence_error *error);

/* The variants of an ablation: "full", which is the configuration itself, then one for each part
 * that it has and that can be removed:
 *
 *   no-mia                   nothing is imagined
 *   no-mkd-representation, no-mkd-cross, no-mkd   without distillation: one term, the other, both
 *   no-rs, no-rnc            without the similarity of representations; without contrast
 *   single-flow              the complete flow alone, with all the weight that the flows had
 *   no-cross-attention       an MLP over the pooled modalities side by side
 *   fused-view-alone         one query view of seven
 *   mean-modality-weights, mean-view-weights   1 / n instead of learned weights
 *   no-simulated-text        missing text is an empty sequence
 *   no-audio, no-text, no-video   without a modality, and without the flows that miss it
 *
 * *variants is made by the library, NULL on failure; free it with valence_variants_free(), which
 * takes NULL. Errors: CONFIG with key "model.fusion" where there is nothing to remove, as in the
 * constant; ARGUMENT, MEMORY. */
VALENCE_API int valence_ablation_create(const struct valence_train_config *config,
                                        const struct valence_variant **variants, int *n,
                                        struct valence_error *error);
VALENCE_API void valence_variants_free(const struct valence_variant *variants, int n);

enum valence_sweep_method {
    VALENCE_SWEEP_GRID, /* all combinations */
    VALENCE_SWEEP_ONE,  /* one key after the other, the others as they are */
    VALENCE_SWEEP_RANDOM,
    VALENCE_N_SWEEP_METHODS
};
/* "grid", ... */
extern VALENCE_API const char *const valence_sweep_method_names[VALENCE_MAX_NAMES];

struct valence_sweep_options {
    /* sizeof(struct valence_sweep_options); set by valence_sweep_options_default() */
    size_t size;
    enum valence_sweep_method method; /* one */
    int64_t n_draws;                  /* of random settings, 20 */
    uint64_t seed;                    /* of the draws, 1 */
};
VALENCE_API void valence_sweep_options_default(struct valence_sweep_options *options);

/* The variants of a sweep: "base", which is the configuration itself, then the settings. A range is
 * "KEY=LOW:HIGH:STEP", "KEY=LOW:HIGH:*FACTOR" or "KEY=VALUE,VALUE,..."; random draws lie anywhere
 * between LOW and HIGH, evenly on a logarithmic scale where a FACTOR is given; none is drawn twice.
 * Handed out as by valence_ablation_create(). Errors: CONFIG for a key or a value that is wrong or
 * given twice, and for a range that is empty; ARGUMENT with key "n_draws" where the ranges have
 * fewer settings than there are draws; LIMIT; ARGUMENT; MEMORY. */
VALENCE_API int valence_sweep_create(const struct valence_train_config *config,
                                     const char *const *ranges, int n_ranges,
                                     const struct valence_sweep_options *options,
                                     const struct valence_variant **variants, int *n,
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
     * ends it by SIGTERM. Its exit status is minus what valence_experiment_work() gave, and it
     * writes the error's text to standard error. It should end when the process that started it
     * does. NULL: runs are trained in the calling process, one after the other. */
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

/* ---- Results ---- */

/* A metric of a variant in a flow, over its seeds. A share is 0 ... 1. */
struct valence_result_cell {
    double mean, deviation; /* NaN of one seed */
    /* this variant less the first, with an interval of VALENCE_METRIC_LEVEL over recordings and
     * seeds; NaN of the first variant, and where a metric is undefined */
    double difference;
    struct valence_interval interval;
    /* of no difference, two-sided; and adjusted for all tests of the result (Holm) */
    double p, p_holm;
    /* the smallest true difference that would have been found at 5 % in 80 % of cases */
    double detectable;
};

/* The validation error of the best epochs of a variant's runs: the mean absolute error, or the
 * cross-entropy where labels are classes. */
struct valence_result_validation {
    double mean, deviation;
};

struct valence_result_variant {
    const char *name;
    int64_t n_models; /* 0 where it was not measured */
    int64_t n_parameters;
    /* (n_flows, n_metrics); NULL where it was not measured */
    const struct valence_result_cell *cells;
    /* of an experiment: the error by which its configuration selects, over the seeds, and (n
     * validation flows) that of each flow; else NULL and NaN */
    struct valence_result_validation selected;
    const struct valence_result_validation *validation;
    int64_t n_epochs; /* trained by each run */
};

struct valence_experiment_result {
    const char *kind;
    int n_variants;
    const struct valence_result_variant *variants;
    int best; /* the variant with the smallest validation error; -1 where there is none */
    int n_validation_flows;
    const unsigned *validation_flows;
    /* What the cells are of. */
    int n_flows;
    const unsigned *flows;
    int n_metrics;
    const enum valence_metric *metrics;
    enum valence_split split;
    enum valence_scale scale;
    bool synthetic;
    int64_t n_clips, n_left_out; /* clips that some variant has no rows of are left out */
    int64_t n_recordings;
    int64_t n_resamples, n_tests;
    /* (n_flows, n_metrics): the median of the cells' */
    const double *detectable;
    /* the same as JSON, as result.json has it */
    const char *json;
};

/* Measures a finished experiment on the store that it was trained on, and writes its result.json.
 * Of a plan of the kind "sweep" only the first variant and that with the smallest validation error
 * are measured, so that nothing is chosen on the test part.
 *
 * `options` may be NULL; n_resamples is then 10000. Without flows those of the plan's configuration
 * are measured. *result is NULL on failure; free it with valence_experiment_result_free(), which
 * takes NULL.
 *
 * Errors: BUSY where a run is not finished, naming it; DATA where the store has changed; those of
 * valence_evaluate(); IO, DISK_FULL, MEMORY. */
VALENCE_API int valence_experiment_evaluate(const struct valence_experiment *experiment,
                                            const struct valence_evaluate_options *options,
                                            const struct valence_progress *progress,
                                            const struct valence_experiment_result **result,
                                            struct valence_error *error);

/* The same for n runs that were trained before, the first being what the others are compared with.
 * A run may have several seeds. Nothing is written. Errors: as above, and DATA where a run was
 * trained on other data than the store holds. */
VALENCE_API int valence_compare_runs(const char *const *runs, int n,
                                     const struct valence_store *store,
                                     const struct valence_evaluate_options *options,
                                     const struct valence_progress *progress,
                                     const struct valence_experiment_result **result,
                                     struct valence_error *error);
VALENCE_API void valence_experiment_result_free(const struct valence_experiment_result *result);

/* Computes a result file's figures again, from the runs and the store that it names, and calls
 * `differs` for each value that is another: `where` is "variants[2].flows.complete.mae.mean".
 * Figures that differ by less than 1e-6 of their size count as the same: other processors round
 * differently. An experiment's runs are those beside the file. `store` takes the place of the one
 * that the file names; it and `progress` may be NULL. *n_differences counts them.
 *
 * Errors: NOT_FOUND, FORMAT for something else than a result file; those of
 * valence_experiment_evaluate() and valence_compare_runs(). */
VALENCE_API int valence_result_verify(const char *path, const char *store,
                                      void (*differs)(void *user, const char *where,
                                                      const char *recorded, const char *found),
                                      void *user, const struct valence_progress *progress,
                                      int64_t *n_differences, struct valence_error *error);

/* Compares two JSON texts, what is recorded and what was found now, by the same rule: every value
 * counts. Thread-safe. Errors: ARGUMENT for NULL; FORMAT for something else than JSON; MEMORY. */
VALENCE_API int valence_result_compare(const char *recorded, const char *found,
                                       void (*differs)(void *user, const char *where,
                                                       const char *recorded, const char *found),
                                       void *user, int64_t *n_differences,
                                       struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
