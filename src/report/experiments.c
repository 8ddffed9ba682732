/* Ablations, comparisons and sweeps, from their results. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/collect.h"
#include "report/json_values.h"

#define MAX_VARIANTS 1001

/* ---- What a result has ---- */

static bool is_sweep(const json_t *result)
{
    return strcmp(json_text_at(result, "kind"), "sweep") == 0;
}

static const json_t *cell_of(const json_t *variant, const char *flow, const char *metric)
{
    return json_object_get(json_object_get(json_object_get(variant, "flows"), flow), metric);
}

/* The flows that the first variant was measured in. */
static const json_t *flows_of(const json_t *result)
{
    const json_t *first = json_array_get(json_object_get(result, "variants"), 0);
    return json_object_get(first, "flows");
}

static const char *title_of(struct report_builder *builder, const struct document_source *document)
{
    const char *kind = json_text_at(document->json, "kind");
    const char *title = strcmp(kind, "ablation") == 0     ? "Ablation"
                        : strcmp(kind, "comparison") == 0 ? "Comparison"
                        : strcmp(kind, "sweep") == 0      ? "Sweep"
                                                          : "Result";
    bool says_more = strcmp(document->name, kind) != 0; /* than the folder's usual name */
    return says_more ? report_format(builder, "%s of %s", title, document->name)
                     : report_format(builder, "%s", title);
}

/* ---- Differences to the first variant ---- */

/* Bars with intervals: what the other variants lose or win, in both flows. */
static void chart_differences(struct report_builder *builder,
                              const struct document_source *document, const json_t *metric)
{
    const json_t *variants = json_object_get(document->json, "variants");
    const char *key = json_text_at(metric, "key"), *names[MAX_VARIANTS], *flow;
    bool is_share = json_is_true(json_object_get(metric, "share"));
    double unit = is_share ? 100 : 1;
    json_t *unused;
    size_t n_all = json_array_size(variants), rows[MAX_VARIANTS];
    int64_t n = 0;
    for (size_t i = 1; i < n_all && i < MAX_VARIANTS; i++)
        if (json_object_size(json_object_get(json_array_get(variants, i), "flows")) > 0) {
            names[n] = json_text_at(json_array_get(variants, i), "name");
            rows[n++] = i;
        }
    if (n == 0)
        return;
    struct report_chart *chart = report_chart(
        builder, REPORT_BARS, report_format(builder, "difference-%s-%s", document->name, key),
        report_format(builder, "%s: difference in %s to %s", title_of(builder, document),
                      json_text_at(metric, "heading"),
                      json_text_at(json_array_get(variants, 0), "name")));
    if (!chart)
        return;
    report_axis_names(builder, &chart->x, names, n);
    chart->x.title = "Variant";
    chart->y.title = report_format(builder, "Difference in %s", json_text_at(metric, "heading"));
    chart->y.unit = is_share ? "%" : "";
    chart->y.digits = is_share ? 1 : 4;
    report_note(builder, chart,
                "Means over the seeds, less those of the first variant, with 95 %% intervals over "
                "recordings and seeds.");
    json_object_foreach((json_t *)flows_of(document->json), flow, unused)
    {
        struct report_series *series = report_series(builder, chart, flow, n);
        double *y = report_numbers(builder, n), *low = report_numbers(builder, n);
        double *high = report_numbers(builder, n);
        if (!series || !y || !low || !high)
            return;
        for (int64_t i = 0; i < n; i++) {
            const json_t *cell = cell_of(json_array_get(variants, rows[i]), flow, key);
            y[i] = unit * json_number_at(cell, "difference");
            low[i] = unit * json_number_at(cell, "low");
            high[i] = unit * json_number_at(cell, "high");
        }
        series->y = y;
        series->low = low;
        series->high = high;
    }
}

static void add_row(struct report_builder *builder, struct report_table *table,
                    const json_t *variant, const char *flow, const json_t *metrics)
{
    size_t i;
    const json_t *metric;
    report_cell_text(builder, table, json_text_at(variant, "name"));
    report_cell_text(builder, table, flow);
    json_array_foreach(metrics, i, metric)
    {
        bool is_share = json_is_true(json_object_get(metric, "share"));
        double unit = is_share ? 100 : 1;
        int digits = is_share ? 1 : 3;
        const json_t *cell = cell_of(variant, flow, json_text_at(metric, "key"));
        report_cell_number(builder, table, unit * json_number_at(cell, "mean"), digits);
        report_cell_number(builder, table, unit * json_number_at(cell, "sd"), digits);
        report_cell_number(builder, table, json_number_at(cell, "p_holm"), 3);
    }
}

