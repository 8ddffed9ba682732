/* Randomness that must be the same everywhere and for ever: checkpoints and runs depend on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

/* Random123's kat_vectors for philox4x32 with 10 rounds: zeros, ones, and digits of pi. */
static void test_philox_gives_the_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void test_bounds_are_kept_and_all_values_come(void **state)
{
    (void)state;
    struct random_source source = random_source(7, 1);
    int seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        int64_t value = random_below(&source, 7);
        assert_in_range(value, 0, 6);
        seen[value]++;
        double uniform = random_uniform(&source);
        assert_true(uniform >= 0 && uniform < 1);
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150); /* 1000 +- 5 deviations */
}

static void test_a_shuffle_is_a_permutation_and_repeatable(void **state)
{
    (void)state;
    enum { N = 100 };
    int64_t first[N], second[N], sum = 0;
    for (int i = 0; i < N; i++)
        first[i] = second[i] = i;
    struct random_source one = random_source(3, 2), two = random_source(3, 2);
    random_shuffle(&one, first, N);
    random_shuffle(&two, second, N);
    assert_memory_equal(first, second, sizeof first);
    int seen[N] = {0}, moved = 0;
    for (int i = 0; i < N; i++) {
        seen[first[i]]++;
        sum += first[i];
        moved += first[i] != i;
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(sum, N * (N - 1) / 2);
    assert_true(moved > N / 2);
}

static void test_purposes_and_seeds_give_other_numbers(void **state)
{
    (void)state;
    struct random_source a = random_source(1, 1), b = random_source(1, 2), c = random_source(2, 1);
    uint32_t first = random_u32(&a);
    assert_int_not_equal(first, random_u32(&b));
    assert_int_not_equal(first, random_u32(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_gives_the_known_answers),
        cmocka_unit_test(test_bounds_are_kept_and_all_values_come),
        cmocka_unit_test(test_a_shuffle_is_a_permutation_and_repeatable),
        cmocka_unit_test(test_purposes_and_seeds_give_other_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
