/* Sums over ranks, and how they fail together. The ranks are threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "collective/collective.h"
#include "collective/share.h"
#include "collective/sum.h"
#include "thread_ranks.h"

enum { N_VALUES = 1003, MAX_PARTS = 9 };

/* ---- Sums ---- */

struct sums {
    int64_t n_parts;
    enum collective_wire wire;
    float parts[MAX_PARTS][N_VALUES];
    float results[MAX_RANKS][N_VALUES];
    int statuses[MAX_RANKS];
};

static struct sums drawn_parts(int64_t n_parts)
{
    struct sums sums = {.n_parts = n_parts};
    struct random_source source = random_source(7, 1);
    for (int64_t p = 0; p < n_parts; p++)
        for (int i = 0; i < N_VALUES; i++)
            sums.parts[p][i] = (float)(random_normal(&source) * exp(5 * random_normal(&source)));
    return sums;
}

static void sum_in_order(struct thread_rank *rank, void *argument)
{
    struct sums *sums = argument;
    const struct valence_collective *c = &rank->collective;
    struct sum_buffers buffers = {0};
    struct valence_error error;
    float *own[MAX_PARTS];
    int64_t first = first_part(sums->n_parts, c->rank, c->n_ranks), n = 0;
    for (int64_t p = first; p < first_part(sums->n_parts, c->rank + 1, c->n_ranks); p++)
        own[n++] = sums->parts[p];
    sums->statuses[c->rank] = collective_sum_ordered(c, sums->n_parts, own, 0, N_VALUES,
                                                     sums->results[c->rank], &buffers, &error);
    sum_buffers_free(&buffers);
}

static void test_ordered_sums_are_the_same_however_parts_are_spread(void **state)
{
    (void)state;
    for (int64_t n_parts = 1; n_parts <= MAX_PARTS; n_parts++) {
        struct sums sums = drawn_parts(n_parts);
        float expected[N_VALUES];
        memcpy(expected, sums.parts[0], sizeof expected);
        for (int64_t p = 1; p < n_parts; p++)
            for (int i = 0; i < N_VALUES; i++)
                expected[i] += sums.parts[p][i];
        for (int n = 1; n <= 5; n++) {
            memset(sums.results, 0, sizeof sums.results);
            run_thread_ranks(n, sum_in_order, &sums);
            for (int r = 0; r < n; r++) {
                assert_int_equal(sums.statuses[r], 0);
                assert_memory_equal(sums.results[r], expected, sizeof expected);
            }
        }
    }
}

static void sum_own(struct thread_rank *rank, void *argument)
{
    struct sums *sums = argument;
    int own = rank->collective.rank;
    struct sum_buffers buffers = {0};
    struct valence_error error;
    memcpy(sums->results[own], sums->parts[own], sizeof sums->results[own]);
    sums->statuses[own] = collective_sum(&rank->collective, sums->wire, N_VALUES,
                                         sums->results[own], &buffers, &error);
    sum_buffers_free(&buffers);
}

/* Each value is rounded twice, to 8 bits: once before the sum and once after it. */
static void test_sums_in_bf16_are_near_and_the_same_for_all(void **state)
{
    (void)state;
    for (int n = 1; n <= 4; n++) {
        struct sums sums = drawn_parts(n);
        sums.wire = WIRE_BF16;
        int64_t bytes = run_thread_ranks(n, sum_own, &sums);
        for (int i = 0; i < N_VALUES; i++) {
            double sum = 0, size = 0;
            for (int r = 0; r < n; r++) {
                sum += (double)sums.parts[r][i];
                size += fabs((double)sums.parts[r][i]);
            }
            double limit = n == 1 ? 0 : (size + fabs(sum)) / 256 * 1.01;
            assert_true(fabs((double)sums.results[0][i] - sum) <= limit);
        }
        for (int r = 0; r < n; r++) {
            assert_int_equal(sums.statuses[r], 0);
            assert_memory_equal(sums.results[r], sums.results[0], sizeof sums.results[0]);
        }
        if (n > 1) /* all of them, and a slice of the sum */
            assert_in_range(bytes, 2 * N_VALUES, 2 * N_VALUES * 3 / 2 + 64);
    }
}

