/* The input projections against plain loops over the stored rows. */
#include "base/half.h"
#include "kernels/projection.h"
#include "sequences.h"

enum { SMALL = 3, WIDE = 136 }; /* outputs; the wide ones are multiplied in panels */

static int64_t d = SMALL;

struct projection_case {
    struct ragged sequence;
    int64_t width;
    enum valence_dtype type;
    void *rows;
    const float *mean, *scale; /* NULL: as stored */
    double *entering;          /* the rows as they enter the product */
    double *weight, *bias, *dy;
};

static struct projection_case make_case(const int64_t *lengths, int64_t width,
                                        enum valence_dtype type, bool standardised)
{
    struct projection_case c = {cut_sequences(lengths), .width = width, .type = type};
    struct random_source source = random_source(1, (uint64_t)width);
    int64_t size = c.sequence.n_rows * width;
    c.entering = draw(&source, size);
    if (type == VALENCE_F16) {
        uint16_t *halves = c.rows = keep(size, sizeof *halves);
        for (int64_t i = 0; i < size; i++) {
            halves[i] = float_to_half((float)c.entering[i]);
            c.entering[i] = (double)half_to_float(halves[i]);
        }
    } else {
        c.rows = as_floats(size, c.entering);
    }
    if (standardised) {
        c.mean = as_floats(width, draw(&source, width));
        c.scale = as_floats(width, draw(&source, width));
        for (int64_t i = 0; i < size; i++) { /* in float, as what is stored */
            float difference = (float)c.entering[i] - c.mean[i % width];
            c.entering[i] = (double)(difference * c.scale[i % width]);
        }
    }
    c.weight = draw(&source, d * width);
    c.bias = draw(&source, d);
    c.dy = draw(&source, c.sequence.n_rows * d);
    return c;
}

static struct projection projection_of(const struct projection_case *c)
{
    return (struct projection){.rows = c->rows,
                               .type = c->type,
                               .mean = c->mean,
                               .scale = c->scale,
                               .layer = {as_reals(d * c->width, c->weight), as_reals(d, c->bias),
                                         c->width, d, PRECISION_F32},
                               .sequence = &c->sequence};
}

/* Of other networks' memory: what is in it must not matter. */
static struct projection_scratch make_scratch(int64_t max_in, bool training)
{
    struct projection_scratch scratch;
    struct arena arena;
    arena_measure(&arena);
    projection_scratch_make(&scratch, d, max_in, training, &arena);
    arena = kept_arena(arena.peak);
    memset(arena.block, 0x7F, arena.capacity);
    projection_scratch_make(&scratch, d, max_in, training, &arena);
    return scratch;
}

/* The rows of each clip in memory of their own, in another order; NULL of an empty clip. */
static const void *const *scatter(const struct projection_case *c)
{
    const struct ragged *sequence = &c->sequence;
    size_t row_bytes = (size_t)c->width * valence_dtype_size(c->type);
    const void **clips = keep(sequence->n_clips, sizeof *clips);
    for (int64_t clip = sequence->n_clips; clip-- > 0;) {
        int64_t first = sequence->offsets[clip], n = sequence->offsets[clip + 1] - first;
        if (n == 0)
            continue;
        void *rows = keep(n, row_bytes);
        memcpy(rows, (const char *)c->rows + (size_t)first * row_bytes, (size_t)n * row_bytes);
        clips[clip] = rows;
    }
    return clips;
}

static void check_forward(const struct projection_case *c)
{
    int64_t n_rows = c->sequence.n_rows;
    double *wanted = keep(n_rows * d, sizeof *wanted);
    for (int64_t i = 0; i < n_rows; i++)
        for (int64_t j = 0; j < d; j++)
            wanted[i * d + j] =
                c->bias[j] + dot(c->width, c->weight + j * c->width, c->entering + i * c->width);
    struct projection_scratch scratch = make_scratch(c->width + 5, false);
    struct projection projection = projection_of(c);
    real *y = gradient_from(9, n_rows * d);
    projection_forward(&projection, &scratch, y);
    assert_near("y", n_rows * d, y, wanted, VALUE_TOLERANCE);
    projection.rows = NULL;
    projection.clips = scatter(c);
    real *of_clips = gradient_from(9, n_rows * d);
    projection_forward(&projection, &scratch, of_clips);
    assert_memory_equal(of_clips, y, (size_t)(n_rows * d) * sizeof *y);
}

/* The product is linear in weight and bias: these sums are its derivative. */
static void check_backward(const struct projection_case *c)
{
    int64_t n_weights = d * c->width;
    double *dw = keep(n_weights, sizeof *dw), *db = keep(d, sizeof *db);
    for (int64_t i = 0; i < c->sequence.n_rows; i++)
        for (int64_t j = 0; j < d; j++) {
            db[j] += c->dy[i * d + j];
            for (int64_t k = 0; k < c->width; k++)
                dw[j * c->width + k] += c->dy[i * d + j] * c->entering[i * c->width + k];
        }
    struct projection_scratch scratch = make_scratch(c->width + 5, true);
    struct projection projection = projection_of(c);
    struct linear_gradient gradient = {gradient_from(0.5, n_weights), gradient_from(0.25, d)};
    projection_backward(&projection, &scratch, as_reals(c->sequence.n_rows * d, c->dy), gradient);
    assert_added("dW", 0.5, n_weights, gradient.weight, dw);
    assert_added("db", 0.25, d, gradient.bias, db);
}

