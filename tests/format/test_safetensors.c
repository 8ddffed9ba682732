#include <unistd.h>

#include "base/file_writer.h"
#include "fixtures.h"
#include "format/safetensors.h"

/* ---- Reading ---- */

static void check_tensor(const struct safetensors *file, const char *name, enum element_type type,
                         int64_t count)
{
    float values[16];
    const struct safetensor *tensor = safetensors_find(file, name);
    assert_non_null(tensor);
    assert_int_equal(tensor->type, type);
    assert_int_equal(tensor->count, count);
    assert_int_equal(safetensor_to_float(tensor, values, NULL), 0);
    bool is_float =
        type == ELEMENT_F16 || type == ELEMENT_BF16 || type == ELEMENT_F32 || type == ELEMENT_F64;
    for (int64_t i = 0; i < count; i++)
        assert_true(values[i] == (is_float ? float_at(i) : (float)integer_at(i)));
}

static void test_every_type_of_the_reference_library_is_read(void **state)
{
    (void)state;
    struct safetensors *file;
    struct valence_error error;
    assert_int_equal(safetensors_open(FIXTURE("mixed.safetensors"), &file, &error), VALENCE_OK);
    assert_int_equal(safetensors_n_tensors(file), 10);
    check_tensor(file, "f32", ELEMENT_F32, 12);
    check_tensor(file, "f16", ELEMENT_F16, 6);
    check_tensor(file, "bf16", ELEMENT_BF16, 6);
    check_tensor(file, "f64", ELEMENT_F64, 5);
    check_tensor(file, "i64", ELEMENT_I64, 4);
    check_tensor(file, "i32", ELEMENT_I32, 3);
    check_tensor(file, "u8", ELEMENT_U8, 3);
    check_tensor(file, "empty", ELEMENT_F32, 0);
    float value;
    assert_int_equal(safetensor_to_float(safetensors_find(file, "scalar"), &value, NULL), 0);
    assert_true(value == 1.5f);
    assert_int_equal(safetensors_find(file, "f32")->shape[1], 4);
    assert_string_equal(safetensors_metadata(file, "note"), "naïve");
    assert_null(safetensors_metadata(file, "absent"));
    assert_null(safetensors_find(file, "absent"));
    safetensors_close(file);
}

static void test_whole_numbers_are_read_and_fractions_refused(void **state)
{
    (void)state;
    struct safetensors *file;
    struct valence_error error;
    int64_t values[16];
    assert_int_equal(safetensors_open(FIXTURE("mixed.safetensors"), &file, &error), VALENCE_OK);
    assert_int_equal(safetensor_to_int64(safetensors_find(file, "i64"), values, &error),
                     VALENCE_OK);
    assert_int_equal(values[3], integer_at(3));
    assert_int_equal(safetensor_to_int64(safetensors_find(file, "f32"), values, &error),
                     VALENCE_ERROR_DATA);
    safetensors_close(file);
}

static int open_and_close(const void *data, size_t size, struct valence_error *error)
{
    struct safetensors *file;
    int status = safetensors_open_memory(data, size, "part", &file, error);
    if (status)
        assert_null(file);
    safetensors_close(file);
    return status;
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    check_truncations(FIXTURE("mixed.safetensors"), open_and_close);
}

/* A file of this header and n bytes of data. */
static int open_header(const char *header, size_t data_bytes)
{
    unsigned char bytes[1024] = {0};
    uint64_t length = strlen(header);
    struct valence_error error = {0};
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + 8, header, length);
    unsigned char *exact = copy_bytes(bytes, 8 + length + data_bytes);
    int status = open_and_close(exact, 8 + length + data_bytes, &error);
    assert_true(status == VALENCE_OK || error.text[0]);
    free(exact);
    return status;
}

#define TENSOR(name, dtype, shape, begin, end)                                                     \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end   \
    "]}"

static void test_valid_headers_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(open_header("{}", 0), VALENCE_OK);
    assert_int_equal(open_header("{}   ", 0), VALENCE_OK);
    assert_int_equal(open_header("{" TENSOR("a", "F32", "[2]", "0", "8") "}", 8), VALENCE_OK);
    assert_int_equal(
        open_header(
            "{" TENSOR("a", "F32", "[]", "4", "8") "," TENSOR("b", "I8", "[4]", "0", "4") "}", 8),
        VALENCE_OK);
    assert_int_equal(
        open_header("{" TENSOR("a", "F32", "[9223372036854775807,9,0]", "0", "0") "}", 0),
        VALENCE_OK);
}

