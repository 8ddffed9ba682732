#include "fixtures.h"

#include <sys/stat.h>
#include <unistd.h>

#include "comma_locale.h"
#include "format/csv.h"

static struct csv_reader *open_text(const char *text)
{
    struct csv_reader *reader;
    struct valence_error error;
    if (csv_open_memory(text, strlen(text), "t.csv", ',', &reader, &error))
        fail_msg("%s", error.text);
    return reader;
}

static void check_next(struct csv_reader *reader, int64_t line, const char *first,
                       const char *second)
{
    bool more;
    struct valence_error error;
    if (csv_next(reader, &more, &error))
        fail_msg("%s", error.text);
    assert_true(more);
    assert_int_equal(csv_line(reader), line);
    assert_string_equal(csv_field(reader, 0), first);
    assert_string_equal(csv_field(reader, 1), second);
}

static void check_end(struct csv_reader *reader)
{
    bool more;
    struct valence_error error;
    assert_int_equal(csv_next(reader, &more, &error), VALENCE_OK);
    assert_false(more);
    csv_close(reader);
}

/* The text of the error that reading ends in. */
static const char *error_of(const char *text, size_t size)
{
    static struct valence_error error;
    struct csv_reader *reader;
    bool more = true;
    char *exact = (char *)copy_bytes(text, size);
    error.text[0] = '\0';
    int status = csv_open_memory(exact, size, "t.csv", ',', &reader, &error);
    while (!status && more)
        status = csv_next(reader, &more, &error);
    csv_close(reader);
    free(exact);
    return status ? error.text : NULL;
}

static void check_error(const char *text, const char *expected)
{
    const char *found = error_of(text, strlen(text));
    assert_non_null(found);
    if (!strstr(found, expected))
        fail_msg("'%s' is not in: %s", expected, found);
}

static void test_quotes_hold_delimiters_quotes_and_line_ends(void **state)
{
    (void)state;
    struct csv_reader *reader =
        open_text("id,text\na,\"one, two\"\nb,\"she said \"\"no\"\"\"\nc,\"two\nlines\"\nd,\"\"\n");
    check_next(reader, 2, "a", "one, two");
    check_next(reader, 3, "b", "she said \"no\"");
    check_next(reader, 4, "c", "two\nlines");
    check_next(reader, 6, "d", "");
    check_end(reader);
}

static void test_crlf_byte_order_mark_and_a_missing_last_line_end_are_read(void **state)
{
    (void)state;
    struct csv_reader *reader = open_text("\xEF\xBB\xBFid,\"the text\"\r\na,1\r\n\r\nb,\"2\"");
    assert_int_equal(csv_n_columns(reader), 2);
    assert_string_equal(csv_column_name(reader, 0), "id");
    assert_int_equal(csv_find_column(reader, "the text"), 1);
    check_next(reader, 2, "a", "1");
    check_next(reader, 4, "b", "2");
    check_end(reader);
}

static void test_the_delimiter_is_a_choice(void **state)
{
    (void)state;
    struct csv_reader *reader;
    struct valence_error error;
    const char *text = "id\ttext\na\tone, two\n";
    assert_int_equal(csv_open_memory(text, strlen(text), "t.tsv", '\t', &reader, &error),
                     VALENCE_OK);
    check_next(reader, 2, "a", "one, two");
    check_end(reader);
}

static void test_a_quote_inside_a_field_is_a_character(void **state)
{
    (void)state;
    struct csv_reader *reader = open_text("id,text\na,5\" disk\nb,say \"no\"\n");
    check_next(reader, 2, "a", "5\" disk");
    check_next(reader, 3, "b", "say \"no\"");
    check_end(reader);
}

static void check_found_delimiter(const char *text, int64_t line)
{
    struct csv_reader *reader;
    struct valence_error error;
    assert_int_equal(
        csv_open_memory(text, strlen(text), "t.csv", CSV_FIND_DELIMITER, &reader, &error),
        VALENCE_OK);
    assert_int_equal(csv_n_columns(reader), 2);
    check_next(reader, line, "a", "1");
    check_end(reader);
}

static void test_the_delimiter_is_found(void **state)
{
    (void)state;
    check_found_delimiter("id,x\na,1\n", 2);
    check_found_delimiter("id;x\na;1\n", 2);
    check_found_delimiter("id\tx\na\t1\n", 2);
    check_found_delimiter("id|x\na|1\n", 2);
    check_found_delimiter("\"i,d,\";x\na;1\n", 2);
    check_found_delimiter("sep=;\r\nid;x,y\r\na;1\r\n", 3);
    check_found_delimiter("\xEF\xBB\xBFsep=#\nid#x\na#1\n", 3);
    /* A choice counts more than the file's own line. */
    struct csv_reader *reader;
    struct valence_error error;
    const char *text = "sep=;\nid,x;y\na,1\n";
    assert_int_equal(csv_open_memory(text, strlen(text), "t.csv", ',', &reader, &error),
                     VALENCE_OK);
    check_next(reader, 3, "a", "1");
    check_end(reader);
}

