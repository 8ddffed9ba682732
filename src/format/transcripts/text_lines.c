#include "format/transcripts/text_lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "format/text_encoding.h"

/* ---- Decoding ---- */

static uint32_t unit_at(const unsigned char *bytes, bool is_big)
{
    return is_big ? (uint32_t)bytes[0] << 8 | bytes[1] : (uint32_t)bytes[1] << 8 | bytes[0];
}

/* Unpaired surrogates become what is_utf8() refuses. */
static void decode_utf16(const unsigned char *bytes, size_t size, bool is_big, struct text *utf8)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t point = unit_at(bytes + i, is_big);
        if (point >= 0xD800 && point < 0xDC00 && i + 3 < size) {
            uint32_t low = unit_at(bytes + i + 2, is_big);
            if (low >= 0xDC00 && low < 0xE000) {
                point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            }
        }
        text_append_code_point(utf8, point);
    }
}

/* Names the first line that is not text. */
static int refuse_line(const struct text *utf8, const char *name, bool is_utf16,
                       struct valence_error *error)
{
    struct text_lines lines = {utf8->data, utf8->data + utf8->length, name, 0};
    const char *start;
    size_t length;
    while (text_lines_next(&lines, &start, &length)) {
        if (memchr(start, '\0', length))
            return text_lines_fail(&lines, lines.line, error,
                                   "a NUL character (is it text, in UTF-8 or in UTF-16 with a "
                                   "byte-order mark?)");
        if (is_utf8(start, length))
            continue;
        if (is_utf16)
            return text_lines_fail(&lines, lines.line, error, "damaged UTF-16");
        const struct text_encoding *guess = guess_encoding(start, length);
        return text_lines_fail(&lines, lines.line, error,
                               "bytes that are not UTF-8; it looks like %s (save it as UTF-8, or "
                               "convert it: iconv -f %s -t utf8)",
                               guess->name, guess->iconv_name);
    }
    return VALENCE_OK;
}

int text_decode(const void *data, size_t size, const char *name, struct text *utf8,
                struct valence_error *error)
{
    const unsigned char *bytes = data;
    bool is_big = size >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF;
    bool is_utf16 = is_big || (size >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE);
    if (size > TEXT_FILE_MAX_BYTES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: %zu bytes; a transcript has at most %d", name,
                    size, TEXT_FILE_MAX_BYTES);
    utf8->maximum = 2 * (size_t)TEXT_FILE_MAX_BYTES; /* two bytes of UTF-16 are at most three */
    text_append(utf8, "", 0);
    if (is_utf16)
        decode_utf16(bytes + 2, size - 2, is_big, utf8);
    else if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        text_append(utf8, (const char *)bytes + 3, size - 3);
    else
        text_append(utf8, data, size);
    if (utf8->failed)
        return fail_memory(error, size, "a transcript");
    if (is_utf16 && size % 2)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: ends within a character of UTF-16 (is it cut off?)", name);
    return refuse_line(utf8, name, is_utf16, error);
}

/* ---- Lines ---- */

static const char *line_end(const struct text_lines *lines)
{
    const char *c = lines->at;
    while (c < lines->end && *c != '\n' && *c != '\r')
        c++;
    return c;
}

bool text_lines_peek(const struct text_lines *lines, const char **start, size_t *length)
{
    *start = lines->at;
    *length = (size_t)(line_end(lines) - lines->at);
    return lines->at < lines->end;
}

bool text_lines_next(struct text_lines *lines, const char **start, size_t *length)
{
    if (!text_lines_peek(lines, start, length))
        return false;
    const char *c = *start + *length;
    if (c < lines->end && *c == '\r' && c + 1 < lines->end && c[1] == '\n')
        c++;
    lines->at = c < lines->end ? c + 1 : c;
    lines->line++;
    return true;
}

bool text_is_blank(const char *start, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (start[i] != ' ' && start[i] != '\t')
            return false;
    return true;
}

int text_shown(const char *start, size_t length, size_t most)
{
    size_t n = length < most ? length : most;
    while (n > 0 && n < length && ((unsigned char)start[n] & 0xC0) == 0x80)
        n--;
    return (int)n;
}

int text_lines_fail(const struct text_lines *lines, int64_t line, struct valence_error *error,
                    const char *format, ...)
{
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: %s", lines->name, (long long)line, what);
}

/* ---- Times ---- */

/* Digits as a number of at most seven digits; the count of them. */
static int take_digits(const char **at, const char *end, long *value)
{
    int n = 0;
    for (*value = 0; *at < end && **at >= '0' && **at <= '9' && n < 8; (*at)++, n++)
        *value = *value * 10 + (**at - '0');
    return n;
}

const char *parse_clock(const char **at, const char *end, double *seconds)
{
    long parts[3] = {0}, ms = 0;
    int n_parts = 0;
    if (*at < end && **at == '-')
        return "a negative time";
    do {
        if (n_parts > 0)
            (*at)++;
        int n = take_digits(at, end, &parts[n_parts]);
        if (n == 0 || n > 7)
            return "no time (hh:mm:ss,mmm)";
        n_parts++;
    } while (n_parts < 3 && *at < end && **at == ':');
    if (n_parts == 1)
        return "no time (hh:mm:ss,mmm)";
    if (parts[n_parts - 1] > 59 || (n_parts == 3 && parts[1] > 59))
        return "more than 59 minutes or seconds in a time";
    if (*at < end && (**at == ',' || **at == '.')) {
        (*at)++;
        if (take_digits(at, end, &ms) != 3)
            return "a time whose milliseconds are not three digits";
    }
    double minutes = n_parts == 3 ? (double)parts[0] * 60 + (double)parts[1] : (double)parts[0];
    *seconds = minutes * 60 + (double)parts[n_parts - 1] + (double)ms / 1000;
    return NULL;
}
