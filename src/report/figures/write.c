/* All figures and tables of a report, for a paper. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/options.h"
#include "report/figures/data.h"
#include "report/figures/figure.h"
#include "report/report.h"

#define POINTS_PER_INCH 72

const char *valence_figure_format_name(int format)
{
    static const char *const names[VALENCE_N_FIGURE_FORMATS] = {"svg", "pdf", "none"};
    return format >= 0 && format < VALENCE_N_FIGURE_FORMATS ? names[format] : NULL;
}

void valence_figure_options_default(struct valence_figure_options *options)
{
    *options = (struct valence_figure_options){.size = sizeof *options, .figure_width = 3.4};
}

struct figures {
    const struct report_document *document;
    struct valence_figure_options options;
    struct palette palette;
    struct valence_figure_result result;
};

/* ---- Files ---- */

/* One of an item's files. */
typedef int item_writer(FILE *stream, const struct figures *figures, const struct report_item *item,
                        struct valence_error *error);

static int write_file(const struct figures *figures, const struct report_item *item,
                      const char *folder, const char *id, const char *ending, unsigned flags,
                      item_writer *write, struct valence_error *error)
{
    struct file_writer writer;
    char *path = NULL;
    if (asprintf(&path, "%s/%s.%s", folder, id, ending) < 0)
        return fail_memory(error, strlen(folder), "a path");
    int status = file_write_begin(&writer, path, flags, error);
    free(path);
    if (status)
        return status;
    status = write(writer.stream, figures, item, error);
    if (!status)
        return file_write_commit(&writer, error);
    file_write_abort(&writer);
    return status;
}

static int write_figure(FILE *stream, const struct figures *figures, const struct report_item *item,
                        struct valence_error *error)
{
    return figure_draw(stream, figures->options.figure_format,
                       figures->options.figure_width * POINTS_PER_INCH, item->chart,
                       &figures->palette, NULL, error);
}

static int write_data(FILE *stream, const struct figures *figures, const struct report_item *item,
                      struct valence_error *error)
{
    (void)figures;
    (void)error;
    if (item->kind == REPORT_CHART)
        chart_write_csv(stream, item->chart);
    else
        table_write_csv(stream, item->table);
    return VALENCE_OK;
}

static int write_latex(FILE *stream, const struct figures *figures, const struct report_item *item,
                       struct valence_error *error)
{
    (void)figures;
    (void)error;
    table_write_latex(stream, item->table);
    return VALENCE_OK;
}

/* ---- Items ---- */

static int write_chart(struct figures *figures, const struct report_item *item, const char *folder,
                       unsigned flags, struct valence_error *error)
{
    int format = (int)figures->options.figure_format, status = VALENCE_OK;
    if (format != VALENCE_FIGURE_NONE)
        status = write_file(figures, item, folder, item->chart->id,
                            valence_figure_format_name(format), flags, write_figure, error);
    if (!status)
        status =
            write_file(figures, item, folder, item->chart->id, "csv", flags, write_data, error);
    figures->result.n_charts++;
    return status;
}

static int write_table(struct figures *figures, const struct report_item *item, const char *folder,
                       unsigned flags, struct valence_error *error)
{
    int status =
        write_file(figures, item, folder, item->table->id, "tex", flags, write_latex, error);
    if (!status)
        status =
            write_file(figures, item, folder, item->table->id, "csv", flags, write_data, error);
    figures->result.n_tables++;
    return status;
}

static int write_items(void *user, const char *folder, unsigned flags, struct valence_error *error)
{
    struct figures *figures = user;
    int status = VALENCE_OK;
    for (int s = 0; s < figures->document->n_sections; s++) {
        const struct report_section *section = &figures->document->sections[s];
        for (int i = 0; i < section->n_items && !status; i++) {
            const struct report_item *item = &section->items[i];
            if (item->kind == REPORT_CHART)
                status = write_chart(figures, item, folder, flags, error);
            else if (item->kind == REPORT_TABLE)
                status = write_table(figures, item, folder, flags, error);
        }
    }
    return status;
}

static bool has_charts(const struct report_document *document)
{
    for (int s = 0; s < document->n_sections; s++)
        for (int i = 0; i < document->sections[s].n_items; i++)
            if (document->sections[s].items[i].kind == REPORT_CHART)
                return true;
    return false;
}

static int check(const struct figures *figures, struct valence_error *error)
{
    const struct valence_figure_options *options = &figures->options;
    if (!valence_figure_format_name((int)options->figure_format))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "figure_format",
                        "unknown format of figures %d", (int)options->figure_format);
    if (!(options->figure_width >= 1 && options->figure_width <= 20))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "figure_width",
                        "figures are 1 to 20 inches wide, not %g", options->figure_width);
    if (options->figure_format != VALENCE_FIGURE_NONE && has_charts(figures->document) &&
        !figure_can_draw())
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "figure_format",
                        "this build draws no figures: install Cairo (Debian: libcairo2-dev) and "
                        "build again");
    return VALENCE_OK;
}

int valence_report_write_figures(const struct valence_report *report, const char *folder,
                                 const struct valence_figure_options *given,
                                 struct valence_figure_result *given_result,
                                 struct valence_error *error)
{
    struct figures figures = {.document = report->document,
                              .result = {.size = sizeof figures.result}};
    valence_figure_options_default(&figures.options);
    int status = options_read(&figures.options, sizeof figures.options, given, error);
    if (!status && given_result && given_result->size != sizeof figures.result)
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "the result struct does not begin with its size, or is of a newer version");
    if (!status)
        status = check(&figures, error);
    if (!status)
        status = palette_read(&figures.palette, error);
    if (!status)
        status = folder_write(folder, figures.options.overwrite, write_items, &figures, error);
    if (!status && given_result)
        *given_result = figures.result;
    return status;
}
