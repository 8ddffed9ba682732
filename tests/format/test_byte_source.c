/* Sources of bytes: files that are cut, input that can be read only once, and what stands under the
 * name of another format. Then every reader with its file cut behind its back. */
#include "fixtures.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "format/archive.h"
#include "format/byte_source.h"
#include "format/npy.h"
#include "format/pickle/pickled_file.h"
#include "format/pickle/torch_file.h"
#include "format/safetensors.h"
#include "format/zip_write.h"

static struct valence_error error;
static char folder[] = "byte-source-XXXXXX";

static const char *path_in(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const void *data, size_t size)
{
    const char *path = path_in(name);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
    return path;
}

/* ---- Sources ---- */

static void test_a_file_that_is_cut_is_an_error(void **state)
{
    (void)state;
    struct byte_source source;
    char text[6];
    const char *path = write_file("cut", "0123456789", 10);
    assert_int_equal(byte_source_open(path, &source, &error), VALENCE_OK);
    assert_int_equal(byte_source_read(&source, 4, text, 6, &error), VALENCE_OK);
    assert_memory_equal(text, "456789", 6);
    assert_int_equal(byte_source_read(&source, 5, text, 6, &error), VALENCE_ERROR_FORMAT);
    assert_int_equal(byte_source_read(&source, UINT64_MAX, text, 6, &error), VALENCE_ERROR_FORMAT);
    assert_int_equal(truncate(path, 7), 0);
    assert_int_equal(byte_source_read(&source, 4, text, 6, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "cut off"));
    byte_source_close(&source);
}

static void check_kind(const char *start, size_t size, const char *words)
{
    struct byte_source source;
    assert_int_equal(byte_source_open_memory(start, size, "f", &source, &error), VALENCE_OK);
    const char *kind = byte_source_kind(&source);
    if (words ? !kind || !strstr(kind, words) : kind != NULL)
        fail_msg("'%s' is '%s', not '%s'", start, kind ? kind : "unknown", words ? words : "");
    byte_source_close(&source);
}

static void test_what_stands_under_another_name_is_known(void **state)
{
    (void)state;
    check_kind("", 0, "empty");
    check_kind("\x1F\x8B\x08", 3, "gzip");
    check_kind("PK\x03\x04\x14", 5, "zip");
    check_kind("  <!DOCTYPE HTML>", 17, "web page");
    check_kind("<html lang=en>", 14, "web page");
    check_kind("version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS");
    check_kind("PAR1\x15\x04", 6, "Parquet");
    check_kind("PAR1,PAR2\n", 10, NULL); /* a table */
    check_kind("id,label\n", 9, NULL);
    check_kind("\x80\x04\x95\x10", 4, "pickle");
    check_kind("{\"a\": 1}", 8, "JSON");
    check_kind("\xEF\xBB\xBF\n [ {\"id\": 1} ]", 17, "JSON");
    check_kind("[1, 2]", 6, "JSON");
    check_kind("[id],[label]\n", 13, NULL); /* a table */
    check_kind("{video}_{clip},label\n", 21, NULL);
}

