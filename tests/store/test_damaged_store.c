/* Files that are no stores, or not any more: an error each, never a crash. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct valence_store_stream streams[] = {
    {.name = "audio", .width = 3, .type = VALENCE_F16},
    {.name = "text", .width = 700, .type = VALENCE_F32},
};

static void make_store(const char *path)
{
    static float rows[5 * 700];
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(path, streams, 2, NULL, &writer, &error));
    for (int i = 0; i < 60; i++) {
        char id[32];
        snprintf(id, sizeof id, "clip-%d", i);
        struct valence_clip clip = {.id = id, .group = "", .transcript = ""};
        struct valence_clip_rows brought[] = {{0, i % 9, rows}, {1, i % 5, rows}};
        assert_fine(valence_store_writer_add(writer, &clip, brought, 2, &error));
        if (i % 20 == 0)
            assert_fine(valence_store_writer_commit(writer, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

static unsigned char *read_file(const char *path, size_t *size)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    *size = (size_t)status.st_size;
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Opens the store and reads all of it; gives the first error. */
static int read_all(const char *path)
{
    static float rows[5 * 700];
    struct valence_store *store;
    int status = valence_store_open(path, NULL, &store, &error);
    assert_true((status == 0) == (store != NULL));
    for (int64_t i = 0; !status && i < valence_store_n_clips(store); i++)
        for (int stream = 0; stream < 2 && !status; stream++) {
            int64_t n_rows = valence_store_clip(store, i)->n_rows[stream];
            if (n_rows <= 5)
                status = valence_store_read_rows(store, i, stream, 0, n_rows, rows, &error);
        }
    valence_store_close(store);
    return status;
}

static void test_a_file_cut_anywhere_is_an_error(void **state)
{
    (void)state;
    size_t size;
    make_store(in_folder("store"));
    unsigned char *bytes = read_file(in_folder("store/data.mdb"), &size);
    for (size_t length = 0; length < size; length += length < 8192 ? 97 : 1 + size / 37) {
        write_file(in_folder("store/data.mdb"), bytes, length);
        assert_int_equal(read_all(in_folder("store")), VALENCE_ERROR_FORMAT);
    }
    write_file(in_folder("store/data.mdb"), bytes, size - 4096);
    assert_fails(read_all(in_folder("store")), VALENCE_ERROR_FORMAT, "cut short");
    write_file(in_folder("store/data.mdb"), bytes, size);
    assert_fine(read_all(in_folder("store")));
    free(bytes);
}

static void test_garbage_is_an_error(void **state)
{
    (void)state;
    unsigned char garbage[20000];
    struct valence_store_writer *writer;
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (unsigned char)(i * 2654435761u >> 13);
    assert_int_equal(mkdir(in_folder("store"), 0700), 0);
    write_file(in_folder("store/data.mdb"), garbage, sizeof garbage);
    assert_fails(read_all(in_folder("store")), VALENCE_ERROR_FORMAT, "not an LMDB file");
    assert_int_equal(
        valence_store_writer_open(in_folder("store"), streams, 2, NULL, &writer, &error),
        VALENCE_ERROR_FORMAT);
}

/* Opening a pipe that nobody writes to would wait for ever. */
static void test_a_pipe_in_place_of_the_data_is_an_error(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    assert_int_equal(mkdir(in_folder("store"), 0700), 0);
    assert_int_equal(mkfifo(in_folder("store/data.mdb"), 0600), 0);
    assert_fails(read_all(in_folder("store")), VALENCE_ERROR_ARGUMENT, "not a regular file");
    assert_fails(valence_store_writer_open(in_folder("store"), streams, 2, NULL, &writer, &error),
                 VALENCE_ERROR_ARGUMENT, "not a regular file");
}

