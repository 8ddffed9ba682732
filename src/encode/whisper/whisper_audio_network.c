#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "encode/whisper/whisper_audio.h"
#include "encode/compute/head_attention.h"
#include "encode/compute/row_ops.h"
#include "kernels/bf16_gemm.h"
#include "kernels/gemm.h"

#define EPSILON 1e-5f

/* ---- Row by row ---- */

/* x, y: (n, d), may be the same. */
static void layer_norm(const float *const pair[2], const float *x, int64_t n, int64_t d, float *y)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++)
        rows_norm(1, d, x + i * d, pair[0], pair[1], EPSILON, ACTIVATION_NONE, y + i * d);
}

/* y = activation(y + bias) + residual for rows of (n, d); bias and residual may be NULL. */
static void finish(const float *bias, enum activation activation, const float *residual, int64_t n,
                   int64_t d, float *y)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        struct finish row = {
            .bias = bias, .activation = activation, .residual = residual ? residual + i * d : NULL};
        rows_finish(1, d, y + i * d, d, &row);
    }
}

/* y = activation(W x + b) + residual for n rows. `residual`, which may be NULL, is not y. */
static void linear(const struct whisper_audio_state *s, const struct whisper_linear *layer,
                   const float *x, int64_t n, enum activation activation, const float *residual,
                   float *y)
{
    int64_t in = layer->in, out = layer->out;
    if (layer->bytes.panels)
        int8_matrix_multiply(&layer->bytes, n, x, s->quantised, y);
    else if (layer->is_bf16)
        bf16_gemm(AS_IS, TRANSPOSED, n, out, in, x, in, layer->weight, in, false, y, out);
    else
        gemm(AS_IS, TRANSPOSED, n, out, in, 1, x, in, layer->weight, in, 0, y, out);
    finish(layer->bias, activation, residual, n, out, y);
}

/* The next state takes the place of the last one. */
static void swap(float **a, float **b)
{
    float *kept = *a;
    *a = *b;
    *b = kept;
}

/* ---- Layers ---- */

/* conv1 of the mel, (n_mels, WHISPER_FRAMES), of which 2 * context frames are seen: kernel 3,
 * stride 1, padding 1; GELU. */
static void convolve_mel(struct whisper_audio_state *s, int64_t context)
{
    const struct whisper_audio *m = s->model;
    int64_t frames = 2 * context, in = 3 * m->n_mels;
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < frames; t++)
        for (int64_t c = 0; c < m->n_mels; c++)
            for (int64_t k = 0; k < 3; k++) {
                int64_t from = t + k - 1;
                s->columns[t * in + c * 3 + k] =
                    from < 0 || from >= frames ? 0 : s->mel[c * WHISPER_FRAMES + from];
            }
    gemm(AS_IS, TRANSPOSED, frames, m->width, in, 1, s->columns, in, m->conv1[0], in, 0, s->conv,
         m->width);
    finish(m->conv1[1], ACTIVATION_GELU, NULL, frames, m->width, s->conv);
}

/* conv2: kernel 3, stride 2, padding 1; GELU; and the positions. */
static void convolve_again(struct whisper_audio_state *s, int64_t context)
{
    const struct whisper_audio *m = s->model;
    int64_t d = m->width, in = 3 * d;
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < context; t++)
        for (int64_t k = 0; k < 3; k++) {
            int64_t from = 2 * t + k - 1;
            for (int64_t c = 0; c < d; c++)
                s->columns[t * in + c * 3 + k] =
                    from < 0 || from >= 2 * context ? 0 : s->conv[from * d + c];
        }
    gemm(AS_IS, TRANSPOSED, context, d, in, 1, s->columns, in, m->conv2[0], in, 0, s->hidden, d);
    finish(m->conv2[1], ACTIVATION_GELU, m->places, context, d, s->hidden);
}

/* y_q = sum over k of softmax_k(q . k / sqrt(width)) v_k, for n queries of the head taken. */
static void attend_block(const struct head_memory *memory, int64_t n, const float *query, float *y,
                         int64_t y_stride)
{
    int64_t frames = memory->shape.frames;
    float factors[HEAD_MOST_QUERIES];
    head_score(memory, n, query);
    for (int64_t i = 0; i < n; i++) {
        float *scores = memory->scores + i * memory->padded;
        factors[i] = row_softmax(frames, 1 / sqrtf((float)memory->shape.width), 0, scores, scores);
    }
    head_weigh(memory, n, factors, y, y_stride);
}

static struct head_shape head_shape(const struct whisper_audio *model, bool is_bf16, int64_t n)
{
    return (struct head_shape){is_bf16, n, model->width / model->n_heads, model->width};
}

/* Without a mask; heads are consecutive columns. Threads share the (head, block of queries)
 * pairs. */