static void tabulate(struct report_builder *builder, const struct document_source *document)
{
    const json_t *metrics = json_object_get(document->json, "metrics"), *metric, *variant;
    const char *headings = "Variant|Flow", *flow;
    json_t *figures;
    size_t i;
    json_array_foreach(metrics, i, metric) headings =
        report_format(builder, "%s|#%s%s|#sd|#p", headings, json_text_at(metric, "heading"),
                      json_is_true(json_object_get(metric, "share")) ? ", %" : "");
    struct report_table *table = report_table(
        builder, report_format(builder, "variants-%s", document->name),
        report_format(builder, "%s: all figures", title_of(builder, document)), headings);
    json_array_foreach(json_object_get(document->json, "variants"), i, variant)
        json_object_foreach(json_object_get(variant, "flows"), flow, figures)
            add_row(builder, table, variant, flow, metrics);
    if (table)
        table->note =
            "sd: the sample standard deviation over the seeds. p: of no difference to the first "
            "variant, two-sided, corrected for all tests of the result (Holm).";
}

/* ---- Sweeps ---- */

/* "losses.rnc=0.25" in `set` of a plan's variant: its only assignment, or NULL. */
static const char *assignment_of(const json_t *plan, const char *variant)
{
    size_t i;
    const json_t *planned;
    json_array_foreach(json_object_get(plan, "variants"), i, planned)
    {
        const json_t *set = json_object_get(planned, "set");
        if (strcmp(json_text_at(planned, "name"), variant) == 0)
            return json_array_size(set) == 1 ? json_string_value(json_array_get(set, 0)) : NULL;
    }
    return NULL;
}

struct point {
    double at;
    const json_t *validation;
    bool is_best;
};

/* Of a sweep's setting: a mean absolute error, or of classes a cross-entropy. */
static const json_t *validation_of(const json_t *variant)
{
    const json_t *error = json_object_get(variant, "validation_mae");
    return error ? error : json_object_get(variant, "validation_cross_entropy");
}

static int by_place(const void *a, const void *b)
{
    double x = ((const struct point *)a)->at, y = ((const struct point *)b)->at;
    return (x > y) - (x < y);
}

/* The settings of one key with its number; false where a value is no number. */
static bool take_point(const json_t *document, const json_t *variant, const char *key,
                       size_t key_length, struct point *point)
{
    const char *set =
        assignment_of(json_object_get(document, "plan"), json_text_at(variant, "name"));
    if (!set || strncmp(set, key, key_length) != 0 || set[key_length] != '=' ||
        !parse_double(set + key_length + 1, &point->at))
        return false;
    point->validation = validation_of(variant);
    point->is_best = strcmp(json_text_at(document, "best"), json_text_at(variant, "name")) == 0;
    return true;
}

static void add_curve(struct report_builder *builder, struct report_chart *chart, const char *name,
                      const struct point *points, int64_t n, const char *flow)
{
    struct report_series *series = report_series(builder, chart, name, n);
    double *x = report_numbers(builder, n), *y = report_numbers(builder, n);
    double *low = report_numbers(builder, n), *high = report_numbers(builder, n);
    if (!series || !x || !y || !low || !high)
        return;
    for (int64_t i = 0; i < n; i++) {
        const json_t *values =
            flow ? json_object_get(json_object_get(points[i].validation, "flows"), flow)
                 : points[i].validation;
        double deviation = json_number_at(values, "sd");
        x[i] = points[i].at;
        y[i] = json_number_at(values, "mean");
        low[i] = y[i] - deviation;
        high[i] = y[i] + deviation;
    }
    series->x = x;
    series->y = y;
    series->low = low;
    series->high = high;
}

