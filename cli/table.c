#include "table.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "terminal.h"

#define MAX_TABLE_BYTES (64u << 20)
#define GAP             2 /* blanks between columns */
#define LONGEST_WORD                                                                               \
    24 /* columns; longer words (paths, hashes, JSON) are broken where a line would not fit */

void table_column(struct table *table, const char *heading, enum table_alignment alignment)
{
    assert(table->n_columns < TABLE_MAX_COLUMNS);
    table->columns[table->n_columns].heading = heading;
    table->columns[table->n_columns].alignment = alignment;
    table->n_columns++;
}

static void append(struct texts *texts, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    if (texts->cut)
        return; /* what comes later would stand in the wrong column */
    size_t length = strlen(text) + 1, needed = texts->length + length;
    if (needed > texts->capacity) {
        size_t capacity = needed < 512 ? 1024 : 2 * needed;
        char *grown = capacity <= MAX_TABLE_BYTES ? realloc(texts->data, capacity) : NULL;
        texts->cut = texts->cut || !grown;
        if (!grown)
            return;
        texts->data = grown;
        texts->capacity = capacity;
    }
    memcpy(texts->data + texts->length, text, length);
    texts->length = needed;
}

void table_cell(struct table *table, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(&table->cells, format, args);
    va_end(args);
}

void table_note(struct table *table, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(&table->notes, format, args);
    va_end(args);
}

/* The next of a sequence of texts, or NULL; begin with at = 0. */
static const char *next_text(const struct texts *texts, size_t *at)
{
    if (*at >= texts->length)
        return NULL;
    const char *text = texts->data + *at;
    *at += strlen(text) + 1;
    return text;
}

/* ---- Widths ---- */

/* Columns of the longest word of a text. */
static int word_width(const char *text)
{
    char word[1024];
    int longest = 0;
    for (size_t length; *text; text += length + (text[length] == ' ')) {
        length = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        int width = display_width(word);
        longest = width > longest ? width : longest;
    }
    return longest;
}

/* How wide columns are in full, and at least. */
static void measure(const struct table *table, int widths[TABLE_MAX_COLUMNS],
                    int least[TABLE_MAX_COLUMNS])
{
    const char *text;
    int column = 0;
    for (int i = 0; i < table->n_columns; i++)
        widths[i] = least[i] = display_width(table->columns[i].heading);
    for (size_t at = 0; (text = next_text(&table->cells, &at)); column++) {
        int width = display_width(text), word = word_width(text), i = column % table->n_columns;
        if (i > 0 && table->columns[i].alignment == TABLE_LEFT && word > LONGEST_WORD)
            word = LONGEST_WORD;
        widths[i] = width > widths[i] ? width : widths[i];
        least[i] = word > least[i] ? word : least[i];
    }
}

static int line_width(const int *widths, int first, int end)
{
    int line = first > 0 ? widths[0] : -GAP; /* the first column stands before every part */
    for (int i = first; i < end; i++)
        line += widths[i] + GAP;
    return line;
}

/* Narrows columns of texts, the widest first, until a line fits or none can be narrowed. */
static void narrow(const struct table *table, int widths[TABLE_MAX_COLUMNS],
                   const int least[TABLE_MAX_COLUMNS], int columns)
{
    for (;;) {
        int widest = -1, over = line_width(widths, 0, table->n_columns) - columns;
        for (int i = 0; i < table->n_columns; i++)
            if (table->columns[i].alignment == TABLE_LEFT && widths[i] > least[i] &&
                (widest < 0 || widths[i] > widths[widest]))
                widest = i;
        if (over <= 0 || widest < 0)
            return;
        int left = widths[widest] - over;
        widths[widest] = left < least[widest] ? least[widest] : left;
    }
}

/* The end of the columns from `first` on that fit into a line, at least one. */
static int end_of_part(const struct table *table, const int *widths, int first, int columns)
{
    int end = first + 1;
    while (end < table->n_columns && line_width(widths, first, end + 1) <= columns)
        end++;
    return end;
}

