#include "kernels/sequence_attention.h"

#include "base/threads.h"
#include "kernels/gemm.h"
#include "kernels/simd.h"
#include "kernels/vector.h"

/* Rows that pass by at a time. */
#define CHUNK_ROWS 128

/* A thread's memory: two tables of a tile's rows by a chunk's, and of each of a tile's rows its
 * maximum, its sum, and the factor by which a new maximum shrinks what was summed before; on the
 * way back the sums are dy . y. */
struct thread_memory {
    real *weights;   /* (rows, CHUNK_ROWS) */
    real *gradients; /* likewise */
    real *maxima, *sums, *factors;
};

static int64_t table_size(void)
{
    return ragged_max_tile_rows() * CHUNK_ROWS;
}

void sequence_attention_scratch_make(struct sequence_attention_scratch *scratch,
                                     struct arena *arena)
{
    scratch->thread_size = 2 * table_size() + 3 * ragged_max_tile_rows();
    scratch->threads = arena_take(arena, scratch->thread_size * threads_count(), sizeof(real));
}

static struct thread_memory thread_memory(const struct sequence_attention_scratch *scratch)
{
    real *at = scratch->threads + thread_index() * scratch->thread_size;
    struct thread_memory memory = {.weights = at, .gradients = at + table_size()};
    memory.maxima = memory.gradients + table_size();
    memory.sums = memory.maxima + ragged_max_tile_rows();
    memory.factors = memory.sums + ragged_max_tile_rows();
    return memory;
}

/* Consecutive rows of one sequence. */
struct span {
    int64_t first, n;
};

static struct span rows_of_clip(const struct ragged *sequence, int64_t clip)
{
    int64_t first = sequence->offsets[clip];
    return (struct span){first, sequence->offsets[clip + 1] - first};
}

/* The part of `all` that begins `done` rows into it, of at most `most` rows. */
static struct span next_chunk(struct span all, int64_t done, int64_t most)
{
    int64_t left = all.n - done;
    return (struct span){all.first + done, left < most ? left : most};
}

static int64_t head_width(const struct sequence_attention *attention)
{
    return attention->d / attention->n_heads;
}

/* scores = q k^T / sqrt(head width) of one head, (asking.n, answering.n). */
static void score_rows(const struct sequence_attention *attention, int64_t head, struct span asking,
                       struct span answering, real *scores)
{
    int64_t d = attention->d, width = head_width(attention), column = head * width;
    gemm(AS_IS, TRANSPOSED, asking.n, answering.n, width, (real)(1 / sqrt((double)width)),
         attention->q + asking.first * d + column, d, attention->k + answering.first * d + column,
         d, 0, scores, answering.n);
}

/* ---- Forward ---- */

#define LANES 16 /* values that are reduced side by side */

VALENCE_INLINE real largest_value(int64_t n, const real *values, real largest)
{
    real lanes[LANES];
    int64_t whole = n / LANES * LANES;
    for (int i = 0; i < LANES; i++)
        lanes[i] = largest;
    for (int64_t u = 0; u < whole; u += LANES)
        for (int i = 0; i < LANES; i++)
            lanes[i] = values[u + i] > lanes[i] ? values[u + i] : lanes[i];
    for (int i = 0; i < LANES; i++)
        largest = lanes[i] > largest ? lanes[i] : largest;
    for (int64_t u = whole; u < n; u++)
        largest = values[u] > largest ? values[u] : largest;
    return largest;
}

VALENCE_INLINE real sum_of(int64_t n, const real *values)
{
    real lanes[LANES] = {0}, sum = 0;
    int64_t whole = n / LANES * LANES;
    for (int64_t u = 0; u < whole; u += LANES)
        for (int i = 0; i < LANES; i++)
            lanes[i] += values[u + i];
    for (int i = 0; i < LANES; i++)
        sum += lanes[i];
    for (int64_t u = whole; u < n; u++)
        sum += values[u];
    return sum;
}

/* Scores of one row become exp(score - maximum), the maximum being that of all chunks so far.
 * *factor shrinks what was summed with the maximum before. */
VALENCE_CLONES
static void exponentiate(int64_t n, real *scores, real *maximum, real *sum, real *factor)
{
    real largest = largest_value(n, scores, *maximum);
    for (int64_t u = 0; u < n; u++)
        scores[u] = real_exp(scores[u] - largest);
    *factor = *sum > 0 ? (real)exp((double)(*maximum - largest)) : 0;
    *sum = *sum * *factor + sum_of(n, scores);
    *maximum = largest;
}

