#include "data/encoder_settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

const json_t *encoder_settings(const json_t *source, const char *stream)
{
    return json_object_get(json_object_get(source, "encoders"), stream);
}

static int fail_difference(const char *stream, const char *key, const json_t *trained,
                           const json_t *now, struct valence_error *error)
{
    char *was = json_dumps(trained, JSON_ENCODE_ANY), *is = json_dumps(now, JSON_ENCODE_ANY);
    int status =
        fail(error, VALENCE_ERROR_DATA,
             "the model was trained on '%s' encoded with %s %.100s, and this is encoded with "
             "%.100s (encode it as training did)",
             stream, key, was ? was : "none", is ? is : "none");
    free(was);
    free(is);
    return status;
}

/* What is not recorded was not used: nothing stands before a transcript, nothing is dropped. */
static bool means_nothing(const json_t *value)
{
    const char *text = json_string_value(value);
    return !value || json_is_false(value) || (text && !*text);
}

int encoder_settings_compare(const json_t *trained, const json_t *now, const char *stream,
                             struct valence_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)trained, key, value)
    {
        const json_t *other = json_object_get(now, key);
        if (strcmp(key, "source") != 0 && !json_equal(value, (json_t *)(uintptr_t)other) &&
            !(means_nothing(value) && means_nothing(other)))
            return fail_difference(stream, key, value, other, error);
    }
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        if (!json_object_get(trained, key) && !means_nothing(value))
            return fail_difference(stream, key, NULL, value, error);
    }
    return VALENCE_OK;
}
