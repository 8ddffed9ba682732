/* Training the double-flow network on a feature store.
 *
 * A run is a folder with these files:
 *
 *   config.yaml        every key with the value used; resuming reads it
 *   best.safetensors   the model of the epoch with the smallest validation error: the one to use
 *   epoch-N.safetensors  with keep_epochs: the model of each epoch
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

#include "valence/collective.h"
#include "valence/api.h"
#include "valence/config.h"
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

/* All keys, in the order in which a configuration is printed. NULL for an unknown index or
 * name. */
VALENCE_API int valence_train_n_keys(void);
VALENCE_API const struct valence_config_key *valence_train_get_key(int i);
VALENCE_API const struct valence_config_key *valence_train_key_find(const char *name);

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

/* Sets one key: "model.d" to "128", "flows" to "[complete, text_missing]". On an error (CONFIG)
 * nothing changes; error->key is the key's name, or that of the key that an unknown name was meant
 * to be, or "config" if it is not one. */
VALENCE_API int valence_train_config_set(struct valence_train_config *config, const char *key,
                                         const char *value, struct valence_error *error);

/* Writes a key's value to `value`, which has room for `room` bytes, as valence_train_config_set()
 * takes it. Errors: CONFIG for an unknown key, LIMIT where the room is too small; `value` is "" on
 * an error. */
VALENCE_API int valence_train_config_get(const struct valence_train_config *config, const char *key,
                                         char *value, size_t room, struct valence_error *error);

/* All keys at values that suit a store: those of its streams that have the usual names, the flows
 * that make sense with them, and sizes and epochs by the number of training clips - the paper's for
 * 8000 clips and more, a smaller network that learns faster for fewer. Sets "store". Errors: those
 * of opening the store. */
VALENCE_API int valence_train_config_for_store(struct valence_train_config *config,
                                               const char *store, struct valence_error *error);

/* A model to compare with: a set of keys. "published" is this network trained as published, from
 * the start and for the labels that the paper's program has. The others are simpler, are trained on
 * complete clips for the squared error alone, and missing text is an empty sequence for them. */
struct valence_train_model {
    /* "constant", "ridge", "early-fusion", "late-fusion", "mult", "single-flow",
     * "modality-dropout" or "published" */
    const char *name;
    const char *help;               /* what it is, in a few words */
    const char *const *assignments; /* "KEY=VALUE" each */
    int n_assignments;
};

/* All of them. NULL for any other index. */
VALENCE_API int valence_train_n_models(void);
VALENCE_API const struct valence_train_model *valence_train_get_model(int i);

/* Sets a model's keys, and leaves the others as they are. Errors: CONFIG with key "model" for an
 * unknown name; ARGUMENT for NULL. */
VALENCE_API int valence_train_config_set_model(struct valence_train_config *config,
                                               const char *name, struct valence_error *error);

/* The configuration as YAML, `annotated` with what each key means. NULL where memory is short.
 * Free it with valence_text_free() (valence/text.h). */
VALENCE_API char *valence_train_config_text(const struct valence_train_config *config,
                                            bool annotated);

/* Reads the configuration of the run in a folder, and sets "output" to that folder: what a run is
 * resumed with. NOT_FOUND where there is no run; else as valence_train_config_read(). */
VALENCE_API int valence_train_config_read_run(struct valence_train_config *config,
                                              const char *folder, struct valence_error *error);

/* ---- What training reports ---- */

/* A loss term: its mean over the epoch's training clips. */
struct valence_train_loss {
    /* "total" (the weighted sum), or as in the configuration: "complete", "missing", "rep",
     * "cross", "feature", "rnc" (not computed, and 0, where its weight is 0) */
    const char *name;
    double value;
};

/* A finished epoch, after it was saved. Everything in it lives for the call only. */
struct valence_train_epoch {
    /* which of the runs of several seeds: 1 ... n_runs */
    int64_t run, n_runs;
    int64_t seed;
    /* 1 ... n_epochs */
    int64_t epoch, n_epochs;
    /* optimizer steps since the run began */
    int64_t step;
    double learning_rate;
    /* the mean norm of the gradients, before clipping */
    double gradient_norm;
    int n_losses;
    const struct valence_train_loss *losses;
    /* classes that are told apart, 0 where labels are scores */
    int64_t n_classes;
    /* mean absolute error on the validation clips by flow, as configured; of classes the mean
     * cross-entropy, here and below */
    int n_flows;
    const unsigned *flows;
    const double *validation_mae;
    /* the error that chooses the best epoch: which it is ("complete", "missing", "mean"), this
     * epoch's, and the smallest so far with its epoch */
    const char *select;
    double selected_mae, best_mae;
    int64_t best_epoch;
    bool is_best;
    /* clips trained on in this epoch by this process, the time that took, and with validation */
    int64_t n_clips;
    double training_seconds, seconds, clips_per_second;
    int n_threads;
};

