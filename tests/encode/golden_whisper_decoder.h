/* Whisper's decoder in f32, as the fixtures' description states it, on the file that valence
 * converted. whisper.cpp, which transcribes, rounds to f16 and keeps its hidden states to itself,
 * so that it cannot show that every weight of the decoder is where it belongs. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_DECODER_H
#define VALENCE_TESTS_GOLDEN_WHISPER_DECODER_H

#include "golden.h"

#include <inttypes.h>

#include <cblas.h>

#include "encode/compute/weights.h"
#include "encode/whisper/whisper_audio.h"

enum decoder_part {
    SELF_NORM,
    SELF_QUERY,
    SELF_KEY,
    SELF_VALUE,
    SELF_OUT,
    CROSS_NORM,
    CROSS_QUERY,
    CROSS_KEY,
    CROSS_VALUE,
    CROSS_OUT,
    MLP_NORM,
    MLP_UP,
    MLP_DOWN,
    N_DECODER_PARTS
};

struct decoder {
    int64_t width, context, n_layers, n_heads, vocabulary;
    float *tokens, *places, *norm[2];
    float *parts[WHISPER_MAX_LAYERS][N_DECODER_PARTS][2]; /* weight and bias; NULL: no bias */
    /* Keys and values of the sound, (n_sound, width) each. */
    int64_t n_sound;
    float *keys[WHISPER_MAX_LAYERS], *values[WHISPER_MAX_LAYERS];
};

/* Receives dec.hidden.INDEX, and with n_layers + 1 dec.last_hidden: (n, width). */
typedef void decoder_visit(void *user, int64_t index, int64_t n, const float *rows);

/* ---- Loading ---- */

static inline float *decoder_tensor(struct weights *weights, int64_t a, int64_t b, const char *name)
{
    struct valence_error error;
    struct ggml_tensor *tensor = weights_tensor(weights, false, a, b, 0, "%s", name);
    must_work(weights_check(weights, &error), &error);
    int64_t n = a * (b ? b : 1);
    float *values = must_have(malloc((size_t)n * sizeof *values));
    const void *data = weights_data(weights, tensor);
    if (tensor->type == GGML_TYPE_F32)
        memcpy(values, data, (size_t)n * sizeof *values);
    else
        ggml_get_type_traits(tensor->type)->to_float(data, values, n);
    return values;
}

static inline void decoder_load_layer(struct decoder *decoder, struct weights *weights,
                                      int64_t layer)
{
    int64_t d = decoder->width;
    const struct {
        const char *name;
        int64_t in, out; /* in 0: a norm */
        bool has_bias;
    } parts[N_DECODER_PARTS] = {{"attn_ln", 0, d, true},          {"attn.query", d, d, true},
                                {"attn.key", d, d, false},        {"attn.value", d, d, true},
                                {"attn.out", d, d, true},         {"cross_attn_ln", 0, d, true},
                                {"cross_attn.query", d, d, true}, {"cross_attn.key", d, d, false},
                                {"cross_attn.value", d, d, true}, {"cross_attn.out", d, d, true},
                                {"mlp_ln", 0, d, true},           {"mlp.0", d, 4 * d, true},
                                {"mlp.2", 4 * d, d, true}};
    for (int i = 0; i < N_DECODER_PARTS; i++) {
        char name[96];
        snprintf(name, sizeof name, "decoder.blocks.%" PRId64 ".%s.weight", layer, parts[i].name);
        decoder->parts[layer][i][0] = parts[i].in
                                          ? decoder_tensor(weights, parts[i].in, parts[i].out, name)
                                          : decoder_tensor(weights, parts[i].out, 0, name);
        snprintf(name, sizeof name, "decoder.blocks.%" PRId64 ".%s.bias", layer, parts[i].name);
        if (parts[i].has_bias)
            decoder->parts[layer][i][1] = decoder_tensor(weights, parts[i].out, 0, name);
    }
}

