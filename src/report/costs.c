/* What models cost, from `valence cost --json`. */
#include <math.h>

#include "base/file.h"
#include "report/collect.h"
#include "report/json_values.h"

#define MAX_MODELS 64

static void add_time(struct report_builder *builder, struct report_table *table,
                     const json_t *model, const char *key, double unit, int digits)
{
    report_cell_number(builder, table, unit * json_number_at(json_object_get(model, key), "median"),
                       digits);
}

static void tabulate(struct report_builder *builder, const struct document_source *document)
{
    const json_t *machine = json_object_get(document->json, "machine"), *model;
    size_t i;
    struct report_table *table = report_table(
        builder, "cost", report_format(builder, "Cost: %s", document->name),
        "Model|#Parameters|#MFLOP a clip|#MFLOP a step|#Latency, ms|#Clips/s scored|#Clips/s "
        "trained|#MiB to score|#MiB to train");
    json_array_foreach(json_object_get(document->json, "models"), i, model)
    {
        const json_t *operations = json_object_get(model, "operations");
        const json_t *bytes = json_object_get(model, "bytes");
        report_cell_text(builder, table, json_text_at(model, "name"));
        report_cell_number(builder, table, json_number_at(model, "parameters"), 0);
        report_cell_number(builder, table, json_number_at(operations, "clip") / 1e6, 1);
        report_cell_number(builder, table, json_number_at(operations, "step") / 1e6, 1);
        add_time(builder, table, model, "latency_seconds", 1e3, 2);
        add_time(builder, table, model, "scoring_clips_per_second", 1, 0);
        add_time(builder, table, model, "training_clips_per_second", 1, 0);
        report_cell_number(builder, table, json_number_at(bytes, "scoring") / 1048576, 1);
        report_cell_number(builder, table, json_number_at(bytes, "training") / 1048576, 1);
    }
    if (table)
        table->note =
            report_format(builder,
                          "Measured on clips of %s with %.0f threads on %s, %s, at a load of %.2f. "
                          "Operations are "
                          "multiplications and additions of matrix products; times are medians.",
                          path_name(json_text_at(json_object_get(document->json, "data"), "store")),
                          json_number_at(document->json, "threads"), json_text_at(machine, "cpu"),
                          json_text_at(machine, "system"), json_number_at(machine, "load"));
}

/* Bars with the 5th and 95th percentile of the repetitions. */
static void chart_latency(struct report_builder *builder, const struct document_source *document)
{
    const json_t *models = json_object_get(document->json, "models"), *model;
    const char *names[MAX_MODELS];
    size_t i;
    struct report_chart *chart =
        report_chart(builder, REPORT_BARS, "latency",
                     report_format(builder, "Time to score one clip: %s", document->name));
    double *y = report_numbers(builder, MAX_MODELS), *low = report_numbers(builder, MAX_MODELS);
    double *high = report_numbers(builder, MAX_MODELS);
    if (!chart || !y || !low || !high)
        return;
    int64_t n = 0;
    json_array_foreach(models, i, model)
    {
        const json_t *latency = json_object_get(model, "latency_seconds");
        if (!json_is_object(latency) || n == MAX_MODELS)
            continue;
        names[n] = json_text_at(model, "name");
        y[n] = 1e3 * json_number_at(latency, "median");
        low[n] = 1e3 * json_number_at(latency, "p5");
        high[n++] = 1e3 * json_number_at(latency, "p95");
    }
    struct report_series *series = report_series(builder, chart, "median", n);
    if (!series)
        return;
    series->y = y;
    series->low = low;
    series->high = high;
    report_axis_names(builder, &chart->x, names, n);
    chart->x.title = "Model";
    chart->y.title = "Time";
    chart->y.unit = "ms";
    report_note(builder, chart,
                "Medians, with the 5th and the 95th percentile of the repetitions.");
}

void collect_costs(struct report_builder *builder, const struct sources *sources)
{
    report_section(builder, "cost");
    for (int64_t i = 0; i < sources->n_documents; i++)
        if (sources->documents[i].kind == DOCUMENT_COST) {
            chart_latency(builder, &sources->documents[i]);
            tabulate(builder, &sources->documents[i]);
        }
}
