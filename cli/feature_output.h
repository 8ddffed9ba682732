/* Where `valence encode` writes rows: one .npy of all, a safetensors file with a tensor a file, or
 * a folder of .npy. */
#ifndef VALENCE_CLI_FEATURE_OUTPUT_H
#define VALENCE_CLI_FEATURE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

struct feature_output {
    const char *path; /* the caller's */
    enum { FEATURES_NPY, FEATURES_SAFETENSORS, FEATURES_FOLDER } form;
    unsigned flags; /* enum file_write_flags */
    int64_t width, n_rows;
    float *rows; /* (n_rows, width), but for a folder */
    int64_t row_capacity;
    struct feature_entry {
        char *name; /* of the file, without folder and ending */
        int64_t n_rows;
    } * entries;
    int64_t n_entries, entry_capacity;
    struct {
        const char *key, *text;
    } descriptions[8];
    int n_descriptions;
};

/* The form follows from the path's ending. ERROR_EXISTS where the file exists and `overwrite` is
 * not set. */
int feature_output_begin(struct feature_output *output, const char *path, int64_t width,
                         bool overwrite, struct valence_error *error);

/* A text for a safetensors file's metadata; both must outlive the output. */
void feature_output_describe(struct feature_output *output, const char *key, const char *text);

/* One file's rows. ERROR_EXISTS where another file of that name came before. */
int feature_output_add(struct feature_output *output, const char *file, int64_t n_rows,
                       const float *rows, struct valence_error *error);

/* Writes what is not written yet. */
int feature_output_commit(struct feature_output *output, struct valence_error *error);
void feature_output_free(struct feature_output *output);

#endif
