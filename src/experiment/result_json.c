/* result.json: everything that the tables show, and where it comes from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "experiment/result.h"
#include "format/json_values.h"
#include "valence/machine.h"
#include "valence/version.h"

#define VERSION 1

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

/* What was made, or NULL, and nothing is left of it, if memory ran out on the way. */
static json_t *finished(json_t *made, bool good)
{
    if (good)
        return made;
    json_decref(made);
    return NULL;
}

/* ---- The machine ---- */

/* {"system", "cpu", "cores"}; NULL if memory is short. */
static json_t *machine_to_json(void)
{
    struct valence_machine machine = {.size = sizeof machine};
    (void)valence_machine_describe(&machine, NULL); /* fails for its argument alone */
    return json_pack("{s:s, s:s, s:i}", "system", machine.system, "cpu", machine.cpu, "cores",
                     machine.n_cores);
}

/* ---- Variants ---- */

static json_t *cell_to_json(const struct valence_result_cell *cell, bool is_reference)
{
    json_t *object = json_pack("{s:o, s:o}", "mean", json_of_number(cell->mean), "sd",
                               json_of_number(cell->deviation));
    bool good = object != NULL;
    if (!is_reference)
        good = good && set(object, "difference", json_of_number(cell->difference)) &&
               set(object, "low", json_of_number(cell->interval.low)) &&
               set(object, "high", json_of_number(cell->interval.high)) &&
               set(object, "p", json_of_number(cell->p)) &&
               set(object, "p_holm", json_of_number(cell->p_holm)) &&
               set(object, "detectable", json_of_number(cell->detectable));
    return finished(object, good);
}

static json_t *cells_to_json(const struct valence_experiment_result *shown,
                             const struct valence_result_cell *cells, bool is_reference)
{
    json_t *flows = json_object();
    bool good = flows != NULL;
    for (int f = 0; f < shown->n_flows; f++) {
        json_t *metrics = json_object();
        for (int m = 0; m < shown->n_metrics; m++)
            good = good && set(metrics, valence_metric_describe(shown->metrics[m])->key,
                               cell_to_json(&cells[f * shown->n_metrics + m], is_reference));
        good = good && set(flows, valence_flow_name(shown->flows[f]), metrics);
    }
    return finished(flows, good);
}

static json_t *validation_to_json(const struct valence_experiment_result *shown,
                                  const struct valence_result_variant *variant)
{
    json_t *flows = json_object();
    bool good = flows != NULL;
    for (int f = 0; f < shown->n_validation_flows; f++)
        good =
            good && set(flows, valence_flow_name(shown->validation_flows[f]),
                        json_pack("{s:o, s:o}", "mean", json_of_number(variant->validation[f].mean),
                                  "sd", json_of_number(variant->validation[f].deviation)));
    json_t *all = json_pack("{s:o, s:o, s:o}", "mean", json_of_number(variant->selected.mean), "sd",
                            json_of_number(variant->selected.deviation), "flows", flows);
    return finished(all, good);
}

static json_t *models_to_json(const struct contestant *contestant)
{
    json_t *models = json_array();
    bool good = models != NULL;
    for (int i = 0; i < contestant->n_models; i++)
        good = good &&
               json_array_append_new(
                   models, json_pack("{s:I}", "seed", (json_int_t)contestant->models[i].seed)) == 0;
    return finished(models, good);
}

static const struct contestant *find_contestant(const struct contest *contest, const char *name)
{
    for (int i = 0; i < contest->n_contestants; i++)
        if (strcmp(contest->contestants[i].name, name) == 0)
            return &contest->contestants[i];
    return NULL;
}

