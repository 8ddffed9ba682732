#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "config/config_table.h"

/* ---- Values from text ---- */

int fail_config_value(const struct config_key *key, const char *text, const char *expected,
                      struct valence_error *error)
{
    return fail_key(error, VALENCE_ERROR_CONFIG, key->known.name, "%s: '%.100s' is not %s",
                    key->known.name, text, expected);
}

/* Whether a UTF-8 text prints as YAML on one line: no control characters, no line or paragraph
 * separators, no byte order marks and non-characters. */
static bool is_one_line(const char *text)
{
    static const char *const refused[] = {"\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF",
                                          "\xEF\xBF\xBE", "\xEF\xBF\xBF"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strstr(text, refused[i]))
            return false;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7F || (*at == 0xC2 && at[1] < 0xA0))
            return false;
    return true;
}

static int set_text(const struct config_key *key, const char *text, char *target,
                    struct valence_error *error)
{
    size_t length = strlen(text);
    if (!is_utf8(text, length) || !is_one_line(text))
        return fail_key(error, VALENCE_ERROR_CONFIG, key->known.name,
                        "%s: the value is not UTF-8 text on one line", key->known.name);
    if (length >= key->room)
        return fail_key(error, VALENCE_ERROR_CONFIG, key->known.name,
                        "%s: the value has %zu bytes, at most %zu are possible", key->known.name,
                        length, key->room - 1);
    memcpy(target, text, length + 1);
    return VALENCE_OK;
}

static int set_int(const struct config_key *key, const char *text, int64_t *target,
                   struct valence_error *error)
{
    long long value;
    char expected[128];
    snprintf(expected, sizeof expected, "%sa whole number from %.0f to %.0f",
             key->known.type == VALENCE_CONFIG_COUNT ? "all or " : "", key->known.minimum,
             key->known.maximum);
    if (!parse_int64(text, &value) || (double)value < key->known.minimum ||
        (double)value > key->known.maximum)
        return fail_config_value(key, text, expected, error);
    *target = value;
    return VALENCE_OK;
}

static int set_count(const struct config_key *key, const char *text, int64_t *target,
                     struct valence_error *error)
{
    if (strcmp(text, "all") == 0) {
        *target = 0;
        return VALENCE_OK;
    }
    return set_int(key, text, target, error);
}

static int set_number(const struct config_key *key, const char *text, double *target,
                      struct valence_error *error)
{
    double value;
    char expected[128];
    snprintf(expected, sizeof expected, "a number from %g to %g", key->known.minimum,
             key->known.maximum);
    if (!parse_double(text, &value) ||
        !(value >= key->known.minimum && value <= key->known.maximum))
        return fail_config_value(key, text, expected, error);
    *target = value;
    return VALENCE_OK;
}

static int set_choice(const struct config_key *key, const char *text, int *target,
                      struct valence_error *error)
{
    char expected[256] = "";
    for (int i = 0; i < key->known.n_choices; i++) {
        if (strcmp(text, key->known.choices[i]) == 0) {
            *target = i;
            return VALENCE_OK;
        }
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%s",
                 i == 0                         ? ""
                 : i < key->known.n_choices - 1 ? ", "
                                                : " or ",
                 key->known.choices[i]);
    }
    return fail_config_value(key, text, expected, error);
}

static int set_flag(const struct config_key *key, const char *text, bool *target,
                    struct valence_error *error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return fail_config_value(key, text, "true or false", error);
    *target = text[0] == 't';
    return VALENCE_OK;
}

int config_key_set(const struct config_table *table, const struct config_key *key, const char *text,
                   void *config, struct valence_error *error)
{
    void *target = (unsigned char *)config + key->offset;
    switch (key->known.type) {
    case VALENCE_CONFIG_TEXT:
        return set_text(key, text, target, error);
    case VALENCE_CONFIG_INTEGER:
        return set_int(key, text, target, error);
    case VALENCE_CONFIG_NUMBER:
        return set_number(key, text, target, error);
    case VALENCE_CONFIG_FLAG:
        return set_flag(key, text, target, error);
    case VALENCE_CONFIG_COUNT:
        return set_count(key, text, target, error);
    case VALENCE_CONFIG_LIST:
        return table->set_list(key, text, config, error);
    default:
        return set_choice(key, text, target, error);
    }
}

