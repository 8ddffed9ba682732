/* What is told of the arrays in a file. */
#include "fixtures.h"

#include <math.h>

#include "format/array_list.h"

static char listed[4096];

/* "name:type(shape);" of each entry. */
static int note(void *user, const struct array_entry *entry, struct valence_error *error)
{
    const struct npy_header *header = entry->array ? npy_header(entry->array) : NULL;
    char shape[SHAPE_TEXT_BYTES] = "";
    size_t used = strlen(listed);
    (void)user, (void)error;
    snprintf(listed + used, sizeof listed - used, "%s:%s%s;", entry->name,
             !header                     ? entry->what
             : header->kind == NPY_TEXTS ? "texts"
                                         : element_type_name(header->type),
             header ? shape_text(header->shape, header->n_dims, shape, sizeof shape) : "");
    return VALENCE_OK;
}

static void assert_lists(const char *file, const char *expected)
{
    struct valence_error error = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/format/fixtures/%s", VALENCE_TEST_DATA, file);
    listed[0] = '\0';
    if (array_list_file(path, note, NULL, &error))
        fail_msg("%s: %s", file, error.text);
    if (!strstr(listed, expected))
        fail_msg("%s: '%s' lacks '%s'", file, listed, expected);
}

static void test_files_of_all_formats_are_listed(void **state)
{
    (void)state;
    assert_lists("be-f4.npy", ":F32(3, 4);");
    assert_lists("stored.npz", "audio:F32(4, 5, 3);fortran:F32(4, 6);lengths:I64(4,);ids:texts(4,);"
                               "corpus:pickled objects;");
    assert_lists("mixed.safetensors", ":");
    assert_lists("arrays-4.pickle", "f4:F32(3, 4);be:I32(3,);fortran:F64(2, 3);objects:object;");
    assert_lists("cycle.pickle", "list of");
}

static void test_what_is_no_file_of_arrays_is_an_error(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(array_list_file("x.txt", note, NULL, &error), VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(array_list_file(VALENCE_TEST_DATA "/format/fixtures/hostile-system.pickle",
                                     note, NULL, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "posix.system"));
}

static struct array_values values_of(const float *data, int n_dims, const int64_t *shape)
{
    struct valence_error error;
    struct npy *array;
    struct array_values values;
    struct npy_header header = {
        .kind = NPY_NUMBERS, .type = ELEMENT_F32, .item_bytes = sizeof(float), .n_dims = n_dims};
    memcpy(header.shape, shape, (size_t)n_dims * sizeof *shape);
    assert_true(shape_count(shape, n_dims, &header.count));
    assert_int_equal(npy_open_elements(&header, data, (size_t)header.count * sizeof *data, "array",
                                       &array, &error),
                     0);
    assert_int_equal(array_values_read(array, &values, &error), 0);
    npy_close(array);
    return values;
}

static void test_values_are_counted(void **state)
{
    (void)state;
    const float data[] = {1, NAN, 7, 2, 5, 7, 3, INFINITY, 7, -4, 5, 7};
    struct array_values values = values_of(data, 2, (int64_t[]){4, 3});
    assert_int_equal(values.n_nan, 1);
    assert_int_equal(values.n_infinite, 1);
    assert_true(values.low == -4 && values.high == 7);
    assert_int_equal(values.n_constant, 1); /* the last; a NaN is a change */
    values = values_of((float[]){2, 3, NAN, 3, 2, 3}, 2, (int64_t[]){3, 2});
    assert_int_equal(values.n_constant, 1);
    values = values_of(data, 1, (int64_t[]){12});
    assert_int_equal(values.n_constant, 0);
    values =
        values_of(data + 2, 2, (int64_t[]){1, 1}); /* one row does not show whether it changes */
    assert_int_equal(values.n_constant, 0);
    values = values_of(data, 2, (int64_t[]){0, 3});
    assert_true(values.low > values.high);
    assert_int_equal(values.n_constant, 0);
}

static void test_columns_go_on_over_pieces(void **state)
{
    (void)state;
    int64_t shape[] = {30000, 7};
    float *data = calloc(30000 * 7, sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < 30000 * 7; i++)
        data[i] = i % 7 == 3 ? 0.5f : (float)i;
    struct array_values values = values_of(data, 2, shape);
    assert_int_equal(values.n_constant, 1);
    data[29999 * 7 + 3] = 0.25f;
    values = values_of(data, 2, shape);
    assert_int_equal(values.n_constant, 0);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_all_formats_are_listed),
        cmocka_unit_test(test_what_is_no_file_of_arrays_is_an_error),
        cmocka_unit_test(test_values_are_counted),
        cmocka_unit_test(test_columns_go_on_over_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