static void test_malformed_headers_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
    } files[] = {
        {"", 0},
        {" {}", 0},
        {"[]", 0},
        {"{", 0},
        {"{} x", 0},
        {"{\"__metadata__\":{\"a\":1}}", 0},
        {"{\"__metadata__\":[]}", 0},
        {"{\"a\":1}", 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", 4},
        {"{" TENSOR("a", "F32", "[2]", "0", "4") "}", 4},
        {"{" TENSOR("a", "F32", "[1]", "4", "8") "}", 8},
        {"{" TENSOR("a", "F32", "[1]", "0", "4") "}", 8},
        {"{" TENSOR("a", "F32", "[1]", "0", "4") "}", 3},
        {"{" TENSOR("a", "F32", "[1]", "4", "0") "}", 4},
        {"{" TENSOR("a", "F32", "[-1]", "0", "4") "}", 4},
        {"{" TENSOR("a", "F32", "[1.0]", "0", "4") "}", 4},
        {"{" TENSOR("a", "F32", "1", "0", "4") "}", 4},
        {"{" TENSOR("a", "F32", "[4294967296,4294967296]", "0", "4") "}", 4},
        {"{" TENSOR("a", "F32", "[4611686018427387904]", "0", "0") "}", 0},
        {"{" TENSOR("a", "F32", "[1]", "-4", "0") "}", 4},
        {"{" TENSOR("a", "F32", "[1]", "0", "18446744073709551616") "}", 4},
        {"{" TENSOR("a", "F32", "[1]", "0", "4") "," TENSOR("a", "F32", "[1]", "4", "8") "}", 8},
        {"{" TENSOR("a", "F32", "[1]", "0", "4") "," TENSOR("b", "F32", "[1]", "0", "4") "}", 4},
        {"{" TENSOR("a", "F32", "[2]", "0", "8") "," TENSOR("b", "F32", "[2]", "4", "12") "}", 12},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (open_header(files[i].header, files[i].data_bytes) != VALENCE_ERROR_FORMAT)
            fail_msg("accepted: %s", files[i].header);
}

static void test_what_is_not_supported_says_so(void **state)
{
    (void)state;
    assert_int_equal(open_header("{" TENSOR("a", "F8_E4M3", "[1]", "0", "1") "}", 1),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(open_header("{" TENSOR("a", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", 1),
                     VALENCE_ERROR_UNSUPPORTED);
}

static void test_a_huge_header_length_is_an_error(void **state)
{
    (void)state;
    struct valence_error error;
    const unsigned char bytes[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '{', '}'};
    assert_int_equal(open_and_close(bytes, sizeof bytes, &error), VALENCE_ERROR_FORMAT);
}

/* ---- Writing ---- */

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/valence-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/written.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void test_what_is_written_in_pieces_is_read_back(void **state)
{
    (void)state;
    struct safetensors_writer *writer;
    struct safetensors *file;
    struct valence_error error;
    const float values[4] = {1, 2, 3, 4};
    const int64_t shape[2] = {2, 2}, one = 1, count = 42;
    assert_int_equal(safetensors_write_begin(path, FILE_OVERWRITE, &writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "w", ELEMENT_F32, 2, shape, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "n", ELEMENT_I64, 1, &one, &error), VALENCE_OK);
    assert_int_equal(safetensors_describe(writer, "config", "{\"d\": 256}", &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, values, 4, &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, values + 1, 12, &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, &count, sizeof count, &error), VALENCE_OK);
    assert_int_equal(safetensors_write_commit(writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_open(path, &file, &error), VALENCE_OK);
    float read[4];
    const struct safetensor *w = safetensors_find(file, "w");
    assert_int_equal(w->position % 8, 0);
    assert_int_equal(safetensor_to_float(w, read, NULL), 0);
    assert_memory_equal(read, values, sizeof values);
    int64_t n;
    assert_int_equal(safetensor_to_int64(safetensors_find(file, "n"), &n, &error), VALENCE_OK);
    assert_int_equal(n, 42);
    assert_string_equal(safetensors_metadata(file, "config"), "{\"d\": 256}");
    safetensors_close(file);
}

static void test_wrong_writing_is_an_error_and_leaves_no_file(void **state)
{
    (void)state;
    struct safetensors_writer *writer;
    struct valence_error error;
    const int64_t shape[2] = {2, INT64_MAX}, two = 2;
    const float values[3] = {0};
    assert_int_equal(safetensors_write_begin(path, FILE_OVERWRITE, &writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "w", ELEMENT_F32, 2, shape, &error),
                     VALENCE_ERROR_SHAPE);
    assert_int_equal(safetensors_declare(writer, "w", ELEMENT_F32, 1, &two, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "w", ELEMENT_F32, 1, &two, &error),
                     VALENCE_ERROR_EXISTS);
    assert_int_equal(safetensors_describe(writer, "a", "\xFF", &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(safetensors_write(writer, values, 4, &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, values, 8, &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(safetensors_write_commit(writer, &error), VALENCE_ERROR_ARGUMENT);
    assert_false(path_exists(path));
}

static void test_the_same_declarations_give_the_same_bytes(void **state)
{
    (void)state;
    static const char expected[] = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                   "\"a\":{\"dtype\":\"U8\",\"shape\":[],";
    struct safetensors_writer *writer;
    struct file_map map;
    struct valence_error error;
    const int64_t one = 1;
    assert_int_equal(safetensors_write_begin(path, FILE_OVERWRITE, &writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "b", ELEMENT_U8, 1, &one, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "a", ELEMENT_U8, 0, NULL, &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, "xy", 2, &error), VALENCE_OK);
    assert_int_equal(safetensors_write_commit(writer, &error), VALENCE_OK);
    assert_int_equal(file_map_open(&map, path, &error), VALENCE_OK);
    assert_memory_equal(map.data + 8, expected, sizeof expected - 1);
    assert_memory_equal(map.data + map.size - 2, "xy", 2);
    assert_int_equal((map.size - 2) % 8, 0);
    file_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_of_the_reference_library_is_read),
        cmocka_unit_test(test_whole_numbers_are_read_and_fractions_refused),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_valid_headers_are_accepted),
        cmocka_unit_test(test_malformed_headers_are_errors),
        cmocka_unit_test(test_what_is_not_supported_says_so),
        cmocka_unit_test(test_a_huge_header_length_is_an_error),
        cmocka_unit_test_setup_teardown(test_what_is_written_in_pieces_is_read_back, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_wrong_writing_is_an_error_and_leaves_no_file,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_the_same_declarations_give_the_same_bytes, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
