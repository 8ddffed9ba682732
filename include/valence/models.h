/* The encoders that are known by name, and a folder that keeps their files.
 *
 * What has a pinned package is obtained from it once and checked by its hash; everything else is
 * put into the folder by you. A file that was hashed before, and has not changed since, is not
 * hashed again: FOLDER/verified remembers path, size and time of change. */
#ifndef VALENCE_MODELS_H
#define VALENCE_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A file that a package index offers. */
struct valence_model_package {
    const char *registry; /* "PyPI" or "npm" */
    const char *name, *version;
    const char *file; /* what it is called there, and in a mirror */
    int64_t bytes;
    const char *sha256;
};

/* One way to make a model's file. */
struct valence_model_source {
    int64_t n_packages;
    const struct valence_model_package *packages;
    const char *sha256; /* of the file made: the weights are the same, details may differ */
};

struct valence_known_model {
    const char *name;   /* "smollm2" */
    const char *title;  /* "SmolLM2-135M-Instruct, Q4_1" */
    const char *stream; /* that it makes */
    const char *license;
    const char *origin; /* where it comes from, in words */
    const char *file;   /* in the folder */
    int64_t bytes;      /* of `file`; 0 where it depends on how the file was made */
    const char *sha256; /* of `file` as its first source makes it; NULL likewise */
    /* What valence_model_fetch() makes it from, the first that can be had; 0 where it cannot. */
    int64_t n_sources;
    const struct valence_model_source *sources;
};

/* The models are 0 ... n-1; they live as long as the program. NULL for another index or name. */
VALENCE_API int valence_n_known_models(void);
VALENCE_API const struct valence_known_model *valence_known_model_get(int index);
VALENCE_API const struct valence_known_model *valence_known_model_find(const char *name);

enum valence_model_state {
    VALENCE_MODEL_ABSENT,
    VALENCE_MODEL_PRESENT,  /* a file of that name; nothing is known to compare it with */
    VALENCE_MODEL_VERIFIED, /* its SHA-256 is the known one */
    VALENCE_MODEL_DAMAGED,  /* it is not */
    VALENCE_N_MODEL_STATES
};
/* "absent", ... */
extern VALENCE_API const char *const valence_model_state_names[VALENCE_MAX_NAMES];

/* Where the model's file is, or would be, in *path, which you free with
 * valence_text_free() (valence/text.h). Errors: MEMORY. */
VALENCE_API int valence_model_path(const char *folder, const struct valence_known_model *model,
                                   char **path, struct valence_error *error);

/* The folder's memory of verified files, for struct valence_encoder_options, in *path, freed
 * the same way. */
VALENCE_API int valence_model_memory(const char *folder, char **path, struct valence_error *error);

/* What the folder has of the model. `anew`: the file is hashed even if it was before. Errors: IO,
 * MEMORY. */
VALENCE_API int valence_model_check(const char *folder, const struct valence_known_model *model,
                                    bool anew, enum valence_model_state *state,
                                    struct valence_error *error);

/* Makes the GGUF file `to` from a folder of what packages hold. `kind` is "whisper" or "faces".
 * valence_convert_known_model() of valence/convert.h is one. */
typedef int valence_model_convert(const char *kind, const char *folder, const char *to,
                                  const struct valence_progress *progress,
                                  struct valence_error *error);

struct valence_model_fetch_options {
    size_t size;
    /* Your own files, recognised by their hashes: the model itself, or packages that it is made
     * from. What they do not cover is downloaded. */
    const char *const *files;
    int64_t n_files;
    /* A folder, or the http or https URL of one, that holds the packages under their file names:
     * they are taken from there and from nowhere else. NULL: from the package indexes. */
    const char *mirror;
    bool offline; /* never download */
    /* For models that are converted from their packages; NULL: these cannot be fetched. */
    valence_model_convert *convert;
    const struct valence_progress *progress; /* or NULL */
};

VALENCE_API void valence_model_fetch_options_default(struct valence_model_fetch_options *options);

/* Obtains a model from its pinned packages, checks the hashes of packages and model, and puts it
 * into the folder in one step. One that is there and verified is left alone; a damaged one is
 * replaced. Processes that fetch at the same time wait for each other.
 *
 * Packages are downloaded by programs: those of PyPI by Python's pip ("python3 -m pip"), those of
 * npm by npm, and from a mirror's URL by curl. After an interruption the next call goes on: with
 * the packages that were complete, and from a mirror's URL also with the part of one.
 *
 * `options` may be NULL. Errors: UNSUPPORTED for a model without package; NOT_FOUND, key "offline",
 * or "mirror" where it lacks a package; IO where the download fails, with what the program said,
 * key "file"; FORMAT where a hash differs; DISK_FULL; CANCELLED. */
VALENCE_API int valence_model_fetch(const char *folder, const struct valence_known_model *model,
                                    const struct valence_model_fetch_options *options,
                                    struct valence_error *error);

/* The file behind `name`, in *path, freed the same way. A known model's name means its file in the
 * folder, verified and, where it is absent, fetched; anything else is a path and given back as it
 * is. Errors: those of fetching; NOT_FOUND, saying where the model comes from; FORMAT for a damaged
 * one that cannot be fetched. *path is NULL on failure. */
VALENCE_API int valence_model_resolve(const char *folder, const char *name,
                                      const struct valence_model_fetch_options *options,
                                      char **path, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
