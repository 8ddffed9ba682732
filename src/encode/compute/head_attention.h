/* The products of attention, a head and a block of its queries at a time, so that their scores stay
 * in the cache: in f32 by panels that the head's keys and values are packed into, or in bf16
 * where that pays. One thread. */
#ifndef VALENCE_ENCODE_COMPUTE_HEAD_ATTENTION_H
#define VALENCE_ENCODE_COMPUTE_HEAD_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#define HEAD_MOST_QUERIES 256 /* of a block */

/* Sizes of a head. Its queries, keys and values are rows of `width` floats, `stride` apart. */
struct head_shape {
    bool is_bf16;
    int64_t frames, width, stride;
};

/* Queries computed at a time. */
int64_t head_queries(bool is_bf16);

/* A thread's working memory. */
struct head_memory {
    struct head_shape shape;
    float *scores;            /* (head_queries(), padded) */
    int64_t padded;           /* frames in whole panels */
    float *keys, *values;     /* in panels, of the head that was taken; NULL in bf16 */
    float *sums;              /* of a panel of values */
    const float *key, *value; /* of that head, where they were */
};

int64_t head_floats(const struct head_shape *shape);
struct head_memory head_memory_at(const struct head_shape *shape, float *floats);

/* Turns to the head with these keys and values, (frames, width). */
void head_take(struct head_memory *memory, const float *key, const float *value);

/* scores_qk = q . k of the first n queries at `query`. */
void head_score(const struct head_memory *memory, int64_t n, const float *query);

/* y_q = factor_q sum over k of scores_qk v_k; rows of y are `y_stride` apart. */
void head_weigh(const struct head_memory *memory, int64_t n, const float *factors, float *y,
                int64_t y_stride);

#endif
