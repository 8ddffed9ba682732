/* valence export: a store's clips in forms that other programs read. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "open_paths.h"
#include "json_output.h"
#include "shared_options.h"
#include "table.h"
#include "terminal.h"
#include "valence/export.h"

struct request {
    const char *store, *target, *form;
    bool force, json, quiet, accept_unfinished;
};

static void print_result(const struct request *request, const struct valence_store *store,
                         const struct valence_export_result *result)
{
    struct table table = {.title = request->target};
    table_column(&table, "exported", TABLE_LEFT);
    table_column(&table, "number", TABLE_RIGHT);
    table_cell(&table, "clips");
    table_cell(&table, "%" PRId64, result->n_clips);
    for (int s = 0; s < valence_store_n_streams(store); s++) {
        const char *name = valence_store_get_stream(store, s)->name;
        if (result->left_out & 1u << s) {
            table_note(&table, "left out, since %s knows no such stream: %s", request->form, name);
            continue;
        }
        table_cell(&table, "rows of %s", name);
        table_cell(&table, "%" PRId64, result->n_rows[s]);
    }
    table_print(&table, summary_stream(request->target));
}

static json_t *result_to_json(const struct request *request, const struct valence_store *store,
                              const struct valence_export_result *result)
{
    json_t *rows = json_object(), *left_out = json_array();
    for (int s = 0; s < valence_store_n_streams(store); s++) {
        const char *name = valence_store_get_stream(store, s)->name;
        if (result->left_out & 1u << s)
            json_array_append_new(left_out, json_string(name));
        else
            json_object_set_new(rows, name, json_integer(result->n_rows[s]));
    }
    return json_pack("{s:s, s:s, s:I, s:o, s:o}", "output", request->target, "form", request->form,
                     "clips", (json_int_t)result->n_clips, "rows", rows, "left_out", left_out);
}

static int export_store(const struct request *request, enum valence_export_kind form,
                        struct valence_error *error)
{
    struct valence_store *store;
    struct valence_export_result result = {.size = sizeof result};
    struct valence_export_options options;
    valence_export_options_default(&options);
    options.overwrite = request->force;
    int status = open_store(request->store, request->accept_unfinished, &store, error);
    if (!status)
        status = valence_export(form, store, request->target, &options,
                                terminal_progress(request->quiet), &result, error);
    terminal_progress_finish();
    if (!status && request->json)
        status = print_json(result_to_json(request, store, &result), error);
    else if (!status)
        print_result(request, store, &result);
    valence_store_close(store);
    return status;
}

static int run_export(const struct command *command, int argc, char **argv)
{
    struct request request = {.form = "npy"};
    enum valence_export_kind form;
    const char *positional[2];
    const struct option options[] = {
        option_store(&positional[0]),
        option_output_argument(&positional[1], "TARGET", "Another way to give TARGET."),
        {OPTION_TEXT, 0, "form", &request.form, "FORM",
         "npy, safetensors, mmsa or npz (default: npy).", 0, 0},
        option_force(&request.force, "Replace an existing file."),
        option_json(&request.json),
        OPTION_ACCEPT_UNFINISHED(&request.accept_unfinished),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    int n, code;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, &code))
        return code;
    request.store = positional[0];
    request.target = positional[1];
    if ((code = choose_form(command, request.form, &form)))
        return code;
    struct valence_error error;
    return export_store(&request, form, &error) ? report_error(&error) : EXIT_FINE;
}

#define FORM_HELP(name, word, text) word ": " text ".\n\n"

const struct command command_export = {
    .name = "export",
    .arguments = "STORE TARGET",
    .summary = "Write a store's clips in a format that other programs read.",
    .description = "--form chooses the format of TARGET:\n\n" VALENCE_EXPORT_KIND_MAP(
        FORM_HELP) "Rows keep the store's element type (mmsa, npz: f32), and 'valence import' "
                   "reads "
                   "all forms back the same. TARGET must not exist; it appears when it is "
                   "complete.",
    .example = "valence export corpus features    # and back:\n"
               "valence import table features/labels.csv again --audio-folder features/audio\n"
               "valence export corpus corpus.safetensors --form safetensors\n"
               "valence export corpus corpus.pkl --form mmsa",
    .run = run_export,
};
