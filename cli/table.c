#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "terminal.h"

#define MAX_TABLE_BYTES (64u << 20)

void table_column(struct table *table, const char *heading, enum table_alignment alignment)
{
    assert(table->n_columns < TABLE_MAX_COLUMNS);
    table->columns[table->n_columns].heading = heading;
    table->columns[table->n_columns].alignment = alignment;
    table->n_columns++;
}

static void append(struct text *texts, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    texts->maximum = MAX_TABLE_BYTES;
    text_append(texts, text, strlen(text) + 1);
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
static const char *next_text(const struct text *texts, size_t *at)
{
    if (*at >= texts->length)
        return NULL;
    const char *text = texts->data + *at;
    *at += strlen(text) + 1;
    return text;
}

static void print_cell(const struct table *table, int column, const char *text, int width,
                       FILE *stream)
{
    int padding = width - display_width(text);
    bool last = column == table->n_columns - 1;
    if (column > 0)
        fputs("  ", stream);
    if (table->columns[column].alignment == TABLE_RIGHT)
        fprintf(stream, "%*s", padding, "");
    print_clean(stream, text);
    if (table->columns[column].alignment == TABLE_LEFT && !last)
        fprintf(stream, "%*s", padding, "");
    if (last)
        fputc('\n', stream);
}

void table_print(struct table *table, FILE *stream)
{
    int widths[TABLE_MAX_COLUMNS], line = 0, column = 0;
    const char *text;
    for (int i = 0; i < table->n_columns; i++)
        widths[i] = display_width(table->columns[i].heading);
    for (size_t at = 0; (text = next_text(&table->cells, &at)); column++) {
        int width = display_width(text), *widest = &widths[column % table->n_columns];
        *widest = width > *widest ? width : *widest;
    }
    if (table->title) {
        print_clean(stream, table->title);
        fputs("\n\n", stream);
    }
    for (int i = 0; i < table->n_columns; i++) {
        print_cell(table, i, table->columns[i].heading, widths[i], stream);
        line += widths[i] + (i > 0 ? 2 : 0);
    }
    for (int i = 0; i < line; i++)
        fputc('-', stream);
    fputc('\n', stream);
    column = 0;
    for (size_t at = 0; (text = next_text(&table->cells, &at)); column++)
        print_cell(table, column % table->n_columns, text, widths[column % table->n_columns],
                   stream);
    if (table->cells.failed)
        fputs("... (the table is larger than memory allows)\n", stream);
    if (table->notes.length)
        fputc('\n', stream);
    for (size_t at = 0; (text = next_text(&table->notes, &at));)
        print_wrapped(stream, text, 0, 0, terminal_columns(stream));
    text_free(&table->cells);
    text_free(&table->notes);
}
