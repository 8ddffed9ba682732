/* The models of a run: what a path on the command line stands for. */
#ifndef VALENCE_RUN_RUN_MODELS_H
#define VALENCE_RUN_RUN_MODELS_H

#include "valence/error.h"

#define RUN_MAX_MODELS 1000

struct run_model {
    char *path;     /* of the checkpoint */
    char name[256]; /* "seed-1", or the name of the run's folder or of the file */
};

struct run_models {
    int n;
    struct run_model *models; /* by number of seed */
};

/* `run` is a checkpoint file, a run's folder with best.safetensors and last.safetensors, or a
 * folder of such folders seed-1, seed-2, ... `which` is "best" or "last". Errors: NOT_FOUND, LIMIT,
 * MEMORY. Empty on failure; free with run_models_free(). */
int run_models_find(const char *run, const char *which, struct run_models *models,
                    struct valence_error *error);
void run_models_free(struct run_models *models);

#endif
