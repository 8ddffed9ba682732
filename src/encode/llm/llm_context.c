#include "encode/llm/llm_context.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "encode/compute/backend.h"

#define POLL_NODES 64 /* of the graph between two questions whether to go on */

/* ---- Taps ---- */

/* The hidden state that a tensor of the graph is, -1 for none. */
static int64_t hidden_of(const struct language_model *model, const char *name)
{
    if (name[0] == 'l' && strncmp(name, "l_out-", 6) == 0) {
        char *end;
        long layer = strtol(name + 6, &end, 10);
        if (*end || end == name + 6 || layer < 0 || layer >= model->n_layers)
            return -1;
        return layer + 1 < model->n_layers ? layer + 1 : LANGUAGE_MODEL_RAW(model);
    }
    if (strcmp(name, "result_norm") == 0)
        return model->n_layers;
    return strcmp(name, "embd") == 0 ? 0 : -1;
}

static void name_of(const struct language_model *model, int64_t hidden, char name[32])
{
    if (hidden == 0)
        snprintf(name, 32, "embd");
    else if (hidden == model->n_layers)
        snprintf(name, 32, "result_norm");
    else
        snprintf(name, 32, "l_out-%" PRId64,
                 (hidden == LANGUAGE_MODEL_RAW(model) ? model->n_layers : hidden) - 1);
}

static bool is_tapped(const struct llm_context *context, int64_t hidden)
{
    for (int i = 0; context->taps && i < context->taps->n; i++)
        if (context->taps->list[i].hidden == hidden)
            return true;
    return false;
}

/* llama.cpp computes its last layer for the rows alone that are outputs. */
static bool taps_need_outputs(const struct llm_context *context)
{
    return context->taps && context->taps->depth >= context->model->n_layers;
}

static bool all_taken(const struct llm_context *context)
{
    for (int i = 0; i < context->taps->n; i++)
        if (context->n_taken[context->taps->list[i].hidden] < context->batch.n_tokens)
            return false;
    return true;
}

static void add_rows(struct llm_context *context, int64_t hidden, int64_t first, int64_t n)
{
    int64_t width = context->model->width;
    for (int i = 0; i < context->taps->n; i++) {
        const struct tap *tap = &context->taps->list[i];
        for (int64_t r = 0; tap->hidden == hidden && r < n; r++) {
            const struct llm_row *row = &context->rows[first + r];
            const float *values = context->values + r * width;
            for (int64_t c = 0; row->to && c < width; c++)
                row->to[tap->column + c] += row->scale * values[c];
        }
    }
}

/* Takes a tensor's rows; false ends the graph: nothing that follows is needed, or something is
 * wrong. */
static bool take_tensor(struct llm_context *context, int64_t hidden,
                        const struct ggml_tensor *tensor)
{
    int64_t n = ggml_nrows(tensor), first = context->n_taken[hidden];
    if (tensor->type != GGML_TYPE_F32 || tensor->ne[0] != context->model->width ||
        !ggml_is_contiguous(tensor) || n > context->batch.n_tokens - first) {
        context->mismatch = "of another shape";
        return false;
    }
    if (n)
        ggml_backend_tensor_get(tensor, context->values, 0, ggml_nbytes(tensor));
    context->n_taken[hidden] += n;
    add_rows(context, hidden, first, n);
    return !(context->only_taps && all_taken(context));
}

/* Called for each node: first whether it is wanted, then with its data. */
static bool watch_node(struct ggml_tensor *tensor, bool asks, void *user)
{
    struct llm_context *context = user;
    if (!context->taps || context->mismatch)
        return false;
    int64_t hidden = hidden_of(context->model, tensor->name);
    if (hidden < 0 || !is_tapped(context, hidden))
        return false;
    return asks || take_tensor(context, hidden, tensor);
}

static bool poll_progress(void *user)
{
    struct llm_context *context = user;
    if (!context->cancelled && context->progress && context->n_polls++ % POLL_NODES == 0)
        context->cancelled =
            context->progress->report(context->progress->user, &context->event) != 0;
    return context->cancelled;
}

/* ---- Contexts ---- */

