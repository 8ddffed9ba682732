
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "encode/convert.h"
#include "encode/recipes.h"
#include "encode/wavlm/wavlm_config.h"

#define WAVLM_LICENSE                                                                              \
    "CC-BY-SA-3.0 (https://github.com/microsoft/UniSpeech/blob/main/LICENSE, which the model "     \
    "card names)"

#define PREFIX_BYTES 96 /* of a source name without its ending */

/* ---- The two layouts' names ---- */

/* Formats with the number of the convolution or layer. */
struct names {
    const char *conv, *conv_norm, *group_norm, *projection_norm, *projection, *position;
    const char *attention, *gate, *gate_scale, *bias, *attention_norm, *ffn_norm, *up, *down;
};

static const struct names hugging_face = {
    .conv = "feature_extractor.conv_layers.%d.conv",
    .conv_norm = "feature_extractor.conv_layers.%d.layer_norm",
    .group_norm = "feature_extractor.conv_layers.%d.layer_norm",
    .projection_norm = "feature_projection.layer_norm",
    .projection = "feature_projection.projection",
    .position = "encoder.pos_conv_embed.conv",
    .attention = "encoder.layers.%d.attention.",
    .gate = "gru_rel_pos_linear",
    .gate_scale = "gru_rel_pos_const",
    .bias = "encoder.layers.0.attention.rel_attn_embed.weight",
    .attention_norm = "encoder.layers.%d.layer_norm",
    .ffn_norm = "encoder.layers.%d.final_layer_norm",
    .up = "encoder.layers.%d.feed_forward.intermediate_dense",
    .down = "encoder.layers.%d.feed_forward.output_dense",
};

static const struct names authors = {
    .conv = "feature_extractor.conv_layers.%d.0",
    .conv_norm = "feature_extractor.conv_layers.%d.2.1",
    .group_norm = "feature_extractor.conv_layers.%d.2",
    .projection_norm = "layer_norm",
    .projection = "post_extract_proj",
    .position = "encoder.pos_conv.0",
    .attention = "encoder.layers.%d.self_attn.",
    .gate = "grep_linear",
    .gate_scale = "grep_a",
    .bias = "encoder.layers.0.self_attn.relative_attention_bias.weight",
    .attention_norm = "encoder.layers.%d.self_attn_layer_norm",
    .ffn_norm = "encoder.layers.%d.final_layer_norm",
    .up = "encoder.layers.%d.fc1",
    .down = "encoder.layers.%d.fc2",
};

/* ---- Recipes ---- */

/* Convolution (out, in, kernel) to windows in memory order, (out, kernel, in). numbers: out, in,
 * kernel. */
static int make_convolution(const struct recipe *recipe, struct source *source, float *values,
                            float *work, struct valence_error *error)
{
    int64_t out = recipe->numbers[0], in = recipe->numbers[1], kernel = recipe->numbers[2];
    int status =
        source_take(source, recipe->from[0], 3, recipe->numbers, values ? work : NULL, error);
    for (int64_t i = 0; values && i < out * in * kernel; i++) {
        int64_t o = i / (in * kernel), c = i / kernel % in, k = i % kernel;
        values[(o * kernel + k) * in + c] = work[i];
    }
    return status;
}

/* Weight norm over all but the kernel's dimension, w_k = g_k v_k / |v_k|, then as a convolution of
 * each group. numbers: out (all groups), in (of a group), kernel; from: g, v. */
static int make_position(const struct recipe *recipe, struct source *source, float *values,
                         float *work, struct valence_error *error)
{
    int64_t out = recipe->numbers[0], in = recipe->numbers[1], kernel = recipe->numbers[2];
    float *scale = work + out * in * kernel;
    int status = source_take(source, recipe->from[0], 3, (int64_t[]){1, 1, kernel},
                             values ? scale : NULL, error);
    if (!status)
        status =
            source_take(source, recipe->from[1], 3, recipe->numbers, values ? work : NULL, error);
    if (status || !values)
        return status;
    for (int64_t k = 0; k < kernel; k++) {
        double sum = 0;
        for (int64_t i = k; i < out * in * kernel; i += kernel)
            sum += (double)work[i] * work[i];
        scale[k] = (float)(scale[k] / sqrt(sum));
    }
    for (int64_t i = 0; i < out * in * kernel; i++) {
        int64_t o = i / (in * kernel), c = i / kernel % in, k = i % kernel;
        values[(o * kernel + k) * in + c] = work[i] * scale[k];
    }
    return VALENCE_OK;
}