static void check_all_types(void (*check)(const struct projection_case *), const int64_t *lengths,
                            int64_t width)
{
    for (int variant = 0; variant < 4; variant++) {
        struct projection_case c =
            make_case(lengths, width, variant & 1 ? VALENCE_F16 : VALENCE_F32, variant & 2);
        check(&c);
        release_kept(NULL);
    }
}

/* Around the pieces that rows are converted in, and around what a conversion takes at a time. */
static const int64_t widths[] = {1, 2, 7, 8, 9, 511, 512, 513, 1300};
#define N_WIDTHS (sizeof widths / sizeof widths[0])

static void test_forward_for_every_type_and_width(void **state)
{
    (void)state;
    threads_set(2);
    for (size_t k = 0; k < N_WIDTHS; k++)
        check_all_types(check_forward, LENGTHS_FEW, widths[k]);
}

static void test_backward_for_every_type_and_width(void **state)
{
    (void)state;
    threads_set(2);
    for (size_t k = 0; k < N_WIDTHS; k++)
        check_all_types(check_backward, LENGTHS_FEW, widths[k]);
}

static void test_lengths_and_threads_do_not_matter(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++)
        for (size_t k = 0; k < N_ALL_LENGTHS; k++) {
            threads_set(threads);
            check_all_types(check_forward, ALL_LENGTHS[k], 11);
            check_all_types(check_backward, ALL_LENGTHS[k], 11);
        }
}

/* Several tiles, and panels and groups that are not full. */
static void test_panels_for_every_type(void **state)
{
    static const int64_t lengths[] = {0, 3, 600, 1, -1}, wide[] = {128, 136, 256, 300};
    (void)state;
    d = WIDE;
    for (int threads = 1; threads <= 2; threads++)
        for (size_t k = 0; k < sizeof wide / sizeof wide[0]; k++) {
            threads_set(threads);
            check_all_types(check_forward, lengths, wide[k]);
            check_all_types(check_backward, lengths, wide[k]);
        }
}

static void test_every_half_is_converted_exactly(void **state)
{
    (void)state;
    static const int64_t lengths[] = {65536, -1};
    struct ragged sequence = cut_sequences(lengths);
    struct projection_scratch scratch = make_scratch(1, false);
    uint16_t *halves = keep(65536, sizeof *halves);
    for (int64_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    real one = 1, zero = 0, *y = gradient_from(9, 65536);
    struct projection projection = {.rows = halves,
                                    .type = VALENCE_F16,
                                    .layer = {&one, &zero, 1, 1, PRECISION_F32},
                                    .sequence = &sequence};
    projection_forward(&projection, &scratch, y);
    for (int64_t i = 0; i < 65536; i++) {
        float wanted = half_to_float((uint16_t)i);
        assert_true(isfinite(wanted) ? y[i] == (real)wanted : !isfinite(y[i]));
    }
}

static void test_the_halves_of_wide_rows_are_converted_exactly(void **state)
{
    (void)
        /* eight and more at a time take another path; finite ones only, as they are summed */
        state;
    enum { WIDTH = 1024, HALF_ROWS = 0x7C00 / WIDTH, ROWS = 2 * HALF_ROWS };
    static const int64_t lengths[] = {ROWS, -1};
    struct ragged sequence = cut_sequences(lengths);
    struct projection_scratch scratch = make_scratch(WIDTH, false);
    uint16_t *halves = keep(ROWS * WIDTH, sizeof *halves);
    for (int64_t i = 0; i < HALF_ROWS * WIDTH; i++) {
        halves[i] = (uint16_t)i;
        halves[HALF_ROWS * WIDTH + i] = (uint16_t)(0x8000 + i);
    }
    real *weight = keep(WIDTH, sizeof *weight), zero = 0, y[ROWS];
    for (int64_t j = 0; j < WIDTH; j++) {
        weight[j] = 1;
        struct projection projection = {.rows = halves,
                                        .type = VALENCE_F16,
                                        .layer = {weight, &zero, WIDTH, 1, PRECISION_F32},
                                        .sequence = &sequence};
        projection_forward(&projection, &scratch, y);
        for (int64_t i = 0; i < ROWS; i++)
            assert_true(y[i] == (real)half_to_float(halves[i * WIDTH + j]));
        weight[j] = 0;
    }
}

/* After a failure, too. */
static int narrow_again(void **state)
{
    d = SMALL;
    return release_kept(state);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_forward_for_every_type_and_width, release_kept),
        cmocka_unit_test_teardown(test_backward_for_every_type_and_width, release_kept),
        cmocka_unit_test_teardown(test_lengths_and_threads_do_not_matter, release_kept),
        cmocka_unit_test_teardown(test_panels_for_every_type, narrow_again),
        cmocka_unit_test_teardown(test_every_half_is_converted_exactly, release_kept),
        cmocka_unit_test_teardown(test_the_halves_of_wide_rows_are_converted_exactly, release_kept),
    };
    return cmocka_run_group_tests_name("projection", tests, NULL, NULL);
}
