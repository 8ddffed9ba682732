/* A head's scores and weighed values against loops in double, in f32 at each kind of processor that
 * there is here, and in bf16 where it has tiles. */
#include "numbers.h"

#include "encode/compute/head_attention.h"
#include "kernels/bf16_product.h"
#include "kernels/processor.h"

static struct random_source source;

static float *draw_floats(int64_t n)
{
    return as_floats(n, draw(&source, n));
}

static void check_scores(const struct head_memory *memory, int64_t n, const float *query,
                         double limit)
{
    const struct head_shape *shape = &memory->shape;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < shape->frames; k++) {
            double want = 0;
            for (int64_t j = 0; j < shape->width; j++)
                want += (double)query[i * shape->stride + j] *
                        (double)memory->key[k * shape->stride + j];
            assert_true(fabs((double)memory->scores[i * memory->padded + k] - want) < limit);
        }
}

static void check_values(const struct head_memory *memory, int64_t n, const float *factors,
                         const float *y, int64_t y_stride, double limit)
{
    const struct head_shape *shape = &memory->shape;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < shape->width; j++) {
            double want = 0;
            for (int64_t k = 0; k < shape->frames; k++)
                want += (double)memory->scores[i * memory->padded + k] *
                        (double)memory->value[k * shape->stride + j];
            assert_true(fabs((double)y[i * y_stride + j] - want * (double)factors[i]) < limit);
        }
}

/* Every block of a head's queries, then those of another one in the same memory. */
static void check_heads(bool is_bf16, int64_t frames, int64_t width)
{
    struct head_shape shape = {is_bf16, frames, width, 3 * width + 5};
    int64_t most = head_queries(is_bf16), y_stride = width + 3;
    float *query = draw_floats(frames * shape.stride), *y = keep(frames * y_stride, sizeof *y);
    float *factors = draw_floats(most);
    struct head_memory memory = head_memory_at(&shape, keep(head_floats(&shape), sizeof(float)));
    double limit = is_bf16 ? 0.4 : 1e-3;
    for (int head = 0; head < 2; head++) {
        head_take(&memory, draw_floats(frames * shape.stride), draw_floats(frames * shape.stride));
        for (int64_t first = 0; first < frames; first += most) {
            int64_t n = frames - first < most ? frames - first : most;
            head_score(&memory, n, query + first * shape.stride);
            check_scores(&memory, n, query + first * shape.stride, limit);
            for (int64_t i = 0; i < n * memory.padded; i++)
                memory.scores[i] = 1 / (1 + memory.scores[i] * memory.scores[i]);
            head_weigh(&memory, n, factors, y + first * y_stride, y_stride);
            check_values(&memory, n, factors, y + first * y_stride, y_stride, limit);
        }
    }
}

static void check_sizes(bool is_bf16)
{
    check_heads(is_bf16, 1, 8);
    check_heads(is_bf16, 97, 64);
    check_heads(is_bf16, 300, 40); /* more than one block, panels that are not full */
}

static void test_products_in_f32(void **state)
{
    static const unsigned limits[] = {~0u, 1u << PROCESSOR_AVX2, 0};
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        processor_limit(limits[i]);
        check_sizes(false);
    }
    processor_limit(~0u);
}

static void test_products_in_bf16(void **state)
{
    (void)state;
    if (bf16_units() == BF16_NONE)
        skip();
    check_sizes(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_products_in_f32, release_kept),
        cmocka_unit_test_teardown(test_products_in_bf16, release_kept),
    };
    source = random_source(11, 12);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
