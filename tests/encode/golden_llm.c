/* golden-llm FOLDER: compares the tiny Llama of FOLDER (tiny-llama-f32.gguf, projector.*,
 * cases.safetensors, cases.json) with transformers: tokenizer, hidden states, projector, beam
 * search, both readings, greedy search, real text. The limits are those of the fixtures'
 * description. WavLM, which the cases begin behind, is that of tests/golden. */
#include "golden.h"
#include "llm_trace.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "base/file.h"
#include "encode/compute/backend.h"
#include "encode/llm/llm_search.h"
#include "encode/compute/weights.h"
#include "valence/simulate.h"

#define PROJECTED_LIMIT 2e-5
#define HIDDEN_LIMIT    5e-5
#define SCORE_LIMIT     1e-4 /* logits, log-probabilities, sums of four hidden states */
#define NORMED_LIMIT    1e-5 /* the winner's score */
#define ANY             1    /* the limit of the largest difference is what counts */
#define ALL_HIDDEN      "0,1,2,3,4,5,6"

struct fixture {
    const char *folder;
    struct safetensors *cases;
    json_t *texts; /* cases.json */
    struct tally *tally;
    struct language_model model;
    int64_t width, n_vocab;
};

static char wavlm_path[64], projector_path[64], llm_path[4096];

/* ---- The fixture ---- */

static const struct safetensor *find(const struct fixture *fixture, const char *format,
                                     const char *name)
{
    char full[96];
    snprintf(full, sizeof full, format, name);
    const struct safetensor *tensor = safetensors_find(fixture->cases, full);
    if (!tensor) {
        fprintf(stderr, "the fixture has no '%s'\n", full);
        exit(2);
    }
    return tensor;
}

static float *floats(const struct fixture *fixture, const char *format, const char *name)
{
    return values_of(find(fixture, format, name));
}

static int64_t *integers(const struct fixture *fixture, const char *format, const char *name,
                         int64_t *n)
{
    struct valence_error error;
    const struct safetensor *tensor = find(fixture, format, name);
    int64_t *values = must_have(malloc((size_t)(tensor->count + 1) * sizeof *values));
    must_work(safetensor_to_int64(tensor, values, &error), &error);
    *n = tensor->count;
    return values;
}

static void compare_values(const struct fixture *fixture, const char *what, const char *name,
                           int64_t n, const float *is, const float *want, double limit)
{
    char full[96];
    snprintf(full, sizeof full, "%s %s", name, what);
    compare(fixture->tally, full, n, is, want, limit, ANY);
}

static void compare_tokens(const struct fixture *fixture, const char *what, const char *name,
                           int64_t n, const int32_t *is, int64_t n_want, const int64_t *want)
{
    char full[96], measured[64];
    bool same = n == n_want;
    for (int64_t i = 0; same && i < n; i++)
        same = is[i] == want[i];
    snprintf(full, sizeof full, "%s %s", name, what);
    snprintf(measured, sizeof measured, "%" PRId64 " of %" PRId64 ", %s", n, n_want,
             same ? "equal" : "DIFFERENT");
    verdict(fixture->tally, full, same, measured);
}

static void load_model(struct fixture *fixture)
{
    struct valence_error error;
    struct weights weights;
    ggml_backend_dev_t device;
    must_work(backend_find_device("cpu", &device, &error), &error);
    must_work(weights_open(&weights, llm_path, &error), &error);
    must_work(language_model_load(&fixture->model, &weights, device, &error), &error);
    fixture->width = fixture->model.width;
    fixture->n_vocab = fixture->model.n_vocab;
}

static void open_context(const struct fixture *fixture, struct llm_context *context)
{
    struct valence_error error;
    struct llm_context_sizes sizes = {
        .positions = 512, .batch = 128, .sequences = 5, .outputs = 128};
    must_work(llm_context_create(context, &fixture->model, &sizes, &error), &error);
}

/* ---- Tokenizer ---- */

