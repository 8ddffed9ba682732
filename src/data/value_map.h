/* What the source's own labels and splits stand for, and labels on other scales. */
#ifndef VALENCE_DATA_VALUE_MAP_H
#define VALENCE_DATA_VALUE_MAP_H

#include <stdbool.h>

#include "valence/error.h"

#define VALUE_BYTES 64

/* A list "FROM=TO,FROM=TO", or NULL. ERROR_ARGUMENT, with `key`, where an item is not one of
 * these. */
int values_check(const char *list, const char *key, struct valence_error *error);

/* What `value` stands for: the TO of the item with the same text, or else of one that is the same
 * number, or else itself. `room` keeps it. */
const char *values_meaning(const char *list, const char *value, char room[VALUE_BYTES]);

/* The same of a number, to single precision; NULL if no item names it. */
const char *values_meaning_of_number(const char *list, double value, char room[VALUE_BYTES]);

/* scale * x + offset */
struct affine {
    double scale, offset;
};

/* A formula in x with numbers, + - * /, and parentheses: "(x - 50) / 25". ERROR_ARGUMENT if it
 * cannot be read, is not affine in x, does not depend on x, or is not finite. */
int affine_parse(const char *formula, struct affine *affine, struct valence_error *error);

#endif