static inline void decoder_load(struct decoder *decoder, struct weights *weights)
{
    *decoder = (struct decoder){
        .width = weights_int(weights, "whisper.width", 1, 8192),
        .context = weights_int(weights, "whisper.decoder.context", 1, 1 << 16),
        .n_layers = weights_int(weights, "whisper.decoder.n_layers", 1, WHISPER_MAX_LAYERS),
        .n_heads = weights_int(weights, "whisper.decoder.n_heads", 1, 1024),
        .vocabulary = weights_int(weights, "whisper.vocabulary", 1, 1 << 20)};
    int64_t d = decoder->width;
    decoder->tokens =
        decoder_tensor(weights, d, decoder->vocabulary, "decoder.token_embedding.weight");
    decoder->places = decoder_tensor(weights, d, decoder->context, "decoder.positional_embedding");
    decoder->norm[0] = decoder_tensor(weights, d, 0, "decoder.ln.weight");
    decoder->norm[1] = decoder_tensor(weights, d, 0, "decoder.ln.bias");
    for (int64_t i = 0; i < decoder->n_layers; i++)
        decoder_load_layer(decoder, weights, i);
}

static inline void decoder_free(struct decoder *decoder)
{
    for (int64_t i = 0; i < decoder->n_layers; i++) {
        for (int j = 0; j < N_DECODER_PARTS; j++) {
            free(decoder->parts[i][j][0]);
            free(decoder->parts[i][j][1]);
        }
        free(decoder->keys[i]);
        free(decoder->values[i]);
    }
    free(decoder->tokens);
    free(decoder->places);
    free(decoder->norm[0]);
    free(decoder->norm[1]);
}

/* ---- Steps ---- */

/* y = x W^T + b; x: (n, in), y: (n, out). */
static inline void decoder_linear(int64_t n, int64_t in, int64_t out, const float *x,
                                  float *const pair[2], float *y)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)n, (blasint)out, (blasint)in, 1,
                x, (blasint)in, pair[0], (blasint)in, 0, y, (blasint)out);
    for (int64_t i = 0; pair[1] && i < n * out; i++)
        y[i] += pair[1][i % out];
}

static inline void decoder_norm(int64_t n, int64_t d, const float *x, float *const pair[2],
                                float *y)
{
    for (int64_t i = 0; i < n; i++, x += d, y += d) {
        double sum = 0, squares = 0;
        for (int64_t c = 0; c < d; c++)
            sum += x[c];
        for (int64_t c = 0; c < d; c++)
            squares += pow(x[c] - sum / (double)d, 2);
        double scale = 1 / sqrt(squares / (double)d + 1e-5);
        for (int64_t c = 0; c < d; c++)
            y[c] = (float)((x[c] - sum / (double)d) * scale * pair[0][c] + pair[1][c]);
    }
}

/* Rows i of q attend to the first `first + i` rows of k and v, or to all n_keys where first is 0.
 */
static inline void decoder_attend(const struct decoder *decoder, int64_t n, const float *q,
                                  int64_t n_keys, int64_t first, const float *k, const float *v,
                                  float *y)
{
    int64_t d = decoder->width, head = d / decoder->n_heads;
    double *weights = must_have(malloc((size_t)n_keys * sizeof *weights));
    for (int64_t i = 0; i < n; i++)
        for (int64_t h = 0; h < decoder->n_heads; h++) {
            int64_t n_seen = first ? first + i : n_keys;
            double largest = -INFINITY, sum = 0;
            const float *query = q + i * d + h * head;
            for (int64_t j = 0; j < n_seen; j++) {
                double score = 0;
                for (int64_t c = 0; c < head; c++)
                    score += (double)query[c] * k[j * d + h * head + c];
                weights[j] = score / sqrt((double)head);
                largest = fmax(largest, weights[j]);
            }
            for (int64_t j = 0; j < n_seen; j++)
                sum += weights[j] = exp(weights[j] - largest);
            for (int64_t c = 0; c < head; c++) {
                double mixed = 0;
                for (int64_t j = 0; j < n_seen; j++)
                    mixed += weights[j] * v[j * d + h * head + c];
                y[i * d + h * head + c] = (float)(mixed / sum);
            }
        }
    free(weights);
}