static void check_tokens(const struct fixture *fixture, const char *text, const json_t *ids)
{
    struct valence_error error;
    llama_token *tokens;
    int64_t n, n_want = (int64_t)json_array_size(ids);
    int64_t *want = must_have(calloc((size_t)n_want + 1, sizeof *want));
    for (int64_t i = 0; i < n_want; i++)
        want[i] = json_integer_value(json_array_get(ids, (size_t)i));
    must_work(
        language_model_tokenize(&fixture->model, text, strlen(text), true, &tokens, &n, &error),
        &error);
    compare_tokens(fixture, text, "tokens of", n, tokens, n_want, want);
    free(tokens);
    free(want);
}

static void check_tokenizer(const struct fixture *fixture)
{
    size_t i;
    json_t *entry, *prompt = json_object_get(fixture->texts, "prompt");
    check_tokens(fixture, json_string_value(json_object_get(prompt, "text")),
                 json_object_get(prompt, "ids"));
    json_array_foreach(json_object_get(fixture->texts, "tokenizer"), i, entry)
        check_tokens(fixture, json_string_value(json_object_get(entry, "text")),
                     json_object_get(entry, "sentencepiece_ids"));
}

/* ---- Hidden states ---- */

/* Rows of taps side by side, (n, taps * width), as (taps, n, width). */
static float *by_tap(const float *rows, int64_t n, int64_t taps, int64_t width)
{
    float *sorted = must_have(malloc((size_t)(n * taps * width + 1) * sizeof *sorted));
    for (int64_t i = 0; i < n; i++)
        for (int64_t t = 0; t < taps; t++)
            memcpy(sorted + (t * n + i) * width, rows + (i * taps + t) * width,
                   (size_t)width * sizeof *sorted);
    return sorted;
}

static void check_taps(const struct fixture *fixture)
{
    struct valence_error error;
    struct taps taps;
    int64_t n, width = fixture->width;
    int64_t *ids = integers(fixture, "%s.ids", "taps", &n);
    struct llm_context context;
    open_context(fixture, &context);
    must_work(language_model_parse_taps(&fixture->model, ALL_HIDDEN ",raw", &taps, &error), &error);
    float *rows = must_have(calloc((size_t)(n * taps.width), sizeof *rows));
    context.taps = &taps;
    llm_batch_begin(&context, false);
    for (int64_t i = 0; i < n; i++)
        llm_batch_add_token(&context, (llama_token)ids[i], i, 0, true,
                            (struct llm_row){rows + i * taps.width, 1});
    must_work(llm_batch_compute(&context, &error), &error);
    float *hidden = by_tap(rows, n, taps.n, width),
          *want = floats(fixture, "%s.hidden_states", "taps"),
          *raw = floats(fixture, "%s.last_block_raw", "taps"),
          *logits = floats(fixture, "%s.logits", "taps");
    compare_values(fixture, "hidden states", "taps", 7 * n * width, hidden, want, HIDDEN_LIMIT);
    compare_values(fixture, "last layer, raw", "taps", n * width, hidden + 7 * n * width, raw,
                   HIDDEN_LIMIT);
    compare_values(fixture, "logits", "taps", n * fixture->n_vocab, llm_batch_logits(&context, 0),
                   logits, SCORE_LIMIT);
    llm_context_free(&context);
    free(ids), free(rows), free(hidden), free(want), free(raw), free(logits);
}

