/* The fused convolutions against a plain sum in double. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "encode/compute/backend.h"
#include "encode/compute/conv2d_forms.h"
#include "kernels/processor.h"

#include "int8_reference.h"

static struct random_source source;

static float *draw(int64_t n)
{
    float *values = malloc((size_t)n * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)random_normal(&source);
    return values;
}

struct size {
    int64_t in, out, kernel, stride, width, height, pictures;
};

static double convolve(const struct size *s, const float *x, const float *w, int64_t picture,
                       int64_t row, int64_t column, int64_t out)
{
    double sum = 0;
    for (int64_t i = 0; i < s->kernel; i++)
        for (int64_t j = 0; j < s->kernel; j++) {
            int64_t y = row * s->stride + i - s->kernel / 2,
                    z = column * s->stride + j - s->kernel / 2;
            if (y < 0 || y >= s->height || z < 0 || z >= s->width)
                continue;
            for (int64_t c = 0; c < s->in; c++)
                sum += (double)w[((out * s->kernel + i) * s->kernel + j) * s->in + c] *
                       x[((picture * s->height + y) * s->width + z) * s->in + c];
        }
    return sum;
}

/* Sets them, and leaves in `w` what the tensor's type made of them. */
static void set_weights(struct ggml_tensor *weight, float *w)
{
    int64_t depth = weight->ne[0], out = weight->ne[1];
    if (weight->type == GGML_TYPE_F32) {
        ggml_backend_tensor_set(weight, w, 0, ggml_nbytes(weight));
        return;
    }
    void *quants = malloc(ggml_nbytes(weight));
    assert_non_null(quants);
    ggml_quantize_chunk(weight->type, w, quants, 0, out, depth, NULL);
    ggml_backend_tensor_set(weight, quants, 0, ggml_nbytes(weight));
    row_widen((int)weight->type, out * depth, quants, w);
    free(quants);
}

/* The values that bytes stand for, as int8_product.h has it. */
static void quantise_rows(int64_t n, int64_t length, float *x)
{
    for (int64_t i = 0; i < n; i++, x += length) {
        float least, most;
        int8_range(length, x, &least, &most);
        struct int8_scale scale = int8_scale_of(least, most);
        for (int64_t j = 0; j < length; j++) {
            float step = rintf(x[j] * (1 / scale.scale)) + (float)scale.zero;
            x[j] = (fminf(fmaxf(step, 0), 255) - (float)scale.zero) * scale.scale;
        }
    }
}

/* ---- What all forms of one size compute from ---- */

struct inputs {
    int64_t across, down, n; /* outputs in a row, in a column, in all */
    float *w, *b, *x, *residual;
};

static struct inputs draw_inputs(const struct size *s)
{
    struct inputs in = {.across = (s->width - 1) / s->stride + 1,
                        .down = (s->height - 1) / s->stride + 1};
    in.n = s->out * in.across * in.down * s->pictures;
    in.w = draw(s->kernel * s->kernel * s->in * s->out);
    in.b = draw(s->out);
    in.x = draw(s->in * s->width * s->height * s->pictures);
    in.residual = draw(in.n);
    return in;
}

static void free_inputs(struct inputs *in)
{
    free(in->w);
    free(in->b);
    free(in->x);
    free(in->residual);
}

static float *copy(int64_t n, const float *values)
{
    float *copied = malloc((size_t)n * sizeof *copied);
    assert_non_null(copied);
    memcpy(copied, values, (size_t)n * sizeof *copied);
    return copied;
}

/* About 5,000 outputs are compared, that many apart. */
static int64_t stride_of(int64_t n)
{
    return 1 + n / 5003;
}

/* What the compared outputs must be, without residual and ReLU, of the weights `w`; `bytes`: where
 * both operands are bytes. */
static double *reference_outputs(const struct size *s, const struct inputs *in, float *w,
                                 bool bytes)
{
    const int64_t stride = stride_of(in->n), depth = s->kernel * s->kernel * s->in;
    float *x = copy(s->in * s->width * s->height * s->pictures, in->x);
    double *outputs = malloc((size_t)(in->n / stride + 1) * sizeof *outputs);
    assert_non_null(outputs);
    if (bytes) {
        quantise_rows(s->pictures, s->width * s->height * s->in, x);
        for (int64_t i = 0; i < s->out; i++)
            reference_weights(s->kernel, s->kernel * s->in, w + i * depth);
    }
    for (int64_t i = 0; i < in->n; i += stride) {
        int64_t out = i % s->out, pixel = i / s->out, picture = pixel / (in->across * in->down);
        outputs[i / stride] =
            convolve(s, x, w, picture, pixel / in->across % in->down, pixel % in->across, out) +
            in->b[out];
    }
    free(x);
    return outputs;
}

