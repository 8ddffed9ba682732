/* Where the parts of a figure go. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/figures/canvas.h"

/* ---- Scales ---- */

static void add_values(struct range *range, const double *values, int64_t n)
{
    for (int64_t i = 0; i < n && values; i++)
        range_add(range, values[i]);
}

static bool has_bars(const struct report_chart *chart)
{
    return chart->kind == REPORT_BARS || chart->kind == REPORT_HISTOGRAM;
}

/* Of n categories, which lie at 0 ... n - 1. */
static struct scale category_scale(const struct report_axis *axis)
{
    double n = axis->n_categories > 0 ? (double)axis->n_categories : 1;
    return (struct scale){-0.5, n - 0.5, false};
}

static void make_x_scale(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    struct range range;
    range_begin(&range, chart->x.logarithmic);
    for (int s = 0; s < chart->n_series; s++)
        add_values(&range, chart->series[s].x, chart->series[s].n);
    for (int m = 0; m < chart->n_marks; m++)
        if (!chart->marks[m].on_y)
            range_add(&range, chart->marks[m].at);
    if (chart->x.categories)
        figure->x = category_scale(&chart->x);
    else
        scale_make(&chart->x, &range, chart->kind == REPORT_POINTS ? 0.04 : 0, &figure->x);
}

static void make_y_scale(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    struct range range;
    range_begin(&range, chart->y.logarithmic);
    for (int s = 0; s < chart->n_series; s++) {
        add_values(&range, chart->series[s].y, chart->series[s].n);
        add_values(&range, chart->series[s].low, chart->series[s].n);
        add_values(&range, chart->series[s].high, chart->series[s].n);
    }
    for (int m = 0; m < chart->n_marks; m++)
        if (chart->marks[m].on_y)
            range_add(&range, chart->marks[m].at);
    if (has_bars(chart))
        range_add(&range, 0);
    if (chart->y.categories) {
        figure->y = category_scale(&chart->y);
        return;
    }
    scale_make(&chart->y, &range, 0.04, &figure->y);
    /* Bars stand on the axis. */
    if (!(range.low < range.high))
        return;
    if (has_bars(chart) && range.low == 0 && !isfinite(chart->y.low) && !chart->y.logarithmic)
        figure->y.low = 0;
    if (has_bars(chart) && range.high == 0 && !isfinite(chart->y.high) && !chart->y.logarithmic)
        figure->y.high = 0;
}

/* ---- Margins ---- */

static double widest_name(cairo_t *cr, const struct report_axis *axis)
{
    double widest = 0;
    for (int64_t i = 0; i < axis->n_categories; i++)
        widest = fmax(widest, text_width(cr, axis->categories[i]));
    return widest;
}

/* However many ticks the height of the plot, which is not yet known, will have room for. */
static double widest_label(cairo_t *cr, const struct scale *scale, const struct report_axis *axis)
{
    struct ticks ticks;
    double widest = 0;
    for (int wanted = 2; wanted <= 10; wanted++) {
        scale_ticks(scale, axis->whole, wanted, &ticks);
        for (int i = 0; i < ticks.n; i++)
            widest = fmax(widest, text_width(cr, ticks.labels[i]));
    }
    return widest;
}

/* Room for what stands left of the plot: labels, and a title that reads upwards. */
static double left_margin(const struct figure *figure, const struct report_axis *axis,
                          const struct scale *scale)
{
    double labels = axis->categories ? fmin(widest_name(figure->cr, axis), 0.36 * figure->width)
                                     : widest_label(figure->cr, scale, axis);
    return labels + 2 * GAP + (axis->title[0] ? LINE_HEIGHT : 0);
}

/* Names below the axis stand upright where they have no room side by side. */
static double bottom_margin(const struct figure *figure, const struct report_axis *axis,
                            double plot_width)
{
    double title = axis->title[0] ? LINE_HEIGHT + 1 : 0;
    if (!axis->categories)
        return LINE_HEIGHT + 2 * GAP + title;
    double widest = widest_name(figure->cr, axis);
    bool side_by_side = widest + GAP <= plot_width / (double)axis->n_categories;
    return (side_by_side ? LINE_HEIGHT : fmin(widest, 90)) + 2 * GAP + title;
}

/* ---- Sizes ---- */

#define MAX_PLOT_HEIGHT 560.0

static double plot_height(const struct figure *figure, double plot_width)
{
    const struct report_chart *chart = figure->chart;
    double usual = figure->width < 350 ? 0.5 * figure->width : 0.36 * figure->width;
    if (figure->lies) {
        double bar = fmax(11, 7.0 * chart->n_series + 4);
        return fmin(MAX_PLOT_HEIGHT, bar * (double)chart->x.n_categories);
    }
    if (chart->kind != REPORT_HEAT || chart->x.n_categories == 0 || chart->y.n_categories == 0)
        return usual;
    double cell = fmin(30, plot_width / (double)chart->x.n_categories);
    /* Rows are as high as a line where that is not too much. */
    double rows = (double)chart->y.n_categories;
    return fmin(MAX_PLOT_HEIGHT, rows * (rows * 10 <= plot_width ? fmax(cell, 10) : cell));
}

/* Bars lie where their names would not stand side by side. */
static bool should_lie(const struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    if (chart->kind != REPORT_BARS || chart->x.n_categories == 0)
        return false;
    double room = (figure->width - 45) / (double)chart->x.n_categories;
    return widest_name(figure->cr, &chart->x) + GAP > room;
}

void figure_lay_out(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    struct box *plot = &figure->plot;
    make_x_scale(figure);
    make_y_scale(figure);
    figure->lies = should_lie(figure);
    const struct report_axis *left = figure->lies ? &chart->x : &chart->y;
    const struct report_axis *below = figure->lies ? &chart->y : &chart->x;
    bool names_marks = false;
    for (int m = 0; m < chart->n_marks; m++)
        names_marks = names_marks || chart->marks[m].on_y == figure->lies;
    plot->left = left_margin(figure, left, &figure->y);
    plot->right = figure->width - (chart->kind == REPORT_HEAT ? HEAT_SCALE_WIDTH : 10);
    plot->top = GAP + legend_height(figure) + (names_marks ? LINE_HEIGHT : 2);
    plot->bottom = plot->top + plot_height(figure, plot->right - plot->left);
    figure->height = ceil(plot->bottom + bottom_margin(figure, below, plot->right - plot->left));
}
