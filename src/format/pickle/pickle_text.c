/* How the older protocols spell texts and bytes. */
#include <string.h>

#include "base/text.h"
#include "format/pickle/pickle_graph.h"

/* Up to n hexadecimal digits at `at`, exactly n or -1. */
static int64_t hexadecimal(const char *at, const char *end, int n)
{
    int64_t value = 0;
    if (end - at < n)
        return -1;
    for (int i = 0; i < n; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The byte that the escape behind a backslash stands for (advancing *at), or -1. */
static int unescape(const char **at, const char *end)
{
    static const char letters[] = "\\'\"abfnrtv", meanings[] = "\\'\"\a\b\f\n\r\t\v";
    if (*at == end)
        return -1;
    char c = *(*at)++;
    if (c == 'x') {
        int64_t value = hexadecimal(*at, end, 2);
        *at += value < 0 ? 0 : 2;
        return (int)value;
    }
    if (c >= '0' && c <= '7') {
        int value = c - '0';
        for (int i = 0; i < 2 && *at < end && **at >= '0' && **at <= '7'; i++)
            value = value * 8 + *(*at)++ - '0';
        return value & 0xFF;
    }
    const char *found = c ? strchr(letters, c) : NULL;
    return found ? (unsigned char)meanings[found - letters] : -1;
}

struct pickle_value *pickle_new_quoted(struct pickle *pickle, const char *data, size_t size,
                                       bool *malformed)
{
    *malformed = size < 2 || data[0] != data[size - 1] || (data[0] != '\'' && data[0] != '"');
    char *bytes = *malformed ? NULL : pickle_take(pickle, size);
    if (!bytes)
        return NULL;
    size_t length = 0;
    for (const char *at = data + 1, *end = data + size - 1; at < end;) {
        int byte = (unsigned char)*at++;
        if (byte == '\\')
            byte = unescape(&at, end);
        if (byte < 0) {
            *malformed = true;
            return NULL;
        }
        bytes[length++] = (char)byte;
    }
    return pickle_new_bytes(pickle, PICKLE_BYTES, bytes, length);
}

struct pickle_value *pickle_new_escaped(struct pickle *pickle, const char *data, size_t size,
                                        bool *malformed)
{
    struct text text = {.maximum = pickle->maximum};
    *malformed = false;
    for (const char *at = data, *end = data + size; at < end && !*malformed;) {
        int64_t point = (unsigned char)*at++;
        if (point == '\\' && at < end && (*at == 'u' || *at == 'U')) {
            int digits = *at == 'u' ? 4 : 8;
            point = hexadecimal(at + 1, end, digits);
            at += 1 + (point < 0 ? 0 : digits);
        }
        *malformed = point < 0;
        if (!*malformed)
            text_append_code_point(&text, (uint32_t)point);
    }
    if (!text.failed && !is_utf8(text.data ? text.data : "", text.length))
        *malformed = true;
    pickle->no_memory = text.no_memory;
    struct pickle_value *value = NULL;
    if (!*malformed && !text.failed)
        value = pickle_new_copy(pickle, PICKLE_TEXT, text.data, text.length);
    text_free(&text);
    return value;
}

struct pickle_value *pickle_new_latin1(struct pickle *pickle, const char *data, size_t size,
                                       bool *malformed)
{
    *malformed = false;
    char *bytes = pickle_take(pickle, size);
    if (!bytes)
        return NULL;
    size_t length = 0;
    for (size_t i = 0; i < size && !*malformed; i++) {
        unsigned char c = (unsigned char)data[i];
        /* The text is valid UTF-8; U+0080 ... U+00FF are C2 or C3 and one byte more. */
        if (c >= 0x80 && (c > 0xC3 || i + 1 == size))
            *malformed = true;
        else
            bytes[length++] = (char)(c < 0x80 ? c : (unsigned char)(c << 6) | (data[++i] & 0x3F));
    }
    return *malformed ? NULL : pickle_new_bytes(pickle, PICKLE_BYTES, bytes, length);
}
