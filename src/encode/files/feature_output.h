/* Where the rows of many inputs go: one .npy of all, a safetensors file with a tensor for each, or
 * a folder of .npy. */
#ifndef VALENCE_ENCODE_FILES_FEATURE_OUTPUT_H
#define VALENCE_ENCODE_FILES_FEATURE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

/* A text about the encoder, for a file's metadata. */
struct feature_note {
    const char *key, *text;
};

struct feature_output {
    const char *path; /* the caller's */
    enum { FEATURES_NPY, FEATURES_SAFETENSORS, FEATURES_FOLDER } form;
    unsigned flags;         /* enum file_write_flags */
    bool resumes;           /* a folder that the same encoder wrote before */
    bool is_made, is_begun; /* the folder, and its encoder.json */
    int64_t width, n_rows;
    float *rows; /* (n_rows, width), unless it is a folder */
    int64_t row_capacity;
    struct feature_entry {
        const char *name; /* the caller's */
        int64_t n_rows;
    } * entries;
    int64_t n_entries, entry_capacity;
    const struct feature_note *notes; /* the caller's */
    int n_notes;
};

/* The form follows from the path's ending. Makes a folder and its encoder.json. Errors: EXISTS, key
 * "overwrite", for a file that exists, or a folder that another encoder wrote. */
int feature_output_begin(struct feature_output *output, const char *path, int64_t width,
                         const struct feature_note *notes, int n_notes, bool overwrite,
                         struct valence_error *error);

/* True for the forms whose entries need names of their own. */
bool feature_output_has_names(const char *path);

/* Whether the folder holds the rows of `name` already; *n_rows. Without `resumes` such a file is
 * ERROR_EXISTS where it may not be overwritten. */
int feature_output_find(const struct feature_output *output, const char *name, bool *found,
                        int64_t *n_rows, struct valence_error *error);

/* One input's rows. `name` must outlive the output. */
int feature_output_add(struct feature_output *output, const char *name, int64_t n_rows,
                       const float *rows, struct valence_error *error);

/* Writes what is not written yet. */
int feature_output_commit(struct feature_output *output, struct valence_error *error);

/* A folder that was begun and got no rows is taken away again. */
void feature_output_free(struct feature_output *output);

#endif
