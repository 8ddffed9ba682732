/* make-llm TOKENIZER.gguf OUTPUT.gguf [VOCABULARY WIDTH LAYERS HEADS FFN [CONTEXT]]: writes a Llama
 * of random q4_0 weights, of Vicuna-7B's shape by default, with the tokenizer of another GGUF file,
 * extended by tokens nobody writes. Its results mean nothing; its speed and memory are those of a
 * real one. The file is 3.8 GB at the default sizes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_writer.h"
#include "base/half.h"
#include "base/random.h"
#include "encode/compute/backend.h"
#include "encode/compute/weights.h"

struct shape {
    int64_t vocabulary, width, layers, heads, ffn, context;
};

static void must_work(int status, const struct valence_error *error)
{
    if (status) {
        fprintf(stderr, "make-llm: %s\n", error->text);
        exit(1);
    }
}

/* ---- Header ---- */

/* The tokens, scores and kinds of `from`, and "<extra N>" up to the size. */
static void set_tokenizer(struct gguf_context *header, const struct gguf_context *from,
                          int64_t size)
{
    int64_t tokens = gguf_find_key(from, "tokenizer.ggml.tokens"),
            scores = gguf_find_key(from, "tokenizer.ggml.scores"),
            kinds = gguf_find_key(from, "tokenizer.ggml.token_type");
    if (tokens < 0 || scores < 0 || kinds < 0) {
        fprintf(stderr, "make-llm: the tokenizer is not SentencePiece's\n");
        exit(1);
    }
    int64_t n = (int64_t)gguf_get_arr_n(from, (int64_t)tokens);
    const char **texts = calloc((size_t)size, sizeof *texts);
    float *values = calloc((size_t)size, sizeof *values);
    int32_t *types = calloc((size_t)size, sizeof *types);
    for (int64_t i = 0; texts && values && types && i < size; i++) {
        char extra[32];
        snprintf(extra, sizeof extra, "<extra %" PRId64 ">", i);
        texts[i] = i < n ? gguf_get_arr_str(from, tokens, (size_t)i) : strdup(extra);
        values[i] = i < n ? ((const float *)gguf_get_arr_data(from, scores))[i] : -1e6f;
        types[i] = i < n ? ((const int32_t *)gguf_get_arr_data(from, kinds))[i] : 1;
    }
    gguf_set_kv(header, from); /* model, special tokens; the lists are replaced */
    gguf_set_arr_str(header, "tokenizer.ggml.tokens", texts, (size_t)size);
    gguf_set_arr_data(header, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, values, (size_t)size);
    gguf_set_arr_data(header, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types, (size_t)size);
}

