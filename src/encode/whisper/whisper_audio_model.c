#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/whisper/whisper_audio.h"
#include "kernels/bf16_product.h"

/* Where the next tensor goes; NULL while the room is counted. */
struct loader {
    struct weights *weights;
    float *next;
    int64_t n;
    bool has_bytes;
    int status; /* of packing */
    struct valence_error *error;
};

/* One tensor as floats. */
static const float *take(struct loader *loader, int64_t a, int64_t b, int64_t c, const char *name)
{
    struct ggml_tensor *tensor = weights_tensor(loader->weights, false, a, b, c, "%s", name);
    int64_t count = a * (b ? b : 1) * (c ? c : 1);
    loader->n += count;
    if (!loader->next || !tensor)
        return NULL;
    float *values = loader->next;
    const void *data = weights_data(loader->weights, tensor);
    if (tensor->type == GGML_TYPE_F32)
        memcpy(values, data, (size_t)count * sizeof *values);
    else
        ggml_get_type_traits(tensor->type)->to_float(data, values, count);
    loader->next += count;
    return values;
}

/* NAME.weight and NAME.bias of a norm, n values each. */
static void take_pair(struct loader *loader, int64_t n, const char *name, const float *pair[2])
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    pair[0] = take(loader, n, 0, 0, full);
    snprintf(full, sizeof full, "%s.bias", name);
    pair[1] = take(loader, n, 0, 0, full);
}

/* What a layer's products are computed in. */
static bool suits_bytes(const struct ggml_tensor *tensor)
{
    return ggml_is_quantized(tensor->type) && tensor->ne[0] <= INT8_MAX_DEPTH &&
           int8_product_available();
}

/* NAME.weight (in, out) and, but for keys, NAME.bias. */
static void take_linear(struct loader *loader, int64_t in, int64_t out, bool has_bias,
                        const char *name, struct whisper_linear *layer)
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    struct ggml_tensor *tensor = weights_tensor(loader->weights, false, in, out, 0, "%s", full);
    layer->in = in;
    layer->out = out;
    layer->is_bf16 = tensor && tensor->type == GGML_TYPE_BF16 && bf16_pays();
    if (!tensor || !suits_bytes(tensor))
        layer->weight = take(loader, in, out, 0, full);
    else if (loader->next && !loader->status) {
        struct int8_shape shape = {1, 0, in};
        loader->status = int8_matrix_pack(&layer->bytes, shape, out, (int)tensor->type,
                                          weights_data(loader->weights, tensor),
                                          "Whisper's weights", loader->error);
        loader->has_bytes = true;
    }
    snprintf(full, sizeof full, "%s.bias", name);
    layer->bias = has_bias ? take(loader, out, 0, 0, full) : NULL;
}

static void take_layer(struct loader *loader, int64_t d, int64_t index,
                       struct whisper_audio_layer *layer)
{
    char stem[48], name[128];
    snprintf(stem, sizeof stem, "encoder.blocks.%" PRId64, index);
    const struct {
        const char *name;
        const float **pair;
    } norms[] = {{"attn_ln", layer->attention_norm}, {"mlp_ln", layer->norm}};
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        snprintf(name, sizeof name, "%s.%s", stem, norms[i].name);
        take_pair(loader, d, name, norms[i].pair);
    }
    const struct {
        const char *name;
        struct whisper_linear *layer;
        int64_t in, out;
    } linears[] = {{"attn.query", &layer->query, d, d}, {"attn.key", &layer->key, d, d},
                   {"attn.value", &layer->value, d, d}, {"attn.out", &layer->attention_out, d, d},
                   {"mlp.0", &layer->up, d, 4 * d},     {"mlp.2", &layer->down, 4 * d, d}};
    for (size_t i = 0; i < sizeof linears / sizeof *linears; i++) {
        snprintf(name, sizeof name, "%s.%s", stem, linears[i].name);
        take_linear(loader, linears[i].in, linears[i].out, linears[i].layer != &layer->key, name,
                    linears[i].layer);
    }
}

static void take_all(struct loader *loader, struct whisper_audio *model)
{
    int64_t d = model->width;
    model->conv1[0] = take(loader, 3, model->n_mels, d, "encoder.conv1.weight");
    model->conv1[1] = take(loader, d, 0, 0, "encoder.conv1.bias");
    model->conv2[0] = take(loader, 3, d, d, "encoder.conv2.weight");
    model->conv2[1] = take(loader, d, 0, 0, "encoder.conv2.bias");
    model->places = take(loader, d, model->context, 0, "encoder.positional_embedding");
    take_pair(loader, d, "encoder.ln_post", model->final_norm);
    for (int64_t i = 0; i < model->n_layers; i++)
        take_layer(loader, d, i, &model->layers[i]);
}

int whisper_audio_load(struct whisper_audio *model, struct weights *weights,
                       struct valence_error *error)
{
    *model = (struct whisper_audio){
        .n_mels = weights_int(weights, "whisper.n_mels", 1, WHISPER_MAX_MELS),
        .width = weights_int(weights, "whisper.width", 1, 8192),
        .context =
            weights_int(weights, "whisper.encoder.context", WHISPER_CONTEXT, WHISPER_CONTEXT),
        .n_layers = weights_int(weights, "whisper.encoder.n_layers", 1, WHISPER_MAX_LAYERS),
        .n_heads = weights_int(weights, "whisper.encoder.n_heads", 1, 1024)};
    int status = weights_check(weights, error);
    if (!status && model->width % model->n_heads != 0)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: a width of %" PRId64 " does not divide into %" PRId64 " heads",
                    weights->path, model->width, model->n_heads);
    struct loader loader = {.weights = weights, .error = error};
    if (!status) {
        take_all(&loader, model); /* counts and checks */
        status = weights_check(weights, error);
    }
    if (!status)
        status = weights_load(weights, error);
    if (status)
        return status;
    int64_t n_filters = model->n_mels * WHISPER_BINS;
    model->values = allocate(loader.n + n_filters, sizeof *model->values);
    if (!model->values) {
        whisper_audio_free(model);
        return fail_memory(error, (size_t)loader.n * sizeof *model->values, "Whisper's weights");
    }
    loader.next = model->values;
    take_all(&loader, model);
    model->has_bytes = loader.has_bytes;
    if (loader.status) {
        whisper_audio_free(model);
        return loader.status;
    }
    model->filters = loader.next;
    whisper_audio_filters(model->n_mels, model->filters);
    return VALENCE_OK;
}

void whisper_audio_free(struct whisper_audio *model)
{
    for (int64_t i = 0; i < model->n_layers; i++) {
        struct whisper_audio_layer *layer = &model->layers[i];
        struct whisper_linear *linears[] = {&layer->query,         &layer->key, &layer->value,
                                            &layer->attention_out, &layer->up,  &layer->down};
        for (size_t j = 0; j < sizeof linears / sizeof *linears; j++)
            int8_matrix_free(&linears[j]->bytes);
    }
    free(model->values);
    *model = (struct whisper_audio){0};
}
