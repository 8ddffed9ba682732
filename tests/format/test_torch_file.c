#include <unistd.h>

#include "fixtures.h"
#include "format/safetensors.h"
#include "format/pickle/torch_file.h"

static struct torch_file *open_file(const char *path)
{
    struct torch_file *file;
    struct valence_error error;
    if (torch_file_open(path, &file, &error))
        fail_msg("%s", error.text);
    return file;
}

/* Reads the tensor, which must have n elements of that type. */
static const float *read_tensor(struct torch_file *file, const char *path, enum element_type type,
                                int64_t n)
{
    static float values[64];
    struct valence_error error;
    const struct torch_tensor *tensor = torch_file_find(file, path);
    if (!tensor)
        fail_msg("no tensor '%s'", path);
    assert_string_equal(tensor->path, path);
    assert_int_equal(tensor->type, type);
    assert_int_equal(tensor->count, n);
    if (torch_file_read_float(file, tensor, values, &error))
        fail_msg("%s", error.text);
    return values;
}

/* ---- What torch.save writes ---- */

static void check_views(struct torch_file *file)
{
    const float *values = read_tensor(file, "views.transposed", ELEMENT_F32, 24);
    for (int i = 0; i < 24; i++) /* (6, 4) of a (4, 6) */
        assert_true(values[i] == float_at(i % 4 * 6 + i / 4));
    values = read_tensor(file, "views.part", ELEMENT_F32, 6);
    for (int i = 0; i < 6; i++)
        assert_true(values[i] == float_at((1 + i / 3) * 6 + 2 + i % 3));
    values = read_tensor(file, "views.column", ELEMENT_F32, 4);
    for (int i = 0; i < 4; i++)
        assert_true(values[i] == float_at(i * 6 + 1));
    values = read_tensor(file, "views.scalar", ELEMENT_F32, 1);
    assert_true(values[0] == float_at(2 * 6 + 3));
    assert_int_equal(torch_file_find(file, "views.part")->storage.member,
                     torch_file_find(file, "views.column")->storage.member);
    assert_int_equal(torch_file_find(file, "views.part")->storage.position,
                     torch_file_find(file, "views.column")->storage.position);
}

static void check_types(struct torch_file *file)
{
    static const enum element_type types[] = {ELEMENT_F16, ELEMENT_BF16, ELEMENT_F64,
                                              ELEMENT_I64, ELEMENT_I32,  ELEMENT_I16,
                                              ELEMENT_I8,  ELEMENT_U8,   ELEMENT_BOOL};
    for (int t = 0; t < 9; t++) {
        char path[16];
        int n = t < 3 ? 6 : 4;
        snprintf(path, sizeof path, "types.%d", t);
        const float *values = read_tensor(file, path, types[t], n);
        for (int i = 0; i < n; i++) {
            float integer = (float)integer_at(i);
            assert_true(values[i] == (t < 3 ? float_at(i) : t < 8 ? integer : integer > 11));
        }
    }
}

static void check_nested(const char *path)
{
    struct torch_file *file = open_file(path);
    const struct pickle_value *root = pickle_root(torch_file_pickle(file));
    assert_int_equal(pickle_get(root, "epoch")->as.integer, 7);
    assert_int_equal(torch_file_n_tensors(file), 18);
    assert_string_equal(torch_file_tensor(file, 0)->path, "state_dict.weight");
    const float *values = read_tensor(file, "state_dict.weight", ELEMENT_F32, 24);
    for (int i = 0; i < 24; i++)
        assert_true(values[i] == float_at(i));
    assert_int_equal(torch_file_find(file, "state_dict.weight")->shape[1], 6);
    assert_true(read_tensor(file, "state_dict.count", ELEMENT_I64, 1)[0] == 3);
    assert_true(read_tensor(file, "parameter", ELEMENT_F32, 6)[5] == float_at(5));
    read_tensor(file, "optimizer.state.0.momentum", ELEMENT_F32, 2);
    read_tensor(file, "empty", ELEMENT_F32, 0);
    assert_null(torch_file_find(file, "absent"));
    check_views(file);
    check_types(file);
    torch_file_close(file);
}

