/* Lists of variants that are handed out. */
#ifndef VALENCE_EXPERIMENT_VARIANTS_H
#define VALENCE_EXPERIMENT_VARIANTS_H

#include "valence/experiment.h"

/* A copy that valence_variants_free() frees; *variants is NULL on failure. */
int variants_copy(const struct valence_variant *from, int n,
                  const struct valence_variant **variants, struct valence_error *error);

#endif
