#include "encode/llm/language_model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "encode/compute/backend.h"
#include "encode/llm/language_model_check.h"
#include "encode/llm/language_model_parts.h"

/* ---- What it is ---- */

struct shared_tensor {
    const struct weights *weights;
    const struct ggml_tensor *tensor;
};

static int compare_names(const void *a, const void *b)
{
    const struct shared_tensor *x = a, *y = b;
    return strcmp(x->tensor->name, y->tensor->name);
}

/* The one-dimensional f32 tensors of a part: norms and biases, which quantising leaves as they
 * are. */
static int64_t list_shared(const struct weights *weights, struct shared_tensor *shared)
{
    int64_t n = 0;
    for (struct ggml_tensor *tensor = ggml_get_first_tensor(weights->context); tensor;
         tensor = ggml_get_next_tensor(weights->context, tensor))
        if (tensor->type == GGML_TYPE_F32 && ggml_n_dims(tensor) == 1)
            shared[n++] = (struct shared_tensor){weights, tensor};
    return n;
}

/* The value of a text key, NULL where it is missing or no text. */
static const char *find_text(const struct weights *weights, const char *key)
{
    int64_t id = gguf_find_key(weights->gguf, key);
    return id >= 0 && gguf_get_kv_type(weights->gguf, id) == GGUF_TYPE_STRING
               ? gguf_get_val_str(weights->gguf, id)
               : NULL;
}

/* A BPE tokenizer splits a text into words before it joins bytes to tokens; how, early files do not
 * say, and llama.cpp's guess is wrong for many of them. */
static bool guesses_words(const struct weights *weights)
{
    const char *model = find_text(weights, "tokenizer.ggml.model");
    const char *words = find_text(weights, "tokenizer.ggml.pre");
    return model && strcmp(model, "gpt2") == 0 && (!words || strcmp(words, "default") == 0);
}

static int add_shared(struct sha256 *digest, const struct shared_tensor *shared,
                      struct valence_error *error)
{
    size_t size = ggml_nbytes(shared->tensor);
    void *values = allocate((int64_t)size, 1);
    int status = values ? weights_read(shared->weights, shared->tensor, 0, values, size, error)
                        : fail_memory(error, size, "a fingerprint");
    if (!status) {
        sha256_add(digest, shared->tensor->name, strlen(shared->tensor->name) + 1);
        sha256_add(digest, values, size);
    }
    free(values);
    return status;
}

/* SHA-256 of the architecture, of names and values of the shared tensors in the order of their
 * names, and of the tokenizer where it guesses. */
static int take_fingerprint(struct language_model *model, const struct language_model_parts *parts,
                            struct valence_error *error)
{
    static const char guess[] = "tokenizer.ggml.pre=default";
    struct sha256 digest;
    int64_t n = 0, all = 0;
    int status = VALENCE_OK;
    for (int i = 0; i < parts->n; i++)
        all += gguf_get_n_tensors(parts->list[i].gguf);
    struct shared_tensor *shared = allocate(all + 1, sizeof *shared);
    if (!shared)
        return fail_memory(error, (size_t)all * sizeof *shared, "a fingerprint");
    for (int i = 0; i < parts->n; i++)
        n += list_shared(&parts->list[i], shared + n);
    qsort(shared, (size_t)n, sizeof *shared, compare_names);
    sha256_begin(&digest);
    sha256_add(&digest, model->architecture, strlen(model->architecture) + 1);
    for (int64_t i = 0; i < n && !status; i++)
        status = add_shared(&digest, &shared[i], error);
    if (guesses_words(&parts->list[0])) {
        sha256_add(&digest, guess, sizeof guess);
        model->warning =
            "its tokenizer does not say how it splits words (key 'tokenizer.ggml.pre'), "
            "so tokens and rows may differ from the original model's; convert the model "
            "again with a current llama.cpp";
    }
    sha256_end(&digest, model->fingerprint);
    free(shared);
    return status;
}

static const char *type_of_most(const struct language_model_parts *parts)
{
    size_t bytes[GGML_TYPE_COUNT] = {0};
    int most = GGML_TYPE_F32;
    for (int i = 0; i < parts->n; i++)
        for (struct ggml_tensor *tensor = ggml_get_first_tensor(parts->list[i].context); tensor;
             tensor = ggml_get_next_tensor(parts->list[i].context, tensor))
            bytes[tensor->type] += ggml_nbytes(tensor);
    for (int i = 0; i < GGML_TYPE_COUNT; i++)
        most = bytes[i] > bytes[most] ? i : most;
    return ggml_type_name((enum ggml_type)most);
}

int language_model_identify(struct language_model *model, struct weights *weights,
                            struct valence_error *error)
{
    char key[LANGUAGE_MODEL_NAME_BYTES + 32];
    struct language_model_parts parts;
    *model = (struct language_model){.warning = ""};
    int status = language_model_parts_open(&parts, weights, error);
    if (status)
        return status;
    snprintf(model->architecture, sizeof model->architecture, "%s",
             weights_text(weights, "general.architecture"));
    snprintf(key, sizeof key, "%s.embedding_length", model->architecture);
    model->width = weights_int(weights, key, 1, 1 << 20);
    const char *license = find_text(weights, "general.license");
    snprintf(model->source, sizeof model->source, "%s", path_name(weights->path));
    snprintf(model->license, sizeof model->license, "%s", license ? license : "");
    status = weights_check(weights, error);
    if (!status) {
        model->type = type_of_most(&parts);
        status = take_fingerprint(model, &parts, error);
    }
    language_model_parts_close(&parts);
    return status;
}

/* ---- Loading ---- */