static void test_tensors_of_both_layouts_are_read(void **state)
{
    (void)state;
    check_nested(FIXTURE("nested.pt"));
    check_nested(FIXTURE("legacy.pt"));
}

static void test_a_part_of_the_file_is_selected_by_its_path(void **state)
{
    (void)state;
    struct torch_file *file = open_file(FIXTURE("nested.pt"));
    const struct torch_tensor *tensor = torch_file_find(file, "state_dict.weight");
    assert_string_equal(torch_tensor_name_within(tensor, "state_dict"), "weight");
    assert_string_equal(torch_tensor_name_within(tensor, ""), "state_dict.weight");
    assert_null(torch_tensor_name_within(tensor, "state"));
    assert_null(torch_tensor_name_within(tensor, "optimizer"));
    torch_file_close(file);
}

static void test_objects_of_unknown_classes_are_skipped_and_named(void **state)
{
    (void)state;
    struct torch_file *file = open_file(FIXTURE("recorder.pt"));
    assert_int_equal(torch_file_n_tensors(file), 1);
    assert_true(read_tensor(file, "state_dict.w", ELEMENT_F32, 6)[2] == float_at(2));
    const struct pickle_value *unknown = pickle_unknown_globals(torch_file_pickle(file));
    assert_true(pickle_is_global(pickle_item(unknown, 0), "__main__.RecorderMeter"));
    torch_file_close(file);
}

/* ---- Hostile and other files ---- */

static void test_code_is_never_executed(void **state)
{
    (void)state;
    struct torch_file *file = open_file(FIXTURE("hostile.pt"));
    const struct pickle_value *unknown = pickle_unknown_globals(torch_file_pickle(file));
    assert_true(pickle_is_global(pickle_item(unknown, 0), "posix.system"));
    assert_int_equal(torch_file_n_tensors(file), 1);
    torch_file_close(file);
    assert_int_not_equal(access("HOSTILE-PICKLE-WAS-EXECUTED", F_OK), 0);
}

static void check_error(const char *path, int status, const char *text)
{
    struct torch_file *file;
    struct valence_error error;
    assert_int_equal(torch_file_open(path, &file, &error), status);
    assert_null(file);
    if (!strstr(error.text, text))
        fail_msg("'%s' is not in: %s", text, error.text);
}

static void test_other_files_are_refused_by_name(void **state)
{
    (void)state;
    check_error(FIXTURE("script.pt"), VALENCE_ERROR_UNSUPPORTED, "TorchScript");
    check_error(FIXTURE("stored.npz"), VALENCE_ERROR_FORMAT, "no data.pkl");
    check_error(FIXTURE("tree-2.pickle"), VALENCE_ERROR_FORMAT, "a pickle, but not of torch.save");
    check_error(FIXTURE("mixed.safetensors"), VALENCE_ERROR_FORMAT, "not a file of torch.save");
    check_error(FIXTURE("absent.pt"), VALENCE_ERROR_NOT_FOUND, "no such file");
}

static int open_and_read(const void *data, size_t size, struct valence_error *error)
{
    struct torch_file *file;
    float values[64];
    int status = torch_file_open_memory(data, size, "part", &file, error);
    if (status) {
        assert_null(file);
        return status;
    }
    for (int64_t i = 0; i < torch_file_n_tensors(file) && !status; i++)
        if (torch_file_tensor(file, i)->count <= 64)
            status = torch_file_read_float(file, torch_file_tensor(file, i), values, error);
    torch_file_close(file);
    return status;
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    check_truncations(FIXTURE("nested.pt"), open_and_read);
    check_truncations(FIXTURE("legacy.pt"), open_and_read);
}

static void test_a_changed_byte_never_reads_out_of_bounds(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x80, 0xFF};
    static const char *const paths[] = {FIXTURE("nested.pt"), FIXTURE("legacy.pt")};
    for (int p = 0; p < 2; p++) {
        struct file_map map;
        struct valence_error error;
        assert_int_equal(file_map_open(&map, paths[p], &error), VALENCE_OK);
        unsigned char *bytes = copy_bytes(map.data, map.size);
        for (size_t i = 0; i < map.size; i++)
            for (int c = 0; c < 3; c++) {
                bytes[i] ^= changes[c];
                (void)open_and_read(bytes, map.size, &error);
                bytes[i] ^= changes[c];
            }
        free(bytes);
        file_map_close(&map);
    }
}

