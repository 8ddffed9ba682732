#include "encode/wavlm/wavlm.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/wavlm/wavlm_network.h"

#define PIECE 96 /* frames of convolutions at a time; the first makes 64 rows of 512 for each */

/* ---- State ---- */

int wavlm_parse_taps(const struct wavlm *model, const char *text, struct taps *taps,
                     struct valence_error *error)
{
    const struct tappable tappable = {
        .n_layers = model->n_layers,
        .width = model->width,
        .n_names = 2,
        .names = {{"final", WAVLM_FINAL, model->width, model->n_layers},
                  {"conv", WAVLM_CONV, model->conv_widths[WAVLM_CONVOLUTIONS - 1], WAVLM_CONV}}};
    return taps_parse(&tappable, text, taps, error);
}

int wavlm_state_create(struct wavlm_state *state, const struct wavlm *model,
                       ggml_backend_dev_t device, const struct taps *taps, int64_t window,
                       bool plain, struct valence_error *error)
{
    *state = (struct wavlm_state){.model = model, .taps = taps, .window = window};
    return graph_create(&state->graph, device, plain, error);
}

static void free_window(struct wavlm_state *state)
{
    ggml_backend_buffer_free(state->buffer);
    ggml_free(state->context);
    state->buffer = NULL;
    state->context = NULL;
    state->hidden = state->bias = NULL;
}

void wavlm_state_free(struct wavlm_state *state)
{
    free_window(state);
    graph_free(&state->graph);
    *state = (struct wavlm_state){0};
}

/* Makes the tensors that stay on the device for a window of `frames`; those of the last are kept
 * where they fit. */
static int prepare_window(struct wavlm_state *state, int64_t frames, struct valence_error *error)
{
    if (state->hidden && state->hidden->ne[1] == frames)
        return VALENCE_OK;
    free_window(state);
    struct ggml_init_params params = {.mem_size = 2 * ggml_tensor_overhead(), .no_alloc = true};
    state->context = ggml_init(params);
    if (state->context) {
        state->hidden =
            ggml_new_tensor_2d(state->context, GGML_TYPE_F32, state->model->width, frames);
        state->bias = wavlm_bias_create(&state->graph, state->model, state->context, frames);
        state->buffer = ggml_backend_alloc_ctx_tensors(state->context, state->graph.backend);
    }
    int status = state->buffer ? wavlm_bias_fill(state->model, frames, state->bias, error)
                               : fail_memory(error, 0, "a window's hidden state");
    if (status)
        free_window(state);
    return status;
}

/* ---- One clip ---- */

/* What is being encoded: the clip as a whole, and the window of it that is computed. */
struct clip {
    const float *samples; /* normalised */
    int64_t n_samples, n_frames;
    float *first_weight,
        *first_bias;            /* the first convolution with the clip's group norm, or NULL */
    float *rows;                /* (n_frames, taps.width) */
    float *tapped;              /* room for a window's hidden state */
    int64_t start, frames;      /* of the window */
    int64_t keep_from, keep_to; /* frames of the clip that the window gives */
    const struct valence_progress *progress;
    int64_t done, total;
};

static int report(const struct clip *clip, int64_t layer, int64_t n_layers,
                  struct valence_error *error)
{
    if (!clip->progress)
        return VALENCE_OK;
    int64_t part = (clip->keep_to - clip->keep_from) * layer / (n_layers + 1);
    struct valence_progress_event event = {"encoding", clip->done + clip->keep_from + part,
                                           clip->total, "frames", NULL};
    if (clip->progress->report(clip->progress->user, &event))
        return fail(error, VALENCE_ERROR_CANCELLED, "encoding was cancelled");
    return VALENCE_OK;
}

/* Adds rows first ... first+n-1 of the window, at clip->tapped, to the features of every tap of
 * that hidden state. */
