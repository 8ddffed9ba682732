/* What a file or folder is, and what a source that could be imported holds. Stores are described by
 * valence/summary.h, models by valence/model.h, encoders by valence/encoder.h. */
#ifndef VALENCE_INSPECT_H
#define VALENCE_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/import.h"
#include "valence/model.h"
#include "valence/progress.h"
#include "valence/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Paths ---- */

enum valence_path_kind {
    /* No such file or folder, or one that cannot be read. */
    VALENCE_PATH_NOTHING,
    /* A folder with data.mdb. */
    VALENCE_PATH_STORE,
    /* A folder that training wrote, of one seed or of several. */
    VALENCE_PATH_RUN,
    /* A model of valence's (safetensors). */
    VALENCE_PATH_CHECKPOINT,
    /* GGUF. */
    VALENCE_PATH_ENCODER,
    /* A sound, picture or video. */
    VALENCE_PATH_MEDIA,
    /* The folder of an experiment (valence/experiment.h). */
    VALENCE_PATH_EXPERIMENT,
    /* The result of an experiment or of a comparison, as JSON. */
    VALENCE_PATH_RESULT,
    /* Another JSON document of the command's, which begins with "schema": "valence/... */
    VALENCE_PATH_JSON,
    /* A folder without anything in it. */
    VALENCE_PATH_EMPTY,
    /* Any other folder, and any other file: perhaps a source of import. */
    VALENCE_PATH_FOLDER,
    VALENCE_PATH_OTHER
};

/* What is at `path`, judged by names and first bytes. */
VALENCE_API enum valence_path_kind valence_path_kind(const char *path);

/* ---- Checkpoints ---- */

/* What a checkpoint holds besides a model that scores. */
struct valence_checkpoint_summary {
    struct valence_model_config config;
    int64_t n_parameters;
    /* The store's stream for each of the network's, by enum valence_stream; "" for one not in use.
     */
    const char *streams[VALENCE_MAX_STREAMS];
    /* Bits 1 << enum valence_stream: streams whose columns are standardised. */
    unsigned standardised;
    /* Training can resume from it. */
    bool is_resumable;
    /* Validation clips that its intervals come from; 0: it gives none. */
    int64_t n_calibration_clips;
    /* Where it comes from, a JSON object as text, or "". */
    const char *provenance;
};

/* Reads and checks a checkpoint. *summary is NULL on failure; free it with
 * valence_checkpoint_summary_free(), which takes NULL. Errors: those of valence_model_load(). */
VALENCE_API int valence_checkpoint_summarise(const char *path,
                                             struct valence_checkpoint_summary **summary,
                                             struct valence_error *error);
VALENCE_API void valence_checkpoint_summary_free(struct valence_checkpoint_summary *summary);

/* ---- Sources of import ---- */

/* An array of a file. Texts belong to the source. */
struct valence_array_summary {
    /* "audio", "train.audio"; "" for the one array of an .npy. */
    const char *name;
    /* "f32", "texts", or in words what is no array ("list of 12"). */
    const char *type;
    /* "(4, 5, 3)", or "". */
    const char *shape;
    /* The values were read; else the counts are 0. */
    bool has_values;
    int64_t n_nan, n_infinite;
    /* Of the other values; low > high without any. */
    double low, high;
    /* Columns (of the last dimension) with one value in all of at least 2 rows. */
    int64_t n_constant;
};

/* A column of a table, or columns of numbers whose names count up: a0, a1, ... */
struct valence_column_summary {
    const char *first, *last;
    int64_t n_columns;
    /* Cells that are empty, that are no numbers, and that are NaN or infinite. */
    int64_t n_empty, n_texts, n_broken;
    /* Of the numbers; low > high without any. */
    double low, high;
    /* Columns with one value in all of at least 2 rows. */
    int64_t n_constant;
    /* "train 1284, valid 229" of a column with few different values; else "". */
    const char *values;
};

struct valence_source {
    /* As which kind of import it was read: "table", ..., or "features" for rows without labels;
     * NULL where it is no set of clips. */
    const char *kind;
    /* Why not, or "". */
    const char *reason;
    /* The clips, and those an import would leave out; `data` is NULL where `kind` is. */
    const struct valence_data_summary *data;
    struct valence_import_result left_out;
    /* Of a file of arrays, if it is no set of clips. */
    int64_t n_arrays;
    const struct valence_array_summary *arrays;
    /* Of a table. */
    int64_t n_rows, n_columns;
    const struct valence_column_summary *columns;
};

/* Reads all of a source: label files, .npz, .npy, .safetensors, pickles, .csd, folders of arrays.
 * `progress` may be NULL. *source is NULL on failure; free it with valence_source_free(), which
 * takes NULL.
 *
 * Errors: NOT_FOUND, IO, UNSUPPORTED (not a kind of file that is known), FORMAT, CANCELLED,
 * MEMORY. */
VALENCE_API int valence_source_inspect(const char *path, const struct valence_progress *progress,
                                       struct valence_source **source, struct valence_error *error);
VALENCE_API void valence_source_free(struct valence_source *source);

#ifdef __cplusplus
}
#endif
#endif