/* ---- Forms ---- */

enum { WITH_RESIDUAL = 1, WITH_RELU = 2, N_VARIANTS = 4 };

/* Computes with the graph and gives the largest difference from the reference. */
static double compute(struct graph *graph, const struct conv2d *conv, const struct size *s,
                      const struct inputs *in, const double *reference, int variant, bool *winograd)
{
    struct valence_error error;
    assert_int_equal(graph_begin(graph, &error), 0);
    struct ggml_tensor *input = graph_input(graph, s->in, s->width, s->height, s->pictures);
    struct ggml_tensor *residual =
        variant & WITH_RESIDUAL ? graph_input(graph, s->out, in->across, in->down, s->pictures)
                                : NULL;
    struct ggml_tensor *y = graph_conv2d(graph, conv, input, residual, variant & WITH_RELU);
    *winograd = conv2d_suits_winograd(conv, input);
    graph_output(graph, y);
    assert_int_equal(graph_allocate(graph, &error), 0);
    ggml_backend_tensor_set(input, in->x, 0, ggml_nbytes(input));
    if (residual)
        ggml_backend_tensor_set(residual, in->residual, 0, ggml_nbytes(residual));
    assert_int_equal(graph_compute(graph, &error), 0);
    float *is = malloc(ggml_nbytes(y));
    assert_non_null(is);
    ggml_backend_tensor_get(y, is, 0, ggml_nbytes(y));
    double largest = 0;
    for (int64_t i = 0; i < in->n; i += stride_of(in->n)) {
        double want = reference[i / stride_of(in->n)] + (residual ? in->residual[i] : 0);
        want = variant & WITH_RELU && want < 0 ? 0 : want;
        double difference = fabs(is[i] - want);
        if (difference > largest || isnan(difference))
            largest = difference;
    }
    free(is);
    return largest;
}

/* The largest difference of each variant. Gives whether Winograd's form computed. */
static bool largest_errors(const struct size *s, const struct inputs *in, enum ggml_type type,
                           bool plain, double errors[N_VARIANTS])
{
    struct valence_error error;
    ggml_backend_dev_t device;
    struct graph graph;
    struct ggml_init_params params = {.mem_size = 4 * ggml_tensor_overhead(), .no_alloc = true};
    const int64_t depth = s->kernel * s->kernel * s->in;
    bool winograd;
    assert_int_equal(backend_find_device("cpu", &device, &error), 0);
    assert_int_equal(graph_create(&graph, device, plain, &error), 0);
    struct ggml_context *context = ggml_init(params);
    struct conv2d conv = {.weight = ggml_new_tensor_2d(context, type, depth, s->out),
                          .bias = ggml_new_tensor_1d(context, GGML_TYPE_F32, s->out),
                          .in = s->in,
                          .out = s->out,
                          .kernel = s->kernel,
                          .stride = s->stride};
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(context, graph.backend);
    float *w = copy(depth * s->out, in->w);
    set_weights(conv.weight, w);
    ggml_backend_tensor_set(conv.bias, in->b, 0, ggml_nbytes(conv.bias));
    assert_int_equal(conv2d_pack(&conv, &error), 0);
    double *reference = reference_outputs(s, in, w, conv.bytes.panels && !plain);
    for (int variant = 0; variant < N_VARIANTS; variant++)
        errors[variant] = compute(&graph, &conv, s, in, reference, variant, &winograd);
    free(reference);
    free(w);
    conv2d_free(&conv);
    ggml_backend_buffer_free(buffer);
    ggml_free(context);
    graph_free(&graph);
    return winograd;
}

