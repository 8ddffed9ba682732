/* What runs came to, as JSON. */
#include <math.h>

#include "train/trainer.h"

static const char *error_key(int64_t n_classes)
{
    return n_classes ? "cross_entropy" : "mae";
}

const char *train_error_heading(const struct valence_model_config *config)
{
    return config->n_classes ? "cross-entropy" : "MAE";
}

json_t *train_errors_to_json(const unsigned *flows, int n_flows, int64_t n_classes,
                             const double *errors)
{
    json_t *object = json_object();
    for (int f = 0; f < n_flows; f++)
        if (json_object_set_new(object, valence_flow_name(flows[f]),
                                json_pack("{s:f}", error_key(n_classes), errors[f])) != 0 &&
            isfinite(errors[f])) { /* what is not finite is left out */
            json_decref(object);
            return NULL;
        }
    return object;
}

json_t *train_run_to_json(const struct valence_train_run *run)
{
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:o, s:I, s:{s:I, s:I, s:I, s:I, s:I}}", "seed", (json_int_t)run->seed,
        "epochs", (json_int_t)run->n_epochs, "best_epoch", (json_int_t)run->best_epoch,
        "validation",
        train_errors_to_json(run->flows, run->n_flows, run->n_classes, run->validation_mae),
        "parameters", (json_int_t)run->n_parameters, "clips", "train", (json_int_t)run->n_train,
        "validation", (json_int_t)run->n_validation, "unlabelled", (json_int_t)run->n_unlabelled,
        "empty", (json_int_t)run->n_empty, "cut", (json_int_t)run->n_cut);
    if (object && run->ridge_penalty > 0 &&
        json_object_set_new(object, "ridge_penalty", json_real(run->ridge_penalty)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

void train_result_summarise(struct valence_train_result *result)
{
    int64_t n = result->n_runs;
    for (int f = 0; f < result->runs[0].n_flows; f++) {
        double mean = 0, squares = 0;
        for (int64_t i = 0; i < n; i++)
            mean += result->runs[i].validation_mae[f] / (double)n;
        for (int64_t i = 0; i < n; i++)
            squares += pow(result->runs[i].validation_mae[f] - mean, 2);
        result->mean_mae[f] = mean;
        result->deviation_mae[f] = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
    }
}

json_t *train_result_to_json(const struct valence_train_result *result)
{
    const struct valence_train_run *first = &result->runs[0];
    if (result->n_runs == 1)
        return train_run_to_json(first);
    json_t *flows = json_object(), *each = json_array();
    int failed = 0;
    for (int f = 0; f < first->n_flows; f++)
        json_object_set_new(flows, valence_flow_name(first->flows[f]),
                            json_pack("{s:{s:f, s:f}}", error_key(first->n_classes), "mean",
                                      result->mean_mae[f], "sd", result->deviation_mae[f]));
    for (int64_t i = 0; i < result->n_runs; i++)
        failed |= json_array_append_new(each, train_run_to_json(&result->runs[i]));
    for (int f = 0; f < first->n_flows; f++) /* what is not finite is left out */
        failed |= isfinite(result->mean_mae[f]) && isfinite(result->deviation_mae[f]) &&
                  !json_object_get(flows, valence_flow_name(first->flows[f]));
    if (failed) {
        json_decref(flows);
        json_decref(each);
        return NULL;
    }
    return json_pack("{s:I, s:o, s:o}", "seeds", (json_int_t)result->n_runs, "validation", flows,
                     "runs", each);
}