static void chart_key(struct report_builder *builder, const struct document_source *document,
                      const char *key, size_t key_length)
{
    const json_t *variants = json_object_get(document->json, "variants"), *variant;
    struct point *points =
        report_take(builder, (int64_t)json_array_size(variants) + 1, sizeof *points);
    const char *flow;
    json_t *unused;
    size_t i;
    int64_t n = 0;
    if (!points)
        return;
    json_array_foreach(variants, i, variant) n +=
        take_point(document->json, variant, key, key_length, &points[n]);
    if (n < 2)
        return;
    qsort(points, (size_t)n, sizeof *points, by_place);
    const char *name = report_format(builder, "%.*s", (int)key_length, key);
    struct report_chart *chart = report_chart(
        builder, REPORT_LINES, report_format(builder, "sweep-%s-%s", document->name, name),
        report_format(builder, "%s: %s", title_of(builder, document), name));
    if (!chart)
        return;
    chart->x.title = name;
    bool is_mae = json_object_get(json_array_get(variants, 0), "validation_mae") != NULL;
    chart->y.title = is_mae ? "Validation error (MAE)" : "Validation error (cross-entropy)";
    report_note(builder, chart,
                "Means over the seeds; bands are of one standard deviation. The best setting is "
                "chosen by the validation part alone.");
    add_curve(builder, chart, "what selects", points, n, NULL);
    json_object_foreach(json_object_get(points[0].validation, "flows"), flow, unused)
        add_curve(builder, chart, flow, points, n, flow);
    for (int64_t p = 0; p < n; p++)
        if (points[p].is_best)
            report_mark(builder, chart, false, points[p].at, "chosen");
}

/* One chart for each key that was varied alone. */
static void chart_sweep(struct report_builder *builder, const struct document_source *document)
{
    const json_t *variants = json_object_get(document->json, "variants");
    const json_t *plan = json_object_get(document->json, "plan");
    for (size_t i = 0; i < json_array_size(variants); i++) {
        const char *set = assignment_of(plan, json_text_at(json_array_get(variants, i), "name"));
        size_t length = set ? strcspn(set, "=") : 0;
        bool known = !set;
        for (size_t j = 0; j < i && !known; j++) {
            const char *earlier =
                assignment_of(plan, json_text_at(json_array_get(variants, j), "name"));
            known = earlier && strncmp(earlier, set, length + 1) == 0;
        }
        if (!known)
            chart_key(builder, document, set, length);
    }
}

static void tabulate_sweep(struct report_builder *builder, const struct document_source *document)
{
    const json_t *variant;
    size_t i;
    struct report_table *table =
        report_table(builder, report_format(builder, "settings-%s", document->name),
                     report_format(builder, "%s: validation errors", title_of(builder, document)),
                     "Setting|Chosen|#Validation error|#sd|#Epochs");
    json_array_foreach(json_object_get(document->json, "variants"), i, variant)
    {
        const json_t *validation = validation_of(variant);
        const char *name = json_text_at(variant, "name");
        report_cell_text(builder, table, name);
        report_cell_text(builder, table,
                         strcmp(name, json_text_at(document->json, "best")) == 0 ? "chosen" : "");
        report_cell_number(builder, table, json_number_at(validation, "mean"), 4);
        report_cell_number(builder, table, json_number_at(validation, "sd"), 4);
        report_cell_number(builder, table, json_number_at(variant, "epochs"), 0);
    }
}

/* ---- All ---- */

static void say_data(struct report_builder *builder, const struct document_source *document)
{
    const json_t *data = json_object_get(document->json, "data");
    const json_t *statistics = json_object_get(document->json, "statistics");
    report_say(builder, REPORT_TEXT,
               "%s: measured on %.0f clips of %.0f recordings of the %s part of %s, with %.0f "
               "resamples of recordings and seeds.",
               title_of(builder, document), json_number_at(data, "clips"),
               json_number_at(data, "recordings"), json_text_at(data, "split"),
               json_text_at(data, "store"), json_number_at(statistics, "resamples"));
    if (json_is_true(json_object_get(data, "synthetic")))
        report_say(builder, REPORT_WARNING, "The data of %s are synthetic.",
                   json_text_at(data, "store"));
}

void collect_experiments(struct report_builder *builder, const struct sources *sources)
{
    size_t m;
    const json_t *metric;
    report_section(builder, "experiments");
    for (int64_t i = 0; i < sources->n_documents; i++) {
        const struct document_source *document = &sources->documents[i];
        if (document->kind != DOCUMENT_RESULT || !flows_of(document->json))
            continue;
        say_data(builder, document);
        if (is_sweep(document->json)) {
            chart_sweep(builder, document);
            tabulate_sweep(builder, document);
        } else {
            json_array_foreach(json_object_get(document->json, "metrics"), m, metric)
            {
                if (m < 2)
                    chart_differences(builder, document, metric);
            }
        }
        tabulate(builder, document);
    }
}
