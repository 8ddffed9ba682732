#include "experiment/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/plan_private.h"

/* ---- Paths ---- */

const char *plan_file(const struct valence_experiment *experiment, const char *name, char *path)
{
    snprintf(path, PLAN_FILE_BYTES, "%s/%s", experiment->folder, name);
    return path;
}

const char *plan_run_folder(const struct valence_experiment *experiment, int variant, int64_t seed,
                            char *path)
{
    snprintf(path, PLAN_FILE_BYTES, "%s/runs/%s/seed-%lld", experiment->folder,
             experiment->variants[variant].name, (long long)seed);
    return path;
}

const char *valence_experiment_folder(const struct valence_experiment *experiment)
{
    return experiment->folder;
}

int plan_find_variant(const struct valence_experiment *experiment, const char *name)
{
    for (int i = 0; i < experiment->n_variants; i++)
        if (strcmp(experiment->variants[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- Configurations ---- */

/* What a variant cannot change: the plan decides it, for all of them alike. */
static const char *const reserved[] = {"store", "output", "seed", "seeds", "threads"};

static int assign(struct valence_train_config *config, const char *assignment,
                  struct valence_error *error)
{
    const char *equals = strchr(assignment, '=');
    char key[128];
    if (!equals || equals - assignment >= (int)sizeof key)
        return fail(error, VALENCE_ERROR_CONFIG, "'%.200s' is not KEY=VALUE", assignment);
    snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(key, reserved[i]) == 0)
            return fail_key(error, VALENCE_ERROR_CONFIG, key,
                            "%s is the same for all variants; set it for the whole plan", key);
    return valence_train_config_set(config, key, equals + 1, error);
}

static int64_t rung_epochs(const struct valence_experiment *experiment, int64_t epochs,
                           int64_t rung)
{
    for (int64_t i = rung; i < experiment->n_rungs - 1; i++)
        epochs = (epochs + experiment->factor - 1) / experiment->factor;
    return epochs;
}

int plan_run_config(const struct valence_experiment *experiment, int variant, int64_t seed,
                    int64_t rung, struct valence_train_config *config, struct valence_error *error)
{
    const struct plan_variant *chosen = &experiment->variants[variant];
    char path[PLAN_FILE_BYTES];
    *config = experiment->config;
    for (int i = 0; i < chosen->n_assignments; i++) {
        int status = assign(config, chosen->assignments[i], error);
        if (status)
            return fail_within(status, error, "variant '%s'", chosen->name);
    }
    int length = snprintf(config->output, sizeof config->output, "%s",
                          plan_run_folder(experiment, variant, seed, path));
    if (length >= (int)sizeof config->output)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the experiment's folder has too long a name");
    config->seed = seed;
    config->seeds = 1;
    config->epochs = rung_epochs(experiment, config->epochs, rung);
    int status = train_config_check(config, error);
    return status ? fail_within(status, error, "variant '%s'", chosen->name) : VALENCE_OK;
}

/* ---- Variants ---- */

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.+=";
    size_t length = name ? strlen(name) : 0;
    return length >= 1 && length < VARIANT_NAME_BYTES && name[0] != '.' &&
           strspn(name, allowed) == length;
}

int plan_add_variant(struct valence_experiment *experiment, const char *name, int n_assignments,
                     struct valence_error *error)
{
    if (!is_name(name))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "variant '%.80s': a name has 1 to %d letters, digits or '-', '_', '.', '+', "
                    "'=', and does not begin with '.'",
                    name ? name : "", VARIANT_NAME_BYTES - 1);
    if (plan_find_variant(experiment, name) >= 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "there are two variants '%s'", name);
    struct plan_variant *made = &experiment->variants[experiment->n_variants];
    snprintf(made->name, sizeof made->name, "%s", name);
    made->assignments = allocate(n_assignments ? n_assignments : 1, sizeof *made->assignments);
    if (!made->assignments)
        return fail_memory(error, 4096, "a variant");
    experiment->n_variants++;
    return VALENCE_OK;
}

int plan_add_assignment(struct valence_experiment *experiment, const char *assignment,
                        struct valence_error *error)
{
    struct plan_variant *last = &experiment->variants[experiment->n_variants - 1];
    last->assignments[last->n_assignments] = strdup(assignment ? assignment : "");
    if (!last->assignments[last->n_assignments])
        return fail_memory(error, 256, "a variant");
    last->n_assignments++;
    return VALENCE_OK;
}

/* ---- Life ---- */

int plan_allocate(const char *folder, int n_variants, struct valence_experiment **experiment,
                  struct valence_error *error)
{
    *experiment = NULL;
    if (n_variants < 1 || n_variants > VALENCE_MAX_VARIANTS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a plan has 1 to %d variants, not %d",
                    VALENCE_MAX_VARIANTS, n_variants);
    if (!folder[0] || strlen(folder) + 200 > TRAIN_PATH_BYTES)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the experiment's folder has no name, or too long a name");
    struct valence_experiment *made = allocate(1, sizeof *made);
    if (made)
        made->variants = allocate(n_variants, sizeof *made->variants);
    if (!made || !made->variants) {
        free(made);
        return fail_memory(error, sizeof *made, "an experiment");
    }
    snprintf(made->folder, sizeof made->folder, "%s", folder);
    train_config_defaults(&made->config);
    *experiment = made;
    return VALENCE_OK;
}

void valence_experiment_close(struct valence_experiment *experiment)
{
    if (!experiment)
        return;
    for (int i = 0; i < experiment->n_variants; i++) {
        for (int j = 0; j < experiment->variants[i].n_assignments; j++)
            free(experiment->variants[i].assignments[j]);
        free(experiment->variants[i].assignments);
    }
    free(experiment->variants);
    free(experiment);
}
