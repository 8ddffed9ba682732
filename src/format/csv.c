#include "format/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

/* The fields of one row, each NUL-terminated, one after the other. */
struct csv_row {
    struct text text;
    int64_t *starts; /* within text, so that it may move while growing */
    int64_t n_fields;
    int64_t capacity;
    int64_t line;
};

struct csv_reader {
    char *name;
    struct file_map map; /* empty where the bytes belong to the caller */
    const char *at, *end;
    int64_t line; /* of `at`, from 1 */
    char delimiter;
    struct csv_row header;
    struct csv_row row;
};

/* ---- Rows ---- */

static int bad_line(const struct csv_reader *reader, int64_t line, int status, const char *what,
                    struct valence_error *error)
{
    return fail(error, status, "%s:%lld: %s", reader->name, (long long)line, what);
}

static int append(struct csv_reader *reader, struct csv_row *row, const char *data, size_t length,
                  struct valence_error *error)
{
    if (length && memchr(data, '\0', length))
        return bad_line(reader, row->line, VALENCE_ERROR_FORMAT,
                        "a NUL byte (is this a text file in UTF-8?)", error);
    text_append(&row->text, data, length);
    if (!row->text.failed)
        return VALENCE_OK;
    if (row->text.length + length > row->text.maximum)
        return bad_line(reader, row->line, VALENCE_ERROR_LIMIT,
                        "a row of more than 64 MiB (is a quote never closed?)", error);
    return fail_memory(error, row->text.length + length, "a row");
}

/* Behind the opening quote: the field up to its closing quote. */
static int read_quoted(struct csv_reader *reader, struct csv_row *row, struct valence_error *error)
{
    int64_t opened = reader->line;
    for (;;) {
        const char *quote = memchr(reader->at, '"', (size_t)(reader->end - reader->at));
        if (!quote)
            return bad_line(reader, opened, VALENCE_ERROR_FORMAT,
                            "a quote opens here and is never closed", error);
        for (const char *c = reader->at; c < quote; c++)
            reader->line += *c == '\n';
        bool is_doubled = quote + 1 < reader->end && quote[1] == '"';
        int status = append(reader, row, reader->at,
                            (size_t)(quote - reader->at) + (is_doubled ? 1 : 0), error);
        reader->at = quote + (is_doubled ? 2 : 1);
        if (status || !is_doubled)
            return status;
    }
}

static int read_plain(struct csv_reader *reader, struct csv_row *row, struct valence_error *error)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at != reader->delimiter && *reader->at != '\n' &&
           *reader->at != '\r') {
        if (*reader->at == '"')
            return bad_line(reader, reader->line, VALENCE_ERROR_FORMAT,
                            "a quote inside a field that is not quoted", error);
        reader->at++;
    }
    return append(reader, row, start, (size_t)(reader->at - start), error);
}

/* Skips LF, CRLF or the end of the file; false where something else stands here. */
static bool take_line_end(struct csv_reader *reader)
{
    if (reader->at == reader->end)
        return true;
    size_t length = *reader->at == '\n' ? 1
                    : reader->end - reader->at > 1 && reader->at[0] == '\r' && reader->at[1] == '\n'
                        ? 2
                        : 0;
    reader->at += length;
    reader->line += length > 0;
    return length > 0;
}

static int read_field(struct csv_reader *reader, struct csv_row *row, struct valence_error *error)
{
    int status = grow_array((void **)&row->starts, &row->capacity, row->n_fields + 1,
                            sizeof *row->starts, CSV_MAX_COLUMNS, "fields in a row", error);
    if (status) {
        fail_within(status, error, "%s:%lld", reader->name, (long long)row->line);
        return status;
    }
    row->starts[row->n_fields++] = (int64_t)row->text.length;
    if (reader->at < reader->end && *reader->at == '"') {
        reader->at++;
        status = read_quoted(reader, row, error);
    } else {
        status = read_plain(reader, row, error);
    }
    text_append(&row->text, "", 1); /* its terminator */
    if (!status && row->text.failed)
        status = append(reader, row, "", 0, error);
    return status;
}

static int check_text(const struct csv_reader *reader, const struct csv_row *row,
                      struct valence_error *error)
{
    return is_utf8(row->text.data, row->text.length)
               ? VALENCE_OK
               : bad_line(
                     reader, row->line, VALENCE_ERROR_FORMAT,
                     "bytes that are no UTF-8 (is it Latin-1 or the like? save it as UTF-8, or "
                     "convert it: iconv -f latin1 -t utf8)",
                     error);
}

/* The next line that is not empty, as fields; *more is false at the end of the file. */
static int read_row(struct csv_reader *reader, struct csv_row *row, bool *more,
                    struct valence_error *error)
{
    row->text.length = 0;
    row->n_fields = 0;
    while (reader->at < reader->end && take_line_end(reader))
        ;
    row->line = reader->line;
    *more = reader->at < reader->end;
    if (!*more)
        return VALENCE_OK;
    for (;;) {
        int status = read_field(reader, row, error);
        if (status)
            return status;
        if (reader->at < reader->end && *reader->at == reader->delimiter)
            reader->at++;
        else if (take_line_end(reader))
            return check_text(reader, row, error);
        else
            return bad_line(reader, reader->line, VALENCE_ERROR_FORMAT,
                            *reader->at == '\r' ? "a carriage return without a line feed"
                                                : "text behind a closing quote",
                            error);
    }
}

