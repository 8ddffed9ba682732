/* Forms: what is parsed, in pieces of any size, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/multipart.h"
#include "http/rate.h"

/* The parts as "name(file)=data;". */
static char parsed[8192];

static void add(const char *bytes, size_t n)
{
    size_t used = strlen(parsed);
    assert_true(used + n < sizeof parsed);
    memcpy(parsed + used, bytes, n);
    parsed[used + n] = '\0';
}

static int begin(void *user, const char *name, const char *file_name, struct valence_error *error)
{
    (void)user, (void)error;
    add(name, strlen(name));
    if (file_name) {
        add("(", 1);
        add(file_name, strlen(file_name));
        add(")", 1);
    }
    add("=", 1);
    return 0;
}

static int data(void *user, const char *bytes, size_t n, struct valence_error *error)
{
    (void)user, (void)error;
    add(bytes, n);
    return 0;
}

static int end(void *user, struct valence_error *error)
{
    (void)user, (void)error;
    add(";", 1);
    return 0;
}

static int parse(const char *type, const char *body, size_t piece, struct valence_error *error)
{
    const struct multipart_sink sink = {begin, data, end, NULL};
    struct multipart multipart;
    const size_t n = strlen(body);
    parsed[0] = '\0';
    int status = multipart_begin(&multipart, type, &sink, error);
    for (size_t at = 0; at < n && !status; at += piece)
        status = multipart_feed(&multipart, body + at, n - at < piece ? n - at : piece, error);
    return status ? status : multipart_end(&multipart, error);
}

static void gives(const char *type, const char *body, const char *wanted)
{
    struct valence_error error;
    for (size_t piece = 1; piece <= strlen(body); piece++) {
        if (parse(type, body, piece, &error))
            fail_msg("in pieces of %zu: %s", piece, error.text);
        assert_string_equal(parsed, wanted);
    }
}

static void is_refused(const char *type, const char *body, const char *why)
{
    struct valence_error error;
    for (size_t piece = 1; piece <= strlen(body) + 1; piece++) {
        assert_int_equal(parse(type, body, piece, &error), VALENCE_ERROR_FORMAT);
        if (!strstr(error.text, why))
            fail_msg("'%s' does not say '%s'", error.text, why);
    }
}

#define TYPE "multipart/form-data; boundary=line"
#define PART "--line\r\nContent-Disposition: form-data; name="

static void test_parts_in_pieces_of_any_size(void **state)
{
    (void)state;
    gives(TYPE, PART "\"text\"\r\n\r\ngood day\r\n--line--\r\n", "text=good day;");
    gives(TYPE,
          "a preamble\r\n" PART "a\r\n\r\n\r\n" PART "\"b\"; filename=\"c.wav\"\r\nContent-Type: "
          "audio/wav\r\n\r\nRIFF\r\n--line--\r\nan epilogue",
          "a=;b(c.wav)=RIFF;");
    gives(TYPE, "--line--", "");
}

static void test_what_looks_like_a_boundary_is_data(void **state)
{
    (void)state;
    gives(TYPE, PART "a\r\n\r\n\r\n--lin\r\r\n\r\n-\r\n--line--", "a=\r\n--lin\r\r\n\r\n-;");
    gives(TYPE, PART "a\r\n\r\n\r\r\r\n--line--", "a=\r\r;");
    gives(TYPE,
          PART "a\r\n\r\n--line\r\n--line \t\r\n"
               "Content-Disposition: form-data; name=b\r\n\r\nx\r\n--line--",
          "a=--line;b=x;");
}

static void test_headers_are_read_as_the_standards_have_them(void **state)
{
    (void)state;
    gives("multipart/form-data; charset=\"a;boundary=b\"; BOUNDARY=\"a b\"",
          "--a b\r\ncontent-disposition:form-data;NAME=\"a\"; filename=\"x \\\"y\\\" \\\\.wav\"\r\n"
          "\r\nz\r\n--a b--",
          "a(x \"y\" \\.wav)=z;");
    gives(TYPE, PART "\"filename=no\"\r\n\r\nx\r\n--line--", "filename=no=x;");
    gives(TYPE, PART "a; filename=\"\"\r\n\r\nx\r\n--line--", "a()=x;");
}

static void test_what_is_malformed_is_refused(void **state)
{
    char body[8192];
    (void)state;
    is_refused("multipart/form-data", "x", "boundary");
    is_refused("multipart/form-data; boundary=", "x", "boundary");
    is_refused("multipart/form-data; boundary=\"open", "x", "boundary");
    is_refused("multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901"
               "234567890123456789012",
               "x", "boundary");
    is_refused(TYPE, "", "does not hold the boundary");
    is_refused(TYPE, "text=a", "does not hold the boundary");
    is_refused(TYPE, PART "a\r\n\r\nx", "ends before");
    is_refused(TYPE, PART "a\r\n", "ends before");
    is_refused(TYPE, PART "a\r\n\r\nx\r\n--line\r\n", "ends before");
    is_refused(TYPE, "--lineX\r\n\r\nx\r\n--line--", "followed by neither");
    is_refused(TYPE, "--line\r\n\r\nx\r\n--line--", "no Content-Disposition");
    is_refused(TYPE, "--line\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--line--",
               "no name");
    is_refused(TYPE, PART "\"\"\r\n\r\nx\r\n--line--", "no name");
    is_refused(TYPE, PART "\"open\r\n\r\nx\r\n--line--", "no name");
    snprintf(body, sizeof body, "--line\r\nX: %5000d\r\n\r\nx\r\n--line--", 1);
    struct valence_error error;
    assert_int_equal(parse(TYPE, body, 100, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "longer than"));
}

static void test_a_bucket_fills_with_time(void **state)
{
    static struct http_rates rates;
    (void)state;
    for (int i = 0; i < 60; i++)
        assert_true(rate_take(&rates, "a", 60, 0));
    assert_false(rate_take(&rates, "a", 60, 0.5));
    assert_true(rate_take(&rates, "b", 60, 0.5));
    assert_true(rate_take(&rates, "a", 60, 1.01));
    assert_false(rate_take(&rates, "a", 60, 1.02));
    for (int i = 0; i < RATE_MAX_CLIENTS; i++) { /* which push the two out */
        char address[16];
        snprintf(address, sizeof address, "c%d", i);
        assert_true(rate_take(&rates, address, 60, 2));
    }
    assert_int_equal(rates.n, RATE_MAX_CLIENTS);
    assert_true(rate_take(&rates, "a", 60, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_in_pieces_of_any_size),
        cmocka_unit_test(test_what_looks_like_a_boundary_is_data),
        cmocka_unit_test(test_headers_are_read_as_the_standards_have_them),
        cmocka_unit_test(test_what_is_malformed_is_refused),
        cmocka_unit_test(test_a_bucket_fills_with_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
