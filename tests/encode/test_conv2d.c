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

/* Computes with the graph and gives the largest difference from the formula. */
static double largest_error(const struct size *s, enum ggml_type type, bool plain,
                            bool with_residual, bool relu, bool *winograd)
{
    struct valence_error error;
    ggml_backend_dev_t device;
    struct graph graph;
    struct ggml_init_params params = {.mem_size = 4 * ggml_tensor_overhead(), .no_alloc = true};
    assert_int_equal(backend_find_device("cpu", &device, &error), 0);
    assert_int_equal(graph_create(&graph, device, plain, &error), 0);
    struct ggml_context *context = ggml_init(params);
    int64_t depth = s->kernel * s->kernel * s->in;
    struct conv2d conv = {.weight = ggml_new_tensor_2d(context, type, depth, s->out),
                          .bias = ggml_new_tensor_1d(context, GGML_TYPE_F32, s->out),
                          .in = s->in,
                          .out = s->out,
                          .kernel = s->kernel,
                          .stride = s->stride};
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(context, graph.backend);
    int64_t across = (s->width - 1) / s->stride + 1, down = (s->height - 1) / s->stride + 1;
    int64_t n = s->out * across * down * s->pictures;
    float *w = draw(depth * s->out), *b = draw(s->out),
          *x = draw(s->in * s->width * s->height * s->pictures);
    float *r = draw(n), *is = draw(n);
    set_weights(conv.weight, w);
    ggml_backend_tensor_set(conv.bias, b, 0, ggml_nbytes(conv.bias));
    assert_int_equal(conv2d_pack(&conv, &error), 0);
    assert_int_equal(graph_begin(&graph, &error), 0);
    struct ggml_tensor *input = graph_input(&graph, s->in, s->width, s->height, s->pictures);
    struct ggml_tensor *residual =
        with_residual ? graph_input(&graph, s->out, across, down, s->pictures) : NULL;
    struct ggml_tensor *y = graph_conv2d(&graph, &conv, input, residual, relu);
    *winograd = conv2d_suits_winograd(&conv, input);
    graph_output(&graph, y);
    assert_int_equal(graph_allocate(&graph, &error), 0);
    ggml_backend_tensor_set(input, x, 0, ggml_nbytes(input));
    if (residual)
        ggml_backend_tensor_set(residual, r, 0, ggml_nbytes(residual));
    assert_int_equal(graph_compute(&graph, &error), 0);
    ggml_backend_tensor_get(y, is, 0, ggml_nbytes(y));
    double largest = 0;
    if (conv.bytes.panels && !plain) {
        quantise_rows(s->pictures, s->width * s->height * s->in, x);
        for (int64_t i = 0; i < s->out; i++)
            reference_weights(s->kernel, s->kernel * s->in, w + i * depth);
    }
    for (int64_t i = 0; i < n; i += 1 + n / 5003) {
        int64_t out = i % s->out, column = i / s->out % across, row = i / (s->out * across) % down;
        double want = convolve(s, x, w, i / (s->out * across * down), row, column, out) + b[out];
        want += with_residual ? r[i] : 0;
        want = relu && want < 0 ? 0 : want;
        largest = fmax(largest, fabs(is[i] - want));
    }
    float *all[] = {w, b, x, r, is};
    for (int i = 0; i < 5; i++)
        free(all[i]);
    conv2d_free(&conv);
    ggml_backend_buffer_free(buffer);
    ggml_free(context);
    graph_free(&graph);
    return largest;
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
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int variant = 0; variant < 8; variant++) {
            bool winograd;
            double scale = sqrt((double)(sizes[i].kernel * sizes[i].kernel * sizes[i].in));
            double largest = largest_error(&sizes[i], GGML_TYPE_F32, variant & 4, variant & 1,
                                           variant & 2, &winograd);
            n_winograd += winograd;
            if (largest >= (winograd && !(variant & 4) ? 1e-4 : 1e-5) * scale)
                fail_msg("%zu %d winograd %d: %.2e of %.1f", i, variant, winograd, largest, scale);
        }
    assert_true(n_winograd >= 5 * 8);
}

static const struct size quantised_sizes[] = {
    {64, 64, 3, 1, 7, 7, 3},    {32, 40, 3, 2, 14, 14, 2},  {64, 70, 1, 2, 9, 11, 2},
    {64, 64, 3, 1, 56, 56, 2},  {128, 96, 3, 1, 28, 28, 3}, {32, 8, 1, 1, 1, 1, 1},
    {512, 64, 3, 1, 6, 5, 40},  {32, 32, 7, 2, 30, 22, 2},  {96, 33, 3, 1, 1, 600, 1},
    {128, 64, 3, 1, 90, 91, 5}, {3, 8, 7, 2, 30, 22, 2},    {16, 9, 3, 2, 11, 13, 3}};
#define N_QUANTISED (int)(sizeof quantised_sizes / sizeof *quantised_sizes)

static void check_quantised(enum ggml_type type, const char *form, double tolerance)
{
    for (int i = 0; i < N_QUANTISED; i++)
        for (int variant = 0; variant < 4; variant++) {
            const struct size *s = &quantised_sizes[i];
            int64_t depth = s->kernel * s->kernel * s->in;
            bool winograd;
            if (type == GGML_TYPE_Q8_0 && depth % 32 != 0)
                continue;
            double largest = largest_error(s, type, false, variant & 1, variant & 2, &winograd);
            if (largest >= tolerance * sqrt((double)depth))
                fail_msg("%s, %d %d: %.2e of %.1f", form, i, variant, largest, sqrt((double)depth));
        }
}

/* Rounding both operands to bf16 gives errors of 2^-8 at most, and of many terms their root. */
static void test_bf16_agrees_but_for_rounding(void **state)
{
    (void)state;
    check_quantised(GGML_TYPE_BF16, "bf16", 0.02);
}

/* Sums of bytes are exact; where Winograd's form is used instead, it rounds. */
static void test_bytes_agree_with_their_sums(void **state)
{
    (void)state;
    const unsigned avx2 = 1u << PROCESSOR_AVX2, avx512 = avx2 | 1u << PROCESSOR_AVX512;
    const unsigned limits[] = {
        ~0u, avx512 | 1u << PROCESSOR_AVX512_VNNI, avx512, avx2, 1u << PROCESSOR_SSSE3, 0};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        processor_limit(limits[i]);
        check_quantised(GGML_TYPE_Q8_0, int8_product_available() ? int8_product_form() : "floats",
                        1e-4);
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
