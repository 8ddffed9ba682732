/* Importing features that were extracted elsewhere into a store.
 *
 * One clip is in memory at a time. Make the same call again to resume an interrupted import: clips
 * that are stored already are skipped. An unfinished store that was made with other options, or
 * from a source that has changed since, is started again; a finished one is left alone
 * (ERROR_EXISTS, saying what differs).
 *
 * What is wrong with a clip is an error that names file, line and clip, and stops the import; what
 * was imported until then stays. A reason in `skip` leaves such clips out and counts them. */
#ifndef VALENCE_IMPORT_H
#define VALENCE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/store.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Kinds ---- */

/* What a source is: name, and a description for people. */
#define VALENCE_IMPORT_KIND_MAP(X)                                                                 \
    X(TABLE, "table",                                                                              \
      "a CSV with a row for each clip: its id, split, label, optionally its group (the recording " \
      "that it was cut from) and transcript; and for each stream either columns of the same row, " \
      "or a folder with one array ID.npy for each clip. Or a folder with a CSV for each split, "   \
      "whose names begin with it. The label files of MELD, of MMSA (MOSI, MOSEI, CH-SIMS: "        \
      "video_id, clip_id, mode) and of MERBench (id, split, valence) are recognised by their "     \
      "columns.")                                                                                  \
    X(DENSE, "dense",                                                                              \
      "an .npz, a .safetensors or a folder of .npy files, with streams as (N, T, D) or (N, D) "    \
      "arrays named audio, text, video and simulated_text (or by another usual name, such as "     \
      "acoustic, language and vision), their lengths as (N) arrays, and (N) arrays id, split, "    \
      "label, group, transcript. With lengths, rows may be packed: (sum of lengths, D).")          \
    X(MERBENCH, "merbench",                                                                        \
      "MERBench's or SDUMC's *_label.npz (train_corpus, val_corpus, test_corpus: id to {emo, "     \
      "val}), with a folder of one array ID.npy for each clip as each stream.")                    \
    X(MMSA, "mmsa",                                                                                \
      "MMSA's unaligned_50.pkl or aligned_50.pkl, or a pickle of MulT or MultiBench: a dict of "   \
      "train, valid and test, each with arrays id, text, audio, vision, their lengths, raw_text "  \
      "and regression_labels (or labels); or an .npz of arrays train/id, train/raw_text and so "   \
      "on.")                                                                                       \
    X(CSD, "csd",                                                                                  \
      "a CMU-MultimodalSDK file of labels (.csd), with a file for each stream, whose rows are "    \
      "taken where they overlap with a label's segment; the label is given by its number from 0.")

enum valence_import_kind {
#define VALENCE_IMPORT_KIND_ENUM(name, word, text) VALENCE_IMPORT_##name,
    VALENCE_IMPORT_KIND_MAP(VALENCE_IMPORT_KIND_ENUM)
#undef VALENCE_IMPORT_KIND_ENUM
};

/* The kinds are 0 ... n - 1. Name ("table") and description; NULL for any other number. */
VALENCE_API int valence_n_import_kinds(void);
VALENCE_API const char *valence_import_kind_name(int kind);
VALENCE_API const char *valence_import_kind_text(int kind);

/* ---- Reasons ---- */

/* Why a clip is not taken: name, and what it says. */
#define VALENCE_SKIP_MAP(X)                                                                        \
    X(LABEL, "label", "its label is out of range, missing or not a number")                        \
    X(SPLIT, "split", "its split is none of train, validation (valid, val, dev) and test")         \
    X(VALUE, "value", "a value is NaN, infinite, too large or not a number")                       \
    X(WIDTH, "width", "a stream has another width")                                                \
    X(EMPTY, "empty", "it has no rows in any stream")                                              \
    X(DUPLICATE, "duplicate", "an earlier clip has the same id")                                   \
    X(MISSING, "missing", "a stream's file is missing: taken without that stream")

enum valence_skip {
#define VALENCE_SKIP_ENUM(name, word, text) VALENCE_SKIP_##name,
    VALENCE_SKIP_MAP(VALENCE_SKIP_ENUM)
#undef VALENCE_SKIP_ENUM
};

/* The reasons are 0 ... n - 1, at most VALENCE_MAX_SKIPS. Name ("label") and text; NULL for any
 * other number. */
#define VALENCE_MAX_SKIPS 16
VALENCE_API int valence_n_skips(void);
VALENCE_API const char *valence_skip_name(int reason);
VALENCE_API const char *valence_skip_text(int reason);

/* ---- Options ---- */

/* Where a stream comes from. All NULL: where the kind's usual name says, or the store does not have
 * it. */
struct valence_import_stream {
    /* What holds it, in the kind's own terms. table: columns of the CSV, "a0-a72" (by their order;
     * a range leaves out the columns of id, split, label, group and transcript) or "a0,a1,a7-a9",
     * for one row a clip. dense, mmsa: an array; NULL takes the one with a usual name, if any, and
     * "" none. csd: a file. */
    const char *source;
    /* table, merbench: a folder with an (T, D) or (D) array ID.npy for each clip. */
    const char *folder;
    /* dense, mmsa: an array of N numbers of rows; NULL takes the one with the usual name, if any,
     * else all rows count. */
    const char *lengths;
};

struct valence_data_summary;

