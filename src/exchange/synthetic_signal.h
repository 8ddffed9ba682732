/* The rows of synthetic clips: each value a function of (seed, clip, stream, row, column), never of
 * what was made before. */
#ifndef VALENCE_EXCHANGE_SYNTHETIC_SIGNAL_H
#define VALENCE_EXCHANGE_SYNTHETIC_SIGNAL_H

#include <stdint.h>

#include "valence/error.h"
#include "valence/stream.h"

struct synthetic_corpus {
    uint64_t seed;
    int64_t widths[VALENCE_N_STREAMS];
    /* unit vectors (N_DIRECTIONS, width): where a stream keeps what */
    float *directions[VALENCE_N_STREAMS];
};

struct synthetic_clip {
    uint64_t key;     /* of the clip's randomness */
    uint64_t speaker; /* of its speaker's */
    float label;
    int64_t n_rows[VALENCE_N_STREAMS];
};

int synthetic_corpus_create(struct synthetic_corpus *corpus, uint64_t seed,
                            const int64_t widths[VALENCE_N_MODALITIES],
                            struct valence_error *error);
void synthetic_corpus_free(struct synthetic_corpus *corpus);

/* Fills (n_rows[stream], width) rows. */
void synthetic_rows(const struct synthetic_corpus *corpus, const struct synthetic_clip *clip,
                    enum valence_stream stream, float *rows);

#endif
