/* Evaluations as JSON. An undefined value is null; a function gives NULL if memory is short, and
 * jansson's setters take a NULL as their own failure, so that one check at the end is enough. */
#include <math.h>
#include <string.h>

#include "evaluate_output.h"
#include "json_output.h"
#include "metric_json.h"
#include "valence/version.h"

static json_t *difference(double value, struct valence_interval of)
{
    return json_pack("{s:o, s:o}", "value", json_number(value), "interval", interval_to_json(of));
}

static json_t *differences(const struct valence_flow_evaluation *first,
                           const struct valence_flow_evaluation *result, enum valence_scale scale)
{
    json_t *object = json_object();
    bool complete = json_put(object, "from", json_string(valence_flow_name(first->flow)));
    for (int metric = scale_next_metric(scale, -1); metric >= 0;
         metric = scale_next_metric(scale, metric)) {
        double value = result->metrics.values[metric] - first->metrics.values[metric];
        complete =
            json_put(object, metric_key(metric), difference(value, result->differences[metric])) &&
            complete;
    }
    return json_all_or_nothing(object, complete);
}

static json_t *reliability(const struct valence_flow_evaluation *result)
{
    if (isnan(result->reliability[VALENCE_RELIABILITY_COVERAGE]))
        return json_null();
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int figure = 0; figure < VALENCE_N_RELIABILITY_FIGURES; figure++)
        complete = json_put(object, valence_reliability_keys[figure],
                            json_number(result->reliability[figure])) &&
                   complete;
    return json_all_or_nothing(object, complete);
}

/* Rows by label, columns by prediction. */
static json_t *confusion_to_json(const int64_t *counts, int n)
{
    json_t *rows = json_array();
    for (int i = 0; i < n; i++) {
        json_t *row = json_array();
        for (int j = 0; j < n; j++)
            json_array_append_new(row, json_integer(counts[i * n + j]));
        json_array_append_new(rows, row);
    }
    bool complete = json_array_size(rows) == (size_t)n;
    for (int i = 0; i < n && complete; i++)
        complete = json_array_size(json_array_get(rows, (size_t)i)) == (size_t)n;
    return json_all_or_nothing(rows, complete);
}

static json_t *classes_to_json(const struct evaluation_set *set)
{
    int n = set->evaluations[0]->n_classes;
    json_t *names = n ? json_array() : json_null();
    for (int c = 0; c < n; c++)
        json_array_append_new(names,
                              json_string(valence_store_label_scale(set->store)->classes[c]));
    return names;
}

/* By class the share of its clips that is right; null of one without clips. */
static json_t *recall_to_json(const struct valence_label_scale *classes, const int64_t *counts)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int c = 0; c < classes->n_classes; c++)
        complete = json_put(object, classes->classes[c],
                            json_number(class_recall(counts, classes->n_classes, c))) &&
                   complete;
    return json_all_or_nothing(object, complete);
}

static json_t *flow_to_json(const struct valence_evaluation *evaluation,
                            const struct valence_label_scale *classes, int flow)
{
    const struct valence_flow_evaluation *result = &evaluation->flows[flow];
    enum valence_scale scale = evaluation->scale;
    json_t *object = json_pack(
        "{s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "trained", result->trained,
        "clips", (json_int_t)result->metrics.n, "clips_nonzero",
        (json_int_t)result->metrics.n_nonzero, "metrics", metrics_to_json(&result->metrics, scale),
        "intervals", intervals_to_json(result->intervals, scale), "reliability",
        reliability(result), "warnings", warnings_to_json(result->metrics.warnings),
        "predicted_deviation", json_number(result->metrics.predicted_deviation), "label_deviation",
        json_number(result->metrics.label_deviation), "clips_lacking_a_modality",
        (json_int_t)result->n_incomplete, "clips_without_simulated_text",
        (json_int_t)result->n_unsimulated, "clips_outside_training_data",
        (json_int_t)result->n_outside);
    bool complete = object != NULL;
    if (result->confusion) {
        complete = json_put(object, "confusion",
                            confusion_to_json(result->confusion, evaluation->n_classes)) &&
                   json_put(object, "recall", recall_to_json(classes, result->confusion));
    }
    if (flow > 0)
        complete =
            json_put(object, "difference", differences(&evaluation->flows[0], result, scale)) &&
            complete;
    return json_all_or_nothing(object, complete);
}

static json_t *evaluation_to_json(const struct valence_evaluation *evaluation,
                                  const struct valence_label_scale *classes)
{
    json_t *flows = json_object();
    bool complete = flows != NULL;
    for (int i = 0; i < evaluation->n_flows; i++)
        complete = json_put(flows, valence_flow_name(evaluation->flows[i].flow),
                            flow_to_json(evaluation, classes, i)) &&
                   complete;
    return json_all_or_nothing(flows, complete);
}

