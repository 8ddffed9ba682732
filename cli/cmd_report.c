/* valence report: one HTML file of runs and experiments. */
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "path_kinds.h"
#include "paths.h"
#include "shared_options.h"
#include "terminal.h"
#include "valence/output.h"
#include "valence/report.h"
#include "valence/runtime.h"
#include "valence/text.h"

#define MAX_INPUTS 256

struct request {
    const char *inputs[MAX_INPUTS];
    int n_inputs;
    const char *output, *store, *split, *title, *figures, *figure_format_name;
    int figure_format;
    bool json, force, quiet;
    int64_t threads;
    double level, figure_width;
};

static int check(const struct command *command, const struct request *request,
                 struct valence_report_options *options)
{
    if (request->json && request->output)
        return report_usage(command, "--json prints the report's document: it writes no page, and "
                                     "-o does not go with it");
    if (!request->figures && (request->figure_format_name || request->figure_width > 0))
        return report_usage(command, "--figure-format and --figure-width need --figures");
    valence_report_options_default(options);
    options->title = request->title;
    options->store = request->store;
    options->level = request->level;
    return choose_split(command, request->split, &options->split);
}

static int choose_figure_format(const struct command *command, struct request *request)
{
    const char *names[VALENCE_N_FIGURE_FORMATS];
    for (int i = 0; i < VALENCE_N_FIGURE_FORMATS; i++)
        names[i] = valence_figure_format_name(i);
    return request->figure_format_name
               ? choose_name(command, "--figure-format", request->figure_format_name, names,
                             VALENCE_N_FIGURE_FORMATS, &request->figure_format)
               : EXIT_FINE;
}

/* Before the models score anything: whether what they would be written to is there. */
static int check_outputs(const struct request *request, const char *page,
                         struct valence_error *error)
{
    if (request->figures && is_folder(request->figures) && !request->force)
        return valence_fail(error, VALENCE_ERROR_EXISTS, "overwrite", "%s: already exists",
                            request->figures);
    return page ? valence_output_check(page, request->force, error) : VALENCE_OK;
}

static int write_figures(const struct request *request, const struct valence_report *made,
                         struct valence_error *error)
{
    struct valence_figure_result result = {.size = sizeof result};
    struct valence_figure_options options;
    valence_figure_options_default(&options);
    options.figure_format = (enum valence_figure_format)request->figure_format;
    if (request->figure_width > 0)
        options.figure_width = request->figure_width;
    options.overwrite = request->force;
    int status = valence_report_write_figures(made, request->figures, &options, &result, error);
    if (!status && !request->json && !request->quiet)
        fprintf(summary_stream(request->output ? request->output : ""), "%s: %lld %s and %lld %s\n",
                request->figures, (long long)result.n_charts,
                valence_plural(result.n_charts, "chart", "charts"), (long long)result.n_tables,
                valence_plural(result.n_tables, "table", "tables"));
    return status;
}

static int report(const struct request *request, const struct valence_report_options *options,
                  struct valence_error *error)
{
    /* With figures, there is a page only where one is named. */
    const char *page = request->json || (request->figures && !request->output) ? NULL
                       : request->output                                       ? request->output
                                                                               : "report.html";
    struct valence_report *made;
    int status = check_outputs(request, page, error);
    if (status)
        return status;
    status = valence_report_create(request->inputs, request->n_inputs, options,
                                   terminal_progress(request->quiet), &made, error);
    terminal_progress_finish();
    if (status)
        return explain_paths(request->inputs, request->n_inputs, WANTED_REPORT, error);
    if (request->figures)
        status = write_figures(request, made, error);
    if (!status && request->json)
        status = valence_report_write_json(made, "-", true, error);
    else if (!status && page)
        status = valence_report_write_page(made, page, request->force, error);
    valence_report_free(made);
    if (!status && page && !request->quiet && !valence_output_is_standard(page))
        printf("%s: open it in a browser\n", page);
    return status;
}

static int run_report(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "test", .level = 0.9};
    const struct option options[] = {
        option_run(&request.inputs[0]),
        {OPTION_TEXT, 'o', "output", &request.output, "FILE",
         "The page (default: report.html); - is standard output.", 0, 0},
        {OPTION_TEXT, 0, "title", &request.title, "TEXT",
         "The page's title (default: the names of what it is made of).", 0, 0},
        {OPTION_TEXT, 0, "store", &request.store, "STORE",
         "The store that the models of runs score (default: the one that each was trained on, "
         "where it is there; '' for none).",
         0, 0},
        {OPTION_TEXT, 0, "split", &request.split, "NAME",
         "The part that they score: train, validation or test (default: test).", 0, 0},
        LEVEL_OPTION(&request.level),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Figures for a paper", 0, 0},
        {OPTION_TEXT, 0, "figures", &request.figures, "DIR",
         "Write each chart as a figure with its data (CSV), and each table as LaTeX and CSV, to "
         "this folder, and no page unless -o names one.",
         0, 0},
        {OPTION_TEXT, 0, "figure-format", &request.figure_format_name, "FORMAT",
         "svg, pdf, or none for the data alone (default: svg).", 0, 0},
        {OPTION_NUMBER, 0, "figure-width", &request.figure_width, "INCHES",
         "Width of the figures (default: 3.4, a column; 7 is a page of two columns).", 1, 20},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        option_json(&request.json),
        option_force(&request.force, "Replace files that are there."),
        option_quiet(&request.quiet),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0},
        option_threads(&request.threads),
        {.type = OPTION_END}};
    struct valence_report_options chosen;
    struct valence_error error;
    int code;
    if (!options_parse(command, options, argc, argv, request.inputs, 1, MAX_INPUTS,
                       &request.n_inputs, &code))
        return code;
    code = check(command, &request, &chosen);
    if (!code)
        code = choose_figure_format(command, &request);
    if (code)
        return code;
    if (request.threads)
        valence_set_threads((int)request.threads);
    return report(&request, &chosen, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_report = {
    .name = "report",
    .computes = true,
    .arguments = "RUN|RESULT|FOLDER...",
    .summary = "Make one HTML file of runs, evaluations and experiments.",
    .description =
        "The report is one file that opens in any browser, without a network: learning curves, "
        "predictions, errors, intervals, results under missing data, ablations, sweeps, the clips "
        "one by one, the data set, and how to make every figure again. It shows what there is data "
        "for.\n\n"
        "Give it runs, folders of experiments, and what evaluate, predict, compare, ablate, sweep, "
        "compare-representations, cost and doctor print with --json, or evaluate writes with "
        "--predictions. The models of runs score the test part of the store that "
        "they were trained on, where that is there; --store names another place. A run that is "
        "still training gives what it has so far.",
    .example = "valence report run -o run.html\n"
               "valence report run-a run-b ablation --store corpus\n"
               "valence evaluate run corpus --protocol erase --json > erase.json\n"
               "valence report run erase.json\n"
               "valence report run ablation --figures figures --figure-format pdf",
    .run = run_report,
};
