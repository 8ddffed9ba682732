/* What a host can set: memory for large blocks and a receiver for the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "valence/runtime.h"

struct counted {
    size_t held;
    int n_taken;
};

static void *take(void *user, size_t alignment, size_t bytes)
{
    struct counted *counted = user;
    counted->held += bytes;
    counted->n_taken++;
    return aligned_alloc(alignment, bytes);
}

static void *take_nothing(void *user, size_t alignment, size_t bytes)
{
    (void)user, (void)alignment, (void)bytes;
    return NULL;
}

static void release(void *user, void *block, size_t bytes)
{
    struct counted *counted = user;
    counted->held -= bytes;
    free(block);
}

static void test_blocks_come_from_the_host(void **state)
{
    (void)state;
    struct valence_error error;
    struct counted counted = {0};
    struct valence_allocator allocator = {sizeof allocator, take, release, &counted};
    struct arena arena;
    assert_int_equal(valence_set_allocator(&allocator, &error), 0);
    assert_int_equal(arena_create(&arena, 1000, "a test", &error), 0);
    assert_true(counted.n_taken == 1 && counted.held >= 1000);
    assert_int_equal((uintptr_t)arena_take(&arena, 10, 4) % 64, 0);
    arena_free(&arena);
    assert_int_equal(counted.held, 0);
    assert_int_equal(valence_set_allocator(NULL, &error), 0);
}

static void test_large_blocks_are_released_with_their_size(void **state)
{
    (void)state;
    struct valence_error error;
    struct counted counted = {0};
    struct valence_allocator allocator = {sizeof allocator, take, release, &counted};
    static const int64_t counts[] = {0, 1, 16, 1000};
    assert_int_equal(valence_set_allocator(&allocator, &error), 0);
    for (int i = 0; i < 4; i++) {
        unsigned char *block = block_take_zeroed(counts[i], sizeof(float));
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (int64_t k = 0; k < counts[i] * 4; k++)
            assert_int_equal(block[k], 0);
        assert_true(counted.n_taken == i + 1 && counted.held >= (size_t)counts[i] * sizeof(float));
        block_free(block, counts[i], sizeof(float));
        assert_int_equal(counted.held, 0);
    }
    block_free(NULL, 0, 4);
    assert_null(block_take(INT64_MAX, 8));
    assert_null(valence_block_take(SIZE_MAX));
    assert_int_equal(valence_set_allocator(NULL, &error), 0);
}

static void test_a_host_without_memory_is_an_error(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_allocator allocator = {sizeof allocator, take_nothing, release, NULL};
    struct arena arena;
    assert_int_equal(valence_set_allocator(&allocator, &error), 0);
    assert_int_equal(arena_create(&arena, 1000, "a test", &error), VALENCE_ERROR_MEMORY);
    assert_int_equal(valence_set_allocator(NULL, &error), 0);
}

static void test_half_an_allocator_is_refused(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_allocator allocator = {sizeof allocator, take, NULL, NULL};
    assert_int_equal(valence_set_allocator(&allocator, &error), VALENCE_ERROR_ARGUMENT);
    allocator = (struct valence_allocator){sizeof allocator + 8, take, release, NULL};
    assert_int_equal(valence_set_allocator(&allocator, NULL), VALENCE_ERROR_ARGUMENT);
}

static void keep(void *user, enum valence_log_level level, const char *text)
{
    assert_int_equal(level, VALENCE_LOG_WARNING);
    strcpy(user, text);
}

static void test_the_log_reaches_its_receiver(void **state)
{
    (void)state;
    char heard[VALENCE_ERROR_TEXT_BYTES] = "";
    log_line(VALENCE_LOG_WARNING, "nobody hears this");
    valence_set_log(keep, heard);
    log_line(VALENCE_LOG_WARNING, "%d of %d", 1, 2);
    assert_string_equal(heard, "1 of 2");
    valence_set_log(NULL, NULL);
    log_line(VALENCE_LOG_WARNING, "nor this");
    assert_string_equal(heard, "1 of 2");
}

static void test_features_end_with_null(void **state)
{
    (void)state;
    int n = 0;
    for (const char *const *feature = valence_features(); *feature; feature++)
        n += (*feature)[0] != '\0';
    assert_true(n < 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_come_from_the_host),
        cmocka_unit_test(test_large_blocks_are_released_with_their_size),
        cmocka_unit_test(test_a_host_without_memory_is_an_error),
        cmocka_unit_test(test_half_an_allocator_is_refused),
        cmocka_unit_test(test_the_log_reaches_its_receiver),
        cmocka_unit_test(test_features_end_with_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
