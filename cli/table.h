/* Tables for people: columns as wide as their widest cell, numbers to the right, notes below.
 *
 *     struct table table = {.title = "test split, 685 clips"};
 *     table_column(&table, "metric", TABLE_LEFT);
 *     table_column(&table, "complete", TABLE_RIGHT);
 *     table_cell(&table, "MAE");              the cells follow row by row
 *     table_cell(&table, "%.3f", mae);
 *     table_note(&table, "synthetic data");
 *     table_print(&table, stdout);            prints and frees
 *
 * In a table that is wider than the terminal, texts are wrapped. Where that is not enough, columns
 * are left out by their rank, and a note names them. The first column always stays. */
#ifndef VALENCE_CLI_TABLE_H
#define VALENCE_CLI_TABLE_H

#include <stdio.h>

#include <stdbool.h>
#include <stddef.h>

#define TABLE_MAX_COLUMNS 24

enum table_alignment { TABLE_LEFT, TABLE_RIGHT };

/* NUL-terminated texts, one after the other. `cut` where memory was too short for all of them. */
struct texts {
    char *data;
    size_t length, capacity;
    bool cut;
};

struct table {
    const char *title; /* a line above, or NULL */
    int n_columns;
    struct {
        const char *heading;
        enum table_alignment alignment;
        int rank;    /* table_rank() */
        bool hidden; /* for lack of width */
    } columns[TABLE_MAX_COLUMNS];
    bool is_continued;  /* another table follows with the same columns: what is hidden is said there
                         */
    struct texts cells; /* row by row */
    struct texts notes;
};

/* All columns come before the first cell. `heading` lives until the table is printed. */
void table_column(struct table *table, const char *heading, enum table_alignment alignment);

/* The rank of the column added last, by which columns leave a narrow terminal: all columns of the
 * highest rank at once, then those of the next; then those of rank 0 (the default) one by one from
 * the right. Columns of rank TABLE_STAYS stay. */
#define TABLE_STAYS (-1)
void table_rank(struct table *table, int rank);

void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line below the table, wrapped at the terminal's width. */
void table_note(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints and frees. A table too large for memory is cut, and says so. */
void table_print(struct table *table, FILE *stream);

/* Other forms of the same table, all columns in full: Markdown, CSV (RFC 4180, without title and
 * notes), and LaTeX with booktabs. */
enum table_format { TABLE_TEXT, TABLE_MARKDOWN, TABLE_CSV, TABLE_LATEX, TABLE_N_FORMATS };
extern const char *const table_format_names[TABLE_N_FORMATS];
void table_print_as(struct table *table, enum table_format format, FILE *stream);

/* The next of a sequence of texts, or NULL; begin with at = 0. */
const char *texts_next(const struct texts *texts, size_t *at);

void table_free(struct table *table); /* one that is not printed */

#endif