/* ---- Printing ---- */

/* A cell's line of at most `width` columns, broken at a blank where there is one. Moves *text
 * behind it and prints. */
static void print_cell(FILE *stream, const char **text, int width, enum table_alignment alignment,
                       bool last)
{
    char line[1024];
    size_t length = fitting_bytes(*text, width);
    if ((*text)[length] != '\0') {
        size_t blank = length;
        while (blank > 0 && (*text)[blank] != ' ')
            blank--;
        length = blank > 0 ? blank : length;
    }
    snprintf(line, sizeof line, "%.*s", (int)length, *text);
    *text += length;
    while (**text == ' ')
        ++*text;
    int padding = width - display_width(line);
    if (alignment == TABLE_RIGHT)
        fprintf(stream, "%*s", padding, "");
    print_clean(stream, line);
    if (alignment == TABLE_LEFT && !last)
        fprintf(stream, "%*s", padding, "");
}

/* One row of the first column and those from `first` to `end`; several lines where texts were
 * narrowed. */
static void print_row(const struct table *table, const char **cells, const int *widths, int first,
                      int end, FILE *stream)
{
    bool more = true;
    for (int line = 0; more; line++) {
        more = false;
        for (int i = 0; i < end; i = i == 0 && first > 1 ? first : i + 1) {
            if (i > 0)
                fprintf(stream, "%*s", GAP, "");
            print_cell(stream, &cells[i], widths[i], table->columns[i].alignment, i == end - 1);
            more = more || cells[i][0] != '\0';
        }
        fputc('\n', stream);
    }
}

static void print_part(const struct table *table, const int *widths, int first, int end,
                       FILE *stream)
{
    const char *cells[TABLE_MAX_COLUMNS], *text;
    int n = 0;
    for (int i = 0; i < table->n_columns; i++)
        cells[i] = table->columns[i].heading;
    fputs(terminal_style(stream, STYLE_HEADING), stream);
    print_row(table, cells, widths, first, end, stream);
    fputs(terminal_style(stream, STYLE_PLAIN), stream);
    for (int i = line_width(widths, first, end); i > 0; i--)
        fputc('-', stream);
    fputc('\n', stream);
    for (size_t at = 0; (text = next_text(&table->cells, &at));) {
        cells[n++] = text;
        if (n < table->n_columns)
            continue;
        print_row(table, cells, widths, first, end, stream);
        n = 0;
    }
}

static void print_notes(const struct table *table, FILE *stream)
{
    const char *text;
    for (size_t at = 0; (text = next_text(&table->notes, &at));) {
        bool warning = strncmp(text, "WARNING", 7) == 0;
        if (warning)
            fputs(terminal_style(stream, STYLE_WARNING), stream);
        print_wrapped(stream, text, 0, 0, terminal_columns(stream));
        if (warning)
            fputs(terminal_style(stream, STYLE_PLAIN), stream);
    }
}

void table_print(struct table *table, FILE *stream)
{
    int widths[TABLE_MAX_COLUMNS], least[TABLE_MAX_COLUMNS], columns = table_columns(stream);
    measure(table, widths, least);
    narrow(table, widths, least, columns);
    if (table->title) {
        print_wrapped(stream, table->title, 0, 0, columns);
        fputc('\n', stream);
    }
    for (int first = 0, end; first < table->n_columns; first = end) {
        end = end_of_part(table, widths, first, columns);
        if (first > 0)
            fputc('\n', stream);
        print_part(table, widths, first, end, stream);
    }
    if (table->cells.cut)
        fputs("... (the table is larger than memory allows)\n", stream);
    if (table->notes.length)
        fputc('\n', stream);
    print_notes(table, stream);
    table_free(table);
}

void table_free(struct table *table)
{
    free(table->cells.data);
    free(table->notes.data);
}
