/* The frame compression that MERBench and the paper's code publish as `feat_scale`. */
#ifndef VALENCE_EXCHANGE_FRAME_COMPRESSION_H
#define VALENCE_EXCHANGE_FRAME_COMPRESSION_H

#include <stdint.h>

/* Averages neighbouring rows of `values`, (n_rows, width), in place, and gives the number of rows
 * left:
 *
 *   n = ceil(n_rows / scale),  chunk = ceil(n_rows / n)
 *   pad = n * chunk - n_rows rows of zeros in front
 *   row i = mean of the padded rows i * chunk ... (i + 1) * chunk - 1
 *
 * so that the chunks may be shorter than `scale`, and zeros take part in the first mean: that is
 * the published rule, and what published figures were computed with. Means are taken in double, as
 * there. `scale` is at least 1.
 *
 * Source: github.com/zeroQiaoba/MERTools, MERBench/toolkit/utils/read_data.py,
 * feature_scale_compress. */
int64_t compress_frames(float *values, int64_t n_rows, int64_t width, int64_t scale);

#endif
