/* Figures while something is missing: curves over the rate, bars over conditions, AUILC. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "report/collect.h"
#include "report/json_values.h"

#define MAX_CONDITIONS 512

/* ---- Conditions ---- */

static const json_t *protocol_in(const json_t *document, const char *name)
{
    size_t i;
    const json_t *protocol;
    json_array_foreach(json_object_get(document, "protocols"), i, protocol)
    {
        if (strcmp(json_text_at(protocol, "name"), name) == 0)
            return protocol;
    }
    return NULL;
}

/* A metric of a condition with its interval: over the clips of one model, one deviation over the
 * seeds of several. */
struct value {
    double mean, low, high;
};

static struct value value_of(const json_t *condition, const char *metric)
{
    const json_t *models = json_object_get(condition, "models");
    const json_t *summary = json_object_get(json_object_get(condition, "summary"), metric);
    struct value value = {json_number_at(summary, "mean"), NAN, NAN};
    double deviation = json_number_at(summary, "sd");
    if (json_array_size(models) == 1) {
        const json_t *interval =
            json_object_get(json_object_get(json_array_get(models, 0), "intervals"), metric);
        value.low = json_number_in(interval, 0);
        value.high = json_number_in(interval, 1);
    } else if (!isnan(deviation)) {
        value.low = value.mean - deviation;
        value.high = value.mean + deviation;
    }
    return value;
}

static bool has_rates(const json_t *protocol)
{
    const json_t *first = json_array_get(json_object_get(protocol, "conditions"), 0);
    return json_is_number(json_object_get(first, "rate"));
}

/* What a condition's name has before its rate: "audio" of "audio 0.2", "" of "0.2". */
static size_t kind_length(const json_t *condition)
{
    const char *name = json_text_at(condition, "name");
    const char *blank = strrchr(name, ' ');
    return blank ? (size_t)(blank - name) : 0;
}

static bool same_kind(const json_t *a, const json_t *b)
{
    size_t length = kind_length(a);
    return length == kind_length(b) &&
           strncmp(json_text_at(a, "name"), json_text_at(b, "name"), length) == 0;
}

/* ---- Charts ---- */

static const char *series_name(struct report_builder *builder, const char *run,
                               const json_t *condition)
{
    size_t length = kind_length(condition);
    return length ? report_format(builder, "%s, %.*s", run, (int)length,
                                  json_text_at(condition, "name"))
                  : run;
}

/* The values of conditions `from` ... that are of the same kind as the first. */
static void fill_series(struct report_builder *builder, struct report_chart *chart,
                        const json_t *conditions, size_t from, const char *run, const char *metric,
                        double unit, bool by_rate)
{
    const json_t *first = json_array_get(conditions, from);
    int64_t n_all = (int64_t)json_array_size(conditions), n = 0;
    struct report_series *series =
        report_series(builder, chart, by_rate ? series_name(builder, run, first) : run, n_all);
    double *x = report_numbers(builder, n_all), *y = report_numbers(builder, n_all);
    double *low = report_numbers(builder, n_all), *high = report_numbers(builder, n_all);
    if (!series || !x || !y || !low || !high)
        return;
    for (size_t i = from; i < (size_t)n_all; i++) {
        const json_t *condition = json_array_get(conditions, i);
        struct value value = value_of(condition, metric);
        if (by_rate && !same_kind(first, condition))
            continue;
        x[n] = json_number_at(condition, "rate");
        y[n] = unit * value.mean;
        low[n] = unit * value.low;
        high[n++] = unit * value.high;
    }
    series->n = n;
    series->x = by_rate ? x : NULL;
    series->y = y;
    series->low = low;
    series->high = high;
}

/* One series for each kind of condition: of `noise` one for each modality. */
static void add_curves(struct report_builder *builder, struct report_chart *chart,
                       const json_t *conditions, const char *run, const char *metric, double unit)
{
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        bool known = false;
        for (size_t j = 0; j < i; j++)
            known =
                known || same_kind(json_array_get(conditions, i), json_array_get(conditions, j));
        if (!known)
            fill_series(builder, chart, conditions, i, run, metric, unit, true);
    }
}

/* Bars need the same conditions in every document: those of the first are shown. */
static bool same_conditions(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (strcmp(json_text_at(json_array_get(a, i), "name"),
                   json_text_at(json_array_get(b, i), "name")) != 0)
            return false;
    return true;
}

static const char *run_name(struct report_builder *builder, const struct document_source *document)
{
    const char *run = json_text_at(document->json, "run");
    return report_text(builder, *run ? run : document->name);
}

