/* The data of a figure, by the kind of its chart. */
#include <math.h>

#include "report/figures/canvas.h"

static double x_of(const struct report_series *series, int64_t i)
{
    return series->x ? series->x[i] : (double)i;
}

/* ---- Lines ---- */

/* Between gaps of y: the band from low to high. */
static void draw_band(struct figure *figure, int s)
{
    const struct report_series *series = &figure->chart->series[s];
    cairo_t *cr = figure->cr;
    for (int64_t begin = 0, end; begin < series->n; begin = end + 1) {
        for (end = begin; end < series->n; end++)
            if (isnan(at_y(figure, series->low[end])) || isnan(at_y(figure, series->high[end])) ||
                isnan(at_x(figure, x_of(series, end))))
                break;
        if (end - begin < 2)
            continue;
        cairo_new_path(cr);
        for (int64_t i = begin; i < end; i++)
            cairo_line_to(cr, at_x(figure, x_of(series, i)), at_y(figure, series->low[i]));
        for (int64_t i = end; i-- > begin;)
            cairo_line_to(cr, at_x(figure, x_of(series, i)), at_y(figure, series->high[i]));
        cairo_close_path(cr);
        set_colour(cr, series_colour(figure, s), 0.18);
        cairo_fill(cr);
        figure->counts.bands++;
    }
}

static void draw_curve(struct figure *figure, int s)
{
    const struct report_series *series = &figure->chart->series[s];
    cairo_t *cr = figure->cr;
    bool drawing = false;
    cairo_new_path(cr);
    for (int64_t i = 0; i < series->n; i++) {
        double x = at_x(figure, x_of(series, i)), y = at_y(figure, series->y[i]);
        if (isnan(x) || isnan(y)) {
            drawing = false;
            continue;
        }
        if (drawing)
            cairo_line_to(cr, x, y);
        else
            cairo_move_to(cr, x, y);
        drawing = true;
    }
    set_line(figure, s);
    cairo_stroke(cr);
    figure->counts.lines++;
}

/* Where points stand close, symbols on every one would hide the line. */
#define SYMBOL_DISTANCE 9.0

/* Series beside each other have theirs at other points. */
static void draw_symbols(struct figure *figure, int s)
{
    const struct report_series *series = &figure->chart->series[s];
    double width = figure->plot.right - figure->plot.left;
    int64_t step = (int64_t)ceil(SYMBOL_DISTANCE * (double)series->n / width);
    step = step < 1 ? 1 : step;
    for (int64_t i = step > 1 ? s % step : 0; i < series->n; i += step) {
        double x = at_x(figure, x_of(series, i)), y = at_y(figure, series->y[i]);
        if (isnan(x) || isnan(y))
            continue;
        draw_symbol(figure, s, x, y, SYMBOL_SIZE, 1);
        figure->counts.symbols++;
    }
}

static void draw_lines(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    for (int s = 0; s < chart->n_series; s++)
        if (chart->series[s].low)
            draw_band(figure, s);
    for (int s = 0; s < chart->n_series; s++)
        draw_curve(figure, s);
    for (int s = 0; s < chart->n_series; s++)
        if (!chart->series[s].reference)
            draw_symbols(figure, s);
}

/* ---- Error bars ---- */

/* From one value of y to another, at a place of the other axis. */
static void draw_error_bar(struct figure *figure, double low, double high, double place,
                           struct colour colour)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    double cap = 2;
    double from = scale_place(&figure->y, low), to = scale_place(&figure->y, high);
    if (isnan(from) || isnan(to) || isnan(place))
        return;
    set_colour(cr, colour, 1);
    cairo_set_line_width(cr, 0.8);
    cairo_set_dash(cr, NULL, 0, 0);
    for (int part = 0; part < 3; part++) {
        double a = part == 2 ? to : from, b = part == 1 ? from : to;
        double shift = part == 0 ? 0 : cap;
        if (figure->lies) {
            double width = plot->right - plot->left;
            draw_line(cr, plot->left + a * width, place - shift, plot->left + b * width,
                      place + shift);
        } else {
            draw_line(cr, place - shift,
                      at_y(figure, figure->y.low) - a * (plot->bottom - plot->top), place + shift,
                      at_y(figure, figure->y.low) - b * (plot->bottom - plot->top));
        }
    }
    figure->counts.error_bars++;
}

/* ---- Points ---- */

