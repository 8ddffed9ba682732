/* Whisper's audio encoder: log-mel, two convolutions, transformer layers; on the CPU.
 *
 * From files in f32 and f16, rows equal those of the published model in f32. Layers whose weights
 * are quantised multiply bytes, and layers in bf16 multiply bf16 where that pays
 * (bf16_product.h); all other weights are widened to f32 when they are loaded. Attention is
 * computed in bf16 with layers in bf16, else in f32, as convolutions and norms are. whisper.cpp,
 * which transcribes with the same weights, rounds in other places (f16 convolutions, keys and
 * values).
 *
 * Source: arXiv 2212.04356 and https://github.com/openai/whisper, whisper/audio.py and model.py. */
#ifndef VALENCE_ENCODE_WHISPER_AUDIO_H
#define VALENCE_ENCODE_WHISPER_AUDIO_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/compute/int8_matrix.h"
#include "encode/compute/weights.h"
#include "encode/taps.h"

#define WHISPER_RATE_HZ    16000
#define WHISPER_HOP        320    /* samples from row to row */
#define WHISPER_WINDOW     480000 /* samples, 30 s */
#define WHISPER_FRAMES     3000   /* of the log-mel of a window */
#define WHISPER_CONTEXT    1500   /* rows of a window */
#define WHISPER_MAX_LAYERS 64
#define WHISPER_MAX_MELS   128
#define WHISPER_BINS       201 /* of the spectrum */

/* All matrices are (out, in), row-major. */
struct whisper_linear {
    int64_t in, out;
    const float *weight;      /* NULL where `bytes` holds it */
    struct int8_matrix bytes; /* of quantised weights */
    bool is_bf16;             /* multiply in bf16: every weight is one */
    const float *bias;        /* or NULL */
};

struct whisper_audio_layer {
    const float *attention_norm[2]; /* weight and bias, as in all pairs */
    struct whisper_linear query, key, value, attention_out;
    const float *norm[2];
    struct whisper_linear up, down;
};

struct whisper_audio {
    int64_t n_mels, width, context, n_layers, n_heads;
    const float *conv1[2], *conv2[2]; /* (width, in, 3) */
    const float *places;              /* (context, width) */
    const float *final_norm[2];
    struct whisper_audio_layer layers[WHISPER_MAX_LAYERS];
    float *values;  /* that all floats stand in */
    bool has_bytes; /* of some layer */
    float *filters; /* (n_mels, WHISPER_BINS) */
};

/* Copies the encoder's tensors out of the file, which can be closed then. *model is cleared on
 * failure. Errors: FORMAT, SHAPE, MEMORY. */
int whisper_audio_load(struct whisper_audio *model, struct weights *weights,
                       struct valence_error *error);
void whisper_audio_free(struct whisper_audio *model);

/* ---- Log-mel (whisper_audio_mel.c) ---- */

/* The triangular filters of Slaney's scale, (n_mels, WHISPER_BINS), for 400 samples at 16 kHz. */
void whisper_audio_filters(int64_t n_mels, float *filters);

/* The log-mel of n samples with silence behind them up to `length`, n ... WHISPER_WINDOW: length /
 * 160 frames of each band; the bands stand WHISPER_FRAMES apart. The network wants WHISPER_WINDOW.
 */
int whisper_audio_log_mel(const struct whisper_audio *model, const float *samples, int64_t n,
                          int64_t length, float *mel, struct valence_error *error);

/* ---- Network (whisper_audio_network.c) ---- */

struct whisper_audio_state {
    const struct whisper_audio *model;
    int n_threads; /* that attention has memory for, those when the state was created */
    float *memory; /* that all of these point into */
    float *mel, *columns, *conv, *hidden, *normed, *q, *k, *v, *mixed, *scores, *inner;
    float *quantised; /* rows of a layer's input as bytes */
};

int whisper_audio_state_create(struct whisper_audio_state *state, const struct whisper_audio *model,
                               struct valence_error *error);
void whisper_audio_state_free(struct whisper_audio_state *state);

/* Receives hidden state `index`, (context, width): 0 ... n_layers, and n_layers + 1 for the last
 * behind the final norm; -1 is the first convolution's output, (2 context, width). */
typedef void whisper_audio_visit(void *user, int64_t index, const float *rows);

/* Computes `depth` layers on the first 2 * context frames of state->mel, and visits each state. The
 * norm at the end is computed where depth is n_layers. */
void whisper_audio_run(struct whisper_audio_state *state, int64_t context, int64_t depth,
                       whisper_audio_visit *visit, void *user);

#endif
