/* The parts of a page: what is escaped, what the policy allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"
#include "base/text.h"
#include "report/page.h"

/* ---- Pages ---- */

static void write_data(FILE *stream, void *user)
{
    page_write_json(stream, "data", user, strlen(user));
}

/* In memory; free() it. */
static char *write_page(const char *title, char *json)
{
    static const char *const styles[] = {"tokens.css", NULL};
    static const char *const scripts[] = {"dom.js", "format.js", NULL};
    const struct page page = {.title = title,
                              .styles = styles,
                              .scripts = scripts,
                              .media_source = "'none'",
                              .write_data = write_data,
                              .user = json};
    struct valence_error error;
    char *text = NULL;
    size_t n_bytes;
    FILE *stream = open_memstream(&text, &n_bytes);
    assert_non_null(stream);
    assert_int_equal(page_write(stream, &page, &error), VALENCE_OK);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        n++;
    return n;
}

static void test_no_text_gets_out_of_its_place(void **state)
{
    (void)state;
    char json[] = "{\"id\": \"</script><!--<script>\"}";
    char *page = write_page("</title><b>\"bold\" & \x01 \xff", json);
    assert_non_null(strstr(page, "<title>&lt;/title&gt;&lt;b&gt;&quot;bold&quot; &amp;   "
                                 "\xef\xbf\xbd</title>"));
    assert_non_null(strstr(page, "{\"id\": \"\\u003c/script>\\u003c!--\\u003cscript>\"}</script>"));
    assert_int_equal(count(page, "<script"), 2);
    assert_int_equal(count(page, "</script"), 2);
    assert_int_equal(count(page, "<!--"), 0);
    assert_int_equal(count(page, "{{"), 0);
    free(page);
}

static void test_every_part_is_built_in(void **state)
{
    (void)state;
    assert_true(n_page_files > 10);
    for (int i = 0; i < n_page_files; i++) {
        const struct page_file *file = &page_files[i];
        assert_true(file->n_bytes > 100);
        bool is_frame = strstr(file->name, ".html") != NULL;
        for (size_t at = 0; !is_frame && at + 1 < file->n_bytes; at++)
            if (file->bytes[at] == '<' && strchr("/!", file->bytes[at + 1]))
                fail_msg("%s: '<%c' could end the element that it stands in", file->name,
                         file->bytes[at + 1]);
    }
}

/* The digest in the policy is that of what stands between the tags. */
static void assert_allowed(const char *page, const char *open, const char *close)
{
    char digest[SHA256_TEXT_BYTES];
    uint8_t bytes[32];
    struct text allowed = {.maximum = 100};
    const char *begin = strstr(page, open);
    assert_non_null(begin);
    begin += strlen(open);
    const char *end = strstr(begin, close);
    assert_non_null(end);
    sha256_text(begin, (size_t)(end - begin), digest);
    for (int i = 0; i < 32; i++) {
        unsigned byte;
        assert_int_equal(sscanf(digest + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    text_format(&allowed, "'sha256-");
    text_append_base64(&allowed, bytes, 32);
    assert_int_equal(count(page, allowed.data), 1);
    text_free(&allowed);
}

static void test_the_policy_allows_the_page_s_own_parts_alone(void **state)
{
    (void)state;
    char json[] = "{}";
    char *page = write_page("A title", json);
    assert_non_null(strstr(page, "content=\"default-src 'none'; base-uri 'none'; "
                                 "form-action 'none'; img-src data:; media-src 'none'; "));
    assert_null(strstr(page, "unsafe"));
    assert_allowed(page, "<style>", "</style>");
    assert_allowed(page, "<script>", "</script>");
    free(page);
}

static void test_a_library_is_a_script_of_its_own(void **state)
{
    (void)state;
    static const unsigned char bytes[] = "var library = 1;";
    const struct page_file library = {"library.js", bytes, sizeof bytes - 1};
    static const char *const none[] = {NULL};
    char json[] = "{}", *text = NULL;
    const struct page page = {"", none, none, &library, "'none'", NULL, write_data, json};
    struct valence_error error;
    size_t n_bytes;
    FILE *stream = open_memstream(&text, &n_bytes);
    assert_non_null(stream);
    assert_int_equal(page_write(stream, &page, &error), VALENCE_OK);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(count(text, "<script>"), 2);
    assert_non_null(strstr(text, "<script>var library = 1;</script>"));
    assert_allowed(text, "<script>", "</script>"); /* the first of the two */
    free(text);
}

static void test_a_page_may_ask_what_it_names(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    char json[] = "{}";
    for (int i = 0; i < 2; i++) {
        const char *connect = i ? "'self'" : NULL;
        const struct page page = {"", none, none, NULL, "'none'", connect, write_data, json};
        struct valence_error error;
        char *text = NULL;
        size_t n_bytes;
        FILE *stream = open_memstream(&text, &n_bytes);
        assert_non_null(stream);
        assert_int_equal(page_write(stream, &page, &error), VALENCE_OK);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(count(text, "connect-src 'self'; "), i);
        assert_int_equal(count(text, "connect-src"), i);
        free(text);
    }
}

static void test_a_part_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"none.js", NULL};
    char json[] = "{}";
    const struct page page = {"", names, names, NULL, "'none'", NULL, write_data, json};
    struct valence_error error;
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_true(page_write(stream, &page, &error) < 0);
    fclose(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_text_gets_out_of_its_place),
        cmocka_unit_test(test_every_part_is_built_in),
        cmocka_unit_test(test_the_policy_allows_the_page_s_own_parts_alone),
        cmocka_unit_test(test_a_library_is_a_script_of_its_own),
        cmocka_unit_test(test_a_page_may_ask_what_it_names),
        cmocka_unit_test(test_a_part_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
