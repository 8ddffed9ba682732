/* Encoders turn media into streams: WavLM (speech to audio rows), MANet (a face crop to a video row).
 *
 * An encoder's weights are one GGUF file, made once from the published checkpoint by valence_encoder_convert(). The
 * model is shared and only read; each thread works with a state of its own. */
#ifndef VALENCE_ENCODER_H
#define VALENCE_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Encoding -------------------------------------------------------------------------------------------------- */

struct valence_encoder;
struct valence_encoder_state;

struct valence_encoder_options {
    const char *device; /* "cpu" (NULL), "gpu", "cuda", "vulkan", or ggml's name of one ("CUDA1") */
    const char *
        layers; /* WavLM: "-5" (NULL); hidden states 0 ... n_layers, negative from the end (-1 the raw last),
                           "final" (the normed last), "conv"; "20,24" side by side, "20+24" summed */
    double
        window_seconds; /* WavLM: longer clips are computed in overlapping windows of this; 0: 120 */
    bool plain; /* ggml's own operations on a CPU too: what other devices compute, for comparison */
};

/* What an encoder is and gives. Texts belong to the encoder. */
struct valence_encoder_description {
    const char *kind;        /* "wavlm", "manet": GGUF's architecture */
    const char *source;      /* name of the file it was converted from */
    const char *fingerprint; /* SHA-256 of that file, hexadecimal */
    const char *license;     /* of the weights, as given at conversion */
    const char *type;        /* of the matrices: "f32", "q8_0", ... */
    const char *device;
    const char *layers; /* WavLM; "" elsewhere */
    int64_t width;      /* of a row */
    int64_t rate_hz;    /* WavLM: of the samples it takes; 0 elsewhere */
    int64_t hop;        /* WavLM: samples from row to row; 0 elsewhere */
    int64_t reach;      /* WavLM: samples a row sees, the shortest clip; 0 elsewhere */
    int64_t side;       /* MANet: pixels of the square that pictures are resized to; 0 elsewhere */
};

/* Loads a GGUF file; its kind is found in it. `options` may be NULL. *encoder is NULL on failure. Errors: IO; FORMAT,
 * SHAPE where the file is damaged; UNSUPPORTED for another architecture, or a device there is not; ARGUMENT for
 * layers that the model has not; MEMORY. */
int valence_encoder_load(const char *path, const struct valence_encoder_options *options,
                         struct valence_encoder **encoder, struct valence_error *error);
void valence_encoder_free(struct valence_encoder *encoder);

const struct valence_encoder_description *
valence_encoder_describe(const struct valence_encoder *encoder);

/* What encoding needs besides the encoder: one per thread. It grows as inputs need. */
int valence_encoder_state_create(const struct valence_encoder *encoder,
                                 struct valence_encoder_state **state, struct valence_error *error);
void valence_encoder_state_free(struct valence_encoder_state *state);

/* One input: a clip's sound or a picture. */
struct valence_encoder_input {
    const float *samples; /* WavLM: mono, at description.rate_hz, full scale 1 */
    int64_t n_samples;
    const uint8_t *pixels; /* MANet: RGB, row by row, packed */
    int64_t width, height; /* 1 ... 16384 */
};

/* The rows of all inputs, concatenated; input i owns rows offsets[i] ... offsets[i+1]-1. Free with
 * valence_features_free(). */
struct valence_features {
    int64_t n_inputs, width;
    int64_t *offsets; /* (n_inputs + 1) */
    float *rows;      /* (offsets[n_inputs], width) */
};

/* Encodes a batch. An input's rows do not depend on the others beyond rounding: f32 results of a picture may differ by
 * some 1e-6 with its place in the batch. `progress` may be NULL.
 *
 * Thread-safe for distinct states. Errors: DATA for samples that are not finite, clips shorter than `reach`; LIMIT for
 * pictures beyond the sizes above; CANCELLED; MEMORY. *features is cleared on failure. */
int valence_encoder_encode(struct valence_encoder_state *state,
                           const struct valence_encoder_input *inputs, int64_t n_inputs,
                           const struct valence_progress *progress,
                           struct valence_features *features, struct valence_error *error);
void valence_features_free(struct valence_features *features);

/* ---- Converting ------------------------------------------------------------------------------------------------ */

struct valence_convert_options {
    const char *
        type; /* of the matrices: "f32" (NULL), "f16", "bf16", "q8_0", "q6_k", "q5_0", "q5_1", "q5_k", "q4_0",
                            "q4_1", "q4_k"; rows that do not divide into a type's blocks are kept as f16 */
    const char *license;                     /* NULL: what the kind's authors say */
    const struct valence_progress *progress; /* or NULL */
};

/* Converts a published checkpoint to a GGUF file at `path`.
 *
 * kind "wavlm": a Hugging Face folder (config.json, preprocessor_config.json, and model.safetensors or pytorch_model.bin)
 * or the authors' WavLM-*.pt; kind "manet": the authors' .pth, or safetensors with the same names.
 *
 * Nothing in the file is executed. Errors: SHAPE, listing every tensor that is missing, misshapen or unexpected;
 * ARGUMENT for an unknown kind or type; IO, FORMAT, UNSUPPORTED, MEMORY, CANCELLED. */
int valence_encoder_convert(const char *kind, const char *source, const char *path,
                            const struct valence_convert_options *options,
                            struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
