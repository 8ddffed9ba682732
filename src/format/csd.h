/* Computational sequences of CMU-MultimodalSDK (.csd): HDF5 files with
 *
 *   /NAME/data/ENTRY/features   (T, D) numbers, or (T) words
 *   /NAME/data/ENTRY/intervals  (T, 2) start and end of each row, in seconds
 *
 * where ENTRY is a video's id, or after an alignment "VIDEO[3]": one of its segments.
 *
 * In a build without libhdf5 (hdf5.h), opening is VALENCE_ERROR_UNSUPPORTED.
 *
 * Source: github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK,
 * mmsdk/mmdatasdk/computational_sequence. */
#ifndef VALENCE_FORMAT_CSD_H
#define VALENCE_FORMAT_CSD_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

struct csd;

/* *csd is NULL on error. */
int csd_open(const char *path, struct csd **csd, struct valence_error *error);
int csd_open_memory(const void *data, size_t size, const char *name, struct csd **csd,
                    struct valence_error *error);
void csd_close(struct csd *csd);

/* Entries in the order of the bytes of their names. */
int64_t csd_n_entries(const struct csd *csd);
const char *csd_entry(const struct csd *csd, int64_t index);

struct csd_rows {
    int64_t n_rows, width;
    float *features;   /* (n_rows, width) */
    double *intervals; /* (n_rows, 2) */
};

/* One entry's rows as they are. Free with csd_rows_free(), after an error too. */
int csd_read(const struct csd *csd, int64_t index, struct csd_rows *rows,
             struct valence_error *error);

/* All rows of a video: of the entries VIDEO and VIDEO[...], sorted by when they start.
 * ERROR_NOT_FOUND if the file has no such video. */
int csd_read_video(const struct csd *csd, const char *video, struct csd_rows *rows,
                   struct valence_error *error);
void csd_rows_free(struct csd_rows *rows);

/* ---- Words ---- */

/* Sequences of timestamped words have texts, (T) or (T, 1), in place of features. */
struct csd_word {
    double start, end; /* seconds */
    char *text;        /* UTF-8; pauses are "sp" in the published files */
};

struct csd_words {
    int64_t n;
    struct csd_word *words;
};

/* All words of a video, as csd_read_video() finds them, in the order of time. Free with
 * csd_words_free(), after an error too. csd_read() of such a sequence is VALENCE_ERROR_UNSUPPORTED,
 * and this of features VALENCE_ERROR_SHAPE. */
int csd_read_words(const struct csd *csd, const char *video, struct csd_words *words,
                   struct valence_error *error);
void csd_words_free(struct csd_words *words);

#endif
