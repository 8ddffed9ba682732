/* The input projections: stored rows (f16 or f32), standardised, times a weight matrix.
 *
 *   y_t = W z_t + b,  z_t = clip((s_t - mean) * scale, low, high)
 *
 * s: (rows, width) as stored; y: (rows, d); W: (d, width).
 * Rows are converted in pieces that stay in cache, so that a batch is held only once and as small
 * as it is stored. The inputs are leaves: there is no gradient for them. */
#ifndef VALENCE_KERNELS_PROJECTION_H
#define VALENCE_KERNELS_PROJECTION_H

#include "kernels/linear.h"
#include "kernels/ragged.h"
#include "valence/stream.h"

struct projection {
    const void *rows; /* (n_rows, layer.in) */
    /* NULL, or where the rows of each clip of `sequence` are, read instead of `rows` */
    const void *const *clips;
    enum valence_dtype type;
    const float *mean;  /* (layer.in) or NULL */
    const float *scale; /* (layer.in) or NULL; both or none */
    const float *low;   /* (layer.in) or NULL: no clipping; only with mean and scale */
    const float *high;
    struct linear layer;
    const struct ragged *sequence;
};

/* Memory for layers of up to `max_in` inputs and d outputs. */
struct projection_scratch {
    real *threads; /* thread_count pieces of thread_size */
    int64_t thread_size;
    real *weights; /* in panels, or NULL where all layers are too small for them */
};

void projection_scratch_make(struct projection_scratch *scratch, int64_t d, int64_t max_in,
                             bool training, struct arena *arena);

void projection_forward(const struct projection *projection,
                        const struct projection_scratch *scratch, real *y);

/* The mean z of each clip's rows: means (n_clips, layer.in), 0 of a clip without rows. The layer's
 * weights are not used. */
void projection_mean_rows(const struct projection *projection, real *means);

/* How far `n` rows, (n, layer.in), lie outside low ... high: the largest low - z or z - high, 0
 * within. An infinity in the rows gives one; NaN is skipped. 0 without low and high. The rows of
 * the projection itself are not read. */
float projection_distance(const struct projection *projection, const void *rows, int64_t n);

/* Adds dW and db given dy (n_rows, d); the first thread adds to the gradient itself, the others'
 * shares follow. */
void projection_backward(const struct projection *projection,
                         const struct projection_scratch *scratch, const real *dy,
                         struct linear_gradient gradient);

#endif
