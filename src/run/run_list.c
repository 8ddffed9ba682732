#include "run/run_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/text.h"
#include "run/run_folder.h"

#define SEED_PREFIX "seed-"

/* Where an experiment keeps its runs. */
#define EXPERIMENT_RUNS "runs"

/* ---- Seeds ---- */

/* The number in "seed-12", or -1 for any other name. */
static long long seed_number(const char *name)
{
    long long number;
    size_t length = strlen(SEED_PREFIX);
    bool valid = strncmp(name, SEED_PREFIX, length) == 0 && name[length] >= '0' &&
                 name[length] <= '9' && parse_int64(name + length, &number);
    return valid ? number : -1;
}

static int by_seed(const struct dirent **a, const struct dirent **b)
{
    long long x = seed_number((*a)->d_name), y = seed_number((*b)->d_name);
    return (x > y) - (x < y);
}

static int is_seed(const struct dirent *entry)
{
    return seed_number(entry->d_name) >= 0;
}

int run_seeds_list(const char *folder, struct dirent ***seeds, int *n, struct valence_error *error)
{
    *seeds = NULL;
    *n = scandir(folder, seeds, is_seed, by_seed);
    if (*n >= 0 && *n <= RUN_LIST_MAX)
        return VALENCE_OK;
    int status =
        *n < 0 ? fail_errno(error, errno, "%s: cannot read the folder", folder)
               : fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d seeds", folder, RUN_LIST_MAX);
    run_seeds_free(*seeds, *n);
    *seeds = NULL;
    *n = 0;
    return status;
}

void run_seeds_free(struct dirent **seeds, int n)
{
    for (int i = 0; i < n; i++)
        free(seeds[i]);
    free(seeds);
}

/* ---- Runs with a log ---- */

void run_list_free(struct run_list *list)
{
    for (int i = 0; i < list->n; i++) {
        free(list->runs[i].name);
        free(list->runs[i].folder);
    }
    list->n = 0;
}

/* Takes over `log`, the path of a file. */
static bool is_there(char *log)
{
    bool there = path_exists(log);
    free(log);
    return there;
}

/* Takes over `name` and `folder`, NULL if memory was short; adds nothing without a log. */
static int add_run(struct run_list *list, char *name, char *folder, struct valence_error *error)
{
    char *log = folder ? path_join(folder, RUN_LOG) : NULL;
    bool has = log && is_there(log);
    int status = VALENCE_OK;
    if (!name || !log)
        status = fail_memory(error, 0, "a run's name");
    else if (has && list->n == RUN_LIST_MAX)
        status = fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d runs", folder, RUN_LIST_MAX);
    if (!status && has) {
        list->runs[list->n++] = (struct listed_run){name, folder};
        return VALENCE_OK;
    }
    free(name);
    free(folder);
    return status;
}

/* The seeds in `folder`; `variant` goes before their names, unless it is NULL. */
static int add_seeds(struct run_list *list, const char *folder, const char *variant,
                     struct valence_error *error)
{
    struct dirent **seeds;
    int n, status = run_seeds_list(folder, &seeds, &n, error);
    for (int i = 0; i < n && !status; i++) {
        const char *seed = seeds[i]->d_name;
        status = add_run(list, variant ? path_join(variant, seed) : strdup(seed),
                         path_join(folder, seed), error);
    }
    run_seeds_free(seeds, n);
    return status;
}

static int is_variant(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_variants(struct run_list *list, const char *runs, struct valence_error *error)
{
    struct dirent **variants;
    int status = VALENCE_OK, n = scandir(runs, &variants, is_variant, by_name);
    if (n < 0)
        return fail_errno(error, errno, "%s: cannot read the folder", runs);
    for (int i = 0; i < n && !status; i++) {
        char *folder = path_join(runs, variants[i]->d_name);
        if (!folder)
            status = fail_memory(error, strlen(runs), "a path");
        else if (path_is_folder(folder))
            status = add_seeds(list, folder, variants[i]->d_name, error);
        free(folder);
    }
    run_seeds_free(variants, n);
    return status;
}

int run_list_logged(const char *path, struct run_list *list, struct valence_error *error)
{
    list->n = 0;
    if (!path_exists(path))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", path);
    if (!path_is_folder(path))
        return fail(error, VALENCE_ERROR_NOT_FOUND,
                    "%s: is a file, but the logs lie in the run's folder", path);
    char *runs = path_join(path, EXPERIMENT_RUNS);
    int status = runs ? add_run(list, path_last_part(path), strdup(path), error)
                      : fail_memory(error, strlen(path), "a path");
    if (!status && list->n == 0)
        status = add_seeds(list, path, NULL, error);
    if (!status && list->n == 0 && path_is_folder(runs))
        status = add_variants(list, runs, error);
    if (!status && list->n == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: holds neither %s nor runs seed-1, seed-2, ... with one\n"
                      "         (a run is a folder that training writes)",
                      path, RUN_LOG);
    free(runs);
    return status;
}
