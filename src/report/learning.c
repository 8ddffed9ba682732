/* Learning curves: what each run's log says of every epoch. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "report/collect.h"

/* ---- One run's curves ---- */

static void add_curve(struct report_builder *builder, struct report_chart *chart, const char *name,
                      const struct run_log *log, int64_t scalar)
{
    struct report_series *series = report_series(builder, chart, name, log->n_epochs);
    double *x = report_numbers(builder, log->n_epochs);
    double *y = report_numbers(builder, log->n_epochs);
    if (!series || !x || !y)
        return;
    for (int64_t i = 0; i < log->n_epochs; i++)
        x[i] = (double)(i + 1);
    run_log_column(log, scalar, y);
    series->x = x;
    series->y = y;
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

/* What follows the prefix in a scalar's name; NULL where it has another one. */
static const char *name_behind(const struct run_log *log, int64_t scalar, const char *prefix)
{
    size_t length = strlen(prefix);
    const char *name = log->names[scalar];
    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static bool is_used(const struct run_log *log, int64_t scalar)
{
    for (int64_t i = 0; i < log->n_values; i++)
        if (log->values[i].scalar == scalar && log->values[i].value != 0)
            return true;
    return false;
}

/* The store that the run was trained on, for a sentence. */
static const char *store_of(const struct run_source *run)
{
    return *run->store ? path_name(run->store) : "a store that is not known";
}

/* A term that is 0 throughout was not trained with. */
static void add_losses(struct report_builder *builder, const struct run_source *run)
{
    const struct run_log *log = &run->log;
    struct report_chart *chart =
        begin_chart(builder, report_format(builder, "loss-%s", run->name),
                    report_format(builder, "Training losses of %s", run->name), "Loss");
    report_note(builder, chart,
                "Trained on %s. The total is the weighted sum; the terms are shown without their "
                "weights.",
                store_of(run));
    for (int64_t s = 0; s < log->n_scalars; s++) {
        const char *term = name_behind(log, s, "loss/");
        if (term && is_used(log, s))
            add_curve(builder, chart, report_text(builder, term), log, s);
    }
}

/* The epoch with the smallest of the errors that choose it, from 1; 0 without any. */
static int64_t best_epoch(const struct run_log *log, int64_t selected)
{
    double least = INFINITY;
    int64_t best = 0;
    for (int64_t e = 0; e < log->n_epochs; e++)
        for (int64_t i = log->epochs[e].first; i < log->epochs[e].first + log->epochs[e].n; i++)
            if (log->values[i].scalar == selected && log->values[i].value < least) {
                least = log->values[i].value;
                best = e + 1;
            }
    return best;
}

/* What validation measures: its name in the log, and for people. */
static const struct {
    const char *end, *title;
} VALIDATED[] = {{"/mae", "Mean absolute error"}, {"/cross_entropy", "Cross-entropy"}};

/* "text_missing" of "validation/text_missing/mae", and what that measures; else NULL. */
static const char *flow_of(struct report_builder *builder, const struct run_log *log,
                           int64_t scalar, const char **title)
{
    const char *rest = name_behind(log, scalar, "validation/");
    const char *end = rest ? strchr(rest, '/') : NULL;
    for (size_t i = 0; end && i < sizeof VALIDATED / sizeof VALIDATED[0]; i++)
        if (strcmp(end, VALIDATED[i].end) == 0) {
            *title = VALIDATED[i].title;
            return report_format(builder, "%.*s", (int)(end - rest), rest);
        }
    return NULL;
}

static void add_validation(struct report_builder *builder, const struct run_source *run)
{
    const struct run_log *log = &run->log;
    int64_t selected = run_log_find_selected(log), best = best_epoch(log, selected);
    struct report_chart *chart =
        begin_chart(builder, report_format(builder, "validation-%s", run->name),
                    report_format(builder, "Validation error of %s", run->name), "Error");
    report_note(builder, chart, "Trained on %s.", store_of(run));
    for (int64_t s = 0; s < log->n_scalars; s++) {
        const char *title = NULL, *flow = flow_of(builder, log, s, &title);
        if (!flow)
            continue;
        add_curve(builder, chart, flow, log, s);
        if (chart)
            chart->y.title = title;
    }
    if (best > 0)
        report_mark(builder, chart, false, (double)best,
                    report_format(builder, "best epoch, by %s",
                                  name_behind(log, selected, RUN_LOG_SELECTED)));
}

/* ---- All runs together ---- */

/* What chooses the best epoch, one line a run. */
static void compare_runs(struct report_builder *builder, const struct sources *sources)
{
    int n = 0;
    for (int64_t i = 0; i < sources->n_runs; i++)
        n += run_log_find_selected(&sources->runs[i].log) >= 0;
    if (n < 2)
        return;
    struct report_chart *chart = begin_chart(builder, "validation-of-all-runs",
                                             "Validation error of all runs", "Validation error");
    if (chart)
        chart->wide = true; /* so that the two charts of each run stand side by side */
    report_note(builder, chart,
                "Of each run the error that chooses its best epoch. Runs whose configurations "
                "choose by different errors cannot be compared here.");
    for (int64_t i = 0; i < sources->n_runs; i++) {
        const struct run_source *run = &sources->runs[i];
        int64_t selected = run_log_find_selected(&run->log);
        if (selected >= 0)
            add_curve(builder, chart, report_format(builder, "%s, on %s", run->name, store_of(run)),
                      &run->log, selected);
    }
}

/* With many runs the curves of each would fill pages: those of the first few are shown. */
#define MAX_DETAILED 12

void collect_learning(struct report_builder *builder, const struct sources *sources)
{
    int64_t n = sources->n_runs;
    if (n == 0)
        return;
    report_section(builder, "learning");
    for (int64_t i = 0; i < n; i++)
        if (!sources->runs[i].results)
            report_say(builder, REPORT_WARNING,
                       "%s has not finished its training: this is how far it has got, %lld %s.",
                       sources->runs[i].name, (long long)sources->runs[i].log.n_epochs,
                       sources->runs[i].log.n_epochs == 1 ? "epoch" : "epochs");
    compare_runs(builder, sources);
    if (n > MAX_DETAILED)
        report_say(builder, REPORT_TEXT, "The losses of the first %d of %lld runs:", MAX_DETAILED,
                   (long long)n);
    for (int64_t i = 0; i < n && i < MAX_DETAILED; i++)
        if (sources->runs[i].log.n_epochs > 1) {
            add_validation(builder, &sources->runs[i]);
            add_losses(builder, &sources->runs[i]);
        }
}
