/* Evaluations as JSON. An undefined value is null; a function gives NULL where memory is short, and
 * jansson's setters take a NULL as their own failure, so that one check at the end is enough. */
#include <math.h>
#include <string.h>

#include "evaluate/comparison.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *interval(struct valence_interval interval)
{
    return isnan(interval.low) ? json_null() : json_pack("[f, f]", interval.low, interval.high);
}

/* Takes over `value`; false where either is missing. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return object && json_object_set_new(object, key, value) == 0;
}

static json_t *all_or_nothing(json_t *object, bool complete)
{
    if (complete)
        return object;
    json_decref(object);
    return NULL;
}

json_t *metrics_to_json(const struct valence_metrics *metrics)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        complete = put(object, valence_metric_infos[metric].key, number(metrics->values[metric])) &&
                   complete;
    return all_or_nothing(object, complete);
}

static json_t *intervals(const struct valence_interval *values)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        complete =
            put(object, valence_metric_infos[metric].key, interval(values[metric])) && complete;
    return all_or_nothing(object, complete);
}

static json_t *warnings(unsigned set)
{
    json_t *array = json_array();
    bool complete = array != NULL;
    for (int warning = 0; warning < VALENCE_N_WARNINGS; warning++)
        if (set & 1u << warning)
            complete = json_array_append_new(
                           array, json_string(valence_warning_infos[warning].key)) == 0 &&
                       complete;
    return all_or_nothing(array, complete);
}

static json_t *difference(double value, struct valence_interval of)
{
    return json_pack("{s:o, s:o}", "value", number(value), "interval", interval(of));
}

static json_t *differences(const struct flow_result *first, const struct flow_result *result)
{
    json_t *object = json_object();
    bool complete = put(object, "from", json_string(valence_flow_name(first->flow)));
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++) {
        double value = result->metrics.values[metric] - first->metrics.values[metric];
        complete = put(object, valence_metric_infos[metric].key,
                       difference(value, result->differences[metric])) &&
                   complete;
    }
    return all_or_nothing(object, complete);
}

static json_t *reliability(const struct flow_result *result)
{
    if (isnan(result->reliability[RELIABILITY_COVERAGE]))
        return json_null();
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int figure = 0; figure < N_RELIABILITY_FIGURES; figure++)
        complete =
            put(object, reliability_figure_keys[figure], json_real(result->reliability[figure])) &&
            complete;
    return all_or_nothing(object, complete);
}

static json_t *flow_to_json(const struct evaluation *evaluation, int flow)
{
    const struct flow_result *result = &evaluation->flows[flow];
    json_t *object = json_pack(
        "{s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "trained", result->trained, "n",
        (json_int_t)result->metrics.n, "n_nonzero", (json_int_t)result->metrics.n_nonzero,
        "metrics", metrics_to_json(&result->metrics), "intervals", intervals(result->intervals),
        "reliability", reliability(result), "warnings", warnings(result->metrics.warnings),
        "predicted_deviation", number(result->metrics.predicted_deviation), "label_deviation",
        number(result->metrics.label_deviation), "clips_lacking_a_modality",
        (json_int_t)result->n_incomplete, "clips_without_simulated_text",
        (json_int_t)result->n_unsimulated);
    bool complete = object != NULL;
    if (flow > 0)
        complete =
            put(object, "difference", differences(&evaluation->flows[0], result)) && complete;
    return all_or_nothing(object, complete);
}

json_t *evaluation_to_json(const struct evaluation *evaluation)
{
    json_t *flows = json_object();
    bool complete = flows != NULL;
    for (int i = 0; i < evaluation->n_flows; i++)
        complete =
            put(flows, valence_flow_name(evaluation->flows[i].flow), flow_to_json(evaluation, i)) &&
            complete;
    return all_or_nothing(flows, complete);
}

static json_t *summary_entry(struct seed_summary summary)
{
    return json_pack("{s:o, s:o}", "mean", number(summary.mean), "sd", number(summary.deviation));
}

static json_t *flow_summary(const struct evaluation *evaluations, int n, int flow)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        complete = put(object, valence_metric_infos[metric].key,
                       summary_entry(evaluation_summarise(evaluations, n, flow,
                                                          (enum valence_metric)metric))) &&
                   complete;
    for (int figure = 0; figure < N_RELIABILITY_FIGURES; figure++)
        complete = put(object, reliability_figure_keys[figure],
                       summary_entry(evaluation_summarise_reliability(
                           evaluations, n, flow, (enum reliability_figure)figure))) &&
                   complete;
    return all_or_nothing(object, complete);
}

json_t *summary_to_json(const struct evaluation *evaluations, int n)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int i = 0; i < evaluations[0].n_flows; i++)
        complete = put(object, valence_flow_name(evaluations[0].flows[i].flow),
                       flow_summary(evaluations, n, i)) &&
                   complete;
    return all_or_nothing(object, complete);
}

static json_t *compared_flow(const struct metric_difference *differences)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        complete = put(object, valence_metric_infos[metric].key,
                       difference(differences[metric].value, differences[metric].interval)) &&
                   complete;
    return all_or_nothing(object, complete);
}

json_t *comparison_to_json(const struct comparison *comparison, const struct evaluation *evaluation)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int i = 0; i < comparison->n_flows; i++)
        complete = put(object, valence_flow_name(evaluation->flows[i].flow),
                       compared_flow(comparison->differences[i])) &&
                   complete;
    return all_or_nothing(object, complete);
}
