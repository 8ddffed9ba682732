/* The range that a store's labels lie in. */
#ifndef VALENCE_DATA_LABEL_SCALE_H
#define VALENCE_DATA_LABEL_SCALE_H

#include <stdbool.h>

#include "valence/store.h"

/* As the store declares it, or as its import was asked to check it; false if neither is known.
 */
bool label_range(const struct valence_store *store, double *minimum, double *maximum);

/* The classes that a store's labels are, or NULL where they are scores. */
const struct valence_label_scale *label_classes(const struct valence_store *store);

/* "anger,joy,sadness": sets the scale's classes, with its name and range. ERROR_ARGUMENT, with key
 * "label_classes", where these are not 2 to VALENCE_MAX_CLASSES names that differ. */
int label_classes_parse(const char *list, struct valence_label_scale *scale,
                        struct valence_error *error);

/* The number of the class of this name, or -1. */
int label_class_find(const struct valence_label_scale *scale, const char *name);

/* The names for people, separated by ", " and cut to the room. */
void label_classes_list(const struct valence_label_scale *scale, char *list, size_t room);

#endif
