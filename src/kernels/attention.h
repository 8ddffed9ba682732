/* Attention of a few queries over packed sequences. Both attentions of the network are this one:
 *
 *   x'_t = dropout(x_t)                          the values
 *   k_t  = tanh(W x'_t + b)                      the keys
 *   w_qt = softmax over the clip's t of 0.3 * q . k_t
 *   y_q  = sum over t of w_qt x'_t
 *
 * Attention pooling (fra2utt) has one query, the learned context vector, shared by all clips;
 * cross-attention (cross_att_fra2utt) has 7 queries of each clip's own. An empty clip gives y = 0:
 * a missing modality is a sequence of length zero, not a special case.
 *
 * Shapes: x, k: (rows, d); queries: (Q, d) at distance query_stride from clip to clip (0: shared);
 * y: (n_clips, Q, d); weights: clip i's (Q, T_i) at Q * offsets[i].
 *
 * A tile of rows is worked on while it is in cache. Softmax is taken segment by segment and joined
 * per clip by the segments' maxima and sums, so that clips need not fit a tile; backward needs no
 * second pass over the rows because sum_t w_qt (dy_q . x'_t) = dy_q . y_q.
 *
 * Source: arXiv 2410.15029, section 2.2, equations of UMCA; Dao et al. 2022 for the joined
 * softmax. */
#ifndef VALENCE_KERNELS_ATTENTION_H
#define VALENCE_KERNELS_ATTENTION_H

#include "kernels/dropout.h"
#include "kernels/linear.h"
#include "kernels/ragged.h"

#define ATTENTION_SOFTMAX_SCALE 0.3

/* One use of the attention: what goes in, and what backward needs again. */
struct attention {
    const struct ragged *sequence;
    const real *x;           /* (rows, d) */
    struct linear key_layer; /* (d, d) */
    const real *queries;
    int64_t n_queries;
    int64_t query_stride;
    struct dropout dropout;
    uint32_t site;             /* of the values' dropout */
    const uint64_t *clip_keys; /* where dropout is on */

    real *output;    /* (n_clips, Q, d) */
    real *weights;   /* (Q * rows) */
    real *keys;      /* (rows, d), or NULL if no backward follows */
    uint32_t *masks; /* (rows, dropout_words(d)), or NULL if dropout is off */
};

/* Memory that one call needs, used by one after the other: per-thread tiles and per-segment partial
 * results. */
struct attention_scratch {
    real *threads; /* thread_count pieces of thread_size */
    int64_t thread_size;
    real *segments; /* (n_segments, Q, d) */
    real *extremes; /* (n_segments, Q, 2): maximum and sum */
    real *weights;  /* the key layer's in panels, or NULL if it is too small for them */
};

/* For sequences of up to `n_segments` segments and `n_queries` queries; a measuring arena is
 * measured. */
void attention_scratch_make(struct attention_scratch *scratch, int64_t d, int64_t n_queries,
                            int64_t n_segments, struct arena *arena);

void attention_forward(const struct attention *attention, const struct attention_scratch *scratch);

/* Given dy (n_clips, Q, d), adds to the key layer's gradients, to dx (rows, d) and to dqueries (Q,
 * d) at distance query_stride. Overwrites attention->keys. */
void attention_backward(const struct attention *attention, const struct attention_scratch *scratch,
                        const real *dy, struct linear_gradient key_gradient, real *dx,
                        real *dqueries);

#endif
