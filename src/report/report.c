/* Reports: what was collected, and the forms in which it is written. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "report/collect.h"
#include "report/document_json.h"
#include "report/page.h"
#include "report/sources.h"
#include "valence/output.h"

static const char *const styles[] = {"tokens.css", "base.css",   "words.css",
                                     "table.css",  "report.css", "chart.css",
                                     "clips.css",  "print.css",  NULL};
static const char *const scripts[] = {
    "dom.js",   "format.js",       "tone.js",          "theme.js", "table.js", "chart_table.js",
    "words.js", "chart_series.js", "chart_options.js", "chart.js", "clips.js", "report.js",
    NULL};

void valence_report_options_default(struct valence_report_options *options)
{
    *options = (struct valence_report_options){
        .size = sizeof *options, .split = VALENCE_TEST, .level = 0.9};
}

static int read_options(struct valence_report_options *options,
                        const struct valence_report_options *given, struct valence_error *error)
{
    valence_report_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (status)
        return status;
    if (options->split < 0 || options->split >= VALENCE_N_SPLITS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "split", "%d is not a split",
                        (int)options->split);
    return options_check_level(options->level, error);
}

/* ---- Collecting ---- */

#define TITLE_NAMES 3

/* Adds the `n`-th name, as long as there is room for names. */
static void add_name(char *title, size_t room, int64_t n, const char *name)
{
    size_t used = strlen(title);
    if (n < TITLE_NAMES)
        snprintf(title + used, room - used, "%s%.160s", n ? ", " : "", name);
}

/* The names of the first inputs, and how many more there are; seeds are one input. */
static void make_title(const struct sources *sources, char *title, size_t room)
{
    int64_t n = 0;
    title[0] = '\0';
    for (int64_t i = 0; i < sources->n_runs; i++)
        if (i == 0 || strcmp(sources->runs[i - 1].parent, sources->runs[i].parent) != 0)
            add_name(title, room, n++, sources->runs[i].group);
    for (int64_t i = 0; i < sources->n_documents; i++)
        add_name(title, room, n++, sources->documents[i].name);
    for (int64_t i = 0; i < sources->n_unfinished; i++)
        add_name(title, room, n++, sources->unfinished[i].name);
    for (int64_t i = 0; i < sources->n_tables; i++)
        add_name(title, room, n++, sources->tables[i].name);
    size_t used = strlen(title);
    if (n > TITLE_NAMES)
        snprintf(title + used, room - used, " and %lld more", (long long)n - TITLE_NAMES);
}

static void begin_sections(struct report_builder *builder)
{
    static const char *const sections[][2] = {{"summary", "Summary"},
                                              {"experiments", "Experiments"},
                                              {"missing", "Missing data"},
                                              {"learning", "Learning curves"},
                                              {"predictions", "Predictions"},
                                              {"errors", "Errors"},
                                              {"intervals", "Calibration and intervals"},
                                              {"representations", "Representations"},
                                              {"cost", "Cost"},
                                              {"clips", "Clips"},
                                              {"data", "Data set"},
                                              {"made", "How this was made"}};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        report_section_add(builder, sections[i][0], sections[i][1]);
}

/* Everything from reading predictions on; the builder is freed in any case. */
static int collect(struct report_builder *builder, const struct sources *sources,
                   const struct valence_report_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    struct scored_sets sets = {0};
    struct measured_groups *groups = report_take(builder, 1, sizeof *groups);
    if (!groups)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    begin_sections(builder);
    int status = score_runs(builder, sources, options, progress, &sets, error);
    if (!status)
        status = read_predictions(builder, sources, &sets, error);
    if (status)
        return status;
    measured_list(builder, sources, &sets, groups);
    collect_data_used(builder, sources);
    collect_summary(builder, groups);
    collect_learning(builder, sources);
    collect_predictions(builder, &sets);
    collect_classes(builder, groups);
    collect_errors(builder, &sets);
    collect_intervals(builder, &sets, groups);
    collect_experiments(builder, sources);
    collect_unfinished(builder, sources);
    collect_protocols(builder, sources);
    collect_representations(builder, sources);
    collect_costs(builder, sources);
    collect_clips(builder, &sets);
    collect_findings(builder, sources);
    collect_configuration(builder, sources, options);
    return VALENCE_OK;
}