/* Through the interface: layers one by one, so that the graph also ends early. */
static void check_texts(const struct fixture *fixture)
{
    static const char *const layers[] = {"-3", NULL}, *const tensors[] = {"%s.hidden_minus3",
                                                                          "%s.last_four"};
    size_t i;
    json_t *entry;
    for (int k = 0; k < 2; k++) {
        struct valence_error error;
        struct valence_encoder_options options = {.size = sizeof options, .layers = layers[k]};
        struct valence_encoder *encoder;
        struct valence_encoder_state *state;
        must_work(valence_encoder_load(llm_path, &options, &encoder, &error), &error);
        must_work(valence_encoder_state_create(encoder, &state, &error), &error);
        json_array_foreach(json_object_get(fixture->texts, "texts"), i, entry)
        {
            char name[32], what[64];
            struct valence_features features;
            struct valence_encoder_input input = {
                .text = json_string_value(json_object_get(entry, "text"))};
            snprintf(name, sizeof name, "text%zu", i);
            snprintf(what, sizeof what, "layers %s", layers[k] ? layers[k] : "by default");
            float *want = floats(fixture, tensors[k], name);
            must_work(valence_encoder_encode(state, &input, 1, NULL, &features, &error), &error);
            if (features.offsets[1] * features.width == find(fixture, tensors[k], name)->count)
                compare_values(fixture, what, name, features.offsets[1] * features.width,
                               features.rows, want, k ? SCORE_LIMIT : HIDDEN_LIMIT);
            else
                verdict(fixture->tally, name, false, "has another number of rows");
            valence_features_free(&features);
            free(want);
        }
        valence_encoder_state_free(state);
        valence_encoder_free(encoder);
    }
}

/* ---- Search ---- */

static struct trace open_trace(const struct fixture *fixture, const char *name)
{
    return (struct trace){
        .cand_parent = integers(fixture, "%s.beam.trace.cand_parent", name, &(int64_t){0}),
        .cand_token = integers(fixture, "%s.beam.trace.cand_token", name, &(int64_t){0}),
        .run_parent = integers(fixture, "%s.beam.trace.run_parent", name, &(int64_t){0}),
        .run_token = integers(fixture, "%s.beam.trace.run_token", name, &(int64_t){0}),
        .cand_score = floats(fixture, "%s.beam.trace.cand_score", name),
        .run_score = floats(fixture, "%s.beam.trace.run_score", name),
        .n = find(fixture, "%s.beam.trace.run_token", name)->shape[0]};
}

static void close_trace(const struct fixture *fixture, struct trace *trace, const char *name,
                        const char *what, int64_t n_steps)
{
    char full[96], measured[96];
    snprintf(full, sizeof full, "%s %s", name, what);
    snprintf(measured, sizeof measured,
             "%" PRId64 " of %" PRId64 " passes, %" PRId64 " wrong choices, sums off by %.1e",
             n_steps, trace->n, trace->n_wrong, trace->largest);
    verdict(fixture->tally, full,
            n_steps == trace->n && trace->n_wrong == 0 && trace->largest <= SCORE_LIMIT, measured);
    free(trace->cand_parent), free(trace->cand_token), free(trace->run_parent);
    free(trace->run_token), free(trace->cand_score), free(trace->run_score);
}

static void check_final_beams(const struct fixture *fixture, const struct beam_search *search,
                              const char *name)
{
    json_t *beam =
        json_object_get(json_object_get(json_object_get(fixture->texts, "cases"), name), "beam");
    json_t *final = json_object_get(beam, "final_beams"), *stored;
    size_t rank;
    bool same = json_array_size(final) == (size_t)search->n_finished;
    double largest = 0;
    json_array_foreach(final, rank, stored)
    {
        const struct beam_hypothesis *is = &search->finished[rank];
        json_t *tokens = json_object_get(stored, "tokens"),
               *parents = json_object_get(stored, "beam_indices");
        same = same && json_array_size(tokens) == (size_t)is->length;
        for (size_t i = 0; same && i < (size_t)is->length; i++)
            same = json_integer_value(json_array_get(tokens, i)) == is->tokens[i] &&
                   json_integer_value(json_array_get(parents, i)) == is->parents[i];
        double off = fabs(json_real_value(json_object_get(stored, "score")) - (double)is->score);
        largest = off <= largest ? largest : off;
    }
    char full[64], measured[64];
    snprintf(full, sizeof full, "%s final beams", name);
    snprintf(measured, sizeof measured, "%s, scores off by %.1e (limit %.0e)",
             same ? "equal" : "DIFFERENT", largest, NORMED_LIMIT);
    verdict(fixture->tally, full, same && largest <= NORMED_LIMIT, measured);
}

