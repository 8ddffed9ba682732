/* What runs came to, as JSON. */
#include <math.h>

#include "train/trainer.h"

json_t *train_mae_to_json(const unsigned *flows, int n_flows, const double *mae)
{
    json_t *object = json_object();
    for (int f = 0; f < n_flows; f++)
        json_object_set_new(object, valence_flow_name(flows[f]), json_pack("{s:f}", "mae", mae[f]));
    return object;
}

json_t *train_run_to_json(const struct valence_train_run *run)
{
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:I, s:{s:I, s:I, s:I, s:I, s:I}}", "seed", (json_int_t)run->seed,
        "epochs", (json_int_t)run->n_epochs, "best_epoch", (json_int_t)run->best_epoch,
        "validation", train_mae_to_json(run->flows, run->n_flows, run->validation_mae),
        "parameters", (json_int_t)run->n_parameters, "clips", "train", (json_int_t)run->n_train,
        "validation", (json_int_t)run->n_validation, "unlabelled", (json_int_t)run->n_unlabelled,
        "empty", (json_int_t)run->n_empty, "cut", (json_int_t)run->n_cut);
}

struct train_summary train_summarise(const struct valence_train_run *runs, int64_t n, int flow)
{
    struct train_summary summary = {0};
    double squares = 0;
    for (int64_t i = 0; i < n; i++)
        summary.mean += runs[i].validation_mae[flow] / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += pow(runs[i].validation_mae[flow] - summary.mean, 2);
    summary.deviation = sqrt(squares / (double)(n - 1));
    return summary;
}

json_t *train_runs_to_json(const struct valence_train_run *runs, int64_t n)
{
    json_t *flows = json_object(), *each = json_array();
    for (int f = 0; f < runs[0].n_flows; f++) {
        struct train_summary summary = train_summarise(runs, n, f);
        json_object_set_new(
            flows, valence_flow_name(runs[0].flows[f]),
            json_pack("{s:{s:f, s:f}}", "mae", "mean", summary.mean, "sd", summary.deviation));
    }
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(each, train_run_to_json(&runs[i]));
    return json_pack("{s:I, s:o, s:o}", "seeds", (json_int_t)n, "validation", flows, "runs", each);
}
