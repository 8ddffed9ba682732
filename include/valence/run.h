/* Runs: the folders that training writes, and the models in them. */
#ifndef VALENCE_RUN_H
#define VALENCE_RUN_H

#include "valence/api.h"
#include "valence/error.h"
#include "valence/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum valence_checkpoint {
    VALENCE_CHECKPOINT_BEST, /* the epoch with the smallest validation error: the model to use */
    VALENCE_CHECKPOINT_LAST, /* where the training stands */
    VALENCE_N_CHECKPOINTS
};
/* "best", "last" */
extern VALENCE_API const char *const valence_checkpoint_names[VALENCE_MAX_NAMES];

struct valence_run; /* a list of models; nothing of them is loaded */

/* `path` is a checkpoint file, a run's folder with best.safetensors and last.safetensors, or a
 * folder of such folders seed-1, seed-2, ... *run is NULL on failure; close with
 * valence_run_close(), which takes NULL.
 *
 * Errors: NOT_FOUND where nothing is there, the folder holds no run, or a seed's training has not
 * got that far, naming it; LIMIT for more than 1000 seeds; ARGUMENT; IO; MEMORY. */
VALENCE_API int valence_run_open(const char *path, enum valence_checkpoint which,
                                 struct valence_run **run, struct valence_error *error);
VALENCE_API void valence_run_close(struct valence_run *run);

/* By number of seed. */
VALENCE_API int valence_run_n_models(const struct valence_run *run);

/* "seed-1", or the name of the run's folder or of the file; and the path of the checkpoint. NULL
 * for a model that does not exist. They live until the run is closed. */
VALENCE_API const char *valence_run_model_name(const struct valence_run *run, int model);
VALENCE_API const char *valence_run_model_path(const struct valence_run *run, int model);

/* How many epochs of a model's training are kept (the configuration's keep_epochs), and the model
 * of one of them, from 1, to `path`, which has room for `room` bytes. Errors: NOT_FOUND for an
 * epoch that is not kept or a model that does not exist; LIMIT where the room is too small;
 * ARGUMENT. */
VALENCE_API int64_t valence_run_n_epochs(const struct valence_run *run, int model);
VALENCE_API int valence_run_epoch_path(const struct valence_run *run, int model, int64_t epoch,
                                       char *path, size_t room, struct valence_error *error);

/* Loads the run as one model: its only one, or the group of its seeds (valence_model_group()),
 * whose score is their mean. Errors: those of valence_model_load() and valence_model_group(). */
VALENCE_API int valence_run_load(const struct valence_run *run, struct valence_model **model,
                                 struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