/* The rules alone, from the stored scores. */
static void check_rules(const struct fixture *fixture, const char *name, int64_t max_tokens)
{
    struct valence_error error;
    struct beam_search search;
    struct trace trace = open_trace(fixture, name);
    float *scores = floats(fixture, "%s.beam.scores", name);
    must_work(beam_create(&search, fixture->n_vocab, 4, max_tokens, 1, (int32_t[]){2}, &error),
              &error);
    while (!search.over && search.n_steps < trace.n) {
        beam_step(&search, scores + search.n_steps * 4 * fixture->n_vocab);
        follow(&trace, &search);
    }
    check_final_beams(fixture, &search, name);
    close_trace(fixture, &trace, name, "rules", search.over ? search.n_steps : -1);
    beam_free(&search);
    free(scores);
}

/* Audio and prompt with all taps, then the search with them. */
static void check_search(const struct fixture *fixture, const char *name, int64_t max_tokens)
{
    struct valence_error error;
    struct taps taps, upper;
    struct llm_search search;
    int64_t n_prompt, width = fixture->width, n_vocab = fixture->n_vocab;
    int64_t *prompt = integers(fixture, "%s.ids", "prompt", &n_prompt);
    float *audio = floats(fixture, "%s.projected", name),
          *embedded = floats(fixture, "%s.inputs_embeds", name);
    int64_t n_audio = find(fixture, "%s.projected", name)->shape[0], n = n_audio + n_prompt;
    struct llm_context context;
    open_context(fixture, &context);
    must_work(language_model_parse_taps(&fixture->model, "1,2,3,4,5,6", &upper, &error), &error);
    must_work(language_model_parse_taps(&fixture->model, ALL_HIDDEN, &taps, &error), &error);

    float *rows = must_have(calloc((size_t)(n * upper.width), sizeof *rows));
    context.taps = &upper; /* an embedding is the graph's input: there is nothing to tap */
    llm_batch_begin(&context, true);
    for (int64_t i = 0; i < n_audio; i++)
        llm_batch_add_embedding(&context, audio + i * width, i, 0, false,
                                (struct llm_row){rows + i * upper.width, 1});
    must_work(llm_batch_compute(&context, &error), &error);
    llm_batch_begin(&context, false);
    for (int64_t i = n_audio; i < n; i++)
        llm_batch_add_token(&context, (llama_token)prompt[i - n_audio], i, 0, i + 1 == n,
                            (struct llm_row){rows + i * upper.width, 1});
    must_work(llm_batch_compute(&context, &error), &error);
    float *hidden = by_tap(rows, n, 6, width), *want = floats(fixture, "%s.prefill_hidden", name),
          *logits = floats(fixture, "%s.prefill_last_logits", name);
    compare_values(fixture, "audio as embedded", name, n_audio * width, audio, embedded, 0);
    compare_values(fixture, "prompt, hidden states", name, 6 * n * width, hidden, want + n * width,
                   HIDDEN_LIMIT);
    compare_values(fixture, "prompt, logits", name, n_vocab,
                   llm_batch_logits(&context, n_prompt - 1), logits, SCORE_LIMIT);

    struct trace trace = open_trace(fixture, name);
    float *scores = floats(fixture, "%s.beam.scores", name),
          *states = floats(fixture, "%s.beam.step_hidden", name);
    double worst_score = 0, worst_state = 0;
    must_work(llm_search_begin(&search, &context, n, 4, max_tokens, &error), &error);
    context.taps = &taps;
    follow(&trace, &search.beams);
    while (!search.beams.over && search.beams.n_steps < trace.n) {
        int64_t pass = search.beams.n_steps;
        float *step = must_have(calloc((size_t)(4 * taps.width), sizeof *step));
        struct llm_row to[BEAM_MAX_BEAMS] = {{NULL, 1}};
        for (int64_t b = 0; b < 4; b++)
            to[b] = (struct llm_row){step + b * taps.width, 1};
        must_work(llm_search_pass(&search, to, &error), &error);
        follow(&trace, &search.beams);
        float *sorted = by_tap(step, 4, 7, width);
        for (int64_t i = 0; i < 4 * taps.width; i++) {
            double off = fabs((double)sorted[i] - states[(pass - 1) * 4 * taps.width + i]);
            worst_state = off <= worst_state ? worst_state : off;
        }
        for (int64_t i = 0; i < 4 * n_vocab; i++) {
            double off = fabs((double)search.scores[i] - scores[pass * 4 * n_vocab + i]);
            worst_score = off <= worst_score ? worst_score : off;
        }
        free(step), free(sorted);
    }
    compare_values(fixture, "search, hidden states", name, 1, &(float){(float)worst_state},
                   &(float){0}, HIDDEN_LIMIT);
    compare_values(fixture, "search, log-probabilities", name, 1, &(float){(float)worst_score},
                   &(float){0}, SCORE_LIMIT);
    check_final_beams(fixture, &search.beams, name);
    close_trace(fixture, &trace, name, "search", search.beams.over ? search.beams.n_steps : -1);
    llm_search_free(&search);
    llm_context_free(&context);
    free(prompt), free(audio), free(embedded), free(rows), free(hidden), free(want), free(logits);
    free(scores), free(states);
}

