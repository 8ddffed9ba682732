/* Predictions that were written before. */
#ifndef VALENCE_REPORT_PREDICTIONS_READ_H
#define VALENCE_REPORT_PREDICTIONS_READ_H

#include "report/scored.h"

/* Adds those of `predict --json`, or of a table of `evaluate --predictions`, to the sets. Errors:
 * FORMAT, DATA, LIMIT, IO, MEMORY. */
int read_prediction_document(struct report_builder *builder, const struct document_source *document,
                             struct scored_sets *sets, struct valence_error *error);
int read_prediction_table(struct report_builder *builder, const struct table_source *source,
                          struct scored_sets *sets, struct valence_error *error);

#endif
