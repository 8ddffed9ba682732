/* Importing features that were extracted elsewhere into a store.
 *
 * All importers stream: one clip is in memory at a time. An interrupted import is gone on with by
 * the same call: clips that are stored are passed over, and a source or options that differ from
 * the recorded ones are ERROR_EXISTS.
 *
 * What is wrong with a clip is an error that names file, line and clip, and stops the import; what
 * was imported until then stays. A reason in `skip` makes it a counted skip instead. */
#ifndef VALENCE_IMPORT_H
#define VALENCE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
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
extern VALENCE_API const char *const valence_skip_names[VALENCE_N_SKIPS]; /* "label", ... */
extern VALENCE_API const char *const valence_skip_texts[VALENCE_N_SKIPS];

/* Where a stream comes from; all NULL: where the kind's usual name says, or the store does not have
 * it. */
struct valence_import_stream {
    /* What holds it, in the kind's own terms. table: columns of the CSV, "a0-a72" (by their order)
     * or "a0,a1,a7-a9", for one row a clip. dense, mmsa: an array; NULL is the one of the usual
     * name, if any, and "" none. csd: a file. */
    const char *source;
    /* table, merbench: a folder with an (T, D) or (D) array ID.npy for each clip. */
    const char *folder;
    /* dense, mmsa: an array of N rows; NULL is the one of the usual name, if any, else all rows. */
    const char *lengths;
};

struct data_summary;

struct valence_import_options {
    /* Columns of the table, or arrays of N. NULL: the kind's usual ones; the last two may be
     * absent. "" : there is none (not of the id); then all clips go to `all_in`, have no label, or
     * each its own group. An empty label is a clip without one. table: also patterns,
     * "{video_id}_{clip_id}" (store/table_field.h), and the usual ones are those of the layout that
     * it is recognised to have (store/table_layout.c). */
    const char *id, *split, *label, *group, *transcript;
    /* What the source's own labels and splits stand for, "negative=-1,neutral=0,positive=1" and
     * "test1=test,test2=test"; others are what they say, and "-10.0=" is no label. NULL: the kind's
     * usual ones. */
    const char *label_values, *split_values;
    const char *splits; /* csd: a CSV with columns id (of a clip or a recording) and split */
    struct valence_import_stream streams[VALENCE_N_STREAMS];
    enum valence_dtype type;
    enum valence_split all_in;
    double label_minimum, label_maximum;
    /* Of the training clips this part, drawn by whole groups with `seed`, goes to validation; only
     * where the source has no validation clips of its own. */
    double validation_fraction;
    uint64_t seed;
    /* Folders: frames averaged to one, as published (store/frame_compression.h); 1: as they are. */
    int64_t feat_scale;
    unsigned skip;    /* bits 1 << enum valence_skip */
    char delimiter;   /* table */
    bool trim_zeros;  /* dense, mmsa: rows of zeros at the end of a clip are padding */
    bool labels_only; /* a source without streams is fine: a store of labels and transcripts */
    /* Where set, clips are counted there in place of being stored, and the store's path is not
     * used. The type is the library's own (store/data_summary.h). */
    struct data_summary *summary;
};

/* f16, labels in [-3, 3], nothing skipped, ',', feat_scale 1. */
VALENCE_API void valence_import_options_default(struct valence_import_options *options);

#define VALENCE_IMPORT_N_EXAMPLES    3
#define VALENCE_IMPORT_EXAMPLE_BYTES 64

struct valence_import_count {
    int64_t n;
    char examples[VALENCE_IMPORT_N_EXAMPLES]
                 [VALENCE_IMPORT_EXAMPLE_BYTES]; /* the first ids, cut, or "" */
};

struct valence_import_result {
    int64_t n_taken;    /* clips added by this call */
    int64_t n_stored;   /* clips that were there from an interrupted call */
    int64_t n_no_label; /* of the clips added */
    struct valence_import_count skipped[VALENCE_N_SKIPS]; /* clips, each once a reason */
    /* table, merbench, csd: ids with features that the labels do not name. */
    struct valence_import_count unlisted;
};

/* An importer brings SOURCE of its kind into the store. `progress` may be NULL; *result is filled
 * on errors too, as far as it got. */
typedef int valence_import_function(const char *source_path, const char *store_path,
                                    const struct valence_import_options *options,
                                    const struct valence_progress *progress,
                                    struct valence_import_result *result,
                                    struct valence_error *error);

/* A CSV with a row for each clip, or a folder with one for each split. */
valence_import_function valence_import_table;

/* MERBench's *_label.npz, and a folder a stream. */
valence_import_function valence_import_merbench;

/* MMSA's unaligned_50.pkl and aligned_50.pkl, or an .npz in their layout. */
valence_import_function valence_import_mmsa;

/* CMU-MultimodalSDK's .csd: labels, and a file a stream. */
valence_import_function valence_import_csd;

/* Arrays of N clips: an .npz, a .safetensors, or a folder of .npy. */
valence_import_function valence_import_dense;

#ifdef __cplusplus
}
#endif
#endif
