/* A chart of the document, drawn by Cairo for paper: into an SVG or a PDF of a column's or a page's
 * width, with text of 8 points. */
#ifndef VALENCE_REPORT_FIGURES_FIGURE_H
#define VALENCE_REPORT_FIGURES_FIGURE_H

#include <stdbool.h>
#include <stdio.h>

#include "report/chart.h"
#include "report/figures/palette.h"
#include "valence/error.h"
#include "valence/report.h"

/* What was drawn. */
struct figure_counts {
    int64_t lines, symbols, bars, cells, bands, error_bars, marks;
};

/* Whether the build has Cairo. */
bool figure_can_draw(void);

/* Draws the chart to the stream, `width` points wide. The same chart gives the same bytes on the
 * same machine; nothing in them is a date. `counts` may be NULL. Errors: UNSUPPORTED without Cairo;
 * IO; MEMORY. */
int figure_draw(FILE *stream, enum valence_figure_format format, double width,
                const struct report_chart *chart, const struct palette *palette,
                struct figure_counts *counts, struct valence_error *error);

#endif
