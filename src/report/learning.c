/* Learning curves: what each run's log says of every epoch. */
#include <math.h>
#include <string.h>

#include "report/collect.h"

/* ---- One run's curves ---- */

static struct report_series *add_curve(struct report_builder *builder, struct report_chart *chart,
                                       const char *name, const struct run_log *log,
                                       const double *values, int stride)
{
    struct report_series *series = report_series(builder, chart, name, log->n);
    double *x = report_numbers(builder, log->n), *y = report_numbers(builder, log->n);
    if (!series || !x || !y)
        return NULL;
    for (int64_t i = 0; i < log->n; i++) {
        x[i] = isnan(log->epoch[i]) ? (double)(i + 1) : log->epoch[i];
        y[i] = values[i * stride];
    }
    series->x = x;
    series->y = y;
    return series;
}

static struct report_chart *begin_chart(struct report_builder *builder, const char *id,
                                        const char *title, const char *y_title)
{
    struct report_chart *chart = report_chart(builder, REPORT_LINES, id, title);
    if (!chart)
        return NULL;
    chart->x.title = "Epoch";
    chart->x.whole = true;
    chart->y.title = y_title;
    return chart;
}

static bool is_used(const struct run_log *log, int loss)
{
    for (int64_t i = 0; i < log->n; i++)
        if (log->loss[i * log->n_losses + loss] != 0 && !isnan(log->loss[i * log->n_losses + loss]))
            return true;
    return false;
}

/* A term that is 0 throughout was not trained with. */
static void add_losses(struct report_builder *builder, const struct run_source *run)
{
    const struct run_log *log = &run->log;
    struct report_chart *chart =
        begin_chart(builder, report_format(builder, "loss-%s", run->name),
                    report_format(builder, "Training losses of %s", run->name), "Loss");
    report_note(builder, chart,
                "The total is the weighted sum; the terms are shown without their weights.");
    for (int i = 0; i < log->n_losses; i++)
        if (is_used(log, i))
            add_curve(builder, chart, log->losses[i], log, log->loss + i, log->n_losses);
}

static void add_validation(struct report_builder *builder, const struct run_source *run)
{
    const struct run_log *log = &run->log;
    struct report_chart *chart = begin_chart(
        builder, report_format(builder, "validation-%s", run->name),
        report_format(builder, "Validation error of %s", run->name), "Mean absolute error");
    for (int i = 0; i < log->n_flows; i++)
        add_curve(builder, chart, log->flows[i], log, log->validation + i, log->n_flows);
    if (log->best >= 0)
        report_mark(builder, chart, false, log->epoch[log->best],
                    report_format(builder, "best epoch, by %s", log->selected_by));
}

/* ---- All runs together ---- */

/* What chooses the best epoch, one line a run. */
static void compare_runs(struct report_builder *builder, const struct sources *sources)
{
    int n = 0;
    for (int64_t i = 0; i < sources->n_runs; i++)
        n += sources->runs[i].log.n > 0 && sources->runs[i].log.selected_by[0];
    if (n < 2)
        return;
    struct report_chart *chart = begin_chart(builder, "validation-of-all-runs",
                                             "Validation error of all runs", "Validation error");
    report_note(builder, chart,
                "Of each run the error that chooses its best epoch. Runs whose configurations "
                "choose by different errors cannot be compared here.");
    for (int64_t i = 0; i < sources->n_runs; i++) {
        const struct run_source *run = &sources->runs[i];
        if (run->log.n > 0 && run->log.selected_by[0])
            add_curve(builder, chart, run->name, &run->log, run->log.selected, 1);
    }
}

/* With many runs the curves of each would fill pages: those of the first few are shown. */
#define MAX_DETAILED 12

void collect_learning(struct report_builder *builder, const struct sources *sources)
{
    int64_t n = sources->n_runs;
    if (n == 0)
        return;
    report_section(builder, "learning", "Learning curves");
    for (int64_t i = 0; i < n; i++)
        if (!sources->runs[i].results)
            report_say(builder, REPORT_WARNING,
                       "%s has not finished its training: this is how far it has got, %lld %s.",
                       sources->runs[i].name, (long long)sources->runs[i].log.n,
                       sources->runs[i].log.n == 1 ? "epoch" : "epochs");
    compare_runs(builder, sources);
    if (n > MAX_DETAILED)
        report_say(builder, REPORT_TEXT, "The losses of the first %d of %lld runs:", MAX_DETAILED,
                   (long long)n);
    for (int64_t i = 0; i < n && i < MAX_DETAILED; i++)
        if (sources->runs[i].log.n > 1) {
            add_validation(builder, &sources->runs[i]);
            add_losses(builder, &sources->runs[i]);
        }
}
