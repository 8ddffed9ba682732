/* The range that a store's labels lie in. */
#ifndef VALENCE_DATA_LABEL_SCALE_H
#define VALENCE_DATA_LABEL_SCALE_H

#include <stdbool.h>

#include "valence/store.h"

/* As the store declares it, or as its import was asked to check it; false if neither is known.
 */
bool label_range(const struct valence_store *store, double *minimum, double *maximum);

#endif
