
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/file.h"
#include "encode/convert.h"
#include "encode/recipes.h"
#include "encode/whisper/whisper_vocabulary.h"
#include "format/json_failure.h"

#define WHISPER_LICENSE  "MIT (https://github.com/openai/whisper)"
#define MAX_LAYERS       64
#define MAX_CONFIG_BYTES (1 << 20)

/* Who wrote the checkpoint; the names in the GGUF are OpenAI's. */
enum layout { OPENAI, HUGGING_FACE, CTRANSLATE2 };

struct sizes {
    int64_t n_mels, vocabulary;
    int64_t width, context[2], n_layers[2], n_heads[2]; /* of encoder and decoder */
};

struct conversion {
    enum layout layout;
    struct source source;
    struct sizes sizes;
    struct recipes recipes;
};

static const char *const sides[] = {"encoder", "decoder"};

/* ---- Names ---- */

/* What a layer consists of. CTranslate2 keeps some matrices in one, `of` blocks of rows. */
static const struct part {
    const char *own, *hugging_face, *ctranslate2;
    int block, of;
    bool norm, decoder_only, no_bias;
    int out, in; /* in widths; 0: a norm */
} parts[] = {
    {"attn_ln", "self_attn_layer_norm", "self_attention/layer_norm", 0, 1, true, false, false, 0,
     0},
    {"attn.query", "self_attn.q_proj", "self_attention/linear_0", 0, 3, false, false, false, 1, 1},
    {"attn.key", "self_attn.k_proj", "self_attention/linear_0", 1, 3, false, false, true, 1, 1},
    {"attn.value", "self_attn.v_proj", "self_attention/linear_0", 2, 3, false, false, false, 1, 1},
    {"attn.out", "self_attn.out_proj", "self_attention/linear_1", 0, 1, false, false, false, 1, 1},
    {"cross_attn_ln", "encoder_attn_layer_norm", "attention/layer_norm", 0, 1, true, true, false, 0,
     0},
    {"cross_attn.query", "encoder_attn.q_proj", "attention/linear_0", 0, 1, false, true, false, 1,
     1},
    {"cross_attn.key", "encoder_attn.k_proj", "attention/linear_1", 0, 2, false, true, true, 1, 1},
    {"cross_attn.value", "encoder_attn.v_proj", "attention/linear_1", 1, 2, false, true, false, 1,
     1},
    {"cross_attn.out", "encoder_attn.out_proj", "attention/linear_2", 0, 1, false, true, false, 1,
     1},
    {"mlp_ln", "final_layer_norm", "ffn/layer_norm", 0, 1, true, false, false, 0, 0},
    {"mlp.0", "fc1", "ffn/linear_0", 0, 1, false, false, false, 4, 1},
    {"mlp.2", "fc2", "ffn/linear_1", 0, 1, false, false, false, 1, 4},
};

/* What stands outside of the layers, by layout. */
enum single { CONV1, CONV2, ENCODER_PLACES, ENCODER_NORM, TOKENS, DECODER_PLACES, DECODER_NORM };
static const char *const singles[][3] = {
    {"encoder.conv1", "encoder.conv1", "encoder/conv1"},
    {"encoder.conv2", "encoder.conv2", "encoder/conv2"},
    {"encoder.positional_embedding", "encoder.embed_positions.weight",
     "encoder/position_encodings/encodings"},
    {"encoder.ln_post", "encoder.layer_norm", "encoder/layer_norm"},
    {"decoder.token_embedding.weight", "decoder.embed_tokens.weight", "decoder/embeddings/weight"},
    {"decoder.positional_embedding", "decoder.embed_positions.weight",
     "decoder/position_encodings/encodings"},
    {"decoder.ln", "decoder.layer_norm", "decoder/layer_norm"},
};

static const char *ending_of(enum layout layout, bool norm, bool bias)
{
    if (layout != CTRANSLATE2)
        return bias ? ".bias" : ".weight";
    return norm ? (bias ? "/beta" : "/gamma") : (bias ? "/bias" : "/weight");
}

static void part_name(const struct conversion *c, const struct part *part, int side, int64_t layer,
                      bool bias, char name[RECIPE_NAME_BYTES])
{
    static const char *const forms[] = {"%s.blocks.%" PRId64 ".%s%s", "%s.layers.%" PRId64 ".%s%s",
                                        "%s/layer_%" PRId64 "/%s%s"};
    const char *names[] = {part->own, part->hugging_face, part->ctranslate2};
    snprintf(name, RECIPE_NAME_BYTES, forms[c->layout], sides[side], layer, names[c->layout],
             ending_of(c->layout, part->norm, bias));
}

