#include "report/measured.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "report/json_values.h"
#include "valence/evaluate.h"

const struct headline *headline_of(enum valence_scale scale)
{
    static const struct headline error = {
        VALENCE_METRIC_MAE, "mean absolute error", "Mean absolute error", 1, 3, "", true};
    static const struct headline f1 = {
        VALENCE_METRIC_F1_WEIGHTED, "weighted F1", "Weighted F1", 100, 1, " %", false};
    return scale == VALENCE_SCALE_CLASSES ? &f1 : &error;
}

/* ---- From scored clips ---- */

static void fill_from_list(struct measured *to, const struct scored_list *list)
{
    *to = (struct measured){.run = list->shown.run,
                            .parent = list->parent,
                            .flow = list->shown.flow,
                            .gap = list->gap,
                            .warnings = list->metrics.warnings,
                            .is_trained = list->is_trained,
                            .coverage = list->coverage,
                            .mean_width = list->mean_width,
                            .expected_error = list->expected_error,
                            .confusion = list->confusion};
    memcpy(to->values, list->metrics.values, sizeof to->values);
    memcpy(to->intervals, list->intervals, sizeof to->intervals);
}

static int64_t count_measured(const struct scored_set *set)
{
    int64_t n = 0;
    for (int i = 0; i < set->n_lists; i++)
        n += set->lists[i]->is_measured;
    return n;
}

static void add_set(struct report_builder *builder, const struct scored_set *set,
                    struct measured_groups *groups)
{
    int64_t n = count_measured(set);
    struct measured *items = n ? report_take(builder, n, sizeof *items) : NULL;
    if (!items || groups->n == MAX_MEASURED_GROUPS)
        return;
    struct measured_group *group = &groups->groups[groups->n++];
    *group = (struct measured_group){.name = set->name,
                                     .split = set->split,
                                     .scale = set->scale,
                                     .synthetic = set->synthetic,
                                     .level = set->level,
                                     .n_classes = set->n_classes,
                                     .classes = set->classes,
                                     .has_constant = set->has_constant,
                                     .constant = set->constant,
                                     .items = items};
    memcpy(group->constant_values, set->constant_metrics.values, sizeof group->constant_values);
    for (int i = 0; i < set->n_lists; i++)
        if (set->lists[i]->is_measured) {
            fill_from_list(&items[group->n++], set->lists[i]);
            if (set->lists[i]->metrics.n > group->n_clips)
                group->n_clips = set->lists[i]->metrics.n;
        }
}

/* ---- From documents ---- */

static void read_metrics(const json_t *metrics, double values[VALENCE_MAX_METRICS])
{
    for (int i = 0; i < VALENCE_MAX_METRICS; i++) {
        const struct valence_metric_info *info =
            i < VALENCE_N_METRICS ? valence_metric_describe((enum valence_metric)i) : NULL;
        values[i] = info ? json_number_at(metrics, info->key) : NAN;
    }
}

static struct valence_interval read_interval(const json_t *intervals, enum valence_metric metric)
{
    const json_t *pair = json_object_get(intervals, valence_metric_describe(metric)->key);
    return (struct valence_interval){json_number_in(pair, 0), json_number_in(pair, 1)};
}

static unsigned read_warnings(const json_t *warnings)
{
    unsigned found = 0;
    size_t i;
    const json_t *warning;
    json_array_foreach(warnings, i, warning)
    {
        for (int w = 0; w < VALENCE_N_WARNINGS; w++)
            if (json_is_string(warning) &&
                strcmp(json_string_value(warning),
                       valence_warning_describe((enum valence_warning)w)->key) == 0)
                found |= 1u << w;
    }
    return found;
}

/* {"mae": {"value": ..., "interval": [low, high]}} */
static struct valence_interval read_gap(const json_t *difference, enum valence_scale scale)
{
    const json_t *figure =
        json_object_get(difference, valence_metric_describe(headline_of(scale)->metric)->key);
    const json_t *interval = json_object_get(figure, "interval");
    return (struct valence_interval){json_number_in(interval, 0), json_number_in(interval, 1)};
}

/* Clips by label, then by prediction; NULL where the document has none of so many classes. */
static const double *read_confusion(struct report_builder *builder, const json_t *rows, int n)
{
    double *counts = NULL;
    if (n > 0 && json_array_size(rows) == (size_t)n)
        counts = report_numbers(builder, (int64_t)n * n);
    for (int i = 0; counts && i < n * n; i++) {
        double count = json_number_in(json_array_get(rows, (size_t)(i / n)), (size_t)(i % n));
        if (!(count >= 0))
            return NULL;
        counts[i] = count;
    }
    return counts;
}

