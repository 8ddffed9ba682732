/* What stands around the data: axes, legend, marks, and a heat map's scale of colours. */
#include <math.h>
#include <stdio.h>

#include "report/figures/canvas.h"

#define TICK_LENGTH 2.5

/* ---- Axes ---- */

/* Far more than a figure has room for; drawing cuts it. */
#define TITLE_BYTES 400

/* Ends at a whole character: Cairo draws nothing of a text that is not UTF-8. */
static void axis_title(const struct report_axis *axis, char title[TITLE_BYTES])
{
    bool has_unit = axis->unit && axis->unit[0];
    int length = has_unit ? snprintf(title, TITLE_BYTES, "%s (%s)", axis->title, axis->unit)
                          : snprintf(title, TITLE_BYTES, "%s", axis->title);
    if (length < TITLE_BYTES)
        return;
    size_t end = TITLE_BYTES - 1;
    while (end > 0 && ((unsigned char)title[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)title[end - 1] >= 0x80)
        end--;
    title[end] = '\0';
}

static void set_thin(cairo_t *cr, struct colour colour)
{
    set_colour(cr, colour, 1);
    cairo_set_line_width(cr, 0.5);
    cairo_set_dash(cr, NULL, 0, 0);
}

/* Numbers below the plot. Those that would touch the one before are left out. */
static void draw_numbers_below(struct figure *figure, const struct scale *scale, bool whole,
                               bool grid)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    struct ticks ticks;
    double end = -INFINITY;
    scale_ticks(scale, whole, (int)((plot->right - plot->left) / 32), &ticks);
    for (int i = 0; i < ticks.n; i++) {
        double x = plot->left + (plot->right - plot->left) * scale_place(scale, ticks.at[i]);
        double half = text_width(cr, ticks.labels[i]) / 2;
        set_thin(cr, figure->palette->line);
        if (grid)
            draw_line(cr, x, plot->top, x, plot->bottom);
        set_thin(cr, figure->palette->strong_line);
        draw_line(cr, x, plot->bottom, x, plot->bottom + TICK_LENGTH);
        if (x - half < end + GAP)
            continue;
        end = x + half;
        set_colour(cr, figure->palette->ink, 1);
        draw_text(cr, ticks.labels[i], x, plot->bottom + GAP + LINE_HEIGHT / 2, 0.5, false,
                  INFINITY);
    }
}

static void draw_numbers_left(struct figure *figure)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    struct ticks ticks;
    scale_ticks(&figure->y, figure->chart->y.whole, (int)((plot->bottom - plot->top) / 14), &ticks);
    for (int i = 0; i < ticks.n; i++) {
        double y = at_y(figure, ticks.at[i]);
        set_thin(cr, figure->palette->line);
        draw_line(cr, plot->left, y, plot->right, y);
        set_colour(cr, figure->palette->ink, 1);
        draw_text(cr, ticks.labels[i], plot->left - GAP, y, 1, false, INFINITY);
    }
}

/* Every how many-th of n names in `length` has room for a line. */
static int64_t name_step(double length, int64_t n)
{
    double each = length / (double)(n > 0 ? n : 1);
    return each >= LINE_HEIGHT - 2 ? 1 : (int64_t)ceil((LINE_HEIGHT - 2) / each);
}

static void draw_names_below(struct figure *figure, const struct report_axis *axis)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    double each = (plot->right - plot->left) / (double)axis->n_categories, widest = 0;
    for (int64_t i = 0; i < axis->n_categories; i++)
        widest = fmax(widest, text_width(cr, axis->categories[i]));
    bool upright = widest + GAP > each;
    int64_t step = upright ? name_step(plot->right - plot->left, axis->n_categories) : 1;
    set_colour(cr, figure->palette->ink, 1);
    for (int64_t i = 0; i < axis->n_categories; i += step) {
        double x = plot->left + ((double)i + 0.5) * each;
        if (upright)
            draw_text(cr, axis->categories[i], x, plot->bottom + GAP, 1, true, 90);
        else
            draw_text(cr, axis->categories[i], x, plot->bottom + GAP + LINE_HEIGHT / 2, 0.5, false,
                      each);
    }
}

/* `down`: the first is at the top, as bars that lie are read; else at the bottom. */
static void draw_names_left(struct figure *figure, const struct report_axis *axis, bool down)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    double each = (plot->bottom - plot->top) / (double)axis->n_categories;
    int64_t step = name_step(plot->bottom - plot->top, axis->n_categories);
    set_colour(cr, figure->palette->ink, 1);
    for (int64_t i = 0; i < axis->n_categories; i += step) {
        double at = ((double)i + 0.5) * each;
        draw_text(cr, axis->categories[i], plot->left - GAP,
                  down ? plot->top + at : plot->bottom - at, 1, false, 0.36 * figure->width);
    }
}

static void draw_titles(struct figure *figure, const struct report_axis *left,
                        const struct report_axis *below)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    char title[TITLE_BYTES];
    set_colour(cr, figure->palette->ink, 1);
    axis_title(below, title);
    double middle = (plot->left + plot->right) / 2;
    draw_text(cr, title, middle, figure->height - LINE_HEIGHT / 2 - 1, 0.5, false,
              2 * fmin(middle, figure->width - middle) - GAP);
    axis_title(left, title);
    draw_text(cr, title, LINE_HEIGHT / 2 + 1, (plot->top + plot->bottom) / 2, 0.5, true,
              fmax(plot->bottom - plot->top, 40));
}

