/* Attention of one packed sequence over another against its definition, and the definition's
 * central differences. */
#include "kernels/sequence_attention.h"
#include "sequences.h"

#define D     6
#define HEADS 3
#define WIDTH (D / HEADS)

struct attention_case {
    struct ragged asking, answering;
    double *q, *k, *v, *dy, *y;
    int64_t only; /* objective of this clip alone; -1: of all */
};

/* As many clips as LENGTHS_FEW and LENGTHS_LONG have, some empty on one side or on both. */
static const int64_t OTHERS_FEW[] = {3, 0, 2, 0, 7, 5, 1, 4, 0, -1};
static const int64_t OTHERS_LONG[] = {0, 300, 700, 0, 4, 1, 0, 0, 150, -1};

static struct attention_case make_case(const int64_t *asking, const int64_t *answering)
{
    struct random_source source = random_source(6, 0);
    struct attention_case c = {
        .asking = cut_sequences(asking), .answering = cut_sequences(answering), .only = -1};
    assert_int_equal(c.asking.n_clips, c.answering.n_clips);
    c.q = draw(&source, c.asking.n_rows * D);
    c.k = draw(&source, c.answering.n_rows * D);
    c.v = draw(&source, c.answering.n_rows * D);
    c.dy = draw(&source, c.asking.n_rows * D);
    c.y = keep(c.asking.n_rows * D, sizeof *c.y);
    return c;
}

/* ---- The definition ---- */

static void answer(const struct attention_case *c, int64_t clip, int64_t row, int head)
{
    double sum = 0, *y = c->y + row * D + head * WIDTH;
    memset(y, 0, WIDTH * sizeof *y);
    for (int64_t u = c->answering.offsets[clip]; u < c->answering.offsets[clip + 1]; u++) {
        int64_t at = u * D + head * WIDTH;
        double weight =
            exp(dot(WIDTH, c->q + row * D + head * WIDTH, c->k + at) / sqrt((double)WIDTH));
        for (int j = 0; j < WIDTH; j++)
            y[j] += weight * c->v[at + j];
        sum += weight;
    }
    for (int j = 0; j < WIDTH && sum > 0; j++)
        y[j] /= sum;
}

static double objective(void *context)
{
    const struct attention_case *c = context;
    double sum = 0;
    for (int64_t clip = 0; clip < c->asking.n_clips; clip++)
        for (int64_t t = c->asking.offsets[clip];
             t < c->asking.offsets[clip + 1] && (c->only < 0 || c->only == clip); t++) {
            for (int head = 0; head < HEADS; head++)
                answer(c, clip, t, head);
            sum += dot(D, c->dy + t * D, c->y + t * D);
        }
    return sum;
}

/* ---- The kernel ---- */

static struct sequence_attention attention_of(const struct attention_case *c)
{
    return (struct sequence_attention){.asking = &c->asking,
                                       .answering = &c->answering,
                                       .d = D,
                                       .n_heads = HEADS,
                                       .q = as_reals(c->asking.n_rows * D, c->q),
                                       .k = as_reals(c->answering.n_rows * D, c->k),
                                       .v = as_reals(c->answering.n_rows * D, c->v),
                                       .y = gradient_from(9, c->asking.n_rows * D),
                                       .log_sums = gradient_from(9, c->asking.n_rows * HEADS)};
}

/* Full of another use's remains. */
static struct sequence_attention_scratch make_scratch(void)
{
    struct sequence_attention_scratch scratch;
    struct arena arena;
    arena_measure(&arena);
    sequence_attention_scratch_make(&scratch, &arena);
    arena = kept_arena(arena.peak);
    memset(arena.block, 0x7F, arena.capacity);
    sequence_attention_scratch_make(&scratch, &arena);
    return scratch;
}

static void check_forward(const int64_t *asking, const int64_t *answering)
{
    struct attention_case c = make_case(asking, answering);
    struct sequence_attention attention = attention_of(&c);
    struct sequence_attention_scratch scratch = make_scratch();
    objective(&c);
    sequence_attention_forward(&attention, &scratch);
    assert_near("y", c.asking.n_rows * D, attention.y, c.y, 5 * VALUE_TOLERANCE);
    release_kept(NULL);
}

