#include "encode/faces/face_networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/compute/row_ops.h"
#include "kernels/gemm.h"

const float face_detector_mean[3] = {117.001f, 114.697f, 97.404f};
const float face_crop_mean[3] = {122.782f, 117.001f, 104.298f};

/* ---- Tensors ---- */

static int visit_conv(struct face_conv *conv, const char *name, int64_t in, int64_t out,
                      bool separable, face_visit visit, void *user)
{
    char full[GGML_MAX_NAME];
    conv->in = in;
    conv->out = out;
    snprintf(full, sizeof full, "%s.depthwise", name);
    int status = separable ? visit(user, full, 9, in, &conv->depthwise, NULL) : VALENCE_OK;
    snprintf(full, sizeof full, "%s.weight", name);
    if (!status)
        status = visit(user, full, separable ? in : 9 * in, out, &conv->weight, conv);
    snprintf(full, sizeof full, "%s.bias", name);
    return status ? status : visit(user, full, 1, out, &conv->bias, NULL);
}

static int visit_detector(struct face_detector *detector, face_visit visit, void *user)
{
    int64_t channels = 3;
    int status = VALENCE_OK;
    for (int i = 0; !status && i < FACE_DETECTOR_CONVS; i++) {
        char name[32];
        snprintf(name, sizeof name, "detector.conv%d", i);
        status = visit_conv(&detector->convs[i], name, channels, 16 << i, i > 0, visit, user);
        channels = 16 << i;
    }
    if (!status)
        status = visit(user, "detector.grid.weight", channels, FACE_ANCHORS * FACE_ANCHOR_VALUES,
                       &detector->grid_weight, NULL);
    return status ? status
                  : visit(user, "detector.grid.bias", 1, FACE_ANCHORS * FACE_ANCHOR_VALUES,
                          &detector->grid_bias, NULL);
}

static int visit_crop_network(struct face_crop_network *network, const char *name,
                              int64_t n_outputs, face_visit visit, void *user)
{
    char full[GGML_MAX_NAME - 16]; /* endings follow */
    int64_t channels = 3;
    int status = VALENCE_OK;
    network->n_outputs = n_outputs;
    for (int i = 0; !status && i < 4 * FACE_BLOCKS; i++) {
        snprintf(full, sizeof full, "%s.block%d.conv%d", name, i / 4, i % 4);
        status = visit_conv(&network->convs[i / 4][i % 4], full, channels, 32 << (i / 4), i > 0,
                            visit, user);
        channels = 32 << (i / 4);
    }
    snprintf(full, sizeof full, "%s.fc.weight", name);
    if (!status)
        status = visit(user, full, FACE_FEATURES, n_outputs, &network->fc_weight, NULL);
    snprintf(full, sizeof full, "%s.fc.bias", name);
    return status ? status : visit(user, full, 1, n_outputs, &network->fc_bias, NULL);
}

int face_networks_each(struct face_networks *networks, face_visit visit, void *user)
{
    int status = visit_detector(&networks->detector, visit, user);
    if (!status)
        status =
            visit_crop_network(&networks->landmarks, "landmarks", 2 * FACE_LANDMARKS, visit, user);
    return status ? status
                  : visit_crop_network(&networks->expression, "expression", FACE_EXPRESSIONS, visit,
                                       user);
}

/* ---- Loading ---- */

struct loader {
    struct weights *weights;
    struct valence_error *error;
};

static int find_tensor(void *user, const char *name, int64_t rows, int64_t columns,
                       const float **tensor, struct face_conv *conv)
{
    struct loader *loader = user;
    struct ggml_tensor *found =
        weights_tensor(loader->weights, !conv, columns, rows == 1 ? 0 : rows, 0, "%s", name);
    if (found && !conv)
        *tensor = weights_data(loader->weights, found);
    return VALENCE_OK; /* weights_check() has all problems */
}

/* Packs a convolution's weight, whose tensor is there. */
static int pack_tensor(void *user, const char *name, int64_t rows, int64_t columns,
                       const float **tensor, struct face_conv *conv)
{
    struct loader *loader = user;
    if (!conv)
        return VALENCE_OK;
    const struct ggml_tensor *found =
        weights_tensor(loader->weights, false, columns, rows, 0, "%s", name);
    float *wide = allocate(rows * columns, sizeof *wide);
    if (!wide)
        return fail_memory(loader->error, (size_t)(rows * columns) * sizeof *wide, "a convolution");
    row_widen((int)found->type, rows * columns, weights_data(loader->weights, found), wide);
    *tensor = wide;
    int status = face_conv_pack(conv, face_arithmetic_of((int)found->type), loader->error);
    *tensor = NULL;
    free(wide);
    return status;
}

int face_networks_load(struct face_networks *networks, struct weights *weights,
                       struct valence_error *error)
{
    *networks = (struct face_networks){.weights = *weights};
    struct loader loader = {&networks->weights, error};
    int status = weights_load(&networks->weights, error);
    if (!status) {
        face_networks_each(networks, find_tensor, &loader);
        status = weights_check(&networks->weights, error);
    }
    if (!status)
        status = weights_check_digest(&networks->weights, NULL, error);
    return status ? status : face_networks_each(networks, pack_tensor, &loader);
}

static int free_product(void *user, const char *name, int64_t rows, int64_t columns,
                        const float **tensor, struct face_conv *conv)
{
    (void)user, (void)name, (void)rows, (void)columns, (void)tensor;
    if (conv)
        face_product_free(&conv->product);
    return VALENCE_OK;
}

