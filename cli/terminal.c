#include "terminal.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ranks.h"
#include "valence/output.h"

/* Smaller values are ignored: nothing would fit. */
#define LEAST_COLUMNS 20

/* 0 if unknown. */
static int known_columns(FILE *stream)
{
    struct winsize size;
    const char *set = getenv("COLUMNS");
    long columns = set ? strtol(set, NULL, 10) : 0;
    if (columns >= LEAST_COLUMNS && columns <= 10000)
        return (int)columns;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= LEAST_COLUMNS
               ? size.ws_col
               : 0;
}

int terminal_columns(FILE *stream)
{
    int columns = known_columns(stream);
    return columns ? columns : 80;
}

int table_columns(FILE *stream)
{
    return stream == stdout || stream == stderr ? terminal_columns(stream) : INT_MAX;
}

int log_columns(FILE *stream)
{
    int columns = known_columns(stream);
    return columns ? columns : INT_MAX;
}

/* The terminal that mpirun gives a process says nothing of where its output ends. */
static bool has_colours(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return !(no_colour && no_colour[0]) && isatty(fileno(stream)) && !ranks_output_is_relayed() &&
           terminal && strcmp(terminal, "dumb") != 0;
}

const char *terminal_style(FILE *stream, enum terminal_style style)
{
    static const char *const sequences[] = {"\033[0m",    "\033[1m",  "\033[33m",
                                            "\033[1;31m", "\033[32m", "\033[31m"};
    return has_colours(stream) ? sequences[style] : "";
}

const char *terminal_shade(FILE *stream, int shade)
{
    static const char *const sequences[TERMINAL_SHADES] = {
        "", "\033[30;48;5;230m", "\033[30;48;5;223m", "\033[30;48;5;216m", "\033[30;48;5;209m"};
    return has_colours(stream) ? sequences[shade] : "";
}

FILE *summary_stream(const char *output)
{
    return valence_output_is_standard(output) ? stderr : stdout;
}

/* ---- Width ---- */

struct code_range {
    uint32_t first, last;
};

static bool within(uint32_t code, const struct code_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

static int code_width(uint32_t code)
{
    static const struct code_range none[] = {
        {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F}, {0x1AB0, 0x1AFF},
        {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const struct code_range wide[] = {
        {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xAC00, 0xD7A3},
        {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6},
        {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
    if (within(code, none, sizeof none / sizeof none[0]))
        return 0;
    return within(code, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

/* Decodes one character at *text and moves behind it; a malformed byte counts as one character. */
static uint32_t next_code(const unsigned char **text)
{
    const unsigned char *at = *text;
    int more = *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : *at >= 0xC0 ? 1 : 0;
    uint32_t code = more ? *at & (0x3Fu >> more) : *at;
    for (int i = 1; i <= more; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            *text = at + 1;
            return 0xFFFD;
        }
        code = code << 6 | (at[i] & 0x3Fu);
    }
    *text = at + more + 1;
    return code;
}

int display_width(const char *text)
{
    int width = 0;
    const unsigned char *at = (const unsigned char *)text;
    while (*at)
        width += code_width(next_code(&at));
    return width;
}

size_t fitting_bytes(const char *text, int columns)
{
    const unsigned char *at = (const unsigned char *)text, *end = at;
    while (*end) {
        const unsigned char *next = end;
        columns -= code_width(next_code(&next));
        if (columns < 0)
            break;
        end = next;
    }
    return (size_t)(end - at);
}

/* ---- Printing ---- */

static void print_part(FILE *stream, const char *text, size_t length, int columns)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        const unsigned char *start = at;
        uint32_t code = next_code(&at);
        bool control = (code < 0x20 && code != '\n') || (code >= 0x7F && code < 0xA0);
        columns -= code_width(code);
        if (columns < 0)
            return;
        if (control)
            fputc('?', stream);
        else
            fwrite(start, 1, (size_t)(at - start), stream);
    }
}

void print_cut(FILE *stream, const char *text, int columns)
{
    print_part(stream, text, strlen(text), columns);
}

void print_clean(FILE *stream, const char *text)
{
    print_cut(stream, text, INT_MAX);
}

/* One line of the source text, `length` bytes, wrapped at blanks. */
static void print_line(FILE *stream, const char *line, size_t length, int indent, int at,
                       int columns)
{
    size_t i = 0;
    bool first = true;
    while (i < length) {
        size_t end = i;
        while (end < length && line[end] != ' ')
            end++;
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)(end - i), line + i);
        int width = display_width(word);
        if (!first && at + 1 + width > columns) {
            fputc('\n', stream);
            at = 0;
            first = true;
        }
        if (first && at < indent) {
            fprintf(stream, "%*s", indent - at, "");
            at = indent;
        }
        if (!first)
            fputc(' ', stream);
        print_part(stream, line + i, end - i, INT_MAX);
        at += !first + width;
        first = false;
        i = end + 1;
    }
    fputc('\n', stream);
}

void print_wrapped(FILE *stream, const char *text, int indent, int at, int columns)
{
    do {
        size_t length = strcspn(text, "\n");
        if (text[0] == ' ')
            fprintf(stream, "%*s%.*s\n", indent, "", (int)length, text);
        else
            print_line(stream, text, length, indent, at, columns);
        at = 0;
        text += length;
    } while (*text++ == '\n' && *text);
}
