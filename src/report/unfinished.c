/* Experiments that have no result yet: how far they are, and the validation errors of the runs that
 * are done. Nothing is measured on the test part before all of them are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/collect.h"
#include "report/json_values.h"

#define MAX_VARIANTS 1001

/* ---- Validation errors ---- */

/* {"complete": {"mae": 0.7}} */
static const json_t *validation_of(const struct unfinished_source *source, int64_t run)
{
    return json_object_get(source->results[run], "validation");
}

/* The mean absolute error, or of classes the cross-entropy. */
static double error_of(const json_t *validation, const char *flow)
{
    const json_t *errors = json_object_get(validation, flow);
    double error = json_number_at(errors, "mae");
    return isnan(error) ? json_number_at(errors, "cross_entropy") : error;
}

static const char *error_name(const json_t *validation)
{
    const json_t *first = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)validation));
    return json_object_get(first, "cross_entropy") ? "cross-entropy" : "MAE";
}

/* The first run that is done: which flows and errors there are. */
static int64_t first_done(const struct unfinished_source *source)
{
    int64_t i = 0;
    while (i < source->state->n_runs && !source->results[i])
        i++;
    return i;
}

/* ---- Variants ---- */

/* Runs stand variant by variant. Those of the one that begins at `from` end before this. */
static int64_t end_of_variant(const struct unfinished_source *source, int64_t from)
{
    const struct valence_planned_run *runs = source->state->runs;
    int64_t end = from + 1;
    while (end < source->state->n_runs && strcmp(runs[end].variant, runs[from].variant) == 0)
        end++;
    return end;
}

/* The mean over the runs of from <= i < to that are done, and their deviation; NaN of none. */
static double mean_of(const struct unfinished_source *source, int64_t from, int64_t to,
                      const char *flow, double *deviation)
{
    double mean = 0, squares = 0;
    int n = 0;
    for (int64_t i = from; i < to; i++) {
        double error = error_of(validation_of(source, i), flow), before = error - mean;
        if (isnan(error))
            continue;
        mean += before / ++n;
        squares += before * (error - mean);
    }
    *deviation = n > 1 ? sqrt(squares / (n - 1)) : NAN;
    return n > 0 ? mean : NAN;
}

static void add_bars(struct report_builder *builder, struct report_chart *chart,
                     const struct unfinished_source *source, const int64_t *starts, int64_t n,
                     const char *flow)
{
    struct report_series *series = report_series(builder, chart, report_text(builder, flow), n);
    double *y = report_numbers(builder, n);
    double *low = report_numbers(builder, n), *high = report_numbers(builder, n);
    if (!series || !y || !low || !high)
        return;
    for (int64_t v = 0; v < n; v++) {
        double deviation;
        y[v] = mean_of(source, starts[v], end_of_variant(source, starts[v]), flow, &deviation);
        low[v] = y[v] - deviation;
        high[v] = y[v] + deviation;
    }
    series->y = y;
    series->low = low;
    series->high = high;
}

static void chart_variants(struct report_builder *builder, const struct unfinished_source *source,
                           const json_t *validation)
{
    const char *names[MAX_VARIANTS], *flow;
    int64_t starts[MAX_VARIANTS], n = 0;
    json_t *unused;
    for (int64_t i = 0; i < source->state->n_runs && n < MAX_VARIANTS;
         i = end_of_variant(source, i)) {
        starts[n] = i;
        names[n++] = report_text(builder, source->state->runs[i].variant);
    }
    struct report_chart *chart =
        report_chart(builder, REPORT_BARS, report_format(builder, "so-far-%s", source->name),
                     report_format(builder, "Validation errors of %s so far", source->name));
    if (!chart)
        return;
    report_axis_names(builder, &chart->x, names, n);
    chart->x.title = "Variant";
    chart->y.title = report_format(builder, "Validation %s", error_name(validation));
    chart->wide = true;
    report_note(builder, chart,
                "Means over the runs that are done, with one standard deviation. Variants without "
                "bars have no such run.");
    json_object_foreach((json_t *)(uintptr_t)validation, flow, unused)
        add_bars(builder, chart, source, starts, n, flow);
}

/* ---- Runs ---- */

static void tabulate_runs(struct report_builder *builder, const struct unfinished_source *source,
                          json_t *validation)
{
    const char *headings = "Variant|#Seed|State|#Epochs|#Planned epochs", *flow;
    json_t *unused;
    json_object_foreach(validation, flow, unused) headings =
        report_format(builder, "%s|#%s, validation %s", headings, flow, error_name(validation));
    struct report_table *table =
        report_table(builder, report_format(builder, "runs-of-%s", source->name),
                     report_format(builder, "Runs of %s", source->name), headings);
    for (int64_t i = 0; i < source->state->n_runs; i++) {
        const struct valence_planned_run *run = &source->state->runs[i];
        report_cell_text(builder, table, run->variant);
        report_cell_number(builder, table, (double)run->seed, 0);
        report_cell_text(builder, table,
                         *run->failure
                             ? report_format(builder, "%s: %s", valence_run_state_names[run->state],
                                             run->failure)
                             : valence_run_state_names[run->state]);
        report_cell_number(builder, table, (double)run->epoch, 0);
        report_cell_number(builder, table, (double)run->n_epochs, 0);
        json_object_foreach(validation, flow, unused)
            report_cell_number(builder, table, error_of(validation_of(source, i), flow), 3);
    }
}

static void say_state(struct report_builder *builder, const struct unfinished_source *source)
{
    const int64_t *counts = source->state->counts;
    int64_t n_done = counts[VALENCE_RUN_DONE] + counts[VALENCE_RUN_DROPPED];
    bool is_all = n_done == source->state->n_runs;
    report_say(builder, REPORT_WARNING,
               "%s is not finished: %lld of %lld runs are done%s. There are no figures of the test "
               "part yet%s. The command that began the experiment continues it.",
               source->name, (long long)n_done, (long long)source->state->n_runs,
               is_all ? "" : ", and the others are missing below",
               is_all ? "" : ": they are measured when all runs are done");
}

void collect_unfinished(struct report_builder *builder, const struct sources *sources)
{
    report_section(builder, "experiments");
    for (int64_t i = 0; i < sources->n_unfinished; i++) {
        const struct unfinished_source *source = &sources->unfinished[i];
        int64_t first = first_done(source);
        bool is_any = first < source->state->n_runs;
        const json_t *validation = is_any ? validation_of(source, first) : NULL;
        say_state(builder, source);
        if (json_object_size(validation) > 0)
            chart_variants(builder, source, validation);
        tabulate_runs(builder, source, (json_t *)(uintptr_t)validation);
    }
}
