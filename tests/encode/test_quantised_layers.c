/* Linear layers with quantised weights, at each kind of processor that there is here, against sums
 * of the same bytes and against the layer in f32. */
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
#include "encode/compute/graph.h"
#include "encode/compute/int8_matrix.h"
#include "encode/compute/linear.h"
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

static const unsigned limits[] = {~0u,
                                  1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX512 |
                                      1u << PROCESSOR_AVX512_VNNI,
                                  1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX_VNNI,
                                  1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX512,
                                  1u << PROCESSOR_AVX2,
                                  1u << PROCESSOR_SSSE3,
                                  0};
#define N_LIMITS (int)(sizeof limits / sizeof *limits)

/* ---- A layer ---- */

struct layer {
    int64_t in, out, rows, stride; /* of x: rows overlap where the stride is less than `in` */
    enum activation activation;
    bool has_residual;
};

struct values {
    float *w, *b, *x, *residual; /* w: (out, in), as its type has it once it was computed */
};

static struct values draw_values(const struct layer *l)
{
    return (struct values){draw(l->out * l->in), draw(l->out),
                           draw((l->rows - 1) * l->stride + l->in), draw(l->rows * l->out)};
}

static void free_values(struct values *v)
{
    free(v->w);
    free(v->b);
    free(v->x);
    free(v->residual);
}

static void set_weights(struct ggml_tensor *weight, float *w)
{
    int64_t n = ggml_nelements(weight);
    void *bytes = malloc(ggml_nbytes(weight));
    assert_non_null(bytes);
    if (weight->type == GGML_TYPE_F32)
        memcpy(bytes, w, ggml_nbytes(weight));
    else
        ggml_quantize_chunk(weight->type, w, bytes, 0, weight->ne[1], weight->ne[0], NULL);
    ggml_backend_tensor_set(weight, bytes, 0, ggml_nbytes(weight));
    row_widen((int)weight->type, n, bytes, w);
    free(bytes);
}

/* y (rows, out) by the graph's operation, the weight as it is or packed beforehand. */
static float *compute_with(const struct layer *l, enum ggml_type type, bool packed,
                           const struct values *v)
{
    struct valence_error error;
    ggml_backend_dev_t device;
    struct graph graph;
    struct ggml_init_params params = {.mem_size = 4 * ggml_tensor_overhead(), .no_alloc = true};
    assert_int_equal(backend_find_device("cpu", &device, &error), 0);
    assert_int_equal(graph_create(&graph, device, false, &error), 0);
    struct ggml_context *context = ggml_init(params);
    struct ggml_tensor *weight = ggml_new_tensor_2d(context, type, l->in, l->out);
    struct ggml_tensor *bias = ggml_new_tensor_1d(context, GGML_TYPE_F32, l->out);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(context, graph.backend);
    set_weights(weight, v->w);
    struct weights owner = {0};
    if (packed)
        assert_int_equal(linear_pack(&owner, weight, &error), 0);
    ggml_backend_tensor_set(bias, v->b, 0, ggml_nbytes(bias));
    assert_int_equal(graph_begin(&graph, &error), 0);
    struct ggml_tensor *input = graph_input(&graph, (l->rows - 1) * l->stride + l->in, 1, 1, 1);
    struct ggml_tensor *residual = graph_input(&graph, l->out, l->rows, 1, 1);
    struct ggml_tensor *x = ggml_view_2d(graph.context, input, l->stride, l->rows,
                                         (size_t)l->stride * sizeof(float), 0);
    x->ne[0] = l->in;
    struct ggml_tensor *y =
        graph_linear(&graph, weight, bias, x, l->activation, l->has_residual ? residual : NULL);
    graph_output(&graph, y);
    if (!l->has_residual)
        graph_output(&graph, residual); /* which is set below */
    assert_int_equal(graph_allocate(&graph, &error), 0);
    ggml_backend_tensor_set(input, v->x, 0, ggml_nbytes(input));
    ggml_backend_tensor_set(residual, v->residual, 0, ggml_nbytes(residual));
    assert_int_equal(graph_compute(&graph, &error), 0);
    float *result = malloc(ggml_nbytes(y));
    assert_non_null(result);
    ggml_backend_tensor_get(y, result, 0, ggml_nbytes(y));
    free(weight->extra);
    ggml_backend_buffer_free(buffer);
    ggml_free(context);
    graph_free(&graph);
    return result;
}

static float *compute(const struct layer *l, enum ggml_type type, const struct values *v)
{
    return compute_with(l, type, false, v);
}

/* ---- Exactness ---- */

static void quantise_row(int64_t n, const float *x, double *steps)
{
    float least, most;
    int8_range(n, x, &least, &most);
    struct int8_scale scale = int8_scale_of(least, most);
    for (int64_t k = 0; k < n; k++) {
        float step = rintf(x[k] * (1 / scale.scale)) + (float)scale.zero;
        steps[k] = (double)(fminf(fmaxf(step, 0), 255) - (float)scale.zero) * (double)scale.scale;
    }
}

