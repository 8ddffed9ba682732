/* The parts of WavLM's network as graphs; the numbers in brackets are steps of the fixtures'
 * description. */
#ifndef VALENCE_ENCODE_WAVLM_WAVLM_NETWORK_H
#define VALENCE_ENCODE_WAVLM_WAVLM_NETWORK_H

#include "encode/wavlm/wavlm.h"

/* The convolutions, norms and activations [2, 3]: samples (n, 1) to (width of the last, frames).
 * `first` is the first convolution with the group norm of the whole clip folded in, or NULL where
 * the model has none. */
struct ggml_tensor *wavlm_convolutions(struct graph *graph, const struct wavlm *model,
                                       struct ggml_tensor *samples, const struct affine *first);

/* The first convolution alone, without norm and activation: what a group norm's statistics are
 * of. */
struct ggml_tensor *wavlm_first_convolution(struct graph *graph, const struct wavlm *model,
                                            struct ggml_tensor *samples);

/* Norm and projection to the model's width [4, 5]. */
struct ggml_tensor *wavlm_projection(struct graph *graph, const struct wavlm *model,
                                     struct ggml_tensor *features);

/* Positional convolution, GELU, added to x; the base variant's norm [6, 7]. Gives hidden state
 * 0. */
struct ggml_tensor *wavlm_position(struct graph *graph, const struct wavlm *model,
                                   struct ggml_tensor *x);

/* One transformer layer [9 ... 14] on x: (width, frames). */
struct ggml_tensor *wavlm_layer(struct graph *graph, const struct wavlm *model,
                                const struct wavlm_layer *layer, struct ggml_tensor *x,
                                struct ggml_tensor *bias);

/* The ungated position bias [8] of `frames` frames, as wavlm_layer() reads it. Fused: (2 frames -
 * 1, heads), by distance key - query = 1 - frames ... frames - 1; else expanded to (keys, queries,
 * heads). Created in `context` without data; filled once it has a buffer. */
struct ggml_tensor *wavlm_bias_create(const struct graph *graph, const struct wavlm *model,
                                      struct ggml_context *context, int64_t frames);
int wavlm_bias_fill(const struct wavlm *model, int64_t frames, struct ggml_tensor *bias,
                    struct valence_error *error);

/* ---- The CPU's own forms (wavlm_cpu.c) ---- */

/* Attention of all heads on qkv: (3 width, frames), x its gates' input; before the output
 * projection. */
struct ggml_tensor *wavlm_cpu_attention(struct graph *graph, const struct wavlm *model,
                                        const struct wavlm_layer *layer, struct ggml_tensor *qkv,
                                        struct ggml_tensor *x, struct ggml_tensor *bias);

struct ggml_tensor *wavlm_cpu_position(struct graph *graph, const struct wavlm *model,
                                       struct ggml_tensor *x);

#endif
