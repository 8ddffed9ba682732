#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/whisper/whisper_audio.h"
#include "encode/compute/row_ops.h"
#include "kernels/bf16_gemm.h"
#include "kernels/gemm.h"

#define EPSILON 1e-5

/* ---- Row by row ---- */

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias. x, y: (n, d), may be the same. */
static void layer_norm(const float *const pair[2], const float *x, int64_t n, int64_t d, float *y)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const float *row = x + i * d;
        double mean = 0, variance = 0;
        for (int64_t j = 0; j < d; j++)
            mean += row[j];
        mean /= (double)d;
        for (int64_t j = 0; j < d; j++)
            variance += (row[j] - mean) * (row[j] - mean);
        double scale = 1 / sqrt(variance / (double)d + EPSILON);
        for (int64_t j = 0; j < d; j++)
            y[i * d + j] = (float)((row[j] - mean) * scale) * pair[0][j] + pair[1][j];
    }
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

/* c = a op(b), (m, n), with k terms. */
static void multiply(bool is_bf16, enum transpose form, int64_t m, int64_t n, int64_t k,
                     const float *a, int64_t lda, const float *b, int64_t ldb, float *c,
                     int64_t ldc)
{
    if (is_bf16)
        bf16_gemm(AS_IS, form, m, n, k, a, lda, b, ldb, false, c, ldc);
    else
        gemm(AS_IS, form, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
}

/* y = activation(W x + b) + residual for n rows. `residual`, which may be NULL, is not y. */
static void linear(const struct whisper_audio_state *s, const struct whisper_linear *layer,
                   const float *x, int64_t n, enum activation activation, const float *residual,
                   float *y)
{
    int64_t in = layer->in, out = layer->out;
    if (layer->bytes.panels)
        int8_matrix_multiply(&layer->bytes, n, x, s->quantised, y);
    else
        multiply(layer->is_bf16, TRANSPOSED, n, out, in, x, in, layer->weight, in, y, out);
    finish(layer->bias, activation, residual, n, out, y);
}

/* scores = softmax over rows of scale * scores. (n, n) */
static void softmax(float scale, float *scores, int64_t n)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float *row = scores + i * n, factor = row_softmax(n, scale, 0, row, row);
        for (int64_t j = 0; j < n; j++)
            row[j] *= factor;
    }
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
    for (int64_t t = 0; t < frames; t++)
        for (int64_t c = 0; c < m->n_mels; c++)
            for (int64_t k = 0; k < 3; k++) {
                int64_t from = t + k - 1;
                s->columns[t * in + c * 3 + k] =
                    from < 0 || from >= frames ? 0 : s->mel[c * WHISPER_FRAMES + from];
            }
    multiply(false, TRANSPOSED, frames, m->width, in, s->columns, in, m->conv1[0], in, s->conv,
             m->width);
    finish(m->conv1[1], ACTIVATION_GELU, NULL, frames, m->width, s->conv);
}

/* conv2: kernel 3, stride 2, padding 1; GELU; and the positions. */
static void convolve_again(struct whisper_audio_state *s, int64_t context)
{
    const struct whisper_audio *m = s->model;
    int64_t d = m->width, in = 3 * d;
    for (int64_t t = 0; t < context; t++)
        for (int64_t k = 0; k < 3; k++) {
            int64_t from = 2 * t + k - 1;
            for (int64_t c = 0; c < d; c++)
                s->columns[t * in + c * 3 + k] =
                    from < 0 || from >= 2 * context ? 0 : s->conv[from * d + c];
        }
    multiply(false, TRANSPOSED, context, d, in, s->columns, in, m->conv2[0], in, s->hidden, d);
    finish(m->conv2[1], ACTIVATION_GELU, m->places, context, d, s->hidden);
}

/* h = h + out(attention(norm(h))), without a mask; heads are consecutive columns. */
static void attend(struct whisper_audio_state *s, const struct whisper_audio_layer *layer,
                   int64_t n)
{
    const struct whisper_audio *m = s->model;
    int64_t d = m->width, head = d / m->n_heads;
    bool is_bf16 = layer->query.is_bf16;
    layer_norm(layer->attention_norm, s->hidden, n, d, s->normed);
    linear(s, &layer->query, s->normed, n, ACTIVATION_NONE, NULL, s->q);
    linear(s, &layer->key, s->normed, n, ACTIVATION_NONE, NULL, s->k);
    linear(s, &layer->value, s->normed, n, ACTIVATION_NONE, NULL, s->v);
    for (int64_t h = 0; h < m->n_heads; h++) {
        const float *q = s->q + h * head, *k = s->k + h * head, *v = s->v + h * head;
        multiply(is_bf16, TRANSPOSED, n, n, head, q, d, k, d, s->scores, n);
        softmax(1 / sqrtf((float)head), s->scores, n);
        multiply(is_bf16, AS_IS, n, head, n, s->scores, n, v, d, s->mixed + h * head, d);
    }
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

int whisper_audio_state_create(struct whisper_audio_state *state, const struct whisper_audio *model,
                               struct valence_error *error)
{
    int64_t d = model->width, n = WHISPER_CONTEXT, in1 = 3 * model->n_mels * 2, in2 = 3 * d;
    *state = (struct whisper_audio_state){.model = model};
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
                  {&state->scores, n * n},
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
