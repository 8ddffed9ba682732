#include "encode/wavlm/wavlm_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/json_failure.h"

#define MAX_CONFIG_BYTES (1 << 20)

/* Sizes that checkpoints leave out are those of both layouts' own defaults. */
static const struct wavlm_config defaults = {
    .width = 768,
    .n_layers = 12,
    .n_heads = 12,
    .ffn_width = 3072,
    .n_buckets = 320,
    .max_distance = 800,
    .position_kernel = 128,
    .position_groups = 16,
    .conv_widths = {512, 512, 512, 512, 512, 512, 512},
    .conv_kernels = {10, 3, 3, 3, 3, 2, 2},
    .conv_strides = {5, 2, 2, 2, 2, 2, 2},
    .rate_hz = 16000,
    .epsilon = 1e-5,
    .group_norm = true,
    .normalize = true,
};

/* Sizes in a range that no product of them overflows; wavlm_load() checks what they must satisfy
 * together. */
static int check(const struct wavlm_config *config, const char *path, struct valence_error *error)
{
    const struct {
        const char *name;
        int64_t value, maximum;
    } sizes[] = {
        {"hidden size", config->width, 1 << 16},
        {"layers", config->n_layers, WAVLM_MAX_LAYERS},
        {"attention heads", config->n_heads, 1 << 10},
        {"intermediate size", config->ffn_width, 1 << 18},
        {"buckets", config->n_buckets, 1 << 16},
        {"bucket distance", config->max_distance, 1 << 20},
        {"positional kernel", config->position_kernel, 1 << 12},
        {"positional groups", config->position_groups, 1 << 12},
        {"sampling rate", config->rate_hz, 1 << 20},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].maximum)
            return fail(error, VALENCE_ERROR_CONFIG,
                        "%s: %s: %" PRId64 " is not within 1 ... %" PRId64, path, sizes[i].name,
                        sizes[i].value, sizes[i].maximum);
    for (int i = 0; i < WAVLM_CONVOLUTIONS; i++)
        if (config->conv_widths[i] < 1 || config->conv_widths[i] > 1 << 14 ||
            config->conv_kernels[i] < 1 || config->conv_kernels[i] > 64 ||
            config->conv_strides[i] < 1 || config->conv_strides[i] > 64)
            return fail(error, VALENCE_ERROR_CONFIG, "%s: convolution %d is out of range", path, i);
    if (config->width % config->n_heads != 0 || config->width % config->position_groups != 0)
        return fail(error, VALENCE_ERROR_CONFIG,
                    "%s: a width of %" PRId64 " does not divide into %" PRId64 " heads and %" PRId64
                    " groups",
                    path, config->width, config->n_heads, config->position_groups);
    return VALENCE_OK;
}

/* ---- Hugging Face ---- */

static int read_json(const char *folder, const char *name, json_t **object,
                     struct valence_error *error)
{
    char *path = path_join(folder, name), *text = NULL;
    size_t size;
    *object = NULL;
    if (!path)
        return fail_memory(error, strlen(folder), "a path");
    int status = file_read_text(path, MAX_CONFIG_BYTES, &text, &size, error);
    if (!status) {
        json_error_t problem;
        *object = json_loadb(text, size, 0, &problem);
        if (!*object)
            status = fail_json(&problem, error, VALENCE_ERROR_FORMAT, "%s:%d: %s", path,
                               problem.line, problem.text);
        else if (!json_is_object(*object)) {
            status = fail(error, VALENCE_ERROR_FORMAT, "%s:1: is not an object", path);
            json_decref(*object);
            *object = NULL;
        }
    }
    free(text);
    free(path);
    return status;
}

/* Out of range for any size where it is not an integer. */
static int64_t json_size(const json_t *object, const char *key, int64_t missing)
{
    const json_t *value = json_object_get(object, key);
    return !value ? missing : json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;
}

static bool json_flag(const json_t *object, const char *key, bool missing)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : missing;
}

static bool json_says(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return !value || strcmp(value, text) == 0;
}

static void json_sizes(const json_t *object, const char *key, int64_t *values)
{
    const json_t *list = json_object_get(object, key);
    for (size_t i = 0; list && i < WAVLM_CONVOLUTIONS; i++)
        values[i] = json_array_size(list) == WAVLM_CONVOLUTIONS
                        ? (int64_t)json_integer_value(json_array_get(list, i))
                        : -1;
}

