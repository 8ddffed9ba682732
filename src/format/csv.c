#include "format/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/text_sort.h"
#include "format/byte_source.h"
#include "format/text_encoding.h"

#define CHUNK_BYTES (256 << 10)

/* The fields of one row, each NUL-terminated, one after the other. */
struct csv_row {
    struct text text;
    int64_t *starts; /* within text, so that it may move while growing */
    int64_t n_fields;
    int64_t capacity;
    int64_t line;
};

struct csv_reader {
    struct byte_source source;
    uint64_t position;    /* of what follows the chunk */
    char *buffer;         /* the chunk of a file; NULL: the bytes are the caller's */
    const char *at, *end; /* of the chunk that is left */
    int status;           /* of reading the chunk */
    int64_t line;         /* of `at`, from 1 */
    char delimiter;
    struct csv_row header;
    struct csv_row row;
};

/* ---- Bytes ---- */

/* True if a byte stands at `at`, which may be the first of the next chunk; false at the end of
 * the file, and where reading failed, which read_row() then reports. */
static bool has_byte(struct csv_reader *reader, struct valence_error *error)
{
    if (reader->at < reader->end)
        return true;
    uint64_t left = reader->source.size - reader->position;
    if (left == 0 || reader->status)
        return false;
    size_t bytes = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
    reader->status =
        byte_source_read(&reader->source, reader->position, reader->buffer, bytes, error);
    if (reader->status)
        return false;
    reader->position += bytes;
    reader->at = reader->buffer;
    reader->end = reader->buffer + bytes;
    return true;
}

static bool next_is(struct csv_reader *reader, char character, struct valence_error *error)
{
    return has_byte(reader, error) && *reader->at == character;
}

/* ---- Rows ---- */

static int bad_line(const struct csv_reader *reader, int64_t line, int status, const char *what,
                    struct valence_error *error)
{
    return fail(error, status, "%s:%lld: %s", reader->source.name, (long long)line, what);
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
    while (has_byte(reader, error)) {
        const char *start = reader->at;
        const char *quote = memchr(start, '"', (size_t)(reader->end - start));
        const char *stop = quote ? quote : reader->end;
        for (const char *c = start; c < stop; c++)
            reader->line += *c == '\n';
        int status = append(reader, row, start, (size_t)(stop - start), error);
        reader->at = stop + (quote != NULL);
        if (status)
            return status;
        if (!quote)
            continue;
        if (!next_is(reader, '"', error)) /* not a doubled one: it closes */
            return reader->status;
        reader->at++;
        status = append(reader, row, "\"", 1, error);
        if (status)
            return status;
    }
    return reader->status ? reader->status
                          : bad_line(reader, opened, VALENCE_ERROR_FORMAT,
                                     "a quote opens here and is never closed", error);
}

/* Quotes within such a field are characters like others. */
static int read_plain(struct csv_reader *reader, struct csv_row *row, struct valence_error *error)
{
    int status = VALENCE_OK;
    while (!status && has_byte(reader, error)) {
        const char *start = reader->at, *c = start;
        while (c < reader->end && *c != reader->delimiter && *c != '\n' && *c != '\r')
            c++;
        reader->at = c;
        status = append(reader, row, start, (size_t)(c - start), error);
        if (c < reader->end)
            break;
    }
    return status ? status : reader->status;
}

/* Skips LF, CRLF or the end of the file; false if something else stands here. *bare: a CR
 * without an LF was skipped. */
static bool take_line_end(struct csv_reader *reader, bool *bare, struct valence_error *error)
{
    *bare = false;
    if (!has_byte(reader, error))
        return true;
    if (*reader->at == '\r') {
        reader->at++;
        *bare = !next_is(reader, '\n', error);
        if (*bare)
            return false;
    }
    if (*reader->at != '\n')
        return false;
    reader->at++;
    reader->line++;
    return true;
}

