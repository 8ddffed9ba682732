#include "encode/llm/language_model_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text_sort.h"

#define MAX_LAYERS  512 /* llama.cpp's */
#define MAX_EXPERTS 1024
#define MIN_CONTEXT 16 /* windows of less hold a prefix and nothing else */
#define MIN_TOKENS  16 /* as its default ids of special tokens need */
#define MAX_TOKENS  (1 << 22)

struct header {
    const struct weights *weights;
    const char *architecture;
    struct valence_error *error;
};

/* The key's id, -1 where it is missing. */
static int64_t find_key(const struct header *header, const char *name, char key[256])
{
    snprintf(key, 256, "%s.%s", header->architecture, name);
    return gguf_find_key(header->weights->gguf, key);
}

/* An integer of any width, alone or (the largest of) an array; `missing` where there is no such
 * key; -1 for one of another type, or beyond 32 bits. */
static int64_t read_integer(const struct header *header, const char *name, int64_t missing)
{
    char key[256];
    const struct gguf_context *gguf = header->weights->gguf;
    int64_t id = find_key(header, name, key);
    if (id < 0)
        return missing;
    enum gguf_type type = gguf_get_kv_type(gguf, id);
    if (type == GGUF_TYPE_UINT32)
        return gguf_get_val_u32(gguf, id);
    if (type == GGUF_TYPE_INT32)
        return gguf_get_val_i32(gguf, id);
    if (type != GGUF_TYPE_ARRAY)
        return -1;
    type = gguf_get_arr_type(gguf, id);
    if (type != GGUF_TYPE_UINT32 && type != GGUF_TYPE_INT32)
        return -1;
    const int32_t *values = gguf_get_arr_data(gguf, id);
    int64_t largest = 0;
    for (size_t i = 0; i < gguf_get_arr_n(gguf, id); i++) {
        if (values[i] < 0)
            return -1;
        largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
}

static int check_integer(const struct header *header, const char *name, int64_t missing,
                         int64_t minimum, int64_t maximum, int64_t *value)
{
    *value = read_integer(header, name, missing);
    if (*value >= minimum && *value <= maximum)
        return VALENCE_OK;
    return fail(header->error, VALENCE_ERROR_FORMAT,
                "%s: key '%s.%s' is missing or not within %" PRId64 " ... %" PRId64,
                header->weights->path, header->architecture, name, minimum, maximum);
}

static int check_sizes(const struct header *header)
{
    int64_t layers, width, heads, kv_heads, context, extra, key_width, value_width, rotary;
    int status = check_integer(header, "block_count", 0, 1, MAX_LAYERS, &layers);
    if (!status)
        status = check_integer(header, "embedding_length", 0, 1, 1 << 20, &width);
    if (!status)
        status = check_integer(header, "context_length", 0, MIN_CONTEXT, INT32_MAX, &context);
    if (!status)
        status = check_integer(header, "attention.head_count", 1, 1, 1 << 16, &heads);
    if (!status)
        status = check_integer(header, "attention.head_count_kv", heads, 1, heads, &kv_heads);
    if (!status)
        status = check_integer(header, "nextn_predict_layers", 0, 0, layers - 1, &extra);
    if (status)
        return status;
    int64_t head = width / heads;
    status = check_integer(header, "attention.key_length", head, 1, 1 << 16, &key_width);
    if (!status)
        status =
            check_integer(header, "attention.value_length", key_width, 1, 1 << 16, &value_width);
    if (!status)
        status = check_integer(header, "rope.dimension_count", key_width, 0, key_width, &rotary);
    if (status)
        return status;
    if (heads % kv_heads != 0 || key_width < 1)
        return fail(header->error, VALENCE_ERROR_FORMAT,
                    "%s: %" PRId64 " attention heads do not fit %" PRId64 " key-value heads and a "
                    "width of %" PRId64,
                    header->weights->path, heads, kv_heads, width);
    /* llama.cpp asserts these of this family when it builds the graph. */
    if (strcmp(header->architecture, "llama") == 0 &&
        (rotary != key_width || value_width != key_width))
        return fail(header->error, VALENCE_ERROR_FORMAT,
                    "%s: heads of %" PRId64 " keys, %" PRId64 " values and %" PRId64
                    " rotated dimensions, which must be equal",
                    header->weights->path, key_width, value_width, rotary);
    return VALENCE_OK;
}

static int check_experts(const struct header *header)
{
    int64_t experts, used, groups, groups_used;
    int status = check_integer(header, "expert_count", 0, 0, MAX_EXPERTS, &experts);
    int64_t least = experts > 0;
    if (!status)
        status = check_integer(header, "expert_used_count", 0, least, experts, &used);
    if (!status)
        status = check_integer(header, "expert_group_count", 0, 0, experts > 0 ? experts - 1 : 0,
                               &groups);
    if (status || groups <= 1)
        return status;
    status = check_integer(header, "expert_group_used_count", 0, 1, groups - 1, &groups_used);
    if (!status && experts % groups != 0)
        status = fail(header->error, VALENCE_ERROR_FORMAT,
                      "%s: %" PRId64 " experts do not fall into %" PRId64 " groups",
                      header->weights->path, experts, groups);
    return status;
}

/* What a number of the architecture's must be, by the end of its key: llama.cpp asserts that, or
 * divides by it. */
static const struct {
    const char *ending;
    double minimum, maximum;
} number_bounds[] = {{"epsilon", 0, 1},
                     {"rope.freq_base", 1e-6, 1e15},
                     {"rope.freq_base_swa", 1e-6, 1e15},
                     {"rope.scaling.factor", 0, 1e9},
                     {"rope.scaling.attn_factor", 0, 1e9},
                     {"", -1e30, 1e30}};

static bool ends_in(const char *text, const char *ending)
{
    size_t length = strlen(text), n = strlen(ending);
    return n <= length && strcmp(text + length - n, ending) == 0;
}

static int check_number(const struct header *header, const char *key, double value)
{
    size_t i = 0;
    while (!ends_in(key, number_bounds[i].ending))
        i++;
    if (value >= number_bounds[i].minimum && value <= number_bounds[i].maximum)
        return VALENCE_OK;
    return fail(header->error, VALENCE_ERROR_FORMAT, "%s: key '%s' is %g, not within %g ... %g",
                header->weights->path, key, value, number_bounds[i].minimum,
                number_bounds[i].maximum);
}

/* Every floating-point number of the architecture, alone or in an array. */
static int check_numbers(const struct header *header)
{
    const struct gguf_context *gguf = header->weights->gguf;
    size_t length = strlen(header->architecture);
    int status = VALENCE_OK;
    for (int64_t id = 0; id < gguf_get_n_kv(gguf) && !status; id++) {
        const char *key = gguf_get_key(gguf, id);
        if (strncmp(key, header->architecture, length) != 0 || key[length] != '.')
            continue;
        enum gguf_type type = gguf_get_kv_type(gguf, id);
        if (type == GGUF_TYPE_FLOAT32)
            status = check_number(header, key, (double)gguf_get_val_f32(gguf, id));
        else if (type == GGUF_TYPE_FLOAT64)
            status = check_number(header, key, gguf_get_val_f64(gguf, id));
        else if (type == GGUF_TYPE_ARRAY && gguf_get_arr_type(gguf, id) == GGUF_TYPE_FLOAT32)
            for (size_t i = 0; i < gguf_get_arr_n(gguf, id) && !status; i++)
                status = check_number(header, key,
                                      (double)((const float *)gguf_get_arr_data(gguf, id))[i]);
    }
    return status;
}

static int check_rope(const struct header *header)
{
    static const char *const known[] = {"none", "linear", "yarn", "longrope"};
    char key[256];
    int64_t id = find_key(header, "rope.scaling.type", key);
    if (id < 0)
        return VALENCE_OK;
    if (gguf_get_kv_type(header->weights->gguf, id) == GGUF_TYPE_STRING) {
        const char *value = gguf_get_val_str(header->weights->gguf, id);
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (strcmp(value, known[i]) == 0)
                return VALENCE_OK;
    }
    return fail(header->error, VALENCE_ERROR_FORMAT,
                "%s: key '%s' must be none, linear, yarn or longrope", header->weights->path, key);
}

static int check_causal(const struct header *header)
{
    char key[256];
    const struct gguf_context *gguf = header->weights->gguf;
    int64_t id = find_key(header, "attention.causal", key);
    if (id < 0 || gguf_get_kv_type(gguf, id) != GGUF_TYPE_BOOL || gguf_get_val_bool(gguf, id))
        return VALENCE_OK;
    return fail(header->error, VALENCE_ERROR_UNSUPPORTED,
                "%s: a model of architecture '%s' is not causal (a word sees what follows it); "
                "text streams need a causal language model",
                header->weights->path, header->architecture);
}

/* No two tokens may be the same, but several may be empty. */
static int check_tokens(const struct header *header, int64_t list, struct valence_error *error)
{
    const struct gguf_context *gguf = header->weights->gguf;
    size_t n = gguf_get_arr_n(gguf, list);
    const char **tokens = allocate((int64_t)n, sizeof *tokens);
    if (!tokens)
        return fail_memory(error, n * sizeof *tokens, "a vocabulary");
    int64_t n_named = 0;
    for (size_t i = 0; i < n; i++) {
        const char *token = gguf_get_arr_str(gguf, list, i);
        if (*token)
            tokens[n_named++] = token;
    }
    const char *twice = sort_texts(tokens, n_named);
    int status = twice ? fail(error, VALENCE_ERROR_FORMAT, "%s: holds the token '%.40s' twice",
                              header->weights->path, twice)
                       : VALENCE_OK;
    free(tokens);
    return status;
}

/* Special tokens must be tokens. */
static int check_special(const struct header *header, size_t n_tokens)
{
    static const char *const ids[] = {"bos",     "eos",       "eot",    "eom",
                                      "unknown", "seperator", "padding"};
    const struct gguf_context *gguf = header->weights->gguf;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char key[64];
        snprintf(key, sizeof key, "tokenizer.ggml.%s_token_id", ids[i]);
        int64_t id = gguf_find_key(gguf, key);
        if (id >= 0 && (gguf_get_kv_type(gguf, id) != GGUF_TYPE_UINT32 ||
                        gguf_get_val_u32(gguf, id) >= n_tokens))
            return fail(header->error, VALENCE_ERROR_FORMAT,
                        "%s: key '%s' is not one of the %zu tokens", header->weights->path, key,
                        n_tokens);
    }
    return VALENCE_OK;
}

