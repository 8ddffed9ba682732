/* Writing a store's clips in forms that other programs read, and that valence_import_...() reads
 * back the same. */
#ifndef VALENCE_EXPORT_H
#define VALENCE_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name, and what it is (docs/file-formats.md describes them) */
#define VALENCE_EXPORT_FORM_MAP(X)                                                                 \
    X(NPY, "npy",                                                                                  \
      "a folder with labels.csv and, for each stream, a folder with an (n, width) array ID.npy "   \
      "for each clip")                                                                             \
    X(SAFETENSORS, "safetensors",                                                                  \
      "one file: a stream's rows of all clips one after the other, and how many each has")         \
    X(MMSA, "mmsa",                                                                                \
      "one pickle as MMSA reads it: for each split padded f32 arrays text, audio and vision, "     \
      "their lengths, ids, transcripts and labels")                                                \
    X(NPZ, "npz", "the same as an .npz, with arrays train/text, valid/id, ...")

enum valence_export_form {
#define VALENCE_EXPORT_FORM_ENUM(name, word, text) VALENCE_EXPORT_##name,
    VALENCE_EXPORT_FORM_MAP(VALENCE_EXPORT_FORM_ENUM)
#undef VALENCE_EXPORT_FORM_ENUM
        VALENCE_N_EXPORT_FORMS
};
extern VALENCE_API const char
    *const valence_export_form_names[VALENCE_N_EXPORT_FORMS]; /* "npy", ... */

struct valence_export_result {
    int64_t n_clips;
    int64_t n_rows[VALENCE_STORE_MAX_STREAMS]; /* written of each of the store's streams */
    unsigned left_out; /* bits 1 << stream: streams that the form has no place for */
};

/* Writes all clips to `target`. It appears when it is complete; on an error or cancellation nothing
 * is left. With `overwrite` an existing file is replaced and keeps its mode; a folder is never
 * replaced. Symbolic links are followed; a device, a pipe or "-" (standard output) is written into,
 * which the forms of one file but npz allow. Rows are read piece by piece, so memory does not grow
 * with them. `progress` may be NULL.
 *
 * Errors: EXISTS (key "overwrite" for a file, "target" for a folder); DATA for an id that cannot be
 * a file's name (npy); LIMIT where the clips' records do not fit into a header (safetensors);
 * ARGUMENT where the store has none of the form's streams (mmsa, npz); IO, DISK_FULL, CANCELLED. */
VALENCE_API int valence_export(const struct valence_store *store, const char *target,
                               enum valence_export_form form, bool overwrite,
                               const struct valence_progress *progress,
                               struct valence_export_result *result, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