/* ---- Recipes ---- */

/* Block numbers[2] of numbers[3] that stand in one matrix below each other. numbers[0, 1]: rows and
 * columns (0: a vector) of the block. */
static int make_block(const struct recipe *recipe, struct source *source, float *values,
                      float *work, struct valence_error *error)
{
    int64_t rows = recipe->numbers[0], columns = recipe->numbers[1], of = recipe->numbers[3];
    int64_t shape[] = {rows * of, columns}, count = rows * (columns ? columns : 1);
    int status =
        source_take(source, recipe->from[0], columns ? 2 : 1, shape, values ? work : NULL, error);
    if (!status && values)
        memcpy(values, work + recipe->numbers[2] * count, (size_t)count * sizeof *values);
    return status;
}

static void add_part(struct conversion *c, const struct part *part, int side, int64_t layer,
                     bool bias)
{
    int64_t d = c->sizes.width, out = part->norm ? d : part->out * d, in = part->in * d;
    struct recipe *recipe = recipes_add(&c->recipes, "%s.blocks.%" PRId64 ".%s%s", sides[side],
                                        layer, part->own, bias ? ".bias" : ".weight");
    if (!recipe)
        return;
    bool is_matrix = !part->norm && !bias;
    recipe->matrix = is_matrix;
    recipe->sizes[0] = is_matrix ? in : out;
    recipe->sizes[1] = is_matrix ? out : 1;
    recipe->make = make_block;
    recipe->numbers[0] = out;
    recipe->numbers[1] = is_matrix ? in : 0;
    recipe->numbers[2] = c->layout == CTRANSLATE2 ? part->block : 0;
    recipe->numbers[3] = c->layout == CTRANSLATE2 ? part->of : 1;
    part_name(c, part, side, layer, bias, recipe->from[0]);
}

static void add_single(struct conversion *c, enum single which, bool norm, bool bias, int64_t a,
                       int64_t b, int64_t e)
{
    bool is_whole = which == ENCODER_PLACES || which == TOKENS || which == DECODER_PLACES;
    struct recipe *recipe = recipes_add(&c->recipes, "%s%s", singles[which][0],
                                        is_whole ? "" : ending_of(OPENAI, norm, bias));
    if (!recipe)
        return;
    int64_t shape[] = {a, b, e};
    int n_dims = e ? 3 : b ? 2 : 1;
    recipe->make = recipe_copy;
    recipe->matrix = which == TOKENS;
    recipe->halved = n_dims == 3;
    for (int i = 0; i < n_dims; i++) {
        recipe->numbers[i] = shape[i];
        recipe->sizes[n_dims - 1 - i] = shape[i];
    }
    snprintf(recipe->from[0], sizeof recipe->from[0], "%s%s", singles[which][c->layout],
             is_whole ? "" : ending_of(c->layout, norm, bias));
}

static void add_tensors(struct conversion *c)
{
    const struct sizes *s = &c->sizes;
    int64_t d = s->width;
    add_single(c, CONV1, false, false, d, s->n_mels, 3);
    add_single(c, CONV1, false, true, d, 0, 0);
    add_single(c, CONV2, false, false, d, d, 3);
    add_single(c, CONV2, false, true, d, 0, 0);
    add_single(c, ENCODER_PLACES, false, false, s->context[0], d, 0);
    add_single(c, ENCODER_NORM, true, false, d, 0, 0);
    add_single(c, ENCODER_NORM, true, true, d, 0, 0);
    add_single(c, TOKENS, false, false, s->vocabulary, d, 0);
    add_single(c, DECODER_PLACES, false, false, s->context[1], d, 0);
    add_single(c, DECODER_NORM, true, false, d, 0, 0);
    add_single(c, DECODER_NORM, true, true, d, 0, 0);
    for (int side = 0; side < 2; side++)
        for (int64_t layer = 0; layer < s->n_layers[side]; layer++)
            for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                for (int bias = 0; bias < 2 && !(side == 0 && parts[i].decoder_only); bias++)
                    if (!(bias && parts[i].no_bias))
                        add_part(c, &parts[i], side, layer, bias);
}

/* ---- Sizes ---- */

static int64_t count_layers(const struct conversion *c, int side)
{
    char name[RECIPE_NAME_BYTES];
    int64_t n = 0;
    for (; n <= MAX_LAYERS; n++) {
        part_name(c, &parts[0], side, n, false, name);
        if (!source_has(&c->source, name))
            break;
    }
    return n;
}

