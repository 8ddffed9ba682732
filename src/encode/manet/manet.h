/* MANet: a face crop to one embedding, local half then global half.
 *
 * Source: Zhao, Liu and Wang, "Learning Deep Global Multi-Scale and Local Attention Features for
 * Facial Expression Recognition in the Wild" (IEEE TIP 30, 2021). A ResNet stem and two stages;
 * then four attention branches on the quarters of the map, and a multi-scale branch on the whole of
 * it.
 *
 * GGUF (architecture "manet"; sizes in ggml's order; written by convert_manet.c; batch norms are
 * folded in)
 *   1. manet.width (64), .side (224), .n_classes: u32
 *   2. NAME.weight (kernel * kernel * in, out), a window's values in memory order; NAME.bias (out),
 * for every convolution, NAME as in the checkpoint ("layer3_1_p1.0.conv1", ".downsample",
 * ".cbam.spatial")
 *   3. BLOCK.cbam.reduce.weight (D, D / 16), .bias; BLOCK.cbam.expand.weight (D / 16, D), .bias
 *   4. head_1, head_2 .weight (8 width, n_classes), .bias: the classifiers of the two halves */
#ifndef VALENCE_ENCODE_MANET_MANET_H
#define VALENCE_ENCODE_MANET_MANET_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/compute/conv2d.h"
#include "encode/compute/weights.h"
#include "valence/progress.h"

#define MANET_PATCHES  4
#define MANET_GROUPS   4 /* of channels in a multi-scale block */
#define MANET_CHAINS   2
#define MANET_BLOCKS   2  /* of every stage */
#define MANET_PICTURES 32 /* of a graph */

enum manet_block_kind { MANET_BASIC, MANET_ATTENTION, MANET_MULTI_SCALE };

struct manet_block {
    enum manet_block_kind kind;
    struct conv2d conv1, conv2, downsample; /* downsample.weight NULL: the shortcut is x */
    struct conv2d chains[MANET_CHAINS][MANET_GROUPS];                              /* multi-scale */
    struct ggml_tensor *reduce_weight, *reduce_bias, *expand_weight, *expand_bias; /* attention */
    struct conv2d spatial;
};

struct manet_stage {
    struct manet_block blocks[MANET_BLOCKS];
};

struct manet {
    struct weights weights;
    int64_t width, side, n_classes;
    struct conv2d conv1;
    struct manet_stage layer1, layer2;
    struct manet_stage local3[MANET_PATCHES], local4[MANET_PATCHES], global3, global4;
    struct ggml_tensor *head_weight[2], *head_bias[2];
};

/* Takes over `weights`, also on failure. `fused`: graphs will be; packs the convolutions for it. */
int manet_load(struct manet *model, struct weights *weights, ggml_backend_dev_t device, bool fused,
               struct valence_error *error);
void manet_free(struct manet *model);

/* Calls `visit` for every convolution, with its name ("layer1.0.conv1"), until one fails: the one
 * list of them, for loading and for converting. `spatial` says that it is an attention block's
 * spatial gate. */
struct manet_visit {
    int (*convolution)(void *user, const char *name, struct conv2d *conv, bool spatial);
    int (*gate)(void *user, const char *name, int64_t channels, struct manet_block *block);
    void *user;
};
int manet_each(struct manet *model, const struct manet_visit *visit);

/* ---- Encoding ---- */

/* For tests: called with the outputs of stages, "maxpool", "layer1", ..., as (channels, width,
 * height, pictures). */
struct manet_watch {
    void (*stage)(void *user, const char *name, const struct ggml_tensor *tensor);
    void *user;
};

enum manet_output { MANET_EMBEDDING, MANET_LOGITS }; /* 16 width values, or 2 n_classes */
int64_t manet_row_width(const struct manet *model, enum manet_output output);

struct manet_state {
    const struct manet *model;
    enum manet_output output;
    struct graph graph;
    const struct manet_watch *watch; /* or NULL */
};

/* `pixels`: n pictures (side, side, 3) of bytes; `rows`: (n, manet_row_width()). n <=
 * MANET_PICTURES. */
int manet_encode(struct manet_state *state, const uint8_t *pixels, int64_t n, float *rows,
                 struct valence_error *error);

#endif
