/* The text of a file as UTF-8, and its lines. */
#ifndef VALENCE_FORMAT_TEXT_LINES_H
#define VALENCE_FORMAT_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "valence/error.h"

#define TEXT_FILE_MAX_BYTES (64 << 20)

/* Appends the bytes to `utf8` without their byte-order mark, converted where they are UTF-16.
 * `utf8` starts from {.maximum = 0}; free with text_free(), after an error too. Errors: FORMAT,
 * with the line, for bytes that are neither UTF-8 nor marked UTF-16, and for NUL characters; LIMIT.
 */
int text_decode(const void *data, size_t size, const char *name, struct text *utf8,
                struct valence_error *error);

/* Lines that end in LF, CRLF or CR. Start from {.at, .end, .name}. */
struct text_lines {
    const char *at, *end;
    const char *name;
    int64_t line; /* of the line read last, from 1 */
};

/* The next line, without its end; false at the end of the text. */
bool text_lines_next(struct text_lines *lines, const char **start, size_t *length);

/* The same without going on. */
bool text_lines_peek(const struct text_lines *lines, const char **start, size_t *length);

bool text_is_blank(const char *start, size_t length);

/* How many bytes of a text an error shows (for "%.*s"): at most `most`, and whole characters. */
int text_shown(const char *start, size_t length, size_t most);

/* "name:line: what", FORMAT. */
int text_lines_fail(const struct text_lines *lines, int64_t line, struct valence_error *error,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A time as subtitles write it, [hh:]mm:ss[.mmm] with a point or a comma, from *at on; *at is then
 * behind it. Returns NULL, or what is wrong with it. */
const char *parse_clock(const char **at, const char *end, double *seconds);

#endif