/* Something about the data or the start that may spoil the result. Training continues. */
struct valence_train_note {
    /* "labels_equal": all labels of the training or of the validation clips are the same
     * "one_class":    the validation labels have one sign, the training labels both
     * "no_columns":   all columns of a stream are constant over the training clips
     * "not_taken":    parameters that do not fit those of options->from
     * "changed_data": the clips are not those that the run was begun with */
    const char *key;
    /* for people, one line */
    const char *text;
};

/* ---- Training ---- */

struct valence_train_options {
    /* sizeof(struct valence_train_options); set by valence_train_options_default() */
    size_t size;
    /* Continues the run in the output folder, also where it has saved nothing yet. Otherwise that
     * folder must be empty or not exist. */
    bool resume;
    /* Resumes although the training or validation clips have changed. */
    bool accept_changed_data;
    /* Checks configuration and data, and fills the result as far as it is known without training.
     * Writes nothing. */
    bool dry_run;
    /* A run's folder or a model file to take the initial weights from, where names and shapes fit;
     * NULL: random ones. A new run's own schedule and optimizer start from the beginning.
     * The streams that both read must have been encoded in the same way. */
    const char *from;
    /* May be NULL. A non-zero return of report() or epoch() stops the training: everything is saved
     * (ERROR_CANCELLED). All are called from the thread that called valence_train(). */
    const struct valence_progress *progress;
    int (*epoch)(void *user, const struct valence_train_epoch *epoch);
    void (*note)(void *user, const struct valence_train_note *note);
    /* handed to epoch() and note() */
    void *user;
    /* The ranks that train together (valence/collective.h), each calling valence_train(); NULL:
     * this process alone. Rank 0's configuration counts, except `store` and `threads`, which are
     * each rank's own; it alone writes the run, calls the functions above, and needs `output`. All
     * ranks must see the same clips. Several ranks give the bytes of one with `reduce: ordered`,
     * else the same up to rounding. A run may be resumed with another number of ranks. Where one
     * rank fails, all do: it with its own error, which names the rank, the others with ERROR_RANK.
     * A dry run is each rank's own. */
    const struct valence_collective *collective;
};

VALENCE_API void valence_train_options_default(struct valence_train_options *options);

/* The result of one run. */
struct valence_train_run {
    int64_t seed;
    int64_t n_parameters;
    /* clips used */
    int64_t n_train, n_validation;
    /* clips of both parts that were left out: without a label, or without rows in any stream */
    int64_t n_unlabelled, n_empty;
    /* clips with a stream that was cut to max_rows, and the id of the first of them, or "" */
    int64_t n_cut;
    char first_cut[512];
    /* epochs trained, and the best of them, from 1 */
    int64_t n_epochs, best_epoch;
    /* the flows as configured (sets of missing modalities), and the best epoch's mean absolute
     * error on the validation clips in each */
    int n_flows;
    unsigned flows[VALENCE_MAX_FLOWS];
    double validation_mae[VALENCE_MAX_FLOWS];
    /* the error on the validation clips of a model that always gives the median of the training
     * labels; a run that is no better has not learnt. Of classes: the cross-entropy of a model that
     * always gives their shares of the training clips */
    double constant_mae;
    /* 0 where labels are scores; else all errors above are cross-entropies */
    int64_t n_classes;
    /* of model.fusion: linear, the penalty that was used; 0 of other networks */
    double ridge_penalty;
};

struct valence_train_result {
    /* one for each seed */
    int64_t n_runs;
    const struct valence_train_run *runs;
    /* over the runs, by flow: mean and sample standard deviation (NaN of one run) of
     * validation_mae */
    double mean_mae[VALENCE_MAX_FLOWS], deviation_mae[VALENCE_MAX_FLOWS];
    /* the same as JSON, which results.json holds */
    const char *json;
};

/* Trains. `options` may be NULL: the defaults. `result` may be NULL where it is not wanted; else
 * *result is made by the library, NULL on failure; free it with valence_train_result_free(), which
 * takes NULL.
 *
 * Errors: CONFIG; EXISTS (something is in the output folder); BUSY (another process trains there);
 * NOT_FOUND for the store, a stream, an empty training or validation part, or nothing to resume;
 * DATA where the loss is no longer finite, naming the step and the last good checkpoint, and where
 * a run is resumed with other clips; CANCELLED; DISK_FULL, IO, MEMORY. */
VALENCE_API int valence_train(const struct valence_train_config *config,
                              const struct valence_train_options *options,
                              struct valence_train_result **result, struct valence_error *error);
VALENCE_API void valence_train_result_free(struct valence_train_result *result);

#ifdef __cplusplus
}
#endif
#endif
