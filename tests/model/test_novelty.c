/* What tells clips that are unlike the training data as a whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/random.h"
#include "model/novelty.h"
#include "network_cases.h"

#define N_CLIPS      400
#define N_VALIDATION 199
#define TEXT         VALENCE_STREAM_TEXT

static struct valence_error error;
static const struct standardisation as_it_is;

/* Rows on a line through `width` columns, but for a little. */
static void draw_row(struct random_source *source, int64_t width, float *row)
{
    double t = random_normal(source);
    for (int64_t c = 0; c < width; c++)
        row[c] = (float)(t * (double)(c % 3 - 1) + 0.01 * random_normal(source) + 5);
}

static struct valence_rows one_row(const void *row, enum valence_dtype type, int64_t width)
{
    static const int64_t offsets[2] = {0, 1};
    return (struct valence_rows){row, type, width, offsets, NULL};
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static struct novelty fit(int64_t width)
{
    struct novelty novelty;
    struct random_source source = random_source(3, 0);
    int64_t m = novelty_columns(width);
    float *columns = keep(N_CLIPS * m, sizeof *columns), *row = keep(width, sizeof *row);
    struct valence_rows rows = one_row(row, VALENCE_F32, width);
    for (int i = 0; i < N_CLIPS; i++) {
        draw_row(&source, width, row);
        novelty_fold(&as_it_is, TEXT, &rows, 0, columns + i * m);
    }
    must(novelty_allocate(&novelty, m, novelty_directions(m), N_VALIDATION, &error), &error);
    must(novelty_fit(&novelty, columns, N_CLIPS, &error), &error);
    for (int i = 0; i < N_VALIDATION; i++) {
        draw_row(&source, width, row);
        novelty_fold(&as_it_is, TEXT, &rows, 0, columns);
        novelty.validation[i] = novelty_of(&novelty, columns);
    }
    qsort(novelty.validation, N_VALIDATION, sizeof(float), ascending);
    return novelty;
}

static float share_of(const struct novelty *novelty, const float *row, int64_t width)
{
    struct novelty all[VALENCE_N_STREAMS] = {[TEXT] = *novelty};
    struct valence_batch batch = {.n_clips = 1, .streams[TEXT] = one_row(row, VALENCE_F32, width)};
    float share;
    novelty_shares(all, &as_it_is, &batch, 0, &share);
    return share;
}

/* A row off the line is novel however near the mean it is; one far out on the line is not. */
static void test_what_goes_together_as_in_no_training_clip_is_novel(void **state)
{
    (void)state;
    static const int64_t widths[] = {8, 256, 1000}; /* the last one is folded */
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        int64_t width = widths[w];
        struct novelty novelty = fit(width);
        struct random_source source = random_source(4, 0);
        float *row = keep(width, sizeof *row);
        int n_usual = 0;
        for (int i = 0; i < 200; i++) {
            draw_row(&source, width, row);
            n_usual += share_of(&novelty, row, width) < 0.99f;
        }
        assert_in_range(n_usual, 190, 200);
        for (int64_t c = 0; c < width; c++)
            row[c] = (float)(20 * (double)(c % 3 - 1)) + 5;
        assert_true(share_of(&novelty, row, width) < 0.999f);
        for (int64_t c = 0; c < width; c++)
            row[c] = c % 2 ? 5.5f : 4.5f;
        float share = share_of(&novelty, row, width);
        assert_true(share > 0.99f && share < 1); /* N / (N + 1) */
        novelty_free(&novelty);
    }
}

static void test_directions_are_orthonormal(void **state)
{
    (void)state;
    struct novelty novelty = fit(300);
    int64_t m = novelty.n_columns, n = novelty.n_directions;
    assert_int_equal(m, NOVELTY_MAX_COLUMNS);
    assert_int_equal(n, NOVELTY_MAX_DIRECTIONS);
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b <= a; b++) {
            double product = 0;
            for (int64_t c = 0; c < m; c++)
                product +=
                    (double)novelty.directions[a * m + c] * (double)novelty.directions[b * m + c];
            assert_true(fabs(product - (a == b)) < 1e-5);
        }
    novelty_free(&novelty);
}

/* Clips that are all the same have no directions, and what differs from them is novel. */
static void test_equal_clips_have_no_directions(void **state)
{
    (void)state;
    struct novelty novelty;
    float columns[3 * 8], other[8] = {1};
    for (int i = 0; i < 24; i++)
        columns[i] = 0.5f;
    must(novelty_allocate(&novelty, 8, 2, 1, &error), &error);
    must(novelty_fit(&novelty, columns, 3, &error), &error);
    for (int i = 0; i < 16; i++)
        assert_true(novelty.directions[i] == 0);
    assert_true(fabsf(novelty_of(&novelty, other) - sqrtf(2.0f)) < 1e-6f); /* 8 x 0.5^2 */
    novelty_free(&novelty);
}

static void test_halves_count_as_the_floats_that_they_are(void **state)
{
    (void)state;
    static const int64_t two_rows[2] = {0, 2};
    uint16_t halves[600];
    float floats[600], a[NOVELTY_MAX_COLUMNS], b[NOVELTY_MAX_COLUMNS];
    struct random_source source = random_source(5, 0);
    for (int i = 0; i < 600; i++) {
        halves[i] = float_to_half((float)random_normal(&source));
        floats[i] = half_to_float(halves[i]);
    }
    struct valence_rows of_halves = one_row(halves, VALENCE_F16, 300);
    struct valence_rows of_floats = one_row(floats, VALENCE_F32, 300);
    of_halves.offsets = of_floats.offsets = two_rows;
    novelty_fold(&as_it_is, TEXT, &of_halves, 0, a);
    novelty_fold(&as_it_is, TEXT, &of_floats, 0, b);
    assert_memory_equal(a, b, sizeof a);
}

/* Nothing is said where nothing is known: no model of the stream, or a clip without it. */
static void test_what_is_not_known_is_nan(void **state)
{
    (void)state;
    struct novelty none = {0}, novelty = fit(8);
    float row[8] = {0};
    assert_true(isnan(share_of(&none, row, 8)));
    struct novelty all[VALENCE_N_STREAMS] = {[TEXT] = novelty};
    static const int64_t empty[2] = {0, 0};
    struct valence_batch batch = {
        .n_clips = 1,
        .streams[TEXT] = {.data = row, .type = VALENCE_F32, .width = 8, .offsets = empty}};
    float share = 0;
    novelty_shares(all, &as_it_is, &batch, 0, &share);
    assert_true(isnan(share));
    novelty_free(&novelty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_together_as_in_no_training_clip_is_novel),
        cmocka_unit_test(test_directions_are_orthonormal),
        cmocka_unit_test(test_equal_clips_have_no_directions),
        cmocka_unit_test(test_halves_count_as_the_floats_that_they_are),
        cmocka_unit_test(test_what_is_not_known_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