static int make_room(struct llm_context *context, struct valence_error *error)
{
    const struct llm_context_sizes *sizes = &context->sizes;
    int64_t width = context->model->width;
    context->batch = (struct llama_batch){
        .token = allocate(sizes->batch, sizeof(llama_token)),
        .embd = allocate(sizes->batch * width, sizeof(float)),
        .pos = allocate(sizes->batch, sizeof(llama_pos)),
        .n_seq_id = allocate(sizes->batch, sizeof(int32_t)),
        .seq_id = allocate(sizes->batch + 1, sizeof(llama_seq_id *)),
        .logits = allocate(sizes->batch, sizeof(int8_t)),
    };
    llama_seq_id *ids = allocate(sizes->batch, sizeof *ids);
    for (int64_t i = 0; context->batch.seq_id && i < sizes->batch; i++)
        context->batch.seq_id[i] = ids + i;
    context->rows = allocate(sizes->batch, sizeof *context->rows);
    context->values = allocate(sizes->batch * width, sizeof *context->values);
    context->n_taken = allocate(context->model->n_layers + 2, sizeof *context->n_taken);
    if (!context->batch.seq_id)
        free(ids);
    const struct llama_batch *batch = &context->batch;
    if (!batch->token || !batch->embd || !batch->pos || !batch->n_seq_id || !batch->seq_id ||
        !ids || !batch->logits || !context->rows || !context->values || !context->n_taken)
        return fail_memory(error, (size_t)(sizes->batch * width) * 2 * sizeof(float),
                           "a batch of tokens");
    return VALENCE_OK;
}

static int open_context(struct llm_context *context, struct valence_error *error)
{
    const struct llm_context_sizes *sizes = &context->sizes;
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = (uint32_t)sizes->positions;
    params.n_batch = params.n_ubatch = (uint32_t)sizes->batch;
    params.n_seq_max = (uint32_t)sizes->sequences;
    params.n_outputs_max =
        (uint32_t)(sizes->outputs > sizes->sequences ? sizes->outputs : sizes->sequences);
    params.kv_unified =
        true; /* sequences share cells; a row's place in the batch is its place in the graph */
    params.flash_attn_type =
        sizes->fast ? LLAMA_FLASH_ATTN_TYPE_AUTO : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.type_k = params.type_v = sizes->fast ? GGML_TYPE_F16 : GGML_TYPE_F32;
    params.swa_full = true; /* windows of attention lose nothing that a beam may need */
    params.no_perf = true;
    params.cb_eval = watch_node;
    params.cb_eval_user_data = context;
    params.abort_callback = poll_progress;
    params.abort_callback_data = context;
    backend_log_clear();
    errno = 0; /* llama.cpp gives NULL for a lack of memory, too */
    context->context = llama_init_from_model(context->model->model, params);
    if (!context->context && errno == ENOMEM)
        return fail_memory(error, 0, context->model->source);
    if (!context->context)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: llama.cpp cannot make a context of %" PRId64 " positions: %s",
                    context->model->source, sizes->positions,
                    *backend_log() ? backend_log() : "it gives no reason");
    if (!llama_get_memory(context->context) || !llama_get_causal_attn(context->context))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a model of architecture '%s' is not causal (a word sees what follows "
                    "it); text streams need a causal language model",
                    context->model->source, context->model->architecture);
    return VALENCE_OK;
}

int llm_context_create(struct llm_context *context, const struct language_model *model,
                       const struct llm_context_sizes *sizes, struct valence_error *error)
{
    *context = (struct llm_context){.model = model, .sizes = *sizes};
    if (context->sizes.batch > context->sizes.positions)
        context->sizes.batch = context->sizes.positions;
    int status = make_room(context, error);
    if (!status)
        status = open_context(context, error);
    if (status)
        llm_context_free(context);
    return status;
}

void llm_context_free(struct llm_context *context)
{
    if (context->context)
        llama_free(context->context);
    struct llama_batch *batch = &context->batch;
    if (batch->seq_id)
        free(batch->seq_id[0]);
    free(batch->seq_id);
    free(batch->token);
    free(batch->embd);
    free(batch->pos);
    free(batch->n_seq_id);
    free(batch->logits);
    free(context->rows);
    free(context->values);
    free(context->n_taken);
    *context = (struct llm_context){0};
}

