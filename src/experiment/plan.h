/* An experiment's plan: which runs there are, and where. */
#ifndef VALENCE_EXPERIMENT_PLAN_H
#define VALENCE_EXPERIMENT_PLAN_H

#include <jansson.h>

#include "run/run_folder.h"
#include "train/train_config.h"
#include "valence/experiment.h"

#define PLAN_FILE      EXPERIMENT_PLAN
#define RESOURCES_FILE "resources.json"
#define RUNGS_FILE     "rungs.json"
#define RESULT_FILE    "result.json"

#define VARIANT_NAME_BYTES 64
#define PLAN_PATH_BYTES    1200

struct plan_variant {
    char name[VARIANT_NAME_BYTES];
    int n_assignments;
    char **assignments; /* "KEY=VALUE" */
};

struct valence_experiment {
    char folder[PLAN_PATH_BYTES];
    char kind[VARIANT_NAME_BYTES];
    struct valence_train_config config; /* its "output" is the folder */
    int64_t n_rungs, factor;            /* as in struct valence_plan_options */
    int n_variants;
    struct plan_variant *variants;
};

/* "FOLDER/name" in path[PLAN_PATH_BYTES + 256]. */
#define PLAN_FILE_BYTES (PLAN_PATH_BYTES + 256)
const char *plan_file(const struct valence_experiment *experiment, const char *name, char *path);

/* The folder of a run. */
const char *plan_run_folder(const struct valence_experiment *experiment, int variant, int64_t seed,
                            char *path);

/* The configuration of a run in its folder, with the epochs of a rung (the last: all). Errors:
 * CONFIG, naming the variant; ARGUMENT for a folder with too long a name. */
int plan_run_config(const struct valence_experiment *experiment, int variant, int64_t seed,
                    int64_t rung, struct valence_train_config *config, struct valence_error *error);

/* The index of a variant, or -1. */
int plan_find_variant(const struct valence_experiment *experiment, const char *name);

/* Reads a JSON file of at most 64 MiB. NOT_FOUND if there is no such file. */
int plan_read_json(const char *path, json_t **value, struct valence_error *error);

/* Writes one: the old file or the complete new one. Releases `value`; NULL is ERROR_MEMORY. */
int plan_write_json(const char *path, json_t *value, struct valence_error *error);

#endif
