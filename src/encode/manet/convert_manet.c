
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/convert.h"
#include "encode/recipes.h"
#include "encode/manet/manet.h"

#define MANET_LICENSE                                                                              \
    "none stated by its authors (https://github.com/zengqunzhao/MA-Net); trained on face data "    \
    "sets for "                                                                                    \
    "non-commercial research"
#define MANET_SIDE         224
#define BATCH_NORM_EPSILON 1e-5

/* ---- Folding ---- */

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias  =  scale x + shift, per output.
 * from[1]: the norm's name; scale and shift: (out). */
static int take_norm(const struct recipe *recipe, struct source *source, bool values, float *scale,
                     float *shift, struct valence_error *error)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    int64_t out = recipe->numbers[0];
    float *taken = values ? allocate(4 * out, sizeof *taken) : NULL;
    int status =
        values && !taken ? fail_memory(error, (size_t)out * 4 * sizeof *taken, "a batch norm") : 0;
    for (int i = 0; !status && i < 4; i++) {
        char name[RECIPE_NAME_BYTES + 16];
        snprintf(name, sizeof name, "%s.%s", recipe->from[1], parts[i]);
        status = source_take(source, name, 1, &out, taken ? taken + i * out : NULL, error);
    }
    for (int64_t i = 0; !status && taken && i < out; i++) {
        double factor = taken[i] / sqrt((double)taken[3 * out + i] + BATCH_NORM_EPSILON);
        scale[i] = (float)factor;
        shift[i] = (float)(taken[out + i] - taken[2 * out + i] * factor);
    }
    free(taken);
    return status;
}

/* Convolution (out, in, kernel, kernel) to (out, kernel, kernel, in), scaled. numbers: out, in,
 * kernel, kernel. */
static int make_weight(const struct recipe *recipe, struct source *source, float *values,
                       float *work, struct valence_error *error)
{
    int64_t out = recipe->numbers[0], in = recipe->numbers[1],
            places = recipe->numbers[2] * recipe->numbers[3];
    int status =
        source_take(source, recipe->from[0], 4, recipe->numbers, values ? work : NULL, error);
    if (status || !values)
        return status; /* the bias takes the norm, too */
    float *scale = allocate(2 * out, sizeof *scale);
    if (!scale)
        return fail_memory(error, (size_t)out * 2 * sizeof *scale, "a batch norm");
    status = take_norm(recipe, source, true, scale, scale + out, error);
    for (int64_t i = 0; !status && i < out * in * places; i++) {
        int64_t o = i / (in * places), c = i / places % in, place = i % places;
        values[(o * places + place) * in + c] = work[i] * scale[o];
    }
    free(scale);
    return status;
}

static int make_bias(const struct recipe *recipe, struct source *source, float *values, float *work,
                     struct valence_error *error)
{
    return take_norm(recipe, source, values != NULL, work, values, error);
}

/* ---- The list ---- */

/* Names in the checkpoint of a convolution and its norm: conv1 has bn1, conv1_2_3 has bn1_2_3,
 * downsample is a list. */
static void source_names(const char *name, char weight[RECIPE_NAME_BYTES],
                         char norm[RECIPE_NAME_BYTES])
{
    const char *last = strrchr(name, '.');
    int stem = last ? (int)(last + 1 - name) : 0;
    last = name + stem;
    if (strcmp(last, "downsample") == 0) {
        snprintf(weight, RECIPE_NAME_BYTES, "%s.0.weight", name);
        snprintf(norm, RECIPE_NAME_BYTES, "%s.1", name);
    } else if (strcmp(last, "spatial") == 0) {
        snprintf(weight, RECIPE_NAME_BYTES, "%.*sSpatialGate.spatial.conv.weight", stem, name);
        snprintf(norm, RECIPE_NAME_BYTES, "%.*sSpatialGate.spatial.bn", stem, name);
    } else {
        snprintf(weight, RECIPE_NAME_BYTES, "%s.weight", name);
        snprintf(norm, RECIPE_NAME_BYTES, "%.*sbn%s", stem, name, last + strlen("conv"));
    }
}