static void test_every_size_agrees_with_the_formula(void **state)
{
    (void)state;
    static const struct size sizes[] = {
        {3, 8, 7, 2, 30, 22, 2},   {3, 64, 7, 2, 64, 64, 1},   {8, 8, 3, 1, 5, 7, 3},
        {32, 40, 3, 2, 14, 14, 2}, {16, 70, 1, 2, 9, 11, 2},   {64, 64, 3, 1, 7, 7, 1},
        {1, 1, 3, 1, 1, 1, 1},     {5, 3, 3, 1, 2, 1, 1},      {64, 64, 3, 1, 7, 7, 12},
        {16, 32, 3, 1, 56, 56, 2}, {128, 96, 3, 1, 28, 28, 3}, {48, 32, 3, 1, 21, 23, 2},
        {512, 64, 3, 1, 6, 5, 40}, {2, 1, 7, 1, 7, 7, 4}};
    int n_winograd = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct inputs in = draw_inputs(&sizes[i]);
        double scale = sqrt((double)(sizes[i].kernel * sizes[i].kernel * sizes[i].in));
        for (int plain = 0; plain < 2; plain++) {
            double errors[N_VARIANTS];
            bool winograd = largest_errors(&sizes[i], &in, GGML_TYPE_F32, plain, errors);
            n_winograd += winograd;
            for (int variant = 0; variant < N_VARIANTS; variant++)
                if (!(errors[variant] < (winograd && !plain ? 1e-4 : 1e-5) * scale))
                    fail_msg("%zu %d plain %d winograd %d: %.2e of %.1f", i, variant, plain,
                             winograd, errors[variant], scale);
        }
        free_inputs(&in);
    }
    assert_true(n_winograd >= 5 * 2);
}

static const struct size quantised_sizes[] = {
    {64, 64, 3, 1, 7, 7, 3},    {32, 40, 3, 2, 14, 14, 2},  {64, 70, 1, 2, 9, 11, 2},
    {64, 64, 3, 1, 56, 56, 2},  {128, 96, 3, 1, 28, 28, 3}, {32, 8, 1, 1, 1, 1, 1},
    {512, 64, 3, 1, 6, 5, 40},  {32, 32, 7, 2, 30, 22, 2},  {96, 33, 3, 1, 1, 600, 1},
    {128, 64, 3, 1, 90, 91, 5}, {3, 8, 7, 2, 30, 22, 2},    {16, 9, 3, 2, 11, 13, 3}};
#define N_QUANTISED (int)(sizeof quantised_sizes / sizeof *quantised_sizes)

static void check_quantised(const struct size *s, const struct inputs *in, enum ggml_type type,
                            const char *form, double tolerance)
{
    double depth = (double)(s->kernel * s->kernel * s->in), errors[N_VARIANTS];
    largest_errors(s, in, type, false, errors);
    for (int variant = 0; variant < N_VARIANTS; variant++)
        if (!(errors[variant] < tolerance * sqrt(depth)))
            fail_msg("%s, %lld channels of %lld x %lld, %d: %.2e of %.1f", form, (long long)s->in,
                     (long long)s->width, (long long)s->height, variant, errors[variant],
                     sqrt(depth));
}

/* Rounding both operands to bf16 gives errors of 2^-8 at most, and of many terms their root. */
static void test_bf16_agrees_but_for_rounding(void **state)
{
    (void)state;
    for (int i = 0; i < N_QUANTISED; i++) {
        struct inputs in = draw_inputs(&quantised_sizes[i]);
        check_quantised(&quantised_sizes[i], &in, GGML_TYPE_BF16, "bf16", 0.02);
        free_inputs(&in);
    }
}

/* Sums of bytes are exact; where Winograd's form is used instead, it rounds. */
static void test_bytes_agree_with_their_sums(void **state)
{
    (void)state;
    const unsigned avx2 = 1u << PROCESSOR_AVX2, avx512 = avx2 | 1u << PROCESSOR_AVX512;
    const unsigned limits[] = {
        ~0u, avx512 | 1u << PROCESSOR_AVX512_VNNI, avx512, avx2, 1u << PROCESSOR_SSSE3, 0};
    for (int i = 0; i < N_QUANTISED; i++) {
        const struct size *s = &quantised_sizes[i];
        if (s->kernel * s->kernel * s->in % 32 != 0) /* which the type's blocks need */
            continue;
        struct inputs in = draw_inputs(s);
        for (size_t limit = 0; limit < sizeof limits / sizeof *limits; limit++) {
            processor_limit(limits[limit]);
            check_quantised(s, &in, GGML_TYPE_Q8_0,
                            int8_product_available() ? int8_product_form() : "floats", 1e-4);
        }
        free_inputs(&in);
    }
    processor_limit(~0u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_agrees_with_the_formula),
        cmocka_unit_test(test_bf16_agrees_but_for_rounding),
        cmocka_unit_test(test_bytes_agree_with_their_sums),
    };
    source = random_source(5, 6);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