static void collect(const struct wavlm_state *state, const struct clip *clip, int64_t hidden,
                    int64_t width, int64_t first, int64_t n)
{
    for (int i = 0; i < state->taps->n; i++) {
        const struct tap *tap = &state->taps->list[i];
        for (int64_t j = 0; tap->hidden == hidden && j < n; j++) {
            int64_t frame = clip->start + first + j;
            if (frame < clip->keep_from || frame >= clip->keep_to)
                continue;
            float *row = clip->rows + frame * state->taps->width + tap->column;
            for (int64_t c = 0; c < width; c++)
                row[c] += clip->tapped[j * width + c];
        }
    }
}

static bool is_tapped(const struct wavlm_state *state, int64_t hidden)
{
    for (int i = 0; i < state->taps->n; i++)
        if (state->taps->list[i].hidden == hidden)
            return true;
    return false;
}

static void collect_tensor(const struct wavlm_state *state, const struct clip *clip, int64_t hidden,
                           const struct ggml_tensor *tensor, int64_t first)
{
    if (!is_tapped(state, hidden))
        return;
    ggml_backend_tensor_get(tensor, clip->tapped, 0, ggml_nbytes(tensor));
    collect(state, clip, hidden, tensor->ne[0], first, tensor->ne[1]);
}

/* ---- Convolutions ---- */

/* Sums of a channel of the first convolution over the whole clip, and of its square. */
static int sum_first_convolution(struct wavlm_state *state, const struct clip *clip, double *sums,
                                 double *squares, struct valence_error *error)
{
    const struct wavlm *model = state->model;
    struct graph *graph = &state->graph;
    int64_t kernel = model->conv_kernels[0], stride = model->conv_strides[0];
    int64_t width = model->conv_widths[0], all = (clip->n_samples - kernel) / stride + 1;
    int64_t step = PIECE * (model->hop / stride);
    float *values = allocate(step, (size_t)width * sizeof *values);
    int status = values
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)(step * width) * sizeof *values, "a convolution");
    for (int64_t first = 0; !status && first < all; first += step) {
        int64_t n = all - first < step ? all - first : step;
        if ((status = graph_begin(graph, error)))
            break;
        struct ggml_tensor *samples = graph_input(graph, 1, (n - 1) * stride + kernel, 1, 1);
        struct ggml_tensor *y = wavlm_first_convolution(graph, model, samples);
        graph_output(graph, y);
        if ((status = graph_allocate(graph, error)))
            break;
        ggml_backend_tensor_set(samples, clip->samples + first * stride, 0, ggml_nbytes(samples));
        if ((status = graph_compute(graph, error)))
            break;
        ggml_backend_tensor_get(y, values, 0, ggml_nbytes(y));
        for (int64_t i = 0; i < n * width; i++) {
            sums[i % width] += values[i];
            squares[i % width] += (double)values[i] * values[i];
        }
    }
    free(values);
    return status;
}

/* GroupNorm with a group per channel normalises the first convolution's channels over the whole
 * clip: it is the same as a convolution with scaled weights and a bias. */
static int fold_group_norm(struct wavlm_state *state, struct clip *clip,
                           struct valence_error *error)
{
    const struct wavlm *model = state->model;
    int64_t kernel = model->conv_kernels[0], width = model->conv_widths[0];
    double count = (double)((clip->n_samples - kernel) / model->conv_strides[0] + 1);
    double *sums = allocate(2 * width, sizeof *sums), *squares = sums ? sums + width : NULL;
    float *norm = allocate(3 * width, sizeof *norm);
    clip->first_weight = allocate(kernel * width, sizeof *clip->first_weight);
    clip->first_bias = allocate(width, sizeof *clip->first_bias);
    int status = VALENCE_OK;
    if (!sums || !norm || !clip->first_weight || !clip->first_bias)
        status = fail_memory(error, (size_t)(kernel * width) * sizeof(float), "a convolution");
    else
        status = sum_first_convolution(state, clip, sums, squares, error);
    if (!status) {
        size_t bytes = (size_t)width * sizeof *norm;
        ggml_backend_tensor_get(model->conv[0].weight, clip->first_weight, 0,
                                (size_t)kernel * bytes);
        ggml_backend_tensor_get(model->conv_norm[0].weight, norm, 0, bytes);
        ggml_backend_tensor_get(model->conv_norm[0].bias, norm + width, 0, bytes);
        if (model->conv[0].bias)
            ggml_backend_tensor_get(model->conv[0].bias, norm + 2 * width, 0, bytes);
        for (int64_t c = 0; c < width; c++) {
            double mean = sums[c] / count, variance = squares[c] / count - mean * mean;
            double scale = norm[c] / sqrt((variance > 0 ? variance : 0) + 1e-5);
            clip->first_bias[c] = (float)(norm[width + c] + (norm[2 * width + c] - mean) * scale);
            for (int64_t k = 0; k < kernel; k++)
                clip->first_weight[c * kernel + k] *= (float)scale;
        }
    }
    free(sums);
    free(norm);
    return status;
}