/* Query, key and value one below the other. numbers: the shape of each. */
static int make_qkv(const struct recipe *recipe, struct source *source, float *values, float *work,
                    struct valence_error *error)
{
    (void)work;
    int n_dims = recipe->numbers[1] ? 2 : 1;
    int64_t count = recipe->numbers[0] * (n_dims == 2 ? recipe->numbers[1] : 1);
    int status = VALENCE_OK;
    for (int i = 0; !status && i < 3; i++)
        status = source_take(source, recipe->from[i], n_dims, recipe->numbers,
                             values ? values + i * count : NULL, error);
    return status;
}

/* The gate's 8 outputs enter as two sums of four: so do its rows. numbers: 8, then the width of
 * weights or 0. */
static int make_gate(const struct recipe *recipe, struct source *source, float *values, float *work,
                     struct valence_error *error)
{
    int64_t width = recipe->numbers[1] ? recipe->numbers[1] : 1;
    int status = source_take(source, recipe->from[0], recipe->numbers[1] ? 2 : 1, recipe->numbers,
                             values ? work : NULL, error);
    for (int64_t i = 0; values && i < 2 * width; i++) {
        const float *first = work + i / width * 4 * width + i % width;
        values[i] = (first[0] + first[width]) + (first[2 * width] + first[3 * width]);
    }
    return status;
}

/* numbers: rows, columns of the source. */
static int make_transposed(const struct recipe *recipe, struct source *source, float *values,
                           float *work, struct valence_error *error)
{
    int64_t rows = recipe->numbers[0], columns = recipe->numbers[1];
    int status =
        source_take(source, recipe->from[0], 2, recipe->numbers, values ? work : NULL, error);
    for (int64_t i = 0; values && i < rows * columns; i++)
        values[i % columns * rows + i / columns] = work[i];
    return status;
}

/* numbers: 1, n, 1, 1 of a shape whose n values are wanted. */
static int make_flat(const struct recipe *recipe, struct source *source, float *values, float *work,
                     struct valence_error *error)
{
    (void)work;
    return source_take(source, recipe->from[0], 4, recipe->numbers, values, error);
}

/* ---- The list ---- */

struct plan {
    struct recipes recipes;
    const struct wavlm_config *config;
    const struct names *names;
};

typedef int make_function(const struct recipe *, struct source *, float *, float *,
                          struct valence_error *);

static struct recipe *add(struct plan *plan, const char *name, make_function *make, int64_t ne0,
                          int64_t ne1, int64_t ne2, const int64_t numbers[4])
{
    struct recipe *recipe = recipes_add(&plan->recipes, "%s", name);
    if (!recipe)
        return NULL;
    recipe->make = make;
    memcpy(recipe->sizes, (int64_t[]){ne0, ne1, ne2}, sizeof recipe->sizes);
    memcpy(recipe->numbers, numbers, sizeof recipe->numbers);
    return recipe;
}

static void set_from(struct recipe *recipe, int index, const char *prefix, const char *name,
                     const char *ending)
{
    if (recipe)
        snprintf(recipe->from[index], sizeof recipe->from[index], "%s%s%s", prefix, name, ending);
}

/* A Linear (in > 0) or a norm, under `name` from `from`. */
static void add_affine(struct plan *plan, const char *name, const char *from, int64_t in,
                       int64_t out)
{
    recipes_add_copy(&plan->recipes, name, from, ".weight", in > 0, out, in, 0);
    recipes_add_copy(&plan->recipes, name, from, ".bias", false, out, 0, 0);
}