/* A scalar of CTranslate2's file; `missing` where it has none. */
static int64_t scalar_of(const struct conversion *c, const char *name, int64_t missing)
{
    const struct ct2 *ct2 = c->source.ct2;
    for (int64_t i = 0; ct2 && i < ct2_n_variables(ct2); i++) {
        const struct ct2_variable *variable = ct2_variable(ct2, i);
        int64_t value;
        unsigned char bytes[8];
        if (strcmp(variable->name, name) == 0 && variable->n_dims == 0 &&
            !ct2_read(ct2, variable, bytes, NULL) &&
            elements_to_int64(variable->type, false, bytes, 1, &value))
            return value;
    }
    return missing;
}

/* What the network must not do. */
static int check_scalars(const struct conversion *c, struct valence_error *error)
{
    static const struct {
        const char *name;
        int64_t value;
    } wanted[] = {{"decoder/activation", 3},
                  {"decoder/pre_norm", 1},
                  {"decoder/scale_embeddings", 0},
                  {"decoder/alibi", 0},
                  {"decoder/start_from_zero_embedding", 0}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        int64_t value = scalar_of(c, wanted[i].name, wanted[i].value);
        if (value != wanted[i].value)
            return fail(error, VALENCE_ERROR_UNSUPPORTED,
                        "%s: %s is %" PRId64 "; Whisper has %" PRId64, c->source.path,
                        wanted[i].name, value, wanted[i].value);
    }
    return VALENCE_OK;
}

/* The number of heads is not in the tensors: it is beside them, or the width over 64. */
/* As config.json lists it; 0 where it does not. */
static int listed_heads(const char *folder, int side, int64_t *heads, struct valence_error *error)
{
    char name[64], *text = NULL, *path = path_join(folder, "config.json");
    size_t size;
    json_error_t problem;
    *heads = 0;
    if (!path)
        return fail_memory(error, strlen(folder), "a path");
    int status = file_read_text(path, MAX_CONFIG_BYTES, &text, &size, error);
    json_t *config = status ? NULL : json_loadb(text, size, 0, &problem);
    if (!status && !config)
        status = fail_json(&problem, error, VALENCE_ERROR_FORMAT, "%s:%d: %s", path, problem.line,
                           problem.text);
    snprintf(name, sizeof name, "%s_attention_heads", sides[side]);
    *heads = (int64_t)json_integer_value(json_object_get(config, name));
    json_decref(config);
    free(text);
    free(path);
    return status == VALENCE_ERROR_NOT_FOUND ? VALENCE_OK : status;
}

static int find_heads(struct conversion *c, const char *folder, int side,
                      struct valence_error *error)
{
    char name[64];
    int64_t usual = c->sizes.width / 64;
    snprintf(name, sizeof name, "%s/num_heads", sides[side]);
    int64_t heads = scalar_of(c, name, 0);
    const struct pickle_value *root = source_root(&c->source);
    const struct pickle_value *dims = root ? pickle_get(root, "dims") : NULL;
    const struct pickle_value *n =
        dims ? pickle_get(dims, side ? "n_text_head" : "n_audio_head") : NULL;
    if (n && n->type == PICKLE_INT)
        heads = n->as.integer;
    int status = heads == 0 && folder ? listed_heads(folder, side, &heads, error) : VALENCE_OK;
    c->sizes.n_heads[side] = heads ? heads : usual;
    return status;
}

static int find_sizes(struct conversion *c, const char *folder, struct valence_error *error)
{
    struct sizes *s = &c->sizes;
    const struct source *source = &c->source;
    char conv[RECIPE_NAME_BYTES];
    snprintf(conv, sizeof conv, "%s%s", singles[CONV1][c->layout],
             ending_of(c->layout, false, false));
    s->width = source_size(source, conv, 0);
    s->n_mels = source_size(source, conv, 1);
    s->context[0] = source_size(source, singles[ENCODER_PLACES][c->layout], 0);
    s->context[1] = source_size(source, singles[DECODER_PLACES][c->layout], 0);
    s->vocabulary = source_size(source, singles[TOKENS][c->layout], 0);
    for (int side = 0; side < 2; side++) {
        s->n_layers[side] = count_layers(c, side);
        int status = find_heads(c, folder, side, error);
        if (status)
            return status;
        if (s->width < 1 || s->width > 8192 || s->n_mels < 1 || s->n_mels > 1024 ||
            s->context[side] < 1 || s->context[side] > 1 << 16 || s->vocabulary < 1 ||
            s->n_layers[side] < 1 || s->n_layers[side] > MAX_LAYERS || s->n_heads[side] < 1 ||
            s->width % s->n_heads[side] != 0)
            return fail(error, VALENCE_ERROR_SHAPE,
                        "%s: is not a Whisper checkpoint: its %s has a width of %" PRId64
                        ", %" PRId64 " heads, %" PRId64 " layers and %" PRId64 " positions",
                        source->path, sides[side], s->width, s->n_heads[side], s->n_layers[side],
                        s->context[side]);
    }
    return check_scalars(c, error);
}

