#include "train_config.h"
#include "path_kinds.h"
#include "paths.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is trained on ---- */

static bool is_assignment_of(const char *assignment, const char *key)
{
    size_t length = strlen(key);
    return strncmp(assignment, key, length) == 0 && assignment[length] == '=';
}

/* The store that the command line names, wherever: the argument, --store or --set store=. */
static const char *find_store(const struct train_request *request)
{
    const char *store = request->subject && is_folder(request->subject) ? request->subject : NULL;
    if (request->store)
        store = request->store;
    for (int i = 0; i < request->assignments.n; i++)
        if (is_assignment_of(request->assignments.values[i], "store"))
            store = request->assignments.values[i] + strlen("store=");
    return store;
}

static bool has_file(const struct train_request *request)
{
    return request->subject && !is_folder(request->subject);
}

bool train_request_complete(const struct train_request *request)
{
    const char *store = find_store(request);
    return request->print_config || request->resume || has_file(request) || (store && store[0]);
}

bool train_key_for_option(const char *name, char *hint, size_t room)
{
    char own[64];
    snprintf(own, sizeof own, "%s", name);
    for (char *at = own; *at; at++)
        if (*at == '-')
            *at = '_';
    for (int i = 0; i < valence_train_n_keys(); i++) {
        const char *key = valence_train_get_key(i)->name, *dot = strchr(key, '.');
        if (strcmp(own, key) == 0 || (dot && strcmp(own, dot + 1) == 0)) {
            snprintf(hint, room, "--set %s=", key);
            return true;
        }
    }
    return false;
}

/* ---- The configuration ---- */

static int fail_usage(struct valence_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail_usage(struct valence_error *error, const char *format, ...)
{
    va_list args;
    *error = (struct valence_error){.status = VALENCE_ERROR_ARGUMENT};
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return error->status;
}

static int assign(struct valence_train_config *config, const char *assignment,
                  struct valence_error *error)
{
    char key[128], value[VALENCE_CONFIG_VALUE_BYTES];
    if (!option_split_assignment(assignment, key, sizeof key, value, sizeof value))
        return fail_usage(error, "--set %.200s: this is not KEY=VALUE", assignment);
    return valence_train_config_set(config, key, value, error);
}

static int set_number(struct valence_train_config *config, const char *key, int64_t value,
                      struct valence_error *error)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    return value < 0 ? VALENCE_OK : valence_train_config_set(config, key, digits, error);
}

/* The run to start from also says how to train; not where. */
static int configure_like(struct valence_train_config *config, const char *run,
                          struct valence_error *error)
{
    int status = valence_train_config_read_run(config, run, error);
    if (!status)
        status = valence_train_config_set(config, "seeds", "1", error);
    return status ? status
                  : valence_train_config_set(config, "output",
                                             valence_train_key_find("output")->standard, error);
}

/* The configuration from standard input, all of it; one byte more than may be is refused. */
static int read_standard_input(struct valence_train_config *config, struct valence_error *error)
{
    enum { ROOM = (1 << 20) + 1 };
    char *yaml = malloc(ROOM);
    if (!yaml)
        return fail_usage(error, "not enough memory for the configuration");
    size_t size = fread(yaml, 1, ROOM, stdin);
    int status = valence_train_config_parse(config, yaml, size, "standard input", error);
    free(yaml);
    return status;
}

/* A table could pass for a configuration: an empty one has no line that is wrong. */
static int read_file(struct valence_train_config *config, const char *path,
                     struct valence_error *error)
{
    if (is_table_path(path))
        return valence_fail(error, VALENCE_ERROR_CONFIG, NULL, "%s: this is a table", path);
    return valence_train_config_read(config, path, error);
}

static int explain(int status, const char *path, enum wanted_path wanted,
                   struct valence_error *error)
{
    return status ? explain_path(path, wanted, error) : VALENCE_OK;
}

