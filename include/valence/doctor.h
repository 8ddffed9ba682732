/* What is wrong with a data set: findings in words, each with what to do about it; and whether a
 * store is as it was written. */
#ifndef VALENCE_DOCTOR_H
#define VALENCE_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/store.h"
#include "valence/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Published splits ---- */

/* How many clips a published split of a usual data set has. */
struct valence_published_split {
    /* "mosi": what programs call it. */
    const char *name;
    /* "CMU-MOSI, standard split", and who publishes it. */
    const char *title, *where;
    /* By enum valence_split. */
    int64_t n_clips[VALENCE_MAX_SPLITS];
};

/* The known ones, 0 ... n - 1; NULL for any other index or name. */
VALENCE_API int valence_n_published_splits(void);
VALENCE_API const struct valence_published_split *valence_published_split_at(int index);
VALENCE_API const struct valence_published_split *valence_published_split_find(const char *name);

/* ---- Findings ---- */

enum valence_severity { VALENCE_NOTE, VALENCE_WARNING };

struct valence_finding {
    /* The name for programs: "constant-columns". Codes stay the same from version to version. */
    const char *code;
    /* A note is good to know; a warning spoils training or figures. */
    enum valence_severity severity;
    /* What was found, and what to do about it; most notes have no remedy (NULL). */
    const char *text, *remedy;
    /* The import's setting that would change it ("dtype", "skip", "group", "validation_fraction"),
     * or "". */
    const char *key;
    /* The stream it is about, or "". */
    const char *stream;
    /* Clips it is about: all of them, and the numbers of the first few in the data set. */
    struct valence_clip_examples clips;
    /* Columns of the stream: all of them, and the first few, or the worst ones. */
    int64_t n_columns;
    int64_t columns[VALENCE_N_EXAMPLES];
};

struct valence_diagnosis {
    int n_findings, n_warnings;
    const struct valence_finding *findings;
    /* The published split that the counts were compared with; NULL where none is near. */
    const struct valence_published_split *published;
};

struct valence_doctor_options {
    /* sizeof(struct valence_doctor_options), set by the default function. */
    size_t size;
    /* Compare the counts with this published split; NULL: with the nearest, if one is near. */
    const char *published;
};

VALENCE_API void valence_doctor_options_default(struct valence_doctor_options *options);

/* Looks at a summary that was made with values. `options` may be NULL. *diagnosis is NULL on
 * failure; free it with valence_diagnosis_free(), which takes NULL. It does not use the summary
 * after this call. Errors: NOT_FOUND (no such published split), MEMORY. */
VALENCE_API int valence_diagnose(const struct valence_data_summary *summary,
                                 const struct valence_doctor_options *options,
                                 struct valence_diagnosis **diagnosis, struct valence_error *error);
VALENCE_API void valence_diagnosis_free(struct valence_diagnosis *diagnosis);

/* ---- Verifying ---- */

struct valence_verification {
    /* sizeof(struct valence_verification), set by the caller. */
    size_t size;
    /* False for a store of version 1, which has no checksums: then only sizes are checked. */
    bool has_checksums;
    /* Rows of one clip and stream each: all that were read, and those that are damaged. */
    int64_t n_values, n_damaged;
    /* Clips with damaged rows, and what is said of the first. */
    struct valence_clip_examples damaged;
    char text[VALENCE_ERROR_TEXT_BYTES];
};

/* Reads everything in a store and compares it with its checksums. (Records and LMDB's pages were
 * checked when it was opened.) Damaged rows are counted and do not stop it. `progress` may be NULL.
 * Errors: ARGUMENT (size), IO, MEMORY, CANCELLED. */
VALENCE_API int valence_store_verify(const struct valence_store *store,
                                     const struct valence_progress *progress,
                                     struct valence_verification *verification,
                                     struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
