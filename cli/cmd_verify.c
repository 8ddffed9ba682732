/* valence verify: a result file's figures, computed again. */
#include <jansson.h>
#include <stdio.h>

#include "commands.h"
#include "json_output.h"
#include "path_kinds.h"
#include "ranks.h"
#include "shared_options.h"
#include "table.h"
#include "valence/experiment.h"
#include "valence/runtime.h"
#include "verify_document.h"

struct request {
    const char *file, *store;
    int64_t threads;
    bool json, quiet;
};

/* The differences, as a table and as JSON. */
struct differences {
    struct table table;
    json_t *list;
};

static void add_difference(void *user, const char *where, const char *recorded, const char *found)
{
    struct differences *differences = user;
    table_cell(&differences->table, "%s", where);
    table_cell(&differences->table, "%s", recorded);
    table_cell(&differences->table, "%s", found);
    json_array_append_new(differences->list, json_pack("{s:s, s:s, s:s}", "where", where,
                                                       "recorded", recorded, "found", found));
}

static int compute_again(const struct request *request, struct differences *differences, int64_t *n,
                         struct valence_error *error)
{
    json_t *document = verify_document_read(request->file);
    if (document) {
        const struct document_verification verification = {.path = request->file,
                                                           .store = request->store,
                                                           .n_threads = request->threads,
                                                           .quiet = request->quiet,
                                                           .differs = add_difference,
                                                           .user = differences};
        int status = verify_document(&verification, document, n, error);
        json_decref(document);
        return status;
    }
    int status = valence_result_verify(request->file, request->store, add_difference, differences,
                                       terminal_progress(request->quiet), n, error);
    terminal_progress_finish();
    return status ? explain_path(request->file, WANTED_RESULT, error) : status;
}

static int verify(const struct request *request, int64_t *n, struct valence_error *error)
{
    struct differences differences = {.table = {.title = NULL}, .list = json_array()};
    table_column(&differences.table, "figure", TABLE_LEFT);
    table_column(&differences.table, "recorded", TABLE_LEFT);
    table_column(&differences.table, "computed", TABLE_LEFT);
    int status = compute_again(request, &differences, n, error);
    if (!status && request->json) {
        status =
            print_json(json_pack("{s:s, s:b, s:I, s:O}", "file", request->file, "same", *n == 0,
                                 "n_differences", (json_int_t)*n, "differences", differences.list),
                       error);
    } else if (!status && *n == 0) {
        printf("%s: all figures are the same when they are computed again\n", request->file);
    } else if (!status) {
        table_print(&differences.table, stdout);
        differences.table = (struct table){.title = NULL};
    }
    table_free(&differences.table);
    json_decref(differences.list);
    return status;
}

static int run_verify(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    const char *positional[1];
    const struct option options[] = {
        {OPTION_TEXT, 0, "store", &request.store, "STORE",
         "The store, if it has moved since (default: the one that the file names).", 0, 0},
        option_threads(&request.threads),
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    struct valence_error error;
    int64_t n_differences;
    int n, code;
    if (!options_parse(command, options, argc, argv, positional, 1, 1, &n, &code))
        return code;
    if (ranks_count() > 1)
        return report_usage(command, "it runs in one process: start it without mpirun or srun");
    request.file = positional[0];
    if (request.threads > 0)
        valence_set_threads((int)request.threads);
    if (verify(&request, &n_differences, &error))
        return report_error(&error);
    return n_differences ? EXIT_FAILED : EXIT_FINE;
}

const struct command command_verify = {
    .name = "verify",
    .computes = true,
    .arguments = "RESULT.json",
    .summary = "Compute a result file's figures again, and show what differs.",
    .description =
        "RESULT.json is the result of an experiment, in its folder, or what 'valence compare "
        "--json' printed of finished runs. The models are loaded and measured again on the store, "
        "and all figures, intervals and tests are computed again. The exit code is 1 if any "
        "differs.\n\n"
        "It may also be what evaluate (with --protocol, too), predict or compare-representations "
        "printed with --json. The command that it records is then run again, so call verify in "
        "the same folder. Masks are compared by their hashes.\n\n"
        "Figures that differ by less than a millionth count as the same: other processors round "
        "differently.",
    .example = "valence verify ablation/result.json\n"
               "valence evaluate run corpus --protocol erase --json > erase.json\n"
               "valence verify erase.json\n"
               "valence verify ablation/result.json --store /data/corpus --json",
    .run = run_verify,
};
