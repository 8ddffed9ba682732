/* What the tests of the readers share: the files in fixtures/ and the values that make_fixtures.py
 * put into them. */
#ifndef TESTS_FORMAT_FIXTURES_H
#define TESTS_FORMAT_FIXTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/file.h"
#include "valence/error.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/format/fixtures/" name

static inline int integer_at(int64_t i)
{
    return (int)(i * 7 % 23);
}

static inline float float_at(int64_t i)
{
    return (float)(integer_at(i) - 11) / 4;
}

/* The path of an optional golden file, or a skipped test. */
static inline const char *shared_path(const char *name)
{
    static char path[1024];
    const char *folder = getenv("VALENCE_SHARED");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : VALENCE_TEST_DATA "/../../shared", name);
    if (!path_exists(path))
        skip();
    return path;
}

/* An exact-size copy of the first `size` bytes, so that AddressSanitizer sees a read beyond; free()
 * it. */
static inline unsigned char *copy_bytes(const void *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* Calls `open` with every proper beginning of the file, which must end in an error with a text. */
static inline void check_truncations(const char *path, int (*open)(const void *data, size_t size,
                                                                   struct valence_error *error))
{
    struct file_map map;
    struct valence_error error;
    assert_int_equal(file_map_open(&map, path, &error), VALENCE_OK);
    for (size_t size = 0; size < map.size; size++) {
        unsigned char *part = copy_bytes(map.data, size);
        error.text[0] = '\0';
        int status = open(part, size, &error);
        if (status == VALENCE_OK)
            fail_msg("%s: its first %zu bytes are accepted", path, size);
        assert_true(error.text[0] != '\0');
        free(part);
    }
    file_map_close(&map);
}

#endif
