/* Successive halving: which variants are trained on.
 *
 * Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
 * optimization" (AISTATS 2016). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/runs.h"

void rungs_free(struct rungs *rungs)
{
    free(rungs->variants);
    rungs->variants = NULL;
}

/* Of the variants that were still there, those that a finished rung keeps go on to the next. */
static int apply(const struct valence_experiment *experiment, const json_t *kept,
                 struct rungs *rungs, const char *path, struct valence_error *error)
{
    if (!json_is_array(kept) || json_array_size(kept) == 0 ||
        rungs->current == experiment->n_rungs - 1)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: does not fit the plan", path);
    for (int v = 0; v < rungs->n_variants; v++)
        rungs->variants[v].dropped = true;
    for (size_t i = 0; i < json_array_size(kept); i++) {
        const char *name = json_string_value(json_array_get(kept, i));
        int v = name ? plan_find_variant(experiment, name) : -1;
        if (v < 0 || rungs->variants[v].rung != rungs->current || !rungs->variants[v].dropped)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: '%.80s' is not one of the plan's variants", path, name ? name : "");
        rungs->variants[v].dropped = false;
        rungs->variants[v].rung = rungs->current + 1;
    }
    rungs->current++;
    return VALENCE_OK;
}

int rungs_read(const struct valence_experiment *experiment, struct rungs *rungs,
               struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    *rungs = (struct rungs){.n_variants = experiment->n_variants};
    rungs->variants = allocate(experiment->n_variants, sizeof *rungs->variants);
    if (!rungs->variants)
        return fail_memory(error, 4096, "the rungs");
    if (experiment->n_rungs == 1 || !path_exists(plan_file(experiment, RUNGS_FILE, path)))
        return VALENCE_OK;
    json_t *finished;
    int status = plan_read_json(path, &finished, error);
    if (status)
        return status;
    for (size_t i = 0; i < json_array_size(finished) && !status; i++)
        status = apply(experiment, json_object_get(json_array_get(finished, i), "kept"), rungs,
                       path, error);
    json_decref(finished);
    return status;
}

/* ---- Choosing ---- */

struct candidate {
    int variant;
    double error; /* mean over the seeds */
};

static int by_error(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->error != y->error)
        return x->error < y->error ? -1 : 1;
    return x->variant - y->variant;
}

/* The variants of the current rung, the best first. */
static int rank(const struct valence_experiment *experiment, const struct rungs *rungs,
                struct candidate *candidates, int *n, struct valence_error *error)
{
    int64_t n_seeds = experiment->config.seeds;
    int status = VALENCE_OK;
    *n = 0;
    for (int v = 0; v < rungs->n_variants && !status; v++) {
        if (rungs->variants[v].dropped)
            continue;
        struct candidate *candidate = &candidates[(*n)++];
        *candidate = (struct candidate){.variant = v};
        for (int64_t i = 0; i < n_seeds && !status; i++) {
            struct run_validation validation;
            status =
                run_validation_read(experiment, v, experiment->config.seed + i, &validation, error);
            candidate->error += status ? 0 : validation.selected / (double)n_seeds;
        }
    }
    if (!status)
        qsort(candidates, (size_t)*n, sizeof *candidates, by_error);
    return status;
}

static json_t *rung_to_json(const struct valence_experiment *experiment,
                            const struct candidate *candidates, int n, int n_kept)
{
    json_t *errors = json_object(), *kept = json_array();
    int failed = 0;
    for (int i = 0; i < n; i++) {
        const char *name = experiment->variants[candidates[i].variant].name;
        failed |= json_object_set_new(errors, name, json_real(candidates[i].error));
        if (i < n_kept)
            failed |= json_array_append_new(kept, json_string(name));
    }
    json_t *rung = json_pack("{s:o, s:o}", "validation_error", errors, "kept", kept);
    if (!failed)
        return rung;
    json_decref(rung);
    return NULL;
}

int rungs_advance(const struct valence_experiment *experiment, struct rungs *rungs,
                  struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    int n;
    struct candidate *candidates = allocate(rungs->n_variants, sizeof *candidates);
    if (!candidates)
        return fail_memory(error, 4096, "the rungs");
    json_t *finished = NULL;
    int status = rank(experiment, rungs, candidates, &n, error);
    if (!status && path_exists(plan_file(experiment, RUNGS_FILE, path)))
        status = plan_read_json(path, &finished, error);
    if (!status && !finished && !(finished = json_array()))
        status = fail_memory(error, 4096, "the rungs");
    if (!status) {
        int n_kept = (int)((n + experiment->factor - 1) / experiment->factor);
        json_t *rung = rung_to_json(experiment, candidates, n, n_kept);
        if (!rung || json_array_append_new(finished, rung))
            status = fail_memory(error, 4096, "the rungs");
    }
    free(candidates);
    if (status) {
        json_decref(finished);
        return status;
    }
    status = plan_write_json(path, finished, error);
    rungs_free(rungs);
    return status ? status : rungs_read(experiment, rungs, error);
}