static void attend_heads(struct whisper_audio_state *s, bool is_bf16, int64_t n)
{
    struct head_shape shape = head_shape(s->model, is_bf16, n);
    int64_t d = s->model->width, most = head_queries(is_bf16), blocks = (n + most - 1) / most;
    int64_t n_heads = s->model->n_heads;
    int n_threads = s->n_threads < threads_count() ? s->n_threads : threads_count();
    (void)n_threads; /* for builds without OpenMP */
#pragma omp parallel num_threads(n_threads)
    {
        struct head_memory memory =
            head_memory_at(&shape, s->scores + thread_index() * head_floats(&shape));
        int64_t held = -1;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n_heads * blocks; i++) {
            int64_t head = i / blocks, first = i % blocks * most, at = head * shape.width;
            if (head != held)
                head_take(&memory, s->k + at, s->v + at);
            held = head;
            attend_block(&memory, n - first < most ? n - first : most, s->q + first * d + at,
                         s->mixed + first * d + at, d);
        }
    }
}

/* h = h + out(attention(norm(h))) */
static void attend(struct whisper_audio_state *s, const struct whisper_audio_layer *layer,
                   int64_t n)
{
    int64_t d = s->model->width;
    layer_norm(layer->attention_norm, s->hidden, n, d, s->normed);
    linear(s, &layer->query, s->normed, n, ACTIVATION_NONE, NULL, s->q);
    linear(s, &layer->key, s->normed, n, ACTIVATION_NONE, NULL, s->k);
    linear(s, &layer->value, s->normed, n, ACTIVATION_NONE, NULL, s->v);
    attend_heads(s, layer->query.is_bf16, n);
    linear(s, &layer->attention_out, s->mixed, n, ACTIVATION_NONE, s->hidden, s->normed);
    swap(&s->hidden, &s->normed);
}

/* h = h + down(GELU(up(norm(h)))) */
static void feed_forward(struct whisper_audio_state *s, const struct whisper_audio_layer *layer,
                         int64_t n)
{
    int64_t d = s->model->width;
    layer_norm(layer->norm, s->hidden, n, d, s->normed);
    linear(s, &layer->up, s->normed, n, ACTIVATION_GELU, NULL, s->inner);
    linear(s, &layer->down, s->inner, n, ACTIVATION_NONE, s->hidden, s->normed);
    swap(&s->hidden, &s->normed);
}

void whisper_audio_run(struct whisper_audio_state *state, int64_t context, int64_t depth,
                       whisper_audio_visit *visit, void *user)
{
    const struct whisper_audio *model = state->model;
    convolve_mel(state, context);
    visit(user, -1, state->conv);
    convolve_again(state, context);
    visit(user, 0, state->hidden);
    for (int64_t i = 0; i < depth; i++) {
        attend(state, &model->layers[i], context);
        feed_forward(state, &model->layers[i], context);
        visit(user, i + 1, state->hidden);
    }
    if (depth == model->n_layers) {
        layer_norm(model->final_norm, state->hidden, context, model->width, state->normed);
        visit(user, depth + 1, state->normed);
    }
}

/* ---- Memory ---- */

/* For the widest input of a layer of bytes, if there is one. */
static int64_t quantised_floats(const struct whisper_audio *model)
{
    return model->has_bytes ? (int64_t)int8_input_bytes(WHISPER_CONTEXT, 4 * model->width) / 4 : 0;
}

/* For a block of queries of each thread. */
static int64_t score_floats(const struct whisper_audio *model, int n_threads)
{
    int64_t most = 0;
    for (int is_bf16 = 0; is_bf16 < 2; is_bf16++) {
        struct head_shape shape = head_shape(model, is_bf16, WHISPER_CONTEXT);
        int64_t floats = head_floats(&shape);
        most = floats > most ? floats : most;
    }
    return n_threads * most;
}

int whisper_audio_state_create(struct whisper_audio_state *state, const struct whisper_audio *model,
                               struct valence_error *error)
{
    int64_t d = model->width, n = WHISPER_CONTEXT, in1 = 3 * model->n_mels * 2, in2 = 3 * d;
    *state = (struct whisper_audio_state){.model = model, .n_threads = threads_count()};
    const struct {
        float **piece;
        int64_t size;
    } pieces[] = {{&state->mel, model->n_mels * WHISPER_FRAMES},
                  {&state->columns, n * (in1 > in2 ? in1 : in2)},
                  {&state->conv, 2 * n * d},
                  {&state->hidden, n * d},
                  {&state->normed, n * d},
                  {&state->q, n * d},
                  {&state->k, n * d},
                  {&state->v, n * d},
                  {&state->mixed, n * d},
                  {&state->scores, score_floats(model, state->n_threads)},
                  {&state->inner, 4 * n * d},
                  {&state->quantised, quantised_floats(model)}};
    int64_t total = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        total += pieces[i].size;
    state->memory = allocate(total, sizeof *state->memory);
    if (!state->memory)
        return fail_memory(error, (size_t)total * sizeof *state->memory, "Whisper's activations");
    float *next = state->memory;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        *pieces[i].piece = next;
        next += pieces[i].size;
    }
    return VALENCE_OK;
}

void whisper_audio_state_free(struct whisper_audio_state *state)
{
    free(state->memory);
    *state = (struct whisper_audio_state){0};
}
