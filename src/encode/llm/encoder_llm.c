#include "encode/llm/encoder_llm.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/encoder_kind.h"
#include "encode/llm/language_model_trial.h"
#include "encode/llm/llm_context.h"
#include "encode/llm/transcript_tokens.h"

#define DEFAULT_LAYERS "-4+-3+-2+-1" /* the paper's */
#define DEFAULT_BATCH  256
#define DEFAULT_WINDOW 2048
#define MIN_WINDOW     16
#define MAX_WINDOW     (1 << 20)
#define SEQUENCES      64 /* transcripts computed together */
#define OVERLAP        3  /* neighbouring windows share a third */

/* ---- Loading ---- */

static void clear(void *model)
{
    struct llm_encoder *encoder = model;
    transcript_prefix_clear(&encoder->frame.prefix);
    transcript_suffix_clear(&encoder->frame.suffix);
    language_model_free(&encoder->model);
}

static int set_options(struct llm_encoder *encoder, const struct valence_encoder_options *options,
                       struct valence_error *error)
{
    const char *layers = options->layers ? options->layers : DEFAULT_LAYERS;
    encoder->frame.drop_special = options->drop_special;
    encoder->mean = options->mean;
    encoder->fast = options->fast;
    encoder->batch = options->batch_tokens ? options->batch_tokens : DEFAULT_BATCH;
    encoder->window = options->window_tokens ? options->window_tokens : DEFAULT_WINDOW;
    if (encoder->batch < 1 || encoder->batch > 1 << 16)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "batches of %" PRId64 " tokens are not within 1 ... 65536", encoder->batch);
    if (encoder->window < MIN_WINDOW || encoder->window > MAX_WINDOW)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "window_tokens",
                        "windows of %" PRId64 " tokens are not within %d ... %d", encoder->window,
                        MIN_WINDOW, MAX_WINDOW);
    if (encoder->window > encoder->model.context) {
        if (options->window_tokens)
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "windows of %" PRId64 " tokens exceed the model's context of %" PRId64,
                        encoder->window, encoder->model.context);
        encoder->window = encoder->model.context;
    }
    int status = language_model_parse_taps(&encoder->model, layers, &encoder->taps, error);
    if (status)
        return status;
    memcpy(encoder->layers, layers, strlen(layers) + 1);
    struct transcript_frame *frame = &encoder->frame;
    status = transcript_prefix_parse(&frame->prefix, &encoder->model, options->prefix, error);
    if (!status)
        status = transcript_suffix_parse(&frame->suffix, &encoder->model, options->suffix, error);
    /* Every window begins with the prefix, shares a third with the last one, and must get on; the
     * suffix's window must hold some of the text. */
    if (!status && frame->prefix.n > encoder->window / 4)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "prefix",
                          "a prefix of %" PRId64 " tokens is longer than a quarter of a window of "
                          "%" PRId64,
                          frame->prefix.n, encoder->window);
    if (!status && frame->suffix.n > encoder->window / 4)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "suffix",
                          "a suffix of %" PRId64 " tokens is longer than a quarter of a window of "
                          "%" PRId64,
                          frame->suffix.n, encoder->window);
    return status;
}

static int load(struct weights *weights, ggml_backend_dev_t device,
                const struct valence_encoder_options *options, void *model,
                struct valence_encoder_description *description, struct valence_error *error)
{
    struct llm_encoder *encoder = model;
    int status = options->unverified ? VALENCE_OK
                                     : language_model_try(weights->path, options->memory, error);
    if (status) {
        weights_close(weights);
        return status;
    }
    status = language_model_load(&encoder->model, weights, device, error);
    if (!status)
        status = set_options(encoder, options, error);
    if (status)
        return status;
    description->architecture = encoder->model.architecture;
    description->source = encoder->model.source;
    description->fingerprint = encoder->model.fingerprint;
    description->license = encoder->model.license;
    description->warning = encoder->model.warning;
    description->type = encoder->model.type;
    description->layers = encoder->layers;
    description->width = encoder->taps.width;
    description->n_layers = encoder->model.n_layers;
    description->context = encoder->model.context;
    return VALENCE_OK;
}

/* ---- Encoding ---- */

struct llm_state {
    const struct llm_encoder *encoder;
    struct llm_context context; /* of as many positions as were needed so far */
    int64_t n_sequences;        /* in the batch */