/* ---- Files ---- */

/* The weights of a folder, in *path; free() it. */
static int find_weights(const char *folder, char **path, struct valence_error *error)
{
    static const char *const names[] = {"model.safetensors", "pytorch_model.bin", "model.bin",
                                        "model.bin.part1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *path = path_join(folder, names[i]);
        if (!*path)
            return fail_memory(error, strlen(folder), "a path");
        if (path_exists(*path))
            return VALENCE_OK;
        free(*path);
    }
    *path = NULL;
    return fail(error, VALENCE_ERROR_NOT_FOUND,
                "%s: holds none of model.safetensors, pytorch_model.bin, model.bin and "
                "model.bin.part1",
                folder);
}

static int set_header(const struct conversion *c, const char *folder, struct gguf_context *header,
                      struct valence_error *error)
{
    const struct sizes *s = &c->sizes;
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"whisper.n_mels", s->n_mels},
                   {"whisper.width", s->width},
                   {"whisper.encoder.context", s->context[0]},
                   {"whisper.encoder.n_layers", s->n_layers[0]},
                   {"whisper.encoder.n_heads", s->n_heads[0]},
                   {"whisper.decoder.context", s->context[1]},
                   {"whisper.decoder.n_layers", s->n_layers[1]},
                   {"whisper.decoder.n_heads", s->n_heads[1]},
                   {"whisper.vocabulary", s->vocabulary}};
    gguf_set_val_str(header, "general.architecture", "whisper");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        gguf_set_val_u32(header, numbers[i].key, (uint32_t)numbers[i].value);
    struct whisper_vocabulary vocabulary = {0};
    int status = folder ? whisper_vocabulary_read(&vocabulary, folder, error) : VALENCE_OK;
    if (!status && vocabulary.n > 0)
        gguf_set_arr_str(header, "whisper.tokens", vocabulary.tokens, (size_t)vocabulary.n);
    whisper_vocabulary_free(&vocabulary);
    return status;
}

static int write_converted(struct conversion *c, const char *folder, const char *path,
                           const struct valence_convert_options *options,
                           const struct valence_progress *progress, struct valence_error *error)
{
    struct gguf_context *header = gguf_init_empty();
    int status = set_header(c, folder, header, error);
    if (!status) {
        add_tensors(c);
        source_ignore(&c->source, "proj_out.weight"); /* the token embedding once more */
        for (int64_t i = 0; c->source.ct2 && i < ct2_n_variables(c->source.ct2); i++)
            if (ct2_variable(c->source.ct2, i)->n_dims == 0)
                source_ignore(&c->source, ct2_variable(c->source.ct2, i)->name);
        status = convert_write(path, header, &c->recipes, &c->source, options, progress, error);
    }
    gguf_free(header);
    return status;
}

/* The folder of a file, in fresh memory; "." where it has none. */
static char *folder_of(const char *path)
{
    size_t length = (size_t)(path_name(path) - path);
    return length > 0 ? strndup(path, length) : strdup(".");
}

static int convert(const char *from, const char *path,
                   const struct valence_convert_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    static const char *const prefixes[] = {"model_state_dict.", "model.", ""};
    struct conversion c = {0};
    char *weights = NULL, *folder = NULL;
    int status = VALENCE_OK;
    if (path_is_folder(from))
        status = find_weights(from, &weights, error);
    else if (!(weights = strdup(from)))
        status = fail_memory(error, strlen(from), "a path");
    if (!status && !(folder = folder_of(weights)))
        status = fail_memory(error, strlen(from), "a path");
    if (!status)
        status = source_open(&c.source, weights, prefixes, 3, error);
    if (!status) {
        c.layout = c.source.ct2                                             ? CTRANSLATE2
                   : source_has(&c.source, singles[ENCODER_PLACES][OPENAI]) ? OPENAI
                                                                            : HUGGING_FACE;
        status = find_sizes(&c, folder, error);
        if (!status)
            status = write_converted(&c, folder, path, options, progress, error);
        recipes_free(&c.recipes);
        source_close(&c.source);
    }
    free(weights);
    free(folder);
    return status;
}

const struct converter converter_whisper = {
    .license = WHISPER_LICENSE, .type = "f16", .convert = convert};