int csv_next(struct csv_reader *reader, bool *more, struct valence_error *error)
{
    struct csv_row *row = &reader->row;
    int status = read_row(reader, row, more, error);
    if (!status && *more && row->n_fields != reader->header.n_fields)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: %lld fields where the header has %lld",
                      reader->name, (long long)row->line, (long long)row->n_fields,
                      (long long)reader->header.n_fields);
    return status;
}

/* ---- Opening ---- */

static const char *field_of(const struct csv_row *row, int64_t index)
{
    return row->text.data + row->starts[index];
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int check_names(const struct csv_reader *reader, struct valence_error *error)
{
    const struct csv_row *header = &reader->header;
    const char **names = allocate(header->n_fields, sizeof *names);
    if (!names)
        return fail_memory(error, (size_t)header->n_fields * sizeof *names, "the column names");
    for (int64_t i = 0; i < header->n_fields; i++)
        names[i] = field_of(header, i);
    qsort(names, (size_t)header->n_fields, sizeof *names, compare_names);
    int status = VALENCE_OK;
    for (int64_t i = 1; i < header->n_fields && !status; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: two columns are named '%.200s'",
                          reader->name, (long long)header->line, names[i]);
    free(names);
    return status;
}

static int read_header(struct csv_reader *reader, struct valence_error *error)
{
    static const char byte_order_mark[3] = "\xEF\xBB\xBF";
    if (reader->end - reader->at >= 3 && memcmp(reader->at, byte_order_mark, 3) == 0)
        reader->at += 3;
    if (reader->end - reader->at >= 2 &&
        (memcmp(reader->at, "\xFF\xFE", 2) == 0 || memcmp(reader->at, "\xFE\xFF", 2) == 0))
        return bad_line(reader, 1, VALENCE_ERROR_FORMAT,
                        "UTF-16 (save it as UTF-8, or convert it: iconv -f utf16 -t utf8)", error);
    bool more;
    int status = read_row(reader, &reader->header, &more, error);
    if (status)
        return status;
    if (!more)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: empty, it should begin with column names",
                    reader->name);
    return check_names(reader, error);
}

/* Takes over `map`. */
static int open_bytes(struct file_map map, const void *data, size_t size, const char *name,
                      char delimiter, struct csv_reader **reader, struct valence_error *error)
{
    struct csv_reader *opened = calloc(1, sizeof *opened);
    if (!opened) {
        file_map_close(&map);
        return fail_memory(error, sizeof *opened, name);
    }
    const char *start = data ? data : "";
    *opened = (struct csv_reader){
        .map = map,
        .at = start,
        .end = start + size,
        .line = 1,
        .delimiter = delimiter,
        .header = {.text = {.maximum = CSV_MAX_ROW_BYTES}},
        .row = {.text = {.maximum = CSV_MAX_ROW_BYTES}},
    };
    opened->name = strdup(name);
    int status = opened->name ? read_header(opened, error) : fail_memory(error, strlen(name), name);
    if (status)
        csv_close(opened);
    else
        *reader = opened;
    return status;
}

int csv_open(const char *path, char delimiter, struct csv_reader **reader,
             struct valence_error *error)
{
    *reader = NULL;
    struct file_map map;
    int status = file_map_open(&map, path, error);
    return status ? status : open_bytes(map, map.data, map.size, path, delimiter, reader, error);
}

int csv_open_memory(const void *data, size_t size, const char *name, char delimiter,
                    struct csv_reader **reader, struct valence_error *error)
{
    *reader = NULL;
    return open_bytes((struct file_map){0}, data, size, name, delimiter, reader, error);
}

void csv_close(struct csv_reader *reader)
{
    if (!reader)
        return;
    text_free(&reader->header.text);
    text_free(&reader->row.text);
    free(reader->header.starts);
    free(reader->row.starts);
    free(reader->name);
    file_map_close(&reader->map);
    free(reader);
}

/* ---- Access ---- */

int csv_n_columns(const struct csv_reader *reader)
{
    return (int)reader->header.n_fields;
}

const char *csv_column_name(const struct csv_reader *reader, int column)
{
    return field_of(&reader->header, column);
}

int csv_find_column(const struct csv_reader *reader, const char *name)
{
    for (int i = 0; i < csv_n_columns(reader); i++)
        if (strcmp(csv_column_name(reader, i), name) == 0)
            return i;
    return -1;
}

int csv_need_column(const struct csv_reader *reader, const char *name, int *column,
                    struct valence_error *error)
{
    *column = csv_find_column(reader, name);
    if (*column >= 0)
        return VALENCE_OK;
    struct text names = {.maximum = 400}; /* as many as an error has room for */
    for (int i = 0; i < csv_n_columns(reader); i++)
        text_format(&names, "%s'%s'", i ? ", " : "", csv_column_name(reader, i));
    int status =
        fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no column '%.200s'; it has %s%s", reader->name,
             name, names.data ? names.data : "", names.failed ? ", ..." : "");
    text_free(&names);
    return status;
}

const char *csv_field(const struct csv_reader *reader, int column)
{
    return field_of(&reader->row, column);
}

int64_t csv_line(const struct csv_reader *reader)
{
    return reader->row.line;
}

int csv_number(const struct csv_reader *reader, int column, double *value,
               struct valence_error *error)
{
    const char *field = csv_field(reader, column);
    if (parse_double(field, value))
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_DATA, "%s:%lld: column '%.100s': '%.100s' is not a number%s",
                reader->name, (long long)csv_line(reader), csv_column_name(reader, column), field,
                strchr(field, ',') ? " (numbers are written with a decimal point)" : "");
}