static int begin_config(const struct train_request *request, struct valence_train_config *config,
                        struct valence_error *error)
{
    const char *store = find_store(request);
    int status = VALENCE_OK;
    if (request->resume)
        return explain(valence_train_config_read_run(config, request->resume, error),
                       request->resume, WANTED_RUN, error);
    if (has_file(request) && strcmp(request->subject, "-") == 0)
        status = read_standard_input(config, error);
    else if (has_file(request))
        status = explain(read_file(config, request->subject, error), request->subject,
                         WANTED_CONFIG, error);
    else if (request->from && is_folder(request->from))
        status = explain(configure_like(config, request->from, error), request->from, WANTED_MODEL,
                         error);
    else if (store)
        return explain(valence_train_config_for_store(config, store, error), store, WANTED_STORE,
                       error);
    return status || !store ? status : valence_train_config_set(config, "store", store, error);
}

int train_request_config(struct train_request *request, struct valence_train_config *config,
                         struct valence_error *error)
{
    int status = begin_config(request, config, error);
    if (!status && request->model)
        status = valence_train_config_set_model(config, request->model, error);
    for (int i = 0; i < request->assignments.n && !status; i++)
        status = assign(config, request->assignments.values[i], error);
    if (!status && request->output)
        status = valence_train_config_set(config, "output", request->output, error);
    if (!status)
        status = set_number(config, "seed", request->seed, error);
    if (!status)
        status = set_number(config, "seeds", request->seeds, error);
    if (!status)
        status = set_number(config, "threads", request->threads, error);
    valence_train_config_get(config, "output", request->folder, sizeof request->folder, NULL);
    return status;
}

int explain_training(const struct train_request *request, const struct valence_train_config *config,
                     struct valence_error *error)
{
    char store[VALENCE_CONFIG_VALUE_BYTES];
    if (request->from)
        explain_path(request->from, WANTED_MODEL, error);
    if (!valence_train_config_get(config, "store", store, sizeof store, NULL) && store[0])
        explain_path(store, WANTED_STORE, error);
    return error->status;
}

/* ---- The full command ---- */

/* A word for a shell: as it is where that is safe, else in single quotes. */
static void print_word(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-./=,:+@%";
    if (word[0] && strspn(word, safe) == strlen(word)) {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    putchar('\'');
}

static void print_option(const char *option, const char *word)
{
    printf(" %s ", option);
    print_word(word);
}

/* Whether the command must say a key's value: where it is not what a plain `valence train STORE`
 * takes, or not the default. */
static bool must_say(const struct valence_train_config *others[2], const char *key,
                     const char *value)
{
    bool say = false;
    for (int i = 0; i < 2; i++) {
        char usual[VALENCE_CONFIG_VALUE_BYTES];
        say = say || !others[i] ||
              valence_train_config_get(others[i], key, usual, sizeof usual, NULL) ||
              strcmp(value, usual) != 0;
    }
    return say;
}

static void print_keys(const struct valence_train_config *config,
                       const struct valence_train_config *others[2])
{
    char value[VALENCE_CONFIG_VALUE_BYTES], assignment[sizeof value + 128];
    for (int i = 0; i < valence_train_n_keys(); i++) {
        const char *key = valence_train_get_key(i)->name;
        valence_train_config_get(config, key, value, sizeof value, NULL);
        snprintf(assignment, sizeof assignment, "%s=%s", key, value);
        if (strcmp(key, "store") != 0 && strcmp(key, "output") != 0 && must_say(others, key, value))
            print_option("--set", assignment);
    }
}

void print_full_command(const struct train_request *request,
                        const struct valence_train_config *config)
{
    struct valence_train_config *defaults = NULL, *fitting = NULL;
    char store[VALENCE_CONFIG_VALUE_BYTES];
    valence_train_config_get(config, "store", store, sizeof store, NULL);
    if (valence_train_config_create(&fitting, NULL) == VALENCE_OK &&
        valence_train_config_for_store(fitting, store, NULL)) {
        valence_train_config_free(fitting);
        fitting = NULL;
    }
    valence_train_config_create(&defaults, NULL);
    fputs("valence train ", stdout);
    print_word(store);
    print_option("--output", request->folder);
    if (request->from)
        print_option("--from", request->from);
    print_keys(config, (const struct valence_train_config *[2]){defaults, fitting});
    putchar('\n');
    valence_train_config_free(defaults);
    valence_train_config_free(fitting);
}