static double finish(const struct layer *l, const struct values *v, int64_t i, int64_t j,
                     double sum)
{
    double y = sum + (double)v->b[j];
    if (l->activation == ACTIVATION_GELU)
        y = 0.5 * y * (1 + erf(y * M_SQRT1_2));
    return y + (l->has_residual ? (double)v->residual[i * l->out + j] : 0);
}

static void check_bytes(const struct layer *l, const char *form)
{
    struct values v = draw_values(l);
    float *y = compute(l, GGML_TYPE_Q8_0, &v);
    double *x = malloc((size_t)l->in * sizeof *x);
    assert_non_null(x);
    for (int64_t j = 0; j < l->out; j++)
        reference_weights(1, l->in, v.w + j * l->in);
    for (int64_t i = 0; i < l->rows; i++)
        for (int64_t j = 0; j < l->out; j++) {
            double sum = 0;
            quantise_row(l->in, v.x + i * l->stride, x);
            for (int64_t k = 0; k < l->in; k++)
                sum += x[k] * (double)v.w[j * l->in + k];
            double want = finish(l, &v, i, j, sum), is = (double)y[i * l->out + j];
            if (fabs(is - want) > 1e-6 * sqrt((double)l->in) * 10)
                fail_msg("%s, %dx%d: y[%d][%d] is %.9g, not %.9g", form, (int)l->in, (int)l->out,
                         (int)i, (int)j, is, want);
        }
    free(x);
    free(y);
    free_values(&v);
}

static void test_layers_of_bytes_are_their_sums(void **state)
{
    (void)state;
    static const struct layer layers[] = {
        {32, 1, 8, 32, ACTIVATION_NONE, false},
        {96, 33, 13, 96, ACTIVATION_GELU, false},
        {64, 70, 37, 64, ACTIVATION_NONE, true},
        {256, 300, 9, 256, ACTIVATION_GELU, true},
        {544, 40, 11, 544, ACTIVATION_NONE, false},
        {96, 40, 50, 64, ACTIVATION_NONE, false}, /* windows that overlap */
    };
    for (int i = 0; i < N_LIMITS; i++) {
        processor_limit(limits[i]);
        for (size_t j = 0; int8_product_available() && j < sizeof layers / sizeof *layers; j++)
            check_bytes(&layers[j], int8_product_form());
    }
    processor_limit(~0u);
}

/* ---- Packed beforehand ---- */

static void test_packing_beforehand_changes_nothing(void **state)
{
    (void)state;
    static const struct layer layers[] = {
        {96, 33, 13, 96, ACTIVATION_GELU, true},
        {256, 300, 9, 256, ACTIVATION_NONE, false},
        {256, 300, 7, 256, ACTIVATION_NONE, false}, /* too few rows for packed products */
        {96, 40, 50, 64, ACTIVATION_NONE, false},   /* windows that overlap */
    };
    static const enum ggml_type types[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16,
                                           GGML_TYPE_Q8_0, GGML_TYPE_Q5_1};
    for (int i = 0; i < N_LIMITS; i++)
        for (size_t j = 0; j < sizeof layers / sizeof *layers; j++)
            for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
                const struct layer *l = &layers[j];
                processor_limit(limits[i]);
                struct values v = draw_values(l);
                float *want = compute_with(l, types[t], false, &v);
                float *is = compute_with(l, types[t], true, &v);
                assert_memory_equal(is, want, (size_t)(l->rows * l->out) * sizeof *is);
                free(want);
                free(is);
                free_values(&v);
            }
    processor_limit(~0u);
}

/* ---- Beside f32 ---- */

static double least_cosine(int64_t rows, int64_t width, const float *a, const float *b)
{
    double least = 1;
    for (int64_t i = 0; i < rows; i++, a += width, b += width) {
        double ab = 0, aa = 0, bb = 0;
        for (int64_t j = 0; j < width; j++) {
            ab += (double)a[j] * (double)b[j];
            aa += (double)a[j] * (double)a[j];
            bb += (double)b[j] * (double)b[j];
        }
        least = fmin(least, ab / sqrt(aa * bb));
    }
    return least;
}

static void test_rows_are_near_those_of_f32(void **state)
{
    (void)state;
    static const struct layer layer = {768, 96, 40, 768, ACTIVATION_GELU, false};
    static const enum ggml_type types[] = {GGML_TYPE_BF16, GGML_TYPE_Q8_0};
    for (int i = 0; i < N_LIMITS; i++)
        for (int t = 0; t < 2; t++) {
            processor_limit(limits[i]);
            struct values v = draw_values(&layer);
            float *want = compute(&layer, GGML_TYPE_F32, &v), *is = compute(&layer, types[t], &v);
            double cosine = least_cosine(layer.rows, layer.out, is, want);
            if (!(cosine >= 0.999))
                fail_msg("%s, limit %d: cosine %.6f", ggml_type_name(types[t]), i, cosine);
            free(want);
            free(is);
            free_values(&v);
        }
    processor_limit(~0u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_of_bytes_are_their_sums),
        cmocka_unit_test(test_packing_beforehand_changes_nothing),
        cmocka_unit_test(test_rows_are_near_those_of_f32),
    };
    source = random_source(7, 8);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