void llm_context_clear(struct llm_context *context)
{
    llama_memory_clear(llama_get_memory(context->context), false);
}

void llm_sequence_copy(struct llm_context *context, int64_t from, int64_t to)
{
    llm_sequence_remove(context, to);
    llama_memory_seq_cp(llama_get_memory(context->context), (llama_seq_id)from, (llama_seq_id)to,
                        -1, -1);
}

void llm_sequence_remove(struct llm_context *context, int64_t sequence)
{
    llama_memory_seq_rm(llama_get_memory(context->context), (llama_seq_id)sequence, -1, -1);
}

/* ---- Batches ---- */

void llm_batch_begin(struct llm_context *context, bool embeddings)
{
    context->batch.n_tokens = 0;
    context->embeddings = embeddings;
}

int64_t llm_batch_n(const struct llm_context *context)
{
    return context->batch.n_tokens;
}

static int32_t add_row(struct llm_context *context, int64_t position, int64_t sequence, bool output,
                       struct llm_row row)
{
    int32_t i = context->batch.n_tokens++;
    context->batch.pos[i] = (llama_pos)position;
    context->batch.n_seq_id[i] = 1;
    context->batch.seq_id[i][0] = (llama_seq_id)sequence;
    context->batch.logits[i] = output || taps_need_outputs(context);
    context->rows[i] = row;
    return i;
}

void llm_batch_add_token(struct llm_context *context, llama_token token, int64_t position,
                         int64_t sequence, bool output, struct llm_row row)
{
    context->batch.token[add_row(context, position, sequence, output, row)] = token;
}

void llm_batch_add_embedding(struct llm_context *context, const float *embedding, int64_t position,
                             int64_t sequence, bool output, struct llm_row row)
{
    int64_t width = context->model->width;
    memcpy(context->batch.embd + add_row(context, position, sequence, output, row) * width,
           embedding, (size_t)width * sizeof *embedding);
}

static int check_taps(const struct llm_context *context, struct valence_error *error)
{
    for (int i = 0; context->taps && i < context->taps->n; i++) {
        int64_t hidden = context->taps->list[i].hidden, n = context->n_taken[hidden];
        char name[32];
        name_of(context->model, hidden, name);
        if (context->mismatch || n != context->batch.n_tokens)
            return fail(
                error, VALENCE_ERROR_UNSUPPORTED,
                "%s: hidden state %" PRId64 " cannot be taken: in the graph of architecture "
                "'%s' it is not called '%s'%s%s (choose other layers)",
                context->model->source, hidden, context->model->architecture, name,
                context->mismatch ? ", which is " : "", context->mismatch ? context->mismatch : "");
    }
    return VALENCE_OK;
}

int llm_batch_compute(struct llm_context *context, struct valence_error *error)
{
    struct llama_batch batch = context->batch;
    if (context->embeddings)
        batch.token = NULL;
    else
        batch.embd = NULL;
    memset(context->n_taken, 0, (size_t)(context->model->n_layers + 2) * sizeof *context->n_taken);
    context->mismatch = NULL;
    context->cancelled = false;
    context->n_polls = 0;
    backend_log_clear();
    llama_set_n_threads(context->context, threads_count(), threads_count());
    int result = llama_decode(context->context, batch);
    if (context->cancelled)
        return fail(error, VALENCE_ERROR_CANCELLED, "encoding was cancelled");
    if (result == 1)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "the context of %" PRId64 " positions has no room for %d more",
                    context->sizes.positions, (int)batch.n_tokens);
    if (result != 0)
        return fail(error, result == -2 ? VALENCE_ERROR_MEMORY : VALENCE_ERROR_UNSUPPORTED,
                    "%s: llama.cpp does not compute a batch of %d (%d): %s", context->model->source,
                    (int)batch.n_tokens, result, backend_log());
    return check_taps(context, error);
}

const float *llm_batch_logits(const struct llm_context *context, int64_t row)
{
    return llama_get_logits_ith(context->context, (int32_t)row);
}
