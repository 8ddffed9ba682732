#include "kernels/attention.h"

#include "base/threads.h"
#include "kernels/gemm.h"
#include "kernels/panel.h"
#include "kernels/panel_gemm.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/vector.h"

static int64_t tile_size(int64_t d)
{
    return ragged_max_tile_rows() * d;
}

void attention_scratch_make(struct attention_scratch *scratch, int64_t d, int64_t n_queries,
                            int64_t n_segments, struct arena *arena)
{
    scratch->thread_size = 2 * tile_size(d) + d * d + d + n_queries * ragged_max_tile_rows();
    scratch->threads = arena_take(arena, scratch->thread_size * threads_count(), sizeof(real));
    scratch->segments = arena_take(arena, n_segments * n_queries * d, sizeof(real));
    scratch->extremes = arena_take(arena, n_segments * n_queries * 2, sizeof(real));
    scratch->weights = NULL;
    if (panel_gemm_pays(d, d))
        scratch->weights = arena_take(arena, panel_gemm_right_size(d, d), sizeof(real));
}

struct thread_memory {
    real *values;          /* (tile rows, d) */
    real *keys;            /* (tile rows, d), or their gradients */
    real *weight_gradient; /* (d, d) */
    real *bias_gradient;   /* (d) */
    real *scores;          /* (Q, tile rows) */
};

static struct thread_memory thread_memory(const struct attention_scratch *scratch, int64_t d,
                                          int thread)
{
    real *at = scratch->threads + thread * scratch->thread_size;
    struct thread_memory memory = {.values = at, .keys = at + tile_size(d)};
    memory.weight_gradient = memory.keys + tile_size(d);
    memory.bias_gradient = memory.weight_gradient + d * d;
    memory.scores = memory.bias_gradient + d;
    return memory;
}

static bool uses_panels(const struct attention *attention)
{
    const struct linear *layer = &attention->key_layer;
    return layer->precision == PRECISION_F32 && panel_gemm_pays(layer->in, layer->out);
}

struct tile {
    int64_t first, n;                    /* rows */
    int64_t first_segment, last_segment; /* first ... last-1 */
};

static struct tile get_tile(const struct ragged *sequence, int64_t index)
{
    int64_t first = index * sequence->tile_rows, left = sequence->n_rows - first;
    return (struct tile){first, left < sequence->tile_rows ? left : sequence->tile_rows,
                         sequence->tile_segments[index], sequence->tile_segments[index + 1]};
}

static const real *clip_queries(const struct attention *attention, int64_t clip)
{
    return attention->queries + clip * attention->query_stride;
}

/* The tile's values after dropout: x itself where dropout is off, else a copy in `room`. */
static const real *tile_values(const struct attention *attention, struct tile tile, bool draw,
                               real *room)
{
    int64_t d = attention->key_layer.in, words = dropout_words(d);
    const real *x = attention->x + tile.first * d;
    if (dropout_is_off(&attention->dropout))
        return x;
    for (int64_t s = tile.first_segment; draw && s < tile.last_segment; s++) {
        struct segment segment = attention->sequence->segments[s];
        dropout_masks(&attention->dropout, attention->site, attention->clip_keys[segment.clip],
                      segment.first - attention->sequence->offsets[segment.clip], segment.n, d,
                      attention->masks + segment.first * words);
    }
    dropout_apply(&attention->dropout, tile.n, d, attention->masks + tile.first * words, x, room);
    return room;
}

/* ---- Forward ---- */

/* In place, and to `kept` unless it is NULL. */
VALENCE_CLONES
static void tanh_with_bias(int64_t rows, int64_t width, const real *bias, real *x, real *kept)
{
    for (int64_t i = 0; i < rows; i++, x += width) {
        for (int64_t j = 0; j < width; j++)
            x[j] = real_tanh(x[j] + bias[j]);
        if (kept)
            memcpy(kept + i * width, x, (size_t)width * sizeof *x);
    }
}

