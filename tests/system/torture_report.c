/* Torture: reports of runs and experiments. */
#include <stdio.h>

#include "torture.h"
#include "valence/report.h"

/* A file's bytes count to the result; no allocation of ours fails meanwhile, for there is none. */
static int add_bytes(double *result)
{
    FILE *file = fopen(made, "r");
    if (!file)
        return 1;
    for (int c; (c = fgetc(file)) != EOF;)
        *result = *result * 1.0001 + c;
    fclose(file);
    return VALENCE_OK;
}

static int write_report(double *result, struct valence_error *error)
{
    const char *const inputs[] = {run};
    struct valence_report *report;
    int status = valence_report_create(inputs, 1, NULL, NULL, &report, error);
    if (status)
        return report ? 1 : status;
    status = valence_report_write_json(report, made, true, error);
    if (!status)
        status = add_bytes(result);
    if (!status)
        status = valence_report_write_page(report, made, true, error);
    if (!status)
        status = add_bytes(result);
    valence_report_free(report);
    clear_untried(made);
    return status;
}

/* The data alone: what Cairo and its font libraries do without memory is theirs. */
static int write_figures(double *result, struct valence_error *error)
{
    const char *const inputs[] = {run};
    struct valence_report *report;
    struct valence_report_options options;
    struct valence_figure_options figures;
    struct valence_figure_result written = {.size = sizeof written};
    valence_report_options_default(&options);
    options.store = "";
    valence_figure_options_default(&figures);
    figures.figure_format = VALENCE_FIGURE_NONE;
    int status = valence_report_create(inputs, 1, &options, NULL, &report, error);
    if (status)
        return report ? 1 : status;
    status = valence_report_write_figures(report, made, &figures, &written, error);
    *result += (double)(written.n_charts * 100 + written.n_tables);
    valence_report_free(report);
    clear_untried(made);
    return status;
}

const struct torture_case report_cases[] = {
    {"valence_report_write_figures", write_figures, 20},
    {"valence_report_create valence_report_write_json valence_report_write_page", write_report, 20},
};
const int n_report_cases = sizeof report_cases / sizeof report_cases[0];
