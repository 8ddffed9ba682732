#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/whisper/whisper_audio.h"

/* Where the next tensor goes; NULL while the room is counted. */
struct loader {
    struct weights *weights;
    float *next;
    int64_t n;
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

/* Weight of (out, in), or, with in 0, of (out), and bias. */
static void take_pair(struct loader *loader, int64_t in, int64_t out, const char *name,
                      const float *pair[2])
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    pair[0] = in ? take(loader, in, out, 0, full) : take(loader, out, 0, 0, full);
    snprintf(full, sizeof full, "%s.bias", name);
    pair[1] = take(loader, out, 0, 0, full);
}

static void take_layer(struct loader *loader, int64_t d, int64_t index,
                       struct whisper_audio_layer *layer)
{
    char stem[48], name[128];
    snprintf(stem, sizeof stem, "encoder.blocks.%" PRId64, index);
    const struct {
        const char *name;
        const float **pair;
        int64_t in, out;
    } pairs[] = {{"attn_ln", layer->attention_norm, 0, d},
                 {"attn.query", layer->query, d, d},
                 {"attn.value", layer->value, d, d},
                 {"attn.out", layer->out, d, d},
                 {"mlp_ln", layer->norm, 0, d},
                 {"mlp.0", layer->up, d, 4 * d},
                 {"mlp.2", layer->down, 4 * d, d}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        snprintf(name, sizeof name, "%s.%s", stem, pairs[i].name);
        take_pair(loader, pairs[i].in, pairs[i].out, name, pairs[i].pair);
    }
    snprintf(name, sizeof name, "%s.attn.key.weight", stem);
    layer->key = take(loader, d, d, 0, name);
}

static void take_all(struct loader *loader, struct whisper_audio *model)
{
    int64_t d = model->width;
    model->conv1[0] = take(loader, 3, model->n_mels, d, "encoder.conv1.weight");
    model->conv1[1] = take(loader, d, 0, 0, "encoder.conv1.bias");
    model->conv2[0] = take(loader, 3, d, d, "encoder.conv2.weight");
    model->conv2[1] = take(loader, d, 0, 0, "encoder.conv2.bias");
    model->places = take(loader, d, model->context, 0, "encoder.positional_embedding");
    take_pair(loader, 0, d, "encoder.ln_post", model->final_norm);
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
    struct loader loader = {.weights = weights};
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
    if (!model->values)
        return fail_memory(error, (size_t)loader.n * sizeof *model->values, "Whisper's weights");
    loader.next = model->values;
    take_all(&loader, model);
    model->filters = loader.next;
    whisper_audio_filters(model->n_mels, model->filters);
    return VALENCE_OK;
}

void whisper_audio_free(struct whisper_audio *model)
{
    free(model->values);
    *model = (struct whisper_audio){0};
}
