/* WavLM: speech to one row of features per 20 ms.
 *
 * Sources: Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech
 * Processing" (IEEE JSTSP 16, 2022); modeling_wavlm.py of transformers, whose parameter names the
 * comments use. Two variants: stable (WavLM-Large): layer norms before attention and FFN, and after
 * every convolution; base: layer norms after them, and one group norm, after the first convolution.
 *
 * GGUF (architecture "wavlm"; sizes in ggml's order; written by convert_wavlm.c)
 *   1. wavlm.width, .n_layers, .n_heads, .ffn_width, .n_buckets, .max_distance, .position_kernel,
 * .position_groups: u32; .convolution_widths, .convolution_kernels, .convolution_strides: arrays of
 * u32; .epsilon: f32; .stable, .group_norm, .normalize, .convolution_bias: bool; .rate_hz: u32
 *   2. conv.I.weight (kernel * in, out), a window's values in memory order; conv.I.bias (out);
 *      conv.I.norm.weight, .bias (out), in the base variant for I = 0 only
 *   3. projection.norm.weight, .bias; projection.weight, .bias
 *   4. position.weight (kernel * in / groups, out / groups, groups), weight norm applied;
 * position.bias
 *   5. encoder.norm.weight, .bias
 *   6. bias.weight (n_buckets, n_heads): rel_attn_embed, transposed
 *   7. layer.I.: attention_norm, ffn_norm .weight, .bias; qkv.weight (width, 3 width), .bias;
 * output.weight, .bias; gate.weight (head width, 2): gru_rel_pos_linear, its rows summed in fours;
 * gate.bias (2); gate.scale (n_heads); up.weight, .bias; down.weight, .bias */
#ifndef VALENCE_ENCODE_WAVLM_WAVLM_H
#define VALENCE_ENCODE_WAVLM_WAVLM_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/compute/graph.h"
#include "encode/taps.h"
#include "encode/compute/weights.h"
#include "valence/progress.h"

#define WAVLM_CONVOLUTIONS 7
#define WAVLM_MAX_LAYERS   64

struct affine { /* a layer or a norm */
    struct ggml_tensor *weight, *bias;
};

struct wavlm_layer {
    struct affine attention_norm, ffn_norm, qkv, output, gate, up, down;
    struct ggml_tensor *gate_scale;
};

struct wavlm {
    struct weights weights;
    int64_t width, n_layers, n_heads, ffn_width, n_buckets, max_distance;
    int64_t position_kernel, position_groups;
    int64_t conv_widths[WAVLM_CONVOLUTIONS], conv_kernels[WAVLM_CONVOLUTIONS],
        conv_strides[WAVLM_CONVOLUTIONS];
    bool stable, group_norm, normalize, conv_bias;
    float epsilon;
    int64_t rate_hz;
    int64_t hop, reach; /* samples from frame to frame (320), and that a frame sees (400) */
    struct affine conv[WAVLM_CONVOLUTIONS], conv_norm[WAVLM_CONVOLUTIONS];
    struct affine projection_norm, projection, position, encoder_norm;
    const float *bias_values; /* (n_heads, n_buckets) in the file's map */
    struct wavlm_layer layers[WAVLM_MAX_LAYERS];
};

/* Takes over `weights`, also on failure. `fused`: also packs the weights for states that are not
 * plain, on a CPU. */
int wavlm_load(struct wavlm *model, struct weights *weights, ggml_backend_dev_t device, bool fused,
               struct valence_error *error);
void wavlm_free(struct wavlm *model);

/* Frames of a clip: 0 below `reach` samples. */
int64_t wavlm_n_frames(const struct wavlm *model, int64_t n_samples);

/* The bucket of a distance key - query in frames. */
int64_t wavlm_bucket(const struct wavlm *model, int64_t distance);

/* Where the model wants it: zero mean and unit variance over the clip; else a copy. */
void wavlm_normalize(const struct wavlm *model, const float *samples, int64_t n, float *normalized);

/* ---- Taps ---- */

/* What is taken from the network: a hidden state, 0 (before the first layer) ... n_layers, or one
 * of these. */
enum {
    WAVLM_FINAL = -1 /* the last hidden state, final-normed */,
    WAVLM_CONV = -2 /* the convolutions' output */
};

/* "-5": hidden_states[-5]; "final"; "conv"; "20,24": side by side; "20+24": summed. Errors:
 * ARGUMENT. */
int wavlm_parse_taps(const struct wavlm *model, const char *text, struct taps *taps,
                     struct valence_error *error);

/* ---- Encoding ---- */

struct wavlm_state {
    const struct wavlm *model;
    const struct taps *taps;
    int64_t window; /* frames computed at once; longer clips in overlapping windows */
    struct graph graph;
    /* of the two below, which stay on the device while a window is computed */
    struct ggml_context *context;
    ggml_backend_buffer_t buffer;
    struct ggml_tensor *hidden; /* (width, frames of the current window) */
    struct ggml_tensor *bias;   /* see wavlm_bias_create() */
};

/* Neighbouring windows share this part of a window; each is used up to the middle of what is
 * shared. */
#define WAVLM_OVERLAP 3 /* a third */

int wavlm_state_create(struct wavlm_state *state, const struct wavlm *model,
                       ggml_backend_dev_t device, const struct taps *taps, int64_t window,
                       bool plain, struct valence_error *error);
void wavlm_state_free(struct wavlm_state *state);

/* `samples`: mono, at the model's rate, full scale 1. `rows`: (wavlm_n_frames(), taps.width).
 * `done` and `total` are frames before this clip and in all, for the progress, which may be
 * NULL. */
int wavlm_encode(struct wavlm_state *state, const float *samples, int64_t n_samples, float *rows,
                 const struct valence_progress *progress, int64_t done, int64_t total,
                 struct valence_error *error);

#endif