static void test_another_delimiter_is_hinted_at(void **state)
{
    (void)state;
    int column;
    struct valence_error error;
    struct csv_reader *reader = open_text("id;label\na;1\n");
    assert_int_equal(csv_need_column(reader, "id", &column, &error), VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "separated by ';'"));
    assert_string_equal(error.key, "delimiter");
    csv_close(reader);
}

/* A file of more than one piece, whose quotes, line ends and fields stand everywhere within it. */
static char *write_long_table(size_t padding, int n_rows)
{
    static char path[] = "long-table-XXXXXX";
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int file = mkstemp(path);
    FILE *stream = fdopen(file, "wb");
    assert_non_null(stream);
    fputs("id,text\r\n", stream);
    for (size_t i = 0; i < padding; i++)
        fputs("\r\n", stream);
    for (int i = 0; i < n_rows; i++)
        fprintf(stream, "%d,\"a \"\"quoted\"\", %d\r\nline\"\r\n", i, i);
    assert_int_equal(fclose(stream), 0);
    return path;
}

static void test_pieces_of_a_file_join_wherever_they_part(void **state)
{
    (void)state;
    for (size_t padding = 0; padding < 40; padding++) {
        struct csv_reader *reader;
        struct valence_error error;
        char *path = write_long_table(padding, 9000);
        assert_int_equal(csv_open(path, ',', &reader, &error), VALENCE_OK);
        for (int i = 0; i < 9000; i++) {
            char id[16], text[64];
            snprintf(id, sizeof id, "%d", i);
            snprintf(text, sizeof text, "a \"quoted\", %d\r\nline", i);
            check_next(reader, 2 + (int64_t)padding + 2 * i, id, text);
        }
        check_end(reader);
        unlink(path);
    }
}

static void test_a_file_that_is_cut_while_it_is_read_is_an_error(void **state)
{
    (void)state;
    struct csv_reader *reader;
    struct valence_error error;
    bool more = true;
    char *path = write_long_table(0, 30000);
    assert_int_equal(csv_open(path, ',', &reader, &error), VALENCE_OK);
    assert_int_equal(truncate(path, 4096), 0);
    int status = VALENCE_OK;
    while (!status && more)
        status = csv_next(reader, &more, &error);
    assert_int_equal(status, VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "cut off"));
    csv_close(reader);
    unlink(path);
}

static void test_what_is_no_table_is_named(void **state)
{
    (void)state;
    check_error("\x1F\x8B\x08 zipped", "a gzip file");
    check_error("<!DOCTYPE html><html>", "a web page");
    check_error("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS");
    struct csv_reader *reader;
    struct valence_error error;
    char pipe[64];
    snprintf(pipe, sizeof pipe, "pipe-of-test-csv-%ld", (long)getpid());
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(csv_open(pipe, ',', &reader, &error), VALENCE_ERROR_ARGUMENT); /* at once */
    assert_non_null(strstr(error.text, "a pipe"));
    unlink(pipe);
    assert_int_equal(csv_open(".", ',', &reader, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "a folder"));
}

static void test_errors_name_file_and_line(void **state)
{
    (void)state;
    check_error("", "t.csv: empty");
    check_error("a,b\n1,2\n3\n", "t.csv:3: 1 fields where the header has 2");
    check_error("a,b\n1,2,3\n", "t.csv:2: 3 fields");
    check_error("a,b\n1,\"x\"y\n", "t.csv:2: text behind a closing quote");
    check_error("a,b\n1,\"x\n\n\n", "t.csv:2: a quote opens here");
    check_error("a,b\n1,2\r3\n", "t.csv:2: a carriage return");
    check_error("a,b,a\n", "two columns are named 'a'");
    assert_non_null(strstr(error_of("a\nx\0y\n", 6), "t.csv:2: a NUL byte"));
}

static void test_other_encodings_are_errors_that_name_them(void **state)
{
    (void)state;
    check_error("\xFF\xFEi\xC4", "t.csv:1: UTF-16");
    check_error("\xFE\xFF\xC4i", "t.csv:1: UTF-16");
    assert_non_null(strstr(error_of("i\0d\0\n\0", 6), "t.csv:1: a NUL byte (is this a text"));
    check_error("id,text\na,na\xEFve\n",
                "t.csv:2: bytes that are not UTF-8; it looks like Latin-1");
    check_error("id,na\xEFve\n", "t.csv:1: bytes that are not UTF-8");
    /* "非常好" in GBK, "とても良い" in Shift-JIS. */
    check_error("id,text\na,\xB7\xC7\xB3\xA3\xBA\xC3\n", "iconv -f gbk");
    check_error("id,text\na,\x82\xC6\x82\xC4\x82\xE0\x97\xC7\x82\xA2\n", "iconv -f cp932");
    check_error("id,text\na,\xED\xA0\x80\n", "t.csv:2: bytes that are not UTF-8"); /* a surrogate */
    check_error("id,text\na,\xC0\xAF\n", "t.csv:2: bytes that are not UTF-8");     /* overlong */
}

