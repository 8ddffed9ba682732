/* valence merge: several stores as one. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "json_output.h"
#include "path_kinds.h"
#include "shared_options.h"
#include "terminal.h"
#include "valence/store.h"
#include "valence/text.h"

struct request {
    const char *output;
    bool force, partial, shards, json, quiet;
};

static int merge(const struct request *request, const char *const *stores, int n,
                 struct valence_error *error)
{
    struct valence_store_merge_options options;
    int64_t n_clips;
    valence_store_merge_options_default(&options);
    options.overwrite = request->force;
    options.partial = request->partial;
    options.shards = request->shards;
    options.progress = terminal_progress(request->quiet);
    int status = valence_store_merge(stores, n, request->output, &options, &n_clips, error);
    terminal_progress_finish();
    if (status)
        return explain_paths(stores, n, WANTED_STORE, error);
    if (request->json)
        return print_json(json_pack("{s:s, s:i, s:I}", "store", request->output, "stores", n,
                                    "clips", (json_int_t)n_clips),
                          error);
    print_clean(stdout, request->output);
    if (request->shards)
        printf(": %" PRId64 " clips; added %d %s as shards\n", n_clips, n,
               valence_plural(n, "store", "stores"));
    else
        printf(": %" PRId64 " clips of %d stores\n", n_clips, n);
    return VALENCE_OK;
}

static int run_merge(const struct command *command, int argc, char **argv)
{
    struct request request = {.output = NULL};
    struct valence_error error;
    int n, code = EXIT_FAILED;
    const struct option options[] = {
        option_output(&request.output, "STORE", "The store to make."),
        option_force(&request.force, "Replace a store that is there."),
        {OPTION_FLAG, 0, "partial", &request.partial, NULL,
         "Join the parts of an extraction that you name, even if some are missing.", 0, 0},
        {OPTION_FLAG, 0, "shards", &request.shards, NULL,
         "Copy the stores as they are, as shards of one store, and add them to the shards that "
         "STORE has already.",
         0, 0},
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    const char **stores = calloc((size_t)argc, sizeof *stores);
    if (!stores)
        return report_no_memory();
    if (options_parse(command, options, argc, argv, stores, 1, argc, &n, &code)) {
        if (request.shards && (request.force || request.partial))
            code = report_usage(command, "--shards only adds stores: it cannot be combined "
                                         "with --force or --partial");
        else if (!request.output)
            code = report_usage(command, "-o STORE is missing");
        else
            code = merge(&request, stores, n, &error) ? report_error(&error) : EXIT_FINE;
    }
    free(stores);
    return code;
}

const struct command command_merge = {
    .name = "merge",
    .arguments = "STORE...",
    .summary = "Join stores, such as the parts of an extraction, into one.",
    .description =
        "The new store has the clips of all stores, in the order in which you name them. "
        "They need the same streams, made by the same encoders with the same settings. If some are "
        "parts that 'valence extract --shard I/N' made, all N must be there.",
    .example = "valence extract clips/ --shard 1/2 -o part1\n"
               "valence extract clips/ --shard 2/2 -o part2\n"
               "valence merge part1 part2 -o corpus\n"
               "valence merge part3 part4 -o large --shards",
    .run = run_merge,
};
