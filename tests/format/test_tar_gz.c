/* Gzipped tar archives: members found by any of their kinds of names, and damage named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/tar_gz.h"
#include "tar_fixture.h"

static unsigned char packed[64 * 1024];

static void fill(struct tar_fixture *tar)
{
    static char big[3000];
    char records[300], name[200];
    memset(big, 'b', sizeof big);
    tar->n = 0;
    tar_add(tar, "", "package/", '5', "", 0);
    tar_add(tar, "", "package/big", '0', big, sizeof big);
    tar_add(tar, "package/folder", "prefixed", '0', "two parts", 9);
    snprintf(records, sizeof records, "12 other=xy\n%s", "27 path=package/from-pax.x\n");
    tar_add(tar, "", "PaxHeader", 'x', records, strlen(records));
    tar_add(tar, "", "package/cut", '0', "pax", 3);
    memset(name, 'n', sizeof name);
    tar_add(tar, "", "././@LongLink", 'L', name, sizeof name);
    tar_add(tar, "", "nnn", '0', "gnu", 3);
    tar_add(tar, "", "package/last", '0', "last", 4);
    tar_add(tar, "", "package/link", '2', "", 0);
}

static void check_member(size_t size, const char *member, const char *wanted)
{
    struct tar_gz *tar;
    struct valence_error error;
    char found[64];
    assert_int_equal(tar_gz_open_memory(packed, size, "a.tgz", member, &tar, &error), 0);
    assert_int_equal(tar_gz_size(tar), strlen(wanted));
    assert_int_equal(tar_gz_read(tar, found, strlen(wanted), &error), 0);
    assert_memory_equal(found, wanted, strlen(wanted));
    assert_int_equal(tar_gz_read(tar, found, 1, &error), VALENCE_ERROR_ARGUMENT);
    tar_gz_close(tar);
}

static void test_members_are_found(void **state)
{
    (void)state;
    struct tar_fixture tar;
    char name[201] = "";
    fill(&tar);
    size_t size = tar_compress(&tar, packed, sizeof packed);
    check_member(size, "package/folder/prefixed", "two parts");
    check_member(size, "package/from-pax.x", "pax");
    check_member(size, "package/last", "last");
    memset(name, 'n', 200);
    check_member(size, name, "gnu");
}

static void check_refused(const void *data, size_t size, const char *member, const char *reason)
{
    struct tar_gz *tar;
    struct valence_error error;
    assert_int_equal(tar_gz_open_memory(data, size, "a.tgz", member, &tar, &error),
                     VALENCE_ERROR_FORMAT);
    assert_null(tar);
    if (!strstr(error.text, reason))
        print_error("%s\n", error.text);
    assert_non_null(strstr(error.text, reason));
}

static void test_what_is_not_there_or_damaged_is_named(void **state)
{
    (void)state;
    struct tar_fixture tar;
    struct valence_error error;
    struct tar_gz *opened;
    fill(&tar);
    size_t size = tar_compress(&tar, packed, sizeof packed);
    check_refused(packed, size, "package/nothing", "a.tgz: holds no package/nothing");
    check_refused(packed, size, "package/link", "holds no package/link"); /* no regular file */
    check_refused(packed, size, "package/cut", "holds no package/cut");   /* its name is another */
    check_refused(packed, 40, "package/last", "ends too early");
    check_refused(packed, 0, "package/last", "damaged");
    check_refused("no archive", 10, "package/last", "cannot be inflated");
    tar.bytes[512 + 3] ^= 1;
    size = tar_compress(&tar, packed, sizeof packed);
    check_refused(packed, size, "package/last", "checksum");
    assert_int_equal(tar_gz_open("/nowhere/a.tgz", "a", &opened, &error), VALENCE_ERROR_NOT_FOUND);
    assert_null(opened);
}

/* Cut anywhere, it is refused or read as far as the member goes. */
static void test_every_cut_is_survived(void **state)
{
    (void)state;
    struct tar_fixture tar;
    fill(&tar);
    size_t size = tar_compress(&tar, packed, sizeof packed);
    for (size_t cut = 0; cut < size; cut++) {
        struct tar_gz *opened;
        char found[4];
        unsigned char *copy = malloc(cut + 1);
        memcpy(copy, packed, cut);
        if (tar_gz_open_memory(copy, cut, "a.tgz", "package/last", &opened, NULL) == 0)
            (void)tar_gz_read(opened, found, sizeof found, NULL);
        tar_gz_close(opened);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members_are_found),
                                       cmocka_unit_test(test_what_is_not_there_or_damaged_is_named),
                                       cmocka_unit_test(test_every_cut_is_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