void face_networks_free(struct face_networks *networks)
{
    face_networks_each(networks, free_product, NULL);
    weights_close(&networks->weights);
}

/* ---- Workspace ---- */

int face_workspace_open(struct face_workspace *workspace, int64_t size, struct valence_error *error)
{
    /* The largest layers: the detector's first, with 16 channels and almost its input's sides; a
     * crop network's first block, with 32 channels and half the input's sides. */
    int64_t detector = 16 * size * size, crop = 32 * (FACE_CROP_SIDE / 2) * (FACE_CROP_SIDE / 2);
    int64_t input = 3 * FACE_CROP_SIDE * FACE_CROP_SIDE;
    *workspace = (struct face_workspace){.floats = detector > crop ? detector : crop};
    if (workspace->floats < input)
        workspace->floats = input;
    for (int i = 0; i < 3; i++) {
        /* The third holds a crop network's sums alone. */
        int64_t floats = i < 2 ? workspace->floats : crop;
        workspace->buffers[i] = allocate(floats, sizeof(float));
        if (!workspace->buffers[i]) {
            face_workspace_free(workspace);
            return fail_memory(error, (size_t)floats * sizeof(float), "the face networks");
        }
    }
    return VALENCE_OK;
}

void face_workspace_free(struct face_workspace *workspace)
{
    for (int i = 0; i < 3; i++)
        free(workspace->buffers[i]);
    face_scratch_free(&workspace->scratch);
    *workspace = (struct face_workspace){0};
}

static void tap(const struct face_workspace *workspace, const char *stage, int64_t side,
                int64_t channels, const float *values)
{
    if (workspace->tap)
        workspace->tap(workspace->tap_user, stage, side, side, channels, values);
}

/* ---- Detector ---- */

int face_detector_run(const struct face_detector *detector, struct face_workspace *workspace,
                      int64_t size, const float **grid, struct valence_error *error)
{
    float *x = workspace->buffers[0], *y = workspace->buffers[1];
    int64_t side = size, cells = size / FACE_DETECTOR_STRIDE, channels = 0;
    *grid = NULL;
    tap(workspace, "input", size, 3, x);
    for (int i = 0; i < FACE_DETECTOR_CONVS; i++) {
        const struct face_conv *conv = &detector->convs[i];
        enum face_padding padding = i ? FACE_PADDING_SAME : FACE_PADDING_NONE;
        int64_t stride = i < FACE_DETECTOR_CONVS - 1 ? 2 : 1;
        char stage[16];
        int status = face_conv(conv, side, side, x, 1, padding, FACE_FINISH_LEAKY,
                               &workspace->scratch, NULL, y, error);
        if (status)
            return status;
        side = face_conv_side(side, 1, padding);
        channels = conv->out;
        snprintf(stage, sizeof stage, "conv%d", i);
        tap(workspace, stage, side, channels, y);
        face_max_pool(side, side, channels, y, stride, x);
        side = (side + stride - 1) / stride;
    }
    tap(workspace, "pool5", side, channels, x);
    int64_t values = FACE_ANCHORS * FACE_ANCHOR_VALUES;
    for (int64_t i = 0; i < cells * cells; i++)
        memcpy(y + i * values, detector->grid_bias, (size_t)values * sizeof *y);
    gemm(AS_IS, AS_IS, cells * cells, values, channels, 1, x, channels, detector->grid_weight,
         values, 1, y, values);
    *grid = y;
    return VALENCE_OK;
}

/* ---- Crop networks ---- */

/* In a block, o1 = relu(conv0 x) halves the sides; then o2 = conv1 o1, o3 = conv2 relu(o1 + o2), o4
 * = conv3 relu(o1 + o2 + o3), and the block gives relu(o1 + o2 + o3 + o4). The sum stays as it is,
 * unrectified. */
int face_crop_run(const struct face_crop_network *network, struct face_workspace *workspace,
                  float *feature, float *outputs, struct valence_error *error)
{
    float *x = workspace->buffers[0], *y = workspace->buffers[1], *sum = workspace->buffers[2];
    int64_t side = FACE_CROP_SIDE;
    tap(workspace, "input", side, 3, x);
    for (int block = 0; block < FACE_BLOCKS; block++) {
        for (int i = 0; i < 4; i++) {
            int64_t stride = i == 0 ? 2 : 1;
            int status = face_conv(&network->convs[block][i], side, side, x, stride,
                                   FACE_PADDING_SAME, i ? FACE_FINISH_ADD : FACE_FINISH_START,
                                   &workspace->scratch, sum, y, error);
            if (status)
                return status;
            side = face_conv_side(side, stride, FACE_PADDING_SAME);
            float *swap = x;
            x = y;
            y = swap;
        }
        char stage[16];
        snprintf(stage, sizeof stage, "dense%d", block);
        tap(workspace, stage, side, 32 << block, x);
    }
    face_mean(side * side, FACE_FEATURES, x, feature);
    memcpy(outputs, network->fc_bias, (size_t)network->n_outputs * sizeof *outputs);
    gemm(AS_IS, AS_IS, 1, network->n_outputs, FACE_FEATURES, 1, feature, FACE_FEATURES,
         network->fc_weight, network->n_outputs, 1, outputs, network->n_outputs);
    return VALENCE_OK;
}