static void set_sizes(struct gguf_context *header, const struct shape *shape)
{
    const struct {
        const char *key;
        int64_t value;
    } sizes[] = {{"llama.block_count", shape->layers},
                 {"llama.context_length", shape->context},
                 {"llama.embedding_length", shape->width},
                 {"llama.feed_forward_length", shape->ffn},
                 {"llama.attention.head_count", shape->heads},
                 {"llama.attention.head_count_kv", shape->heads},
                 {"llama.rope.dimension_count", shape->width / shape->heads},
                 {"llama.vocab_size", shape->vocabulary}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        gguf_set_val_u32(header, sizes[i].key, (uint32_t)sizes[i].value);
    gguf_remove_key(header, "llama.attention.key_length");
    gguf_remove_key(header, "llama.attention.value_length");
    gguf_set_val_str(header, "general.architecture", "llama");
    gguf_set_val_str(header, "general.name", "random");
}

/* ---- Tensors ---- */

static void add_tensor(struct gguf_context *header, struct ggml_context *context, int64_t in,
                       int64_t out, const char *name)
{
    struct ggml_tensor *tensor = out ? ggml_new_tensor_2d(context, GGML_TYPE_Q4_0, in, out)
                                     : ggml_new_tensor_1d(context, GGML_TYPE_F32, in);
    ggml_set_name(tensor, name);
    gguf_add_tensor(header, tensor);
}

static void add_tensors(struct gguf_context *header, struct ggml_context *context,
                        const struct shape *shape)
{
    int64_t width = shape->width;
    const struct {
        const char *name;
        int64_t in, out;
    } layer[] = {{"attn_norm", width, 0},         {"attn_q", width, width},
                 {"attn_k", width, width},        {"attn_v", width, width},
                 {"attn_output", width, width},   {"ffn_norm", width, 0},
                 {"ffn_gate", width, shape->ffn}, {"ffn_up", width, shape->ffn},
                 {"ffn_down", shape->ffn, width}};
    add_tensor(header, context, width, shape->vocabulary, "token_embd.weight");
    add_tensor(header, context, width, 0, "output_norm.weight");
    add_tensor(header, context, width, shape->vocabulary, "output.weight");
    for (int64_t i = 0; i < shape->layers; i++)
        for (size_t j = 0; j < sizeof layer / sizeof *layer; j++) {
            char name[GGML_MAX_NAME];
            snprintf(name, sizeof name, "blk.%" PRId64 ".%s.weight", i, layer[j].name);
            add_tensor(header, context, layer[j].in, layer[j].out, name);
        }
}

/* q4_0: blocks of an f16 scale and 32 four-bit values around 8, so that a weight has a deviation of
 * 1 / sqrt(in). */
static void write_tensor(const struct ggml_tensor *tensor, struct random_source *source,
                         FILE *stream)
{
    uint16_t scale = float_to_half(1 / (4.6f * sqrtf((float)tensor->ne[0])));
    float one = 1;
    if (tensor->type == GGML_TYPE_F32) {
        for (int64_t i = 0; i < tensor->ne[0]; i++)
            fwrite(&one, sizeof one, 1, stream);
        return;
    }
    for (int64_t i = 0; i < tensor->ne[0] / 32 * tensor->ne[1]; i++) {
        uint32_t bits[4];
        for (int j = 0; j < 4; j++)
            bits[j] = random_u32(source);
        fwrite(&scale, sizeof scale, 1, stream);
        fwrite(bits, sizeof bits, 1, stream);
    }
}

static void write_file(const struct gguf_context *header, struct ggml_context *context,
                       const char *path)
{
    static const char padding[GGUF_DEFAULT_ALIGNMENT];
    struct valence_error error;
    struct file_writer writer;
    struct random_source source = random_source(1, 0);
    size_t size = gguf_get_meta_size(header);
    void *meta = malloc(size);
    if (!meta)
        exit(1);
    gguf_get_meta_data(header, meta);
    must_work(file_write_begin(&writer, path, FILE_OVERWRITE, &error), &error);
    fwrite(meta, 1, size, writer.stream);
    for (struct ggml_tensor *tensor = ggml_get_first_tensor(context); tensor;
         tensor = ggml_get_next_tensor(context, tensor)) {
        size_t bytes = ggml_nbytes(tensor);
        write_tensor(tensor, &source, writer.stream);
        fwrite(padding, 1, GGML_PAD(bytes, GGUF_DEFAULT_ALIGNMENT) - bytes, writer.stream);
    }
    must_work(file_write_commit(&writer, &error), &error);
    free(meta);
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct weights tokenizer;
    struct shape shape = {32000, 4096, 32, 32, 11008, 4096};
    int64_t *sizes[] = {&shape.vocabulary, &shape.width, &shape.layers,
                        &shape.heads,      &shape.ffn,   &shape.context};
    if (argc != 3 && argc != 8 && argc != 9) {
        fprintf(stderr, "usage: make-llm TOKENIZER.gguf OUTPUT.gguf [VOCABULARY WIDTH LAYERS HEADS "
                        "FFN [CONTEXT]]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++)
        *sizes[i - 3] = atoll(argv[i]);
    must_work(weights_open(&tokenizer, argv[1], &error), &error);
    struct gguf_context *header = gguf_init_empty();
    struct ggml_init_params params = {.mem_size = 8192 * ggml_tensor_overhead(), .no_alloc = true};
    struct ggml_context *context = ggml_init(params);
    set_tokenizer(header, tokenizer.gguf, shape.vocabulary);
    set_sizes(header, &shape);
    add_tensors(header, context, &shape);
    write_file(header, context, argv[2]);
    ggml_free(context);
    gguf_free(header);
    weights_close(&tokenizer);
    return 0;
}