/* Takes the encoder's last state, (n, width). */
static inline void decoder_hear(struct decoder *decoder, int64_t n, const float *sound)
{
    int64_t d = decoder->width;
    decoder->n_sound = n;
    for (int64_t i = 0; i < decoder->n_layers; i++) {
        size_t bytes = (size_t)(n * d) * sizeof(float);
        decoder->keys[i] = must_have(realloc(decoder->keys[i], bytes));
        decoder->values[i] = must_have(realloc(decoder->values[i], bytes));
        decoder_linear(n, d, d, sound, decoder->parts[i][CROSS_KEY], decoder->keys[i]);
        decoder_linear(n, d, d, sound, decoder->parts[i][CROSS_VALUE], decoder->values[i]);
    }
}

static inline void decoder_layer(const struct decoder *decoder, int64_t layer, int64_t n, float *h,
                                 float *work)
{
    int64_t d = decoder->width, size = n * d;
    float *normed = work, *q = work + size, *k = q + size, *v = k + size, *mixed = v + size,
          *inner = mixed + size;
    float *const(*parts)[2] = (float *const(*)[2])decoder->parts[layer];
    decoder_norm(n, d, h, parts[SELF_NORM], normed);
    decoder_linear(n, d, d, normed, parts[SELF_QUERY], q);
    decoder_linear(n, d, d, normed, parts[SELF_KEY], k);
    decoder_linear(n, d, d, normed, parts[SELF_VALUE], v);
    decoder_attend(decoder, n, q, n, 1, k, v, mixed);
    decoder_linear(n, d, d, mixed, parts[SELF_OUT], normed);
    for (int64_t i = 0; i < size; i++)
        h[i] += normed[i];
    decoder_norm(n, d, h, parts[CROSS_NORM], normed);
    decoder_linear(n, d, d, normed, parts[CROSS_QUERY], q);
    decoder_attend(decoder, n, q, decoder->n_sound, 0, decoder->keys[layer], decoder->values[layer],
                   mixed);
    decoder_linear(n, d, d, mixed, parts[CROSS_OUT], normed);
    for (int64_t i = 0; i < size; i++)
        h[i] += normed[i];
    decoder_norm(n, d, h, parts[MLP_NORM], normed);
    decoder_linear(n, d, 4 * d, normed, parts[MLP_UP], inner);
    for (int64_t i = 0; i < 4 * size; i++)
        inner[i] = (float)(0.5 * inner[i] * (1 + erf(inner[i] * M_SQRT1_2)));
    decoder_linear(n, 4 * d, d, inner, parts[MLP_DOWN], normed);
    for (int64_t i = 0; i < size; i++)
        h[i] += normed[i];
}

/* The logits of `rows` last tokens of n, (rows, vocabulary). `visit` may be NULL. */
static inline void decoder_run(const struct decoder *decoder, int64_t n, const int64_t *tokens,
                               int64_t rows, decoder_visit *visit, void *user, float *logits)
{
    int64_t d = decoder->width;
    float *h = must_have(malloc((size_t)(n * d * 10) * sizeof *h)), *work = h + n * d;
    float *const table[2] = {decoder->tokens, NULL};
    for (int64_t i = 0; i < n * d; i++)
        h[i] = decoder->tokens[tokens[i / d] * d + i % d] + decoder->places[i];
    for (int64_t layer = 0; layer <= decoder->n_layers; layer++) {
        if (visit)
            visit(user, layer, n, h);
        if (layer < decoder->n_layers)
            decoder_layer(decoder, layer, n, h, work);
    }
    decoder_norm(n, d, h, decoder->norm, work);
    if (visit)
        visit(user, decoder->n_layers + 1, n, work);
    decoder_linear(rows, d, decoder->vocabulary, work + (n - rows) * d, table, logits);
    free(h);
}

#endif
