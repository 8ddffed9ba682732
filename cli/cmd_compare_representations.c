/* valence compare-representations: how near what a model imagines is to what it would have seen. */
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "json_output.h"
#include "open_paths.h"
#include "representations_output.h"
#include "shared_options.h"
#include "table_files.h"
#include "valence/runtime.h"

/* What the command line says, as parsed. */
struct request {
    const char *run, *store;
    const char *split, *missing, *checkpoint, *format_name, *npy, *csv, *tables;
    int64_t max_clips, grid, batch, max_rows, threads;
    bool json, quiet, accept_unfinished;
    enum table_format format; /* of format_name */
    enum valence_checkpoint which;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    const char *positional[2];
    const struct option options[] = {
        option_run(&positional[0]),
        option_store(&positional[1]),
        {OPTION_TEXT, 0, "missing", &request->missing, "NAMES",
         "What the clips are without: audio, text or video, or two of them with a comma (default: "
         "text).",
         0, 0},
        {OPTION_TEXT, 0, "split", &request->split, "NAME",
         "train, validation or test (default: test).", 0, 0},
        CHECKPOINT_OPTION(&request->checkpoint),
        {OPTION_INT, 0, "max-clips", &request->max_clips, "N",
         "Compare at most N clips, taken evenly in the order of the labels; a map of N clips takes "
         "4 N^2 bytes. 0: all (default: 2000).",
         0, 100000},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_TEXT, 0, "npy", &request->npy, "FOLDER",
         "Also write every map to this new folder as a NumPy array, with a picture of it and a "
         "list of the clips.",
         0, 0},
        {OPTION_TEXT, 0, "csv", &request->csv, "FOLDER", "The same with maps as CSV.", 0, 0},
        {OPTION_INT, 0, "grid", &request->grid, "N",
         "With --json: the maps reduced to N rows and columns, 0 for none (default: 0).", 0, 256},
        option_format(&request->format_name),
        option_tables(&request->tables),
        option_json(&request->json),
        COMPUTING_OPTIONS(request)};
    int n;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, code))
        return false;
    request->run = positional[0];
    request->store = positional[1];
    return true;
}

static int check(const struct command *command, struct request *request,
                 struct valence_representations_options *options)
{
    int format = 0;
    valence_representations_options_default(options);
    options->max_clips = request->max_clips;
    options->grid = request->grid;
    options->batch_size = request->batch;
    options->max_rows = request->max_rows;
    int code = choose_split(command, request->split, &options->split);
    if (!code)
        code = choose_modalities(command, "--missing", request->missing, &options->missing);
    if (!code && options->missing >= VALENCE_ALL_MODALITIES)
        code = report_usage(command,
                            "--missing %s leaves nothing to imagine from; name one or two "
                            "of audio, text and video",
                            request->missing);
    if (!code)
        code = choose_checkpoint(command, request->checkpoint, &request->which);
    if (!code)
        code = choose_name(command, "--format", request->format_name, table_format_names,
                           TABLE_N_FORMATS, &format);
    request->format = (enum table_format)format;
    if (!code && request->json && request->format != TABLE_TEXT)
        code = report_usage(command, "--json and --format cannot be combined");
    if (!code && request->grid && !request->json)
        code = report_usage(command, "--grid needs --json");
    return code;
}

static int give(const struct request *request, const struct valence_representation_maps *maps,
                const struct valence_store *store, const struct valence_run *run,
                struct valence_error *error)
{
    int status = VALENCE_OK;
    if (request->npy)
        status = valence_representations_write(maps, store, VALENCE_MAP_NPY, request->npy, error);
    if (!status && request->csv)
        status = valence_representations_write(maps, store, VALENCE_MAP_CSV, request->csv, error);
    if (!status && request->tables)
        status = write_representations(request->tables, maps, store, run, error);
    if (!status && request->json)
        return print_json(representations_to_json(maps, store, run), error);
    if (!status)
        print_representations(maps, request->format, stdout);
    return status;
}

static int measure(const struct request *request,
                   const struct valence_representations_options *options,
                   const struct valence_run *run, const struct valence_store *store,
                   struct valence_error *error)
{
    const struct valence_representation_maps *maps;
    struct valence_model *model;
    int status = valence_run_load(run, &model, error);
    if (status)
        return status;
    status = valence_representations_measure(model, store, options,
                                             terminal_progress(request->quiet), &maps, error);
    terminal_progress_finish();
    if (!status)
        status = give(request, maps, store, run, error);
    valence_representations_free(maps);
    valence_model_free(model);
    return status;
}

static int compare(const struct request *request,
                   const struct valence_representations_options *options,
                   struct valence_error *error)
{
    struct valence_store *store;
    struct valence_run *run;
    int status = request->tables ? table_folder_make(request->tables, error) : VALENCE_OK;
    if (!status)
        status = open_run(request->run, request->which, &run, error);
    if (status)
        return status;
    status = open_store(request->store, request->accept_unfinished, &store, error);
    if (!status) {
        status = measure(request, options, run, store, error);
        valence_store_close(store);
    }
    valence_run_close(run);
    return status;
}

static int run_compare_representations(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "test",
                              .missing = "text",
                              .checkpoint = "best",
                              .format_name = "text",
                              .max_clips = 2000,
                              .batch = 64,
                              .max_rows = CHOICE_MAX_ROWS};
    struct valence_representations_options options;
    struct valence_error error;
    int code;
    if (!parse(command, argc, argv, &request, &code) || (code = check(command, &request, &options)))
        return code;
    if (request.threads)
        valence_set_threads((int)request.threads);
    return compare(&request, &options, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_compare_representations = {
    .name = "compare-representations",
    .computes = true,
    .arguments = "RUN STORE",
    .summary = "Measure how close imagined representations are to real ones.",
    .description =
        "Every clip goes through the model twice: complete, and without the modalities that "
        "--missing names. The map holds the Euclidean distances between imagined and real "
        "representations: a row for each clip without the modality, a column for each complete "
        "clip, both ordered by label.\n\n"
        "There is a map of the modality's representation and one of the outputs of "
        "cross-attention, each before and after imagination (MIA). The tables show the distance to "
        "the same clip (the map's diagonal) beside that to others, for all clips and by label. If "
        "own/others is 1, imagination says nothing about the clip.\n\n"
        "The last table is of the features that the scores are read off, complete and incomplete "
        "together: how much their first two principal components explain. --json and clips.csv "
        "have the coordinates.\n\n"
        "If the run has several seeds, every model is measured, and the mean and standard "
        "deviation are shown. Files have the mean map over the seeds, and the coordinates of the "
        "first model.",
    .example = "valence compare-representations run corpus\n"
               "valence compare-representations run corpus --missing audio,video\n"
               "valence compare-representations run corpus --npy maps\n"
               "valence compare-representations run corpus --json --grid 64",
    .run = run_compare_representations,
};
