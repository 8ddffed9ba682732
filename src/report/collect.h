/* The parts of a report. Each collector adds its charts, tables and texts to the builder, in the
 * sections of report/sections.c, and adds nothing where there is no data for it. Shortage of memory
 * stays with the builder. */
#ifndef VALENCE_REPORT_COLLECT_H
#define VALENCE_REPORT_COLLECT_H

#include "report/document.h"
#include "report/sources.h"

/* Losses and validation errors by epoch. */
void collect_learning(struct report_builder *builder, const struct sources *sources);

#endif
