/* valence report: one HTML file of runs and experiments. */
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "shared_options.h"
#include "valence/output.h"
#include "valence/report.h"
#include "valence/runtime.h"

#define MAX_INPUTS 256

struct request {
    const char *inputs[MAX_INPUTS];
    int n_inputs;
    const char *output, *store, *split, *title;
    bool json, force, quiet;
    int64_t threads;
    double level;
};

static int check(const struct command *command, const struct request *request,
                 struct valence_report_options *options)
{
    if (request->json && request->output)
        return report_usage(command, "--json prints the report's document: it writes no page, and "
                                     "-o does not go with it");
    valence_report_options_default(options);
    options->title = request->title;
    options->store = request->store;
    options->level = request->level;
    return choose_split(command, request->split, &options->split);
}

static int report(const struct request *request, const struct valence_report_options *options,
                  struct valence_error *error)
{
    const char *path = request->json ? "-" : request->output ? request->output : "report.html";
    struct valence_report *made;
    int status = valence_output_check(path, request->force, error);
    if (!status)
        status = valence_report_create(request->inputs, request->n_inputs, options,
                                       terminal_progress(request->quiet), &made, error);
    terminal_progress_finish();
    if (status)
        return status;
    status = request->json ? valence_report_write_json(made, path, true, error)
                           : valence_report_write_page(made, path, request->force, error);
    valence_report_free(made);
    if (!status && !request->json && !request->quiet && !valence_output_is_standard(path))
        printf("%s: open it in a browser\n", path);
    return status;
}

static int run_report(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "test", .level = 0.9};
    const struct option options[] = {
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
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        option_json(&request.json),
        option_force(&request.force, "Replace an existing file."),
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
               "valence report run erase.json",
    .run = run_report,
};