/* One query's scores become exp(score - maximum); gives maximum and sum. */
VALENCE_CLONES
static void exponentiate(int64_t n, real *scores, real extremes[2])
{
    real maximum = scores[0], sum = 0;
    for (int64_t t = 1; t < n; t++)
        maximum = scores[t] > maximum ? scores[t] : maximum;
    for (int64_t t = 0; t < n; t++)
        scores[t] = real_exp(scores[t] - maximum);
    for (int64_t t = 0; t < n; t++)
        sum += scores[t];
    extremes[0] = maximum;
    extremes[1] = sum;
}

static void forward_segment(const struct attention *attention,
                            const struct attention_scratch *scratch, int64_t s, const real *values,
                            const real *keys)
{
    const struct ragged *sequence = attention->sequence;
    struct segment segment = sequence->segments[s];
    int64_t d = attention->key_layer.in, n_queries = attention->n_queries;
    int64_t start = sequence->offsets[segment.clip];
    int64_t length = sequence->offsets[segment.clip + 1] - start;
    real *weights = attention->weights + n_queries * start + (segment.first - start);

    gemm(AS_IS, TRANSPOSED, n_queries, segment.n, d, (real)ATTENTION_SOFTMAX_SCALE,
         clip_queries(attention, segment.clip), d, keys, d, 0, weights, length);
    for (int64_t q = 0; q < n_queries; q++)
        exponentiate(segment.n, weights + q * length, scratch->extremes + (s * n_queries + q) * 2);
    gemm(AS_IS, AS_IS, n_queries, d, segment.n, 1, weights, length, values, d, 0,
         scratch->segments + s * n_queries * d, d);
}

static void forward_tile(const struct attention *attention, const struct attention_scratch *scratch,
                         int64_t index)
{
    int64_t d = attention->key_layer.in;
    struct tile tile = get_tile(attention->sequence, index);
    struct thread_memory memory = thread_memory(scratch, d, thread_index());
    const real *values = tile_values(attention, tile, true, memory.values);
    real *keys = memory.keys; /* in cache, where those that backward needs are not */

    if (uses_panels(attention))
        panel_gemm(tile.n, d, d, values, d, scratch->weights, false, keys, d);
    else
        linear_product(&attention->key_layer, AS_IS, TRANSPOSED, tile.n, d, d, values, d,
                       attention->key_layer.weight, d, false, keys, d);
    tanh_with_bias(tile.n, d, attention->key_layer.bias, keys,
                   attention->keys ? attention->keys + tile.first * d : NULL);
    for (int64_t s = tile.first_segment; s < tile.last_segment; s++) {
        int64_t offset = (attention->sequence->segments[s].first - tile.first) * d;
        forward_segment(attention, scratch, s, values + offset, keys + offset);
    }
}

/* Joins the segments of one clip and query: y = sum_s e_s y_s / sum_s e_s l_s with e_s = exp(max_s
 * - max). */
static void join_segments(const struct attention *attention,
                          const struct attention_scratch *scratch, int64_t clip, int64_t q)
{
    const struct ragged *sequence = attention->sequence;
    int64_t d = attention->key_layer.in, n_queries = attention->n_queries;
    int64_t first = sequence->clip_segments[clip], last = sequence->clip_segments[clip + 1];
    int64_t start = sequence->offsets[clip], length = sequence->offsets[clip + 1] - start;
    real *weights = attention->weights + n_queries * start + q * length;
    real *output = attention->output + (clip * n_queries + q) * d;

    memset(output, 0, (size_t)d * sizeof(real));
    real maximum = 0, sum = 0;
    for (int64_t s = first; s < last; s++) {
        real here = scratch->extremes[(s * n_queries + q) * 2];
        maximum = s == first || here > maximum ? here : maximum;
    }
    for (int64_t s = first; s < last; s++) {
        const real *extremes = scratch->extremes + (s * n_queries + q) * 2;
        sum += (real)exp((double)(extremes[0] - maximum)) * extremes[1];
    }
    for (int64_t s = first; s < last; s++) {
        struct segment segment = sequence->segments[s];
        real here = scratch->extremes[(s * n_queries + q) * 2];
        real factor = (real)exp((double)(here - maximum)) / sum;
        vector_add_scaled(d, factor, scratch->segments + (s * n_queries + q) * d, output);
        real *part = weights + (segment.first - start);
        for (int64_t t = 0; t < segment.n; t++)
            part[t] *= factor;
    }
}

