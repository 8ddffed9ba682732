/* Tables for documents and programs. */
#include "table.h"
#include "valence/text.h"

const char *const table_format_names[TABLE_N_FORMATS] = {"text", "markdown", "csv", "latex"};

/* ---- Cells ---- */

static void print_markdown(const char *text, FILE *stream)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\' || *text == '*' || *text == '_')
            fputc('\\', stream);
        fputc(*text == '\n' ? ' ' : *text, stream);
    }
}

static void print_latex(const char *text, FILE *stream)
{
    valence_write_latex(stream, text);
}

/* ---- Rows ---- */

/* How a row begins, what stands between its cells, how it ends, and how a cell is printed. */
struct row_form {
    const char *begin, *between, *end;
    void (*print)(const char *text, FILE *stream);
};

static void print_csv(const char *text, FILE *stream)
{
    valence_write_csv_field(stream, text);
}

static const struct row_form forms[TABLE_N_FORMATS] = {
    [TABLE_MARKDOWN] = {"| ", " | ", " |\n", print_markdown},
    [TABLE_CSV] = {"", ",", "\n", print_csv},
    [TABLE_LATEX] = {"", " & ", " \\\\\n", print_latex},
};

static void print_headings(const struct table *table, const struct row_form *form, FILE *stream)
{
    fputs(form->begin, stream);
    for (int i = 0; i < table->n_columns; i++) {
        fputs(i ? form->between : "", stream);
        form->print(table->columns[i].heading, stream);
    }
    fputs(form->end, stream);
}

static void print_rows(const struct table *table, const struct row_form *form, FILE *stream)
{
    const char *text;
    int column = 0;
    for (size_t at = 0; (text = texts_next(&table->cells, &at));) {
        fputs(column ? form->between : form->begin, stream);
        form->print(text, stream);
        column = (column + 1) % table->n_columns;
        if (column == 0)
            fputs(form->end, stream);
    }
}

static void print_alignments(const struct table *table, FILE *stream)
{
    fputc('|', stream);
    for (int i = 0; i < table->n_columns; i++)
        fputs(table->columns[i].alignment == TABLE_RIGHT ? " ---: |" : " --- |", stream);
    fputc('\n', stream);
}

static void print_notes(const struct table *table, const char *before, const char *after,
                        void (*print)(const char *text, FILE *stream), FILE *stream)
{
    const char *text;
    for (size_t at = 0; (text = texts_next(&table->notes, &at));) {
        fputs(before, stream);
        print(text, stream);
        fputs(after, stream);
    }
}

/* ---- Whole tables ---- */

static void print_markdown_table(const struct table *table, FILE *stream)
{
    if (table->title) {
        fputs("**", stream);
        print_markdown(table->title, stream);
        fputs("**\n\n", stream);
    }
    print_headings(table, &forms[TABLE_MARKDOWN], stream);
    print_alignments(table, stream);
    print_rows(table, &forms[TABLE_MARKDOWN], stream);
    print_notes(table, "\n", "\n", print_markdown, stream);
}

static void print_latex_table(const struct table *table, FILE *stream)
{
    fputs("\\begin{table}\n\\centering\n", stream);
    if (table->title) {
        fputs("\\caption{", stream);
        print_latex(table->title, stream);
        fputs("}\n", stream);
    }
    fputs("\\begin{tabular}{", stream);
    for (int i = 0; i < table->n_columns; i++)
        fputc(table->columns[i].alignment == TABLE_RIGHT ? 'r' : 'l', stream);
    fputs("}\n\\toprule\n", stream);
    print_headings(table, &forms[TABLE_LATEX], stream);
    fputs("\\midrule\n", stream);
    print_rows(table, &forms[TABLE_LATEX], stream);
    fputs("\\bottomrule\n\\end{tabular}\n", stream);
    print_notes(table, "\n\\smallskip\\footnotesize ", "\n", print_latex, stream);
    fputs("\\end{table}\n", stream);
}

void table_print_as(struct table *table, enum table_format format, FILE *stream)
{
    if (format == TABLE_TEXT) {
        table_print(table, stream);
        return;
    }
    if (format == TABLE_MARKDOWN)
        print_markdown_table(table, stream);
    else if (format == TABLE_LATEX)
        print_latex_table(table, stream);
    else {
        print_headings(table, &forms[TABLE_CSV], stream);
        print_rows(table, &forms[TABLE_CSV], stream);
    }
    if (table->cells.cut)
        fputs("... (the table is larger than memory allows)\n", stream);
    table_free(table);
}
