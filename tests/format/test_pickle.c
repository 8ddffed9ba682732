#include <unistd.h>

#include "fixtures.h"
#include "format/npy.h"
#include "format/pickle/pickle.h"
#include "format/pickle/pickle_numpy.h"

/* A fixture's pickle, which stays mapped; close_fixture() frees both. */
static struct file_map map;

static const struct pickle_value *
open_fixture(const char *name, const struct pickle_options *options, struct pickle **pickle)
{
    char path[1024];
    struct valence_error error;
    size_t used;
    snprintf(path, sizeof path, FIXTURE("%s.pickle"), name);
    assert_int_equal(file_map_open(&map, path, &error), VALENCE_OK);
    if (pickle_read(map.data, map.size, options, name, pickle, &used, &error))
        fail_msg("%s", error.text);
    assert_int_equal(used, map.size);
    return pickle_root(*pickle);
}

static void close_fixture(struct pickle *pickle)
{
    pickle_free(pickle);
    file_map_close(&map);
}

static int64_t integer_of(const struct pickle_value *value)
{
    assert_non_null(value);
    assert_int_equal(value->type, PICKLE_INT);
    return value->as.integer;
}

static void check_tree(const struct pickle_value *tree, int protocol)
{
    static const int64_t ints[] = {
        0, -1, 255, 65535, INT32_MIN, INT64_C(1) << 40, -(INT64_C(1) << 40)};
    assert_int_equal(pickle_get(tree, "none")->type, PICKLE_NONE);
    assert_int_equal(pickle_get(tree, "true")->type, PICKLE_BOOL);
    assert_int_equal(pickle_get(tree, "true")->as.integer, 1);
    assert_int_equal(pickle_get(tree, "false")->as.integer, 0);
    for (int i = 0; i < 7; i++)
        assert_int_equal(integer_of(pickle_item(pickle_get(tree, "ints"), i)), ints[i]);
    if (protocol >= 2)
        assert_int_equal(pickle_get(tree, "big")->type, PICKLE_BIG_INT);
    assert_true(pickle_get(tree, "float")->as.number == 0.1);
    assert_true(pickle_is_text(pickle_get(tree, "text"), "naïve \\ '\n"));
    const struct pickle_value *bytes = pickle_get(tree, "bytes");
    assert_int_equal(bytes->type, PICKLE_BYTES);
    assert_int_equal(bytes->as.bytes.size, 256);
    for (int i = 0; i < 256; i++)
        assert_int_equal((unsigned char)bytes->as.bytes.data[i], i);
    assert_int_equal(integer_of(pickle_item(pickle_item(pickle_get(tree, "tuple"), 1), 0)), 2);
    const struct pickle_value *set = pickle_get(tree, "set");
    assert_int_equal(set->type, PICKLE_SET);
    assert_int_equal(integer_of(set->as.items.values[0]), 7);
    const struct pickle_value *shared = pickle_get(tree, "shared");
    assert_ptr_equal(pickle_item(shared, 0), pickle_item(shared, 1));
    assert_null(pickle_get(tree, "absent"));
    assert_null(pickle_item(shared, 2));
}

static void test_plain_values_of_every_protocol_are_read(void **state)
{
    (void)state;
    for (int protocol = 0; protocol <= 5; protocol++) {
        char name[16];
        struct pickle *pickle;
        snprintf(name, sizeof name, "tree-%d", protocol);
        check_tree(open_fixture(name, NULL, &pickle), protocol);
        close_fixture(pickle);
    }
}

static void check_array(const struct pickle_value *value, enum element_type type, int64_t count)
{
    struct pickle_array array;
    float values[16];
    assert_true(pickle_get_array(value, &array));
    assert_int_equal(array.header.type, type);
    assert_int_equal(array.header.count, count);
    elements_to_float(array.header.type, array.header.swapped, array.elements->as.bytes.data, count,
                      values);
    for (int64_t i = 0; i < count; i++) {
        /* In Fortran order, element (r, c) of the 2 x 3 array stands at c * 2 + r. */
        int64_t j = array.header.fortran_order ? i % 2 * 3 + i / 2 : i;
        assert_true(values[i] == (type == ELEMENT_I32 ? (float)integer_at(j) : float_at(j)));
    }
}