static void test_bf16_keeps_what_is_not_finite(void **state)
{
    (void)state;
    struct sums sums = drawn_parts(2);
    sums.wire = WIRE_BF16;
    sums.parts[0][0] = NAN;
    sums.parts[1][1] = INFINITY;
    sums.parts[0][2] = sums.parts[1][2] = -3.0e38f;
    run_thread_ranks(2, sum_own, &sums);
    assert_true(isnan(sums.results[1][0]));
    assert_true(isinf(sums.results[1][1]));
    assert_true(isinf(sums.results[0][2]) && sums.results[0][2] < 0);
}

/* ---- Failing together ---- */

struct agreement {
    int given[MAX_RANKS], got[MAX_RANKS];
    struct valence_error errors[MAX_RANKS];
};

static void agree(struct thread_rank *rank, void *argument)
{
    struct agreement *agreement = argument;
    int own = rank->collective.rank, status = agreement->given[own];
    struct valence_error *error = &agreement->errors[own];
    if (status)
        valence_fail(error, status, "store", "trouble of %d", own);
    agreement->got[own] = collective_agree(&rank->collective, status, error);
}

static void test_all_fail_where_one_does_and_know_why(void **state)
{
    (void)state;
    struct agreement agreement = {.given = {0, 0, VALENCE_ERROR_IO, VALENCE_ERROR_DATA}};
    run_thread_ranks(4, agree, &agreement);
    for (int r = 0; r < 4; r++) {
        assert_int_equal(agreement.got[r], r == 2 ? VALENCE_ERROR_IO : VALENCE_ERROR_RANK);
        assert_int_equal(agreement.errors[r].status, agreement.got[r]);
        assert_string_equal(agreement.errors[r].text, "rank 2 of 4: trouble of 2");
        assert_string_equal(agreement.errors[r].key, "store");
    }
}

static void test_a_cancelled_rank_cancels_all_and_a_failed_one_goes_before(void **state)
{
    (void)state;
    struct agreement cancelled = {.given = {0, VALENCE_ERROR_CANCELLED, 0}};
    run_thread_ranks(3, agree, &cancelled);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(cancelled.got[r], VALENCE_ERROR_CANCELLED);
        assert_string_equal(cancelled.errors[r].text, "trouble of 1");
    }
    struct agreement both = {.given = {VALENCE_ERROR_CANCELLED, 0, VALENCE_ERROR_IO}};
    run_thread_ranks(3, agree, &both);
    assert_int_equal(both.got[0], VALENCE_ERROR_RANK);
    assert_int_equal(both.got[2], VALENCE_ERROR_IO);
}

static void test_all_fine_is_fine(void **state)
{
    (void)state;
    struct agreement agreement = {.got = {9, 9, 9}};
    run_thread_ranks(3, agree, &agreement);
    for (int r = 0; r < 3; r++)
        assert_int_equal(agreement.got[r], 0);
    assert_int_equal(collective_agree(NULL, VALENCE_ERROR_IO, NULL), VALENCE_ERROR_IO);
}

struct comparison {
    char bytes[MAX_RANKS][4];
    int statuses[MAX_RANKS];
};

static void compare(struct thread_rank *rank, void *argument)
{
    struct comparison *c = argument;
    struct valence_error error;
    int own = rank->collective.rank;
    c->statuses[own] =
        collective_compare(&rank->collective, c->bytes[own], 4, "parameters", &error);
}

static void test_ranks_that_differ_are_noticed(void **state)
{
    (void)state;
    struct comparison same = {.bytes = {"abc", "abc", "abc"}}, other = {.bytes = {"a", "a", "b"}};
    run_thread_ranks(3, compare, &same);
    run_thread_ranks(3, compare, &other);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(same.statuses[r], 0);
        assert_int_equal(other.statuses[r], r == 2 ? VALENCE_ERROR_DATA : VALENCE_ERROR_RANK);
    }
}

static void test_tables_are_checked(void **state)
{
    (void)state;
    struct valence_collective table;
    struct valence_error error;
    valence_collective_default(&table);
    assert_int_equal(collective_check(NULL, &error), 0);
    assert_int_equal(collective_check(&table, &error), 0);
    table.n_ranks = 2;
    assert_int_equal(collective_check(&table, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "lacks a function"));
    table.rank = 2;
    assert_int_equal(collective_check(&table, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "rank 2 of 2"));
    table.size = 8;
    assert_int_equal(collective_check(&table, &error), VALENCE_ERROR_ARGUMENT);
}

/* ---- Shares ---- */