/* `format` with a number in it; formats are this file's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const char *numbered(const char *format, int number, char text[PREFIX_BYTES])
{
    snprintf(text, PREFIX_BYTES, format, number);
    return text;
}
#pragma GCC diagnostic pop

static void add_convolutions(struct plan *plan)
{
    const struct wavlm_config *config = plan->config;
    int64_t in = 1;
    for (int i = 0; i < WAVLM_CONVOLUTIONS; i++) {
        char name[GGML_MAX_NAME], from[PREFIX_BYTES];
        int64_t out = config->conv_widths[i], kernel = config->conv_kernels[i];
        numbered(plan->names->conv, i, from);
        snprintf(name, sizeof name, "conv.%d.weight", i);
        struct recipe *recipe =
            add(plan, name, make_convolution, kernel * in, out, 1, (int64_t[]){out, in, kernel, 0});
        set_from(recipe, 0, from, "", ".weight");
        if (recipe)
            recipe->matrix = i > 0;
        if (config->conv_bias) {
            snprintf(name, sizeof name, "conv.%d", i);
            recipes_add_copy(&plan->recipes, name, from, ".bias", false, out, 0, 0);
        }
        snprintf(name, sizeof name, "conv.%d.norm", i);
        if (!config->group_norm)
            add_affine(plan, name, numbered(plan->names->conv_norm, i, from), 0, out);
        else if (i == 0)
            add_affine(plan, name, numbered(plan->names->group_norm, i, from), 0, out);
        in = out;
    }
    add_affine(plan, "projection.norm", plan->names->projection_norm, 0, in);
    add_affine(plan, "projection", plan->names->projection, in, config->width);
}

/* The two spellings of PyTorch's weight norm. */
static void add_position(struct plan *plan, const struct source *source)
{
    const struct wavlm_config *config = plan->config;
    int64_t in = config->width / config->position_groups, kernel = config->position_kernel;
    struct recipe *recipe = add(plan, "position.weight", make_position, kernel * in, in,
                                config->position_groups, (int64_t[]){config->width, in, kernel, 0});
    char old[RECIPE_NAME_BYTES];
    snprintf(old, sizeof old, "%s.weight_g", plan->names->position);
    bool is_old = source_has(source, old);
    set_from(recipe, 0, plan->names->position, "",
             is_old ? ".weight_g" : ".parametrizations.weight.original0");
    set_from(recipe, 1, plan->names->position, "",
             is_old ? ".weight_v" : ".parametrizations.weight.original1");
    if (recipe)
        recipe->halved = true;
    recipes_add_copy(&plan->recipes, "position", plan->names->position, ".bias", false,
                     config->width, 0, 0);
}

static void add_attention(struct plan *plan, int index)
{
    static const char *const projections[] = {"q_proj", "k_proj", "v_proj"};
    int64_t width = plan->config->width, head_width = width / plan->config->n_heads;
    char prefix[PREFIX_BYTES], name[GGML_MAX_NAME], from[RECIPE_NAME_BYTES];
    numbered(plan->names->attention, index, prefix);
    for (int bias = 0; bias < 2; bias++) {
        const char *ending = bias ? ".bias" : ".weight";
        snprintf(name, sizeof name, "layer.%d.qkv%s", index, ending);
        struct recipe *qkv =
            add(plan, name, make_qkv, bias ? 3 * width : width, bias ? 1 : 3 * width, 1,
                (int64_t[]){width, bias ? 0 : width, 0, 0});
        for (int i = 0; i < 3; i++)
            set_from(qkv, i, prefix, projections[i], ending);
        if (qkv)
            qkv->matrix = !bias;
        snprintf(name, sizeof name, "layer.%d.gate%s", index, ending);
        set_from(add(plan, name, make_gate, bias ? 2 : head_width, bias ? 1 : 2, 1,
                     (int64_t[]){8, bias ? 0 : head_width, 0, 0}),
                 0, prefix, plan->names->gate, ending);
    }
    snprintf(name, sizeof name, "layer.%d.gate.scale", index);
    set_from(add(plan, name, make_flat, plan->config->n_heads, 1, 1,
                 (int64_t[]){1, plan->config->n_heads, 1, 1}),
             0, prefix, plan->names->gate_scale, "");
    snprintf(name, sizeof name, "layer.%d.output", index);
    snprintf(from, sizeof from, "%sout_proj", prefix);
    add_affine(plan, name, from, width, width);
}

static void add_layer(struct plan *plan, int index)
{
    const struct wavlm_config *config = plan->config;
    const struct {
        const char *name, *from;
        int64_t in, out;
    } parts[] = {{"attention_norm", plan->names->attention_norm, 0, config->width},
                 {"ffn_norm", plan->names->ffn_norm, 0, config->width},
                 {"up", plan->names->up, config->width, config->ffn_width},
                 {"down", plan->names->down, config->ffn_width, config->width}};
    add_attention(plan, index);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[GGML_MAX_NAME], from[PREFIX_BYTES];
        snprintf(name, sizeof name, "layer.%d.%s", index, parts[i].name);
        add_affine(plan, name, numbered(parts[i].from, index, from), parts[i].in, parts[i].out);
    }
}

static void add_tensors(struct plan *plan, const struct source *source)
{
    const struct wavlm_config *config = plan->config;
    add_convolutions(plan);
    add_position(plan, source);
    add_affine(plan, "encoder.norm", "encoder.layer_norm", 0, config->width);
    set_from(add(plan, "bias.weight", make_transposed, config->n_buckets, config->n_heads, 1,
                 (int64_t[]){config->n_buckets, config->n_heads, 0, 0}),
             0, plan->names->bias, "", "");
    for (int i = 0; i < config->n_layers; i++)
        add_layer(plan, i);
}

/* ---- The file ---- */

