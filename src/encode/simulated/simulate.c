#include "valence/simulate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "encode/encoder_kind.h"
#include "encode/llm/encoder_llm.h"
#include "encode/llm/llm_search.h"
#include "encode/simulated/projector.h"
#include "encode/simulated/simulation_flags.h"
#include "encode/simulated/simulation_record.h"
#include "encode/simulated/simulator.h"

#define DEFAULT_BEAMS  4
#define DEFAULT_TOKENS 200
#define BATCH          128 /* positions of the prompt, or tokens of the winner, computed at once */

const char *const valence_reading_names[VALENCE_MAX_NAMES] = {"winner", "reference"};
const char *const valence_simulation_flag_names[VALENCE_MAX_NAMES] = {"empty", "repeats", "refusal",
                                                                      "cut"};

struct valence_simulator {
    const struct llm_encoder *llm;
    struct valence_encoder_state *wavlm, *projector;
    int64_t n_beams, max_tokens;
    enum valence_reading reading;
    llama_token *prompt;
    int64_t n_prompt;
    struct llm_context context; /* of as many positions as were needed so far */

    char *settings;
    int64_t rate_hz;
    struct valence_encoder *owned[3]; /* where it was opened with their files */
};

/* ---- Creating ---- */

static int check_encoders(const struct valence_encoder_description *wavlm,
                          const struct projector *projector,
                          const struct valence_encoder_description *projects,
                          const struct valence_encoder_description *llm,
                          struct valence_error *error)
{
    if (strcmp(wavlm->kind, "wavlm") != 0 || !projector || strcmp(llm->kind, "llm") != 0)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "simulated text needs a WavLM, a projector and a language model, not '%s', "
                    "'%s' and '%s'",
                    wavlm->kind, projects->kind, llm->kind);
    if (strcmp(wavlm->layers, "final") != 0)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "simulated text needs WavLM's layers 'final', not '%s'", wavlm->layers);
    if (strcmp(projector->wavlm, wavlm->fingerprint) != 0)
        return fail(error, VALENCE_ERROR_DATA,
                    "the projector '%s' belongs to the WavLM '%s' (%.16s...), not to '%s' "
                    "(%.16s...)",
                    projects->source, projector->wavlm_source, projector->wavlm, wavlm->source,
                    wavlm->fingerprint);
    if (strcmp(projector->llm, llm->fingerprint) != 0)
        return fail(error, VALENCE_ERROR_DATA,
                    "the projector '%s' belongs to the language model '%s' (%.16s...), not to "
                    "'%s' (%.16s...)",
                    projects->source, projector->llm_source, projector->llm, llm->source,
                    llm->fingerprint);
    return VALENCE_OK;
}

/* The instruction within the template, as tokens. */
static int make_prompt(struct valence_simulator *simulator,
                       const struct valence_simulator_options *options, struct valence_error *error)
{
    const char *template =
        options->prompt_template ? options->prompt_template : VALENCE_PROMPT_TEMPLATE;
    const char *instruction =
        options->instruction ? options->instruction : VALENCE_INSTRUCTION_LONG;
    const char *place = strstr(template, "{}");
    if (!place)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the prompt's template '%s' has no {} for the instruction", template);
    struct text prompt = {.maximum = TEXT_MAX_BYTES};
    text_append(&prompt, template, (size_t)(place - template));
    text_append(&prompt, instruction, strlen(instruction));
    text_append(&prompt, place + 2, strlen(place + 2));
    int status =
        prompt.failed
            ? fail_text(&prompt, error, VALENCE_ERROR_LIMIT, "the prompt is too long")
            : language_model_tokenize(&simulator->llm->model, prompt.data, prompt.length, true,
                                      &simulator->prompt, &simulator->n_prompt, error);
    text_free(&prompt);
    if (!status && simulator->n_prompt == 0)
        status = fail(error, VALENCE_ERROR_ARGUMENT, "the prompt is empty");
    return status ? fail_within(status, error, "prompt") : VALENCE_OK;
}

static int set_options(struct valence_simulator *simulator,
                       const struct valence_simulator_options *options, struct valence_error *error)
{
    simulator->n_beams = options->n_beams ? options->n_beams : DEFAULT_BEAMS;
    simulator->max_tokens = options->max_tokens ? options->max_tokens : DEFAULT_TOKENS;
    simulator->reading = options->reading;
    if (simulator->n_beams < 1 || simulator->n_beams > BEAM_MAX_BEAMS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%" PRId64 " beams are not within 1 ... %d",
                    simulator->n_beams, BEAM_MAX_BEAMS);
    if (simulator->max_tokens < 1 || simulator->max_tokens > BEAM_MAX_TOKENS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%" PRId64 " new tokens are not within 1 ... %d",
                    simulator->max_tokens, BEAM_MAX_TOKENS);
    if ((unsigned)options->reading > VALENCE_READING_REFERENCE)
        return fail(error, VALENCE_ERROR_ARGUMENT, "unknown reading %d", (int)options->reading);
    return make_prompt(simulator, options, error);
}

