/* A Whisper model with random weights and the published vocabulary's size, as Hugging Face stores
 * it, and the GGUF file made of it: what it hears is noise, but rows, times and words have the form
 * of any model's. */
#ifndef VALENCE_TESTS_TINY_WHISPER_H
#define VALENCE_TESTS_TINY_WHISPER_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/safetensors.h"
#include "valence/convert.h"

#define TINY_WHISPER_WIDTH      32
#define TINY_WHISPER_VOCABULARY 51865

struct tiny_tensor {
    char name[160];
    int n_dims;
    int64_t shape[3];
};

struct tiny_tensors {
    struct tiny_tensor list[64];
    int n;
};

static inline void tiny_add(struct tiny_tensors *tensors, const char *name, int64_t a, int64_t b,
                            int64_t c)
{
    struct tiny_tensor *tensor = &tensors->list[tensors->n++];
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->n_dims = c ? 3 : b ? 2 : 1;
    memcpy(tensor->shape, (int64_t[]){a, b, c}, sizeof tensor->shape);
}

static inline void tiny_add_linear(struct tiny_tensors *tensors, const char *stem, int64_t out,
                                   int64_t in, bool has_bias)
{
    char name[128];
    snprintf(name, sizeof name, "%s.weight", stem);
    tiny_add(tensors, name, out, in, 0);
    snprintf(name, sizeof name, "%s.bias", stem);
    if (has_bias)
        tiny_add(tensors, name, out, 0, 0);
}

static inline void tiny_add_attention(struct tiny_tensors *tensors, const char *layer,
                                      const char *kind)
{
    static const char *const parts[] = {"q_proj", "k_proj", "v_proj", "out_proj"};
    const int64_t width = TINY_WHISPER_WIDTH;
    char stem[96];
    for (int i = 0; i < 4; i++) {
        snprintf(stem, sizeof stem, "%s.%s.%s", layer, kind, parts[i]);
        tiny_add_linear(tensors, stem, width, width, i != 1);
    }
    snprintf(stem, sizeof stem, "%s.%s_layer_norm", layer, kind);
    tiny_add_linear(tensors, stem, width, 0, true);
}

static inline void tiny_list(struct tiny_tensors *tensors)
{
    static const char *const layers[] = {"model.encoder.layers.0", "model.decoder.layers.0"};
    const int64_t width = TINY_WHISPER_WIDTH;
    char stem[96];
    tiny_add(tensors, "model.encoder.conv1.weight", width, 80, 3);
    tiny_add(tensors, "model.encoder.conv1.bias", width, 0, 0);
    tiny_add(tensors, "model.encoder.conv2.weight", width, width, 3);
    tiny_add(tensors, "model.encoder.conv2.bias", width, 0, 0);
    tiny_add(tensors, "model.encoder.embed_positions.weight", 1500, width, 0);
    tiny_add_linear(tensors, "model.encoder.layer_norm", width, 0, true);
    tiny_add(tensors, "model.decoder.embed_tokens.weight", TINY_WHISPER_VOCABULARY, width, 0);
    tiny_add(tensors, "model.decoder.embed_positions.weight", 448, width, 0);
    tiny_add_linear(tensors, "model.decoder.layer_norm", width, 0, true);
    for (int i = 0; i < 2; i++) {
        tiny_add_attention(tensors, layers[i], "self_attn");
        if (i == 1)
            tiny_add_attention(tensors, layers[i], "encoder_attn");
        snprintf(stem, sizeof stem, "%s.fc1", layers[i]);
        tiny_add_linear(tensors, stem, 4 * width, width, true);
        snprintf(stem, sizeof stem, "%s.fc2", layers[i]);
        tiny_add_linear(tensors, stem, width, 4 * width, true);
        snprintf(stem, sizeof stem, "%s.final_layer_norm", layers[i]);
        tiny_add_linear(tensors, stem, width, 0, true);
    }
}

static inline void tiny_check(bool is_fine, const char *what)
{
    if (is_fine)
        return;
    fprintf(stderr, "cannot make the tiny model: %s\n", what);
    abort();
}

static inline FILE *tiny_open(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    tiny_check(file != NULL, path);
    return file;
}

/* Tokens "Ġw0", "w1", "Ġw2", ...: every other one begins a word. whisper.cpp needs the token for a
 * blank. */
static inline void tiny_whisper_vocabulary(const char *folder, bool has_blank)
{
    FILE *file = tiny_open(folder, "vocabulary.txt");
    for (int i = 0; i < TINY_WHISPER_VOCABULARY; i++)
        if (i == 220 && has_blank)
            fputs("\xC4\xA0\n", file);
        else
            fprintf(file, "%sw%d\n", i % 2 ? "" : "\xC4\xA0", i);
    fclose(file);
}

/* Writes model.safetensors and config.json to the folder. */
static inline void tiny_whisper_weights(const char *folder)
{
    struct valence_error error = {0};
    struct safetensors_writer *writer;
    struct tiny_tensors tensors = {.n = 0};
    char path[512];
    uint32_t state = 1;
    tiny_list(&tensors);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    int status = safetensors_write_begin(path, 0, &writer, &error);
    for (int i = 0; !status && i < tensors.n; i++)
        status = safetensors_declare(writer, tensors.list[i].name, ELEMENT_F32,
                                     tensors.list[i].n_dims, tensors.list[i].shape, &error);
    for (int i = 0; !status && i < tensors.n; i++) {
        int64_t n = 1;
        for (int j = 0; j < tensors.list[i].n_dims; j++)
            n *= tensors.list[i].shape[j];
        float *values = malloc((size_t)n * sizeof *values);
        tiny_check(values != NULL, "memory");
        for (int64_t j = 0; j < n; j++) {
            state = state * 1664525u + 1013904223u;
            values[j] = ((float)(state >> 8) / 16777216.0f - 0.5f) * 0.5f;
        }
        status = safetensors_write(writer, values, (size_t)n * sizeof *values, &error);
        free(values);
    }
    if (!status)
        status = safetensors_write_commit(writer, &error);
    tiny_check(!status, error.text);
    FILE *config = tiny_open(folder, "config.json");
    fputs("{\"encoder_attention_heads\": 2, \"decoder_attention_heads\": 2}", config);
    fclose(config);
}

/* Makes the model in the folder, and of it the GGUF file at `path`, of type f16. */
static inline void tiny_whisper_make(const char *folder, const char *path)
{
    struct valence_error error = {0};
    const struct valence_convert_options options = {
        .size = sizeof options, .type = "f16", .overwrite = true};
    tiny_whisper_weights(folder);
    tiny_whisper_vocabulary(folder, true);
    tiny_check(!valence_convert(VALENCE_CONVERT_WHISPER, folder, path, &options, NULL, &error),
               error.text);
}

#endif
