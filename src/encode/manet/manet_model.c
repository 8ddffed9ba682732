#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "encode/manet/manet.h"

/* ---- The list of convolutions ---- */

static int visit_convolution(const struct manet_visit *visit, struct conv2d *conv, int64_t in,
                             int64_t out, int64_t kernel, int64_t stride, const char *name)
{
    conv->in = in;
    conv->out = out;
    conv->kernel = kernel;
    conv->stride = stride;
    return visit->convolution(visit->user, name, conv, strstr(name, ".spatial") != NULL);
}

static int visit_chains(const struct manet_visit *visit, struct manet_block *block,
                        const char *name, int64_t out)
{
    int64_t group = out / MANET_GROUPS;
    int status = 0;
    for (int i = 0; !status && i < MANET_CHAINS * MANET_GROUPS; i++) {
        char full[64];
        int chain = i / MANET_GROUPS, part = i % MANET_GROUPS;
        snprintf(full, sizeof full, "%s.conv%d_2_%d", name, chain + 1, part + 1);
        status = visit_convolution(visit, &block->chains[chain][part], group, group, 3, 1, full);
    }
    return status;
}

static int visit_block(const struct manet_visit *visit, struct manet_block *block,
                       enum manet_block_kind kind, const char *name, int64_t in, int64_t out,
                       int64_t stride, bool projected)
{
    char full[64];
    block->kind = kind;
    snprintf(full, sizeof full, "%s.conv1", name);
    int status = visit_convolution(visit, &block->conv1, in, out, 3, stride, full);
    if (!status && kind == MANET_MULTI_SCALE)
        status = visit_chains(visit, block, name, out);
    snprintf(full, sizeof full, "%s.conv2", name);
    if (!status && kind != MANET_MULTI_SCALE)
        status = visit_convolution(visit, &block->conv2, out, out, 3, 1, full);
    snprintf(full, sizeof full, "%s.downsample", name);
    if (!status && projected)
        status = visit_convolution(visit, &block->downsample, in, out, 1, stride, full);
    if (status || kind != MANET_ATTENTION)
        return status;
    snprintf(full, sizeof full, "%s.cbam", name);
    status = visit->gate(visit->user, full, out, block);
    snprintf(full, sizeof full, "%s.cbam.spatial", name);
    return status ? status : visit_convolution(visit, &block->spatial, 2, 1, 7, 1, full);
}

/* Two blocks; the first goes from `in` to `out` channels with `stride`. */
static int visit_stage(const struct manet_visit *visit, struct manet_stage *stage,
                       enum manet_block_kind kind, const char *name, int64_t in, int64_t out,
                       int64_t stride)
{
    int status = 0;
    for (int i = 0; !status && i < MANET_BLOCKS; i++) {
        char full[48];
        snprintf(full, sizeof full, "%s.%d", name, i);
        bool projected = i == 0 && (stride != 1 || in != out);
        status = visit_block(visit, &stage->blocks[i], kind, full, i == 0 ? in : out, out,
                             i == 0 ? stride : 1, projected);
    }
    return status;
}

int manet_each(struct manet *model, const struct manet_visit *visit)
{
    int64_t w = model->width;
    int status = visit_convolution(visit, &model->conv1, 3, w, 7, 2, "conv1");
    if (!status)
        status = visit_stage(visit, &model->layer1, MANET_BASIC, "layer1", w, w, 1);
    if (!status)
        status = visit_stage(visit, &model->layer2, MANET_BASIC, "layer2", w, 2 * w, 2);
    for (int i = 0; !status && i < MANET_PATCHES; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer3_1_p%d", i + 1);
        status = visit_stage(visit, &model->local3[i], MANET_ATTENTION, name, 2 * w, 4 * w, 2);
        snprintf(name, sizeof name, "layer4_1_p%d", i + 1);
        if (!status)
            status = visit_stage(visit, &model->local4[i], MANET_ATTENTION, name, 4 * w, 8 * w, 1);
    }
    if (!status)
        status =
            visit_stage(visit, &model->global3, MANET_MULTI_SCALE, "layer3_2", 2 * w, 4 * w, 2);
    return status ? status
                  : visit_stage(visit, &model->global4, MANET_MULTI_SCALE, "layer4_2", 4 * w, 8 * w,
                                2);
}

