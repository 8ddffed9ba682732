#include <unistd.h>

#include "base/file_writer.h"
#include "fixtures.h"
#include "format/npy.h"

static struct npy *open_fixture(const char *name)
{
    char path[1024];
    struct npy *array;
    struct valence_error error;
    snprintf(path, sizeof path, FIXTURE("%s.npy"), name);
    if (npy_open(path, &array, &error))
        fail_msg("%s", error.text);
    return array;
}

static float expected_at(const struct npy_header *header, int64_t i)
{
    bool is_float =
        header->type == ELEMENT_F16 || header->type == ELEMENT_F32 || header->type == ELEMENT_F64;
    if (header->type == ELEMENT_BOOL)
        return integer_at(i) > 11;
    return is_float ? float_at(i) : (float)integer_at(i);
}

/* The whole array, and every range of it, hold what the maker put there. */
static void check_elements(struct npy *array)
{
    struct valence_error error;
    const struct npy_header *header = npy_header(array);
    float values[128];
    assert_true(header->count <= 128);
    for (int64_t first = 0; first <= header->count; first++) {
        int64_t n = header->count - first;
        if (npy_read_float(array, first, n, values, &error))
            fail_msg("%s", error.text);
        for (int64_t i = 0; i < n; i++)
            assert_true(values[i] == expected_at(header, first + i));
    }
    assert_int_equal(npy_read_float(array, 1, header->count, values, &error),
                     VALENCE_ERROR_ARGUMENT);
}

static void test_every_type_in_both_byte_orders_is_read(void **state)
{
    (void)state;
    static const char *const names[] = {"le-f2", "le-f4", "le-f8", "be-f2",     "be-f4",    "be-f8",
                                        "le-i1", "le-i2", "le-i4", "le-i8",     "be-i2",    "be-i4",
                                        "be-i8", "le-u1", "le-u2", "le-u4",     "le-u8",    "be-u2",
                                        "be-u4", "be-u8", "bool",  "version-2", "version-3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct npy *array = open_fixture(names[i]);
        assert_int_equal(npy_header(array)->n_dims, 2);
        assert_int_equal(npy_header(array)->shape[1], 4);
        check_elements(array);
        npy_close(array);
    }
}

static void test_fortran_order_scalars_empty_and_many_dimensions_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {"fortran-2", "fortran-3", "dims-8", "empty"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct npy *array = open_fixture(names[i]);
        check_elements(array);
        npy_close(array);
    }
    struct npy *scalar = open_fixture("scalar");
    struct valence_error error;
    float value;
    assert_int_equal(npy_header(scalar)->n_dims, 0);
    assert_int_equal(npy_read_float(scalar, 0, 1, &value, &error), VALENCE_OK);
    assert_true(value == 1.5f);
    npy_close(scalar);
}

