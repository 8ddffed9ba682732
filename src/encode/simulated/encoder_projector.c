#include <inttypes.h>
#include <math.h>

#include "base/fail.h"
#include "encode/encoder_kind.h"
#include "encode/compute/graph.h"
#include "encode/simulated/projector.h"

#define PIECE 512 /* rows computed at once */

static void clear(void *model)
{
    struct projector *projector = model;
    weights_close(&projector->weights);
}

static int load_tensors(struct projector *projector, struct valence_error *error)
{
    struct weights *weights = &projector->weights;
    projector->joined = weights_int(weights, "projector.frames_joined", 1, PROJECTOR_MAX_JOINED);
    projector->frame_width = weights_int(weights, "projector.frame_width", 1, PROJECTOR_MAX_WIDTH);
    projector->hidden_width =
        weights_int(weights, "projector.hidden_width", 1, PROJECTOR_MAX_WIDTH);
    projector->width = weights_int(weights, "projector.width", 1, PROJECTOR_MAX_WIDTH);
    projector->wavlm = weights_text(weights, "projector.wavlm");
    projector->llm = weights_text(weights, "projector.llm");
    projector->wavlm_source = weights_text(weights, "projector.wavlm_source");
    projector->llm_source = weights_text(weights, "projector.llm_source");
    const int64_t widths[] = {projector->joined * projector->frame_width, projector->hidden_width,
                              projector->width};
    for (int i = 0; i < 2; i++) {
        projector->weight[i] =
            weights_tensor(weights, false, widths[i], widths[i + 1], 0, "linear%d.weight", i + 1);
        projector->bias[i] =
            weights_tensor(weights, true, widths[i + 1], 0, 0, "linear%d.bias", i + 1);
    }
    return weights_check(weights, error);
}

static int load(struct weights *weights, ggml_backend_dev_t device,
                const struct valence_encoder_options *options, void *model,
                struct valence_encoder_description *description, struct valence_error *error)
{
    struct projector *projector = model;
    *projector = (struct projector){.weights = *weights, .device = device, .plain = options->plain};
    *weights = (struct weights){0};
    int status = load_tensors(projector, error);
    if (!status)
        status = weights_place(&projector->weights, device, error);
    if (status)
        return status;
    description->width = projector->width;
    description->frame_width = projector->frame_width;
    description->frames_joined = projector->joined;
    description->wavlm = projector->wavlm;
    description->llm = projector->llm;
    return VALENCE_OK;
}

/* ---- Encoding ---- */

struct projector_state {
    const struct projector *projector;
    struct graph graph;
};

static void state_clear(void *state)
{
    struct projector_state *opened = state;
    graph_free(&opened->graph);
}

static int state_open(const void *model, void *state, struct valence_error *error)
{
    const struct projector *projector = model;
    struct projector_state *opened = state;
    opened->projector = projector;
    return graph_create(&opened->graph, projector->device, projector->plain, error);
}

static int measure(void *state, const struct valence_encoder_input *inputs, int64_t n,
                   int64_t *n_rows, struct valence_error *error)
{
    const struct projector_state *opened = state;
    (void)error;
    for (int64_t i = 0; i < n; i++)
        n_rows[i] = inputs[i].frames && inputs[i].n_frames > 0
                        ? inputs[i].n_frames / opened->projector->joined
                        : 0;
    return VALENCE_OK;
}

/* `n` rows from n * joined frames, which lie in memory as the first product wants them. */
static int project(struct projector_state *state, const float *frames, int64_t n, float *rows,
                   struct valence_error *error)
{
    const struct projector *projector = state->projector;
    struct graph *graph = &state->graph;
    int status = graph_begin(graph, error);
    if (status)
        return status;
    struct ggml_tensor *input =
        graph_input(graph, projector->joined * projector->frame_width, n, 1, 1);
    struct ggml_tensor *hidden =
        graph_linear(graph, projector->weight[0], projector->bias[0], input, ACTIVATION_RELU, NULL);
    struct ggml_tensor *output = graph_linear(graph, projector->weight[1], projector->bias[1],
                                              hidden, ACTIVATION_NONE, NULL);
    graph_output(graph, output);
    if ((status = graph_allocate(graph, error)))
        return status;
    ggml_backend_tensor_set(input, frames, 0, ggml_nbytes(input));
    if (!(status = graph_compute(graph, error)))
        ggml_backend_tensor_get(output, rows, 0, ggml_nbytes(output));
    return status;
}

static int encode_input(void *user, const struct valence_encoder_input *input, float *rows,
                        int64_t n, const struct valence_progress *progress, int64_t done,
                        int64_t total, struct valence_error *error)
{
    struct projector_state *state = user;
    const struct projector *projector = state->projector;
    struct valence_progress_event event = {"projecting", done, total, "rows", NULL};
    int64_t taken = projector->joined * projector->frame_width;
    if (!input->frames)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the sound has no frames");
    if (progress && progress->report(progress->user, &event))
        return fail(error, VALENCE_ERROR_CANCELLED, "projecting was cancelled");
    for (int64_t i = 0; i < n * taken; i++)
        if (!isfinite(input->frames[i]))
            return fail(error, VALENCE_ERROR_DATA, "frame %" PRId64 " is not finite",
                        i / projector->frame_width);
    int status = VALENCE_OK;
    for (int64_t first = 0; !status && first < n; first += PIECE)
        status =
            project(state, input->frames + first * taken, n - first < PIECE ? n - first : PIECE,
                    rows + first * projector->width, error);
    return status;
}

const struct encoder_kind encoder_projector = {
    .name = "projector",
    .model_bytes = sizeof(struct projector),
    .state_bytes = sizeof(struct projector_state),
    .load = load,
    .clear = clear,
    .state_open = state_open,
    .state_clear = state_clear,
    .measure = measure,
    .encode_input = encode_input,
};
