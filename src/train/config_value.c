#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "train/config_table.h"

/* ---- Values from text ---- */

static int fail_value(const struct config_key *key, const char *text, const char *expected,
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
             key->known.type == VALENCE_TRAIN_COUNT ? "all or " : "", key->known.minimum,
             key->known.maximum);
    if (!parse_int64(text, &value) || (double)value < key->known.minimum ||
        (double)value > key->known.maximum)
        return fail_value(key, text, expected, error);
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
        return fail_value(key, text, expected, error);
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
    return fail_value(key, text, expected, error);
}

static int set_flag(const struct config_key *key, const char *text, bool *target,
                    struct valence_error *error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return fail_value(key, text, "true or false", error);
    *target = text[0] == 't';
    return VALENCE_OK;
}

/* One flow of the list in `text`, "[complete, text_missing]" or without the brackets. */
static int set_flow(const struct config_key *key, const char *name, size_t length,
                    struct valence_model_config *model, struct valence_error *error)
{
    char own[64];
    snprintf(own, sizeof own, "%.*s", (int)(length < sizeof own ? length : sizeof own - 1), name);
    int flow = valence_flow_from_name(own);
    if (flow < 0)
        return fail_value(key, own,
                          "a flow: complete, text_missing, audio_missing, video_missing, "
                          "audio_text_missing, audio_video_missing, text_video_missing",
                          error);
    if (model->n_flows == (int)VALENCE_ALL_MODALITIES)
        return fail_key(error, VALENCE_ERROR_CONFIG, key->known.name,
                        "%s: there are more than %d flows", key->known.name,
                        (int)VALENCE_ALL_MODALITIES);
    model->flows[model->n_flows++] = (unsigned)flow;
    return VALENCE_OK;
}

static int set_flows(const struct config_key *key, const char *text,
                     struct valence_model_config *model, struct valence_error *error)
{
    static const char between[] = "[], ";
    struct valence_model_config set = {.n_flows = 0};
    for (const char *at = text + strspn(text, between); *at;) {
        size_t length = strcspn(at, between);
        int status = set_flow(key, at, length, &set, error);
        if (status)
            return status;
        at += length;
        at += strspn(at, between);
    }
    if (set.n_flows == 0)
        return fail_value(key, text, "a list of flows, as in [complete, text_missing]", error);
    memcpy(model->flows, set.flows, sizeof model->flows);
    model->n_flows = set.n_flows;
    return VALENCE_OK;
}

int config_key_set(const struct config_key *key, const char *text,
                   struct valence_train_config *config, struct valence_error *error)
{
    void *target = (unsigned char *)config + key->offset;
    switch (key->known.type) {
    case VALENCE_TRAIN_TEXT:
        return set_text(key, text, target, error);
    case VALENCE_TRAIN_INTEGER:
        return set_int(key, text, target, error);
    case VALENCE_TRAIN_NUMBER:
        return set_number(key, text, target, error);
    case VALENCE_TRAIN_FLAG:
        return set_flag(key, text, target, error);
    case VALENCE_TRAIN_COUNT:
        return set_count(key, text, target, error);
    case VALENCE_TRAIN_FLOWS:
        return set_flows(key, text, &config->model, error);
    default:
        return set_choice(key, text, target, error);
    }
}

/* ---- Values to text ---- */

/* The shortest decimal that reads back as the same number, with a point whatever the locale. */
static void format_number(double value, struct text *text)
{
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
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

void config_key_format(const struct config_key *key, const struct valence_train_config *config,
                       struct text *text)
{
    const void *value = (const unsigned char *)config + key->offset;
    switch (key->known.type) {
    case VALENCE_TRAIN_TEXT:
        format_quoted(value, text);
        break;
    case VALENCE_TRAIN_INTEGER:
        text_format(text, "%lld", (long long)*(const int64_t *)value);
        break;
    case VALENCE_TRAIN_NUMBER:
        format_number(*(const double *)value, text);
        break;
    case VALENCE_TRAIN_FLAG:
        text_format(text, "%s", *(const bool *)value ? "true" : "false");
        break;
    case VALENCE_TRAIN_CHOICE:
        text_format(text, "%s", key->known.choices[*(const int *)value]);
        break;
    case VALENCE_TRAIN_COUNT:
        if (*(const int64_t *)value)
            text_format(text, "%lld", (long long)*(const int64_t *)value);
        else
            text_append(text, "all", 3);
        break;
    case VALENCE_TRAIN_FLOWS:
        for (int i = 0; i < config->model.n_flows; i++)
            text_format(text, "%s%s", i ? ", " : "[", valence_flow_name(config->model.flows[i]));
        text_append(text, "]", 1);
        break;
    }
}

int valence_train_config_set(struct valence_train_config *config, const char *key,
                             const char *value, struct valence_error *error)
{
    if (!config || !key || !value)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a key cannot be set: an argument is NULL");
    const struct config_key *found = config_key_find(key);
    return found ? config_key_set(found, value, config, error) : fail_unknown_key(key, error);
}

int valence_train_config_get(const struct valence_train_config *config, const char *key,
                             char *value, size_t room, struct valence_error *error)
{
    if (!config || !key || !value || !room)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a key cannot be read: an argument is NULL");
    value[0] = '\0';
    const struct config_key *found = config_key_find(key);
    if (!found)
        return fail_unknown_key(key, error);
    struct text text = {.maximum = VALENCE_TRAIN_VALUE_BYTES};
    if (found->known.type == VALENCE_TRAIN_TEXT)
        text_format(&text, "%s", (const char *)config + found->offset);
    else
        config_key_format(found, config, &text);
    int status = VALENCE_OK;
    if (text.failed)
        status = fail_memory(error, VALENCE_TRAIN_VALUE_BYTES, "a value");
    else if (text.length >= room)
        status = fail(error, VALENCE_ERROR_LIMIT,
                      "%s: its value has %zu bytes, there is room for "
                      "%zu",
                      key, text.length, room - 1);
    else
        memcpy(value, text.length ? text.data : "", text.length + 1);
    text_free(&text);
    return status;
}