/* ---- Loading ---- */

static int load_convolution(void *user, const char *name, struct conv2d *conv, bool spatial)
{
    struct weights *w = user;
    conv->weight = weights_tensor(w, spatial, conv->kernel * conv->kernel * conv->in, conv->out, 0,
                                  "%s.weight", name);
    conv->bias = weights_tensor(w, true, conv->out, 0, 0, "%s.bias", name);
    return 0;
}

static int load_gate(void *user, const char *name, int64_t channels, struct manet_block *block)
{
    struct weights *w = user;
    int64_t hidden = channels / 16;
    block->reduce_weight = weights_tensor(w, true, channels, hidden, 0, "%s.reduce.weight", name);
    block->reduce_bias = weights_tensor(w, true, hidden, 0, 0, "%s.reduce.bias", name);
    block->expand_weight = weights_tensor(w, true, hidden, channels, 0, "%s.expand.weight", name);
    block->expand_bias = weights_tensor(w, true, channels, 0, 0, "%s.expand.bias", name);
    return 0;
}

struct packing {
    struct valence_error *error;
    int status;
};

static int pack_convolution(void *user, const char *name, struct conv2d *conv, bool spatial)
{
    struct packing *packing = user;
    (void)name;
    return spatial
               ? 0
               : (packing->status =
                      conv2d_pack(conv, packing->error)); /* the gate reads its weights itself */
}

static int skip_gate(void *user, const char *name, int64_t channels, struct manet_block *block)
{
    (void)user, (void)name, (void)channels, (void)block;
    return 0;
}

static int load_tensors(struct manet *model, struct valence_error *error)
{
    struct weights *w = &model->weights;
    model->width = weights_int(w, "manet.width", 4, 1024);
    model->side = weights_int(w, "manet.side", 32, 1024);
    model->n_classes = weights_int(w, "manet.n_classes", 1, 10000);
    if (!weights_check(w, error) && (model->width % 4 != 0 || model->side % 32 != 0))
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: manet.width must be a multiple of 4, manet.side of 32", w->path);
    if (w->problem.status)
        return w->problem.status;
    manet_each(model, &(struct manet_visit){load_convolution, load_gate, w});
    for (int i = 0; i < 2; i++) {
        model->head_weight[i] =
            weights_tensor(w, true, 8 * model->width, model->n_classes, 0, "head_%d.weight", i + 1);
        model->head_bias[i] =
            weights_tensor(w, true, model->n_classes, 0, 0, "head_%d.bias", i + 1);
    }
    return weights_check(w, error);
}

int manet_load(struct manet *model, struct weights *weights, ggml_backend_dev_t device, bool fused,
               struct valence_error *error)
{
    *model = (struct manet){.weights = *weights};
    *weights = (struct weights){0};
    int status = load_tensors(model, error);
    if (!status)
        status = weights_place(&model->weights, device, error);
    if (!status && fused) {
        struct packing packing = {error, 0};
        manet_each(model, &(struct manet_visit){pack_convolution, skip_gate, &packing});
        status = packing.status;
        weights_release_pages(&model->weights);
    }
    if (status)
        manet_free(model);
    return status;
}

static int free_convolution(void *user, const char *name, struct conv2d *conv, bool spatial)
{
    (void)user, (void)name, (void)spatial;
    conv2d_free(conv);
    return 0;
}

void manet_free(struct manet *model)
{
    manet_each(model, &(struct manet_visit){free_convolution, skip_gate, NULL});
    weights_close(&model->weights);
}
