/* The three networks of the npm package @vladmandic/face-api 1.7.15 (MIT): the tiny face detector,
 * the 68-landmark network and the expression network. Weights stand in one GGUF file with
 * TensorFlow's order of the axes; those of the convolutions' products have the file's type, all
 * others are f32. */
#ifndef VALENCE_ENCODE_FACES_FACE_NETWORKS_H
#define VALENCE_ENCODE_FACES_FACE_NETWORKS_H

#include "encode/compute/weights.h"
#include "encode/faces/face_layers.h"

#define FACE_DETECTOR_CONVS  6
#define FACE_BLOCKS          4   /* of a crop network, of four convolutions each */
#define FACE_CROP_SIDE       112 /* input of a crop network */
#define FACE_FEATURES        256
#define FACE_ANCHORS         5
#define FACE_ANCHOR_VALUES   5 /* x, y, w, h, score */
#define FACE_LANDMARKS       68
#define FACE_EXPRESSIONS     7
#define FACE_DETECTOR_STRIDE 32 /* input pixels of a cell of the detector's grid */

extern const float face_detector_mean[3], face_crop_mean[3];

struct face_detector {
    struct face_conv convs[FACE_DETECTOR_CONVS];
    const float *grid_weight; /* (512, 25) */
    const float *grid_bias;
};

struct face_crop_network {
    struct face_conv convs[FACE_BLOCKS][4];
    const float *fc_weight; /* (256, n_outputs) */
    const float *fc_bias;
    int64_t n_outputs;
};

struct face_networks {
    struct weights weights;
    struct face_detector detector;
    struct face_crop_network landmarks, expression;
};

/* Calls `visit` with every tensor: its name in the GGUF file, its two sizes (the second is the
 * fastest; a bias has 1 row), where its pointer belongs, and the convolution whose product it is
 * the weight of, or NULL. Loading and converting both go by it. */
typedef int (*face_visit)(void *user, const char *name, int64_t rows, int64_t columns,
                          const float **tensor, struct face_conv *conv);
int face_networks_each(struct face_networks *networks, face_visit visit, void *user);

/* Takes over `weights`, also on failure. Free with face_networks_free() in either case. */
int face_networks_load(struct face_networks *networks, struct weights *weights,
                       struct valence_error *error);
void face_networks_free(struct face_networks *networks);

/* What a run needs: room for the largest layer, and once more for sums. Made for a detector input
 * of up to `size`. */
struct face_workspace {
    float *buffers[3];
    int64_t floats; /* of each */
    struct face_scratch scratch;

    /* For tests: called with every stage, (height, width, channels); NULL otherwise. */
    void (*tap)(void *user, const char *stage, int64_t height, int64_t width, int64_t channels,
                const float *values);
    void *tap_user;
};
int face_workspace_open(struct face_workspace *workspace, int64_t size,
                        struct valence_error *error);
void face_workspace_free(struct face_workspace *workspace);

/* The detector's grid, (size / 32, size / 32, 25), of its input (size, size, 3), which lies in
 * buffers[0] and is overwritten. `grid` belongs to the workspace and lives until its next use. */
int face_detector_run(const struct face_detector *detector, struct face_workspace *workspace,
                      int64_t size, const float **grid, struct valence_error *error);

/* `feature` (256) and `outputs` (n_outputs) of the input (112, 112, 3) in buffers[0]. */
int face_crop_run(const struct face_crop_network *network, struct face_workspace *workspace,
                  float *feature, float *outputs, struct valence_error *error);

#endif
