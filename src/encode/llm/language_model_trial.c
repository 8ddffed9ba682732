#include "encode/llm/language_model_trial.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "encode/compute/backend.h"
#include "encode/llm/llm_context.h"
#include "encode/verify/trial.h"
#include "models/verified_files.h"

/* Letters, digits, marks, other alphabets: whatever the tokenizer treats differently. */
static const char sample[] =
    "A short text: 12 words, caf\xC3\xA9, \xE4\xBD\xA0\xE5\xA5\xBD - done!";

static int compute_sample(const struct language_model *model, struct valence_error *error)
{
    struct llm_context_sizes sizes = {.positions = 128, .batch = 128, .sequences = 1, .outputs = 1};
    struct llm_context context = {0};
    struct llm_row nowhere = {NULL, 1};
    llama_token *tokens = NULL;
    int64_t n = 0;
    int status = language_model_tokenize(model, sample, strlen(sample), true, &tokens, &n, error);
    if (!status && n > 0)
        status = llm_context_create(&context, model, &sizes, error);
    if (!status && n > 0) {
        n = n < sizes.batch ? n : sizes.batch;
        llm_batch_begin(&context, false);
        for (int64_t i = 0; i < n; i++)
            llm_batch_add_token(&context, tokens[i], i, 0, i + 1 == n, nowhere);
        status = llm_batch_compute(&context, error);
    }
    llm_context_free(&context);
    free(tokens);
    return status;
}

/* In the child. One thread: those of the parent's pools do not exist here. */
static int load_and_compute(const void *path, struct valence_error *error)
{
    struct weights weights;
    struct language_model model;
    ggml_backend_dev_t cpu;
    threads_set(1);
    int status = backend_find_device("cpu", &cpu, error);
    if (!status)
        status = weights_open(&weights, path, error);
    if (!status)
        status = language_model_load(&model, &weights, cpu, error);
    return status ? status : compute_sample(&model, error);
}

int language_model_try(const char *path, const char *memory, struct valence_error *error)
{
    if (verified_before(memory, path, "loads"))
        return VALENCE_OK;
    int status = trial_run(load_and_compute, path, path, error);
    if (!status)
        verified_remember(memory, path, "loads");
    return status;
}
