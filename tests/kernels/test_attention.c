/* Attention over packed sequences against its definition, clip by clip, and the definition's
 * central differences. */
#include "kernels/attention.h"
#include "sequences.h"

#define SITE 3

enum { SMALL = 6, WIDE = 136 }; /* widths; the wide one's keys are multiplied in panels */

static int64_t d = SMALL;

struct attention_case {
    struct ragged sequence;
    int64_t n_queries;
    bool shared; /* one set of queries for all clips */
    struct dropout dropout;
    uint64_t *clip_keys;
    uint32_t *masks; /* (rows, dropout_words(d)), drawn by the test */
    double *x, *weight, *bias, *queries;
    double *dy;          /* the objective is dy . y */
    double *y, *weights; /* of the reference */
    int64_t only;        /* objective of this clip alone; -1: of all */
};

static struct attention_case make_case(const int64_t *lengths, int64_t n_queries, bool shared,
                                       double rate)
{
    struct random_source source = random_source(1, (uint64_t)n_queries);
    struct attention_case c = {.sequence = cut_sequences(lengths),
                               .n_queries = n_queries,
                               .shared = shared,
                               .dropout = dropout_make(rate, 99),
                               .only = -1};
    int64_t n_clips = c.sequence.n_clips, n_rows = c.sequence.n_rows;
    c.clip_keys = keep(n_clips, sizeof *c.clip_keys);
    c.masks = keep(n_rows * dropout_words(d), sizeof *c.masks);
    for (int64_t i = 0; i < n_clips; i++) {
        c.clip_keys[i] = mix_keys(7, (uint64_t)i);
        dropout_masks(&c.dropout, SITE, c.clip_keys[i], 0,
                      c.sequence.offsets[i + 1] - c.sequence.offsets[i], d,
                      c.masks + c.sequence.offsets[i] * dropout_words(d));
    }
    c.x = draw(&source, n_rows * d);
    c.weight = draw(&source, d * d);
    c.bias = draw(&source, d);
    c.queries = draw(&source, (shared ? 1 : n_clips) * n_queries * d);
    c.dy = draw(&source, n_clips * n_queries * d);
    c.y = keep(n_clips * n_queries * d, sizeof *c.y);
    c.weights = keep(n_queries * n_rows, sizeof *c.weights);
    return c;
}

/* ---- The definition ---- */

static void value(const struct attention_case *c, int64_t row, double *out)
{
    const uint32_t *mask = c->masks + row * dropout_words(d);
    for (int64_t j = 0; j < d; j++)
        out[j] = (mask[j / 32] >> j % 32 & 1) * (double)c->dropout.scale * c->x[row * d + j];
}

static double score(const struct attention_case *c, int64_t row, const double *query)
{
    double x[WIDE], sum = 0;
    value(c, row, x);
    for (int64_t j = 0; j < d; j++)
        sum += query[j] * tanh(c->bias[j] + dot(d, c->weight + j * d, x));
    return 0.3 * sum;
}

static void reference_clip(const struct attention_case *c, int64_t clip, int64_t q)
{
    int64_t start = c->sequence.offsets[clip], n = c->sequence.offsets[clip + 1] - start;
    const double *query = c->queries + ((c->shared ? 0 : clip) * c->n_queries + q) * d;
    double *y = c->y + (clip * c->n_queries + q) * d, sum = 0;
    double *weights = c->weights + c->n_queries * start + q * n;
    for (int64_t t = 0; t < n; t++)
        sum += weights[t] = exp(score(c, start + t, query));
    memset(y, 0, (size_t)d * sizeof *y);
    for (int64_t t = 0; t < n; t++) {
        double x[WIDE];
        value(c, start + t, x);
        weights[t] /= sum;
        for (int64_t j = 0; j < d; j++)
            y[j] += weights[t] * x[j];
    }
}

static double objective(void *context)
{
    const struct attention_case *c = context;
    double sum = 0;
    for (int64_t clip = 0; clip < c->sequence.n_clips; clip++)
        for (int64_t q = 0; q < c->n_queries && (c->only < 0 || c->only == clip); q++) {
            int64_t at = (clip * c->n_queries + q) * d;
            reference_clip(c, clip, q);
            sum += dot(d, c->dy + at, c->y + at);
        }
    return sum;
}

/* ---- The kernel ---- */

static struct attention attention_of(const struct attention_case *c, bool training)
{
    int64_t n_clips = c->sequence.n_clips, n_rows = c->sequence.n_rows, n = c->n_queries;
    return (struct attention){
        .sequence = &c->sequence,
        .x = as_reals(n_rows * d, c->x),
        .key_layer = {as_reals(d * d, c->weight), as_reals(d, c->bias), d, d, PRECISION_F32},
        .queries = as_reals((c->shared ? 1 : n_clips) * n * d, c->queries),
        .n_queries = n,
        .query_stride = c->shared ? 0 : n * d,
        .dropout = c->dropout,
        .site = SITE,
        .clip_keys = c->clip_keys,
        .output = gradient_from(9, n_clips * n * d),
        .weights = gradient_from(9, n * n_rows),
        .keys = training ? gradient_from(9, n_rows * d) : NULL,
        .masks = keep(n_rows * dropout_words(d), sizeof(uint32_t))};
}