static void test_numbers_have_a_decimal_point_in_every_locale(void **state)
{
    (void)state;
    struct valence_error error;
    double point = 0, comma = 0;
    bool has_comma = comma_locale_begin();
    struct csv_reader *reader = open_text("id,label\na,1.5\nb,\"1,5\"\n");
    check_next(reader, 2, "a", "1.5");
    int point_status = csv_number(reader, 1, &point, &error);
    check_next(reader, 3, "b", "1,5");
    int comma_status = csv_number(reader, 1, &comma, &error);
    csv_close(reader);
    comma_locale_end();
    assert_int_equal(point_status, VALENCE_OK);
    assert_true(point == 1.5);
    assert_int_equal(comma_status, VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "with a decimal point"));
    if (!has_comma)
        skip(); /* what was checked is the C locale */
}

static void test_a_missing_column_is_an_error_that_names_those_there_are(void **state)
{
    (void)state;
    struct csv_reader *reader = open_text("id,label\n");
    struct valence_error error;
    int column;
    assert_int_equal(csv_need_column(reader, "label", &column, &error), VALENCE_OK);
    assert_int_equal(column, 1);
    assert_int_equal(csv_need_column(reader, "split", &column, &error), VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "'id', 'label'"));
    assert_int_equal(csv_find_column(reader, "split"), -1);
    csv_close(reader);
}

static void test_numbers_are_read_and_others_refused_with_line_and_column(void **state)
{
    (void)state;
    struct csv_reader *reader = open_text("id,label\na,-1.5e0\nb,1.5x\n");
    struct valence_error error;
    double value;
    check_next(reader, 2, "a", "-1.5e0");
    assert_int_equal(csv_number(reader, 1, &value, &error), VALENCE_OK);
    assert_true(value == -1.5);
    check_next(reader, 3, "b", "1.5x");
    assert_int_equal(csv_number(reader, 1, &value, &error), VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "t.csv:3: column 'label': '1.5x'"));
    csv_close(reader);
}

static void test_an_endless_row_is_an_error(void **state)
{
    (void)state;
    size_t size = CSV_MAX_ROW_BYTES + 16;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, "a\n\"", 3);
    text[size - 1] = '"';
    assert_non_null(strstr(error_of(text, size), "t.csv:2: a row of more than 64 MiB"));
    free(text);
}

static int64_t count_rows(const char *path)
{
    struct csv_reader *reader;
    struct valence_error error;
    bool more;
    int64_t n = 0;
    if (csv_open(path, ',', &reader, &error))
        fail_msg("%s", error.text);
    for (;;) {
        if (csv_next(reader, &more, &error))
            fail_msg("%s", error.text);
        if (!more)
            break;
        n++;
    }
    csv_close(reader);
    return n;
}

static void test_real_tables_are_read(void **state)
{
    (void)state;
    assert_int_equal(count_rows(shared_path("data/mosi/mosi_utt_tav.csv")), 2199);
    assert_true(count_rows(shared_path("data/labels/labels_cmumosi.csv")) > 2000);
    assert_true(count_rows(shared_path("data/labels/labels_sims.csv")) > 2000);
    assert_int_equal(count_rows(shared_path("data/labels/meld/train_sent_emo.csv")), 9989);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes_hold_delimiters_quotes_and_line_ends),
        cmocka_unit_test(test_crlf_byte_order_mark_and_a_missing_last_line_end_are_read),
        cmocka_unit_test(test_the_delimiter_is_a_choice),
        cmocka_unit_test(test_a_quote_inside_a_field_is_a_character),
        cmocka_unit_test(test_the_delimiter_is_found),
        cmocka_unit_test(test_another_delimiter_is_hinted_at),
        cmocka_unit_test(test_pieces_of_a_file_join_wherever_they_part),
        cmocka_unit_test(test_a_file_that_is_cut_while_it_is_read_is_an_error),
        cmocka_unit_test(test_what_is_no_table_is_named),
        cmocka_unit_test(test_errors_name_file_and_line),
        cmocka_unit_test(test_other_encodings_are_errors_that_name_them),
        cmocka_unit_test(test_numbers_have_a_decimal_point_in_every_locale),
        cmocka_unit_test(test_a_missing_column_is_an_error_that_names_those_there_are),
        cmocka_unit_test(test_numbers_are_read_and_others_refused_with_line_and_column),
        cmocka_unit_test(test_an_endless_row_is_an_error),
        cmocka_unit_test(test_real_tables_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