static void draw_points(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    for (int s = 0; s < chart->n_series; s++) {
        const struct report_series *series = &chart->series[s];
        if (series->reference) {
            draw_curve(figure, s);
            continue;
        }
        double size = series->n > 1000 ? 1.8 : series->n > 200 ? 2.6 : SYMBOL_SIZE;
        double opacity = series->n > 1000 ? 0.4 : series->n > 200 ? 0.6 : 0.9;
        for (int64_t i = 0; i < series->n; i++) {
            double x = at_x(figure, x_of(series, i)), y = at_y(figure, series->y[i]);
            if (series->low)
                draw_error_bar(figure, series->low[i], series->high[i], x,
                               series_colour(figure, s));
            if (isnan(x) || isnan(y))
                continue;
            draw_symbol(figure, s, x, y, size, opacity);
            figure->counts.symbols++;
        }
    }
}

/* ---- Bars ---- */

#define BAR_SHARE 0.72 /* of a category's room */

static void draw_one_bar(struct figure *figure, int s, double from, double to, double zero,
                         double end)
{
    const struct box *plot = &figure->plot;
    double width = plot->right - plot->left, height = plot->bottom - plot->top;
    double low = fmin(zero, end), high = fmax(zero, end);
    if (figure->lies)
        draw_bar(figure, s, plot->left + low * width, plot->top + from * height,
                 (high - low) * width, (to - from) * height);
    else
        draw_bar(figure, s, plot->left + from * width, plot->bottom - high * height,
                 (to - from) * width, (high - low) * height);
    figure->counts.bars++;
}

/* Where bars begin: at 0, or at the end of the axis that is nearest to it. */
static double bar_base(const struct figure *figure)
{
    double zero = scale_place(&figure->y, 0);
    return isnan(zero) ? 0 : fmax(0, fmin(1, zero));
}

/* Where bars go both ways. */
static void draw_zero(struct figure *figure, double zero)
{
    const struct box *plot = &figure->plot;
    if (zero <= 0 || zero >= 1)
        return;
    set_colour(figure->cr, figure->palette->muted, 1);
    cairo_set_line_width(figure->cr, 0.6);
    cairo_set_dash(figure->cr, NULL, 0, 0);
    double x = plot->left + zero * (plot->right - plot->left), y = at_y(figure, 0);
    if (figure->lies)
        draw_line(figure->cr, x, plot->top, x, plot->bottom);
    else
        draw_line(figure->cr, plot->left, y, plot->right, y);
}

static void draw_bars(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    const struct box *plot = &figure->plot;
    double room = 1 / (double)(chart->x.n_categories > 0 ? chart->x.n_categories : 1);
    double bar = BAR_SHARE * room / chart->n_series, zero = bar_base(figure);
    draw_zero(figure, zero);
    for (int s = 0; s < chart->n_series; s++) {
        const struct report_series *series = &chart->series[s];
        for (int64_t i = 0; i < series->n; i++) {
            double from = ((double)i + (1 - BAR_SHARE) / 2) * room + s * bar;
            double end = scale_place(&figure->y, series->y[i]);
            double middle = figure->lies
                                ? plot->top + (from + bar / 2) * (plot->bottom - plot->top)
                                : plot->left + (from + bar / 2) * (plot->right - plot->left);
            if (!isnan(end))
                draw_one_bar(figure, s, from, from + bar, zero, end);
            if (series->low)
                draw_error_bar(figure, series->low[i], series->high[i], middle,
                               figure->palette->ink);
        }
    }
}

static void draw_histogram(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    double zero = bar_base(figure);
    for (int s = 0; s < chart->n_series; s++) {
        const struct report_series *series = &chart->series[s];
        double width = (chart->x.high - chart->x.low) / (double)(series->n > 0 ? series->n : 1);
        for (int64_t i = 0; i < series->n; i++) {
            double from = scale_place(&figure->x, chart->x.low + (double)i * width);
            double to = scale_place(&figure->x, chart->x.low + (double)(i + 1) * width);
            double end = scale_place(&figure->y, series->y[i]);
            if (!isnan(from) && !isnan(to) && !isnan(end))
                draw_one_bar(figure, s, from, to, zero, end);
        }
    }
}

void draw_data(struct figure *figure)
{
    cairo_save(figure->cr);
    switch (figure->chart->kind) {
    case REPORT_LINES:
        draw_lines(figure);
        break;
    case REPORT_POINTS:
        draw_points(figure);
        break;
    case REPORT_BARS:
        draw_bars(figure);
        break;
    case REPORT_HISTOGRAM:
        draw_histogram(figure);
        break;
    case REPORT_HEAT:
        draw_heat(figure);
        break;
    case REPORT_N_CHART_KINDS:
        break;
    }
    cairo_restore(figure->cr);
}
