/* What the command knows about the terminal: its width, how wide text is on it, and what must not
 * reach it. */
#ifndef VALENCE_CLI_TERMINAL_H
#define VALENCE_CLI_TERMINAL_H

#include <stdio.h>

/* Columns to wrap at: COLUMNS, or those of the terminal behind a stream; 80 where neither says. */
int terminal_columns(FILE *stream);

/* The same for tables: those on standard output fit the terminal, and 80 columns where it is a
 * pipe; INT_MAX for files, which keep all columns. */
int table_columns(FILE *stream);

/* The same for lines that should stay whole if possible: INT_MAX for a pipe or a file. */
int log_columns(FILE *stream);

/* Escape sequences around what stands out, "" if the stream is no terminal or NO_COLOR is set
 * (no-color.org). */
enum terminal_style {
    STYLE_PLAIN,
    STYLE_HEADING,
    STYLE_WARNING,
    STYLE_ERROR,
    STYLE_POSITIVE, /* words that raise a score, and those that lower it */
    STYLE_NEGATIVE
};
const char *terminal_style(FILE *stream, enum terminal_style style);

/* A background for what is shaded by its weight, 0 (none) ... TERMINAL_SHADES - 1, under black
 * letters; "" likewise. STYLE_PLAIN ends it. */
#define TERMINAL_SHADES 5
const char *terminal_shade(FILE *stream, int shade);

/* Where a command prints its summary: standard output or, if `output` is standard output,
 * standard error. */
FILE *summary_stream(const char *output);

/* Columns that a UTF-8 text takes: combining marks take none, East Asian wide characters two. */
int display_width(const char *text);

/* Bytes of the longest beginning of a text that is at most `columns` wide. */
size_t fitting_bytes(const char *text, int columns);

/* Prints text of foreign origin (ids, file names, tensor names): control characters other than a
 * newline become '?', so that no file can send escape sequences to the terminal. */
void print_clean(FILE *stream, const char *text);

/* As print_clean(), but no more than `columns` wide. */
void print_cut(FILE *stream, const char *text, int columns);

/* Prints paragraphs, as print_clean() does, wrapped at `columns`, each line after `indent` blanks.
 * A line that begins with a blank is kept as it is; the first line continues where `at` columns are
 * already printed (0: none). */
void print_wrapped(FILE *stream, const char *text, int indent, int at, int columns);

#endif