void draw_axes(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    const struct report_axis *left = figure->lies ? &chart->x : &chart->y;
    const struct report_axis *below = figure->lies ? &chart->y : &chart->x;
    const struct box *plot = &figure->plot;
    if (below->categories)
        draw_names_below(figure, below);
    else
        draw_numbers_below(figure, figure->lies ? &figure->y : &figure->x, below->whole,
                           figure->lies);
    if (left->categories)
        draw_names_left(figure, left, figure->lies);
    else
        draw_numbers_left(figure);
    draw_titles(figure, left, below);
    set_thin(figure->cr, figure->palette->strong_line);
    if (figure->lies)
        draw_line(figure->cr, plot->left, plot->top, plot->left, plot->bottom);
    draw_line(figure->cr, plot->left, plot->bottom, plot->right, plot->bottom);
}

/* ---- Legend ---- */

#define SAMPLE_WIDTH 18.0

static bool has_legend(const struct report_chart *chart)
{
    return chart->kind != REPORT_HEAT && chart->n_series > 1;
}

static double entry_room(const struct figure *figure)
{
    return figure->width - 2 * GAP - SAMPLE_WIDTH - GAP;
}

/* Where the entry behind one at (x, row) goes. */
static void next_entry(const struct figure *figure, int series, double *x, int *row)
{
    double text =
        fmin(text_width(figure->cr, figure->chart->series[series].name), entry_room(figure));
    double width = SAMPLE_WIDTH + GAP + text;
    if (*x > GAP && *x + width > figure->width - GAP) {
        *x = GAP;
        ++*row;
    }
}

static double entry_width(const struct figure *figure, int series)
{
    return SAMPLE_WIDTH + GAP +
           fmin(text_width(figure->cr, figure->chart->series[series].name), entry_room(figure)) +
           2.5 * GAP;
}

double legend_height(const struct figure *figure)
{
    double x = GAP;
    int row = 0;
    if (!has_legend(figure->chart))
        return 0;
    for (int s = 0; s < figure->chart->n_series; s++) {
        next_entry(figure, s, &x, &row);
        x += entry_width(figure, s);
    }
    return (row + 1) * (LINE_HEIGHT + 1) + 2;
}

static void draw_sample(struct figure *figure, int series, double x, double y)
{
    enum report_chart_kind kind = figure->chart->kind;
    bool reference = figure->chart->series[series].reference;
    if (kind == REPORT_BARS || kind == REPORT_HISTOGRAM) {
        draw_bar(figure, series, x + 4, y - 3.5, SAMPLE_WIDTH - 6, 7);
        return;
    }
    if (kind == REPORT_LINES || reference) {
        set_line(figure, series);
        draw_line(figure->cr, x, y, x + SAMPLE_WIDTH, y);
    }
    if (!reference)
        draw_symbol(figure, series, x + SAMPLE_WIDTH / 2, y, SYMBOL_SIZE, 1);
}

void draw_legend(struct figure *figure)
{
    double x = GAP;
    int row = 0;
    for (int s = 0; s < figure->chart->n_series && has_legend(figure->chart); s++) {
        next_entry(figure, s, &x, &row);
        double y = GAP + row * (LINE_HEIGHT + 1) + LINE_HEIGHT / 2;
        draw_sample(figure, s, x, y);
        set_colour(figure->cr, figure->palette->ink, 1);
        draw_text(figure->cr, figure->chart->series[s].name, x + SAMPLE_WIDTH + GAP, y, 0, false,
                  entry_room(figure));
        x += entry_width(figure, s);
    }
}

/* ---- Marks ---- */

/* A place on the axis below or on the left; bars that lie have changed these two. */
static void draw_mark(struct figure *figure, const struct report_mark *mark)
{
    static const double dots[] = {1, 2};
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    double place = scale_place(mark->on_y ? &figure->y : &figure->x, mark->at);
    bool upright = mark->on_y == figure->lies;
    if (!(place >= 0 && place <= 1))
        return;
    if (figure->lies && !mark->on_y)
        place = 1 - place;
    double x = plot->left + place * (plot->right - plot->left);
    double y = plot->bottom - place * (plot->bottom - plot->top);
    set_colour(cr, figure->palette->ink, 1);
    cairo_set_line_width(cr, 0.8);
    cairo_set_dash(cr, dots, 2, 0);
    if (upright)
        draw_line(cr, x, plot->top, x, plot->bottom);
    else
        draw_line(cr, plot->left, y, plot->right, y);
    figure->counts.marks++;
    double width = text_width(cr, mark->name);
    if (upright) { /* above the plot, within the figure */
        double align = x - width / 2 < 2 ? 0 : x + width / 2 > figure->width - 2 ? 1 : 0.5;
        draw_text(cr, mark->name, x, plot->top - LINE_HEIGHT / 2, align, false,
                  align == 0 ? figure->width - x : x);
        return;
    }
    /* on the line, at its end, readable above what is drawn there */
    double above = y - plot->top < LINE_HEIGHT ? LINE_HEIGHT / 2 : -LINE_HEIGHT / 2;
    width = fmin(width, plot->right - plot->left);
    cairo_set_source_rgba(cr, 1, 1, 1, 0.85);
    cairo_rectangle(cr, plot->right - width - 3, y + above - 4.5, width + 3, 9);
    cairo_fill(cr);
    set_colour(cr, figure->palette->ink, 1);
    draw_text(cr, mark->name, plot->right - 2, y + above, 1, false, plot->right - plot->left);
}

void draw_marks(struct figure *figure)
{
    for (int m = 0; m < figure->chart->n_marks; m++)
        draw_mark(figure, &figure->chart->marks[m]);
}
