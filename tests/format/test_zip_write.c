/* What is written is an archive that the reader reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/archive.h"
#include "format/zip_write.h"

static void test_members_read_back(void **state)
{
    (void)state;
    struct valence_error error;
    struct zip_writer writer;
    struct archive *archive;
    void *data;
    size_t size;
    FILE *stream = tmpfile();
    assert_non_null(stream);
    zip_writer_begin(&writer, stream);
    assert_int_equal(zip_member_begin(&writer, "train/a.npy", &error), 0);
    zip_member_write(&writer, "some ", 5);
    zip_member_write(&writer, "bytes", 5);
    zip_member_end(&writer);
    assert_int_equal(zip_member_begin(&writer, "\xe4\xbd\xa0", &error), 0);
    zip_member_end(&writer);
    zip_writer_end(&writer);
    zip_writer_free(&writer);
    assert_int_equal(ferror(stream), 0);

    size_t bytes = (size_t)ftello(stream);
    char *file = malloc(bytes);
    assert_non_null(file);
    rewind(stream);
    assert_int_equal(fread(file, 1, bytes, stream), bytes);
    fclose(stream);
    assert_int_equal(archive_open_memory(file, bytes, "memory", &archive, &error), 0);
    assert_int_equal(archive_n_members(archive), 2);
    assert_string_equal(archive_member_name(archive, 0), "train/a.npy");
    assert_int_equal(archive_find(archive, "\xe4\xbd\xa0"), 1);
    assert_int_equal(archive_read(archive, 0, 100, &data, &size, &error),
                     0); /* checks the checksum */
    assert_int_equal(size, 10);
    assert_memory_equal(data, "some bytes", 10);
    free(data);
    assert_int_equal(archive_read(archive, 1, 100, &data, &size, &error), 0);
    assert_int_equal(size, 0);
    free(data);
    archive_close(archive);
    free(file);
}

static void test_an_archive_without_members_is_one(void **state)
{
    (void)state;
    struct valence_error error;
    struct zip_writer writer;
    struct archive *archive;
    char *file;
    size_t size;
    FILE *stream = open_memstream(&file, &size);
    assert_non_null(stream);
    zip_writer_begin(&writer, stream);
    zip_writer_end(&writer);
    zip_writer_free(&writer);
    fclose(stream);
    assert_int_equal(archive_open_memory(file, size, "memory", &archive, &error), 0);
    assert_int_equal(archive_n_members(archive), 0);
    archive_close(archive);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_read_back),
        cmocka_unit_test(test_an_archive_without_members_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
