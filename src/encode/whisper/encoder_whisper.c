/* Whisper behind valence/encoder.h: rows are hidden states, 50 a second. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "encode/encoder_kind.h"
#include "encode/whisper/whisper_audio.h"

struct whisper_encoder {
    struct weights weights; /* the description's texts stand in it */
    struct whisper_audio model;
    struct taps taps;
    char layers[TAPS_TEXT_BYTES];
};

struct whisper_encoding {
    struct whisper_audio_state whisper;
    const struct taps *taps;
};

/* ---- Loading ---- */

static void clear(void *model)
{
    struct whisper_encoder *encoder = model;
    whisper_audio_free(&encoder->model);
    weights_close(&encoder->weights);
}

/* The middle layer by default: the best of Whisper base for emotion in speech. */
static int set_layers(struct whisper_encoder *encoder, const char *layers,
                      struct valence_error *error)
{
    const struct whisper_audio *model = &encoder->model;
    const struct tappable tappable = {
        model->n_layers,
        model->width,
        1,
        {{"final", model->n_layers + 1, model->width, model->n_layers}}};
    if (layers && strlen(layers) >= sizeof encoder->layers)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "layers", "the list of layers is too long");
    if (layers)
        strcpy(encoder->layers, layers);
    else
        snprintf(encoder->layers, sizeof encoder->layers, "%" PRId64, model->n_layers / 2);
    return taps_parse(&tappable, encoder->layers, &encoder->taps, error);
}

static int load(struct weights *weights, ggml_backend_dev_t device,
                const struct valence_encoder_options *options, void *model,
                struct valence_encoder_description *description, struct valence_error *error)
{
    struct whisper_encoder *encoder = model;
    int status = VALENCE_OK;
    encoder->weights = *weights;
    *weights = (struct weights){0};
    if (ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU)
        status = fail_key(error, VALENCE_ERROR_UNSUPPORTED, "device",
                          "the encoder 'whisper' computes on the CPU only");
    if (!status)
        status = whisper_audio_load(&encoder->model, &encoder->weights, error);
    if (!status)
        status = set_layers(encoder, options->layers, error);
    if (!status) {
        description->layers = encoder->layers;
        description->width = encoder->taps.width;
        description->n_layers = encoder->model.n_layers;
        description->rate_hz = WHISPER_RATE_HZ;
        description->hop = WHISPER_HOP;
        description->reach = 1;
    }
    return status;
}

/* ---- Encoding ---- */

static int state_open(const void *model, void *state, struct valence_error *error)
{
    const struct whisper_encoder *encoder = model;
    struct whisper_encoding *encoding = state;
    encoding->taps = &encoder->taps;
    return whisper_audio_state_create(&encoding->whisper, &encoder->model, error);
}

static void state_clear(void *state)
{
    struct whisper_encoding *encoding = state;
    whisper_audio_state_free(&encoding->whisper);
}

static int measure(void *state, const struct valence_encoder_input *inputs, int64_t n,
                   int64_t *n_rows, struct valence_error *error)
{
    (void)state, (void)error;
    for (int64_t i = 0; i < n; i++)
        n_rows[i] = inputs[i].samples ? (inputs[i].n_samples + WHISPER_HOP - 1) / WHISPER_HOP : 0;
    return VALENCE_OK;
}

/* Where a window's rows go. */
struct window {
    const struct taps *taps;
    int64_t n_rows, width;
    float *rows; /* (n_rows, taps->width), zeroed */
};

static void add_rows(void *user, int64_t index, const float *hidden)
{
    struct window *window = user;
    const struct taps *taps = window->taps;
    for (int i = 0; i < taps->n; i++)
        for (int64_t t = 0; taps->list[i].hidden == index && t < window->n_rows; t++)
            for (int64_t c = 0; c < window->width; c++)
                window->rows[t * taps->width + taps->list[i].column + c] +=
                    hidden[t * window->width + c];
}

/* Windows of 30 s follow each other without overlap, each computed on its own. */
static int encode_sound(struct whisper_encoding *encoding, const float *samples, int64_t n,
                        float *rows, const struct valence_progress *progress, int64_t done,
                        int64_t total, struct valence_error *error)
{
    struct whisper_audio_state *state = &encoding->whisper;
    if (!samples || n < 1)
        return fail(error, VALENCE_ERROR_DATA, "the clip has no samples");
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(samples[i]))
            return fail(error, VALENCE_ERROR_DATA, "sample %" PRId64 " is not a finite number", i);
    for (int64_t first = 0; first < n; first += WHISPER_WINDOW) {
        int64_t count = n - first < WHISPER_WINDOW ? n - first : WHISPER_WINDOW;
        struct window window = {encoding->taps, (count + WHISPER_HOP - 1) / WHISPER_HOP,
                                state->model->width, rows};
        int status = whisper_audio_log_mel(state->model, samples + first, count, WHISPER_WINDOW,
                                           state->mel, error);
        if (status)
            return status;
        whisper_audio_run(state, WHISPER_CONTEXT, encoding->taps->depth, add_rows, &window);
        rows += window.n_rows * encoding->taps->width;
        done += window.n_rows;
        struct valence_progress_event event = {"encoding", done, total, "rows", NULL};
        if (progress && progress->report(progress->user, &event))
            return fail(error, VALENCE_ERROR_CANCELLED, "encoding was cancelled");
    }
    return VALENCE_OK;
}

static int encode_input(void *state, const struct valence_encoder_input *input, float *rows,
                        int64_t n_rows, const struct valence_progress *progress, int64_t done,
                        int64_t total, struct valence_error *error)
{
    (void)n_rows;
    return encode_sound(state, input->samples, input->n_samples, rows, progress, done, total,
                        error);
}

const struct encoder_kind encoder_whisper = {
    .name = "whisper",
    .model_bytes = sizeof(struct whisper_encoder),
    .state_bytes = sizeof(struct whisper_encoding),
    .load = load,
    .clear = clear,
    .state_open = state_open,
    .state_clear = state_clear,
    .measure = measure,
    .encode_input = encode_input,
};