static void test_numpy_arrays_and_scalars_are_understood(void **state)
{
    (void)state;
    static const char *const names[] = {"arrays-2", "arrays-4", "arrays-5"};
    for (int i = 0; i < 3; i++) {
        struct pickle *pickle;
        struct pickle_array array;
        double number;
        const struct pickle_value *root = open_fixture(names[i], NULL, &pickle);
        check_array(pickle_get(root, "f4"), ELEMENT_F32, 12);
        check_array(pickle_get(root, "be"), ELEMENT_I32, 3);
        check_array(pickle_get(root, "fortran"), ELEMENT_F64, 6);
        assert_true(pickle_get_array(pickle_get(root, "objects"), &array));
        assert_true(pickle_is_text(pickle_item(array.objects, 1), "a"));
        assert_true(pickle_get_number(pickle_get(root, "scalar"), &number));
        assert_true(number == -1.5);
        assert_true(pickle_get_number(pickle_get(root, "half"), &number));
        assert_true(number == 0.25);
        assert_false(pickle_get_number(pickle_get(root, "f4"), &number));
        assert_false(pickle_get_array(pickle_get(root, "scalar"), &array));
        assert_false(pickle_get_array(NULL, &array));
        close_fixture(pickle);
    }
}

/* ---- Hostile files ---- */

static int read_bytes(const void *data, size_t size, const struct pickle_options *options,
                      struct valence_error *error)
{
    struct pickle *pickle;
    int status = pickle_read(data, size, options, "p", &pickle, NULL, error);
    if (status)
        assert_null(pickle);
    pickle_free(pickle);
    return status;
}

static void check_refused(const char *name, const char *global)
{
    char path[1024];
    struct valence_error error;
    struct file_map file;
    const struct pickle_options keep = {.keep_unknown = true};
    snprintf(path, sizeof path, FIXTURE("%s.pickle"), name);
    assert_int_equal(file_map_open(&file, path, &error), VALENCE_OK);
    assert_int_equal(read_bytes(file.data, file.size, NULL, &error), VALENCE_ERROR_UNSUPPORTED);
    if (!strstr(error.text, global))
        fail_msg("'%s' is not in: %s", global, error.text);
    /* Kept as data, it is not executed either. */
    assert_int_equal(read_bytes(file.data, file.size, &keep, &error), VALENCE_OK);
    assert_int_not_equal(access("HOSTILE-PICKLE-WAS-EXECUTED", F_OK), 0);
    file_map_close(&file);
}

static void test_calls_are_refused_by_name_and_never_executed(void **state)
{
    (void)state;
    check_refused("hostile-system", "refused: posix.system");
    check_refused("hostile-eval", "refused: builtins.eval");
    check_refused("hostile-nested", "refused: builtins.getattr");
    check_refused("hostile-inst", "refused: os.system");
    check_refused("hostile-obj", "refused: os.system");
    check_refused("unknown", "refused: argparse.Namespace");
}

static void test_unknown_classes_can_be_kept_as_nodes(void **state)
{
    (void)state;
    const struct pickle_options keep = {.keep_unknown = true};
    struct pickle *pickle;
    const struct pickle_value *root = open_fixture("unknown", &keep, &pickle);
    const struct pickle_value *object = pickle_get(root, "args");
    assert_true(pickle_get(root, "lr")->as.number == 0.1);
    assert_int_equal(object->type, PICKLE_OBJECT);
    assert_true(pickle_is_global(object->as.object.callable, "argparse.Namespace"));
    assert_int_equal(integer_of(pickle_get(object->as.object.state, "d")), 256);
    const struct pickle_value *unknown = pickle_unknown_globals(pickle);
    assert_int_equal(unknown->as.items.n, 1);
    assert_true(pickle_is_global(pickle_item(unknown, 0), "argparse.Namespace"));
    close_fixture(pickle);
}