/* For more queries and segments than needed, full of another use's remains. */
static struct attention_scratch make_scratch(const struct attention_case *c)
{
    struct attention_scratch scratch;
    struct arena arena;
    arena_measure(&arena);
    attention_scratch_make(&scratch, d, c->n_queries + 1, c->sequence.n_segments + 1, &arena);
    arena = kept_arena(arena.peak);
    memset(arena.block, 0x7F, arena.capacity);
    attention_scratch_make(&scratch, d, c->n_queries + 1, c->sequence.n_segments + 1, &arena);
    return scratch;
}

static void check_forward(struct attention_case *c)
{
    int64_t n_y = c->sequence.n_clips * c->n_queries * d;
    objective(c);
    struct attention_scratch scratch = make_scratch(c);
    for (int training = 0; training < 2; training++) {
        struct attention attention = attention_of(c, training);
        attention_forward(&attention, &scratch);
        assert_near("y", n_y, attention.output, c->y, 3 * VALUE_TOLERANCE);
        assert_near("weights", c->n_queries * c->sequence.n_rows, attention.weights, c->weights,
                    3 * VALUE_TOLERANCE);
    }
}

/* What gradients are before a backward pass adds to them. */
#define BEFORE_W       0.5
#define BEFORE_B       2
#define BEFORE_X       0.25
#define BEFORE_QUERIES -1

/* The derivative after a row's value: of its clip's part of the objective, for every `every`th
 * value. */
static void check_dx(struct attention_case *c, real *dx, int64_t every)
{
    for (int64_t clip = 0; clip < c->sequence.n_clips; clip++) {
        int64_t first = c->sequence.offsets[clip] * d, last = c->sequence.offsets[clip + 1] * d;
        double largest = 0;
        c->only = clip;
        for (int64_t i = first; i < last; i++)
            largest = fmax(largest, fabs((double)dx[i] - BEFORE_X));
        for (int64_t i = first; i < last; i += every) {
            double wanted = central_difference(objective, c, &c->x[i]);
            if (!(fabs((double)dx[i] - BEFORE_X - wanted) <=
                  GRADIENT_TOLERANCE * (largest + 1e-3) + (IS_DOUBLE ? 0 : 1e-7)))
                fail_msg("dx: row %lld column %lld is %.9g instead of %.9g", (long long)(i / d),
                         (long long)(i % d), (double)dx[i] - BEFORE_X, wanted);
        }
    }
    c->only = -1;
}

/* What a backward pass adds to. */
struct gradients {
    int64_t n_x, n_queries;
    real *w, *b, *x, *queries;
};

static struct gradients go_backward(const struct attention_case *c)
{
    struct gradients added = {.n_x = c->sequence.n_rows * d,
                              .n_queries =
                                  (c->shared ? 1 : c->sequence.n_clips) * c->n_queries * d};
    struct attention_scratch scratch = make_scratch(c);
    struct attention attention = attention_of(c, true);
    added.w = gradient_from(BEFORE_W, d * d);
    added.b = gradient_from(BEFORE_B, d);
    added.x = gradient_from(BEFORE_X, added.n_x);
    added.queries = gradient_from(BEFORE_QUERIES, added.n_queries);
    attention_forward(&attention, &scratch);
    attention_backward(&attention, &scratch,
                       as_reals(c->sequence.n_clips * c->n_queries * d, c->dy),
                       (struct linear_gradient){added.w, added.b}, added.x, added.queries);
    return added;
}

static void check_backward(struct attention_case *c, int64_t every)
{
    struct gradients added = go_backward(c);
    check_dx(c, added.x, every);
    assert_added("dW", BEFORE_W, d * d, added.w,
                 central_differences(objective, c, d * d, c->weight));
    assert_added("db", BEFORE_B, d, added.b, central_differences(objective, c, d, c->bias));
    assert_added("dqueries", BEFORE_QUERIES, added.n_queries, added.queries,
                 central_differences(objective, c, added.n_queries, c->queries));
}