    /* of the inputs, from measure() to the end of encode() */
    struct transcript_tokens *transcripts;
    int64_t n_transcripts;
};

static void forget_transcripts(struct llm_state *llm)
{
    for (int64_t i = 0; i < llm->n_transcripts; i++)
        free(llm->transcripts[i].tokens);
    free(llm->transcripts);
    llm->transcripts = NULL;
    llm->n_transcripts = 0;
}

static void state_clear(void *state)
{
    struct llm_state *llm = state;
    forget_transcripts(llm);
    llm_context_free(&llm->context);
}

static int measure(void *state, const struct valence_encoder_input *inputs, int64_t n,
                   int64_t *n_rows, struct valence_error *error)
{
    struct llm_state *llm = state;
    const struct llm_encoder *encoder = llm->encoder;
    forget_transcripts(llm); /* of a call that found no memory for the rows */
    llm->transcripts = allocate(n, sizeof *llm->transcripts);
    if (!llm->transcripts)
        return fail_memory(error, (size_t)n * sizeof *llm->transcripts, "transcripts");
    for (int64_t i = 0; i < n; i++) {
        struct transcript_tokens *transcript = &llm->transcripts[llm->n_transcripts++];
        int status = transcript_tokens_read(transcript, &encoder->model, &encoder->frame,
                                            inputs[i].text, error);
        if (status)
            return n > 1 ? fail_within(status, error, "input %" PRId64, i) : status;
        n_rows[i] = transcript->end - transcript->first;
        if (encoder->mean && n_rows[i] > 0)
            n_rows[i] = 1;
    }
    return VALENCE_OK;
}

/* Makes the context hold `positions`. Growing doubles it, so that rising lengths do not make one
 * each. */
static int reserve(struct llm_state *llm, int64_t positions, struct valence_error *error)
{
    const struct llm_encoder *encoder = llm->encoder;
    if (positions <= llm->context.sizes.positions)
        return VALENCE_OK;
    int64_t twice = 2 * llm->context.sizes.positions;
    int64_t largest = encoder->window > encoder->batch ? encoder->window : encoder->batch;
    struct llm_context_sizes sizes = {.positions = twice > positions ? twice : positions,
                                      .batch = encoder->batch,
                                      .sequences = SEQUENCES,
                                      .fast = encoder->fast};
    if (sizes.positions > largest)
        sizes.positions = largest;
    sizes.outputs = encoder->taps.depth >= encoder->model.n_layers ? encoder->batch : 0;
    struct llm_context last = llm->context; /* its progress goes on */
    llm_context_free(&llm->context);
    int status = llm_context_create(&llm->context, &encoder->model, &sizes, error);
    llm->context.taps = &encoder->taps;
    llm->context.only_taps = true;
    llm->context.progress = last.progress;
    llm->context.event = last.event;
    return status;
}

static int state_open(const void *model, void *state, struct valence_error *error)
{
    const struct llm_encoder *encoder = model;
    struct llm_state *llm = state;
    llm->encoder = encoder;
    return reserve(llm, encoder->batch, error);
}

/* An empty batch without sequences: what is in it is not computed. */
static void discard(struct llm_state *llm)
{
    llm_context_clear(&llm->context);
    llm_batch_begin(&llm->context, false);
    llm->n_sequences = 0;
}

/* Computes what is in the batch. */
static int flush(struct llm_state *llm, struct valence_error *error)
{
    int status = llm_batch_n(&llm->context) ? llm_batch_compute(&llm->context, error) : VALENCE_OK;
    discard(llm);
    return status;
}

/* Where the row of token `index` goes: the transcript's rows begin at `rows`. */
static struct llm_row row_of(const struct llm_state *llm,
                             const struct transcript_tokens *transcript, int64_t index, float *rows)
{
    const struct llm_encoder *encoder = llm->encoder;
    struct llm_row row = {NULL, 1};
    if (index < transcript->first || index >= transcript->end)
        return row;
    if (encoder->mean)
        return (struct llm_row){rows, 1.0f / (float)(transcript->end - transcript->first)};
    row.to = rows + (index - transcript->first) * encoder->taps.width;
    return row;
}