static int read_field(struct csv_reader *reader, struct csv_row *row, struct valence_error *error)
{
    int status = grow_array((void **)&row->starts, &row->capacity, row->n_fields + 1,
                            sizeof *row->starts, CSV_MAX_COLUMNS, "fields in a row", error);
    if (status)
        return fail_within(status, error, "%s:%lld", reader->source.name, (long long)row->line);
    row->starts[row->n_fields++] = (int64_t)row->text.length;
    if (next_is(reader, '"', error)) {
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
    if (is_utf8(row->text.data, row->text.length))
        return VALENCE_OK;
    const struct text_encoding *guess = guess_encoding(row->text.data, row->text.length);
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s:%lld: bytes that are not UTF-8; it looks like %s (save it as UTF-8, or convert "
                "it: iconv -f %s -t utf8)",
                reader->source.name, (long long)row->line, guess->name, guess->iconv_name);
}

static int bare_return(const struct csv_reader *reader, struct valence_error *error)
{
    return bad_line(reader, reader->line, VALENCE_ERROR_FORMAT,
                    "a carriage return without a line feed", error);
}

/* The next line that is not empty, as fields; *more is false at the end of the file. */
static int read_row(struct csv_reader *reader, struct csv_row *row, bool *more,
                    struct valence_error *error)
{
    bool bare = false;
    row->text.length = 0;
    row->n_fields = 0;
    *more = false;
    while (has_byte(reader, error) && take_line_end(reader, &bare, error))
        ;
    row->line = reader->line;
    if (bare)
        return bare_return(reader, error);
    *more = has_byte(reader, error);
    while (*more) {
        int status = read_field(reader, row, error);
        if (status)
            return status;
        if (next_is(reader, reader->delimiter, error))
            reader->at++;
        else if (take_line_end(reader, &bare, error))
            return reader->status ? reader->status : check_text(reader, row, error);
        else
            return bare ? bare_return(reader, error)
                        : bad_line(reader, reader->line, VALENCE_ERROR_FORMAT,
                                   "text behind a closing quote", error);
    }
    return reader->status;
}

int csv_next(struct csv_reader *reader, bool *more, struct valence_error *error)
{
    struct csv_row *row = &reader->row;
    int status = read_row(reader, row, more, error);
    if (!status && *more && row->n_fields != reader->header.n_fields)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: %lld fields where the header has %lld",
                      reader->source.name, (long long)row->line, (long long)row->n_fields,
                      (long long)reader->header.n_fields);
    return status;
}

/* ---- Opening ---- */

static const char *field_of(const struct csv_row *row, int64_t index)
{
    return row->text.data + row->starts[index];
}

static int check_names(const struct csv_reader *reader, struct valence_error *error)
{
    const struct csv_row *header = &reader->header;
    const char **names = allocate(header->n_fields, sizeof *names);
    if (!names)
        return fail_memory(error, (size_t)header->n_fields * sizeof *names, "the column names");
    for (int64_t i = 0; i < header->n_fields; i++)
        names[i] = field_of(header, i);
    const char *twice = sort_texts(names, header->n_fields);
    int status = twice
                     ? fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: two columns are named '%.200s'",
                            reader->source.name, (long long)header->line, twice)
                     : VALENCE_OK;
    free(names);
    return status;
}

static bool skip(struct csv_reader *reader, const char *start, size_t length)
{
    bool there =
        (size_t)(reader->end - reader->at) >= length && memcmp(reader->at, start, length) == 0;
    if (there)
        reader->at += length;
    return there;
}

/* Excel's first line "sep=;" names the delimiter. */
static void take_separator_line(struct csv_reader *reader)
{
    const char *at = reader->at;
    if (reader->end - at < 6 || memcmp(at, "sep=", 4) != 0)
        return;
    const char *behind = at + 5;
    if (behind < reader->end && *behind == '\r')
        behind++;
    if (behind == reader->end || *behind != '\n' || at[4] == '\r' || at[4] == '\n')
        return;
    if (reader->delimiter == CSV_FIND_DELIMITER)
        reader->delimiter = at[4];
    reader->at = behind + 1;
    reader->line++;
}

/* Whichever of the usual ones the row of names has most of, outside quotes; ',' where it has
 * none. */
static char find_delimiter(const struct csv_reader *reader)
{
    static const char usual[] = ",;\t|";
    int64_t counts[sizeof usual - 1] = {0};
    bool quoted = false, named = false; /* empty lines may stand before the names */
    for (const char *c = reader->at; c < reader->end; c++) {
        const char *found = *c ? strchr(usual, *c) : NULL;
        if (!quoted && (*c == '\n' || *c == '\r') && named)
            break;
        named = named || (*c != '\n' && *c != '\r');
        quoted = quoted != (*c == '"');
        if (found && !quoted)
            counts[found - usual]++;
    }
    int best = 0;
    for (int i = 1; i < (int)sizeof usual - 1; i++)
        best = counts[i] > counts[best] ? i : best;
    return usual[best];
}