static json_t *flow_summary(const struct valence_evaluation *const *evaluations, int n, int flow)
{
    enum valence_scale scale = evaluations[0]->scale;
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = scale_next_metric(scale, -1); metric >= 0;
         metric = scale_next_metric(scale, metric))
        complete = json_put(object, metric_key(metric),
                            seed_summary_to_json(valence_summarise_metric(
                                evaluations, n, flow, (enum valence_metric)metric))) &&
                   complete;
    for (int figure = 0; figure < VALENCE_N_RELIABILITY_FIGURES; figure++)
        complete = json_put(object, valence_reliability_keys[figure],
                            seed_summary_to_json(valence_summarise_reliability(
                                evaluations, n, flow, (enum valence_reliability_figure)figure))) &&
                   complete;
    return json_all_or_nothing(object, complete);
}

static json_t *summary_to_json(const struct valence_evaluation *const *evaluations, int n)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int i = 0; i < evaluations[0]->n_flows; i++)
        complete = json_put(object, valence_flow_name(evaluations[0]->flows[i].flow),
                            flow_summary(evaluations, n, i)) &&
                   complete;
    return json_all_or_nothing(object, complete);
}

static json_t *compared_flow(const struct valence_difference *differences, enum valence_scale scale)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = scale_next_metric(scale, -1); metric >= 0;
         metric = scale_next_metric(scale, metric))
        complete = json_put(object, metric_key(metric),
                            difference(differences[metric].value, differences[metric].interval)) &&
                   complete;
    return json_all_or_nothing(object, complete);
}

static json_t *comparison_to_json(const struct valence_comparison *comparison,
                                  const struct valence_evaluation *evaluation)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int i = 0; i < comparison->n_flows; i++)
        complete = json_put(object, valence_flow_name(evaluation->flows[i].flow),
                            compared_flow(comparison->differences + i * VALENCE_N_METRICS,
                                          evaluation->scale)) &&
                   complete;
    return json_all_or_nothing(object, complete);
}

static json_t *models_to_json(const struct evaluation_set *set)
{
    json_t *array = json_array();
    for (int i = 0; i < set->n; i++) {
        const struct valence_evaluation *e = set->evaluations[i];
        json_t *model = run_model_to_json(set->models, i, e->trained_on, e->configuration);
        bool complete =
            json_put(model, "flows", evaluation_to_json(e, valence_store_label_scale(set->store)));
        if (json_array_append_new(array, json_all_or_nothing(model, complete))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* The first clip far outside the training data, and where it is so most of all. */
static json_t *outside_to_json(const struct valence_evaluation *e)
{
    return e->first_outside ? json_pack("{s:s, s:s?, s:I}", "clip", e->first_outside, "stream",
                                        e->outside_stream, "column", (json_int_t)e->outside_column)
                            : json_null();
}

int print_evaluation_json(const struct evaluation_set *set, const char *against,
                          const struct valence_comparison *comparison, struct valence_error *error)
{
    static const char *const matches[] = {NULL, "same", "other"};
    const struct valence_evaluation *e = set->evaluations[0];
    json_t *constant = isnan(e->constant)
                           ? json_null()
                           : json_pack("{s:f, s:o}", "value", (double)e->constant, "metrics",
                                       metrics_to_json(&e->constant_metrics, e->scale));
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:b, s:s?, s:s, s:s, s:I, s:{s:I, s:I, s:I}, s:I, s:{s:I, s:I, s:f}, s:f, "
        "s:o, s:o, s:o}",
        "valence", valence_version(), "run", set->run, "store", valence_store_path(set->store),
        "synthetic", e->synthetic, "training_data", matches[e->data], "split",
        valence_split_names[e->split], "scale", valence_scale_names[e->scale], "clips",
        (json_int_t)e->n_clips, "skipped", "without_label", (json_int_t)e->n_unlabelled,
        "without_features", (json_int_t)e->n_empty, "without_score", (json_int_t)e->n_unscored,
        "cut", (json_int_t)e->n_cut, "bootstrap", "resamples", (json_int_t)e->n_resamples, "seed",
        (json_int_t)set->options->seed, "level", VALENCE_METRIC_LEVEL, "level", e->level,
        "constant", constant, "models", models_to_json(set), "summary",
        set->n > 1 ? summary_to_json(set->evaluations, set->n) : json_null());
    root = json_all_or_nothing(
        root, json_put(root, "first_outside", outside_to_json(e)) &&
                  json_put(root, "labels",
                           labels_to_json(set->options->label_values, set->options->label_map)) &&
                  json_put(root, "labels_outside_range", json_integer(e->n_labels_beyond)) &&
                  json_put(root, "labels_beyond_scale", json_integer(e->n_beyond_scale)) &&
                  json_put(root, "classes", classes_to_json(set)) &&
                  json_put(root, "clips_sha256", json_string(e->clips_sha256)) &&
                  json_put(root, "machine", this_machine_to_json()) &&
                  json_put(root, "text_stream", json_text(set->options->text_stream)));
    if (root && comparison) {
        json_t *compared =
            json_pack("{s:s, s:o}", "run", against, "flows", comparison_to_json(comparison, e));
        if (json_object_set_new(root, "against", compared)) {
            json_decref(root);
            root = NULL;
        }
    }
    return print_json(with_command(root), error);
}