static void name_conditions(struct report_builder *builder, struct report_axis *axis,
                            const json_t *conditions)
{
    const char *names[MAX_CONDITIONS];
    size_t n = json_array_size(conditions);
    if (n > MAX_CONDITIONS)
        n = MAX_CONDITIONS;
    for (size_t i = 0; i < n; i++)
        names[i] = json_text_at(json_array_get(conditions, i), "name");
    report_axis_names(builder, axis, names, (int64_t)n);
}

static void chart_metric(struct report_builder *builder, const struct sources *sources,
                         const char *name, const json_t *protocol,
                         const struct valence_metric_info *metric)
{
    bool by_rate = has_rates(protocol);
    double unit = metric->is_share ? 100 : 1;
    const json_t *conditions = json_object_get(protocol, "conditions");
    struct report_chart *chart =
        report_chart(builder, by_rate ? REPORT_LINES : REPORT_BARS,
                     report_format(builder, "protocol-%s-%s", name, metric->key),
                     report_format(builder, "Protocol %s: %s", name, metric->heading));
    if (!chart || json_array_size(conditions) > MAX_CONDITIONS)
        return;
    chart->x.title = by_rate ? "Rate" : "Present";
    chart->x.digits = 2;
    chart->y.title = metric->heading;
    chart->y.unit = metric->is_share ? "%" : "";
    chart->y.digits = metric->is_share ? 1 : 3;
    if (!by_rate)
        name_conditions(builder, &chart->x, conditions);
    report_note(builder, chart,
                "%s Source: %s. Bands and bars: 95 %% intervals over the clips, or "
                "one standard deviation over the seeds.",
                json_text_at(protocol, "rule"), json_text_at(protocol, "source"));
    for (int64_t i = 0; i < sources->n_documents; i++) {
        const struct document_source *document = &sources->documents[i];
        const json_t *own =
            document->kind == DOCUMENT_PROTOCOL ? protocol_in(document->json, name) : NULL;
        const json_t *own_conditions = json_object_get(own, "conditions");
        const char *run = report_format(builder, "%s, on %s", run_name(builder, document),
                                        path_name(json_text_at(document->json, "store")));
        if (own && by_rate)
            add_curves(builder, chart, own_conditions, run, metric->key, unit);
        else if (own && same_conditions(conditions, own_conditions))
            fill_series(builder, chart, own_conditions, 0, run, metric->key, unit, false);
    }
}

/* ---- Tables ---- */

static void add_rows(struct report_builder *builder, struct report_table *table,
                     const struct document_source *document, const json_t *protocol)
{
    size_t i;
    const json_t *condition;
    json_array_foreach(json_object_get(protocol, "conditions"), i, condition)
    {
        const json_t *missing = json_object_get(condition, "missing");
        report_cell_text(builder, table, run_name(builder, document));
        report_cell_text(builder, table, path_name(json_text_at(document->json, "store")));
        report_cell_text(builder, table, json_text_at(condition, "name"));
        report_cell_number(builder, table, 100 * json_number_at(missing, "rows"), 1);
        for (int m = 0; m < VALENCE_N_METRICS; m++) {
            const struct valence_metric_info *info =
                valence_metric_describe((enum valence_metric)m);
            const json_t *summary = json_object_get(condition, "summary");
            if (json_object_get(summary, info->key))
                report_cell_number(builder, table,
                                   (info->is_share ? 100 : 1) * value_of(condition, info->key).mean,
                                   info->is_share ? 1 : 3);
        }
    }
}

/* The headings of the metrics that a document has, behind `first`. */
static const char *headings_of(struct report_builder *builder, const json_t *values,
                               const char *first)
{
    const char *headings = first;
    for (int m = 0; m < VALENCE_N_METRICS; m++) {
        const struct valence_metric_info *info = valence_metric_describe((enum valence_metric)m);
        if (json_object_get(values, info->key))
            headings = report_format(builder, "%s|#%s%s", headings, info->heading,
                                     info->is_share ? ", %" : "");
    }
    return headings;
}

static bool same_metrics(const json_t *a, const json_t *b)
{
    for (int m = 0; m < VALENCE_N_METRICS; m++) {
        const char *key = valence_metric_describe((enum valence_metric)m)->key;
        if (!json_object_get(a, key) != !json_object_get(b, key))
            return false;
    }
    return true;
}

