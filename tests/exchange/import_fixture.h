/* Options, a result, and values of the store that was imported. */
#ifndef VALENCE_TEST_IMPORT_FIXTURE_H
#define VALENCE_TEST_IMPORT_FIXTURE_H

#include "store_fixture.h"

#include "base/half.h"
#include "valence/import.h"

static struct valence_import_options options;
static struct valence_import_result result;

static int start(void **state)
{
    valence_import_options_default(&options);
    result = (struct valence_import_result){.size = sizeof result};
    return make_folder(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, remove_folder)

static struct valence_store *open_store(void)
{
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    return store;
}

/* All values of a clip's stream, whatever its type, and their rows; free() them. */
static inline float *rows_of(const struct valence_store *store, const char *id, const char *stream,
                             int64_t *n_rows)
{
    int64_t clip = valence_store_find_clip(store, id);
    int index = valence_store_find_stream(store, stream);
    if (clip < 0 || index < 0)
        fail_msg("there is no clip '%s' or stream '%s'", id, stream);
    const struct valence_store_stream *format = valence_store_get_stream(store, index);
    *n_rows = valence_store_clip(store, clip)->n_rows[index];
    int64_t n = *n_rows * format->width;
    uint16_t *raw = calloc((size_t)n + 1, valence_dtype_size(format->type));
    float *values = calloc((size_t)n + 1, sizeof *values);
    assert_true(raw && values);
    assert_fine(valence_store_read_rows(store, clip, index, 0, *n_rows, raw, &error));
    if (format->type == VALENCE_F32)
        memcpy(values, raw, (size_t)n * sizeof *values);
    for (int64_t i = 0; i < n && format->type == VALENCE_F16; i++)
        values[i] = half_to_float(raw[i]);
    free(raw);
    return values;
}

static inline float value_at(const struct valence_store *store, const char *id, const char *stream,
                             int64_t at)
{
    int64_t n_rows;
    float *values = rows_of(store, id, stream, &n_rows);
    assert_true(n_rows > 0);
    float value = values[at];
    free(values);
    return value;
}

#endif