struct valence_import_options {
    /* sizeof(struct valence_import_options), set by the default function. */
    size_t size;
    /* Columns of the table, or arrays of N. NULL: the kind's usual ones; group and transcript may
     * be absent. "" : none (not of the id); then all clips go to `all_in`, have no label, or each
     * its own group. An empty label is a clip without one. table: also patterns,
     * "{video_id}_{clip_id}". csd: the label's number from 0; `transcript` is a .csd file of timed
     * words. */
    const char *id, *split, *label, *group, *transcript;
    /* What the source's own labels and splits stand for, "negative=-1,neutral=0,positive=1" and
     * "test1=test,test2=test"; others are what they say, and "-10=" means no label. Numbers are
     * compared as numbers: "-10=" also stands for -10.0. NULL: the kind's usual ones. */
    const char *label_values, *split_values;
    /* A formula in x that brings labels to another scale, after label_values: "x-3",
     * "(x - 50) / 25". It must be of the form a x + b. NULL: x. */
    const char *label_map;
    /* The scale that the labels are on afterwards, recorded in the store with the range ("ch-sims",
     * "likert-5"); NULL: none is declared. */
    const char *label_scale;
    /* csd: a CSV with columns id (of a clip or a recording) and split. */
    const char *splits;
    /* By enum valence_stream; entries beyond are ignored. */
    struct valence_import_stream streams[VALENCE_STORE_MAX_STREAMS];
    /* How values are stored. With f16, each column is measured on the way, and a stream with a
     * column that f16 rounds by more than 2 % of its spread is stored as f32 instead, unless
     * `keep_type` is set; either way the result's notes say so. */
    enum valence_dtype type;
    bool keep_type;
    enum valence_split all_in;
    /* Labels beyond are wrong. Both finite, minimum <= maximum. */
    double label_minimum, label_maximum;
    /* This part of the training clips, drawn by whole groups with `seed`, goes to validation; only
     * where the source has no validation clips of its own. 0 <= fraction < 1. */
    double validation_fraction;
    uint64_t seed;
    /* Folders: average up to so many neighbouring frames to one, by the rule published as
     * feat_scale; 1: as they are. */
    int64_t feat_scale;
    /* Bits VALENCE_BIT(enum valence_skip). */
    unsigned skip;
    /* table: what separates fields; 0: find it (',', ';', tab or '|'). */
    char delimiter;
    /* dense, mmsa: rows of zeros at the end of a clip (or at its beginning, where that is where the
     * stream is padded) are padding and are left out. */
    bool trim_zeros;
    /* A stream whose values are all zero (no face was found) is stored as missing. */
    bool zeros_missing;
    /* NaN and infinite values are stored as 0, as the authors of CMU-MultimodalSDK do. */
    bool zero_invalid;
    /* Accept a source without streams: a store of labels and transcripts. */
    bool labels_only;
    /* Where set, clips are counted in place of being stored, and the store's path is not used.
     * *summary receives the counts, NULL on failure; free it with valence_data_summary_free()
     * (valence/summary.h). */
    struct valence_data_summary **summary;
    /* Another finished store, or a damaged one, is removed when the import begins
     * to write. Without it, such a store is ERROR_EXISTS with the key "overwrite". */
    bool overwrite;
    /* Labels are classes of these names, "anger,joy,neutral", after label_values; another name is
     * wrong. The store holds the number of each clip's class, and the names. label_map,
     * label_scale and the range of labels are not for classes. NULL: labels are numbers. */
    const char *label_classes;
};

/* f16, labels in [-3, 3], nothing skipped, the delimiter found, feat_scale 1. */
VALENCE_API void valence_import_options_default(struct valence_import_options *options);

/* ---- Results ---- */

#define VALENCE_IMPORT_N_EXAMPLES    3
#define VALENCE_IMPORT_EXAMPLE_BYTES 64

struct valence_import_count {
    int64_t n;
    /* The first ids, cut, or "". */
    char examples[VALENCE_IMPORT_N_EXAMPLES][VALENCE_IMPORT_EXAMPLE_BYTES];
};

/* Something that was found on the way and that the user should know. */
struct valence_import_note {
    /* The setting that would change it, or "". */
    char key[VALENCE_ERROR_KEY_BYTES];
    /* A sentence. */
    char text[512];
};

#define VALENCE_IMPORT_MAX_NOTES 16

struct valence_import_result {
    /* sizeof(struct valence_import_result), set by the caller. */
    size_t size;
    /* Clips added by this call, clips that were there from an interrupted call, and clips without a
     * label (of those added). */
    int64_t n_taken, n_stored, n_no_label;
    /* Clips by enum valence_skip, each once a reason. */
    struct valence_import_count skipped[VALENCE_MAX_SKIPS];
    /* table, merbench, csd: ids with features that the labels do not name. */
    struct valence_import_count unlisted;
    int n_notes;
    struct valence_import_note notes[VALENCE_IMPORT_MAX_NOTES];
};

/* Brings a source of `kind` into the store at `store_path`. `options` (NULL: the defaults) and
 * `progress` (may be NULL) are only read; *result (may be NULL) is filled on errors too, as far as
 * the import got.
 *
 * Errors: ARGUMENT (no such kind, impossible options), NOT_FOUND, FORMAT, SHAPE and DATA (what is
 * wrong with the source, or with one of its clips; the key "skip.REASON" where skipping such clips
 * would let it continue), EXISTS (another finished store), BUSY, LIMIT, UNSUPPORTED, CANCELLED, IO,
 * DISK_FULL, MEMORY. */
VALENCE_API int valence_import(enum valence_import_kind kind, const char *source_path,
                               const char *store_path, const struct valence_import_options *options,
                               const struct valence_progress *progress,
                               struct valence_import_result *result, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
