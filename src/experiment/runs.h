/* The runs of an experiment: how far each is, and which are still to be trained. */
#ifndef VALENCE_EXPERIMENT_RUNS_H
#define VALENCE_EXPERIMENT_RUNS_H

#include "experiment/plan.h"

/* ---- Rungs of successive halving ---- */

/* Without halving there is one rung, and every variant is in it. */
struct rungs {
    int64_t current; /* the rung being trained */
    int n_variants;
    struct {
        int64_t rung; /* the last that this variant is trained to, as far as it is known */
        bool dropped; /* it was not among the best there */
    } * variants;
};

/* Errors: FORMAT, IO, MEMORY. Free with rungs_free(), also after an error. */
int rungs_read(const struct valence_experiment *experiment, struct rungs *rungs,
               struct valence_error *error);
void rungs_free(struct rungs *rungs);

/* All runs of the current rung are finished: chooses the variants that go on, and writes which. The
 * current rung must not be the last. */
int rungs_advance(const struct valence_experiment *experiment, struct rungs *rungs,
                  struct valence_error *error);

/* ---- Results of a run ---- */

struct run_validation {
    int64_t n_epochs, best_epoch;
    int n_flows;
    unsigned flows[VALENCE_MAX_FLOWS];
    double mae[VALENCE_MAX_FLOWS];
    double selected; /* the error that "select" chooses the best epoch by */
};

/* What results.json says. NOT_FOUND if the run is not finished; FORMAT if it is damaged. */
int run_validation_read(const struct valence_experiment *experiment, int variant, int64_t seed,
                        struct run_validation *validation, struct valence_error *error);

/* Whether a run is finished as far as a rung. Errors: FORMAT, CONFIG, MEMORY. */
int run_is_done(const struct valence_experiment *experiment, int variant, int64_t seed,
                int64_t rung, bool *done, struct valence_error *error);

/* Epochs that a run has saved, from its log. */
int64_t run_epochs(const struct valence_experiment *experiment, int variant, int64_t seed);

/* True if a process trains in a folder. */
bool folder_is_busy(const char *path);

/* The same of a run's folder. */
bool run_is_busy(const struct valence_experiment *experiment, int variant, int64_t seed);

/* "FOLDER/logs/NAME/seed-N.txt" in path[PLAN_FILE_BYTES]. */
const char *run_log_file(const struct valence_experiment *experiment, int variant, int64_t seed,
                         char *path);

/* What a failed worker wrote, without its program's name; "" if there is nothing. */
void run_failure(const struct valence_experiment *experiment, int variant, int64_t seed, char *text,
                 size_t room);

#endif