static void test_cycles_and_shared_values_are_read_and_freed(void **state)
{
    (void)state;
    struct pickle *pickle;
    const struct pickle_value *cycle = open_fixture("cycle", NULL, &pickle);
    assert_ptr_equal(pickle_item(cycle, 0), cycle);
    close_fixture(pickle);
    const struct pickle_value *bomb = open_fixture("memo-bomb", NULL, &pickle);
    assert_ptr_equal(pickle_item(bomb, 0), pickle_item(bomb, 1));
    close_fixture(pickle);
}

static int read_plain(const void *data, size_t size, struct valence_error *error)
{
    return read_bytes(data, size, NULL, error);
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    for (int protocol = 0; protocol <= 5; protocol++) {
        char path[1024];
        snprintf(path, sizeof path, FIXTURE("tree-%d.pickle"), protocol);
        check_truncations(path, read_plain);
    }
    check_truncations(FIXTURE("arrays-4.pickle"), read_plain);
}

#define CHECK(bytes, expected)                                                                     \
    do {                                                                                           \
        struct valence_error error_;                                                               \
        unsigned char *exact_ = copy_bytes(bytes, sizeof(bytes) - 1);                              \
        assert_int_equal(read_bytes(exact_, sizeof(bytes) - 1, NULL, &error_), expected);          \
        free(exact_);                                                                              \
    } while (0)

static void test_malformed_programs_are_errors(void **state)
{
    (void)state;
    CHECK("", VALENCE_ERROR_FORMAT);
    CHECK(".", VALENCE_ERROR_FORMAT);                   /* an empty stack */
    CHECK("(.", VALENCE_ERROR_FORMAT);                  /* nothing above the mark */
    CHECK("t.", VALENCE_ERROR_FORMAT);                  /* no mark */
    CHECK("N\x86.", VALENCE_ERROR_FORMAT);              /* one value for a pair */
    CHECK("NN(s.", VALENCE_ERROR_FORMAT);               /* reaches below the mark */
    CHECK("}(NNNu.", VALENCE_ERROR_FORMAT);             /* a key without a value */
    CHECK("N(Ne.", VALENCE_ERROR_FORMAT);               /* None holds no items */
    CHECK("NN\x81.", VALENCE_ERROR_FORMAT);             /* None is no class */
    CHECK("NNb.", VALENCE_ERROR_FORMAT);                /* None has no state */
    CHECK("h\x05.", VALENCE_ERROR_FORMAT);              /* never remembered */
    CHECK("Nr\xFF\xFF\xFF\xFF.", VALENCE_ERROR_FORMAT); /* a memo of 32 GiB */
    CHECK("X\xFF\xFF\xFF\xFF"
          "a.",
          VALENCE_ERROR_FORMAT); /* longer than the file */
    CHECK("\x8d\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
          "a.",
          VALENCE_ERROR_FORMAT);
    CHECK("\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFN.", VALENCE_ERROR_FORMAT);
    CHECK("X\x01\x00\x00\x00\xFF.", VALENCE_ERROR_FORMAT); /* no UTF-8 */
    CHECK("I1x\n.", VALENCE_ERROR_FORMAT);
    CHECK("F1,5\n.", VALENCE_ERROR_FORMAT);
    CHECK("S'a\n.", VALENCE_ERROR_FORMAT);
    CHECK("S'\\q'\n.", VALENCE_ERROR_FORMAT);
    CHECK("V\\uD800\n.", VALENCE_ERROR_FORMAT);
    CHECK("\x80\x06N.", VALENCE_ERROR_UNSUPPORTED); /* protocol 6 */
    CHECK("\x82\x01.", VALENCE_ERROR_UNSUPPORTED);  /* extension registry */
    CHECK("\x97.", VALENCE_ERROR_UNSUPPORTED);      /* out-of-band buffer */
    CHECK("\xFF.", VALENCE_ERROR_UNSUPPORTED);
    CHECK("cos\nsystem\n.", VALENCE_ERROR_UNSUPPORTED);
    CHECK("ccollections\nOrderedDict\n)R.", VALENCE_OK);
    CHECK("ccollections\nOrderedDict\n]\x85R.", VALENCE_OK);
    CHECK("ccollections\nOrderedDict\nN\x85R.", VALENCE_ERROR_FORMAT);
    CHECK("cbuiltins\nset\nN\x85R.", VALENCE_ERROR_FORMAT);
    CHECK("c_codecs\nencode\nN\x85R.", VALENCE_ERROR_FORMAT);
    CHECK("S'it\\'s\\x41\\n'\n.", VALENCE_OK);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    /* One text encoded again and again: each call makes a copy. */
    static const char start[] = "c_codecs\nencode\nq\x00X\x00\x01\x00\x00",
                      call[] = "h\x00h\x01h\x02\x86R";
    size_t size = 0, room = 1 << 16;
    char *bytes = malloc(room);
    struct valence_error error;
    assert_non_null(bytes);
    memcpy(bytes, start, sizeof start - 1);
    size = sizeof start - 1;
    memset(bytes + size, 'a', 256);
    size += 256;
    memcpy(bytes + size, "q\x01X\x06\x00\x00\x00latin1q\x02", 15);
    size += 15;
    for (; size + sizeof call < room; size += sizeof call - 1)
        memcpy(bytes + size, call, sizeof call - 1);
    bytes[size++] = '.';
    const struct pickle_options little = {.maximum_bytes = 1 << 16};
    assert_int_equal(read_bytes(bytes, size, &little, &error), VALENCE_ERROR_LIMIT);
    assert_int_equal(read_bytes(bytes, size, NULL, &error), VALENCE_OK);
    free(bytes);
}