/* Lists beside the tokens have an entry for each: llama.cpp reads as many. */
static int check_beside(const struct header *header, const char *key, enum gguf_type type,
                        size_t n_tokens)
{
    const struct gguf_context *gguf = header->weights->gguf;
    int64_t id = gguf_find_key(gguf, key);
    if (id < 0)
        return VALENCE_OK;
    if (gguf_get_kv_type(gguf, id) != GGUF_TYPE_ARRAY || gguf_get_arr_type(gguf, id) != type ||
        gguf_get_arr_n(gguf, id) != n_tokens)
        return fail(header->error, VALENCE_ERROR_FORMAT,
                    "%s: key '%s' is not a list of %zu numbers, one for each token",
                    header->weights->path, key, n_tokens);
    /* Scores put an order on pieces of words; NaN has no place in an order. */
    const float *scores = type == GGUF_TYPE_FLOAT32 ? gguf_get_arr_data(gguf, id) : NULL;
    for (size_t i = 0; scores && i < n_tokens; i++)
        if (isnan(scores[i]))
            return fail(header->error, VALENCE_ERROR_FORMAT, "%s: key '%s': number %zu is NaN",
                        header->weights->path, key, i);
    return VALENCE_OK;
}

/* A tokenizer of another family belongs to another kind of model. */
static int check_tokenizer(const struct header *header)
{
    const struct gguf_context *gguf = header->weights->gguf;
    int64_t id = gguf_find_key(gguf, "tokenizer.ggml.model");
    const char *name =
        id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_STRING ? gguf_get_val_str(gguf, id) : "";
    if (*name && strcmp(name, "bert") != 0 && strcmp(name, "none") != 0 &&
        strcmp(name, "no_vocab") != 0)
        return VALENCE_OK;
    return fail(header->error, VALENCE_ERROR_UNSUPPORTED,
                "%s: the tokenizer is '%s' (key 'tokenizer.ggml.model'), which is not a causal "
                "language model's",
                header->weights->path, name);
}