static void tabulate(struct report_builder *builder, const struct sources *sources,
                     const char *name, const json_t *protocol)
{
    const json_t *summary =
        json_object_get(json_array_get(json_object_get(protocol, "conditions"), 0), "summary");
    struct report_table *table =
        report_table(builder, report_format(builder, "protocol-%s", name),
                     report_format(builder, "Protocol %s: all figures", name),
                     headings_of(builder, summary, "Run|Store|Condition|#Rows missing, %"));
    for (int64_t i = 0; i < sources->n_documents; i++) {
        const struct document_source *document = &sources->documents[i];
        const json_t *own =
            document->kind == DOCUMENT_PROTOCOL ? protocol_in(document->json, name) : NULL;
        const json_t *own_summary =
            json_object_get(json_array_get(json_object_get(own, "conditions"), 0), "summary");
        if (own && same_metrics(summary, own_summary))
            add_rows(builder, table, document, own);
    }
}

/* The area under each metric's curve, over all protocols with rates. */
static void tabulate_areas(struct report_builder *builder, const struct sources *sources)
{
    struct report_table *table = NULL;
    const json_t *first = NULL, *protocol;
    size_t p;
    for (int64_t i = 0; i < sources->n_documents; i++) {
        if (sources->documents[i].kind != DOCUMENT_PROTOCOL)
            continue;
        json_array_foreach(json_object_get(sources->documents[i].json, "protocols"), p, protocol)
        {
            const json_t *areas = json_object_get(protocol, "auilc");
            if (!json_is_object(areas) || (first && !same_metrics(first, areas)))
                continue;
            if (!first)
                table = report_table(builder, "auilc", "Areas under the curves (AUILC)",
                                     headings_of(builder, areas, "Protocol|Run|Store"));
            first = first ? first : areas;
            report_cell_text(builder, table, json_text_at(protocol, "name"));
            report_cell_text(builder, table, run_name(builder, &sources->documents[i]));
            report_cell_text(builder, table,
                             path_name(json_text_at(sources->documents[i].json, "store")));
            for (int m = 0; m < VALENCE_N_METRICS; m++) {
                const struct valence_metric_info *info =
                    valence_metric_describe((enum valence_metric)m);
                const json_t *area = json_object_get(areas, info->key);
                if (area)
                    report_cell_number(builder, table,
                                       (info->is_share ? 100 : 1) * json_number_at(area, "mean"),
                                       info->is_share ? 1 : 3);
            }
        }
    }
    if (table)
        table->note =
            "The area under a metric's curve over the rates, divided by their range: the "
            "mean over all rates. Smaller is better for MAE and RMSE, larger for the others.";
}

/* ---- All ---- */

/* The first of some metrics that the protocol has. */
static const struct valence_metric_info *find_metric(const json_t *protocol,
                                                     const enum valence_metric *wanted, int n)
{
    const json_t *summary =
        json_object_get(json_array_get(json_object_get(protocol, "conditions"), 0), "summary");
    for (int i = 0; i < n; i++)
        if (json_object_get(summary, valence_metric_describe(wanted[i])->key))
            return valence_metric_describe(wanted[i]);
    return NULL;
}

static const struct valence_metric_info *first_metric(const json_t *protocol)
{
    static const enum valence_metric wanted[] = {VALENCE_METRIC_MAE, VALENCE_METRIC_F1_WEIGHTED};
    return find_metric(protocol, wanted, 2);
}

/* What the field reports beside it on this scale. */
static const struct valence_metric_info *second_metric(const json_t *protocol)
{
    static const enum valence_metric wanted[] = {VALENCE_METRIC_ACC2_NON0, VALENCE_METRIC_ACC2_SIMS,
                                                 VALENCE_METRIC_ACC3, VALENCE_METRIC_CORR,
                                                 VALENCE_METRIC_ACC};
    return find_metric(protocol, wanted, 5);
}

static bool is_first(const struct sources *sources, int64_t document, const char *name)
{
    for (int64_t i = 0; i < document; i++)
        if (sources->documents[i].kind == DOCUMENT_PROTOCOL &&
            protocol_in(sources->documents[i].json, name))
            return false;
    return true;
}

void collect_protocols(struct report_builder *builder, const struct sources *sources)
{
    size_t p;
    const json_t *protocol;
    report_section(builder, "missing");
    for (int64_t i = 0; i < sources->n_documents; i++) {
        if (sources->documents[i].kind != DOCUMENT_PROTOCOL)
            continue;
        json_array_foreach(json_object_get(sources->documents[i].json, "protocols"), p, protocol)
        {
            const char *name = json_text_at(protocol, "name");
            const struct valence_metric_info *first = first_metric(protocol);
            const struct valence_metric_info *second = second_metric(protocol);
            if (!is_first(sources, i, name) ||
                json_array_size(json_object_get(protocol, "conditions")) == 0)
                continue;
            if (first)
                chart_metric(builder, sources, name, protocol, first);
            if (second)
                chart_metric(builder, sources, name, protocol, second);
            tabulate(builder, sources, name, protocol);
        }
    }
    tabulate_areas(builder, sources);
}
