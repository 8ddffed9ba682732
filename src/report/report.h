/* What the functions of valence/report.h share. */
#ifndef VALENCE_REPORT_REPORT_H
#define VALENCE_REPORT_REPORT_H

#include "report/chart.h"
#include "report/sources.h"
#include "valence/report.h"

struct valence_report {
    const struct report_document *document;
};

/* The document of inputs that were read. *document is NULL on failure. */
int report_make_document(const struct sources *sources,
                         const struct valence_report_options *options,
                         const struct valence_progress *progress,
                         const struct report_document **document, struct valence_error *error);

#endif