static int read_model(struct wavlm_config *config, const json_t *json, const char *folder,
                      struct valence_error *error)
{
    if (!json_says(json, "model_type", "wavlm"))
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s/config.json: model_type is not wavlm",
                    folder);
    if (!json_says(json, "hidden_act", "gelu") ||
        !json_says(json, "feat_extract_activation", "gelu") ||
        json_flag(json, "add_adapter", false))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s/config.json: only gelu, and no adapter, is supported", folder);
    config->width = json_size(json, "hidden_size", config->width);
    config->n_layers = json_size(json, "num_hidden_layers", config->n_layers);
    config->n_heads = json_size(json, "num_attention_heads", config->n_heads);
    config->ffn_width = json_size(json, "intermediate_size", config->ffn_width);
    config->n_buckets = json_size(json, "num_buckets", config->n_buckets);
    config->max_distance = json_size(json, "max_bucket_distance", config->max_distance);
    config->position_kernel = json_size(json, "num_conv_pos_embeddings", config->position_kernel);
    config->position_groups =
        json_size(json, "num_conv_pos_embedding_groups", config->position_groups);
    json_sizes(json, "conv_dim", config->conv_widths);
    json_sizes(json, "conv_kernel", config->conv_kernels);
    json_sizes(json, "conv_stride", config->conv_strides);
    config->conv_bias = json_flag(json, "conv_bias", false);
    config->stable = json_flag(json, "do_stable_layer_norm", false);
    config->group_norm = json_says(json, "feat_extract_norm", "group");
    const json_t *epsilon = json_object_get(json, "layer_norm_eps");
    if (json_is_number(epsilon))
        config->epsilon = json_number_value(epsilon);
    return VALENCE_OK;
}

int wavlm_config_read_folder(struct wavlm_config *config, const char *folder,
                             struct valence_error *error)
{
    json_t *model = NULL, *input = NULL;
    *config = defaults;
    int status = read_json(folder, "config.json", &model, error);
    if (!status)
        status = read_json(folder, "preprocessor_config.json", &input, error);
    if (!status)
        status = read_model(config, model, folder, error);
    if (!status) {
        config->normalize = json_flag(input, "do_normalize", true);
        config->rate_hz = json_size(input, "sampling_rate", config->rate_hz);
        status = check(config, folder, error);
    }
    json_decref(model);
    json_decref(input);
    return status;
}

/* ---- The authors' file ---- */

static int64_t pickled_size(const struct pickle_value *cfg, const char *key, int64_t missing)
{
    const struct pickle_value *value = pickle_get(cfg, key);
    return !value ? missing : value->type == PICKLE_INT ? value->as.integer : -1;
}

static bool pickled_flag(const struct pickle_value *cfg, const char *key, bool missing)
{
    const struct pickle_value *value = pickle_get(cfg, key);
    return value && value->type == PICKLE_BOOL ? value->as.integer != 0 : missing;
}

/* "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2": (width, kernel, stride), each list
 * repeated. */
static bool parse_convolutions(const char *text, struct wavlm_config *config)
{
    int n = 0, length;
    for (;;) {
        int width, kernel, stride, times = 1;
        if (sscanf(text, " [ ( %d , %d , %d ) ]%n", &width, &kernel, &stride, &length) != 3)
            return false;
        text += length;
        if (sscanf(text, " * %d%n", &times, &length) == 1)
            text += length;
        for (; times > 0 && n < WAVLM_CONVOLUTIONS; times--, n++) {
            config->conv_widths[n] = width;
            config->conv_kernels[n] = kernel;
            config->conv_strides[n] = stride;
        }
        text += strspn(text, " ");
        if (times != 0 || *text != '+')
            return times == 0 && *text == '\0' && n == WAVLM_CONVOLUTIONS;
        text++;
    }
}

int wavlm_config_read_pickle(struct wavlm_config *config, const struct pickle_value *cfg,
                             const char *path, struct valence_error *error)
{
    *config = defaults;
    const struct pickle_value *layers = pickle_get(cfg, "conv_feature_layers");
    if (layers &&
        (layers->type != PICKLE_TEXT || !parse_convolutions(layers->as.bytes.data, config)))
        return fail(error, VALENCE_ERROR_CONFIG,
                    "%s: cfg.conv_feature_layers does not list %d convolutions", path,
                    WAVLM_CONVOLUTIONS);
    const struct pickle_value *activation = pickle_get(cfg, "activation_fn");
    if (!pickled_flag(cfg, "relative_position_embedding", false) ||
        !pickled_flag(cfg, "gru_rel_pos", false) ||
        (activation && !pickle_is_text(activation, "gelu")))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: cfg has no gated relative position bias, or an activation other than gelu",
                    path);
    config->width = pickled_size(cfg, "encoder_embed_dim", config->width);
    config->n_layers = pickled_size(cfg, "encoder_layers", config->n_layers);
    config->n_heads = pickled_size(cfg, "encoder_attention_heads", config->n_heads);
    config->ffn_width = pickled_size(cfg, "encoder_ffn_embed_dim", config->ffn_width);
    config->n_buckets = pickled_size(cfg, "num_buckets", config->n_buckets);
    config->max_distance = pickled_size(cfg, "max_distance", config->max_distance);
    config->position_kernel = pickled_size(cfg, "conv_pos", config->position_kernel);
    config->position_groups = pickled_size(cfg, "conv_pos_groups", config->position_groups);
    config->conv_bias = pickled_flag(cfg, "conv_bias", false);
    config->stable = pickled_flag(cfg, "layer_norm_first", false);
    config->normalize = pickled_flag(cfg, "normalize", false);
    config->group_norm = !pickle_is_text(pickle_get(cfg, "extractor_mode"), "layer_norm");
    return check(config, path, error);
}
