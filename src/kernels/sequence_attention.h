/* Attention of every row of one packed sequence over the rows of another, with several heads:
 *
 *   w_tu = softmax over the clip's rows u of q_t . k_u / sqrt(d / heads)
 *   y_t  = sum over u of w_tu v_u
 *
 * for each clip and, side by side, each head's d / heads columns. q and y: (rows asking, d); k and
 * v: (rows answering, d). Where a clip has no rows that answer, y = 0.
 *
 * The weights are never stored: the rows that answer pass by in chunks, with a running maximum and
 * sum, and backward computes the weights again from their logarithms. So memory grows with the
 * rows, not with their product. Forward is cut at segments of rows, backward at clips and heads: no
 * two threads add to the same values, so that the result does not depend on timing.
 *
 * Source: Vaswani et al., arXiv 1706.03762; Dao et al., arXiv 2205.14135, for the running
 * softmax. */
#ifndef VALENCE_KERNELS_SEQUENCE_ATTENTION_H
#define VALENCE_KERNELS_SEQUENCE_ATTENTION_H

#include "kernels/ragged.h"
#include "kernels/real.h"

struct sequence_attention {
    const struct ragged *asking, *answering; /* of the same clips */
    int64_t d;
    int64_t n_heads;   /* divides d */
    const real *q;     /* (rows asking, d) */
    const real *k, *v; /* (rows answering, d) */
    real *y;           /* (rows asking, d) */
    real *log_sums;    /* (rows asking, n_heads): of exp(q . k / ...) over the clip */
};

/* Memory that one call needs, one piece for each thread. */
struct sequence_attention_scratch {
    real *threads;
    int64_t thread_size;
};

/* A measuring arena is measured. */
void sequence_attention_scratch_make(struct sequence_attention_scratch *scratch,
                                     struct arena *arena);

/* Writes y and log_sums. */
void sequence_attention_forward(const struct sequence_attention *attention,
                                const struct sequence_attention_scratch *scratch);

/* Given dy (rows asking, d), writes dq, dk and dv. */
void sequence_attention_backward(const struct sequence_attention *attention,
                                 const struct sequence_attention_scratch *scratch, const real *dy,
                                 real *dq, real *dk, real *dv);

#endif
