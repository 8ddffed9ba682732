#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "encode/compute/linear.h"
#include "encode/wavlm/wavlm.h"

/* ---- Loading ---- */

static void load_sizes(struct wavlm *model)
{
    struct weights *w = &model->weights;
    model->width = weights_int(w, "wavlm.width", 1, 1 << 16);
    model->n_layers = weights_int(w, "wavlm.n_layers", 1, WAVLM_MAX_LAYERS);
    model->n_heads = weights_int(w, "wavlm.n_heads", 1, 1 << 10);
    model->ffn_width = weights_int(w, "wavlm.ffn_width", 1, 1 << 18);
    model->n_buckets = weights_int(w, "wavlm.n_buckets", 4, 1 << 16);
    model->max_distance = weights_int(w, "wavlm.max_distance", 2, 1 << 20);
    model->position_kernel = weights_int(w, "wavlm.position_kernel", 1, 1 << 12);
    model->position_groups = weights_int(w, "wavlm.position_groups", 1, 1 << 12);
    model->rate_hz = weights_int(w, "wavlm.rate_hz", 1000, 1 << 20);
    model->epsilon = (float)weights_float(w, "wavlm.epsilon");
    model->stable = weights_bool(w, "wavlm.stable");
    model->group_norm = weights_bool(w, "wavlm.group_norm");
    model->normalize = weights_bool(w, "wavlm.normalize");
    model->conv_bias = weights_bool(w, "wavlm.convolution_bias");
    weights_ints(w, "wavlm.convolution_widths", WAVLM_CONVOLUTIONS, 1, 1 << 14, model->conv_widths);
    weights_ints(w, "wavlm.convolution_kernels", WAVLM_CONVOLUTIONS, 1, 64, model->conv_kernels);
    weights_ints(w, "wavlm.convolution_strides", WAVLM_CONVOLUTIONS, 1, 64, model->conv_strides);
    model->hop = model->reach = 1;
    for (int i = WAVLM_CONVOLUTIONS - 1; i >= 0; i--) {
        model->reach = (model->reach - 1) * model->conv_strides[i] + model->conv_kernels[i];
        model->hop *= model->conv_strides[i];
    }
}

/* What the sizes must satisfy together for the network to be computed. */
static int check_sizes(const struct wavlm *model, struct valence_error *error)
{
    const char *path = model->weights.path;
    if (model->width % model->n_heads != 0 || model->width % model->position_groups != 0)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: a width of %" PRId64 " divides neither into %" PRId64
                    " heads nor into %" PRId64 " groups",
                    path, model->width, model->n_heads, model->position_groups);
    if (model->n_buckets % 4 != 0 || model->max_distance <= model->n_buckets / 4)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: %" PRId64 " buckets do not suit a distance of %" PRId64, path,
                    model->n_buckets, model->max_distance);
    if (!(model->epsilon > 0 && model->epsilon < 1))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: epsilon is %g", path, (double)model->epsilon);
    if (model->hop > 1 << 20)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: %" PRId64 " samples to a frame", path,
                    model->hop);
    return VALENCE_OK;
}

/* NAME.weight (in, out) and NAME.bias (out); in = 0: a norm, whose weight is (out) and f32. */
static struct affine load_affine(struct wavlm *model, int64_t in, int64_t out, const char *prefix,
                                 const char *name)
{
    struct weights *w = &model->weights;
    return (struct affine){
        .weight = in ? weights_tensor(w, false, in, out, 0, "%s%s.weight", prefix, name)
                     : weights_tensor(w, true, out, 0, 0, "%s%s.weight", prefix, name),
        .bias = weights_tensor(w, true, out, 0, 0, "%s%s.bias", prefix, name),
    };
}

static void load_convolutions(struct wavlm *model)
{
    struct weights *w = &model->weights;
    int64_t in = 1;
    for (int i = 0; i < WAVLM_CONVOLUTIONS; i++) {
        int64_t out = model->conv_widths[i];
        char prefix[32];
        snprintf(prefix, sizeof prefix, "conv.%d", i);
        model->conv[i].weight =
            weights_tensor(w, i == 0, model->conv_kernels[i] * in, out, 0, "%s.weight", prefix);
        if (model->conv_bias)
            model->conv[i].bias = weights_tensor(w, true, out, 0, 0, "%s.bias", prefix);
        if (!model->group_norm || i == 0)
            model->conv_norm[i] = load_affine(model, 0, out, prefix, ".norm");
        in = out;
    }
    model->projection_norm = load_affine(model, 0, in, "", "projection.norm");
    model->projection = load_affine(model, in, model->width, "", "projection");
}