/* Of the products with the key layer, and what dropout, tanh and scores take for each element, in
 * multiply-adds: as long as the products at d = 64. */
static int64_t work_of(const struct attention *attention)
{
    enum { ELEMENT_WORK = 64 };
    int64_t d = attention->key_layer.in;
    return attention->sequence->n_rows * d * (d + ELEMENT_WORK);
}

/* The key layer's weights in panels, for forward or, transposed, for backward; by all threads of
 * the region that it is called in. */
static void pack_weights(const struct attention *attention, bool transposed, real *packed)
{
    const struct linear *layer = &attention->key_layer;
    int64_t d = layer->in;
#pragma omp for schedule(static)
    for (int64_t column = 0; column < d; column += PANEL) {
        int64_t width = d - column < PANEL ? d - column : PANEL;
        if (transposed)
            panel_pack_transposed(width, d, layer->weight + column, d, packed + column * d);
        else
            panel_pack(width, d, layer->weight + column * d, d, packed + column * d);
    }
}

void attention_forward(const struct attention *attention, const struct attention_scratch *scratch)
{
    const struct ragged *sequence = attention->sequence;
    int before = share_enter(work_of(attention));
#pragma omp parallel
    {
        if (uses_panels(attention))
            pack_weights(attention, false, scratch->weights);
#pragma omp for schedule(dynamic)
        for (int64_t tile = 0; tile < sequence->n_tiles; tile++)
            forward_tile(attention, scratch, tile);
#pragma omp for schedule(static)
        for (int64_t clip = 0; clip < sequence->n_clips; clip++)
            for (int64_t q = 0; q < attention->n_queries; q++)
                join_segments(attention, scratch, clip, q);
    }
    share_leave(before);
}

/* ---- Backward ---- */

/* ds = w (dy . x' - dy . y) * scale, in place on the products dy . x'; (n) of one query. */
VALENCE_CLONES
static void softmax_backward(int64_t n, const real *weights, real mean, real *scores)
{
    for (int64_t t = 0; t < n; t++)
        scores[t] = weights[t] * (scores[t] - mean) * (real)ATTENTION_SOFTMAX_SCALE;
}

/* k becomes dk (1 - k^2): the gradient before tanh. */
VALENCE_CLONES
static void tanh_backward(int64_t n, const real *dk, real *k)
{
    for (int64_t j = 0; j < n; j++)
        k[j] = dk[j] * (1 - k[j] * k[j]);
}

/* Of one segment: leaves dk (1 - k^2) in `keys`, what the weighted sum gives dx' in `dvalues`, and
 * the segment's dqueries in the scratch. */
static void backward_segment(const struct attention *attention,
                             const struct attention_scratch *scratch, int64_t s, const real *dy,
                             const real *values, real *keys, real *dvalues, real *scores)
{
    const struct ragged *sequence = attention->sequence;
    struct segment segment = sequence->segments[s];
    int64_t d = attention->key_layer.in, n_queries = attention->n_queries, n = segment.n;
    int64_t start = sequence->offsets[segment.clip];
    int64_t length = sequence->offsets[segment.clip + 1] - start;
    const real *weights = attention->weights + n_queries * start + (segment.first - start);
    const real *y = attention->output + segment.clip * n_queries * d;
    const real *queries = clip_queries(attention, segment.clip);
    dy += segment.clip * n_queries * d;

    gemm(AS_IS, TRANSPOSED, n_queries, n, d, 1, dy, d, values, d, 0, scores, n);
    for (int64_t q = 0; q < n_queries; q++)
        softmax_backward(n, weights + q * length, vector_dot(d, dy + q * d, y + q * d),
                         scores + q * n);
    gemm(AS_IS, AS_IS, n_queries, d, n, 1, scores, n, keys, d, 0,
         scratch->segments + s * n_queries * d, d);
    gemm(TRANSPOSED, AS_IS, n, d, n_queries, 1, scores, n, queries, d, 0, dvalues, d);
    tanh_backward(n * d, dvalues, keys);
    gemm(TRANSPOSED, AS_IS, n, d, n_queries, 1, weights, length, dy, d, 0, dvalues, d);
}

