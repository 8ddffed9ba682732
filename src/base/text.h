/* A growing text with a mandatory maximum. */
#ifndef VALENCE_BASE_TEXT_H
#define VALENCE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

/* Start from {.maximum = N}. `data` is NUL-terminated once anything was appended; free it with
 * text_free(). After the first failure (memory or maximum) `failed` stays set and appends do
 * nothing, so that checking once at the end is enough; `no_memory` says which of the two it was. */
struct text {
    char *data;
    size_t length;
    size_t capacity;
    size_t maximum;
    bool failed, no_memory;
};

void text_append(struct text *text, const char *data, size_t length);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A Unicode code point as UTF-8. What is none (a surrogate, beyond U+10FFFF) becomes bytes that
 * is_utf8() refuses. */
void text_append_code_point(struct text *text, uint32_t point);

/* Bytes as Base64 (RFC 4648), with padding. */
void text_append_base64(struct text *text, const uint8_t *bytes, size_t n_bytes);

/* Bytes as UTF-8: each byte that belongs to no well-formed sequence becomes U+FFFD. */
void text_append_repaired(struct text *text, const char *data, size_t length);
void text_free(struct text *text);

/* The error of a text that failed: ERROR_MEMORY if memory was short, else `status` with the
 * message given, as fail() takes it. */
int fail_text(const struct text *text, struct valence_error *error, int status, const char *format,
              ...) __attribute__((format(printf, 4, 5)));

/* Numbers as the C locale writes them, whatever the process's locale. The whole text must be the
 * number (blanks around it aside): false for "", "1,5", "1x", and for values out of range. "nan"
 * and "inf" are numbers here. */
bool parse_double(const char *text, double *value);
bool parse_int64(const char *text, long long *value);

/* The other way: `value` to `digits` significant digits ("%.*g"), at most 17. */
#define NUMBER_TEXT_BYTES 32
void format_double(double value, int digits, char text[NUMBER_TEXT_BYTES]);

/* With its sign and 0 ... 6 decimals ("%+.*f"): "+0.5". Larger values than 1e15 are cut. */
void format_signed(double value, int decimals, char text[NUMBER_TEXT_BYTES]);

/* A macro's value as a string literal. */
#define STRING_OF(macro)       STRING_OF_VALUE(macro)
#define STRING_OF_VALUE(value) #value

/* True if the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool is_utf8(const char *data, size_t length);

#endif
