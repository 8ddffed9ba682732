/* From a folder or a table of media files to a feature store.
 *
 * A configuration says what is read, which encoders make the streams, and where the store goes
 * (`valence extract --print-config` shows all keys). The work can be interrupted at any time: what
 * is stored is kept, and the same call continues. Later calls make only the clips that are new, or
 * whose file, row or encoders have changed. */
#ifndef VALENCE_EXTRACT_STORE_H
#define VALENCE_EXTRACT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/collective.h"
#include "valence/config.h"
#include "valence/error.h"
#include "valence/models.h"
#include "valence/progress.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration ---- */

/* Keys such as "faces.fps", each with a value. Not thread-safe while it is changed. */
struct valence_extract_config;

/* All keys, in the order in which a configuration is printed. NULL for an unknown index or
 * name. */
VALENCE_API int valence_extract_n_keys(void);
VALENCE_API const struct valence_config_key *valence_extract_get_key(int i);
VALENCE_API const struct valence_config_key *valence_extract_key_find(const char *name);

/* All keys at their defaults. *config is NULL on failure; free with valence_extract_config_free(),
 * which takes NULL. */
VALENCE_API int valence_extract_config_create(struct valence_extract_config **config,
                                              struct valence_error *error);
VALENCE_API void valence_extract_config_free(struct valence_extract_config *config);

/* Sets the keys that a YAML file holds, or that `size` bytes of YAML do (`name` stands for the file
 * in errors). Errors: as valence_train_config_read(). */
VALENCE_API int valence_extract_config_read(struct valence_extract_config *config, const char *path,
                                            struct valence_error *error);
VALENCE_API int valence_extract_config_parse(struct valence_extract_config *config,
                                             const char *yaml, size_t size, const char *name,
                                             struct valence_error *error);

/* Sets one key, or gives its value. ERROR_CONFIG for an unknown key or an unusable value. */
VALENCE_API int valence_extract_config_set(struct valence_extract_config *config, const char *key,
                                           const char *value, struct valence_error *error);
VALENCE_API int valence_extract_config_get(const struct valence_extract_config *config,
                                           const char *key, char *value, size_t room,
                                           struct valence_error *error);

/* The configuration as YAML, `annotated` with what each key means. NULL where memory is short. Free
 * it with valence_text_free() (valence/text.h). */
VALENCE_API char *valence_extract_config_text(const struct valence_extract_config *config,
                                              bool annotated);

/* ---- Extracting ---- */

/* Set it with valence_extract_options_default(). */
struct valence_extract_options {
    size_t size;
    /* Where models that the configuration names are kept (valence/models.h); NULL: models are given
     * by path. */
    const char *model_folder;
    const struct valence_model_fetch_options *fetch; /* NULL: the defaults */
    /* Only part `shard` of `n_shards` of the clips, from 1: a run of clips that follow each other.
     * Merging all parts in their order gives the whole. Default: 1 of 1. */
    int64_t shard, n_shards;
    /* Try clips again that failed before and have not changed since. */
    bool retry_failures;
    /* Replace a store at the output that was not extracted. In pieces: replace any store, and
     * pieces that were begun with other settings. */
    bool overwrite;
    /* A folder for previews (valence/preview.h), ID.svg for each clip that this call makes; '/' and
     * '%' of an id become %2F and %25. Files of these names are replaced. NULL: none are drawn. */
    const char *preview;
    const struct valence_progress *progress; /* or NULL */
    /* The ranks that share the pieces (valence/collective.h), or NULL for processes that know
     * nothing of each other. The ranks begin together: the first one decides what is replaced, and
     * a rank that starts late does not make anew what others have made. After that they share the
     * work by locks alone. valence_extract() uses neither this nor `joined`. */
    const struct valence_collective *collective;
    /* Called in every rank when all have joined, or NULL. The collective is not used any more, so
     * the program may end it (valence_mpi_close()): then the others need not wait for a rank that
     * dies. */
    void (*joined)(void *user);
    void *user;
};

