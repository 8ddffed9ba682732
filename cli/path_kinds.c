#include "path_kinds.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "valence/inspect.h"

/* ---- What commands read ---- */

#define IS(kind) (1u << VALENCE_PATH_##kind)

/* Which kinds are right, how they are called together, and where they come from. */
static const struct {
    unsigned kinds;
    const char *name, *origin;
} wanted_paths[N_WANTED_PATHS] = {
    [WANTED_STORE] = {IS(STORE), "a store",
                      "'valence import', 'valence extract' and 'valence synthesize' make stores"},
    [WANTED_MODEL] = {IS(RUN) | IS(CHECKPOINT), "a run or a model file",
                      "'valence train STORE' makes a run"},
    [WANTED_RUN] = {IS(RUN), "a run's folder", "'valence train STORE' makes a run"},
    [WANTED_LOG] = {IS(RUN) | IS(EXPERIMENT), "the folder of a run or an experiment",
                    "'valence train STORE' makes a run"},
    [WANTED_EXPERIMENT] = {IS(EXPERIMENT), "an experiment's folder",
                           "'valence ablate', 'valence compare' and 'valence sweep' make "
                           "experiments"},
    [WANTED_RESULT] = {IS(RESULT), "a result file",
                       "results are result.json in an experiment's folder, and what compare "
                       "RUNS, evaluate, predict and compare-representations print with --json"},
    [WANTED_REPORT] = {IS(RUN) | IS(EXPERIMENT) | IS(RESULT) | IS(JSON),
                       "something that a report shows",
                       "reports show runs, experiments, what other commands print with --json, and "
                       "what 'valence evaluate --predictions' writes"},
    [WANTED_CONFIG] = {0, "a store or a configuration",
                       "'valence train STORE' trains on a store; with --print-config it prints a "
                       "configuration to start from"},
    [WANTED_MEDIA] = {IS(MEDIA) | IS(OTHER) | IS(FOLDER), "sound, video or text",
                      "name sound or video files, or a folder that holds some"},
    [WANTED_SOURCE] = {IS(OTHER) | IS(FOLDER) | IS(RUN) | IS(JSON),
                       "a data set that can be imported",
                       "'valence import --help' lists the kinds of data sets"},
    [WANTED_INSPECTED] = {IS(STORE) | IS(RUN) | IS(CHECKPOINT) | IS(ENCODER) | IS(OTHER) |
                              IS(FOLDER),
                          "something that 'valence inspect' shows",
                          "'valence inspect' shows stores, runs, model files, and what can be "
                          "imported"},
};

/* ---- What else there is ---- */

/* Each %s of `use` is the path. */
static const struct {
    const char *name, *use;
} found_kinds[] = {
    [VALENCE_PATH_STORE] = {"a store",
                            "'valence inspect %s' shows it, 'valence train %s' trains on it"},
    [VALENCE_PATH_RUN] = {"a run", "'valence evaluate %s STORE' measures it, "
                                   "%s/config.yaml is its configuration"},
    [VALENCE_PATH_CHECKPOINT] = {"a model file", "'valence evaluate %s STORE' measures it, "
                                                 "'valence inspect %s' describes it"},
    [VALENCE_PATH_ENCODER] = {"an encoder's model file", "'valence inspect %s' describes it"},
    [VALENCE_PATH_MEDIA] = {"a sound, picture or video",
                            "'valence score %s' scores what is said in it, 'valence extract %s -o "
                            "STORE' makes features of it"},
    [VALENCE_PATH_EXPERIMENT] = {"an experiment", "'valence runs %s' shows it; each of its runs is "
                                                  "a folder %s/runs/NAME"},
    [VALENCE_PATH_RESULT] = {"an experiment's result",
                             "'valence verify %s' computes it again, 'valence report %s' shows it"},
    [VALENCE_PATH_JSON] = {"what a command printed with --json", "'valence report %s' shows it"},
    [VALENCE_PATH_EMPTY] = {"an empty folder", NULL},
    [VALENCE_PATH_FOLDER] = {"a folder", NULL},
    [VALENCE_PATH_OTHER] = {NULL, NULL}, /* nothing is known of it */
};

