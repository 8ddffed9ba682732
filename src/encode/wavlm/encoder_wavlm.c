#include <string.h>

#include "base/fail.h"
#include "encode/encoder_kind.h"
#include "encode/wavlm/wavlm.h"

#define DEFAULT_LAYERS "-5" /* the paper's */
#define WINDOW_SECONDS 120.0

struct wavlm_encoder {
    struct wavlm model;
    ggml_backend_dev_t device;
    struct taps taps;
    char layers[TAPS_TEXT_BYTES];
    int64_t window;
    bool plain;
};

static void clear(void *model)
{
    struct wavlm_encoder *encoder = model;
    wavlm_free(&encoder->model);
}

static int set_options(struct wavlm_encoder *encoder, const struct valence_encoder_options *options,
                       struct valence_error *error)
{
    const struct wavlm *model = &encoder->model;
    const char *layers = options->layers ? options->layers : DEFAULT_LAYERS;
    double seconds = options->window_seconds ? options->window_seconds : WINDOW_SECONDS;
    encoder->plain = options->plain;
    if (!(seconds >= 1 && seconds <= 3600))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "a window of %g seconds is not within 1 ... 3600", seconds);
    encoder->window = (int64_t)(seconds * (double)model->rate_hz / (double)model->hop);
    int status = wavlm_parse_taps(model, layers, &encoder->taps, error);
    if (!status)
        memcpy(encoder->layers, layers, strlen(layers) + 1);
    return status;
}

static int load(struct weights *weights, ggml_backend_dev_t device,
                const struct valence_encoder_options *options, void *model,
                struct valence_encoder_description *description, struct valence_error *error)
{
    struct wavlm_encoder *encoder = model;
    encoder->device = device;
    bool cpu = ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
    int status = wavlm_load(&encoder->model, weights, device, cpu && !options->plain, error);
    if (!status)
        status = set_options(encoder, options, error);
    if (status)
        return status;
    description->layers = encoder->layers;
    description->width = encoder->taps.width;
    description->n_layers = encoder->model.n_layers;
    description->rate_hz = encoder->model.rate_hz;
    description->hop = encoder->model.hop;
    description->reach = encoder->model.reach;
    return VALENCE_OK;
}

static void state_clear(void *state)
{
    wavlm_state_free(state);
}

static int state_open(const void *model, void *state, struct valence_error *error)
{
    const struct wavlm_encoder *encoder = model;
    return wavlm_state_create(state, &encoder->model, encoder->device, &encoder->taps,
                              encoder->window, encoder->plain, error);
}

static int measure(void *state, const struct valence_encoder_input *inputs, int64_t n,
                   int64_t *n_rows, struct valence_error *error)
{
    const struct wavlm_state *wavlm = state;
    (void)error;
    for (int64_t i = 0; i < n; i++)
        n_rows[i] = wavlm_n_frames(wavlm->model, inputs[i].samples ? inputs[i].n_samples : 0);
    return VALENCE_OK;
}

static int encode_input(void *state, const struct valence_encoder_input *input, float *rows,
                        int64_t n_rows, const struct valence_progress *progress, int64_t done,
                        int64_t total, struct valence_error *error)
{
    (void)n_rows;
    return wavlm_encode(state, input->samples, input->samples ? input->n_samples : 0, rows,
                        progress, done, total, error);
}

const struct encoder_kind encoder_wavlm = {
    .name = "wavlm",
    .model_bytes = sizeof(struct wavlm_encoder),
    .state_bytes = sizeof(struct wavlm_state),
    .load = load,
    .clear = clear,
    .state_open = state_open,
    .state_clear = state_clear,
    .measure = measure,
    .encode_input = encode_input,
};