/* ---- The whole way ---- */

struct encoders {
    struct valence_encoder *wavlm, *projector, *llm;
};

static struct encoders open_encoders(void)
{
    struct valence_error error;
    struct encoders encoders;
    struct valence_encoder_options options = {.size = sizeof options, .layers = "final"};
    must_work(valence_encoder_load(wavlm_path, &options, &encoders.wavlm, &error), &error);
    must_work(valence_encoder_load(projector_path, NULL, &encoders.projector, &error), &error);
    must_work(valence_encoder_load(llm_path, NULL, &encoders.llm, &error), &error);
    return encoders;
}

static void close_encoders(struct encoders *encoders)
{
    valence_encoder_free(encoders->wavlm);
    valence_encoder_free(encoders->projector);
    valence_encoder_free(encoders->llm);
}

/* One reading: its rows, and the winner. */
static void check_reading(const struct fixture *fixture, const struct encoders *encoders,
                          const char *name, struct valence_simulator_options options,
                          const char *rows, const char *tokens, const char *what)
{
    struct valence_error error;
    struct valence_simulator *simulator;
    struct valence_simulation is;
    options.instruction = VALENCE_INSTRUCTION_SHORT;
    options.max_tokens = 24;
    must_work(valence_simulator_create(encoders->wavlm, encoders->projector, encoders->llm,
                                       &options, &simulator, &error),
              &error);
    float *frames = floats(fixture, "%s.frames", name), *want = floats(fixture, rows, name);
    int64_t n_tokens, *want_tokens = integers(fixture, tokens, name, &n_tokens);
    must_work(valence_simulate_frames(simulator, frames, find(fixture, "%s.frames", name)->shape[0],
                                      NULL, &is, &error),
              &error);
    compare_tokens(fixture, what, name, is.n_tokens, is.tokens, n_tokens, want_tokens);
    if (is.n_rows * is.width == find(fixture, rows, name)->count)
        compare_values(fixture, what, name, is.n_rows * is.width, is.rows, want, SCORE_LIMIT);
    else
        verdict(fixture->tally, name, false, "has another number of rows");
    double sum = 0;
    for (int64_t i = 0; i < is.n_tokens; i++)
        sum += is.log_probabilities[i];
    compare_values(fixture, "score is the mean of the log-probabilities", name, 1,
                   &(float){(float)(sum / (double)is.n_tokens)}, &(float){(float)is.score},
                   NORMED_LIMIT);
    valence_simulation_free(&is);
    valence_simulator_free(simulator);
    free(frames), free(want), free(want_tokens);
}

