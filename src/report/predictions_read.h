/* Predictions that were written before. */
#ifndef VALENCE_REPORT_PREDICTIONS_READ_H
#define VALENCE_REPORT_PREDICTIONS_READ_H

#include "report/scored.h"

/* Adds those of `predict --json` to the sets. Errors: FORMAT, DATA, LIMIT, IO, MEMORY. */
int read_prediction_document(struct report_builder *builder, const struct document_source *document,
                             struct scored_sets *sets, struct valence_error *error);

#endif