/* Frames first ... first+n-1 of the window into state->hidden, projected. */
static int encode_piece(struct wavlm_state *state, const struct clip *clip, int64_t first,
                        int64_t n, struct valence_error *error)
{
    const struct wavlm *model = state->model;
    struct graph *graph = &state->graph;
    int status = graph_begin(graph, error);
    if (status)
        return status;
    struct ggml_tensor *samples = graph_input(graph, 1, (n - 1) * model->hop + model->reach, 1, 1);
    struct affine folded = {0};
    if (clip->first_weight) {
        folded.weight = graph_input(graph, model->conv_kernels[0], model->conv_widths[0], 1, 1);
        folded.bias = graph_input(graph, model->conv_widths[0], 1, 1, 1);
    }
    struct ggml_tensor *features =
        wavlm_convolutions(graph, model, samples, clip->first_weight ? &folded : NULL);
    graph_output(graph, features);
    struct ggml_tensor *target =
        ggml_view_2d(graph->context, state->hidden, model->width, n, state->hidden->nb[1],
                     (size_t)first * state->hidden->nb[1]);
    graph_add(graph, ggml_cpy(graph->context, wavlm_projection(graph, model, features), target));
    if ((status = graph_allocate(graph, error)))
        return status;
    ggml_backend_tensor_set(samples, clip->samples + (clip->start + first) * model->hop, 0,
                            ggml_nbytes(samples));
    if (clip->first_weight) {
        ggml_backend_tensor_set(folded.weight, clip->first_weight, 0, ggml_nbytes(folded.weight));
        ggml_backend_tensor_set(folded.bias, clip->first_bias, 0, ggml_nbytes(folded.bias));
    }
    if (!(status = graph_compute(graph, error)))
        collect_tensor(state, clip, WAVLM_CONV, features, first);
    return status;
}

/* ---- Layers ---- */

/* state->hidden = hidden state `index`, from the one before it (from the projection for 0). */
static int encode_layer(struct wavlm_state *state, const struct clip *clip, int64_t index,
                        struct valence_error *error)
{
    const struct wavlm *model = state->model;
    struct graph *graph = &state->graph;
    int status = graph_begin(graph, error);
    if (status)
        return status;
    struct ggml_tensor *y = index == 0 ? wavlm_position(graph, model, state->hidden)
                                       : wavlm_layer(graph, model, &model->layers[index - 1],
                                                     state->hidden, state->bias);
    graph_add(graph, ggml_cpy(graph->context, y, state->hidden));
    if (!(status = graph_allocate(graph, error)) && !(status = graph_compute(graph, error)))
        collect_tensor(state, clip, index, state->hidden, 0);
    return status;
}

/* last_hidden_state: the stable variant's is normed. */
static int encode_final(struct wavlm_state *state, const struct clip *clip,
                        struct valence_error *error)
{
    const struct wavlm *model = state->model;
    struct graph *graph = &state->graph;
    int status = graph_begin(graph, error);
    if (status || !model->stable) {
        if (!status)
            collect_tensor(state, clip, WAVLM_FINAL, state->hidden, 0);
        return status;
    }
    struct ggml_tensor *y = graph_norm(graph, model->encoder_norm.weight, model->encoder_norm.bias,
                                       state->hidden, model->epsilon, ACTIVATION_NONE);
    graph_output(graph, y);
    if (!(status = graph_allocate(graph, error)) && !(status = graph_compute(graph, error)))
        collect_tensor(state, clip, WAVLM_FINAL, y, 0);
    return status;
}

