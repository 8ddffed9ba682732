/* What a store holds. */
#ifndef VALENCE_STORE_SUMMARY_H
#define VALENCE_STORE_SUMMARY_H

#include "data/data_summary.h"
#include "valence/progress.h"

/* Counts a store's clips and, where `values` is set, looks at all their rows, with `progress` (may
 * be NULL). Free the summary with data_summary_free(), after an error too. */
int store_summarise(const struct valence_store *store, bool values,
                    const struct valence_progress *progress, struct data_summary *summary,
                    struct valence_error *error);

#endif