void valence_simulator_options_default(struct valence_simulator_options *options)
{
    *options = (struct valence_simulator_options){.size = sizeof *options};
}

void simulator_own(struct valence_simulator *simulator, struct valence_encoder *const encoders[3])
{
    memcpy(simulator->owned, encoders, sizeof simulator->owned);
}

/* What is recorded with the rows. */
static int record(struct valence_simulator *simulator, const struct valence_encoder *wavlm,
                  const struct valence_encoder *projector, const struct valence_encoder *llm,
                  struct valence_simulator_options *options, struct valence_error *error)
{
    options->n_beams = simulator->n_beams;
    options->max_tokens = simulator->max_tokens;
    if (!options->prompt_template)
        options->prompt_template = VALENCE_PROMPT_TEMPLATE;
    if (!options->instruction)
        options->instruction = VALENCE_INSTRUCTION_LONG;
    simulator->rate_hz = valence_encoder_describe(wavlm)->rate_hz;
    simulator->settings = simulation_settings(wavlm, projector, llm, simulator->llm->mean, options);
    return simulator->settings ? VALENCE_OK : fail_memory(error, 0, "the encoders' settings");
}

int valence_simulator_create(const struct valence_encoder *wavlm,
                             const struct valence_encoder *projector,
                             const struct valence_encoder *llm,
                             const struct valence_simulator_options *options,
                             struct valence_simulator **simulator, struct valence_error *error)
{
    struct valence_simulator_options own;
    *simulator = NULL;
    valence_simulator_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (status)
        return status;
    struct valence_simulator *created = allocate(1, sizeof *created);
    if (!created)
        return fail_memory(error, sizeof *created, "a simulator");
    status = check_encoders(
        valence_encoder_describe(wavlm), encoder_model(projector, &encoder_projector),
        valence_encoder_describe(projector), valence_encoder_describe(llm), error);
    created->llm = encoder_model(llm, &encoder_llm);
    if (!status)
        status = set_options(created, &own, error);
    if (!status)
        status = record(created, wavlm, projector, llm, &own, error);
    if (!status)
        status = valence_encoder_state_create(wavlm, &created->wavlm, error);
    if (!status)
        status = valence_encoder_state_create(projector, &created->projector, error);
    if (status)
        valence_simulator_free(created);
    else
        *simulator = created;
    return status;
}

void valence_simulator_free(struct valence_simulator *simulator)
{
    if (!simulator)
        return;
    valence_encoder_state_free(simulator->wavlm);
    valence_encoder_state_free(simulator->projector);
    llm_context_free(&simulator->context);
    free(simulator->prompt);
    free(simulator->settings);
    for (int i = 0; i < 3; i++)
        valence_encoder_free(simulator->owned[i]);
    free(simulator);
}

const char *valence_simulator_settings(const struct valence_simulator *simulator)
{
    return simulator->settings;
}

int64_t valence_simulator_rate_hz(const struct valence_simulator *simulator)
{
    return simulator->rate_hz;
}

int64_t valence_simulator_width(const struct valence_simulator *simulator)
{
    return simulator->llm->taps.width;
}

/* ---- Listening ---- */

static int reserve(struct valence_simulator *simulator, int64_t n_prompt,
                   struct valence_error *error)
{
    const struct llm_encoder *llm = simulator->llm;
    if (n_prompt + simulator->max_tokens > llm->model.context)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%" PRId64 " positions of audio and prompt and %" PRId64
                    " new tokens exceed the model's context of %" PRId64
                    " (cut the clip, or ask for fewer tokens)",
                    n_prompt, simulator->max_tokens, llm->model.context);
    struct llm_context_sizes sizes = {.positions =
                                          n_prompt + simulator->n_beams * simulator->max_tokens,
                                      .batch = BATCH,
                                      .sequences = simulator->n_beams + 1,
                                      .outputs = simulator->n_beams,
                                      .fast = llm->fast};
    if (sizes.positions <= simulator->context.sizes.positions)
        return VALENCE_OK;
    if (llm->taps.depth >= llm->model.n_layers)
        sizes.outputs = BATCH;
    llm_context_free(&simulator->context);
    return llm_context_create(&simulator->context, &llm->model, &sizes, error);
}

