/* What the drawing of figures shares: a figure's state, text, colours, and line styles. Lengths are
 * in points (1/72 inch), y grows downwards. */
#ifndef VALENCE_REPORT_FIGURES_CANVAS_H
#define VALENCE_REPORT_FIGURES_CANVAS_H

#include <cairo.h>

#include "report/figures/figure.h"
#include "report/figures/scale.h"

#define TEXT_SIZE   8.0
#define LINE_HEIGHT 10.5
#define GAP         4.0
#define SYMBOL_SIZE 4.2

struct box {
    double left, top, right, bottom;
};

struct figure {
    cairo_t *cr;
    const struct report_chart *chart;
    const struct palette *palette;
    double width, height;
    struct box plot; /* between the axes */
    struct scale x, y;
    bool lies; /* bars lie: categories go down the left side */
    struct figure_counts counts;
};

/* The font, and settings under which text is as wide in every format. */
void canvas_set_up(cairo_t *cr);

void set_colour(cairo_t *cr, struct colour colour, double opacity);

double text_width(cairo_t *cr, const char *text);

/* A text whose left end, middle or right end (`align` 0, 0.5, 1) is at x, and whose middle is at y.
 * `turned`: it reads upwards, and x and y change their roles. It is cut to `room`, with an
 * ellipsis. "10^-6" is set as a power. */
void draw_text(cairo_t *cr, const char *text, double x, double y, double align, bool turned,
               double room);

/* ---- Styles of series ---- */

/* Series differ in colour, dashes, symbols and hatching, so that they can be told apart in grey. */
struct colour series_colour(const struct figure *figure, int series);
void set_line(struct figure *figure, int series);
void draw_symbol(struct figure *figure, int series, double x, double y, double size,
                 double opacity);

/* Fills a rectangle with the colour and hatching of a series. */
void draw_bar(struct figure *figure, int series, double x, double y, double width, double height);

void draw_line(cairo_t *cr, double x1, double y1, double x2, double y2);

/* Points of the plot for values of the axes; NaN as scale_place(). */
double at_x(const struct figure *figure, double value);
double at_y(const struct figure *figure, double value);

/* ---- Parts, in the order in which they are made ---- */

/* Chooses the scales and lays out the figure: sets height, plot, x, y and lies. */
void figure_lay_out(struct figure *figure);

/* The grid, the axes with their ticks and titles, the legend, and the marks. */
void draw_axes(struct figure *figure);
void draw_legend(struct figure *figure);
void draw_marks(struct figure *figure);

/* The height of the legend for the figure's width, 0 without one. */
double legend_height(const struct figure *figure);

/* The data, by kind. */
void draw_data(struct figure *figure);

/* A heat map with its scale of colours. */
void draw_heat(struct figure *figure);

/* Width that a heat map's scale of colours takes at the right. */
#define HEAT_SCALE_WIDTH 54.0

#endif