static int read_header(struct csv_reader *reader, struct valence_error *error)
{
    bool more;
    (void)has_byte(reader, error); /* the first chunk */
    if (reader->status)
        return reader->status;
    skip(reader, "\xEF\xBB\xBF", 3);
    if (skip(reader, "\xFF\xFE", 2) || skip(reader, "\xFE\xFF", 2))
        return bad_line(reader, 1, VALENCE_ERROR_FORMAT,
                        "UTF-16 (save it as UTF-8, or convert it: iconv -f utf16 -t utf8)", error);
    if (byte_source_kind(&reader->source) && reader->source.size > 0)
        return byte_source_refuse(&reader->source, "a table", error);
    take_separator_line(reader);
    if (reader->delimiter == CSV_FIND_DELIMITER)
        reader->delimiter = find_delimiter(reader);
    int status = read_row(reader, &reader->header, &more, error);
    if (status)
        return status;
    if (!more)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: empty, it should begin with column names",
                    reader->source.name);
    return check_names(reader, error);
}

/* Takes over `source`, which opening gave with `status`. */
static int open_source(struct byte_source *source, int status, char delimiter,
                       struct csv_reader **reader, struct valence_error *error)
{
    struct csv_reader *opened = status ? NULL : calloc(1, sizeof *opened);
    if (!opened) {
        byte_source_close(source);
        return status ? status : fail_memory(error, sizeof *opened, "a table");
    }
    *opened = (struct csv_reader){
        .source = *source,
        .line = 1,
        .delimiter = delimiter,
        .header = {.text = {.maximum = CSV_MAX_ROW_BYTES}},
        .row = {.text = {.maximum = CSV_MAX_ROW_BYTES}},
    };
    if (source->bytes) {
        opened->position = source->size;
        opened->at = (const char *)source->bytes;
        opened->end = opened->at + source->size;
    } else if (!(opened->buffer = malloc(CHUNK_BYTES))) {
        status = fail_memory(error, CHUNK_BYTES, "a table");
    }
    if (!status)
        status = read_header(opened, error);
    if (status)
        csv_close(opened);
    else
        *reader = opened;
    return status;
}

int csv_open(const char *path, char delimiter, struct csv_reader **reader,
             struct valence_error *error)
{
    struct byte_source source;
    *reader = NULL;
    return open_source(&source, byte_source_open(path, &source, error), delimiter, reader, error);
}

int csv_open_memory(const void *data, size_t size, const char *name, char delimiter,
                    struct csv_reader **reader, struct valence_error *error)
{
    struct byte_source source;
    *reader = NULL;
    return open_source(&source, byte_source_open_memory(data, size, name, &source, error),
                       delimiter, reader, error);
}

void csv_close(struct csv_reader *reader)
{
    if (!reader)
        return;
    text_free(&reader->header.text);
    text_free(&reader->row.text);
    free(reader->header.starts);
    free(reader->row.starts);
    free(reader->buffer);
    byte_source_close(&reader->source);
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
    /* One column whose name has delimiters in it: another one separates them. */
    const char *other =
        csv_n_columns(reader) == 1 ? strpbrk(csv_column_name(reader, 0), ",;\t|") : NULL;
    char hint[64] = "";
    if (other)
        snprintf(hint, sizeof hint, " (are the columns separated by '%s%.*s'?)",
                 *other == '\t' ? "\\t" : "", *other == '\t' ? 0 : 1, other);
    int status = fail_key(error, VALENCE_ERROR_NOT_FOUND, other ? "delimiter" : "",
                          "%s: no column '%.200s'; it has %s%s%s", reader->source.name, name,
                          names.data ? names.data : "", names.failed ? ", ..." : "", hint);
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
                reader->source.name, (long long)csv_line(reader), csv_column_name(reader, column),
                field, strchr(field, ',') ? " (numbers are written with a decimal point)" : "");
}