static int load_model(struct language_model *model, const char *path, ggml_backend_dev_t device,
                      struct valence_error *error)
{
    bool cpu = ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
    ggml_backend_dev_t devices[] = {cpu ? NULL : device, NULL};
    struct llama_model_params params = llama_model_default_params();
    params.devices = devices;
    params.n_gpu_layers = cpu ? 0 : -1;
    params.load_mode = LLAMA_LOAD_MODE_MMAP;
    backend_log_clear();
    errno = 0; /* llama.cpp gives NULL for a lack of memory, too */
    model->model = llama_model_load_from_file(path, params);
    if (!model->model && errno == ENOMEM)
        return fail_memory(error, 0, path);
    if (!model->model)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: llama.cpp cannot load it: %s", path,
                    *backend_log() ? backend_log() : "it gives no reason");
    model->vocab = llama_model_get_vocab(model->model);
    model->n_layers = llama_model_n_layer(model->model);
    model->width = llama_model_n_embd(model->model);
    model->context = llama_model_n_ctx_train(model->model);
    model->n_vocab = llama_vocab_n_tokens(model->vocab);
    return VALENCE_OK;
}

static int check_kind(const struct language_model *model, const char *path,
                      struct valence_error *error)
{
    const struct llama_model *loaded = model->model;
    const char *what = llama_model_has_encoder(loaded)    ? "has an encoder besides its decoder"
                       : !llama_model_has_decoder(loaded) ? "is not causal"
                       : llama_model_is_diffusion(loaded) ? "is a diffusion model"
                       : llama_model_is_recurrent(loaded) || llama_model_is_hybrid(loaded)
                           ? "is recurrent"
                           : NULL;
    if (what)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a model of architecture '%s' %s; text streams need a causal language "
                    "model with attention alone",
                    path, model->architecture, what);
    if (llama_model_n_embd_inp(loaded) != model->width || model->n_layers < 1 ||
        llama_vocab_type(model->vocab) == LLAMA_VOCAB_TYPE_NONE || model->n_vocab < 2)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a model of architecture '%s' takes or gives something other than tokens "
                    "and their embeddings",
                    path, model->architecture);
    return VALENCE_OK;
}

int language_model_load(struct language_model *model, struct weights *weights,
                        ggml_backend_dev_t device, struct valence_error *error)
{
    const char *path = weights->path;
    int status = language_model_identify(model, weights, error);
    if (!status)
        status = language_model_check(weights, model->architecture, error);
    weights_close(weights);
    if (!status)
        status = load_model(model, path, device, error);
    if (!status)
        status = check_kind(model, path, error);
    if (status)
        language_model_free(model);
    return status;
}

void language_model_free(struct language_model *model)
{
    llama_model_free(model->model);
    *model = (struct language_model){0};
}

int language_model_parse_taps(const struct language_model *model, const char *text,
                              struct taps *taps, struct valence_error *error)
{
    const struct tappable tappable = {
        .n_layers = model->n_layers,
        .width = model->width,
        .n_names = 1,
        .names = {{"raw", LANGUAGE_MODEL_RAW(model), model->width, model->n_layers}}};
    return taps_parse(&tappable, text, taps, error);
}

/* ---- Text ---- */

int language_model_tokenize(const struct language_model *model, const char *text, size_t length,
                            bool special, llama_token **tokens, int64_t *n,
                            struct valence_error *error)
{
    *tokens = NULL;
    *n = 0;
    if (length > TEXT_MAX_BYTES)
        return fail(error, VALENCE_ERROR_LIMIT, "a text of %zu bytes is longer than %d", length,
                    TEXT_MAX_BYTES);
    if (!is_utf8(text, length))
        return fail(error, VALENCE_ERROR_DATA,
                    "the text is not UTF-8 (convert it, e.g. with "
                    "iconv -t UTF-8)");
    int32_t room = (int32_t)length + 8; /* a token is a byte at least; BOS, EOS, a dummy prefix */
    llama_token *found = allocate(room, sizeof *found);
    if (!found)
        return fail_memory(error, (size_t)room * sizeof *found, "tokens");
    int32_t count =
        llama_tokenize(model->vocab, text, (int32_t)length, found, room, special, false);
    if (count < 0) {
        free(found);
        return fail(error, VALENCE_ERROR_LIMIT, "the text has more tokens than bytes");
    }
    *tokens = found;
    *n = count;
    return VALENCE_OK;
}

/* Appends `length` bytes, each that is no part of well-formed UTF-8 as U+FFFD. */
static void append_utf8(struct text *text, const char *bytes, size_t length)
{
    while (length) {
        size_t good = 1;
        while (good < 4 && good < length && !is_utf8(bytes, good))
            good++;
        if (is_utf8(bytes, good)) {
            text_append(text, bytes, good);
        } else {
            text_append_code_point(text, 0xFFFD);
            good = 1;
        }
        bytes += good;
        length -= good;
    }
}

int language_model_text(const struct language_model *model, int64_t n, const llama_token *tokens,
                        char **text, struct valence_error *error)
{
    *text = NULL;
    char none[1];
    int32_t length = -llama_detokenize(model->vocab, tokens, (int32_t)n, none, 0, true, false);
    char *bytes = allocate(length > 0 ? length : 1, 1);
    if (!bytes)
        return fail_memory(error, (size_t)length, "a text");
    if (length > 0)
        length = llama_detokenize(model->vocab, tokens, (int32_t)n, bytes, length, true, false);
    struct text clean = {.maximum = (size_t)1 << 30};
    text_append(&clean, "", 0); /* a text even where it is empty */
    append_utf8(&clean, bytes, length > 0 ? (size_t)length : 0);
    free(bytes);
    if (clean.failed || !clean.data) {
        text_free(&clean);
        return fail_memory(error, (size_t)(length > 0 ? length : 0), "a text");
    }
    *text = clean.data;
    return VALENCE_OK;
}
