/* A synthetic corpus in the shape of CMU-MOSEI: for trying the system, testing and measuring. What
 * is learnt from it says nothing about people; the store's source says {"kind": "synthetic"}, and
 * so do the figures made from it. */
#ifndef VALENCE_SYNTHESIZE_H
#define VALENCE_SYNTHESIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_synthesize_options {
    /* sizeof(struct valence_synthesize_options), set by the default function. */
    size_t size;
    uint64_t seed;
    /* Clips of each split: 0 ... 100,000,000. */
    int64_t n_train, n_validation, n_test;
    /* Columns: 1 ... 65,536. Simulated text is as wide as text. */
    int64_t audio_width, text_width, video_width;
    /* How values are stored. */
    enum valence_dtype type;
    /* NULL, or a CSV with columns audio, text, video, simulated (rows of each stream) and label:
     * one clip a row, in the file's order, all of them training clips; the numbers of clips above
     * are then ignored. */
    const char *lengths_path;
    /* Threads to work with, for this call alone; 0: as many as the process uses. */
    int threads;
    /* Another store at the path is replaced; without it, that is ERROR_EXISTS. */
    bool overwrite;
};

/* 1,000, 200 and 300 clips; widths 64, 96, 48; f16; seed 0. */
VALENCE_API void valence_synthesize_options_default(struct valence_synthesize_options *options);

/* Makes a store at `path` with the streams audio, text, video and simulated_text, or resumes
 * an interrupted one of the same options. The same options give the same rows to the bit, whatever
 * the number of threads and interruptions. `options` (NULL: the defaults) and `progress` may be
 * NULL.
 *
 * Clips are grouped by speaker and no speaker is in two splits. Labels are multiples of 1/3 in [-3,
 * 3], peaked at 0. Sentiment sits in a few words and in short bursts of frames among noise; text
 * says most, audio less, video least, and each is wrong in its own way. Simulated text is the same
 * words as a recogniser and a projector would give them: some lost or mistaken, noisier, in partly
 * other directions.
 *
 * Errors: ARGUMENT (impossible numbers, with the option as key), EXISTS or SHAPE with the key
 * "overwrite" (another store is there), DATA and FORMAT (the file of lengths), those of writing a
 * store, CANCELLED. */
VALENCE_API int valence_synthesize(const char *path,
                                   const struct valence_synthesize_options *options,
                                   const struct valence_progress *progress,
                                   struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