static void load_layer(struct wavlm *model, int64_t index)
{
    struct weights *w = &model->weights;
    struct wavlm_layer *layer = &model->layers[index];
    int64_t width = model->width, head_width = width / model->n_heads;
    char prefix[32];
    snprintf(prefix, sizeof prefix, "layer.%" PRId64 ".", index);
    layer->attention_norm = load_affine(model, 0, width, prefix, "attention_norm");
    layer->ffn_norm = load_affine(model, 0, width, prefix, "ffn_norm");
    layer->qkv = load_affine(model, width, 3 * width, prefix, "qkv");
    layer->output = load_affine(model, width, width, prefix, "output");
    layer->up = load_affine(model, width, model->ffn_width, prefix, "up");
    layer->down = load_affine(model, model->ffn_width, width, prefix, "down");
    layer->gate.weight = weights_tensor(w, true, head_width, 2, 0, "%sgate.weight", prefix);
    layer->gate.bias = weights_tensor(w, true, 2, 0, 0, "%sgate.bias", prefix);
    layer->gate_scale = weights_tensor(w, true, model->n_heads, 0, 0, "%sgate.scale", prefix);
}

static void load_tensors(struct wavlm *model)
{
    struct weights *w = &model->weights;
    int64_t in = model->width / model->position_groups;
    load_convolutions(model);
    model->position.weight = weights_tensor(w, false, model->position_kernel * in, in,
                                            model->position_groups, "position.weight");
    model->position.bias = weights_tensor(w, true, model->width, 0, 0, "position.bias");
    model->encoder_norm = load_affine(model, 0, model->width, "", "encoder.norm");
    const struct ggml_tensor *bias =
        weights_tensor(w, true, model->n_buckets, model->n_heads, 0, "bias.weight");
    model->bias_values = bias ? weights_data(w, bias) : NULL;
    for (int64_t i = 0; i < model->n_layers; i++)
        load_layer(model, i);
}

static int pack_layer(struct wavlm *model, const struct wavlm_layer *layer,
                      struct valence_error *error)
{
    struct ggml_tensor *weights[] = {layer->qkv.weight, layer->output.weight, layer->up.weight,
                                     layer->down.weight};
    int status = VALENCE_OK;
    for (size_t i = 0; !status && i < sizeof weights / sizeof *weights; i++)
        status = linear_pack(&model->weights, weights[i], error);
    return status;
}

/* Once, in place of once for each clip. The file's pages are rarely read then. */
static int pack_weights(struct wavlm *model, struct valence_error *error)
{
    int status = linear_pack(&model->weights, model->projection.weight, error);
    for (int i = 1; !status && i < WAVLM_CONVOLUTIONS; i++) /* the first has few inputs */
        status = linear_pack(&model->weights, model->conv[i].weight, error);
    for (int64_t i = 0; !status && i < model->n_layers; i++)
        status = pack_layer(model, &model->layers[i], error);
    if (model->layers[0].qkv.weight->extra)
        weights_release_pages(&model->weights);
    return status;
}

int wavlm_load(struct wavlm *model, struct weights *weights, ggml_backend_dev_t device, bool fused,
               struct valence_error *error)
{
    *model = (struct wavlm){.weights = *weights};
    *weights = (struct weights){0};
    load_sizes(model);
    int status = weights_check(&model->weights, error);
    if (!status)
        status = check_sizes(model, error);
    if (!status)
        status = weights_load(&model->weights, error);
    if (!status) {
        load_tensors(model);
        status = weights_check(&model->weights, error);
    }
    if (!status)
        status = weights_place(&model->weights, device, error);
    if (!status && fused)
        status = pack_weights(model, error);
    if (status)
        wavlm_free(model);
    return status;
}

void wavlm_free(struct wavlm *model)
{
    weights_close(&model->weights);
}

/* ---- Arithmetic ---- */

int64_t wavlm_n_frames(const struct wavlm *model, int64_t n_samples)
{
    return n_samples < model->reach ? 0 : (n_samples - model->reach) / model->hop + 1;
}

/* half of the buckets for keys behind the query, half for those ahead; in each, the first half is
 * exact and the rest logarithmic up to max_distance. The logarithm is float, as the model was
 * trained. */
int64_t wavlm_bucket(const struct wavlm *model, int64_t distance)
{
    int64_t half = model->n_buckets / 2, exact = half / 2,
            far = distance < 0 ? -distance : distance;
    int64_t side = distance > 0 ? half : 0;
    if (far < exact)
        return side + far;
    float log_far = logf((float)far / (float)exact);
    log_far = log_far / (float)log((double)model->max_distance / (double)exact);
    int64_t bucket = exact + (int64_t)(log_far * (float)(half - exact));
    return side + (bucket < half - 1 ? bucket : half - 1);
}

void wavlm_normalize(const struct wavlm *model, const float *samples, int64_t n, float *normalized)
{
    double mean = 0, variance = 0;
    if (!model->normalize) {
        memcpy(normalized, samples, (size_t)n * sizeof *samples);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        mean += samples[i];
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++)
        variance += (samples[i] - mean) * (samples[i] - mean);
    variance /= (double)n;
    double scale = 1.0 / sqrt(variance + 1e-7);
    for (int64_t i = 0; i < n; i++)
        normalized[i] = (float)((samples[i] - mean) * scale);
}