/* Audio, then the prompt's tokens, into sequence 0; the last batch ends with the last token, an
 * output. */
static int feed_prompt(struct valence_simulator *simulator, const struct valence_features *audio,
                       struct valence_error *error)
{
    struct llm_context *context = &simulator->context;
    int64_t n_audio = audio->offsets[1], n = n_audio + simulator->n_prompt;
    struct llm_row nowhere = {NULL, 1};
    int status = VALENCE_OK;
    llm_context_clear(context);
    context->taps = NULL;
    llm_batch_begin(context, true);
    for (int64_t i = 0; !status && i < n; i++) {
        if (llm_batch_n(context) == context->sizes.batch || i == n_audio) {
            status = llm_batch_compute(context, error);
            llm_batch_begin(context, i < n_audio);
        }
        if (i < n_audio)
            llm_batch_add_embedding(context, audio->rows + i * audio->width, i, 0, false, nowhere);
        else
            llm_batch_add_token(context, simulator->prompt[i - n_audio], i, 0, i + 1 == n, nowhere);
    }
    return status ? status : llm_batch_compute(context, error);
}

/* Rows of the hypothesis: one pass over its tokens but the last, behind the prompt. */
static int read_winner(struct llm_search *search, const struct taps *taps,
                       struct valence_simulation *simulation, struct valence_error *error)
{
    struct llm_context *context = search->context;
    int status = VALENCE_OK;
    for (int64_t b = 0; b < search->beams.n_beams; b++)
        llm_sequence_remove(context, b);
    context->taps = taps;
    context->only_taps = true;
    llm_batch_begin(context, false);
    for (int64_t i = 0; !status && i < simulation->n_rows; i++) {
        struct llm_row row = {simulation->rows + i * simulation->width, 1};
        llm_batch_add_token(context, simulation->tokens[i], search->n_prompt + i,
                            LLM_SEARCH_PROMPT(search), false, row);
        if (llm_batch_n(context) == context->sizes.batch || i + 1 == simulation->n_rows) {
            status = llm_batch_compute(context, error);
            llm_batch_begin(context, false);
        }
    }
    return status;
}

/* The search; with the reference reading, rows of beam 0 as it goes. */
static int run_search(struct valence_simulator *simulator, struct llm_search *search,
                      struct valence_simulation *simulation, struct valence_error *error)
{
    struct llm_context *context = &simulator->context;
    bool reference = simulator->reading == VALENCE_READING_REFERENCE;
    int status = VALENCE_OK;
    context->taps = reference ? &simulator->llm->taps : NULL;
    context->only_taps = false;
    while (!status && !search->beams.over) {
        struct llm_row rows[BEAM_MAX_BEAMS] = {{NULL, 1}};
        if (reference)
            rows[0] =
                (struct llm_row){simulation->rows + simulation->n_rows++ * simulation->width, 1};
        context->event.done = search->beams.n_steps;
        status = llm_search_pass(search, rows, error);
    }
    return status;
}

static int copy_winner(const struct llm_search *search, struct valence_simulation *simulation,
                       struct valence_error *error)
{
    const struct beam_hypothesis *winner = &search->beams.finished[0];
    size_t n = (size_t)winner->length;
    simulation->tokens = allocate(winner->length, sizeof *simulation->tokens);
    simulation->log_probabilities = allocate(winner->length, sizeof(float));
    if (!simulation->tokens || !simulation->log_probabilities)
        return fail_memory(error, n * sizeof(float), "a hypothesis");
    memcpy(simulation->tokens, winner->tokens, n * sizeof *simulation->tokens);
    memcpy(simulation->log_probabilities, winner->log_probabilities, n * sizeof(float));
    simulation->n_tokens = winner->length;
    simulation->score = winner->score;
    simulation->n_passes = search->beams.n_steps;
    return VALENCE_OK;
}

static void strip(char *text)
{
    static const char blanks[] = " \t\r\n";
    size_t start = strspn(text, blanks), end = strlen(text);
    while (end > start && strchr(blanks, text[end - 1]))
        end--;
    memmove(text, text + start, end - start);
    text[end - start] = '\0';
}