VALENCE_API void valence_extract_options_default(struct valence_extract_options *options);

/* Of one stream of the store. */
struct valence_extracted_stream {
    const char *name;
    int64_t width, n_clips, n_rows; /* clips that have it, and their rows */
};

/* What became of the clips. Made by the library; free with valence_extract_report_free(). */
struct valence_extract_report {
    const char *store; /* its path */
    int64_t n_clips;   /* that were to be made: of the folder or table, or of the shard */
    int64_t n_made;    /* by this call */
    int64_t n_kept;    /* that were there already and have not changed */
    int64_t n_copied;  /* of the kept: copied from the store that is replaced */
    int64_t n_failed;
    const struct valence_store_failure *failures; /* (n_failed) */
    int n_streams;
    const struct valence_extracted_stream *streams;
    const char *encoders; /* settings and fingerprints, as the store's source has them */
    /* Of the clips that this call made: seconds of media, and of work on sound (with recognition
     * and text) and on pictures, which overlap; and of the call. */
    double media_seconds, sound_work, picture_work, seconds;
    /* Of valence_extract_pieces(): the pieces that this call made, and whether it merged all pieces
     * into the store. Where another process did, the clips, failures and times are those of this
     * call's pieces alone; where it merged, clips that others made count as kept. */
    int64_t n_pieces;
    bool is_whole;
};

/* Makes or completes the store. `options` may be NULL. *report is NULL on failure.
 *
 * A store whose clips are all to be kept, with others behind them, is added to in place. Otherwise
 * a new one is made beside it (OUTPUT.partial), with the clips that have not changed copied, and
 * takes its place when it is complete.
 *
 * Clips that cannot be made are recorded in the store (valence_store_get_failure()) and counted; a
 * call that makes no clip at all, because each fails, is an error, the first one's. Errors: CONFIG;
 * NOT_FOUND for the input; FORMAT, DATA with the line for a table; those of models and encoders;
 * EXISTS, key "overwrite"; CANCELLED, with what is stored kept; those of writing a store. */
VALENCE_API int valence_extract(const struct valence_extract_config *config,
                                const struct valence_extract_options *options,
                                struct valence_extract_report **report,
                                struct valence_error *error);
VALENCE_API void valence_extract_report_free(struct valence_extract_report *report);

/* ---- Sharing the work ---- */

#define VALENCE_EXTRACT_MAX_PIECES 1000000

/* The same by several processes, on one machine or on many with a shared disk whose file system has
 * locks. The clips are cut into `n_pieces` pieces of clips that follow each other, at most one for
 * each clip; their sizes fall. Each process takes a piece that no other has, the longest first, and
 * then the next. Each piece is a store in the folder OUTPUT.pieces. If a process dies, another one
 * takes its piece and makes the clips that are missing. The process that first finds all pieces
 * finished merges them, in their order, into the store that valence_extract() makes with the same
 * number of threads, and removes the folder.
 *
 * The call returns when all pieces are finished and merged. If the store is there already, made
 * with the same settings, it does nothing (n_pieces is 0) unless it is to overwrite the store.
 *
 * All processes need the same clips, settings and model files; paths and the number of threads may
 * differ. ERROR_DATA, key "overwrite", names what differs from the settings that the pieces in the
 * folder were begun with; with `overwrite` they are removed, or ERROR_BUSY says that a process
 * still works on them. Other errors: as valence_extract(); EXISTS, key "overwrite", for a store
 * with other settings at the output; ERROR_RANK where another rank failed at the beginning;
 * NOT_FOUND where a rank does not see the first one's folder. `options->shard` must be 1 of 1. */
VALENCE_API int valence_extract_pieces(const struct valence_extract_config *config,
                                       const struct valence_extract_options *options,
                                       int64_t n_pieces, struct valence_extract_report **report,
                                       struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
