/* What is written is what the restricted reader reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/pickle/pickle_numpy.h"
#include "format/pickle/pickle_write.h"

static char *data;
static size_t size;
static struct valence_error error;

static void test_containers_texts_and_numbers_read_back(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,        -1, INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1,
                                      INT64_MIN};
    struct pickle *pickle;
    size_t used;
    FILE *stream = open_memstream(&data, &size);
    assert_non_null(stream);
    pickle_write_begin(stream);
    pickle_write_dict_begin(stream);
    pickle_write_text(stream, "numbers");
    pickle_write_list_begin(stream);
    for (int i = 0; i < 6; i++)
        pickle_write_int(stream, numbers[i]);
    pickle_write_list_end(stream);
    pickle_write_text(stream, "nothing");
    pickle_write_list_begin(stream);
    pickle_write_list_end(stream);
    pickle_write_text(stream, "");
    pickle_write_text(stream, "\xe4\xbd\xa0\xe5\xa5\xbd\n");
    pickle_write_dict_end(stream);
    pickle_write_end(stream);
    assert_int_equal(fclose(stream), 0);

    assert_int_equal(pickle_read(data, size, NULL, "memory", &pickle, &used, &error), 0);
    assert_int_equal(used, size);
    const struct pickle_value *root = pickle_root(pickle), *list = pickle_get(root, "numbers");
    assert_int_equal(root->as.items.n, 6);
    assert_int_equal(list->as.items.n, 6);
    for (int i = 0; i < 6; i++)
        assert_true(pickle_item(list, i)->as.integer == numbers[i]);
    assert_int_equal(pickle_get(root, "nothing")->type, PICKLE_LIST);
    assert_int_equal(pickle_get(root, "nothing")->as.items.n, 0);
    assert_true(pickle_is_text(pickle_get(root, ""), "\xe4\xbd\xa0\xe5\xa5\xbd\n"));
    pickle_free(pickle);
    free(data);
}

static void check_array(enum element_type type, int n_dims, const int64_t *shape)
{
    static const double values[] = {1, -2, 3, 4, 5, 6};
    struct pickle *pickle;
    struct pickle_array array;
    int64_t count;
    assert_true(shape_count(shape, n_dims, &count));
    FILE *stream = open_memstream(&data, &size);
    assert_non_null(stream);
    pickle_write_begin(stream);
    pickle_write_array_begin(stream, type, n_dims, shape);
    for (int64_t i = 0; i < count; i++) {
        float single = (float)values[i];
        int64_t whole = (int64_t)values[i];
        if (type == ELEMENT_F32)
            fwrite(&single, sizeof single, 1, stream);
        else
            fwrite(&whole, sizeof whole, 1, stream);
    }
    pickle_write_array_end(stream);
    pickle_write_end(stream);
    assert_int_equal(fclose(stream), 0);

    assert_int_equal(pickle_read(data, size, NULL, "memory", &pickle, NULL, &error), 0);
    assert_true(pickle_get_array(pickle_root(pickle), &array));
    assert_int_equal(array.header.type, type);
    assert_int_equal(array.header.n_dims, n_dims);
    assert_int_equal(array.header.count, count);
    assert_memory_equal(array.header.shape, shape, (size_t)n_dims * sizeof *shape);
    double found[6];
    elements_to_double(type, array.header.swapped, array.elements->as.bytes.data, count, found);
    assert_memory_equal(found, values, (size_t)count * sizeof *values);
    pickle_free(pickle);
    free(data);
}

static void test_arrays_read_back(void **state)
{
    (void)state;
    check_array(ELEMENT_F32, 2, (int64_t[]){2, 3});
    check_array(ELEMENT_I64, 1, (int64_t[]){6});
    check_array(ELEMENT_F32, 3, (int64_t[]){1, 2, 2});
    check_array(ELEMENT_F32, 3, (int64_t[]){0, 7, 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containers_texts_and_numbers_read_back),
        cmocka_unit_test(test_arrays_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
