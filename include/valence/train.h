/* Training the double-flow network on a feature store.
 *
 * A run is a folder:
 *   config.yaml          every key with the value used; resuming reads it
 *   last.safetensors     the state after the last finished epoch or saved step, with all it takes
 * to go on best.safetensors     the epoch with the smallest validation error: the model to use
 *   log.jsonl            a line an epoch: learning rate, every loss term, validation errors
 *   timing.jsonl         a line an epoch and process: seconds and clips per second
 *   results.json         what the run came to, once it is finished
 * or, with several seeds, a folder with config.yaml, results.json (mean and standard deviation) and
 * a run in each seed-1, seed-2, ...
 *
 * Same seed, machine and number of threads: the same bytes in every file but timing.jsonl, also
 * where the run was killed at any moment and resumed. The best epoch is chosen on the validation
 * part alone; the test part is never read.
 *
 * Source: arXiv 2410.15029, sections 2.4 and 3.1. */
#ifndef VALENCE_TRAIN_H
#define VALENCE_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/model.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration ---- */

struct valence_train_config;

/* All keys at their defaults. *config is NULL on failure; free with valence_train_config_free(),
 * which takes NULL. */
VALENCE_API int valence_train_config_create(struct valence_train_config **config,
                                            struct valence_error *error);
VALENCE_API void valence_train_config_free(struct valence_train_config *config);

/* Sets the keys that a YAML file holds. Errors: NOT_FOUND, IO; CONFIG with file, line and key for
 * anything that is not a known key with a usable value. Keys before the error may be set. */
VALENCE_API int valence_train_config_read(struct valence_train_config *config, const char *path,
                                          struct valence_error *error);

/* Sets one key from "model.d=128" or "flows=[complete, text_missing]". */
VALENCE_API int valence_train_config_set(struct valence_train_config *config,
                                         const char *assignment, struct valence_error *error);

/* The configuration as YAML, `annotated` with what each key means. NULL where memory is short;
 * free() it. */
VALENCE_API char *valence_train_config_text(const struct valence_train_config *config,
                                            bool annotated);

/* ---- Training ---- */

/* What one run came to. */
struct valence_train_run {
    int64_t seed;
    int64_t n_parameters;
    int64_t n_train, n_validation; /* clips used */
    int64_t n_unlabelled;          /* clips of both parts left out: no label */
    int64_t n_empty;               /* left out: no rows in any stream */
    int64_t n_cut;                 /* used, but some stream was cut to max_rows */
    char first_cut[512];           /* the id of the first of those, or "" */
    int64_t n_epochs;              /* trained */
    int64_t best_epoch;            /* from 1 */
    int n_flows;
    unsigned flows[VALENCE_MAX_FLOWS];        /* as configured: sets of missing modalities */
    double validation_mae[VALENCE_MAX_FLOWS]; /* of the best epoch, by flow */
    /* of always saying the median of the training labels; a run that is no better has not learnt */
    double constant_mae;
};

/* Trains; with `resume` it continues what is in the output folder (also where nothing was saved
 * yet), else that folder must not exist or be empty. `runs` receives one entry a seed and has room
 * for valence_train_n_runs(config). `progress` may be NULL.
 *
 * Errors: CONFIG; EXISTS (a run is there, and what to do); BUSY (another process trains there);
 * NOT_FOUND for the store, a stream, or an empty training or validation part; DATA where the loss
 * is no longer finite, naming the step and the last good checkpoint; CANCELLED (progress asked for
 * it: everything is saved, and resuming goes on exactly there); DISK_FULL, IO, MEMORY. */
VALENCE_API int valence_train(const struct valence_train_config *config, bool resume,
                              const struct valence_progress *progress,
                              struct valence_train_run *runs, struct valence_error *error);
VALENCE_API int64_t valence_train_n_runs(const struct valence_train_config *config);

#ifdef __cplusplus
}
#endif
#endif