static void set_sizes(struct gguf_context *header, const char *key, const int64_t *sizes)
{
    uint32_t values[WAVLM_CONVOLUTIONS];
    for (int i = 0; i < WAVLM_CONVOLUTIONS; i++)
        values[i] = (uint32_t)sizes[i];
    gguf_set_arr_data(header, key, GGUF_TYPE_UINT32, values, WAVLM_CONVOLUTIONS);
}

static void set_header(struct gguf_context *header, const struct wavlm_config *config)
{
    const struct {
        const char *key;
        int64_t value;
    } sizes[] = {{"wavlm.width", config->width},
                 {"wavlm.n_layers", config->n_layers},
                 {"wavlm.n_heads", config->n_heads},
                 {"wavlm.ffn_width", config->ffn_width},
                 {"wavlm.n_buckets", config->n_buckets},
                 {"wavlm.max_distance", config->max_distance},
                 {"wavlm.position_kernel", config->position_kernel},
                 {"wavlm.position_groups", config->position_groups},
                 {"wavlm.rate_hz", config->rate_hz}};
    gguf_set_val_str(header, "general.architecture", "wavlm");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        gguf_set_val_u32(header, sizes[i].key, (uint32_t)sizes[i].value);
    set_sizes(header, "wavlm.convolution_widths", config->conv_widths);
    set_sizes(header, "wavlm.convolution_kernels", config->conv_kernels);
    set_sizes(header, "wavlm.convolution_strides", config->conv_strides);
    gguf_set_val_f32(header, "wavlm.epsilon", (float)config->epsilon);
    gguf_set_val_bool(header, "wavlm.stable", config->stable);
    gguf_set_val_bool(header, "wavlm.group_norm", config->group_norm);
    gguf_set_val_bool(header, "wavlm.normalize", config->normalize);
    gguf_set_val_bool(header, "wavlm.convolution_bias", config->conv_bias);
}

static int open_folder(const char *folder, struct source *source, struct wavlm_config *config,
                       char **path, struct valence_error *error)
{
    static const char *const prefixes[] = {"wavlm.", ""};
    static const char *const files[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin"};
    int status = wavlm_config_read_folder(config, folder, error);
    for (size_t i = 0; i < sizeof files / sizeof *files && !status; i++) {
        *path = path_join(folder, files[i]);
        if (!*path)
            status = fail_memory(error, strlen(folder), "a path");
        else if (path_exists(*path))
            return source_open(source, *path, prefixes, 2, error);
        free(*path);
        *path = NULL;
    }
    if (!status)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: holds no weights: neither model.safetensors, "
                      "model.safetensors.index.json nor pytorch_model.bin",
                      folder);
    return status;
}

static int open_file(const char *path, struct source *source, struct wavlm_config *config,
                     struct valence_error *error)
{
    static const char *const prefixes[] = {"model.w2v_encoder.w2v_model.", "model."};
    /* A fine-tuned model has heads beside the encoder. */
    static const char *const encoder[] = {"feature_extractor.*", "layer_norm.*",
                                          "post_extract_proj.*", "encoder.*", "mask_emb"};
    int status = source_open(source, path, prefixes, 2, error);
    if (status)
        return status;
    source_keep(source, encoder, (int)(sizeof encoder / sizeof *encoder));
    const struct pickle_value *cfg = pickle_get(source_root(source), "cfg");
    status = cfg ? wavlm_config_read_pickle(config, cfg, path, error)
                 : fail(error, VALENCE_ERROR_FORMAT,
                        "%s: has no 'cfg' as WavLM-Large.pt has (for a Hugging Face model, give "
                        "its folder)",
                        path);
    if (status)
        source_close(source);
    return status;
}

static int convert(const char *from, const char *path,
                   const struct valence_convert_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    struct source source = {0};
    struct wavlm_config config;
    char *weights_path = NULL;
    bool folder = path_is_folder(from);
    int status = folder ? open_folder(from, &source, &config, &weights_path, error)
                        : open_file(from, &source, &config, error);
    if (!status) {
        struct plan plan = {.config = &config, .names = folder ? &hugging_face : &authors};
        struct gguf_context *header = gguf_init_empty();
        add_tensors(&plan, &source);
        source_ignore(&source, "masked_spec_embed");
        source_ignore(&source, "mask_emb");
        set_header(header, &config);
        status = convert_write(path, header, &plan.recipes, &source, options, progress, error);
        if (!status && options->left_out)
            source_left_aside(&source, options->left_out, options->left_out_bytes);
        gguf_free(header);
        recipes_free(&plan.recipes);
        source_close(&source);
    }
    free(weights_path);
    return status;
}

const struct converter converter_wavlm = {
    .license = WAVLM_LICENSE, .type = "f16", .convert = convert};