/* torch.save's older layout of a dict with one tensor, whose description is `tensor`. */
static int open_described(const char *tensor, size_t length)
{
    static const char preamble[] = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8\x50\x19."
                                   "\x80\x02M\xe9\x03."
                                   "\x80\x02}.";
    static const char storages[] = "\x80\x02]X\x01\x00\x00\x00ka." /* the key 'k' */
                                   "\x04\x00\x00\x00\x00\x00\x00\x00"
                                   "abcdefghijklmnop";
    unsigned char bytes[1024];
    struct valence_error error = {0};
    size_t size = 0;
    memcpy(bytes, preamble, sizeof preamble - 1);
    size += sizeof preamble - 1;
    memcpy(bytes + size, tensor, length);
    size += length;
    memcpy(bytes + size, storages, sizeof storages - 1);
    size += sizeof storages - 1;
    unsigned char *exact = copy_bytes(bytes, size);
    int status = open_and_read(exact, size, &error);
    free(exact);
    return status;
}

/* Storage 'k' of 4 floats; what follows is the tensor's offset, shape and strides. */
#define TENSOR(view)                                                                               \
    "\x80\x02}X\x01\x00\x00\x00w"                                                                  \
    "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"          \
    "X\x01\x00\x00\x00kX\x03\x00\x00\x00"                                                          \
    "cpuK\x04NtQ" view "\x89NtRs."
#define OPEN(view) open_described(TENSOR(view), sizeof(TENSOR(view)) - 1)

static void test_views_beyond_their_storage_are_errors(void **state)
{
    (void)state;
    assert_int_equal(OPEN("K\x00(K\x04t(K\x01t"), VALENCE_OK);
    assert_int_equal(OPEN("K\x00(K\x02K\x02t(K\x01K\x02t"), VALENCE_OK);
    assert_int_equal(OPEN("K\x03(t(t"), VALENCE_OK);
    assert_int_equal(OPEN("K\x09(K\x00t(K\x01t"), VALENCE_OK); /* empty: nothing is read */
    assert_int_equal(OPEN("K\x04(t(t"), VALENCE_ERROR_FORMAT); /* offset */
    assert_int_equal(OPEN("K\x01(K\x04t(K\x01t"), VALENCE_ERROR_FORMAT); /* offset + shape */
    assert_int_equal(OPEN("K\x00(K\x03t(K\x02t"), VALENCE_ERROR_FORMAT); /* stride */
    assert_int_equal(OPEN("K\x00(K\x05t(K\x00t"), VALENCE_ERROR_FORMAT); /* repeats */
    assert_int_equal(OPEN("K\x00(K\x04t(K\x01K\x01t"), VALENCE_ERROR_FORMAT);
    assert_int_equal(OPEN("K\x00(J\xFF\xFF\xFF\xFFt(K\x01t"), VALENCE_ERROR_FORMAT);
    assert_int_equal(OPEN("K\x03(K\x02t(J\xFF\xFF\xFF\xFFt"), VALENCE_ERROR_FORMAT);
    assert_int_equal(OPEN("K\x00(K\x02K\x02t(\x8a\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7FK\x01t"),
                     VALENCE_ERROR_FORMAT);
    assert_int_equal(OPEN("K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(t"),
                     VALENCE_ERROR_UNSUPPORTED);
}

static void test_containers_that_hold_themselves_are_errors(void **state)
{
    (void)state;
    /* A pair of the usual dict and of what follows it. */
    static const char dict[] = TENSOR("K\x00(K\x04t(K\x01t");
    static const char cycle[] = "]q\x00h\x00"
                                "a\x86.";
    char pair[512];
    size_t size = sizeof dict - 2;
    memcpy(pair, dict, size);
    memcpy(pair + size, cycle, sizeof cycle - 1);
    assert_int_equal(open_described(pair, size + sizeof cycle - 1), VALENCE_ERROR_LIMIT);
    /* Doubled 60 times over: few bytes, 2^60 visits. */
    pair[size++] = ']';
    for (int i = 0; i < 60; i++) {
        memcpy(pair + size, "2\x86", 2); /* DUP, TUPLE2 */
        size += 2;
    }
    memcpy(pair + size, "\x86.", 2);
    assert_int_equal(open_described(pair, size + 2), VALENCE_ERROR_LIMIT);
}