/* ---- Values to text ---- */

/* Digits before the point of a number that people read better without an exponent, else 1. */
static int whole_digits(double value)
{
    double size = fabs(value);
    return size >= 1 && size < 1e15 ? 1 + (int)floor(log10(size)) : 1;
}

/* The shortest decimal that reads back as the same number, with a point whatever the locale. */
static void format_number(double value, struct text *text)
{
    char digits[40];
    for (int precision = whole_digits(value); precision <= 17; precision++) {
        double back;
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        char *comma = strchr(digits, ',');
        if (comma)
            *comma = '.';
        if (parse_double(digits, &back) && back == value)
            break;
    }
    text_format(text, "%s", digits);
}

static void format_quoted(const char *value, struct text *text)
{
    text_append(text, "\"", 1);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            text_append(text, "\\", 1);
        text_append(text, value, 1);
    }
    text_append(text, "\"", 1);
}

bool config_values_equal(const struct valence_config_key *key, const char *a, const char *b)
{
    double x, y;
    if (key->type == VALENCE_CONFIG_NUMBER && parse_double(a, &x) && parse_double(b, &y))
        return x == y;
    return strcmp(a, b) == 0;
}

void config_key_format(const struct config_table *table, const struct config_key *key,
                       const void *config, struct text *text)
{
    const void *value = (const unsigned char *)config + key->offset;
    switch (key->known.type) {
    case VALENCE_CONFIG_TEXT:
        format_quoted(value, text);
        break;
    case VALENCE_CONFIG_INTEGER:
        text_format(text, "%lld", (long long)*(const int64_t *)value);
        break;
    case VALENCE_CONFIG_NUMBER:
        format_number(*(const double *)value, text);
        break;
    case VALENCE_CONFIG_FLAG:
        text_format(text, "%s", *(const bool *)value ? "true" : "false");
        break;
    case VALENCE_CONFIG_CHOICE:
        text_format(text, "%s", key->known.choices[*(const int *)value]);
        break;
    case VALENCE_CONFIG_COUNT:
        if (*(const int64_t *)value)
            text_format(text, "%lld", (long long)*(const int64_t *)value);
        else
            text_append(text, "all", 3);
        break;
    case VALENCE_CONFIG_LIST:
        table->format_list(key, config, text);
        break;
    }
}

void config_set_defaults(const struct config_table *table, void *config)
{
    for (int i = 0; i < table->n; i++) {
        int status =
            config_key_set(table, &table->keys[i], table->keys[i].known.standard, config, NULL);
        assert(status == VALENCE_OK);
        (void)status;
    }
}

void config_set_before(const struct config_table *table, void *config)
{
    for (int i = 0; i < table->n; i++) {
        const struct config_key *key = &table->keys[i];
        int status =
            key->before ? config_key_set(table, key, key->before, config, NULL) : VALENCE_OK;
        assert(status == VALENCE_OK);
        (void)status;
    }
}

int config_set(const struct config_table *table, void *config, const char *name, const char *value,
               struct valence_error *error)
{
    const struct config_key *found = config_key_find(table, name);
    return found ? config_key_set(table, found, value, config, error)
                 : fail_unknown_key(table, name, error);
}

int config_get(const struct config_table *table, const void *config, const char *name, char *value,
               size_t room, struct valence_error *error)
{
    value[0] = '\0';
    const struct config_key *found = config_key_find(table, name);
    if (!found)
        return fail_unknown_key(table, name, error);
    struct text text = {.maximum = VALENCE_CONFIG_VALUE_BYTES};
    if (found->known.type == VALENCE_CONFIG_TEXT)
        text_format(&text, "%s", (const char *)config + found->offset);
    else
        config_key_format(table, found, config, &text);
    int status = VALENCE_OK;
    if (text.failed)
        status = fail_memory(error, VALENCE_CONFIG_VALUE_BYTES, "a value");
    else if (text.length >= room)
        status =
            fail(error, VALENCE_ERROR_LIMIT, "%s: its value has %zu bytes, there is room for %zu",
                 name, text.length, room - 1);
    else
        memcpy(value, text.length ? text.data : "", text.length + 1);
    text_free(&text);
    return status;
}