static void test_forward_is_the_definition(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++)
        for (size_t k = 0; k < N_ALL_LENGTHS; k++)
            for (int variant = 0; variant < 4; variant++) {
                threads_set(threads);
                struct attention_case c = make_case(ALL_LENGTHS[k], variant & 1 ? 1 : 7,
                                                    variant & 1, variant & 2 ? 0.5 : 0);
                check_forward(&c);
                release_kept(NULL);
            }
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++)
        for (int variant = 0; variant < 8; variant++) {
            threads_set(threads);
            struct attention_case c =
                make_case(variant & 4 ? LENGTHS_ONE : LENGTHS_FEW, variant & 1 ? 1 : 3, variant & 1,
                          variant & 2 ? 0.3 : 0);
            check_backward(&c, 1);
            release_kept(NULL);
        }
}

/* The objective's derivative along a random direction of `values`, against the gradient's part
 * beyond `before`. */
static void check_along(const char *what, struct attention_case *c, int64_t n, double *values,
                        const real *gradient, double before)
{
    struct random_source source = random_source(3, (uint64_t)n);
    const double step = 1e-6;
    double *direction = draw(&source, n), wanted = 0, sum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += ((double)gradient[i] - before) * direction[i];
        size += fabs(((double)gradient[i] - before) * direction[i]);
    }
    for (int side = -1; side <= 1; side += 2) {
        for (int64_t i = 0; i < n; i++)
            values[i] += side * step * direction[i];
        wanted += side * objective(c) / (2 * step);
        for (int64_t i = 0; i < n; i++)
            values[i] -= side * step * direction[i];
    }
    if (!(fabs(sum - wanted) <= GRADIENT_TOLERANCE * (size / 10 + 1e-3)))
        fail_msg("%s: %.12g along a direction instead of %.12g", what, sum, wanted);
}

static void check_backward_along(struct attention_case *c)
{
    struct gradients added = go_backward(c);
    check_along("dW", c, d * d, c->weight, added.w, BEFORE_W);
    check_along("db", c, d, c->bias, added.b, BEFORE_B);
    check_along("dx", c, added.n_x, c->x, added.x, BEFORE_X);
    check_along("dqueries", c, added.n_queries, c->queries, added.queries, BEFORE_QUERIES);
}

/* Several tiles, and panels and groups that are not full. */
static void test_wide_keys_are_the_definition_and_its_derivative(void **state)
{
    static const int64_t lengths[] = {0, 3, 930, 1, -1}; /* enough for two threads */
    (void)state;
    d = WIDE;
    for (int threads = 1; threads <= 2; threads++)
        for (int variant = 0; variant < 4; variant++) {
            threads_set(threads);
            struct attention_case c =
                make_case(lengths, variant & 1 ? 1 : 7, variant & 1, variant & 2 ? 0.5 : 0);
            for (int64_t i = 0; i < d * d; i++)
                c.weight[i] /= 16; /* or every key is 1 or -1 */
            check_forward(&c);
            check_backward_along(&c);
            release_kept(NULL);
        }
}

static void test_backward_of_clips_longer_than_many_tiles(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        threads_set(threads);
        struct attention_case c = make_case(LENGTHS_LONG, 1, true, 0.5);
        check_backward(&c, 307);
        release_kept(NULL);
    }
}

static void test_backward_of_nothing_adds_nothing(void **state)
{
    (void)state;
    struct attention_case c = make_case(LENGTHS_EMPTY, 3, false, 0.5);
    check_backward(&c, 1);
}

static void test_large_scores_neither_overflow_nor_lose_the_softmax(void **state)
{
    (void)state;
    threads_set(2);
    struct attention_case c = make_case(LENGTHS_FEW, 2, false, 0);
    for (int64_t i = 0; i < c.sequence.n_clips * 2 * d; i++)
        c.queries[i] *= 4096; /* the definition overflows; weights are 0 or 1 */
    struct attention attention = attention_of(&c, false);
    struct attention_scratch scratch = make_scratch(&c);
    attention_forward(&attention, &scratch);
    for (int64_t clip = 0; clip < c.sequence.n_clips; clip++) {
        int64_t start = c.sequence.offsets[clip], n = c.sequence.offsets[clip + 1] - start;
        for (int64_t q = 0; q < 2; q++) {
            double sum = 0;
            for (int64_t t = 0; t < n; t++)
                sum += (double)attention.weights[2 * start + q * n + t];
            assert_true(fabs(sum - (n > 0)) < 1e-5);
        }
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
        cmocka_unit_test_teardown(test_forward_is_the_definition, release_kept),
        cmocka_unit_test_teardown(test_backward_is_the_derivative, release_kept),
        cmocka_unit_test_teardown(test_wide_keys_are_the_definition_and_its_derivative,
                                  narrow_again),
        cmocka_unit_test_teardown(test_backward_of_clips_longer_than_many_tiles, release_kept),
        cmocka_unit_test_teardown(test_backward_of_nothing_adds_nothing, release_kept),
        cmocka_unit_test_teardown(test_large_scores_neither_overflow_nor_lose_the_softmax,
                                  release_kept),
    };
    return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
