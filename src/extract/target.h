/* The store that an extraction fills: what of it can stay, and where the rest goes. */
#ifndef VALENCE_EXTRACT_TARGET_H
#define VALENCE_EXTRACT_TARGET_H

#include <jansson.h>
#include <stdbool.h>

#include "base/sha256.h"
#include "extract/plan.h"
#include "valence/store.h"

/* What is known of a planned clip before it is made. */
enum clip_state {
    CLIP_TO_DO,
    CLIP_STORED, /* the store that is written has it */
    CLIP_COPIED, /* the store that is replaced has its rows */
    CLIP_FAILED  /* it failed before, and has not changed since */
};

struct target_clip {
    enum clip_state state;
    int64_t index;                        /* CLIP_COPIED: in the old store */
    struct valence_store_failure failure; /* CLIP_FAILED: with texts of its own but for the id */
    char digest[SHA256_TEXT_BYTES];       /* of the file; "" where it is not known yet */
};

struct target {
    char *path, *partial;      /* OUTPUT, and OUTPUT.partial */
    bool is_rebuilt;           /* it is written to `partial`, and takes the place of `path` */
    struct valence_store *old; /* that is copied from, or NULL */
    struct valence_store_writer *writer;
    struct target_clip *clips; /* (plan->n) */
    int64_t first, n;          /* the part of the plan that is made */
    const char *settings;      /* the encoders' */
    int64_t n_stale; /* failures in the store of clips that are no longer planned, or changed */
    char **stale;    /* their ids */
};

/* Looks at what is there, and opens the store for writing. `target` is released with
 * target_close(), after an error too. */
int target_open(struct target *target, const struct plan *plan, const struct plan_part *part,
                const char *path, const struct valence_extract_options *options,
                const struct valence_store_stream *streams, int n_streams, const char *settings,
                struct valence_error *error);

/* Whether a store was extracted, and by encoders with these settings into these streams. Which part
 * of an extraction it is does not matter: its clips say what there is to do. */
bool target_is_alike(const struct valence_store *store, const char *settings,
                     const struct valence_store_stream *streams, int n_streams);

/* The clip's record: where it comes from, and a key that changes when it has to be made again. NULL
 * where memory is short. */
json_t *target_record(const struct target *target, const struct planned_clip *clip,
                      const char *digest);

/* Marks the store as finished and puts it into its place. */
int target_finish(struct target *target, struct valence_error *error);

/* Keeps what was written. Where `status` is not VALENCE_OK the store stays unfinished. */
void target_close(struct target *target);

/* The SHA-256 of the clip's file, taken over from the clip before it where both are of one file. */
int target_digest(struct target *target, const struct plan *plan, int64_t i,
                  struct valence_error *error);

#endif