static void forward_head(const struct sequence_attention *attention, int64_t head,
                         struct span asking, struct span answering,
                         const struct thread_memory *memory)
{
    int64_t d = attention->d, width = head_width(attention), column = head * width;
    real *y = attention->y + asking.first * d + column;
    for (int64_t i = 0; i < asking.n; i++) {
        memory->maxima[i] = -INFINITY;
        memory->sums[i] = 0;
        memset(y + i * d, 0, (size_t)width * sizeof *y);
    }
    for (int64_t done = 0; done < answering.n; done += CHUNK_ROWS) {
        struct span chunk = next_chunk(answering, done, CHUNK_ROWS);
        score_rows(attention, head, asking, chunk, memory->weights);
        for (int64_t i = 0; i < asking.n; i++) {
            exponentiate(chunk.n, memory->weights + i * chunk.n, memory->maxima + i,
                         memory->sums + i, memory->factors + i);
            for (int64_t j = 0; j < width; j++)
                y[i * d + j] *= memory->factors[i];
        }
        gemm(AS_IS, AS_IS, asking.n, width, chunk.n, 1, memory->weights, chunk.n,
             attention->v + chunk.first * d + column, d, 1, y, d);
    }
    for (int64_t i = 0; i < asking.n; i++) {
        real sum = memory->sums[i];
        attention->log_sums[(asking.first + i) * attention->n_heads + head] =
            memory->maxima[i] + (real)log((double)sum);
        for (int64_t j = 0; j < width && sum > 0; j++)
            y[i * d + j] /= sum;
    }
}

void sequence_attention_forward(const struct sequence_attention *attention,
                                const struct sequence_attention_scratch *scratch)
{
    const struct ragged *asking = attention->asking;
#pragma omp parallel for schedule(dynamic)
    for (int64_t s = 0; s < asking->n_segments; s++) {
        struct thread_memory memory = thread_memory(scratch);
        struct segment segment = asking->segments[s];
        for (int64_t head = 0; head < attention->n_heads; head++)
            forward_head(attention, head, (struct span){segment.first, segment.n},
                         rows_of_clip(attention->answering, segment.clip), &memory);
    }
}

/* ---- Backward ---- */

/* Of one row that asks: scores become weights, and `gradients`, which holds dy . v, becomes
 * d(score) = w (dy . v - dy . y). */
VALENCE_CLONES
static void softmax_backward(int64_t n, real log_sum, real mean, real *scores, real *gradients)
{
    for (int64_t u = 0; u < n; u++) {
        scores[u] = real_exp(scores[u] - log_sum);
        gradients[u] = scores[u] * (gradients[u] - mean);
    }
}

/* Weights and d(score) of a block of one head, in the thread's two tables. */
static void block_backward(const struct sequence_attention *attention, int64_t head,
                           struct span asking, struct span answering, const real *dy,
                           const struct thread_memory *memory)
{
    int64_t d = attention->d, width = head_width(attention), column = head * width;
    score_rows(attention, head, asking, answering, memory->weights);
    gemm(AS_IS, TRANSPOSED, asking.n, answering.n, width, 1, dy + asking.first * d + column, d,
         attention->v + answering.first * d + column, d, 0, memory->gradients, answering.n);
    for (int64_t i = 0; i < asking.n; i++)
        softmax_backward(answering.n,
                         attention->log_sums[(asking.first + i) * attention->n_heads + head],
                         memory->sums[i], memory->weights + i * answering.n,
                         memory->gradients + i * answering.n);
}

/* One head of some rows that ask: its columns of their dq, and what they add to dk and dv. */
static void backward_asking(const struct sequence_attention *attention, int64_t head,
                            struct span asking, struct span answering, const real *dy, real *dq,
                            real *dk, real *dv, const struct thread_memory *memory)
{
    int64_t d = attention->d, width = head_width(attention);
    int64_t from = asking.first * d + head * width;
    real scale = (real)(1 / sqrt((double)width));
    for (int64_t i = 0; i < asking.n; i++)
        memory->sums[i] = vector_dot(width, dy + from + i * d, attention->y + from + i * d);
    for (int64_t done = 0; done < answering.n; done += CHUNK_ROWS) {
        struct span chunk = next_chunk(answering, done, CHUNK_ROWS);
        int64_t to = chunk.first * d + head * width;
        block_backward(attention, head, asking, chunk, dy, memory);
        gemm(AS_IS, AS_IS, asking.n, width, chunk.n, scale, memory->gradients, chunk.n,
             attention->k + to, d, 1, dq + from, d);
        gemm(TRANSPOSED, AS_IS, chunk.n, width, asking.n, scale, memory->gradients, chunk.n,
             attention->q + from, d, 1, dk + to, d);
        gemm(TRANSPOSED, AS_IS, chunk.n, width, asking.n, 1, memory->weights, chunk.n, dy + from, d,
             1, dv + to, d);
    }
}

void sequence_attention_backward(const struct sequence_attention *attention,
                                 const struct sequence_attention_scratch *scratch, const real *dy,
                                 real *dq, real *dk, real *dv)
{
    int64_t d = attention->d, n_heads = attention->n_heads, tile = ragged_max_tile_rows();
    vector_clear(attention->asking->n_rows * d, dq);
    vector_clear(attention->answering->n_rows * d, dk);
    vector_clear(attention->answering->n_rows * d, dv);
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < attention->asking->n_clips * n_heads; i++) {
        struct thread_memory memory = thread_memory(scratch);
        struct span asking = rows_of_clip(attention->asking, i / n_heads);
        struct span answering = rows_of_clip(attention->answering, i / n_heads);
        for (int64_t done = 0; done < asking.n; done += tile)
            backward_asking(attention, i % n_heads, next_chunk(asking, done, tile), answering, dy,
                            dq, dk, dv, &memory);
    }
}
