/* Writing a store's clips in forms that other programs read, and that valence_import() reads back
 * the same. */
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

/* ---- Kinds ---- */

/* What is written: name, and a description for people (docs/file-formats.md says more). */
#define VALENCE_EXPORT_KIND_MAP(X)                                                                 \
    X(NPY, "npy",                                                                                  \
      "a folder with labels.csv and, for each stream, a folder with an (n, width) array ID.npy "   \
      "for each clip")                                                                             \
    X(SAFETENSORS, "safetensors",                                                                  \
      "one file: a stream's rows of all clips one after the other, and how many each has")         \
    X(MMSA, "mmsa",                                                                                \
      "one pickle as MMSA reads it: for each split padded f32 arrays text, audio and vision, "     \
      "their lengths, ids, transcripts and labels")                                                \
    X(NPZ, "npz", "the same as an .npz, with arrays train/text, valid/id, ...")

enum valence_export_kind {
#define VALENCE_EXPORT_KIND_ENUM(name, word, text) VALENCE_EXPORT_##name,
    VALENCE_EXPORT_KIND_MAP(VALENCE_EXPORT_KIND_ENUM)
#undef VALENCE_EXPORT_KIND_ENUM
};

/* The kinds are 0 ... n - 1. Name ("npy") and description; NULL for any other number. */
VALENCE_API int valence_n_export_kinds(void);
VALENCE_API const char *valence_export_kind_name(int kind);
VALENCE_API const char *valence_export_kind_text(int kind);

/* ---- Options and results ---- */

struct valence_export_options {
    /* sizeof(struct valence_export_options), set by the default function. */
    size_t size;
    /* Replace an existing file, which keeps its mode. A folder is never replaced. */
    bool overwrite;
};

/* Nothing is replaced. */
VALENCE_API void valence_export_options_default(struct valence_export_options *options);

struct valence_export_result {
    /* sizeof(struct valence_export_result), set by the caller. */
    size_t size;
    int64_t n_clips;
    /* Rows written of each of the store's streams. */
    int64_t n_rows[VALENCE_STORE_MAX_STREAMS];
    /* Bits 1 << stream: streams that the kind has no place for. */
    unsigned left_out;
};

/* Writes all clips of an open store to `target`. It appears when it is complete; on an error or
 * cancellation nothing is left, and what an export that was killed left is removed by the next one.
 * Symbolic links are followed; a device, a pipe or "-" (standard output) is written into, which the
 * kinds of one file but npz allow. Rows are read piece by piece, so memory grows with the number of
 * clips, not with their length. `options` (NULL: the defaults), `progress` and `result` may be
 * NULL; *result is meaningful on success.
 *
 * Errors: EXISTS (key "overwrite" for a file, "target" for a folder); DATA (key "kind") for an id
 * that cannot be a file's name (npy); LIMIT where the clips' records do not fit into a header
 * (safetensors); ARGUMENT for no such kind, and (key "kind") where the store has none of the kind's
 * streams (mmsa, npz); IO, DISK_FULL, CANCELLED, MEMORY. */
VALENCE_API int valence_export(enum valence_export_kind kind, const struct valence_store *store,
                               const char *target, const struct valence_export_options *options,
                               const struct valence_progress *progress,
                               struct valence_export_result *result, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