bool is_table_path(const char *path)
{
    size_t length = strlen(path);
    return length > 4 &&
           (strcmp(path + length - 4, ".csv") == 0 || strcmp(path + length - 4, ".tsv") == 0);
}

/* Tables are only what imports, extractions and reports read, and what inspect shows. */
#define TAKE_TABLES                                                                                \
    (1u << WANTED_REPORT | 1u << WANTED_MEDIA | 1u << WANTED_SOURCE | 1u << WANTED_INSPECTED)

static int explain_table(const char *path, enum wanted_path wanted, struct valence_error *error)
{
    return valence_fail(error, VALENCE_ERROR_NOT_FOUND, NULL,
                        "%s: this is a table, not %s\n         ('valence import table %s STORE' "
                        "imports the features that it names, 'valence extract %s -o STORE' makes "
                        "features of its recordings)",
                        path, wanted_paths[wanted].name, path, path);
}

static bool is_absent(const char *path)
{
    return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Two lines: what to do with what was found, and where the wanted thing comes from. Text that is
 * too long is cut. */
static void add_advice(const char *path, enum valence_path_kind kind, enum wanted_path wanted,
                       struct valence_error *error)
{
    char use[sizeof error->text] = "";
    size_t used = strlen(error->text);
    if (found_kinds[kind].use)
        snprintf(use, sizeof use, found_kinds[kind].use, path, path);
    snprintf(error->text + used, sizeof error->text - used, "%s%s%s\n         (%s)",
             use[0] ? "\n         (" : "", use, use[0] ? ")" : "", wanted_paths[wanted].origin);
}

static bool is_wrong(const char *path, enum valence_path_kind kind, enum wanted_path wanted)
{
    return strcmp(path, "-") != 0 && /* standard input */
           !(wanted_paths[wanted].kinds & 1u << kind) &&
           (kind != VALENCE_PATH_NOTHING || is_absent(path));
}

int explain_path(const char *path, enum wanted_path wanted, struct valence_error *error)
{
    enum valence_path_kind kind = valence_path_kind(path);
    bool is_known =
        kind != VALENCE_PATH_OTHER && (kind != VALENCE_PATH_FOLDER || wanted == WANTED_RESULT);
    if (error->status == VALENCE_ERROR_CANCELLED || error->status == VALENCE_ERROR_MEMORY ||
        !is_wrong(path, kind, wanted))
        return error->status;
    if (kind == VALENCE_PATH_NOTHING && error->status == VALENCE_ERROR_ARGUMENT)
        return error->status; /* no path at all, such as an address */
    if (kind == VALENCE_PATH_OTHER && is_table_path(path) && !(TAKE_TABLES & 1u << wanted))
        return explain_table(path, wanted, error);
    if (kind == VALENCE_PATH_NOTHING)
        valence_fail(error, VALENCE_ERROR_NOT_FOUND, NULL, "%s: no such file or folder", path);
    else if (is_known)
        valence_fail(error, VALENCE_ERROR_NOT_FOUND, NULL, "%s: this is %s, not %s", path,
                     found_kinds[kind].name, wanted_paths[wanted].name);
    /* What the library says of something unknown may be what is wrong with it, and say enough. */
    if (is_known || (!error->key[0] && !strchr(error->text, '\n')))
        add_advice(path, kind, wanted, error);
    return error->status;
}

int explain_paths(const char *const *paths, int n, enum wanted_path wanted,
                  struct valence_error *error)
{
    for (int i = 0; i < n; i++)
        if (is_wrong(paths[i], valence_path_kind(paths[i]), wanted))
            return explain_path(paths[i], wanted, error);
    return error->status;
}