/* Items that are larger than what is sent at once, or not; the rank that fails, or -1. */
struct shares {
    int64_t n, unit, item_bytes;
    int failed;
    char *items[MAX_RANKS]; /* (n, item_bytes) */
    int statuses[MAX_RANKS];
    struct valence_error errors[MAX_RANKS];
};

static void fill_share(struct thread_rank *rank, void *argument)
{
    struct shares *shares = argument;
    int own = rank->collective.rank;
    struct share share = collective_share(&rank->collective, shares->n, shares->unit);
    for (int64_t i = share.begin; i < share.end; i++)
        for (int64_t k = 0; k < shares->item_bytes; k++)
            shares->items[own][i * shares->item_bytes + k] = (char)(i + 7 * k + 1);
    int status = own == shares->failed
                     ? valence_fail(&shares->errors[own], VALENCE_ERROR_IO, NULL, "no disk")
                     : 0;
    shares->statuses[own] =
        collective_gather_shares(&rank->collective, status, shares->n, shares->unit,
                                 shares->item_bytes, shares->items[own], &shares->errors[own]);
}

static void gather_items(struct shares *shares, int n_ranks)
{
    for (int r = 0; r < n_ranks; r++)
        shares->items[r] = calloc((size_t)(shares->n * shares->item_bytes) + 1, 1);
    run_thread_ranks(n_ranks, fill_share, shares);
}

static void free_items(struct shares *shares)
{
    for (int r = 0; r < MAX_RANKS; r++)
        free(shares->items[r]);
}

static void test_shares_cover_everything_and_begin_at_units(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 40; n++)
        for (int64_t unit = 1; unit < 9; unit++)
            for (int n_ranks = 1; n_ranks <= MAX_RANKS; n_ranks++) {
                int64_t next = 0;
                for (int r = 0; r < n_ranks; r++) {
                    struct share share = share_of_rank(n, unit, r, n_ranks);
                    assert_int_equal(share.begin, next);
                    assert_true(share.end >= share.begin);
                    assert_true(share.begin % unit == 0 || share.begin == n);
                    next = share.end;
                }
                assert_int_equal(next, n);
            }
}

static void test_all_ranks_get_all_shares(void **state)
{
    static const int64_t cases[][3] = {{0, 1, 8},    {1, 1, 8},       {3, 2, 1},
                                       {100, 7, 12}, {700, 3, 20000}, {3, 1, 5000000}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (int n_ranks = 1; n_ranks <= 5; n_ranks += 2) {
            struct shares shares = {cases[c][0], cases[c][1], cases[c][2], .failed = -1};
            gather_items(&shares, n_ranks);
            for (int r = 0; r < n_ranks; r++) {
                assert_int_equal(shares.statuses[r], 0);
                for (int64_t i = 0; i < shares.n; i++)
                    for (int64_t k = 0; k < shares.item_bytes; k += 1 + shares.item_bytes / 50)
                        if (shares.items[r][i * shares.item_bytes + k] != (char)(i + 7 * k + 1))
                            fail_msg("case %zu: rank %d has not got item %lld", c, r, (long long)i);
            }
            free_items(&shares);
        }
}

static void test_no_rank_gets_shares_where_one_fails(void **state)
{
    (void)state;
    struct shares shares = {.n = 10, .unit = 2, .item_bytes = 4, .failed = 1};
    gather_items(&shares, 3);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(shares.statuses[r], r == 1 ? VALENCE_ERROR_IO : VALENCE_ERROR_RANK);
        assert_string_equal(shares.errors[r].text, "rank 1 of 3: no disk");
    }
    free_items(&shares);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordered_sums_are_the_same_however_parts_are_spread),
        cmocka_unit_test(test_sums_in_bf16_are_near_and_the_same_for_all),
        cmocka_unit_test(test_bf16_keeps_what_is_not_finite),
        cmocka_unit_test(test_all_fail_where_one_does_and_know_why),
        cmocka_unit_test(test_a_cancelled_rank_cancels_all_and_a_failed_one_goes_before),
        cmocka_unit_test(test_all_fine_is_fine),
        cmocka_unit_test(test_ranks_that_differ_are_noticed),
        cmocka_unit_test(test_tables_are_checked),
        cmocka_unit_test(test_shares_cover_everything_and_begin_at_units),
        cmocka_unit_test(test_all_ranks_get_all_shares),
        cmocka_unit_test(test_no_rank_gets_shares_where_one_fails),
    };
    return cmocka_run_group_tests_name("collective", tests, NULL, NULL);
}
