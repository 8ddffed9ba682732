/* make-figures FOLDER: draws a chart of every kind, and hard ones, as SVG and PDF with their CSV,
 * and prints what was drawn as JSON; test_figures.py looks at it. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/document.h"
#include "report/figures/data.h"
#include "report/figures/figure.h"

static struct report_series *add(struct report_builder *builder, struct report_chart *chart,
                                 const char *name, int64_t n, bool has_x)
{
    struct report_series *series = report_series(builder, chart, name, n);
    if (has_x)
        series->x = report_numbers(builder, n);
    return series;
}

static void set_x(const struct report_series *series, int64_t i, double x)
{
    ((double *)(uintptr_t)series->x)[i] = x;
}

static void set_y(const struct report_series *series, int64_t i, double y)
{
    ((double *)(uintptr_t)series->y)[i] = y;
}

/* An interval around each value. */
static void add_intervals(struct report_builder *builder, struct report_series *series,
                          double half_width)
{
    double *low = report_numbers(builder, series->n), *high = report_numbers(builder, series->n);
    for (int64_t i = 0; i < series->n; i++) {
        low[i] = series->y[i] - half_width;
        high[i] = series->y[i] + half_width * 1.2;
    }
    series->low = low;
    series->high = high;
}

/* Reproducible noise between -1 and 1. */
static double noise(int64_t i)
{
    double x = sin((double)i * 12.9898) * 43758.5453;
    return 2 * (x - floor(x)) - 1;
}

static struct report_chart *begin(struct report_builder *builder, enum report_chart_kind kind,
                                  const char *id, const char *x, const char *y)
{
    struct report_chart *chart = report_chart(builder, kind, id, "A chart");
    chart->x.title = report_text(builder, x);
    chart->y.title = report_text(builder, y);
    return chart;
}

static void add_lines(struct report_builder *builder)
{
    static const char *const names[] = {"complete", "text_missing", "audio_missing",
                                        "video_missing"};
    struct report_chart *chart =
        begin(builder, REPORT_LINES, "lines", "Epoch", "Mean absolute error");
    chart->x.whole = true;
    for (int s = 0; s < 4; s++) {
        struct report_series *series = add(builder, chart, names[s], 40, true);
        for (int64_t i = 0; i < 40; i++) {
            set_x(series, i, (double)i + 1);
            set_y(series, i, 0.6 + 0.1 * s + exp(-(double)i / 8) + 0.02 * noise(i + 50 * s));
        }
        if (s < 2)
            add_intervals(builder, series, 0.04);
    }
    set_y(&chart->series[3], 20, NAN);
    report_mark(builder, chart, false, 31, "best epoch, by mean");
    report_mark(builder, chart, true, 1.25, "constant");
}

static void add_curve_over_categories(struct report_builder *builder)
{
    static const char *const rates[] = {"0", "0.1", "0.2", "0.5", "1"};
    struct report_chart *chart =
        begin(builder, REPORT_LINES, "missing-rate", "Missing rate", "Corr");
    report_axis_names(builder, &chart->x, rates, 5);
    chart->y.low = 0;
    chart->y.high = 1;
    for (int s = 0; s < 2; s++) {
        struct report_series *series = add(builder, chart, s ? "ridge" : "double flow", 5, false);
        for (int64_t i = 0; i < 5; i++)
            set_y(series, i, (0.8 - 0.1 * s) * exp(-0.3 * (double)i));
        series->reference = s == 1;
    }
}

static void add_logarithmic(struct report_builder *builder, const char *id, double first,
                            double factor, int64_t n)
{
    struct report_chart *chart = begin(builder, REPORT_POINTS, id, "Learning rate", "Loss");
    struct report_series *series = add(builder, chart, "runs", n, true);
    chart->x.logarithmic = chart->y.logarithmic = true;
    for (int64_t i = 0; i < n; i++) {
        set_x(series, i, first * pow(factor, (double)i));
        set_y(series, i, 2 + noise(i));
    }
    add_intervals(builder, series, 0.3);
}

static void add_points(struct report_builder *builder, const char *id, int64_t n)
{
    struct report_chart *chart = begin(builder, REPORT_POINTS, id, "True", "Predicted");
    struct report_series *series = add(builder, chart, "clips", n, true);
    struct report_series *diagonal = add(builder, chart, "equal", 2, true);
    chart->x.low = chart->y.low = -3;
    chart->x.high = chart->y.high = 3;
    for (int64_t i = 0; i < n; i++) {
        double label = 3 * noise(i);
        set_x(series, i, label);
        set_y(series, i, 0.8 * label + 0.5 * noise(i + 7777));
    }
    for (int64_t i = 0; i < 2; i++) {
        set_x(diagonal, i, i ? 3 : -3);
        set_y(diagonal, i, i ? 3 : -3);
    }
    diagonal->reference = true;
}