static int judge(const struct language_model *model, struct valence_simulation *simulation,
                 struct valence_error *error)
{
    int64_t n = simulation->n_tokens;
    bool ended = llama_vocab_is_eog(model->vocab, simulation->tokens[n - 1]);
    int status = language_model_text(model, n, simulation->tokens, &simulation->text, error);
    if (status)
        return status;
    strip(simulation->text);
    if (text_is_empty(simulation->text) || simulation->n_rows == 0)
        simulation->flags |= VALENCE_SIMULATION_EMPTY;
    if (tokens_repeat(n - ended, simulation->tokens))
        simulation->flags |= VALENCE_SIMULATION_REPEATS;
    if (text_is_refusal(simulation->text))
        simulation->flags |= VALENCE_SIMULATION_REFUSAL;
    if (!ended)
        simulation->flags |= VALENCE_SIMULATION_CUT;
    return VALENCE_OK;
}

/* All rows into one, their mean. */
static void average(struct valence_simulation *simulation)
{
    int64_t n = simulation->n_rows, width = simulation->width;
    for (int64_t c = 0; n > 1 && c < width; c++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += simulation->rows[i * width + c];
        simulation->rows[c] = (float)(sum / (double)n);
    }
    simulation->n_rows = n > 0;
}

static int listen(struct valence_simulator *simulator, const struct valence_features *audio,
                  struct valence_simulation *simulation, struct valence_error *error)
{
    const struct llm_encoder *llm = simulator->llm;
    struct llm_search search;
    int64_t n_prompt = audio->offsets[1] + simulator->n_prompt;
    simulation->width = llm->taps.width;
    simulation->rows =
        allocate(simulator->max_tokens, (size_t)simulation->width * sizeof *simulation->rows);
    if (!simulation->rows)
        return fail_memory(error, 0, "simulated text");
    int status = feed_prompt(simulator, audio, error);
    if (!status)
        status = llm_search_begin(&search, &simulator->context, n_prompt, simulator->n_beams,
                                  simulator->max_tokens, error);
    if (status)
        return status;
    status = run_search(simulator, &search, simulation, error);
    if (!status)
        status = copy_winner(&search, simulation, error);
    if (!status && simulator->reading == VALENCE_READING_WINNER) {
        simulation->n_rows = simulation->n_tokens - 1;
        status = read_winner(&search, &llm->taps, simulation, error);
    }
    llm_search_free(&search);
    if (!status)
        status = judge(&llm->model, simulation, error);
    if (!status && llm->mean)
        average(simulation);
    return status;
}

static int listen_to(struct valence_simulator *simulator, const struct valence_features *audio,
                     const struct valence_progress *progress, struct valence_simulation *simulation,
                     struct valence_error *error)
{
    if (audio->offsets[1] == 0)
        return fail(error, VALENCE_ERROR_DATA,
                    "the clip is too short for one position of the language model");
    int status = reserve(simulator, audio->offsets[1] + simulator->n_prompt, error);
    if (status)
        return status;
    simulator->context.progress = progress;
    simulator->context.event =
        (struct valence_progress_event){"listening", 0, simulator->max_tokens, "tokens", NULL};
    status = listen(simulator, audio, simulation, error);
    simulator->context.progress = NULL;
    return status;
}

int valence_simulate_frames(struct valence_simulator *simulator, const float *frames,
                            int64_t n_frames, const struct valence_progress *progress,
                            struct valence_simulation *simulation, struct valence_error *error)
{
    struct valence_features audio = {0};
    struct valence_encoder_input input = {.frames = frames, .n_frames = n_frames};
    *simulation = (struct valence_simulation){0};
    int status = valence_encoder_encode(simulator->projector, &input, 1, progress, &audio, error);
    if (!status)
        status = listen_to(simulator, &audio, progress, simulation, error);
    valence_features_free(&audio);
    if (status)
        valence_simulation_free(simulation);
    return status;
}

int valence_simulate(struct valence_simulator *simulator, const float *samples, int64_t n_samples,
                     const struct valence_progress *progress, struct valence_simulation *simulation,
                     struct valence_error *error)
{
    struct valence_features frames = {0};
    struct valence_encoder_input input = {.samples = samples, .n_samples = n_samples};
    *simulation = (struct valence_simulation){0};
    int status = valence_encoder_encode(simulator->wavlm, &input, 1, progress, &frames, error);
    if (!status)
        status = valence_simulate_frames(simulator, frames.rows, frames.offsets[1], progress,
                                         simulation, error);
    valence_features_free(&frames);
    return status;
}

void valence_simulation_free(struct valence_simulation *simulation)
{
    if (!simulation)
        return;
    free(simulation->text);
    free(simulation->tokens);
    free(simulation->log_probabilities);
    free(simulation->rows);
    *simulation = (struct valence_simulation){0};
}