/* The key layer's part of a tile: from dk (1 - k^2), in `dkeys`, to dW and to dx', which is added
 * to memory->keys. */
static void key_layer_backward(const struct attention *attention,
                               const struct attention_scratch *scratch, int64_t n,
                               const real *values, const real *dkeys,
                               const struct thread_memory *memory, real *dw)
{
    const struct linear *layer = &attention->key_layer;
    int64_t d = layer->in;
    linear_product(layer, TRANSPOSED, AS_IS, d, d, n, dkeys, d, values, d, true, dw, d);
    if (uses_panels(attention))
        panel_gemm(n, d, d, dkeys, d, scratch->weights, true, memory->keys, d);
    else
        linear_product(layer, AS_IS, AS_IS, n, d, d, dkeys, d, layer->weight, d, true, memory->keys,
                       d);
}

static void backward_tile(const struct attention *attention,
                          const struct attention_scratch *scratch, int64_t index, const real *dy,
                          struct linear_gradient key_gradient, real *dx)
{
    int64_t d = attention->key_layer.in;
    struct tile tile = get_tile(attention->sequence, index);
    struct thread_memory memory = thread_memory(scratch, d, thread_index());
    const real *values = tile_values(attention, tile, false, memory.values);
    real *keys = attention->keys + tile.first * d;

    for (int64_t s = tile.first_segment; s < tile.last_segment; s++) {
        int64_t offset = (attention->sequence->segments[s].first - tile.first) * d;
        backward_segment(attention, scratch, s, dy, values + offset, keys + offset,
                         memory.keys + offset, memory.scores);
    }
    bool first_thread = thread_index() == 0; /* adds to the gradient itself */
    key_layer_backward(attention, scratch, tile.n, values, keys, &memory,
                       first_thread ? key_gradient.weight : memory.weight_gradient);
    vector_add_rows(tile.n, d, keys, d, first_thread ? key_gradient.bias : memory.bias_gradient);

    real *dx_tile = dx + tile.first * d;
    if (dropout_is_off(&attention->dropout))
        vector_add_scaled(tile.n * d, 1, memory.keys, dx_tile);
    else
        dropout_apply_add(&attention->dropout, tile.n, d,
                          attention->masks + tile.first * dropout_words(d), memory.keys, dx_tile);
}

void attention_backward(const struct attention *attention, const struct attention_scratch *scratch,
                        const real *dy, struct linear_gradient key_gradient, real *dx,
                        real *dqueries)
{
    const struct ragged *sequence = attention->sequence;
    int64_t d = attention->key_layer.in, query_size = attention->n_queries * d;
    int before = share_enter(work_of(attention)), used = threads_count();
#pragma omp parallel
    {
        if (uses_panels(attention))
            pack_weights(attention, true, scratch->weights);
#pragma omp for schedule(static, 1)
        for (int thread = 0; thread < used; thread++)
            if (thread > 0)
                memset(thread_memory(scratch, d, thread).weight_gradient, 0,
                       (size_t)(d * d + d) * sizeof(real));
#pragma omp for schedule(static)
        for (int64_t tile = 0; tile < sequence->n_tiles; tile++)
            backward_tile(attention, scratch, tile, dy, key_gradient, dx);
            /* A key's shares in the order of threads: the sum does not depend on timing. */
#pragma omp for schedule(static)
        for (int64_t j = 0; j < d; j++)
            for (int thread = 1; thread < used; thread++) {
                struct thread_memory share = thread_memory(scratch, d, thread);
                vector_add_scaled(d, 1, share.weight_gradient + j * d, key_gradient.weight + j * d);
                key_gradient.bias[j] += share.bias_gradient[j];
            }
    }
    for (int64_t s = 0; s < sequence->n_segments; s++)
        vector_add_scaled(query_size, 1, scratch->segments + s * query_size,
                          dqueries + sequence->segments[s].clip * attention->query_stride);
    share_leave(before);
}
