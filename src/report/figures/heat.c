/* Heat maps: cells, and the scale of their colours. */
#include <math.h>

#include "report/figures/canvas.h"

/* As the axis says or the data needs; where 0 lies inside, it is in the middle. */
static struct scale value_scale(const struct report_chart *chart)
{
    struct range range;
    struct scale scale;
    range_begin(&range, false);
    int64_t n = chart->x.n_categories * chart->y.n_categories;
    for (int64_t i = 0; i < n && chart->n_series > 0; i++)
        range_add(&range, chart->series[0].y[i]);
    scale_make(&chart->z, &range, 0, &scale);
    if (scale.low < 0 && scale.high > 0) {
        scale.high = fmax(scale.high, -scale.low);
        scale.low = -scale.high;
    }
    return scale;
}

static struct colour mix(struct colour a, struct colour b, double share)
{
    return (struct colour){a.red + (b.red - a.red) * share, a.green + (b.green - a.green) * share,
                           a.blue + (b.blue - a.blue) * share};
}

static const struct colour white = {1, 1, 1};

/* From white, or from the colour of negative values through white, to that of positive ones. */
static struct colour value_colour(const struct figure *figure, const struct scale *scale,
                                  double place)
{
    const struct palette *palette = figure->palette;
    double share = fmax(0, fmin(1, place));
    if (!(scale->low < 0 && scale->high > 0))
        return mix(white, palette->positive, share);
    return share < 0.5 ? mix(palette->negative, white, 2 * share)
                       : mix(white, palette->positive, 2 * share - 1);
}

static double brightness(struct colour colour)
{
    return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue;
}

static void draw_cell(struct figure *figure, const struct scale *scale, double value, double x,
                      double y, double width, double height)
{
    cairo_t *cr = figure->cr;
    double place = scale_place(scale, value);
    struct colour colour =
        isnan(place) ? figure->palette->line : value_colour(figure, scale, place);
    char label[TICK_BYTES];
    cairo_rectangle(cr, x, y, width, height);
    set_colour(cr, colour, 1);
    cairo_fill(cr);
    if (isnan(place))
        return;
    figure->counts.cells++;
    scale_label(value, figure->chart->z.digits, label);
    if (height < LINE_HEIGHT || text_width(cr, label) + 3 > width)
        return;
    set_colour(cr, brightness(colour) < 0.55 ? white : figure->palette->ink, 1);
    draw_text(cr, label, x + width / 2, y + height / 2, 0.5, false, width);
}

#define STEPS 48

static void draw_colours(struct figure *figure, const struct scale *scale)
{
    cairo_t *cr = figure->cr;
    const struct box *plot = &figure->plot;
    double x = plot->right + 2 * GAP, width = 7;
    double height = plot->bottom - plot->top, step = height / STEPS;
    struct ticks ticks;
    for (int i = 0; i < STEPS; i++) {
        set_colour(cr, value_colour(figure, scale, (i + 0.5) / STEPS), 1);
        /* overlapping, so that no seam is seen */
        cairo_rectangle(cr, x, plot->bottom - (i + 1) * step, width, i ? step * 1.5 : step);
        cairo_fill(cr);
    }
    set_colour(cr, figure->palette->strong_line, 1);
    cairo_set_line_width(cr, 0.5);
    cairo_rectangle(cr, x, plot->top, width, height);
    cairo_stroke(cr);
    scale_ticks(scale, figure->chart->z.whole, (int)(height / 20), &ticks);
    set_colour(cr, figure->palette->ink, 1);
    for (int i = 0; i < ticks.n; i++)
        draw_text(cr, ticks.labels[i], x + width + 3,
                  plot->bottom - scale_place(scale, ticks.at[i]) * height, 0, false, 24);
    draw_text(cr, figure->chart->z.title, figure->width - LINE_HEIGHT / 2,
              (plot->top + plot->bottom) / 2, 0.5, true, fmax(height, 40));
}

void draw_heat(struct figure *figure)
{
    const struct report_chart *chart = figure->chart;
    const struct box *plot = &figure->plot;
    int64_t columns = chart->x.n_categories, rows = chart->y.n_categories;
    if (chart->n_series == 0 || columns == 0 || rows == 0)
        return;
    struct scale scale = value_scale(chart);
    double width = (plot->right - plot->left) / (double)columns;
    double height = (plot->bottom - plot->top) / (double)rows;
    cairo_set_antialias(figure->cr, CAIRO_ANTIALIAS_NONE); /* cells without seams */
    for (int64_t i = 0; i < rows * columns; i++)
        draw_cell(figure, &scale, chart->series[0].y[i], plot->left + (double)(i % columns) * width,
                  plot->bottom - (double)(i / columns + 1) * height, width, height);
    draw_colours(figure, &scale);
}
