/* Values of JSON documents that may lack them. */
#ifndef VALENCE_REPORT_JSON_VALUES_H
#define VALENCE_REPORT_JSON_VALUES_H

#include <jansson.h>
#include <math.h>

/* NaN where there is no number. */
static inline double json_number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* "" where there is no text. */
static inline const char *json_text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The number at a place of an array, NaN where there is none. */
static inline double json_number_in(const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

#endif