static int check_vocabulary(const struct header *header)
{
    const struct gguf_context *gguf = header->weights->gguf;
    int64_t list = gguf_find_key(gguf, "tokenizer.ggml.tokens");
    if (list < 0 || gguf_get_kv_type(gguf, list) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(gguf, list) != GGUF_TYPE_STRING ||
        gguf_get_arr_n(gguf, list) < MIN_TOKENS || gguf_get_arr_n(gguf, list) > MAX_TOKENS)
        return fail(header->error, VALENCE_ERROR_FORMAT,
                    "%s: holds no tokenizer of %d ... %d tokens (key 'tokenizer.ggml.tokens')",
                    header->weights->path, MIN_TOKENS, MAX_TOKENS);
    size_t n = gguf_get_arr_n(gguf, list);
    int status = check_tokenizer(header);
    if (!status)
        status = check_special(header, n);
    if (!status)
        status = check_beside(header, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, n);
    if (!status)
        status = check_beside(header, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, n);
    return status ? status : check_tokens(header, list, header->error);
}

int language_model_check(const struct weights *weights, const char *architecture,
                         struct valence_error *error)
{
    const struct header header = {weights, architecture, error};
    int status = check_causal(&header);
    if (!status)
        status = check_sizes(&header);
    if (!status)
        status = check_experts(&header);
    if (!status)
        status = check_numbers(&header);
    if (!status)
        status = check_rope(&header);
    return status ? status : check_vocabulary(&header);
}