/* A transcript that fits a batch joins the others there. */
static int add_short(struct llm_state *llm, const struct transcript_tokens *transcript, float *rows,
                     struct valence_error *error)
{
    int status = VALENCE_OK;
    if (llm_batch_n(&llm->context) + transcript->n > llm->context.sizes.batch ||
        llm->n_sequences == SEQUENCES)
        status = flush(llm, error);
    for (int64_t i = 0; !status && i < transcript->n; i++)
        llm_batch_add_token(&llm->context, transcript->tokens[i], i, llm->n_sequences, false,
                            row_of(llm, transcript, i, rows));
    llm->n_sequences++;
    return status;
}

/* Tokens [start, start + n) after the first `lead` ones (prefix, BOS); rows from `keep` on are
 * kept. */
static int encode_window(struct llm_state *llm, const struct transcript_tokens *transcript,
                         int64_t lead, int64_t start, int64_t n, int64_t keep, float *rows,
                         struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; !status && i < lead + n; i++) {
        int64_t index = i < lead ? i : start + i - lead;
        struct llm_row row = {NULL, 1};
        if (index >= keep && i >= lead)
            row = row_of(llm, transcript, index, rows);
        llm_batch_add_token(&llm->context, transcript->tokens[index], i, 0, false, row);
        if (llm_batch_n(&llm->context) == llm->context.sizes.batch || i + 1 == lead + n) {
            status = llm_batch_compute(&llm->context, error);
            llm_batch_begin(&llm->context, false);
        }
    }
    llm_context_clear(&llm->context);
    return status;
}

/* One that does not: alone, in windows where it is longer than one. */
static int encode_long(struct llm_state *llm, const struct transcript_tokens *transcript,
                       float *rows, struct valence_error *error)
{
    int64_t window = transcript->n < llm->encoder->window ? transcript->n : llm->encoder->window;
    int64_t lead = transcript->lead;
    int64_t step = window - window / OVERLAP - lead;
    int status = flush(llm, error);
    if (!status)
        status = reserve(llm, window, error);
    if (!status)
        status = encode_window(llm, transcript, 0, 0, window, 0, rows, error);
    for (int64_t done = window; !status && done < transcript->n;) {
        int64_t end = done + step < transcript->n ? done + step : transcript->n;
        status = encode_window(llm, transcript, lead, end - (window - lead), window - lead, done,
                               rows, error);
        done = end;
    }
    return status;
}

static int encode_one(struct llm_state *llm, const struct transcript_tokens *transcript,
                      float *rows, struct valence_error *error)
{
    if (transcript->end <= transcript->first)
        return VALENCE_OK;
    bool is_short =
        transcript->n <= llm->context.sizes.batch && transcript->n <= llm->encoder->window;
    return is_short ? add_short(llm, transcript, rows, error)
                    : encode_long(llm, transcript, rows, error);
}

static int check_finite(const struct valence_features *features, struct valence_error *error)
{
    for (int64_t i = 0; i < features->offsets[features->n_inputs] * features->width; i++)
        if (!isfinite(features->rows[i]))
            return fail(error, VALENCE_ERROR_DATA,
                        "the model gives values that are not finite (is the file damaged?)");
    return VALENCE_OK;
}

static int encode(void *state, const struct valence_encoder_input *inputs,
                  const struct valence_progress *progress, struct valence_features *features,
                  struct valence_error *error)
{
    struct llm_state *llm = state;
    (void)inputs;                                          /* measure() read them */
    int status = reserve(llm, llm->encoder->batch, error); /* where growing failed before */
    if (status)
        return status;
    discard(llm); /* a failure's rest would go to rows that are gone */
    llm->context.progress = progress;
    for (int64_t i = 0; !status && i < features->n_inputs; i++) {
        llm->context.event =
            (struct valence_progress_event){"encoding", i, features->n_inputs, "texts", NULL};
        status = encode_one(llm, &llm->transcripts[i],
                            features->rows + features->offsets[i] * features->width, error);
        if (status && status != VALENCE_ERROR_CANCELLED && features->n_inputs > 1)
            fail_within(status, error, "input %" PRId64, i);
    }
    if (!status)
        status = flush(llm, error);
    forget_transcripts(llm);
    llm->context.progress = NULL;
    return status ? status : check_finite(features, error);
}

const struct encoder_kind encoder_llm = {
    .name = "llm",
    .model_bytes = sizeof(struct llm_encoder),
    .state_bytes = sizeof(struct llm_state),
    .load = load,
    .clear = clear,
    .state_open = state_open,
    .state_clear = state_clear,
    .measure = measure,
    .encode = encode,
};
