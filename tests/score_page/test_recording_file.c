/* A recording's file, as the page of scores refers to it. */
#include <sys/stat.h>

#include "media_fixture.h"

#include "base/text.h"
#include "score_page/recording_file.h"

static void touch(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture_folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void assert_address(const char *page, const char *file, const char *address)
{
    char page_path[256], file_path[256];
    struct text made = {0};
    struct valence_error error;
    snprintf(page_path, sizeof page_path, "%s/%s", fixture_folder, page);
    snprintf(file_path, sizeof file_path, "%s/%s", fixture_folder, file);
    if (recording_address(page_path, file_path, &made, &error))
        fail_msg("%s", error.text);
    assert_string_equal(made.data, address);
    text_free(&made);
}

static void test_addresses_are_relative_and_escaped(void **state)
{
    (void)state;
    static const char *const folders[] = {"a", "a/b", "ab"};
    char path[256];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", fixture_folder, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    touch("clip.mp4");
    touch("a/b/clip.mp4");
    touch("a/javascript:x?#%.mp4");
    touch("ab/\xff \"<.mp4");
    assert_address("page.html", "clip.mp4", "./clip.mp4");
    assert_address("page.html", "a/b/clip.mp4", "./a/b/clip.mp4");
    assert_address("a/b/page.html", "clip.mp4", "../../clip.mp4");
    assert_address("a/page.html", "ab/\xff \"<.mp4", "../ab/%FF%20%22%3C.mp4");
    assert_address("a/page.html", "a/javascript:x?#%.mp4", "./javascript%3Ax%3F%23%25.mp4");
    assert_address("a/../a/b/page.html", "a/./b/../b/clip.mp4", "./clip.mp4");

    struct text made = {0};
    struct valence_error error;
    snprintf(path, sizeof path, "%s/clip.mp4", fixture_folder);
    assert_int_equal(recording_address("/nonexistent/page.html", path, &made, &error),
                     VALENCE_ERROR_IO);
    assert_int_equal(recording_address("page.html", "/nonexistent.mp4", &made, &error),
                     VALENCE_ERROR_IO);
    text_free(&made);
}

static void test_types_follow_from_the_format(void **state)
{
    (void)state;
    assert_string_equal(recording_type("mov,mp4,m4a,3gp,3g2,mj2", true), "video/mp4");
    assert_string_equal(recording_type("mov,mp4,m4a,3gp,3g2,mj2", false), "audio/mp4");
    assert_string_equal(recording_type("amr", false), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_relative_and_escaped),
        cmocka_unit_test(test_types_follow_from_the_format),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
