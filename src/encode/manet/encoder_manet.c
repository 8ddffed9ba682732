#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/encoder_kind.h"
#include "encode/manet/manet.h"
#include "encode/manet/resize.h"

struct manet_encoder {
    struct manet model;
    ggml_backend_dev_t device;
    enum manet_output output;
    bool plain;
};

static void clear(void *model)
{
    struct manet_encoder *encoder = model;
    manet_free(&encoder->model);
}

static int find_output(const char *layers, enum manet_output *output, struct valence_error *error)
{
    *output = layers && strcmp(layers, "logits") == 0 ? MANET_LOGITS : MANET_EMBEDDING;
    if (*output == MANET_EMBEDDING && layers && strcmp(layers, "embedding") != 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "manet gives 'embedding' or 'logits', not '%s'",
                    layers);
    return VALENCE_OK;
}

static int load(struct weights *weights, ggml_backend_dev_t device,
                const struct valence_encoder_options *options, void *model,
                struct valence_encoder_description *description, struct valence_error *error)
{
    struct manet_encoder *encoder = model;
    bool cpu = ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
    encoder->device = device;
    encoder->plain = options->plain;
    int status = manet_load(&encoder->model, weights, device, cpu && !options->plain, error);
    if (!status)
        status = find_output(options->layers, &encoder->output, error);
    if (status)
        return status;
    description->layers = encoder->output == MANET_LOGITS ? "logits" : "embedding";
    description->width = manet_row_width(&encoder->model, encoder->output);
    description->side = encoder->model.side;
    return VALENCE_OK;
}

static void state_clear(void *state)
{
    struct manet_state *manet = state;
    graph_free(&manet->graph);
}

static int state_open(const void *model, void *state, struct valence_error *error)
{
    const struct manet_encoder *encoder = model;
    struct manet_state *manet = state;
    manet->model = &encoder->model;
    manet->output = encoder->output;
    return graph_create(&manet->graph, encoder->device, encoder->plain, error);
}

static int measure(void *state, const struct valence_encoder_input *inputs, int64_t n,
                   int64_t *n_rows, struct valence_error *error)
{
    (void)state, (void)error;
    for (int64_t i = 0; i < n; i++)
        n_rows[i] = inputs[i].pixels != NULL;
    return VALENCE_OK;
}

/* Resizes pictures `first` ... of the batch into `pixels`. */
static int resize(const struct valence_encoder_input *inputs, int64_t first, int64_t n,
                  int64_t side, uint8_t *pixels, struct valence_error *error)
{
    for (int64_t i = first; i < first + n; i++, pixels += 3 * side * side) {
        int status = inputs[i].pixels
                         ? resize_rgb(inputs[i].pixels, inputs[i].width, inputs[i].height, side,
                                      pixels, error)
                         : fail(error, VALENCE_ERROR_ARGUMENT, "the picture is missing");
        if (status)
            return fail_within(status, error, "input %" PRId64, i);
    }
    return VALENCE_OK;
}

static int encode(void *state, const struct valence_encoder_input *inputs,
                  const struct valence_progress *progress, struct valence_features *features,
                  struct valence_error *error)
{
    struct manet_state *manet = state;
    int64_t side = manet->model->side, all = features->n_inputs;
    int64_t room = all < MANET_PICTURES ? all : MANET_PICTURES;
    uint8_t *pixels = allocate(room * side * side, 3);
    int status =
        pixels ? VALENCE_OK : fail_memory(error, (size_t)(3 * room * side * side), "pictures");
    for (int64_t first = 0; !status && first < all; first += MANET_PICTURES) {
        int64_t n = all - first < MANET_PICTURES ? all - first : MANET_PICTURES;
        struct valence_progress_event event = {"encoding", first, all, "pictures", NULL};
        if (progress && progress->report(progress->user, &event))
            status = fail(error, VALENCE_ERROR_CANCELLED, "encoding was cancelled");
        if (!status)
            status = resize(inputs, first, n, side, pixels, error);
        if (!status)
            status =
                manet_encode(manet, pixels, n, features->rows + first * features->width, error);
    }
    free(pixels);
    return status;
}

const struct encoder_kind encoder_manet = {
    .name = "manet",
    .model_bytes = sizeof(struct manet_encoder),
    .state_bytes = sizeof(struct manet_state),
    .load = load,
    .clear = clear,
    .state_open = state_open,
    .state_clear = state_clear,
    .measure = measure,
    .encode = encode,
};