static void check_text(struct npy *array, int64_t index, const char *expected)
{
    struct valence_error error;
    char *text;
    if (npy_read_text(array, index, &text, &error))
        fail_msg("%s", error.text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_texts_are_read_as_utf8(void **state)
{
    (void)state;
    struct npy *array = open_fixture("texts");
    check_text(array, 0, "a");
    check_text(array, 1, "naïve");
    check_text(array, 2, "");
    check_text(array, 3, "clip_3");
    float value;
    struct valence_error error;
    assert_int_equal(npy_read_float(array, 0, 1, &value, &error), VALENCE_ERROR_UNSUPPORTED);
    npy_close(array);
    array = open_fixture("texts-be");
    check_text(array, 1, "日本");
    npy_close(array);
    array = open_fixture("bytes");
    check_text(array, 1, "clip_3");
    npy_close(array);
}

static void test_integers_are_read_exactly_and_fractions_refused(void **state)
{
    (void)state;
    int64_t values[12];
    struct valence_error error;
    struct npy *array = open_fixture("be-u8");
    assert_int_equal(npy_read_int64(array, 0, 12, values, &error), VALENCE_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(values[i], integer_at(i));
    npy_close(array);
    array = open_fixture("le-f8");
    assert_int_equal(npy_read_int64(array, 0, 12, values, &error), VALENCE_ERROR_DATA);
    npy_close(array);
}

static void test_objects_are_recognised_and_only_their_bytes_are_read(void **state)
{
    (void)state;
    struct npy *array = open_fixture("objects");
    struct valence_error error;
    float value;
    void *bytes;
    size_t size;
    assert_int_equal(npy_header(array)->kind, NPY_OBJECTS);
    assert_int_equal(npy_read_float(array, 0, 1, &value, &error), VALENCE_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "pickled objects"));
    assert_int_equal(npy_read_bytes(array, 10, &bytes, &size, &error), VALENCE_ERROR_LIMIT);
    assert_null(bytes);
    assert_int_equal(npy_read_bytes(array, 1 << 20, &bytes, &size, &error), VALENCE_OK);
    assert_int_equal(*(unsigned char *)bytes, 0x80);
    free(bytes);
    npy_close(array);
}

static int open_and_close(const void *data, size_t size, struct valence_error *error)
{
    struct npy *array;
    int status = npy_open_memory(data, size, "part", &array, error);
    if (status)
        assert_null(array);
    npy_close(array);
    return status;
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    check_truncations(FIXTURE("le-f4.npy"), open_and_close);
    check_truncations(FIXTURE("version-3.npy"), open_and_close);
}

static int open_header(const char *header, size_t data_bytes)
{
    unsigned char bytes[512] = "\x93NUMPY\x01";
    size_t length = strlen(header);
    struct valence_error error = {0};
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, header, length);
    unsigned char *exact = copy_bytes(bytes, 10 + length + data_bytes);
    int status = open_and_close(exact, 10 + length + data_bytes, &error);
    free(exact);
    assert_true(status == VALENCE_OK || error.text[0]);
    return status;
}

static void test_headers_are_read_strictly(void **state)
{
    (void)state;
    assert_int_equal(open_header("{'descr':'<f4','fortran_order':False,'shape':(2L,)}", 8),
                     VALENCE_OK);
    assert_int_equal(
        open_header("{\"shape\": (2,), \"descr\": \"<f4\", \"fortran_order\": True, }\n", 8),
        VALENCE_OK);
    static const char *const malformed[] = {
        "",
        "{}",
        "[]",
        "{'descr':'<f4','fortran_order':False}",
        "{'descr':'<f4','fortran_order':False,'shape':(2,),'more':1}",
        "{'descr':'<f4','descr':'<f4','fortran_order':False,'shape':(2,)}",
        "{'descr':'<f4','fortran_order':0,'shape':(2,)}",
        "{'descr':'<f4','fortran_order':False,'shape':2}",
        "{'descr':'<f4','fortran_order':False,'shape':(-2,)}",
        "{'descr':'<f4','fortran_order':False,'shape':(2 2)}",
        "{'descr':'<f4','fortran_order':False,'shape':(99999999999999999999,)}",
        "{'descr':'<f4','fortran_order':False,'shape':(4294967296,4294967296)}",
        "{'descr':'<f4','fortran_order':False,'shape':(4611686018427387904,)}",
        "{'descr':'<f4','fortran_order':False,'shape':(3,)}",
        "{'descr':'<f4','fortran_order':False,'shape':(1,)}",
        "{'descr':'<f4','fortran_order':False,'shape':(2,)} x",
        "{'descr':'<f4','fortran_order':False,'shape':(2,)",
        "{'descr':'<f4' 'fortran_order':False,'shape':(2,)}",
        "{'descr':f4,'fortran_order':False,'shape':(2,)}",
        "{'descr':'','fortran_order':False,'shape':(2,)}",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        if (open_header(malformed[i], 8) != VALENCE_ERROR_FORMAT)
            fail_msg("accepted: %s", malformed[i]);
}

static void test_what_is_not_supported_says_so(void **state)
{
    (void)state;
    struct npy *array;
    struct valence_error error;
    assert_int_equal(npy_open(FIXTURE("complex.npy"), &array, &error), VALENCE_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "<c8"));
    assert_int_equal(npy_open(FIXTURE("structured.npy"), &array, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(open_header("{'descr':'|u1','fortran_order':False,"
                                 "'shape':(1,1,1,1,1,1,1,1,1)}",
                                 1),
                     VALENCE_ERROR_UNSUPPORTED);
}

/* ---- Archives ---- */

static void check_archive(const char *path, bool is_compressed)
{
    struct archive *archive;
    struct npy *array;
    struct valence_error error;
    float row[15];
    int64_t lengths[4];
    if (archive_open(path, &archive, &error))
        fail_msg("%s", error.text);
    assert_int_equal(archive_n_members(archive), 5);
    assert_int_equal(npy_open_member(archive, "audio", &array, &error), VALENCE_OK);
    for (int clip = 3; clip >= 0; clip--) { /* backwards too */
        assert_int_equal(npy_read_float(array, clip * 15, 15, row, &error), VALENCE_OK);
        for (int i = 0; i < 15; i++)
            assert_true(row[i] == float_at(clip * 15 + i));
    }
    check_elements(array);
    npy_close(array);
    assert_int_equal(npy_open_member(archive, "lengths.npy", &array, &error), VALENCE_OK);
    assert_int_equal(npy_read_int64(array, 0, 4, lengths, &error), VALENCE_OK);
    assert_int_equal(lengths[3], integer_at(3));
    npy_close(array);
    assert_int_equal(npy_open_member(archive, "ids", &array, &error), VALENCE_OK);
    check_text(array, 2, "clip_3");
    npy_close(array);
    assert_int_equal(npy_open_member(archive, "fortran", &array, &error), VALENCE_OK);
    if (is_compressed)
        assert_int_equal(npy_read_float(array, 0, 1, row, &error), VALENCE_ERROR_UNSUPPORTED);
    else
        check_elements(array);
    npy_close(array);
    assert_int_equal(npy_open_member(archive, "absent", &array, &error), VALENCE_ERROR_NOT_FOUND);
    assert_null(array);
    archive_close(archive);
}

static void test_members_of_archives_are_read_in_ranges(void **state)
{
    (void)state;
    check_archive(FIXTURE("stored.npz"), false);
    check_archive(FIXTURE("deflated.npz"), true);
}

static int read_archive(const void *data, size_t size, struct valence_error *error)
{
    struct archive *archive;
    int status = archive_open_memory(data, size, "part", &archive, error);
    for (int64_t i = 0; !status && i < archive_n_members(archive); i++) {
        void *bytes;
        size_t n;
        status = archive_read(archive, i, 1 << 16, &bytes, &n, error);
        free(bytes);
    }
    archive_close(archive);
    return status;
}

static void test_truncated_and_damaged_archives_are_errors(void **state)
{
    (void)state;
    check_truncations(FIXTURE("deflated.npz"), read_archive);
    struct file_map map;
    struct valence_error error;
    assert_int_equal(file_map_open(&map, FIXTURE("stored.npz"), &error), VALENCE_OK);
    unsigned char *damaged = copy_bytes(map.data, map.size);
    damaged[200] ^= 1; /* an element of the first array: only the checksum tells */
    assert_int_equal(read_archive(damaged, map.size, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "audio.npy"));
    free(damaged);
    file_map_close(&map);
}

static void test_an_archive_that_unpacks_beyond_the_limit_is_an_error(void **state)
{
    (void)state;
    struct archive *archive;
    struct valence_error error;
    void *bytes;
    size_t size;
    assert_int_equal(archive_open(FIXTURE("bomb.npz"), &archive, &error), VALENCE_OK);
    assert_int_equal(archive_read(archive, 0, 1 << 20, &bytes, &size, &error), VALENCE_ERROR_LIMIT);
    assert_null(bytes);
    archive_close(archive);
}

static void test_the_label_archives_of_merbench_are_recognised(void **state)
{
    (void)state;
    struct archive *archive;
    struct npy *array;
    struct valence_error error;
    void *bytes;
    size_t size;
    assert_int_equal(archive_open(shared_path("data/labels/cmumosi_label.npz"), &archive, &error),
                     VALENCE_OK);
    assert_int_equal(npy_open_member(archive, "train_corpus", &array, &error), VALENCE_OK);
    assert_int_equal(npy_header(array)->kind, NPY_OBJECTS);
    assert_int_equal(npy_read_bytes(array, 1 << 20, &bytes, &size, &error), VALENCE_OK);
    assert_int_equal(size, 87806 - 128);
    free(bytes);
    npy_close(array);
    archive_close(archive);
}

/* ---- Writing ---- */

static void test_what_is_written_is_the_bytes_numpy_writes(void **state)
{
    (void)state;
    char folder[] = "/tmp/valence-test-XXXXXX", path[128];
    struct valence_error error;
    struct file_map written, expected;
    const int64_t shape[2] = {3, 4};
    float values[12];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.npy", folder);
    for (int i = 0; i < 12; i++)
        values[i] = float_at(i);
    assert_int_equal(npy_write(path, FILE_OVERWRITE, ELEMENT_F32, 2, shape, values, &error),
                     VALENCE_OK);
    assert_int_equal(file_map_open(&written, path, &error), VALENCE_OK);
    assert_int_equal(file_map_open(&expected, FIXTURE("le-f4.npy"), &error), VALENCE_OK);
    assert_int_equal(written.size, expected.size);
    assert_memory_equal(written.data, expected.data, written.size);
    file_map_close(&written);
    file_map_close(&expected);
    assert_int_equal(npy_write(path, FILE_OVERWRITE, ELEMENT_BF16, 2, shape, values, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_in_both_byte_orders_is_read),
        cmocka_unit_test(test_fortran_order_scalars_empty_and_many_dimensions_are_read),
        cmocka_unit_test(test_texts_are_read_as_utf8),
        cmocka_unit_test(test_integers_are_read_exactly_and_fractions_refused),
        cmocka_unit_test(test_objects_are_recognised_and_only_their_bytes_are_read),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_headers_are_read_strictly),
        cmocka_unit_test(test_what_is_not_supported_says_so),
        cmocka_unit_test(test_members_of_archives_are_read_in_ranges),
        cmocka_unit_test(test_truncated_and_damaged_archives_are_errors),
        cmocka_unit_test(test_an_archive_that_unpacks_beyond_the_limit_is_an_error),
        cmocka_unit_test(test_the_label_archives_of_merbench_are_recognised),
        cmocka_unit_test(test_what_is_written_is_the_bytes_numpy_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