static void test_pipes_and_folders_are_refused_at_once(void **state)
{
    (void)state;
    struct byte_source source;
    const char *path = path_in("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(byte_source_open(path, &source, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "a pipe"));
    assert_int_equal(byte_source_open(folder, &source, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "a folder"));
    assert_int_equal(byte_source_open("/dev/zero", &source, &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(byte_source_open(path_in("none"), &source, &error), VALENCE_ERROR_NOT_FOUND);
}

static void test_a_pipe_of_this_process_is_read_as_often_as_wanted(void **state)
{
    (void)state;
    int ends[2];
    char path[32], text[11] = "";
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "0123456789", 10), 10);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    for (int i = 0; i < 2; i++) {
        struct byte_source source;
        assert_int_equal(byte_source_open(path, &source, &error), VALENCE_OK);
        assert_int_equal(source.size, 10);
        assert_int_equal(byte_source_read(&source, 3, text, 7, &error), VALENCE_OK);
        assert_memory_equal(text, "3456789", 7);
        byte_source_close(&source);
    }
    close(ends[0]);
}

/* ---- Readers ---- */

#define N_ROWS 40000 /* of 4 floats: more than any reader keeps */

static float *make_values(void)
{
    float *values = malloc(4 * N_ROWS * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < 4 * N_ROWS; i++)
        values[i] = (float)i;
    return values;
}

/* Reads all; then, with the file cut, it is an error. */
static void check_cut(struct npy *array, const char *path)
{
    float *values = make_values();
    int64_t n = npy_header(array)->count;
    assert_int_equal(n, 4 * N_ROWS);
    memset(values, 0, (size_t)n * sizeof *values);
    if (npy_read_float(array, 0, n, values, &error))
        fail_msg("%s", error.text);
    for (int64_t i = 0; i < n; i++)
        assert_true(values[i] == (float)i);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(npy_read_float(array, 0, n, values, &error), VALENCE_ERROR_FORMAT);
    npy_close(array);
    free(values);
}

static void test_npy_and_safetensors_survive_a_cut(void **state)
{
    (void)state;
    const int64_t shape[2] = {N_ROWS, 4};
    float *values = make_values();
    struct npy *array;
    struct safetensors *file;
    struct safetensors_writer *writer;
    char path[128];
    snprintf(path, sizeof path, "%s", path_in("a.npy"));
    assert_int_equal(npy_write(path, 0, ELEMENT_F32, 2, shape, values, &error), VALENCE_OK);
    assert_int_equal(npy_open(path, &array, &error), VALENCE_OK);
    check_cut(array, path);
    snprintf(path, sizeof path, "%s", path_in("a.safetensors"));
    assert_int_equal(safetensors_write_begin(path, 0, &writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, "a", ELEMENT_F32, 2, shape, &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, values, 4 * N_ROWS * sizeof *values, &error),
                     VALENCE_OK);
    assert_int_equal(safetensors_write_commit(writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_open(path, &file, &error), VALENCE_OK);
    assert_int_equal(safetensor_open_array(safetensors_find(file, "a"), &array, &error),
                     VALENCE_OK);
    check_cut(array, path);
    safetensors_close(file);
    free(values);
}

/* An archive of one stored member, whose element `wrong` has a flipped bit (-1: none). */
static const char *write_archive(int64_t wrong)
{
    const int64_t shape[2] = {N_ROWS, 4};
    float *values = make_values();
    struct zip_writer writer;
    char *header;
    size_t size;
    const char *path = path_in("a.npz");
    FILE *memory = open_memstream(&header, &size), *stream = fopen(path, "w+b");
    assert_non_null(memory);
    assert_non_null(stream);
    assert_int_equal(npy_write_header(memory, ELEMENT_F32, 2, shape, "a", &error), VALENCE_OK);
    assert_int_equal(fclose(memory), 0);
    zip_writer_begin(&writer, stream);
    assert_int_equal(zip_member_begin(&writer, "a.npy", &error), VALENCE_OK);
    zip_member_write(&writer, header, size);
    long start = ftell(stream);
    zip_member_write(&writer, values, 4 * N_ROWS * sizeof *values);
    zip_member_end(&writer);
    zip_writer_end(&writer);
    zip_writer_free(&writer);
    if (wrong >= 0) {
        values[wrong] += 1;
        fseek(stream, start + (long)((size_t)wrong * sizeof *values), SEEK_SET);
        fwrite(values + wrong, sizeof *values, 1, stream);
    }
    assert_int_equal(fclose(stream), 0);
    free(header);
    free(values);
    return path;
}

static void test_a_member_is_checked_before_a_part_of_it_is_used(void **state)
{
    (void)state;
    float value;
    for (int64_t wrong = -1; wrong < 4 * N_ROWS; wrong += 4 * N_ROWS / 2) {
        struct archive *archive;
        struct npy *array;
        assert_int_equal(archive_open(write_archive(wrong), &archive, &error), VALENCE_OK);
        assert_int_equal(npy_open_member(archive, "a", &array, &error), VALENCE_OK);
        int status = npy_read_float(array, 5, 1, &value, &error);
        assert_int_equal(status, wrong < 0 ? VALENCE_OK : VALENCE_ERROR_FORMAT);
        if (wrong < 0)
            assert_true(value == 5);
        else
            assert_non_null(strstr(error.text, "checksum"));
        npy_close(array);
        archive_close(archive);
    }
}

static void test_an_archive_survives_a_cut(void **state)
{
    (void)state;
    struct archive *archive;
    struct npy *array;
    const char *path = write_archive(-1);
    assert_int_equal(archive_open(path, &archive, &error), VALENCE_OK);
    assert_int_equal(npy_open_member(archive, "a", &array, &error), VALENCE_OK);
    check_cut(array, path);
    archive_close(archive);
}

/* A pickle whose one value is an array that torch or NumPy would not notice to be cut. */
static void test_a_pickle_leaves_arrays_in_its_file(void **state)
{
    (void)state;
    struct pickled_file *file;
    struct text pickle = {.maximum = 8 << 20};
    uint32_t bytes = 4 * N_ROWS * sizeof(float);
    float *values = make_values();
    static const char start[] = "\x80\x03"
                                "cnumpy.core.multiarray\n_reconstruct\n"
                                "cnumpy\nndarray\nK\x00\x85"
                                "C\x01"
                                "b\x87R(K\x01M\x40\x9CK\x04\x86"
                                "cnumpy\ndtype\nX\x02\x00\x00\x00"
                                "f4K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xFF\xFF\xFF\xFF"
                                "J\xFF\xFF\xFF\xFFK\x00tb\x89"
                                "B";
    text_append(&pickle, start, sizeof start - 1);
    text_append(&pickle, (const char *)&bytes, sizeof bytes);
    text_append(&pickle, (const char *)values, bytes);
    text_append(&pickle, "tb.", 3);
    assert_false(pickle.failed);
    const char *path = write_file("a.pkl", pickle.data, pickle.length);
    struct npy *array;
    if (pickled_file_open(path, &file, &error))
        fail_msg("%s", error.text);
    assert_int_equal(pickled_file_open_array(file, pickled_file_root(file), "a", &array, &error),
                     VALENCE_OK);
    check_cut(array, path);
    pickled_file_close(file);
    text_free(&pickle);
    free(values);
}

static void test_tensors_are_arrays_whichever_way_they_were_saved(void **state)
{
    (void)state;
    static const char *const names[] = {FIXTURE("nested.pt"), FIXTURE("legacy.pt")};
    for (int i = 0; i < 2; i++) {
        struct pickled_file *file;
        struct npy *array;
        float values[24];
        assert_int_equal(pickled_file_open(names[i], &file, &error), VALENCE_OK);
        const struct pickle_value *views = pickle_get(pickled_file_root(file), "views");
        const struct pickle_value *turned = pickle_get(views, "transposed");
        assert_true(pickled_file_is_array(turned));
        assert_int_equal(pickled_file_open_array(file, turned, "turned", &array, &error),
                         VALENCE_OK);
        assert_int_equal(npy_header(array)->count, 24);
        assert_int_equal(npy_read_float(array, 0, 24, values, &error), VALENCE_OK);
        for (int j = 0; j < 24; j++) /* (6, 4) of a (4, 6) */
            assert_true(values[j] == float_at(j % 4 * 6 + j / 4));
        assert_int_equal(npy_read_float(array, 7, 1, values, &error), VALENCE_OK);
        assert_true(values[0] == float_at(7 % 4 * 6 + 7 / 4));
        npy_close(array);
        assert_int_equal(pickled_file_open_array(file, views, "views", &array, &error),
                         VALENCE_ERROR_NOT_FOUND);
        pickled_file_close(file);
    }
}

static void test_tensors_within_a_pickle_are_arrays(void **state)
{
    (void)state;
    struct pickled_file *file;
    struct npy *array;
    float values[64];
    assert_int_equal(pickled_file_open(shared_path("bugs/tensors.pkl"), &file, &error), VALENCE_OK);
    const struct pickle_value *train = pickle_get(pickled_file_root(file), "train");
    assert_int_equal(
        pickled_file_open_array(file, pickle_get(train, "audio"), "audio", &array, &error),
        VALENCE_OK);
    assert_int_equal(npy_header(array)->n_dims, 3);
    assert_int_equal(npy_header(array)->shape[0], 6);
    assert_int_equal(npy_read_float(array, 0, 21, values, &error), VALENCE_OK);
    npy_close(array);
    pickled_file_close(file);
}

/* ---- Models in several files ---- */

static void write_part(const char *name, const char *tensor, float value)
{
    const int64_t one = 1;
    struct safetensors_writer *writer;
    assert_int_equal(safetensors_write_begin(path_in(name), 0, &writer, &error), VALENCE_OK);
    assert_int_equal(safetensors_declare(writer, tensor, ELEMENT_F32, 1, &one, &error), VALENCE_OK);
    assert_int_equal(safetensors_write(writer, &value, sizeof value, &error), VALENCE_OK);
    assert_int_equal(safetensors_write_commit(writer, &error), VALENCE_OK);
}

static void check_index(const char *index, int expected, const char *words)
{
    struct safetensors *file;
    const char *path = write_file("model.safetensors.index.json", index, strlen(index));
    int status = safetensors_open(path, &file, &error);
    if (status != expected || (words && !strstr(error.text, words)))
        fail_msg("status %d, '%s' does not say '%s'", status, error.text, words ? words : "");
    if (status)
        return;
    float value;
    assert_int_equal(safetensors_n_tensors(file), 2);
    assert_int_equal(safetensor_to_float(safetensors_find(file, "a"), &value, &error), VALENCE_OK);
    assert_true(value == 1);
    assert_int_equal(safetensor_to_float(safetensors_find(file, "b"), &value, &error), VALENCE_OK);
    assert_true(value == 2);
    safetensors_close(file);
}

static void test_a_model_in_several_files_is_one(void **state)
{
    (void)state;
    write_part("one.safetensors", "a", 1);
    write_part("two.safetensors", "b", 2);
    check_index("{\"metadata\": {}, \"weight_map\": {\"a\": \"one.safetensors\", "
                "\"b\": \"two.safetensors\"}}",
                VALENCE_OK, NULL);
    check_index("{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"one.safetensors\"}}",
                VALENCE_ERROR_FORMAT, "names 2 tensors");
    check_index("{\"weight_map\": {\"a\": \"two.safetensors\", \"b\": \"one.safetensors\"}}",
                VALENCE_ERROR_FORMAT, "does not put it");
    check_index("{\"weight_map\": {\"a\": \"three.safetensors\"}}", VALENCE_ERROR_NOT_FOUND,
                "three.safetensors: no such file");
    check_index("{\"weight_map\": {\"a\": \"../one.safetensors\"}}", VALENCE_ERROR_FORMAT,
                "beside the index");
    check_index("{}", VALENCE_ERROR_FORMAT, "weight_map");
    check_index("", VALENCE_ERROR_FORMAT, ":1: ");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"cut",
                                        "pipe",
                                        "a.npy",
                                        "a.safetensors",
                                        "a.npz",
                                        "a.pkl",
                                        "model.safetensors.index.json",
                                        "one.safetensors",
                                        "two.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_in(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_that_is_cut_is_an_error),
        cmocka_unit_test(test_what_stands_under_another_name_is_known),
        cmocka_unit_test(test_pipes_and_folders_are_refused_at_once),
        cmocka_unit_test(test_a_pipe_of_this_process_is_read_as_often_as_wanted),
        cmocka_unit_test(test_npy_and_safetensors_survive_a_cut),
        cmocka_unit_test(test_a_member_is_checked_before_a_part_of_it_is_used),
        cmocka_unit_test(test_an_archive_survives_a_cut),
        cmocka_unit_test(test_a_pickle_leaves_arrays_in_its_file),
        cmocka_unit_test(test_tensors_are_arrays_whichever_way_they_were_saved),
        cmocka_unit_test(test_tensors_within_a_pickle_are_arrays),
        cmocka_unit_test(test_a_model_in_several_files_is_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
