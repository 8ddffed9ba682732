/* Importing features that were extracted elsewhere into a store.
 *
 * Both importers stream: one clip is in memory at a time. An interrupted import is gone on with by the
 * same call: clips that are stored are passed over, and a source or options that differ from the
 * recorded ones are ERROR_EXISTS.
 *
 * What is wrong with a clip is an error that names file, line and clip, and stops the import; what was
 * imported until then stays. A reason in `skip` makes it a counted skip instead. */
#ifndef VALENCE_IMPORT_H
#define VALENCE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"
#include "valence/progress.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a clip is not taken: name, and what it says. */
#define VALENCE_SKIP_MAP(X)                                                                        \
    X(LABEL, "label", "its label is out of range or no number")                                    \
    X(SPLIT, "split", "its split is none of train, validation (valid, val, dev) and test")         \
    X(VALUE, "value", "a value is NaN, infinite, too large or no number")                          \
    X(WIDTH, "width", "a stream is of another width")                                              \
    X(EMPTY, "empty", "it has no rows in any stream")                                              \
    X(DUPLICATE, "duplicate", "its id was there before")                                           \
    X(MISSING, "missing", "a stream's file is missing: taken without that stream")

enum valence_skip {
#define VALENCE_SKIP_ENUM(name, word, text) VALENCE_SKIP_##name,
    VALENCE_SKIP_MAP(VALENCE_SKIP_ENUM)
#undef VALENCE_SKIP_ENUM
        VALENCE_N_SKIPS
};
extern const char *const valence_skip_names[VALENCE_N_SKIPS]; /* "label", ... */
extern const char *const valence_skip_texts[VALENCE_N_SKIPS];

/* Where a stream comes from; all NULL: the store does not have it. */
struct valence_import_stream {
    const char *
        columns; /* table: columns of the CSV, "a0-a72" (by their order) or "a0,a1,a7-a9": one row a clip */
    const char *folder; /* table: a folder with an (T, D) or (D) array ID.npy for each clip */
    const char *
        array; /* dense: an (N, T, D) or (N, D) array; NULL: the one named like the stream, if any */
    const char *
        lengths; /* dense: an (N) array of rows; NULL: the one named STREAM_lengths, if any, else T */
};

struct valence_import_options {
    /* Columns of the table, or arrays of N. NULL: "id", "split", "label", "group", "transcript", where the last two may
     * be absent. "" : there is none (not of the id); then all clips go to `all_in`, have no label, or each its own
     * group. An empty label is a clip without one. */
    const char *id, *split, *label, *group, *transcript;
    struct valence_import_stream streams[VALENCE_N_STREAMS];
    enum valence_dtype type;
    enum valence_split all_in;
    double label_minimum, label_maximum;
    double
        validation_fraction; /* of the training clips, drawn by whole groups, goes to validation; only where the source
                                 * has no validation clips of its own */
    uint64_t seed;   /* of that draw */
    unsigned skip;   /* bits 1 << enum valence_skip */
    char delimiter;  /* table */
    bool trim_zeros; /* dense: rows of zeros at the end of a clip are padding */
};

/* f16, labels in [-3, 3], nothing skipped, ','. */
void valence_import_options_default(struct valence_import_options *options);

#define VALENCE_IMPORT_N_EXAMPLES    3
#define VALENCE_IMPORT_EXAMPLE_BYTES 64

struct valence_import_result {
    int64_t n_taken;    /* clips added by this call */
    int64_t n_stored;   /* clips that were there from an interrupted call */
    int64_t n_no_label; /* of the clips added */
    struct {
        int64_t n;
        char examples[VALENCE_IMPORT_N_EXAMPLES]
                     [VALENCE_IMPORT_EXAMPLE_BYTES]; /* the first ids, cut, or "" */
    } skipped[VALENCE_N_SKIPS];
};

/* A CSV with a row for each clip. `progress` may be NULL; *result is filled on errors too, as far as it got. */
int valence_import_table(const char *csv_path, const char *store_path,
                         const struct valence_import_options *options,
                         const struct valence_progress *progress,
                         struct valence_import_result *result, struct valence_error *error);

/* Arrays with N clips each: an .npz, or a folder of .npy files. */
int valence_import_dense(const char *source_path, const char *store_path,
                         const struct valence_import_options *options,
                         const struct valence_progress *progress,
                         struct valence_import_result *result, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