static json_t *variant_to_json(const struct owned_result *result, const struct contest *contest,
                               int v)
{
    const struct valence_result_variant *variant = &result->variants[v];
    json_t *object = json_pack("{s:s}", "name", variant->name);
    bool good = object != NULL;
    if (variant->validation)
        good = good && set(object, "epochs", json_integer(variant->n_epochs)) &&
               set(object,
                   result->shown.scale == VALENCE_SCALE_CLASSES ? "validation_cross_entropy"
                                                                : "validation_mae",
                   validation_to_json(&result->shown, variant));
    const struct contestant *contestant =
        variant->cells ? find_contestant(contest, variant->name) : NULL;
    if (contestant)
        good = good && set(object, "parameters", json_integer(variant->n_parameters)) &&
               set(object, "models", models_to_json(contestant)) &&
               set(object, "flows",
                   cells_to_json(&result->shown, variant->cells,
                                 variant->cells == result->variants[0].cells));
    return finished(object, good);
}

static json_t *variants_to_json(const struct owned_result *result, const struct contest *contest)
{
    json_t *variants = json_array();
    bool good = variants != NULL;
    for (int i = 0; i < result->shown.n_variants; i++)
        good = good && json_array_append_new(variants, variant_to_json(result, contest, i)) == 0;
    return finished(variants, good);
}

/* ---- The table's frame ---- */

static json_t *metrics_to_json(const struct valence_experiment_result *shown)
{
    json_t *metrics = json_array();
    bool good = metrics != NULL;
    for (int m = 0; m < shown->n_metrics; m++) {
        const struct valence_metric_info *info = valence_metric_describe(shown->metrics[m]);
        good = good && json_array_append_new(metrics, json_pack("{s:s, s:s, s:b}", "key", info->key,
                                                                "heading", info->heading, "share",
                                                                (int)info->is_share)) == 0;
    }
    return finished(metrics, good);
}

static json_t *detectable_to_json(const struct valence_experiment_result *shown)
{
    json_t *flows = json_object();
    bool good = flows != NULL;
    for (int f = 0; f < shown->n_flows; f++) {
        json_t *metrics = json_object();
        for (int m = 0; m < shown->n_metrics; m++)
            good = good && set(metrics, valence_metric_describe(shown->metrics[m])->key,
                               json_of_number(shown->detectable[f * shown->n_metrics + m]));
        good = good && set(flows, valence_flow_name(shown->flows[f]), metrics);
    }
    return finished(flows, good);
}

static json_t *data_to_json(const struct contest *contest)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:s}", "store",
                     valence_store_path(contest->store), "fingerprint", contest->data, "split",
                     valence_split_names[contest->split], "scale",
                     valence_scale_names[contest->scale], "synthetic", (int)contest->synthetic,
                     "clips", (json_int_t)contest->n_clips, "left_out",
                     (json_int_t)contest->n_left_out, "recordings", (json_int_t)contest->clusters.n,
                     "clips_sha256", contest->clips_hash);
}

int result_to_json(struct owned_result *result, const struct contest *contest, uint64_t seed,
                   json_t *source, json_t *plan, struct valence_error *error)
{
    const struct valence_experiment_result *shown = &result->shown;
    json_t *all =
        json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:{s:I, s:I, s:f, s:f, s:I}, s:o, s:o, s:o}",
                  "valence", "result", "version", VERSION, "kind", shown->kind, "valence_version",
                  valence_version(), "source", source, "machine", machine_to_json(), "data",
                  data_to_json(contest), "statistics", "resamples", (json_int_t)shown->n_resamples,
                  "seed", (json_int_t)seed, "level", VALENCE_METRIC_LEVEL, "power", 0.8, "tests",
                  (json_int_t)shown->n_tests, "metrics", metrics_to_json(shown), "detectable",
                  detectable_to_json(shown), "variants", variants_to_json(result, contest));
    bool good = all && (shown->best < 0 ||
                        set(all, "best", json_string(shown->variants[shown->best].name)));
    if (plan)
        good = set(all, "plan", plan) && good;
    result->json = good ? json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(all);
    result->shown.json = result->json;
    return result->json ? VALENCE_OK : fail_memory(error, 1 << 16, "the result");
}