static void add_bars(struct report_builder *builder, const char *id, const char *const *names,
                     int64_t n, int n_series, double sign)
{
    static const char *const flows[] = {"complete", "text missing", "video missing", "audio"};
    struct report_chart *chart = begin(builder, REPORT_BARS, id, "Variant", "Difference of MAE");
    report_axis_names(builder, &chart->x, names, n);
    for (int s = 0; s < n_series; s++) {
        struct report_series *series = add(builder, chart, flows[s], n, false);
        for (int64_t i = 0; i < n; i++)
            set_y(series, i, sign < 0 ? 0.2 * noise(i + s) : 0.4 + 0.3 * noise(i + s));
        add_intervals(builder, series, 0.05);
    }
    if (n_series > 1)
        set_y(&chart->series[0], 1, NAN);
    report_mark(builder, chart, true, 0.1, "smallest detectable");
}

static void add_histogram(struct report_builder *builder)
{
    struct report_chart *chart = begin(builder, REPORT_HISTOGRAM, "labels", "Label", "Clips");
    chart->x.low = -3;
    chart->x.high = 3;
    chart->y.whole = true;
    struct report_series *series = add(builder, chart, "test", 25, false);
    for (int64_t i = 0; i < 25; i++)
        set_y(series, i, floor(60 * exp(-pow((double)i - 12, 2) / 40)));
}

static void add_heat(struct report_builder *builder, const char *id, int64_t columns, int64_t rows,
                     double shift, bool long_names)
{
    const char *names[64];
    struct report_chart *chart = begin(builder, REPORT_HEAT, id, "Predicted", "True");
    for (int64_t i = 0; i < 64; i++)
        names[i] = report_format(builder, long_names ? "a long name of a view, %d" : "%d", (int)i);
    report_axis_names(builder, &chart->x, names, columns);
    report_axis_names(builder, &chart->y, names, rows);
    chart->z.title = "Clips";
    chart->z.digits = 2;
    struct report_series *series = add(builder, chart, "value", columns * rows, false);
    for (int64_t i = 0; i < columns * rows; i++)
        set_y(series, i, noise(i) + shift);
    set_y(series, 1, NAN);
}

