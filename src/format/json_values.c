#include "format/json_values.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

#define MAX_TEXT ((size_t)256 << 20)

json_t *json_of_text(const char *text)
{
    struct text repaired = {.maximum = MAX_TEXT};
    if (is_utf8(text, strlen(text)))
        return json_string(text);
    text_append_repaired(&repaired, text, strlen(text));
    json_t *value = repaired.failed ? NULL : json_stringn(repaired.data, repaired.length);
    text_free(&repaired);
    return value;
}

json_t *json_of_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void json_push(json_t **array, json_t *item)
{
    if (*array && json_array_append_new(*array, item) == 0)
        return;
    if (!*array)
        json_decref(item);
    json_decref(*array);
    *array = NULL;
}