static void check_projector(const struct fixture *fixture, const char *file)
{
    static const char *const cases[] = {"eos", "maxlen"};
    struct valence_error error;
    char *path = must_have(path_join(fixture->folder, file));
    struct valence_convert_options options = {
        .size = sizeof options, .overwrite = true, .wavlm = wavlm_path, .llm = llm_path};
    struct valence_encoder_state *state;
    must_work(
        valence_convert(VALENCE_CONVERT_PROJECTOR, path, projector_path, &options, NULL, &error),
        &error);
    struct encoders encoders = open_encoders();
    must_work(valence_encoder_state_create(encoders.projector, &state, &error), &error);
    for (int i = 0; i < 2; i++) {
        const struct safetensor *frames = find(fixture, "%s.frames", cases[i]);
        float *values = values_of(frames), *want = floats(fixture, "%s.projected", cases[i]);
        struct valence_features rows;
        struct valence_encoder_input input = {.frames = values, .n_frames = frames->shape[0]};
        must_work(valence_encoder_encode(state, &input, 1, NULL, &rows, &error), &error);
        compare_values(fixture, file, cases[i], rows.offsets[1] * rows.width, rows.rows, want,
                       PROJECTED_LIMIT);
        valence_features_free(&rows);
        free(values), free(want);
        check_reading(
            fixture, &encoders, cases[i],
            (struct valence_simulator_options){.size = sizeof(struct valence_simulator_options)},
            "%s.beam.feature_winner", "%s.beam.tokens", "winner");
        check_reading(
            fixture, &encoders, cases[i],
            (struct valence_simulator_options){.size = sizeof(struct valence_simulator_options),
                                               .reading = VALENCE_READING_REFERENCE},
            "%s.beam.feature_public", "%s.beam.tokens", "reference");
        check_reading(fixture, &encoders, cases[i],
                      (struct valence_simulator_options){
                          .size = sizeof(struct valence_simulator_options), .n_beams = 1},
                      "%s.greedy.feature", "%s.greedy.tokens", "greedy");
    }
    valence_encoder_state_free(state);
    close_encoders(&encoders);
    free(path);
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct tally tally = {0};
    struct fixture fixture = {.tally = &tally};
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: golden-llm FOLDER\n");
        return 2;
    }
    fixture.folder = argv[1];
    snprintf(llm_path, sizeof llm_path, "%s/tiny-llama-f32.gguf", argv[1]);
    snprintf(wavlm_path, sizeof wavlm_path, "/tmp/golden-llm-wavlm-%d.gguf", (int)getpid());
    snprintf(projector_path, sizeof projector_path, "/tmp/golden-llm-%d.gguf", (int)getpid());
    snprintf(path, sizeof path, "%s/cases.safetensors", argv[1]);
    must_work(safetensors_open(path, &fixture.cases, &error), &error);
    snprintf(path, sizeof path, "%s/cases.json", argv[1]);
    fixture.texts = must_have(json_load_file(path, 0, NULL));
    must_work(valence_convert(VALENCE_CONVERT_WAVLM, VALENCE_TEST_DATA "/golden/wavlm/stable",
                              wavlm_path, NULL, NULL, &error),
              &error);
    load_model(&fixture);
    check_tokenizer(&fixture);
    check_taps(&fixture);
    check_texts(&fixture);
    for (int i = 0; i < 2; i++) {
        check_rules(&fixture, i ? "maxlen" : "eos", 24);
        check_search(&fixture, i ? "maxlen" : "eos", 24);
    }
    check_projector(&fixture, "projector.pt");
    check_projector(&fixture, "projector.safetensors");
    language_model_free(&fixture.model);
    unlink(wavlm_path);
    unlink(projector_path);
    json_decref(fixture.texts);
    safetensors_close(fixture.cases);
    return conclude(&tally);
}