static int add_convolution(void *user, const char *name, struct conv2d *conv, bool spatial)
{
    struct recipes *recipes = user;
    for (int bias = 0; bias < 2; bias++) {
        struct recipe *recipe = recipes_add(recipes, "%s.%s", name, bias ? "bias" : "weight");
        if (!recipe)
            continue;
        recipe->make = bias ? make_bias : make_weight;
        recipe->matrix = !bias && !spatial;
        recipe->sizes[0] = bias ? conv->out : conv->kernel * conv->kernel * conv->in;
        recipe->sizes[1] = bias ? 1 : conv->out;
        memcpy(recipe->numbers, (int64_t[]){conv->out, conv->in, conv->kernel, conv->kernel},
               sizeof recipe->numbers);
        source_names(name, recipe->from[0], recipe->from[1]);
    }
    return 0;
}

static int add_gate(void *user, const char *name, int64_t channels, struct manet_block *block)
{
    static const char *const endings[] = {".weight", ".bias"};
    struct recipes *recipes = user;
    (void)block;
    for (int i = 0; i < 2; i++) {
        char target[GGML_MAX_NAME], from[RECIPE_NAME_BYTES];
        int64_t out = i == 0 ? channels / 16 : channels, in = i == 0 ? channels : channels / 16;
        snprintf(target, sizeof target, "%s.%s", name, i == 0 ? "reduce" : "expand");
        snprintf(from, sizeof from, "%s.ChannelGate.mlp.%d", name, i == 0 ? 1 : 3);
        recipes_add_copy(recipes, target, from, endings[0], false, out, in, 0);
        recipes_add_copy(recipes, target, from, endings[1], false, out, 0, 0);
    }
    return 0;
}

static void add_tensors(struct recipes *recipes, struct manet *model)
{
    manet_each(model, &(struct manet_visit){add_convolution, add_gate, recipes});
    for (int i = 0; i < 2; i++) {
        const char *target = i ? "head_2" : "head_1", *from = i ? "fc_2" : "fc_1";
        recipes_add_copy(recipes, target, from, ".weight", false, model->n_classes,
                         8 * model->width, 0);
        recipes_add_copy(recipes, target, from, ".bias", false, model->n_classes, 0, 0);
    }
}

static int convert(const char *from, const char *path,
                   const struct valence_convert_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    static const char *const prefixes[] = {"state_dict.module.", "state_dict.", "module.", ""};
    struct source source;
    struct recipes recipes = {0};
    int status = source_open(&source, from, prefixes, 4, error);
    if (status)
        return status;
    /* The sizes are those of the first convolution and the classifier. */
    struct manet model = {.width = source_size(&source, "conv1.weight", 0),
                          .side = MANET_SIDE,
                          .n_classes = source_size(&source, "fc_1.weight", 0)};
    if (model.width < 4 || model.width > 1024 || model.width % 4 != 0 || model.n_classes < 1 ||
        model.n_classes > 10000)
        status = fail(error, VALENCE_ERROR_SHAPE,
                      "%s: not a MANet checkpoint (conv1.weight and fc_1.weight are missing or "
                      "have the wrong size)",
                      from);
    if (!status) {
        struct gguf_context *header = gguf_init_empty();
        gguf_set_val_str(header, "general.architecture", "manet");
        gguf_set_val_u32(header, "manet.width", (uint32_t)model.width);
        gguf_set_val_u32(header, "manet.side", (uint32_t)model.side);
        gguf_set_val_u32(header, "manet.n_classes", (uint32_t)model.n_classes);
        add_tensors(&recipes, &model);
        source_ignore(&source, "*.num_batches_tracked");
        status = convert_write(path, header, &recipes, &source, options, progress, error);
        gguf_free(header);
        recipes_free(&recipes);
    }
    source_close(&source);
    return status;
}

const struct converter converter_manet = {
    .license = MANET_LICENSE, .type = "f16", .convert = convert};