/* The derivative after every `every`th value of rows: of its clip's part of the objective. */
static void check_rows(struct attention_case *c, const char *what, const struct ragged *sequence,
                       const real *gradient, double *values, int64_t every)
{
    for (int64_t clip = 0; clip < sequence->n_clips; clip++) {
        int64_t first = sequence->offsets[clip] * D, last = sequence->offsets[clip + 1] * D;
        double largest = 0;
        c->only = clip;
        for (int64_t i = first; i < last; i++)
            largest = fmax(largest, fabs((double)gradient[i]));
        for (int64_t i = first; i < last; i += every) {
            double wanted = central_difference(objective, c, &values[i]);
            if (!(fabs((double)gradient[i] - wanted) <=
                  GRADIENT_TOLERANCE * (largest + 1e-3) + (IS_DOUBLE ? 0 : 1e-6)))
                fail_msg("%s: row %lld column %lld is %.9g instead of %.9g", what,
                         (long long)(i / D), (long long)(i % D), (double)gradient[i], wanted);
        }
    }
    c->only = -1;
}

static void check_backward(const int64_t *asking, const int64_t *answering, int64_t every)
{
    struct attention_case c = make_case(asking, answering);
    struct sequence_attention attention = attention_of(&c);
    struct sequence_attention_scratch scratch = make_scratch();
    real *dq = gradient_from(5, c.asking.n_rows * D); /* they are written, not added to */
    real *dk = gradient_from(5, c.answering.n_rows * D);
    real *dv = gradient_from(5, c.answering.n_rows * D);
    sequence_attention_forward(&attention, &scratch);
    sequence_attention_backward(&attention, &scratch, as_reals(c.asking.n_rows * D, c.dy), dq, dk,
                                dv);
    check_rows(&c, "dq", &c.asking, dq, c.q, every);
    check_rows(&c, "dk", &c.answering, dk, c.k, every);
    check_rows(&c, "dv", &c.answering, dv, c.v, every);
    release_kept(NULL);
}

static void test_forward_is_the_definition(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        check_forward(LENGTHS_FEW, OTHERS_FEW);
        check_forward(OTHERS_FEW, LENGTHS_FEW);
        check_forward(LENGTHS_LONG, OTHERS_LONG);
        check_forward(LENGTHS_EMPTY, LENGTHS_EMPTY);
    }
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        check_backward(LENGTHS_FEW, OTHERS_FEW, 1);
        check_backward(OTHERS_FEW, LENGTHS_FEW, 1);
        check_backward(LENGTHS_EMPTY, LENGTHS_EMPTY, 1);
    }
}

static void test_backward_of_clips_longer_than_many_tiles(void **state)
{
    (void)state;
    threads_set(2);
    check_backward(LENGTHS_LONG, OTHERS_LONG, 1607);
}

static void test_large_scores_neither_overflow_nor_lose_the_softmax(void **state)
{
    (void)state;
    threads_set(2);
    struct attention_case c = make_case(LENGTHS_LONG, OTHERS_LONG);
    for (int64_t i = 0; i < c.asking.n_rows * D; i++)
        c.q[i] *= 4096;
    for (int64_t i = 0; i < c.answering.n_rows * D; i++)
        c.v[i] = 1; /* the weights sum to 1, and so does the answer */
    struct sequence_attention attention = attention_of(&c);
    struct sequence_attention_scratch scratch = make_scratch();
    sequence_attention_forward(&attention, &scratch);
    for (int64_t clip = 0; clip < c.asking.n_clips; clip++)
        for (int64_t i = c.asking.offsets[clip] * D; i < c.asking.offsets[clip + 1] * D; i++)
            assert_true(fabs((double)attention.y[i] -
                             (c.answering.offsets[clip + 1] > c.answering.offsets[clip])) < 1e-5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_forward_is_the_definition, release_kept),
        cmocka_unit_test_teardown(test_backward_is_the_derivative, release_kept),
        cmocka_unit_test_teardown(test_backward_of_clips_longer_than_many_tiles, release_kept),
        cmocka_unit_test_teardown(test_large_scores_neither_overflow_nor_lose_the_softmax,
                                  release_kept),
    };
    return cmocka_run_group_tests_name("sequence_attention", tests, NULL, NULL);
}