static void test_the_labels_of_merbench_are_read(void **state)
{
    (void)state;
    struct archive *archive;
    struct npy *array;
    struct pickle *pickle;
    struct pickle_array objects;
    struct valence_error error;
    void *bytes;
    size_t size;
    double label;
    assert_int_equal(archive_open(shared_path("data/labels/cmumosi_label.npz"), &archive, &error),
                     VALENCE_OK);
    assert_int_equal(npy_open_member(archive, "train_corpus", &array, &error), VALENCE_OK);
    assert_int_equal(npy_read_bytes(array, 1 << 20, &bytes, &size, &error), VALENCE_OK);
    assert_int_equal(pickle_read(bytes, size, NULL, "labels", &pickle, NULL, &error), VALENCE_OK);
    assert_true(pickle_get_array(pickle_root(pickle), &objects));
    const struct pickle_value *clips = pickle_item(objects.objects, 0);
    assert_int_equal(clips->type, PICKLE_DICT);
    assert_int_equal(clips->as.items.n, 2 * 1284);
    assert_true(pickle_get_number(pickle_get(pickle_get(clips, "OQvJTdtJ2H4_1"), "val"), &label));
    assert_true(label == -1.0);
    pickle_free(pickle);
    free(bytes);
    npy_close(array);
    archive_close(archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_values_of_every_protocol_are_read),
        cmocka_unit_test(test_numpy_arrays_and_scalars_are_understood),
        cmocka_unit_test(test_calls_are_refused_by_name_and_never_executed),
        cmocka_unit_test(test_unknown_classes_can_be_kept_as_nodes),
        cmocka_unit_test(test_cycles_and_shared_values_are_read_and_freed),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_malformed_programs_are_errors),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_the_labels_of_merbench_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
