/* A report's document as JSON: docs/report.md describes it. */
#ifndef VALENCE_REPORT_DOCUMENT_JSON_H
#define VALENCE_REPORT_DOCUMENT_JSON_H

#include <stdio.h>

#include "report/chart.h"
#include "valence/error.h"

/* Compact, without a line break. Failed writes stay in the stream's error flag. Errors: MEMORY. */
int document_write_json(FILE *stream, const struct report_document *document,
                        struct valence_error *error);

#endif
