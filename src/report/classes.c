/* Predictions of classes: confusion, recall by class, and the clips that are wrong. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/collect.h"
#include "report/score_bins.h"

/* Maps of each model in each flow would fill pages: those of the first few are shown. */
#define MAX_MAPS  6
#define MAX_LINES 12  /* models and flows in a chart */
#define MAX_CLIPS 200 /* in a table */

static double sum_of_row(const double *counts, int n, int row)
{
    double sum = 0;
    for (int column = 0; column < n; column++)
        sum += counts[n * row + column];
    return sum;
}

/* In per cent; NaN of a class without clips. */
static double share_of_row(const double *counts, int n, int row, int column)
{
    double sum = sum_of_row(counts, n, row);
    return sum > 0 ? 100 * counts[n * row + column] / sum : NAN;
}

/* Rows are true classes, columns predicted ones. */
static void chart_confusion(struct report_builder *builder, const struct measured_group *group,
                            const struct measured *item)
{
    int n = group->n_classes;
    struct report_chart *chart = report_chart(
        builder, REPORT_HEAT, report_format(builder, "confusion-%s-%s", item->run, item->flow),
        report_format(builder, "Confusion of %d classes: %s, %s", n, item->run, item->flow));
    struct report_series *series = report_series(builder, chart, "share", (int64_t)n * n);
    double *cells = report_numbers(builder, (int64_t)n * n);
    if (!series || !cells)
        return;
    for (int i = 0; i < n * n; i++)
        cells[i] = share_of_row(item->confusion, n, i / n, i % n);
    series->y = cells;
    score_confusion_axes(builder, chart, group->classes, n);
}

/* The share of each class's clips that is right, a series for each model and flow. */
static void chart_recall(struct report_builder *builder, const struct measured_group *group,
                         const struct measured *first)
{
    int n = group->n_classes, n_lines = 0;
    const char *names[VALENCE_MAX_CLASSES];
    struct report_chart *chart =
        report_chart(builder, REPORT_BARS, "recall-by-class",
                     report_format(builder, "Recall by class on %s", group->name));
    if (!chart)
        return;
    for (int c = 0; c < n; c++)
        names[c] = report_format(builder, "%s (%.0f)", group->classes[c],
                                 sum_of_row(first->confusion, n, c));
    report_axis_names(builder, &chart->x, names, n);
    chart->x.title = "True class";
    chart->y.title = "Recall";
    chart->y.unit = "%";
    report_note(builder, chart,
                "The share of each class's clips that is right; their number is in parentheses. "
                "UAR is the plain mean over the classes.");
    for (int i = 0; i < group->n && n_lines < MAX_LINES; i++) {
        const struct measured *item = &group->items[i];
        if (!item->confusion)
            continue;
        struct report_series *series = report_series(
            builder, chart, report_format(builder, "%s, %s", item->run, item->flow), n);
        double *y = report_numbers(builder, n);
        if (!series || !y)
            return;
        for (int c = 0; c < n; c++)
            y[c] = share_of_row(item->confusion, n, c, c);
        series->y = y;
        n_lines++;
    }
}

void collect_classes(struct report_builder *builder, const struct measured_groups *groups)
{
    report_section(builder, "predictions");
    for (int g = 0; g < groups->n; g++) {
        const struct measured_group *group = &groups->groups[g];
        int n_measured = 0;
        for (int i = 0; i < group->n; i++) {
            const struct measured *item = &group->items[i];
            if (!item->confusion)
                continue;
            if (n_measured == 0)
                chart_recall(builder, group, item);
            if (n_measured++ < MAX_MAPS)
                chart_confusion(builder, group, item);
        }
        if (n_measured > MAX_MAPS)
            report_say(builder, REPORT_TEXT,
                       "These are the first %d of %d models and flows on %s; make a report of the "
                       "others alone to see theirs.",
                       MAX_MAPS, n_measured, group->name);
    }
}

/* ---- Clips ---- */

static const char *name_of(const struct scored_set *set, float class)
{
    return class >= 0 && class < (float)set->n_classes ? set->classes[(int)class] : "";
}

static bool has_labels(const struct scored_set *set)
{
    for (int64_t i = 0; i < set->clips.n; i++)
        if (!isnan(set->clips.labels[i]))
            return true;
    return false;
}

/* Of predictions without labels: how many clips each class gets. */
static void chart_counts(struct report_builder *builder, const struct scored_set *set)
{
    int n = set->n_classes;
    struct report_chart *chart =
        report_chart(builder, REPORT_BARS, "predicted-classes",
                     report_format(builder, "Predicted classes of %s", set->name));
    if (!chart || n == 0)
        return;
    report_axis_names(builder, &chart->x, set->classes, n);
    chart->x.title = "Predicted class";
    chart->y.title = "Clips";
    chart->y.whole = true;
    report_note(builder, chart, "The clips have no labels here, so nothing is measured.");
    for (int l = 0; l < set->n_lists && l < MAX_LINES; l++) {
        const struct report_scores *scores = &set->lists[l]->shown;
        struct report_series *series = report_series(
            builder, chart, report_format(builder, "%s, %s", scores->run, scores->flow), n);
        double *y = report_numbers(builder, n);
        if (!series || !y)
            return;
        for (int64_t i = 0; i < set->clips.n; i++)
            if (scores->score[i] >= 0 && scores->score[i] < (float)n)
                y[(int)scores->score[i]]++;
        series->y = y;
    }
}

static void tabulate_classes(struct report_builder *builder, const struct scored_set *set,
                             bool are_labelled)
{
    int n_lists = set->n_lists < MAX_MAPS ? set->n_lists : MAX_MAPS, n_rows = 0;
    int64_t n_wrong = 0;
    const char *headings = are_labelled ? "Clip|True class" : "Clip";
    for (int l = 0; l < n_lists; l++)
        headings = report_format(builder, "%s|%s, %s", headings, set->lists[l]->shown.run,
                                 set->lists[l]->shown.flow);
    struct report_table *table = report_table(
        builder, are_labelled ? "wrong-clips" : "class-clips",
        report_format(builder,
                      are_labelled ? "Clips of %s that some model gets wrong" : "Clips of %s",
                      set->name),
        headings);
    for (int64_t i = 0; i < set->clips.n; i++) {
        bool is_wrong = !are_labelled;
        for (int l = 0; l < n_lists; l++) {
            float class = set->lists[l]->shown.score[i];
            is_wrong = is_wrong || (!isnan(class) && !isnan(set->clips.labels[i]) &&
                                    class != set->clips.labels[i]);
        }
        if (!is_wrong || n_wrong++ >= MAX_CLIPS)
            continue;
        report_cell_text(builder, table, set->clips.ids[i]);
        if (are_labelled)
            report_cell_text(builder, table, name_of(set, set->clips.labels[i]));
        for (int l = 0; l < n_lists; l++)
            report_cell_text(builder, table, name_of(set, set->lists[l]->shown.score[i]));
        n_rows++;
    }
    if (table && n_wrong > n_rows)
        table->note =
            report_format(builder, "The first %d of %lld clips.", n_rows, (long long)n_wrong);
}

void collect_class_clips(struct report_builder *builder, const struct scored_set *set)
{
    bool are_labelled = has_labels(set);
    if (!are_labelled)
        chart_counts(builder, set);
    tabulate_classes(builder, set, are_labelled);
}
