#include "report/figures/figure.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>

#include "base/fail.h"
#include "report/figures/canvas.h"

bool figure_can_draw(void)
{
    return true;
}

static cairo_status_t write_bytes(void *stream, const unsigned char *bytes, unsigned length)
{
    return fwrite(bytes, 1, length, stream) == length ? CAIRO_STATUS_SUCCESS
                                                      : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *make_surface(FILE *stream, enum valence_figure_format format, double width,
                                     double height, const char *title)
{
    if (format == VALENCE_FIGURE_SVG)
        return cairo_svg_surface_create_for_stream(write_bytes, stream, width, height);
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(write_bytes, stream, width, height);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, NULL);
    return surface;
}

static int status_of(cairo_status_t status, const char *id, struct valence_error *error)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return VALENCE_OK;
    if (status == CAIRO_STATUS_NO_MEMORY)
        return fail_memory(error, 0, "a figure");
    return fail(error, VALENCE_ERROR_IO, "the figure %s cannot be drawn: %s", id,
                cairo_status_to_string(status));
}

/* The layout needs to know how wide texts are before there is a surface of the right size. */
static cairo_status_t lay_out(struct figure *figure)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    figure->cr = cairo_create(surface);
    canvas_set_up(figure->cr);
    figure_lay_out(figure);
    cairo_status_t status = cairo_status(figure->cr);
    cairo_destroy(figure->cr);
    cairo_surface_destroy(surface);
    return status;
}

int figure_draw(FILE *stream, enum valence_figure_format format, double width,
                const struct report_chart *chart, const struct palette *palette,
                struct figure_counts *counts, struct valence_error *error)
{
    struct figure figure = {.chart = chart, .palette = palette, .width = width};
    cairo_status_t status = lay_out(&figure);
    if (status)
        return status_of(status, chart->id, error);
    cairo_surface_t *surface = make_surface(stream, format, width, figure.height, chart->title);
    figure.cr = cairo_create(surface);
    canvas_set_up(figure.cr);
    draw_axes(&figure);
    draw_data(&figure);
    draw_marks(&figure);
    draw_legend(&figure);
    status = cairo_status(figure.cr);
    cairo_destroy(figure.cr);
    cairo_surface_finish(surface);
    if (!status)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (counts)
        *counts = figure.counts;
    return status_of(status, chart->id, error);
}