/* Names from data: markup, other scripts, direction marks, a long one. */
static void add_hostile(struct report_builder *builder)
{
    char longest[2001];
    memset(longest, 'm', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const names[] = {"</text><script>alert(1)</script>",
                                 "\"quoted\" & 'single'",
                                 "\u202eright to left",
                                 longest,
                                 "\u611f\u60c5 \U0001f600",
                                 ""};
    struct report_chart *chart = begin(builder, REPORT_BARS, "hostile", names[0], longest);
    report_axis_names(builder, &chart->x, names, 6);
    for (int s = 0; s < 2; s++) {
        struct report_series *series = add(builder, chart, names[s ? 0 : 3], 6, false);
        for (int64_t i = 0; i < 6; i++)
            set_y(series, i, (double)(i + s));
    }
    report_mark(builder, chart, true, 2, longest);
}

/* Four letters of a script that the usual font has not, and the first of them four times: where
 * they are boxes, both charts have the same. */
static void add_letters(struct report_builder *builder)
{
    static const char *const names[] = {"\u10d0\u10d1\u10d2\u10d3", "\u10d0\u10d0\u10d0\u10d0"};
    for (int i = 0; i < 2; i++) {
        struct report_chart *chart =
            begin(builder, REPORT_BARS, i ? "same-letters" : "four-letters", "Variant", "MAE");
        report_axis_names(builder, &chart->x, &names[i], 1);
        set_y(add(builder, chart, "test", 1, false), 0, 1);
    }
}

/* Data without an extent. */
static void add_degenerate(struct report_builder *builder)
{
    begin(builder, REPORT_LINES, "empty", "Epoch", "Loss");
    struct report_chart *one = begin(builder, REPORT_LINES, "one-point", "Epoch", "Loss");
    struct report_series *series = add(builder, one, "total", 1, true);
    set_x(series, 0, 1);
    set_y(series, 0, 0);
    struct report_chart *unknown = begin(builder, REPORT_BARS, "unknown", "Variant", "MAE");
    static const char *const names[] = {"a", "b"};
    report_axis_names(builder, &unknown->x, names, 2);
    add(builder, unknown, "test", 2, false);
    struct report_chart *huge = begin(builder, REPORT_POINTS, "huge", "x", "y");
    series = add(builder, huge, "p", 4, true);
    for (int64_t i = 0; i < 4; i++) {
        set_x(series, i, i == 3 ? INFINITY : 1e12 * (double)i);
        set_y(series, i, 1e-9 * (double)i);
    }
    struct report_chart *negative = begin(builder, REPORT_LINES, "not-positive", "x", "y");
    series = add(builder, negative, "p", 3, true);
    negative->y.logarithmic = true;
    for (int64_t i = 0; i < 3; i++) {
        set_x(series, i, (double)i);
        set_y(series, i, (double)i - 1);
    }
}

static void add_all(struct report_builder *builder)
{
    static const char *const few[] = {"full", "no-mia", "no-mkd", "no-rnc"};
    static const char *const many[] = {
        "full",        "no-mia", "no-mkd-representation", "no-mkd-cross",
        "no-mkd",      "no-rnc", "no-cross-attention",    "mean-modality-weights",
        "single-flow", "no-rs",  "fused-view-alone",      "no-simulated-text"};
    report_section_add(builder, "charts", "Charts");
    report_section(builder, "charts");
    add_lines(builder);
    add_curve_over_categories(builder);
    add_logarithmic(builder, "logarithmic", 1e-6, 10, 7);
    add_logarithmic(builder, "short-logarithmic", 0.02, 1.5, 5);
    add_points(builder, "points", 120);
    add_points(builder, "many-points", 3000);
    add_bars(builder, "bars", few, 4, 2, 1);
    add_bars(builder, "lying-bars", many, 12, 4, -1);
    add_histogram(builder);
    add_heat(builder, "heat", 7, 7, 2, false);
    add_heat(builder, "diverging-heat", 12, 9, 0.3, true);
    add_heat(builder, "large-heat", 60, 60, 0, false);
    add_hostile(builder);
    add_letters(builder);
    add_degenerate(builder);
}

/* ---- Output ---- */

static int draw(const char *folder, const struct report_chart *chart, const char *ending,
                double width, struct figure_counts *counts)
{
    char path[600];
    struct palette palette;
    struct valence_error error;
    snprintf(path, sizeof path, "%s/%s.%s", folder, chart->id, ending);
    FILE *stream = fopen(path, "wb");
    int status = stream ? palette_read(&palette, &error) : 1;
    if (!status && strcmp(ending, "csv") == 0)
        chart_write_csv(stream, chart);
    else if (!status)
        status = figure_draw(stream,
                             strcmp(ending, "pdf") == 0 ? VALENCE_FIGURE_PDF : VALENCE_FIGURE_SVG,
                             width, chart, &palette, counts, &error);
    if (status)
        fprintf(stderr, "%s: %s\n", path, error.text);
    if (stream)
        fclose(stream);
    return status;
}

int main(int argc, char **argv)
{
    const struct report_document *document;
    struct report_builder *builder = report_builder_create();
    json_t *drawn = json_object();
    if (argc < 2 || !builder)
        return 2;
    if (!figure_can_draw())
        return 77;
    double width = argc > 2 ? atof(argv[2]) * 72 : 3.4 * 72;
    add_all(builder);
    if (report_builder_finish(builder, "figures", &document, NULL))
        return 1;
    const struct report_section *section = &document->sections[0];
    for (int i = 0; i < section->n_items; i++) {
        const struct report_chart *chart = section->items[i].chart;
        struct figure_counts counts;
        if (draw(argv[1], chart, "pdf", width, NULL) || draw(argv[1], chart, "csv", 0, NULL) ||
            draw(argv[1], chart, "svg", width, &counts))
            return 1;
        json_object_set_new(
            drawn, chart->id,
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "lines", (json_int_t)counts.lines,
                      "symbols", (json_int_t)counts.symbols, "bars", (json_int_t)counts.bars,
                      "cells", (json_int_t)counts.cells, "bands", (json_int_t)counts.bands,
                      "error_bars", (json_int_t)counts.error_bars, "marks",
                      (json_int_t)counts.marks));
    }
    json_dumpf(drawn, stdout, JSON_INDENT(2));
    json_decref(drawn);
    report_document_free(document);
    return 0;
}
