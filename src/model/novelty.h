/* How unlike the training data a clip is as a whole: a text in another language has no value that
 * lies far outside its column's range, but its columns go together as in no training clip.
 *
 * The mean of a clip's standardised rows is folded into at most 256 columns, each column added to
 * one of them with a sign, both drawn by a hash (Weinberger et al., "Feature hashing for large
 * scale multitask learning", 2009). Of that vector, less the training clips' mean, the part outside
 * the training clips' first principal directions counts:
 *
 *     novelty = sqrt(|v|^2 - |B v|^2),  v = fold(mean z) - m,  B: (directions, columns),
 * orthonormal
 *
 * It is compared with that of the validation clips. */
#ifndef VALENCE_MODEL_NOVELTY_H
#define VALENCE_MODEL_NOVELTY_H

#include "model/network.h"

#define NOVELTY_MAX_COLUMNS    256
#define NOVELTY_MAX_DIRECTIONS 48
#define NOVELTY_MAX_TRAINING   8192 /* clips that are enough to find the directions */

/* Of one stream. */
struct novelty {
    int64_t n_columns; /* 0: there is none */
    int64_t n_directions;
    float *mean;       /* (n_columns) */
    float *directions; /* (n_directions, n_columns) */
    int64_t n_validation;
    float *validation; /* (n_validation) those of the validation clips, ascending */
};

int64_t novelty_columns(int64_t width);
int64_t novelty_directions(int64_t n_columns);

/* Room for all arrays, zero. Errors: MEMORY. */
int novelty_allocate(struct novelty *novelty, int64_t n_columns, int64_t n_directions,
                     int64_t n_validation, struct valence_error *error);
void novelty_free(struct novelty *novelty);

/* The folded mean of the rows of a clip that has some: `columns` is (novelty_columns(width)). */
void novelty_fold(const struct standardisation *standardisation, int stream,
                  const struct valence_rows *rows, int64_t clip, float *columns);

/* Sets mean and directions from the folded means of training clips, `columns` (n_clips, n_columns),
 * which are used up. Errors: MEMORY. */
int novelty_fit(struct novelty *novelty, float *columns, int64_t n_clips,
                struct valence_error *error);

float novelty_of(const struct novelty *novelty, const float *columns);

/* Of each clip of a batch, the share of the validation clips that are less novel than it, in the
 * streams that the flow reads: with several, that of the most novel one, less what their number
 * makes likely. `to` is (n_clips); NaN where nothing is known. */
void novelty_shares(const struct novelty novelty[VALENCE_N_STREAMS],
                    const struct standardisation *standardisation,
                    const struct valence_batch *batch, unsigned missing, float *to);

#endif
