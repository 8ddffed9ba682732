/* The data of charts and tables as text: CSV, and LaTeX. */
#ifndef VALENCE_REPORT_FIGURES_DATA_H
#define VALENCE_REPORT_FIGURES_DATA_H

#include <stdio.h>

#include "report/chart.h"

/* A chart's values, a row for each point of each series:
 *
 *   lines, points   series,x,y,low,high,label
 *   bars            series,category,y,low,high
 *   histogram       series,from,to,y
 *   heat            y,x,value
 *
 * Columns that no series has are left out; what is unknown is an empty field. Numbers read back to
 * the same double. Failed writes stay in the stream's error flag, here and below. */
void chart_write_csv(FILE *stream, const struct report_chart *chart);

/* A table's headings and cells. */
void table_write_csv(FILE *stream, const struct report_table *table);

/* The same for a paper: a table environment with booktabs' rules, its title as caption and
 * its id as label. */
void table_write_latex(FILE *stream, const struct report_table *table);

#endif