/* ---- Golden files ---- */

/* Every tensor of the safetensors file is in the torch file under `prefix`, with the same
 * values. */
static void check_same(const char *torch_name, const char *prefix, const char *tensors_name)
{
    struct torch_file *file = open_file(shared_path(torch_name));
    struct safetensors *tensors;
    struct valence_error error;
    assert_int_equal(safetensors_open(shared_path(tensors_name), &tensors, &error), VALENCE_OK);
    assert_true(safetensors_n_tensors(tensors) > 0);
    for (int64_t i = 0; i < safetensors_n_tensors(tensors); i++) {
        const struct safetensor *expected = safetensors_tensor(tensors, i);
        char path[512];
        snprintf(path, sizeof path, "%s%s", prefix, expected->name);
        /* Since torch 2.0, a weight norm's parts have other names. */
        char *renamed = strstr(path, "parametrizations.weight.original");
        if (renamed)
            strcpy(renamed, renamed[32] == '0' ? "weight_g" : "weight_v");
        const struct torch_tensor *tensor = torch_file_find(file, path);
        if (!tensor)
            fail_msg("%s: no tensor '%s'", torch_name, path);
        assert_int_equal(tensor->n_dims, expected->n_dims);
        assert_memory_equal(tensor->shape, expected->shape,
                            (size_t)tensor->n_dims * sizeof *tensor->shape);
        size_t bytes = ((size_t)expected->count + 1) * sizeof(float);
        float *found = malloc(bytes), *wanted = malloc(bytes);
        assert_non_null(found);
        assert_non_null(wanted);
        assert_int_equal(safetensor_to_float(expected, wanted, NULL), 0);
        assert_int_equal(torch_file_read_float(file, tensor, found, &error), VALENCE_OK);
        assert_memory_equal(found, wanted, (size_t)expected->count * sizeof(float));
        free(found);
        free(wanted);
    }
    safetensors_close(tensors);
    torch_file_close(file);
}

static void test_golden_files_hold_the_same_tensors_in_both_formats(void **state)
{
    (void)state;
    static const char *const fusion[] = {"pair", "small-off", "small-text", "small-transition"};
    for (int i = 0; i < 4; i++) {
        char torch_name[128], tensors_name[128];
        snprintf(torch_name, sizeof torch_name, "golden/fusion/%s.weights.pt", fusion[i]);
        snprintf(tensors_name, sizeof tensors_name, "golden/fusion/%s.weights.safetensors",
                 fusion[i]);
        check_same(torch_name, "state_dict.", tensors_name);
    }
    check_same("golden/manet/manet-tiny.pth", "state_dict.module.",
               "golden/manet/manet-tiny.safetensors");
    check_same("golden/llm/projector.pt", "", "golden/llm/projector.safetensors");
    check_same("golden/wavlm/base/pytorch_model.bin", "", "golden/wavlm/base/model.safetensors");
    check_same("golden/wavlm/stable/pytorch_model.bin", "",
               "golden/wavlm/stable/model.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_of_both_layouts_are_read),
        cmocka_unit_test(test_a_part_of_the_file_is_selected_by_its_path),
        cmocka_unit_test(test_objects_of_unknown_classes_are_skipped_and_named),
        cmocka_unit_test(test_code_is_never_executed),
        cmocka_unit_test(test_other_files_are_refused_by_name),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_a_changed_byte_never_reads_out_of_bounds),
        cmocka_unit_test(test_views_beyond_their_storage_are_errors),
        cmocka_unit_test(test_containers_that_hold_themselves_are_errors),
        cmocka_unit_test(test_golden_files_hold_the_same_tensors_in_both_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