int report_make_document(const struct sources *sources,
                         const struct valence_report_options *options,
                         const struct valence_progress *progress,
                         const struct report_document **document, struct valence_error *error)
{
    char title[640];
    struct report_builder *builder = report_builder_create();
    *document = NULL;
    int status = builder ? collect(builder, sources, options, progress, error)
                         : fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    if (status) {
        report_builder_free(builder);
        return status;
    }
    make_title(sources, title, sizeof title);
    return report_builder_finish(builder, options->title ? options->title : title, document, error);
}

int valence_report_create(const char *const *inputs, int n,
                          const struct valence_report_options *given,
                          const struct valence_progress *progress, struct valence_report **report,
                          struct valence_error *error)
{
    struct valence_report_options options;
    struct sources sources;
    *report = NULL;
    int status = read_options(&options, given, error);
    if (!status && n < 1)
        status = fail(error, VALENCE_ERROR_ARGUMENT, "a report needs an input");
    if (!status)
        status = sources_read(inputs, n, &sources, error);
    if (status)
        return status;
    struct valence_report *made = allocate(1, sizeof *made);
    status = made ? report_make_document(&sources, &options, progress, &made->document, error)
                  : fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    sources_free(&sources);
    if (status)
        free(made);
    else
        *report = made;
    return status;
}

void valence_report_free(struct valence_report *report)
{
    if (!report)
        return;
    report_document_free(report->document);
    free(report);
}

/* ---- Writing ---- */

struct json_text {
    char *data;
    size_t n_bytes;
};

static int make_json(const struct valence_report *report, struct json_text *json,
                     struct valence_error *error)
{
    *json = (struct json_text){0};
    FILE *stream = open_memstream(&json->data, &json->n_bytes);
    int status = stream ? document_write_json(stream, report->document, error)
                        : fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    bool failed = stream && ferror(stream);
    if (stream && fclose(stream) != 0)
        failed = true;
    if (!status && failed)
        status = fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    if (status) {
        free(json->data);
        *json = (struct json_text){0};
    }
    return status;
}

static void write_data(FILE *stream, void *user)
{
    const struct json_text *json = user;
    page_write_json(stream, "report", json->data, json->n_bytes);
}

static int write_page(FILE *stream, const struct valence_report *report, struct json_text *json,
                      struct valence_error *error)
{
    const struct page page = {.title = report->document->title,
                              .styles = styles,
                              .scripts = scripts,
                              .library = page_chart_library.n_bytes ? &page_chart_library : NULL,
                              .media_source = "'none'",
                              .write_data = write_data,
                              .user = json};
    return page_write(stream, &page, error);
}

static int write_json(FILE *stream, struct json_text *json)
{
    fwrite(json->data, 1, json->n_bytes, stream);
    fputc('\n', stream);
    return VALENCE_OK;
}

static int write_form(const struct valence_report *report, const char *path, bool overwrite,
                      bool as_page, struct valence_error *error)
{
    struct valence_output *output;
    struct json_text json;
    int status = make_json(report, &json, error);
    if (!status)
        status = valence_output_open(path, overwrite, &output, error);
    if (!status) {
        FILE *stream = valence_output_stream(output);
        status = as_page ? write_page(stream, report, &json, error) : write_json(stream, &json);
        if (status)
            valence_output_abort(output);
        else
            status = valence_output_commit(output, error);
    }
    free(json.data);
    return status;
}

int valence_report_write_page(const struct valence_report *report, const char *path, bool overwrite,
                              struct valence_error *error)
{
    return write_form(report, path, overwrite, true, error);
}

int valence_report_write_json(const struct valence_report *report, const char *path, bool overwrite,
                              struct valence_error *error)
{
    return write_form(report, path, overwrite, false, error);
}
