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
#define SHORTEST_COLUMN 8 /* what is left of a column of texts in the narrowest terminal */
#define LONGEST_WORD                                                                               \
    24 /* columns; longer words (paths, hashes, JSON) are broken where a line would not fit */

void table_column(struct table *table, const char *heading, enum table_alignment alignment)
{
    assert(table->n_columns < TABLE_MAX_COLUMNS);
    table->columns[table->n_columns].heading = heading;
    table->columns[table->n_columns].alignment = alignment;
    table->n_columns++;
}

void table_rank(struct table *table, int rank)
{
    table->columns[table->n_columns - 1].rank = rank;
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

const char *texts_next(const struct texts *texts, size_t *at)
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
    for (size_t at = 0; (text = texts_next(&table->cells, &at)); column++) {
        int width = display_width(text), word = word_width(text), i = column % table->n_columns;
        if (i > 0 && table->columns[i].alignment == TABLE_LEFT && word > LONGEST_WORD)
            word = LONGEST_WORD;
        widths[i] = width > widths[i] ? width : widths[i];
        least[i] = word > least[i] ? word : least[i];
    }
}

/* Of the columns that are shown. */
static int line_width(const struct table *table, const int *widths)
{
    int line = -GAP;
    for (int i = 0; i < table->n_columns; i++)
        line += table->columns[i].hidden ? 0 : widths[i] + GAP;
    return line;
}

/* Narrows columns of texts, the widest first, until a line fits or none can be narrowed. */
static void narrow(const struct table *table, int widths[TABLE_MAX_COLUMNS],
                   const int least[TABLE_MAX_COLUMNS], int columns)
{
    for (;;) {
        int widest = -1, over = line_width(table, widths) - columns;
        for (int i = 0; i < table->n_columns; i++)
            if (!table->columns[i].hidden && table->columns[i].alignment == TABLE_LEFT &&
                widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]))
                widest = i;
        if (over <= 0 || widest < 0)
            return;
        int left = widths[widest] - over;
        widths[widest] = left < least[widest] ? least[widest] : left;
    }
}

/* Hides what a narrow terminal can do without best: the columns of the highest rank, or the last
 * one of rank 0. False if only what must stay is left. */
static bool hide_columns(struct table *table)
{
    int rank = 0, last = -1;
    for (int i = 1; i < table->n_columns; i++) {
        if (table->columns[i].hidden || table->columns[i].rank < rank)
            continue;
        rank = table->columns[i].rank;
        last = i;
    }
    for (int i = 1; i < table->n_columns; i++)
        if (i == last || (rank > 0 && table->columns[i].rank == rank))
            table->columns[i].hidden = true;
    return last >= 0;
}

/* How wide each column is printed, and which are. */
static void fit(struct table *table, int widths[TABLE_MAX_COLUMNS], int columns)
{
    int full[TABLE_MAX_COLUMNS], least[TABLE_MAX_COLUMNS], n_shown, over;
    measure(table, full, least);
    do {
        memcpy(widths, full, sizeof full);
        narrow(table, widths, least, columns);
        n_shown = 0;
        for (int i = 0; i < table->n_columns; i++)
            n_shown += !table->columns[i].hidden;
        over = line_width(table, widths) - columns;
    } while (over > 0 && n_shown > 2 && hide_columns(table));
    /* Then words are broken, in the widest column. */
    for (int i = 0; i < table->n_columns; i++)
        least[i] = full[i] < SHORTEST_COLUMN ? full[i] : SHORTEST_COLUMN;
    narrow(table, widths, least, columns);
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

/* One row of the columns that are shown; several lines where texts were narrowed. */
static void print_row(const struct table *table, const char **cells, const int *widths,
                      FILE *stream)
{
    int last = table->n_columns - 1;
    while (last > 0 && table->columns[last].hidden)
        last--;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i <= last; i++) {
            if (table->columns[i].hidden)
                continue;
            if (i > 0)
                fprintf(stream, "%*s", GAP, "");
            print_cell(stream, &cells[i], widths[i], table->columns[i].alignment, i == last);
            more = more || cells[i][0] != '\0';
        }
        fputc('\n', stream);
    }
}

static void print_rows(const struct table *table, const int *widths, FILE *stream)
{
    const char *cells[TABLE_MAX_COLUMNS], *text;
    int n = 0;
    for (int i = 0; i < table->n_columns; i++)
        cells[i] = table->columns[i].heading;
    fputs(terminal_style(stream, STYLE_HEADING), stream);
    print_row(table, cells, widths, stream);
    fputs(terminal_style(stream, STYLE_PLAIN), stream);
    for (int i = line_width(table, widths); i > 0; i--)
        fputc('-', stream);
    fputc('\n', stream);
    for (size_t at = 0; (text = texts_next(&table->cells, &at));) {
        cells[n++] = text;
        if (n < table->n_columns)
            continue;
        print_row(table, cells, widths, stream);
        n = 0;
    }
}

/* "flow, 95 %": the headings that are not shown, each once; "" if all are. */
static void name_hidden(const struct table *table, char *names, size_t room)
{
    size_t used = 0;
    names[0] = '\0';
    for (int i = 0; i < table->n_columns && used < room; i++) {
        const char *heading = table->columns[i].heading;
        bool named = false;
        for (int j = 0; j < i; j++)
            named = named ||
                    (table->columns[j].hidden && strcmp(table->columns[j].heading, heading) == 0);
        if (table->columns[i].hidden && !named)
            used += (size_t)snprintf(names + used, room - used, "%s%s", used ? ", " : "", heading);
    }
}

static void print_notes(const struct table *table, FILE *stream)
{
    const char *text;
    for (size_t at = 0; (text = texts_next(&table->notes, &at));) {
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
    int widths[TABLE_MAX_COLUMNS], columns = table_columns(stream);
    char hidden[512];
    fit(table, widths, columns);
    if (table->title) {
        print_wrapped(stream, table->title, 0, 0, log_columns(stream));
        fputc('\n', stream);
    }
    print_rows(table, widths, stream);
    if (table->cells.cut)
        fputs("... (the table is larger than memory allows)\n", stream);
    name_hidden(table, hidden, sizeof hidden);
    if (hidden[0] && !table->is_continued)
        table_note(
            table,
            "Not shown in %d columns: %s (COLUMNS=160, a wider terminal or --json shows them)",
            columns, hidden);
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
