/* Tables of segments or words with times. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "format/csv.h"
#include "format/transcripts/transcript_formats.h"

/* -1: there is none. */
struct columns {
    int start, end, text, confidence, language;
    bool is_ms, is_words;
};

static int find_column(const struct csv_reader *reader, const char *name)
{
    for (int i = 0; i < csv_n_columns(reader); i++)
        if (strcasecmp(csv_column_name(reader, i), name) == 0)
            return i;
    return -1;
}

static int find_columns(const struct csv_reader *reader, struct columns *columns,
                        struct valence_error *error)
{
    columns->is_ms = find_column(reader, "start") < 0 && find_column(reader, "start_ms") >= 0;
    columns->is_words = find_column(reader, "text") < 0 && find_column(reader, "word") >= 0;
    const struct {
        const char *name;
        int *column;
        bool is_needed;
    } wanted[] = {{columns->is_ms ? "start_ms" : "start", &columns->start, true},
                  {columns->is_ms ? "end_ms" : "end", &columns->end, true},
                  {columns->is_words ? "word" : "text", &columns->text, true},
                  {"confidence", &columns->confidence, false},
                  {"language", &columns->language, false}};
    int status = VALENCE_OK;
    for (size_t i = 0; !status && i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].column = find_column(reader, wanted[i].name);
        if (*wanted[i].column < 0 && wanted[i].is_needed)
            status = csv_need_column(reader, wanted[i].name, wanted[i].column, error);
    }
    return status;
}

/* Seconds, milliseconds, or hh:mm:ss.mmm. */
static int read_time(const struct csv_reader *reader, const char *name, int column, bool is_ms,
                     double *seconds, struct valence_error *error)
{
    const char *field = csv_field(reader, column), *at = field;
    const char *problem = NULL;
    if (parse_double(field, seconds)) {
        *seconds = is_ms ? *seconds / 1000 : *seconds;
    } else {
        problem = parse_clock(&at, field + strlen(field), seconds);
        if (!problem && *at)
            problem = "text behind a time";
    }
    if (!problem && !isfinite(*seconds))
        problem = "not a finite time";
    if (!problem && *seconds < 0)
        problem = "a negative time";
    if (!problem)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: column '%.100s': %s: '%.100s'", name,
                (long long)csv_line(reader), csv_column_name(reader, column), problem, field);
}

static int read_row(const struct csv_reader *reader, const char *name,
                    const struct columns *columns, struct transcript_list *list,
                    struct word_list *words, struct valence_error *error)
{
    struct valence_speech_segment *segment;
    double start = 0, end = 0, confidence = NAN;
    int status = read_time(reader, name, columns->start, columns->is_ms, &start, error);
    if (!status)
        status = read_time(reader, name, columns->end, columns->is_ms, &end, error);
    if (!status && end < start)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: ends before it starts", name,
                      (long long)csv_line(reader));
    if (!status && columns->confidence >= 0 && *csv_field(reader, columns->confidence))
        status = csv_number(reader, columns->confidence, &confidence, error);
    if (status)
        return status;
    const char *text = csv_field(reader, columns->text);
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    if (length == 0)
        return VALENCE_OK;
    if (columns->is_words)
        return word_list_add(words, text, length, start, end, confidence, error);
    status = transcript_list_add(list, text, length, start, end, &segment, error);
    if (!status)
        segment->confidence = confidence;
    return status;
}

int timed_table_read(const struct text_lines *lines, struct transcript_list *list, char **language,
                     struct valence_error *error)
{
    struct csv_reader *reader;
    struct word_list words = {0};
    struct columns columns;
    bool more = true;
    *language = NULL;
    int status = csv_open_memory(lines->at, (size_t)(lines->end - lines->at), lines->name,
                                 CSV_FIND_DELIMITER, &reader, error);
    if (status)
        return status;
    status = find_columns(reader, &columns, error);
    while (!status && more) {
        status = csv_next(reader, &more, error);
        if (!status && more)
            status = read_row(reader, lines->name, &columns, list, &words, error);
        if (!status && more && columns.language >= 0 && !*language &&
            *csv_field(reader, columns.language) &&
            !(*language = strdup(csv_field(reader, columns.language))))
            status = fail_memory(error, 0, "a language");
    }
    if (!status)
        status = transcript_list_take_words(list, &words, error);
    word_list_free(&words);
    csv_close(reader);
    if (status) {
        free(*language);
        *language = NULL;
    }
    return status;
}
