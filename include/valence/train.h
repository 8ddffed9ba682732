/* Training the double-flow network on a feature store.
 *
 * A run is a folder with these files:
 *
 *   config.yaml        every key with the value used; resuming reads it
 *   best.safetensors   the model of the epoch with the smallest validation error: the one to use
 *   last.safetensors   the whole state of the training, to resume from
 *   log.jsonl          one line for each epoch: learning rate, loss terms, validation errors
 *   timing.jsonl       one line for each epoch and process: seconds and clips per second
 *   results.json       the results, once the run has finished
 *
 * With several seeds the folder holds config.yaml, results.json (mean and standard deviation) and a
 * run in each of seed-1, seed-2, ...
 *
 * Same seed, machine and number of threads: the same bytes in every file but timing.jsonl, also
 * where the run was killed at any moment and resumed. The best epoch is chosen on the validation
 * part alone; the test part is never read.
 *
 * Source: arXiv 2410.15029, sections 2.4 and 3.1. */
#ifndef VALENCE_TRAIN_H
#define VALENCE_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/model.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration ---- */

/* What decides a run: keys such as "model.d", each with a value. Not thread-safe while it is
 * changed. */
struct valence_train_config;

enum valence_train_key_type {
    VALENCE_TRAIN_TEXT,    /* UTF-8 on one line, at most `maximum` bytes where that is not 0 */
    VALENCE_TRAIN_INTEGER, /* `minimum` ... `maximum` */
    VALENCE_TRAIN_NUMBER,  /* `minimum` ... `maximum`, with a decimal point in any locale */
    VALENCE_TRAIN_FLAG,    /* true or false */
    VALENCE_TRAIN_CHOICE,  /* one of `choices` */
    VALENCE_TRAIN_COUNT,   /* `minimum` ... `maximum`, or all */
    VALENCE_TRAIN_FLOWS    /* a list of `choices`: "[complete, text_missing]" */
};

/* What is known about a key. It lives as long as the program. */
struct valence_train_key {
    /* "model.d": section and key, or "epochs" at the top level */
    const char *name;
    enum valence_train_key_type type;
    /* the default, as valence_train_config_set() takes it */
    const char *standard;
    /* inclusive; both 0 where there is no range */
    double minimum, maximum;
    /* `n_choices` names; NULL where any value of the type is possible */
    const char *const *choices;
    int n_choices;
    /* one or more sentences for people */
    const char *help;
};

/* All keys, in the order in which a configuration is printed. NULL for an index or a name that is
 * no key's. */
VALENCE_API int valence_train_n_keys(void);
VALENCE_API const struct valence_train_key *valence_train_key(int i);
VALENCE_API const struct valence_train_key *valence_train_key_find(const char *name);

/* All keys at their defaults. *config is NULL on failure; free with valence_train_config_free(),
 * which takes NULL. */
VALENCE_API int valence_train_config_create(struct valence_train_config **config,
                                            struct valence_error *error);
VALENCE_API void valence_train_config_free(struct valence_train_config *config);

/* Sets the keys that a YAML file holds, or that `size` bytes of YAML do (`name` stands for the file
 * in errors; the bytes need no NUL). A key is written in its section or with a dot: "model: {d:
 * 64}" or "model.d: 64". Errors: NOT_FOUND, IO, LIMIT (more than 1 MiB); CONFIG with file, line and
 * key for anything that is not a known key with a usable value, for keys that are set twice, and
 * for anchors, aliases, tags and further documents. Keys before the error may be set. */
VALENCE_API int valence_train_config_read(struct valence_train_config *config, const char *path,
                                          struct valence_error *error);
VALENCE_API int valence_train_config_parse(struct valence_train_config *config, const char *yaml,
                                           size_t size, const char *name,
                                           struct valence_error *error);

/* Room for any value with its NUL. */
#define VALENCE_TRAIN_VALUE_BYTES 1100

/* Sets one key: "model.d" to "128", "flows" to "[complete, text_missing]". On an error (CONFIG)
 * nothing changes; error->key is the key's name, or that of the key that an unknown name was meant
 * to be, or "config" where that is none. */
VALENCE_API int valence_train_config_set(struct valence_train_config *config, const char *key,
                                         const char *value, struct valence_error *error);

/* Writes a key's value to `value`, which has room for `room` bytes, as valence_train_config_set()
 * takes it. Errors: CONFIG for an unknown key, LIMIT where the room is too small; `value` is "" on
 * an error. */
VALENCE_API int valence_train_config_get(const struct valence_train_config *config, const char *key,
                                         char *value, size_t room, struct valence_error *error);

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