static void read_flow(struct report_builder *builder, const json_t *document, const json_t *model,
                      const char *flow, const json_t *figures, const struct measured_group *group,
                      struct measured *to)
{
    const json_t *reliability = json_object_get(figures, "reliability");
    const char *run = json_text_at(document, "run"), *name = json_text_at(model, "name");
    bool is_seed = json_array_size(json_object_get(document, "models")) > 1;
    *to = (struct measured){
        .run = is_seed ? report_format(builder, "%s/%s", run, name) : report_text(builder, run),
        .parent = report_text(builder, run),
        .flow = report_text(builder, flow),
        .gap = read_gap(json_object_get(figures, "difference"), group->scale),
        .warnings = read_warnings(json_object_get(figures, "warnings")),
        .is_trained = !json_is_false(json_object_get(figures, "trained")),
        .coverage = json_number_at(reliability, "coverage"),
        .mean_width = json_number_at(reliability, "mean_width"),
        .expected_error = json_number_at(reliability, "expected_error"),
        .confusion =
            read_confusion(builder, json_object_get(figures, "confusion"), group->n_classes)};
    read_metrics(json_object_get(figures, "metrics"), to->values);
    for (int i = 0; i < VALENCE_MAX_METRICS; i++)
        to->intervals[i] =
            i < VALENCE_N_METRICS
                ? read_interval(json_object_get(figures, "intervals"), (enum valence_metric)i)
                : (struct valence_interval){NAN, NAN};
}

/* The names of a document's classes; none where labels are scores. */
static void read_classes(struct report_builder *builder, const json_t *names,
                         struct measured_group *group)
{
    size_t n = json_array_size(names);
    const char **classes =
        n && n <= VALENCE_MAX_CLASSES ? report_take(builder, (int64_t)n, sizeof *classes) : NULL;
    for (size_t i = 0; classes && i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        classes[i] = report_text(builder, name ? name : "");
    }
    group->classes = classes;
    group->n_classes = classes ? (int)n : 0;
}

static int64_t count_flows(const json_t *models)
{
    int64_t n = 0;
    size_t i;
    const json_t *model;
    json_array_foreach(models, i, model) n +=
        (int64_t)json_object_size(json_object_get(model, "flows"));
    return n;
}

static void add_document(struct report_builder *builder, const json_t *document,
                         struct measured_groups *groups)
{
    const json_t *models = json_object_get(document, "models"), *model;
    const json_t *constant = json_object_get(document, "constant");
    int64_t n = count_flows(models);
    struct measured *items = n ? report_take(builder, n, sizeof *items) : NULL;
    int scale = valence_scale_from_name(json_text_at(document, "scale"));
    size_t i;
    const char *flow;
    json_t *figures;
    if (!items || groups->n == MAX_MEASURED_GROUPS)
        return;
    struct measured_group *group = &groups->groups[groups->n++];
    double n_clips = json_number_at(document, "clips");
    *group = (struct measured_group){
        .name = report_text(builder, path_name(json_text_at(document, "store"))),
        .split = report_text(builder, json_text_at(document, "split")),
        .scale = scale < 0 ? VALENCE_SCALE_OTHER : (enum valence_scale)scale,
        .synthetic = json_is_true(json_object_get(document, "synthetic")),
        .n_clips = n_clips >= 0 && n_clips < 1e15 ? (int64_t)n_clips : 0,
        .level = json_number_at(document, "level"),
        .has_constant = json_is_object(constant),
        .constant = json_number_at(constant, "value"),
        .items = items};
    read_metrics(json_object_get(constant, "metrics"), group->constant_values);
    read_classes(builder, json_object_get(document, "classes"), group);
    json_array_foreach(models, i, model)
        json_object_foreach(json_object_get(model, "flows"), flow, figures)
            read_flow(builder, document, model, flow, figures, group, &items[group->n++]);
}

/* ---- All ---- */

void measured_list(struct report_builder *builder, const struct sources *sources,
                   const struct scored_sets *sets, struct measured_groups *groups)
{
    groups->n = 0;
    for (int i = 0; i < sets->n; i++)
        add_set(builder, sets->sets[i], groups);
    for (int64_t i = 0; i < sources->n_documents; i++)
        if (sources->documents[i].kind == DOCUMENT_EVALUATION)
            add_document(builder, sources->documents[i].json, groups);
}

double measured_mean(const struct measured_group *group, const char *parent, const char *flow,
                     enum valence_metric metric, int *n, double *deviation)
{
    double sum = 0, squares = 0;
    *n = 0;
    for (int i = 0; i < group->n; i++)
        if (strcmp(group->items[i].parent, parent) == 0 &&
            strcmp(group->items[i].flow, flow) == 0) {
            sum += group->items[i].values[metric];
            ++*n;
        }
    double mean = *n ? sum / *n : NAN;
    for (int i = 0; i < group->n; i++)
        if (strcmp(group->items[i].parent, parent) == 0 && strcmp(group->items[i].flow, flow) == 0)
            squares += pow(group->items[i].values[metric] - mean, 2);
    *deviation = *n > 1 ? sqrt(squares / (*n - 1)) : NAN;
    return mean;
}
