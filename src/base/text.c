#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "valence/text.h"

void valence_text_free(char *text)
{
    free(text);
}

static bool reserve(struct text *text, size_t more)
{
    if (text->failed)
        return false;
    if (more > text->maximum || text->length > text->maximum - more) {
        text->failed = true;
        return false;
    }
    size_t needed = text->length + more + 1;
    if (needed > text->capacity) {
        size_t larger = text->capacity < 128 ? 256 : text->capacity * 2;
        char *moved = realloc(text->data, larger < needed ? needed : larger);
        if (!moved) {
            text->failed = text->no_memory = true;
            return false;
        }
        text->data = moved;
        text->capacity = larger < needed ? needed : larger;
    }
    return true;
}

void text_append(struct text *text, const char *data, size_t length)
{
    if (!reserve(text, length))
        return;
    if (length)
        memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_format(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(text, (size_t)length)) {
        text->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

void text_append_code_point(struct text *text, uint32_t point)
{
    char bytes[4];
    size_t length = 0;
    if (point < 0x80)
        bytes[length++] = (char)point;
    else if (point < 0x800)
        bytes[length++] = (char)(0xC0 | point >> 6);
    else if (point < 0x10000)
        bytes[length++] = (char)(0xE0 | point >> 12);
    else if (point < 0x110000)
        bytes[length++] = (char)(0xF0 | point >> 18);
    else {
        text_append(text, "\xFF", 1);
        return;
    }
    if (point >= 0x10000)
        bytes[length++] = (char)(0x80 | (point >> 12 & 63));
    if (point >= 0x800)
        bytes[length++] = (char)(0x80 | (point >> 6 & 63));
    if (point >= 0x80)
        bytes[length++] = (char)(0x80 | (point & 63));
    text_append(text, bytes, length);
}

void text_append_base64(struct text *text, const uint8_t *bytes, size_t n_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = n_bytes;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (i + 2 < n ? bytes[i + 2] : 0);
        const char four[] = {digits[three >> 18], digits[three >> 12 & 63],
                             i + 1 < n ? digits[three >> 6 & 63] : '=',
                             i + 2 < n ? digits[three & 63] : '='};
        text_append(text, four, sizeof four);
    }
}

void text_append_repaired(struct text *text, const char *data, size_t length)
{
    size_t from = 0; /* of what is well-formed and not yet appended */
    for (size_t i = 0, n; i < length; i += n) {
        for (n = 1; n < 4 && n < length - i && !is_utf8(data + i, n);)
            n++;
        if (is_utf8(data + i, n))
            continue;
        text_append(text, data + from, i - from);
        text_append_code_point(text, 0xfffd);
        n = 1;
        from = i + 1;
    }
    text_append(text, data + from, length - from);
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){.maximum = text->maximum};
}

int fail_text(const struct text *text, struct valence_error *error, int status, const char *format,
              ...)
{
    char message[VALENCE_ERROR_TEXT_BYTES];
    if (text->no_memory)
        return fail_memory(error, text->length, "a text");
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(error, status, "%s", message);
}

static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static bool only_blanks(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return *text == '\0';
}

bool parse_double(const char *text, double *value)
{
    pthread_once(&c_locale_once, make_c_locale);
    char *end;
    errno = 0;
    double parsed = c_locale ? strtod_l(text, &end, c_locale) : strtod(text, &end);
    bool overflow = errno == ERANGE && (parsed > 1.0 || parsed < -1.0);
    if (end == text || overflow || !only_blanks(end))
        return false;
    *value = parsed;
    return true;
}

static void format_number(const char *format, int digits, double value,
                          char text[NUMBER_TEXT_BYTES])
{
    pthread_once(&c_locale_once, make_c_locale);
    locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
    snprintf(text, NUMBER_TEXT_BYTES, format, digits, value);
    if (before)
        uselocale(before);
}

void format_double(double value, int digits, char text[NUMBER_TEXT_BYTES])
{
    format_number("%.*g", digits < 17 ? digits : 17, value, text);
}

void format_signed(double value, int decimals, char text[NUMBER_TEXT_BYTES])
{
    format_number("%+.*f", decimals, value, text);
}

bool parse_int64(const char *text, long long *value)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (end == text || errno || !only_blanks(end))
        return false;
    *value = parsed;
    return true;
}

bool is_utf8(const char *data, size_t length)
{
    const unsigned char *at = (const unsigned char *)data, *end = at + length;
    while (at < end) {
        int more = *at < 0x80                  ? 0
                   : *at >= 0xC2 && *at < 0xE0 ? 1
                   : *at >= 0xE0 && *at < 0xF0 ? 2
                   : *at >= 0xF0 && *at < 0xF5 ? 3
                                               : -1;
        if (more < 0 || end - at <= more)
            return false;
        if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F) ||
            (*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] > 0x8F))
            return false;
        for (int i = 1; i <= more; i++)
            if ((at[i] & 0xC0) != 0x80)
                return false;
        at += more + 1;
    }
    return true;
}
