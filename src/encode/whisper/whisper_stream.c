#include "encode/whisper/whisper_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/compute/backend.h"
#include "encode/whisper/whisper_audio.h"

#define MAGIC 0x67676d6cu

/* What whisper.cpp knows: it takes the ids of times and commands from the size. */
#define ENGLISH_VOCABULARY 51864
#define LARGEST_VOCABULARY 51866

/* Pieces that follow each other: own ones in `head`, then the tensors' data from the file. */
struct stream {
    const struct weights *weights;
    struct valence_error problem; /* of reading */
    unsigned char *head;          /* everything before the tensors */
    int64_t n_head, capacity;
    bool failed;

    int64_t n_tensors, tensor; /* how many, and which is read */
    const struct ggml_tensor *current;
    unsigned char label[256]; /* what stands before its data */
    size_t n_label, n_data;
    size_t position; /* in the head, or in label and data together */
};

/* ---- The head ---- */

static void put(struct stream *stream, const void *data, size_t n)
{
    struct valence_error ignored; /* `failed` says it */
    if (stream->failed || grow_array((void **)&stream->head, &stream->capacity,
                                     stream->n_head + (int64_t)n, 1, 1 << 28, "bytes", &ignored)) {
        stream->failed = true;
        return;
    }
    memcpy(stream->head + stream->n_head, data, n);
    stream->n_head += (int64_t)n;
}

static void put_number(struct stream *stream, int64_t value)
{
    int32_t number = (int32_t)value;
    put(stream, &number, sizeof number);
}

/* A character of GPT-2's spelling as the byte that it stands for; -1 for another. */
static int byte_of(uint32_t point)
{
    if ((point >= 33 && point <= 126) || (point >= 161 && point <= 172) ||
        (point >= 174 && point <= 255))
        return (int)point;
    for (int byte = 0, next = 256; byte < 256; byte++) {
        bool is_itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        if (!is_itself && next++ == (int)point)
            return byte;
    }
    return -1;
}

/* The bytes of a token; those of its own spelling where it is no GPT-2 token. */
static void put_token(struct stream *stream, const char *spelling)
{
    unsigned char bytes[1024];
    int32_t n = 0;
    bool is_plain = true;
    for (const unsigned char *c = (const unsigned char *)spelling; *c && n < 1000;) {
        uint32_t point = *c++;
        if (point >= 0xC0 && point < 0xE0 && (*c & 0xC0) == 0x80)
            point = (point & 0x1F) << 6 | (*c++ & 0x3F);
        int byte = byte_of(point);
        is_plain = is_plain && byte >= 0;
        bytes[n++] = (unsigned char)byte;
    }
    if (!is_plain) {
        n = (int32_t)strnlen(spelling, 1000);
        memcpy(bytes, spelling, (size_t)n);
    }
    put_number(stream, n);
    put(stream, bytes, (size_t)n);
}

static int put_tokens(struct stream *stream, int64_t n_vocabulary, struct valence_error *error)
{
    const struct gguf_context *gguf = stream->weights->gguf;
    int64_t key = gguf_find_key(gguf, "whisper.tokens");
    bool is_list = key >= 0 && gguf_get_kv_type(gguf, key) == GGUF_TYPE_ARRAY &&
                   gguf_get_arr_type(gguf, key) == GGUF_TYPE_STRING;
    /* Times, languages and commands are named by whisper.cpp. */
    int64_t n_ordinary = n_vocabulary == ENGLISH_VOCABULARY ? 50256 : 50257,
            n = is_list ? (int64_t)gguf_get_arr_n(gguf, key) : 0;
    if (n < n_ordinary)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: has no vocabulary; convert the model with vocabulary.txt or vocab.json "
                    "beside it",
                    stream->weights->path);
    bool has_blank = false; /* whisper.cpp looks for it, and throws where it is missing */
    put_number(stream, n_ordinary);
    for (int64_t i = 0; i < n_ordinary; i++) {
        const char *token = gguf_get_arr_str(gguf, key, (size_t)i);
        has_blank = has_blank || strcmp(token, "\xC4\xA0") == 0;
        put_token(stream, token);
    }
    return has_blank ? VALENCE_OK
                     : fail(error, VALENCE_ERROR_FORMAT,
                            "%s: its vocabulary has no token for a blank", stream->weights->path);
}

/* Sizes with which whisper.cpp would go wrong. */
static int check_sizes(const int64_t values[10], const char *path, struct valence_error *error)
{
    if (values[0] < ENGLISH_VOCABULARY || values[0] > LARGEST_VOCABULARY)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: has %lld tokens; published Whisper models have %d to %d", path,
                    (long long)values[0], ENGLISH_VOCABULARY, LARGEST_VOCABULARY);
    if (values[1] != WHISPER_CONTEXT || values[2] % values[3] != 0 || values[2] % values[7] != 0 ||
        values[9] > WHISPER_MAX_MELS || values[4] > WHISPER_MAX_LAYERS ||
        values[8] > WHISPER_MAX_LAYERS || values[2] > 8192 || values[5] > 1 << 16)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: its sizes are not those of a Whisper model",
                    path);
    return VALENCE_OK;
}

