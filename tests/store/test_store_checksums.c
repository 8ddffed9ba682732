/* Checksums: a store that was damaged gives an error, or what was written, and nothing else. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/random.h"
#include "store/store_checksum.h"

#define N_FLIPS 1000

static const struct valence_store_stream streams[] = {
    {.name = "audio", .width = 3, .type = VALENCE_F16},
    {.name = "text", .width = 700, .type = VALENCE_F32},
};

/* As short and as long as values are kept in three ways: in a leaf, on pages of their own, and in
 * several blocks with a checksum each. */
static void make_store(void)
{
    static float rows[60 * 700];
    struct valence_store_writer *writer;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        rows[i] = (float)(i % 977) / 8;
    assert_fine(valence_store_writer_open(in_folder("store"), streams, 2, NULL, &writer, &error));
    assert_fine(valence_store_writer_set_source(writer, "{\"kind\": \"test\"}", &error));
    for (int i = 0; i < 80; i++) {
        char id[32];
        snprintf(id, sizeof id, "clip-%d", i * 7919 % 1000);
        struct valence_clip clip = {
            .id = id, .group = "g", .transcript = "some words", .label = (float)i / 8};
        struct valence_clip_rows brought[] = {{0, i % 9, rows + i},
                                              {1, i == 40 ? 59 : i % 5, rows + i}};
        assert_fine(valence_store_writer_add(writer, &clip, brought, 2, &error));
        if (i % 20 == 0)
            assert_fine(valence_store_writer_commit(writer, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

static uint64_t hash(uint64_t key, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        key = mix_keys(key, at[i]);
    return key;
}

/* A key of everything that the store says; its status where reading fails anywhere. */
static int read_all(uint64_t *key)
{
    static float rows[60 * 700];
    struct valence_store *store;
    int status = valence_store_open(in_folder("store"), NULL, &store, &error);
    if (status)
        return status;
    *key = hash(0, valence_store_source(store), strlen(valence_store_source(store)));
    for (int64_t i = 0; i < valence_store_n_clips(store) && !status; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        *key = hash(*key, clip->id, strlen(clip->id));
        *key = hash(*key, clip->group, strlen(clip->group));
        *key = hash(*key, clip->transcript, strlen(clip->transcript));
        *key = hash(*key, clip->metadata, strlen(clip->metadata));
        *key = hash(*key, &clip->label, sizeof clip->label);
        *key = mix_keys(*key, (uint64_t)clip->split);
        for (int s = 0; s < valence_store_n_streams(store) && !status; s++) {
            const struct valence_store_stream *stream = valence_store_get_stream(store, s);
            size_t bytes =
                (size_t)(clip->n_rows[s] * stream->width) * valence_dtype_size(stream->type);
            assert_true(bytes <= sizeof rows);
            status = valence_store_read_rows(store, i, s, 0, clip->n_rows[s], rows, &error);
            *key = hash(*key, rows, bytes);
        }
    }
    valence_store_close(store);
    return status;
}

static void test_no_flipped_bit_changes_what_is_read(void **state)
{
    (void)state;
    uint64_t sound, key = 0;
    int n_errors = 0;
    struct stat status;
    struct random_source source = random_source(7, 7);
    make_store();
    assert_fine(read_all(&sound));
    int file = open(in_folder("store/data.mdb"), O_RDWR);
    assert_true(file >= 0 && fstat(file, &status) == 0);
    for (int i = 0; i < N_FLIPS; i++) {
        unsigned char kept, flipped;
        off_t at = (off_t)random_below(&source, (int64_t)status.st_size);
        assert_int_equal(pread(file, &kept, 1, at), 1);
        flipped = (unsigned char)(kept ^ 1u << random_below(&source, 8));
        assert_int_equal(pwrite(file, &flipped, 1, at), 1);
        int result = read_all(&key);
        if (!result && key != sound)
            fail_msg("byte %lld: %d for %d changes what is read", (long long)at, flipped, kept);
        n_errors += result != 0;
        assert_int_equal(pwrite(file, &kept, 1, at), 1);
    }
    close(file);
    assert_true(n_errors > N_FLIPS / 5);
    assert_fine(read_all(&key));
    assert_true(key == sound);
}

/* ---- Parts of a clip ---- */

enum { LONG_ROWS = 90000, WIDTH = 3 };

static void make_long_clip(void)
{
    struct valence_store_writer *writer;
    float *rows = malloc(LONG_ROWS * WIDTH * sizeof *rows);
    for (int i = 0; i < LONG_ROWS * WIDTH; i++)
        rows[i] = (float)(i % 1021);
    assert_fine(valence_store_writer_open(in_folder("store"), streams, 1, NULL, &writer, &error));
    struct valence_clip clip = {.id = "long"};
    struct valence_clip_rows brought = {0, LONG_ROWS, rows};
    assert_fine(valence_store_writer_add(writer, &clip, &brought, 1, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    free(rows);
}

/* The place of the rows in the file: 40 bytes of them occur once. */
static off_t find_rows(const uint16_t *rows, int file)
{
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    unsigned char *bytes = malloc((size_t)status.st_size);
    assert_int_equal(pread(file, bytes, (size_t)status.st_size, 0), status.st_size);
    off_t at = 0;
    while (at + 40 < status.st_size && memcmp(bytes + at, rows, 40) != 0)
        at += 2;
    free(bytes);
    assert_true(at + 40 < status.st_size);
    return at;
}

static void test_a_part_is_checked_by_the_blocks_it_touches(void **state)
{
    (void)state;
    make_long_clip();
    struct valence_store *store;
    uint16_t *all = malloc(LONG_ROWS * WIDTH * 2), *part = malloc(LONG_ROWS * WIDTH * 2);
    struct random_source source = random_source(3, 3);
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_fine(valence_store_read_rows(store, 0, 0, 0, LONG_ROWS, all, &error));
    for (int i = 0; i < 300; i++) {
        int64_t first = random_below(&source, LONG_ROWS), n;
        n = random_below(&source, i % 2 ? LONG_ROWS - first + 1 : 20);
        n = n < LONG_ROWS - first ? n : LONG_ROWS - first;
        assert_fine(valence_store_read_rows(store, 0, 0, first, n, part, &error));
        assert_memory_equal(part, all + first * WIDTH, (size_t)n * WIDTH * 2);
    }
    int file = open(in_folder("store/data.mdb"), O_RDWR);
    off_t at = find_rows(all, file) + 3 * CHECKSUM_BLOCK_BYTES + 5;
    assert_int_equal(pwrite(file, "\x55", 1, at), 1);
    int64_t block_rows = CHECKSUM_BLOCK_BYTES / 2 / WIDTH;
    assert_fine(valence_store_read_rows(store, 0, 0, 0, 3 * block_rows, part, &error));
    assert_fine(valence_store_read_rows(store, 0, 0, 4 * block_rows + 4, 100, part, &error));
    assert_fails(valence_store_read_rows(store, 0, 0, 4 * block_rows - 20, 1, part, &error),
                 VALENCE_ERROR_FORMAT, "clip 'long': stream 'audio': the bytes at");
    assert_int_equal(valence_store_read_rows(store, 0, 0, 0, LONG_ROWS, part, &error),
                     VALENCE_ERROR_FORMAT);
    close(file);
    valence_store_close(store);
    free(all);
    free(part);
}

/* ---- Version 1 ---- */

static void copy_fixture(void)
{
    char command[1024];
    snprintf(command, sizeof command, "mkdir %s && cp %s/store/fixtures/version-1.mdb %s/data.mdb",
             in_folder("store"), VALENCE_TEST_DATA, in_folder("store"));
    assert_int_equal(system(command), 0);
}

static void test_a_store_of_version_1_is_read_and_added_to(void **state)
{
    (void)state;
    static const struct valence_store_stream old[] = {
        {.name = "audio", .width = 2, .type = VALENCE_F16},
        {.name = "text", .width = 1, .type = VALENCE_F16}};
    struct valence_store *store;
    struct valence_store_writer *writer;
    copy_fixture();
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), 6);
    assert_true(valence_store_is_finished(store));
    valence_store_close(store);
    assert_fine(valence_store_writer_open(in_folder("store"), old, 2, NULL, &writer, &error));
    struct valence_clip clip = {.id = "c6", .label = 2};
    struct valence_clip_rows brought[] = {{0, 1, (float[]){6, -6}}, {1, 1, (float[]){1.5}}};
    assert_fine(valence_store_writer_add(writer, &clip, brought, 2, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), 7);
    for (int i = 0; i < 7; i++) {
        uint16_t row[2];
        assert_fine(valence_store_read_rows(store, i, 0, 0, 1, row, &error));
        assert_true(i == 0 || (row[0] ^ row[1]) == 0x8000); /* i and -i */
        assert_fine(valence_store_read_rows(store, i, 1, 0, 1, row, &error));
    }
    valence_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_no_flipped_bit_changes_what_is_read),
        TEST_IN_FOLDER(test_a_part_is_checked_by_the_blocks_it_touches),
        TEST_IN_FOLDER(test_a_store_of_version_1_is_read_and_added_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