/* Of each page the first 128 bytes, where all that links it with others lies. */
static void test_a_wrong_byte_is_an_error_or_harmless(void **state)
{
    (void)state;
    int n_errors = 0;
    make_store(in_folder("store"));
    int file = open(in_folder("store/data.mdb"), O_RDWR);
    assert_true(file >= 0);
    for (off_t at = 0;; at += at % 4096 < 128 ? 5 : 4096 - at % 4096) {
        unsigned char kept, wrong;
        if (pread(file, &kept, 1, at) != 1)
            break;
        wrong = (unsigned char)~kept;
        assert_int_equal(pwrite(file, &wrong, 1, at), 1);
        n_errors += read_all(in_folder("store")) != 0;
        assert_int_equal(pwrite(file, &kept, 1, at), 1);
    }
    close(file);
    assert_true(n_errors > 50);
    assert_fine(read_all(in_folder("store")));
}

static void test_another_lmdb_file_is_no_store(void **state)
{
    (void)state;
    make_store(in_folder("store"));
    size_t size;
    unsigned char *bytes = read_file(in_folder("store/data.mdb"), &size);
    /* The names of its databases, in the main tree, become others. */
    for (size_t i = 1; i + 12 < size; i++)
        if (memcmp(bytes + i, "stream:audio", 12) == 0 ||
            (memcmp(bytes + i, "clips", 5) == 0 && bytes[i - 1] != '"'))
            bytes[i] = 'z';
    write_file(in_folder("store/data.mdb"), bytes, size);
    assert_fails(read_all(in_folder("store")), VALENCE_ERROR_FORMAT, "not a valence store");
    free(bytes);
}

static void replace(unsigned char *bytes, size_t size, const char *from, const char *to)
{
    size_t length = strlen(from);
    assert_int_equal(length, strlen(to));
    int n = 0;
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(bytes + i, from, length) == 0) {
            memcpy(bytes + i, to, length);
            n++;
        }
    assert_true(n > 0);
}

/* Version 1 has no checksums: what a record says must be usable by itself. */
static void test_damaged_records_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
        int status;
    } cases[] = {
        {"\"c3\",\"split\":\"train\"", "\"c3\",\"split\":\"trxin\"", "record of clip 3",
         VALENCE_ERROR_FORMAT},
        {"\"c3\",", "\"c3 ,", "record of clip 3", VALENCE_ERROR_FORMAT},
        {"\"id\":\"c3\"", "\"id\":\"cz\"", "ids does not fit", VALENCE_ERROR_FORMAT},
        {"\"version\": 1", "\"version\": 3", "this build reads versions up to 2",
         VALENCE_ERROR_UNSUPPORTED},
        {"\"version\": 1", "\"version\": 2", "lost its checksum", VALENCE_ERROR_FORMAT},
        {"\"width\": 2", "\"width\": 3", "bytes stored, not", VALENCE_ERROR_FORMAT},
        {"\"width\": 2", "\"width\":-2", "width -2", VALENCE_ERROR_FORMAT},
        {"\"dtype\": \"f16\"", "\"dtype\": \"f17\"", "no such element type", VALENCE_ERROR_FORMAT},
    };
    size_t size;
    unsigned char *bytes = read_file(VALENCE_TEST_DATA "/store/fixtures/version-1.mdb", &size);
    assert_int_equal(mkdir(in_folder("store"), 0700), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        replace(bytes, size, cases[i].from, cases[i].to);
        write_file(in_folder("store/data.mdb"), bytes, size);
        assert_fails(read_all(in_folder("store")), cases[i].status, cases[i].words);
        replace(bytes, size, cases[i].to, cases[i].from);
    }
    write_file(in_folder("store/data.mdb"), bytes, size);
    assert_fine(read_all(in_folder("store")));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_a_file_cut_anywhere_is_an_error),
        TEST_IN_FOLDER(test_garbage_is_an_error),
        TEST_IN_FOLDER(test_a_pipe_in_place_of_the_data_is_an_error),
        TEST_IN_FOLDER(test_a_wrong_byte_is_an_error_or_harmless),
        TEST_IN_FOLDER(test_another_lmdb_file_is_no_store),
        TEST_IN_FOLDER(test_damaged_records_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