static int make_head(struct stream *stream, struct weights *weights, struct valence_error *error)
{
    static const char *const keys[] = {
        "whisper.vocabulary",      "whisper.encoder.context",  "whisper.width",
        "whisper.encoder.n_heads", "whisper.encoder.n_layers", "whisper.decoder.context",
        "whisper.width",           "whisper.decoder.n_heads",  "whisper.decoder.n_layers",
        "whisper.n_mels"};
    int64_t values[10], n_mels;
    put_number(stream, MAGIC);
    for (int i = 0; i < 10; i++)
        put_number(stream, values[i] = weights_int(weights, keys[i], 1, 1 << 20));
    n_mels = values[9];
    struct ggml_tensor *matrix = weights_tensor(weights, false, values[2], values[2], 0,
                                                "encoder.blocks.0.attn.query.weight");
    int status = weights_check(weights, error);
    if (!status)
        status = check_sizes(values, weights->path, error);
    if (status)
        return status;
    if (matrix->type != GGML_TYPE_F32 && matrix->type != GGML_TYPE_F16)
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "type",
                        "%s: its matrices are %s; for transcripts convert the model to f32 or f16",
                        weights->path, ggml_type_name(matrix->type));
    put_number(stream, matrix->type == GGML_TYPE_F16); /* ggml's name of the file's type */
    put_number(stream, n_mels);
    put_number(stream, WHISPER_BINS);
    float *filters = allocate(n_mels * WHISPER_BINS, sizeof *filters);
    if (!filters)
        return fail_memory(error, 0, "mel filters");
    whisper_audio_filters(n_mels, filters);
    put(stream, filters, (size_t)(n_mels * WHISPER_BINS) * sizeof *filters);
    free(filters);
    status = put_tokens(stream, values[0], error);
    return !status && stream->failed ? fail_memory(error, 0, "a vocabulary") : status;
}

/* ---- The tensors ---- */

static void begin_tensor(struct stream *stream)
{
    const struct gguf_context *gguf = stream->weights->gguf;
    const char *name = gguf_get_tensor_name(gguf, stream->tensor);
    const struct ggml_tensor *tensor = ggml_get_tensor(stream->weights->context, name);
    bool is_conv_bias =
        strcmp(name, "encoder.conv1.bias") == 0 || strcmp(name, "encoder.conv2.bias") == 0;
    int32_t head[6] = {ggml_n_dims(tensor), (int32_t)strlen(name), (int32_t)tensor->type};
    int n_head = 3;
    if (is_conv_bias) { /* whisper.cpp keeps them as columns */
        head[0] = 2;
        head[n_head++] = 1;
        head[n_head++] = (int32_t)tensor->ne[0];
    } else {
        for (int i = 0; i < head[0]; i++)
            head[n_head++] = (int32_t)tensor->ne[i];
    }
    memcpy(stream->label, head, (size_t)n_head * sizeof *head);
    memcpy(stream->label + (size_t)n_head * sizeof *head, name, strlen(name));
    stream->n_label = (size_t)n_head * sizeof *head + strlen(name);
    stream->current = tensor;
    stream->n_data = ggml_nbytes(tensor);
    stream->position = 0;
}

/* What can be read at once; 0 at the end. */
static size_t read_piece(struct stream *stream, unsigned char *to, size_t n)
{
    const unsigned char *from = NULL; /* NULL: the file */
    size_t left;
    if (stream->tensor < 0) {
        from = stream->head + stream->position;
        left = (size_t)stream->n_head - stream->position;
    } else if (stream->tensor == stream->n_tensors) {
        return 0;
    } else if (stream->position < stream->n_label) {
        from = stream->label + stream->position;
        left = stream->n_label - stream->position;
    } else {
        left = stream->n_label + stream->n_data - stream->position;
    }
    n = n < left ? n : left;
    if (from)
        memcpy(to, from, n);
    else if (weights_read(stream->weights, stream->current, stream->position - stream->n_label, to,
                          n, &stream->problem))
        return 0;
    stream->position += n;
    bool is_done = stream->tensor < 0 ? stream->position == (size_t)stream->n_head
                                      : stream->position == stream->n_label + stream->n_data;
    if (is_done && ++stream->tensor < stream->n_tensors)
        begin_tensor(stream);
    return n;
}

static size_t read_bytes(void *user, void *to, size_t n)
{
    struct stream *stream = user;
    size_t got = 0, piece = 1;
    while (got < n && piece > 0) {
        piece = read_piece(stream, (unsigned char *)to + got, n - got);
        got += piece;
    }
    memset((unsigned char *)to + got, 0, n - got);
    stream->failed = stream->failed || got < n; /* at the end whisper.cpp reads on once */
    return got;
}

static bool is_at_end(void *user)
{
    return ((struct stream *)user)->failed;
}

static void close_nothing(void *user)
{
    (void)user;
}

struct whisper_context *whisper_stream_load(struct weights *weights, bool flash_attention,
                                            struct valence_error *error)
{
    struct stream stream = {
        .weights = weights, .n_tensors = gguf_get_n_tensors(weights->gguf), .tensor = -1};
    struct whisper_context *context = NULL;
    if (make_head(&stream, weights, error) == VALENCE_OK) {
        struct whisper_context_params params = whisper_context_default_params();
        struct whisper_model_loader loader = {&stream, read_bytes, is_at_end, close_nothing};
        params.use_gpu = false;
        params.flash_attn = flash_attention;
        backend_log_clear();
        errno = 0; /* whisper.cpp gives NULL for a lack of memory, too */
        context = whisper_init_with_params_no_state(&loader, params);
        if (!context && stream.problem.status)
            fail(error, stream.problem.status, "%s", stream.problem.text);
        else if (!context && errno == ENOMEM)
            fail_memory(error, 0, weights->path);
        else if (!context)
            fail(error, VALENCE_ERROR_FORMAT, "%s: whisper.cpp cannot load it: %s", weights->path,
                 backend_log());
    }
    free(stream.head);
    return context;
}
