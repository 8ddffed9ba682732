#include "metric_json.h"

#include <math.h>

#include "valence/machine.h"

json_t *interval_to_json(struct valence_interval interval)
{
    return isnan(interval.low) ? json_null() : json_pack("[f, f]", interval.low, interval.high);
}

json_t *json_text(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *labels_to_json(const char *values, const char *map)
{
    return values || map ? json_pack("{s:s?, s:s?}", "values", values, "map", map) : json_null();
}

bool json_put(json_t *object, const char *key, json_t *value)
{
    return object && json_object_set_new(object, key, value) == 0;
}

json_t *json_all_or_nothing(json_t *object, bool complete)
{
    if (complete)
        return object;
    json_decref(object);
    return NULL;
}

const char *metric_key(int metric)
{
    return valence_metric_describe((enum valence_metric)metric)->key;
}

int scale_next_metric(enum valence_scale scale, int metric)
{
    unsigned metrics = valence_scale_metrics(scale);
    do
        metric++;
    while (metric < VALENCE_N_METRICS && !(metrics & 1u << metric));
    return metric < VALENCE_N_METRICS ? metric : -1;
}

json_t *metrics_to_json(const struct valence_metrics *metrics, enum valence_scale scale)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = scale_next_metric(scale, -1); metric >= 0;
         metric = scale_next_metric(scale, metric))
        complete =
            json_put(object, metric_key(metric), json_number(metrics->values[metric])) && complete;
    return json_all_or_nothing(object, complete);
}

json_t *intervals_to_json(const struct valence_interval *values, enum valence_scale scale)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int metric = scale_next_metric(scale, -1); metric >= 0;
         metric = scale_next_metric(scale, metric))
        complete =
            json_put(object, metric_key(metric), interval_to_json(values[metric])) && complete;
    return json_all_or_nothing(object, complete);
}

json_t *run_model_to_json(const struct valence_run *models, int i, const char *trained_on,
                          const char *configuration)
{
    json_t *keys = configuration[0] ? json_loads(configuration, 0, NULL) : json_null();
    return json_pack("{s:s, s:s, s:o, s:o}", "name", valence_run_model_name(models, i),
                     "checkpoint", valence_run_model_path(models, i), "data_fingerprint",
                     json_text(trained_on[0] ? trained_on : NULL), "configuration", keys);
}

json_t *warnings_to_json(unsigned set)
{
    json_t *array = json_array();
    bool complete = array != NULL;
    for (int warning = 0; warning < VALENCE_N_WARNINGS; warning++)
        if (set & 1u << warning)
            complete =
                json_array_append_new(
                    array,
                    json_string(valence_warning_describe((enum valence_warning)warning)->key)) ==
                    0 &&
                complete;
    return json_all_or_nothing(array, complete);
}

json_t *this_machine_to_json(void)
{
    struct valence_machine machine = {.size = sizeof machine};
    (void)valence_machine_describe(&machine, NULL); /* fails for its argument alone */
    return json_pack("{s:s, s:s, s:i}", "system", machine.system, "cpu", machine.cpu, "cores",
                     machine.n_cores);
}

json_t *seed_summary_to_json(struct valence_seed_summary summary)
{
    return json_pack("{s:o, s:o}", "mean", json_number(summary.mean), "sd",
                     json_number(summary.deviation));
}
