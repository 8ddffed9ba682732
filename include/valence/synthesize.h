/* A synthetic corpus in the shape of CMU-MOSEI: for trying the system, testing and measuring. What
 * is learnt from it says nothing about people; the store's source says {"kind": "synthetic"}, and
 * so do the figures made from it. */
#ifndef VALENCE_SYNTHESIZE_H
#define VALENCE_SYNTHESIZE_H

#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_synthesis {
    uint64_t seed;
    int64_t n_clips[VALENCE_N_SPLITS];    /* train, validation, test */
    int64_t widths[VALENCE_N_MODALITIES]; /* simulated text is as wide as text */
    enum valence_dtype type;
    /* NULL, or a CSV with columns audio, text, video, simulated (rows of each stream) and label:
     * one clip a row, in the file's order, all of them training clips; n_clips then counts for
     * nothing */
    const char *lengths_path;
};

/* 1,000, 200 and 300 clips; widths 64, 96, 48; f16; seed 0. */
VALENCE_API void valence_synthesis_default(struct valence_synthesis *synthesis);

/* Makes a store at `path` with the streams audio, text, video and simulated_text, or goes on with
 * an interrupted one of the same synthesis; ERROR_EXISTS where the store there is another's. The
 * same synthesis gives the same rows to the bit, whatever the number of threads and interruptions.
 * `progress` may be NULL.
 *
 * Clips are grouped by speaker and no speaker is in two splits. Labels are multiples of 1/3 in [-3,
 * 3], peaked at 0. Sentiment sits in a few words and in short bursts of frames among noise; text
 * says most, audio less, video least, and each is wrong in its own way. Simulated text is the same
 * words as a recogniser and a projector would give them: some lost or mistaken, noisier, in partly
 * other directions. */
VALENCE_API int valence_synthesize(const char *path, const struct valence_synthesis *synthesis,
                                   const struct valence_progress *progress,
                                   struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
