/* bench-llm MODEL.gguf [TEXTS]: times a language model: a prompt in one batch (the limit), text
 * features of many transcripts together, decoding alone, and beam search against as many decodings
 * one after the other. TEXTS is a file of a transcript a line; without it short ones are made up.
 * BENCH_THREADS, BENCH_LAYERS, BENCH_BATCH and BENCH_FAST set what their names say; BENCH_TOKENS
 * the new tokens of a search (64), BENCH_REPEATS how often (3), BENCH_ONLY text or model one part.
 * Prints the peak of resident memory after each part. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#include "base/threads.h"
#include "encode/compute/backend.h"
#include "encode/llm/llm_search.h"
#include "valence/encoder.h"

#define PROMPT    256
#define BEAMS     4
#define MAX_TEXTS 100000

static void must_work(int status, const struct valence_error *error)
{
    if (status) {
        fprintf(stderr, "bench-llm: %s\n", error->text);
        exit(1);
    }
}

static int64_t setting(const char *name, int64_t otherwise)
{
    const char *value = getenv(name);
    return value ? atoll(value) : otherwise;
}

/* ---- Text features ---- */

static int64_t read_texts(const char *path, struct valence_encoder_input *inputs)
{
    static const char *const made_up[] = {
        "i really liked the story but the ending was much too long",
        "it was not what i had hoped for", "the best two hours of my year",
        "and then they go back to the house and nothing happens for half an hour or more"};
    int64_t n = 0;
    char *line = NULL;
    size_t room = 0;
    FILE *file = path ? fopen(path, "r") : NULL;
    while (file && n < MAX_TEXTS && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        inputs[n++].text = strdup(line);
    }
    if (file)
        fclose(file);
    free(line);
    while (!path && n < 400) {
        inputs[n].text = made_up[n % 4];
        n++;
    }
    return n;
}

static void time_features(const char *model, const char *path)
{
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
    struct valence_encoder_options options = {.size = sizeof options,
                                              .layers = getenv("BENCH_LAYERS"),
                                              .batch_tokens = setting("BENCH_BATCH", 0),
                                              .fast = setting("BENCH_FAST", 0)};
    struct valence_encoder_input *inputs = calloc(MAX_TEXTS, sizeof *inputs);
    int64_t n = inputs ? read_texts(path, inputs) : 0;
    double start = seconds_now();
    must_work(valence_encoder_load(model, &options, &encoder, &error), &error);
    must_work(valence_encoder_state_create(encoder, &state, &error), &error);
    printf("loaded in %.2f s, %.0f MiB\n", seconds_now() - start, peak_mib());
    for (int i = 0; i < setting("BENCH_REPEATS", 3); i++) {
        struct valence_features features;
        start = seconds_now();
        must_work(valence_encoder_encode(state, inputs, n, NULL, &features, &error), &error);
        double seconds = seconds_now() - start;
        printf("text features: %.1f clips/s, %.1f tokens/s\n", (double)n / seconds,
               (double)features.offsets[n] / seconds);
        valence_features_free(&features);
    }
    printf("peak %.0f MiB\n", peak_mib());
    valence_encoder_state_free(state);
    valence_encoder_free(encoder);
    free(inputs);
}

/* ---- Prompt and search ---- */

static void feed(struct llm_context *context, int64_t n)
{
    struct valence_error error;
    llm_context_clear(context);
    llm_batch_begin(context, false);
    for (int64_t i = 0; i < n; i++)
        llm_batch_add_token(context,
                            (llama_token)(100 + i * 7919 % (context->model->n_vocab - 100)), i, 0,
                            i + 1 == n, (struct llm_row){NULL, 1});
    must_work(llm_batch_compute(context, &error), &error);
    llm_batch_logits(context, n - 1); /* waits */
}

/* Steps of a search whose hypotheses never end, so that all take the same time. */
static double time_search(struct llm_context *context, int64_t n_beams, int64_t n_tokens)
{
    struct valence_error error;
    struct llm_search search;
    feed(context, PROMPT);
    must_work(llm_search_begin(&search, context, PROMPT, n_beams, n_tokens + 1, &error), &error);
    search.beams.n_ends = 0;
    search.beams.n_finished = 0;
    search.beams.over = false;
    double start = seconds_now();
    for (int64_t i = 0; i < n_tokens && !search.beams.over; i++)
        must_work(llm_search_pass(&search, NULL, &error), &error);
    double seconds = seconds_now() - start;
    llm_search_free(&search);
    return seconds;
}

static void time_model(const char *path)
{
    struct valence_error error;
    struct weights weights;
    ggml_backend_dev_t device;
    struct language_model model;
    struct llm_context context;
    int64_t n_tokens = setting("BENCH_TOKENS", 64);
    struct llm_context_sizes sizes = {.positions = PROMPT + BEAMS * (n_tokens + 2),
                                      .batch = PROMPT,
                                      .sequences = BEAMS + 1,
                                      .outputs = BEAMS,
                                      .fast = setting("BENCH_FAST", 0)};
    must_work(backend_find_device("cpu", &device, &error), &error);
    must_work(weights_open(&weights, path, &error), &error);
    must_work(language_model_load(&model, &weights, device, &error), &error);
    must_work(llm_context_create(&context, &model, &sizes, &error), &error);
    for (int i = 0; i < setting("BENCH_REPEATS", 3); i++) {
        double start = seconds_now();
        feed(&context, PROMPT);
        double prompt = seconds_now() - start, one = time_search(&context, 1, n_tokens),
               beams = time_search(&context, BEAMS, n_tokens);
        printf("prompt of %d: %.1f tokens/s; decoding: %.2f tokens/s; %d beams: %.2f tokens/s, "
               "%.2f x\n",
               PROMPT, PROMPT / prompt, (double)n_tokens / one, BEAMS,
               (double)(BEAMS * n_tokens) / beams, BEAMS * one / beams);
    }
    printf("peak %.0f MiB\n", peak_mib());
    llm_context_free(&context);
    language_model_free(&model);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench-llm MODEL.gguf [TEXTS]\n");
        return 2;
    }
    if (getenv("BENCH_THREADS"))
        threads_set(atoi(getenv("BENCH_THREADS")));
    const char *only = getenv("BENCH_ONLY");
    if (!only || strcmp(only, "text") == 0)
        time_features(argv[1], argc > 2 ? argv[2] : NULL);
    if (!only || strcmp(only, "model") == 0)
        time_model(argv[1]);
    return 0;
}
