/* What the functions of valence/report.h share. */
#ifndef VALENCE_REPORT_REPORT_H
#define VALENCE_REPORT_REPORT_H

#include "report/chart.h"
#include "valence/report.h"

struct valence_report {
    const struct report_document *document;
};

#endif
