/* Where imported clips go: a store or, where they are only looked at, a summary; and what is
 * measured of them on the way. */
#ifndef VALENCE_EXCHANGE_IMPORT_TARGET_H
#define VALENCE_EXCHANGE_IMPORT_TARGET_H

#include "exchange/column_rounding.h"
#include "exchange/import.h"

struct import_target {
    const struct import_request *request;
    const struct import_source *source;
    /* The source's streams, with the types that they are stored as. */
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_writer *writer; /* NULL: the summary */
    int64_t n_before;                    /* clips in the store when it was opened */
    bool was_finished;                   /* and it was whole then */
    bool is_measuring;                   /* clips that are stored already, too */
    struct column_rounding rounding[VALENCE_STORE_MAX_STREAMS]; /* of the streams of f16 */
};

/* Opens the store for going on with the same import, or begins it. Close with
 * import_target_close(), after an error too. */
int import_target_open(struct import_target *target, const struct import_request *request,
                       struct import_source *source, struct valence_error *error);

/* The ordinal of a clip that is stored, or -1. */
int64_t import_target_find(const struct import_target *target, const char *id);

/* Adds a clip. */
int import_target_add(struct import_target *target, struct valence_clip *clip,
                      const struct valence_clip_rows *rows, int n_rows,
                      struct valence_error *error);

/* Measures rows that are stored (target->is_measuring). */
void import_target_measure(struct import_target *target, const struct valence_clip_rows *rows);

/* Once all clips are there: makes those streams f32 of which f16 loses columns, with a note. True
 * if the clips must be added again for it, after import_target_reopen(). */
bool import_target_check_types(struct import_target *target);
int import_target_reopen(struct import_target *target, struct valence_error *error);

/* Marks the store as finished. */
int import_target_finish(struct import_target *target, struct valence_error *error);

/* `error` is NULL after an error. */
int import_target_close(struct import_target *target, struct valence_error *error);

#endif