static int encode_window(struct wavlm_state *state, const struct clip *clip,
                         struct valence_error *error)
{
    int64_t last = state->taps->depth;
    int status = prepare_window(state, clip->frames, error);
    for (int64_t first = 0; !status && first < clip->frames; first += PIECE)
        status = encode_piece(state, clip, first,
                              clip->frames - first < PIECE ? clip->frames - first : PIECE, error);
    for (int64_t i = 0; !status && i <= last; i++)
        if (!(status = report(clip, i, last, error)))
            status = encode_layer(state, clip, i, error);
    if (!status && is_tapped(state, WAVLM_FINAL))
        status = encode_final(state, clip, error);
    return status;
}

/* ---- Windows ---- */

static int encode_windows(struct wavlm_state *state, struct clip *clip, struct valence_error *error)
{
    int64_t window = clip->n_frames < state->window ? clip->n_frames : state->window;
    int64_t shared = window / WAVLM_OVERLAP, step = window - shared;
    int status = VALENCE_OK;
    clip->frames = window;
    clip->keep_from = 0;
    for (clip->start = 0; !status && clip->keep_from < clip->n_frames; clip->start += step) {
        bool ends = clip->start + window >= clip->n_frames;
        if (ends)
            clip->start = clip->n_frames - window;
        clip->keep_to = ends ? clip->n_frames : clip->start + window - shared / 2;
        status = encode_window(state, clip, error);
        clip->keep_from = clip->keep_to;
    }
    return status;
}

static int check_samples(const float *samples, int64_t n, struct valence_error *error)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(samples[i]))
            return fail(error, VALENCE_ERROR_DATA, "sample %" PRId64 " is %s", i,
                        isnan(samples[i]) ? "not a number" : "infinite");
    return VALENCE_OK;
}

int wavlm_encode(struct wavlm_state *state, const float *samples, int64_t n_samples, float *rows,
                 const struct valence_progress *progress, int64_t done, int64_t total,
                 struct valence_error *error)
{
    const struct wavlm *model = state->model;
    int64_t n_frames = wavlm_n_frames(model, n_samples);
    if (n_frames == 0)
        return fail(error, VALENCE_ERROR_DATA,
                    "%" PRId64 " samples are too few: a frame sees %" PRId64 " (%.1f ms)",
                    n_samples, model->reach,
                    1000.0 * (double)model->reach / (double)model->rate_hz);
    int status = check_samples(samples, n_samples, error);
    if (status)
        return status;
    int64_t window = n_frames < state->window ? n_frames : state->window;
    int64_t widest = model->width;
    if (model->conv_widths[WAVLM_CONVOLUTIONS - 1] > widest)
        widest = model->conv_widths[WAVLM_CONVOLUTIONS - 1];
    float *normalized = allocate(n_samples, sizeof *normalized);
    struct clip clip = {.samples = normalized,
                        .n_samples = n_samples,
                        .n_frames = n_frames,
                        .rows = rows,
                        .progress = progress,
                        .done = done,
                        .total = total};
    clip.tapped = allocate(window, (size_t)widest * sizeof *clip.tapped);
    if (!normalized || !clip.tapped)
        status = fail_memory(error, (size_t)n_samples * sizeof *normalized, "a clip");
    if (!status) {
        wavlm_normalize(model, samples, n_samples, normalized);
        memset(rows, 0, (size_t)(n_frames * state->taps->width) * sizeof *rows);
        if (model->group_norm)
            status = fold_group_norm(state, &clip, error);
    }
    if (!status)
        status = encode_windows(state, &clip, error);
    free(normalized);
    free(clip.tapped);
    free(clip.first_weight);
    free(clip.first_bias);
    return status;
}
