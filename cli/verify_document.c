#include "verify_document.h"

#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "valence/experiment.h"

extern char **environ;

/* Commands that write nothing but their document, and whose figures are the same every time. */
static const struct {
    const char *schema, *command;
} kinds[] = {{"valence/evaluate", "evaluate"},
             {"valence/evaluate-protocol", "evaluate"},
             {"valence/predict", "predict"},
             {"valence/compare-representations", "compare-representations"}};

static const char *command_of(const json_t *document)
{
    const char *schema = json_string_value(json_object_get(document, "schema"));
    for (size_t i = 0; schema && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].schema, schema) == 0)
            return kinds[i].command;
    return NULL;
}

json_t *verify_document_read(const char *path)
{
    struct stat status;
    bool is_file = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    json_t *document = is_file ? json_load_file(path, 0, NULL) : NULL;
    if (command_of(document))
        return document;
    json_decref(document);
    return NULL;
}

/* ---- The command ---- */

static const char *word_at(const json_t *words, size_t i)
{
    const char *word = json_string_value(json_array_get(words, i));
    return word ? word : "";
}

/* A document may come from anywhere: no option that could write a file is run. A word after "--"
 * may be one, too, where "--" is the value of an option. */
static bool only_reads(const json_t *words, const char *command)
{
    if (strcmp(word_at(words, 0), "valence") != 0 || strcmp(word_at(words, 1), command) != 0)
        return false;
    for (size_t i = 2; i < json_array_size(words); i++) {
        const char *word = word_at(words, i);
        if (!json_is_string(json_array_get(words, i)))
            return false;
        if (strncmp(word, "--", 2) == 0 && options_left_out(word + 2) &&
            strcmp(word, "--json") != 0)
            return false;
    }
    return true;
}

/* The last word that is the store's path, or 0. */
static size_t place_of_store(const json_t *words, const json_t *document)
{
    const json_t *store = json_object_get(document, "store");
    if (!store)
        store = json_object_get(json_object_get(document, "data"), "store");
    for (size_t i = json_array_size(words); i-- > 2;)
        if (json_is_string(store) && strcmp(word_at(words, i), json_string_value(store)) == 0)
            return i;
    return 0;
}

/* Runs the command with its output to `out`. */
static int run(const char *const *argv, FILE *out, const char *path, struct valence_error *error)
{
    posix_spawn_file_actions_t actions;
    pid_t process = 0;
    int state = 0, number = posix_spawn_file_actions_init(&actions);
    if (!number) {
        number = posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
        if (!number)
            number = posix_spawn(&process, "/proc/self/exe", &actions, NULL,
                                 (char *const *)(uintptr_t)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    if (number)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "cannot start another valence: %s",
                            strerror(number));
    while (waitpid(process, &state, 0) < 0)
        if (errno != EINTR)
            return valence_fail(error, VALENCE_ERROR_IO, NULL, "cannot wait for valence: %s",
                                strerror(errno));
    return WIFEXITED(state) && WEXITSTATUS(state) == 0
               ? VALENCE_OK
               : valence_fail(error, VALENCE_ERROR_DATA, NULL,
                              "%s: the command that it records failed (run it in the folder where "
                              "it was run first; --store names a store that has moved)",
                              path);
}

static int make_again(const struct document_verification *v, const json_t *document, FILE *out,
                      struct valence_error *error)
{
    const json_t *words = json_object_get(document, "command");
    const char *command = command_of(document);
    size_t n = json_array_size(words), n_words = 0, place = place_of_store(words, document);
    char threads[32];
    if (!only_reads(words, command))
        return valence_fail(error, VALENCE_ERROR_FORMAT, NULL,
                            "%s: does not record a command that 'valence %s --json' ran", v->path,
                            command);
    if (v->store && !place)
        return valence_fail(error, VALENCE_ERROR_FORMAT, NULL,
                            "%s: its command does not name the store, so --store cannot replace it",
                            v->path);
    const char **argv = calloc(n + 4, sizeof *argv);
    if (!argv)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for a command");
    argv[n_words++] = "valence";
    argv[n_words++] = command;
    if (v->quiet)
        argv[n_words++] = "--quiet";
    if (v->n_threads > 0) {
        snprintf(threads, sizeof threads, "--threads=%" PRId64, v->n_threads);
        argv[n_words++] = threads;
    }
    for (size_t i = 2; i < n; i++)
        argv[n_words++] = v->store && i == place ? v->store : word_at(words, i);
    int status = run(argv, out, v->path, error);
    free(argv);
    return status;
}

/* ---- Comparing ---- */

/* Where things lie, and who computed, may differ. */
static void forget(json_t *document)
{
    static const char *const keys[] = {"valence", "valence_version", "command", "machine", "store"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        json_object_del(document, keys[i]);
    json_object_del(json_object_get(document, "data"), "store");
}

static int compare(const struct document_verification *v, json_t *recorded, json_t *found,
                   int64_t *n_differences, struct valence_error *error)
{
    forget(recorded);
    forget(found);
    char *texts[] = {json_dumps(recorded, JSON_REAL_PRECISION(17)),
                     json_dumps(found, JSON_REAL_PRECISION(17))};
    int status =
        texts[0] && texts[1]
            ? valence_result_compare(texts[0], texts[1], v->differs, v->user, n_differences, error)
            : valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for a document");
    free(texts[0]);
    free(texts[1]);
    return status;
}

int verify_document(const struct document_verification *verification, json_t *document,
                    int64_t *n_differences, struct valence_error *error)
{
    FILE *out = tmpfile();
    *n_differences = 0;
    if (!out)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "cannot make a temporary file: %s",
                            strerror(errno));
    int status = make_again(verification, document, out, error);
    rewind(out);
    json_t *found = status ? NULL : json_loadf(out, 0, NULL);
    fclose(out);
    if (!status && !found)
        status =
            valence_fail(error, VALENCE_ERROR_DATA, NULL,
                         "%s: the command that it records printed no JSON", verification->path);
    if (!status)
        status = compare(verification, document, found, n_differences, error);
    json_decref(found);
    return status;
}
