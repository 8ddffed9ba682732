/* Values of JSON that is written by jansson. */
#ifndef VALENCE_FORMAT_JSON_VALUES_H
#define VALENCE_FORMAT_JSON_VALUES_H

#include <jansson.h>

/* Bytes that are not UTF-8 are replaced. NULL where memory is short. */
json_t *json_of_text(const char *text);

/* What is not finite is null. */
json_t *json_of_number(double value);

/* Adds `item`, which is taken over. After a failure *array is NULL, and stays so. */
void json_push(json_t **array, json_t *item);

#endif
