/* What is checked of a plan's variants before anything is written. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "experiment/plan_private.h"

/* ---- Variants that can be trained ---- */

int plan_try_variants(const struct valence_experiment *experiment, struct valence_error *error)
{
    struct valence_train_options options;
    struct valence_train_config config;
    int status = VALENCE_OK;
    valence_train_options_default(&options);
    options.dry_run = true;
    for (int i = 0; i < experiment->n_variants && !status; i++) {
        status = plan_run_config(experiment, i, experiment->config.seed, experiment->n_rungs - 1,
                                 &config, error);
        if (!status && config.early_stopping > 0 && experiment->n_rungs > 1)
            status = fail_key(error, VALENCE_ERROR_CONFIG, "early_stopping",
                              "variant '%s': successive halving itself decides when a run ends; "
                              "set early_stopping to 0",
                              experiment->variants[i].name);
        else if (!status && (status = valence_train(&config, &options, NULL, error)))
            (void)fail_within(status, error, "variant '%s'", experiment->variants[i].name);
    }
    return status;
}

/* ---- Variants that differ ---- */

/* What the runs of a variant are trained with, as text; free it with free(). */
static int variant_text(const struct valence_experiment *experiment, int variant, char **text,
                        struct valence_error *error)
{
    struct valence_train_config config;
    int status = plan_run_config(experiment, variant, experiment->config.seed,
                                 experiment->n_rungs - 1, &config, error);
    if (status)
        return status;
    json_t *object = plan_config_to_json(&config);
    *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    return *text ? VALENCE_OK : fail_memory(error, 1 << 14, "a configuration");
}

static int fail_equal(const struct valence_experiment *experiment, int variant, int other,
                      struct valence_error *error)
{
    const struct plan_variant *second = &experiment->variants[variant];
    const char *first = experiment->variants[other].name;
    if (second->n_assignments == 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "variant",
                        "variant '%s' sets no key, so it would be a copy of '%s'", second->name,
                        first);
    return fail_key(error, VALENCE_ERROR_ARGUMENT, "variant",
                    "variant '%s' would be a copy of '%s', which has the same values already",
                    second->name, first);
}

int plan_check_variants(const struct valence_experiment *experiment, bool allow_equal,
                        struct valence_error *error)
{
    int n = experiment->n_variants, status = VALENCE_OK;
    char **texts = allocate(n, sizeof *texts);
    if (!texts)
        return fail_memory(error, (size_t)n * sizeof *texts, "the variants");
    for (int i = 0; i < n && !status; i++) {
        status = variant_text(experiment, i, &texts[i], error);
        for (int j = 0; j < i && !status && !allow_equal; j++)
            if (strcmp(texts[i], texts[j]) == 0)
                status = fail_equal(experiment, i, j, error);
    }
    for (int i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
    return status;
}
