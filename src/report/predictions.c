/* Predictions against labels: each clip's score, and classes. */
#include <math.h>
#include <string.h>

#include "report/collect.h"
#include "report/score_bins.h"

/* Maps of each model in each flow would fill pages: those of the first few are shown. */
#define MAX_MAPS 6

#define MAP_CELLS 24 /* along an axis of the map of all clips */

static const char *id_of(struct report_builder *builder, const char *what,
                         const struct scored_list *list)
{
    return report_format(builder, "%s-%s-%s", what, list->shown.run, list->shown.flow);
}

static const char *title_of(struct report_builder *builder, const char *what,
                            const struct scored_list *list)
{
    return report_format(builder, "%s: %s, %s", what, list->shown.run, list->shown.flow);
}

/* Few clips are points; many are counted in cells. */
static void chart_points(struct report_builder *builder, const struct scored_set *set,
                         const struct scored_list *list)
{
    int64_t n = set->clips.n, n_known = 0;
    struct report_chart *chart =
        report_chart(builder, REPORT_POINTS, id_of(builder, "predicted", list),
                     title_of(builder, "Predicted and true", list));
    struct report_series *series = report_series(builder, chart, "clips", n);
    double *x = report_numbers(builder, n), *y = report_numbers(builder, n);
    const char **names = report_take(builder, n, sizeof *names);
    if (!series || !x || !y || !names)
        return;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(set->clips.labels[i]) && !isnan(list->shown.score[i])) {
            x[n_known] = (double)set->clips.labels[i];
            y[n_known] = (double)list->shown.score[i];
            names[n_known++] = set->clips.ids[i];
        }
    series->n = n_known;
    series->x = x;
    series->y = y;
    series->labels = names;
    chart->x.title = "True label";
    chart->y.title = "Predicted";
    chart->x.digits = chart->y.digits = 2;
    chart->x.low = set->clips.low;
    chart->x.high = set->clips.high;
    scored_add_diagonal(builder, chart, set, "predicted as labelled");
}

static void name_cells(struct report_builder *builder, struct report_axis *axis, double low,
                       double high, int n)
{
    const char *names[MAP_CELLS];
    for (int i = 0; i < n; i++)
        names[i] = report_format(builder, "%+.2f", low + (high - low) * (i + 0.5) / n);
    report_axis_names(builder, axis, names, n);
}

static int cell_of(double value, double low, double high, int n)
{
    double share = (value - low) / (high - low);
    int cell = (int)floor(share * n);
    return cell < 0 ? 0 : cell >= n ? n - 1 : cell;
}

static void chart_density(struct report_builder *builder, const struct scored_set *set,
                          const struct scored_list *list)
{
    double low = set->clips.low, high = set->clips.high;
    struct report_chart *chart =
        report_chart(builder, REPORT_HEAT, id_of(builder, "predicted", list),
                     title_of(builder, "Predicted and true", list));
    struct report_series *series = report_series(builder, chart, "clips", MAP_CELLS * MAP_CELLS);
    double *cells = report_numbers(builder, MAP_CELLS * MAP_CELLS);
    if (!series || !cells || !(high > low))
        return;
    for (int64_t i = 0; i < set->clips.n; i++)
        if (!isnan(set->clips.labels[i]) && !isnan(list->shown.score[i]))
            cells[MAP_CELLS * cell_of((double)list->shown.score[i], low, high, MAP_CELLS) +
                  cell_of((double)set->clips.labels[i], low, high, MAP_CELLS)]++;
    series->y = cells;
    name_cells(builder, &chart->x, low, high, MAP_CELLS);
    name_cells(builder, &chart->y, low, high, MAP_CELLS);
    chart->x.title = "True label";
    chart->y.title = "Predicted";
    chart->z.title = "Clips";
    chart->z.whole = true;
    chart->z.low = 0;
    report_note(builder, chart,
                "Clips in each cell; an axis shows the middles of the cells. Good predictions lie "
                "on the diagonal. Values beyond the labels' range count at its end.");
}

/* Rows are true classes, columns predicted ones, each row's cells shares of its clips. */
static void chart_confusion(struct report_builder *builder, const struct scored_set *set,
                            const struct scored_list *list)
{
    struct score_classes classes;
    score_classes_of(set, &classes);
    int n = classes.n;
    struct report_chart *chart =
        report_chart(builder, REPORT_HEAT, id_of(builder, "confusion", list),
                     title_of(builder, report_format(builder, "Confusion of %d classes", n), list));
    struct report_series *series = report_series(builder, chart, "share", n * n);
    double *cells = report_numbers(builder, n * n), *sums = report_numbers(builder, n);
    if (!series || !cells || !sums)
        return;
    for (int64_t i = 0; i < set->clips.n; i++)
        if (!isnan(set->clips.labels[i]) && !isnan(list->shown.score[i])) {
            int row = score_class(&classes, (double)set->clips.labels[i]);
            cells[n * row + score_class(&classes, (double)list->shown.score[i])]++;
            sums[row]++;
        }
    for (int row = 0; row < n; row++)
        for (int column = 0; column < n; column++)
            cells[n * row + column] =
                sums[row] > 0 ? 100 * cells[n * row + column] / sums[row] : NAN;
    series->y = cells;
    score_confusion_axes(builder, chart, classes.names, n);
    report_note(builder, chart, "Labels and scores are rounded to whole numbers, halves to even.");
}

#define MAX_POINTS 400

void collect_predictions(struct report_builder *builder, const struct scored_sets *sets)
{
    report_section(builder, "predictions");
    for (int s = 0; s < sets->n; s++) {
        const struct scored_set *set = sets->sets[s];
        if (set->scale == VALENCE_SCALE_CLASSES)
            continue; /* see collect_classes() */
        int n_shown = 0, n_measured = 0;
        for (int i = 0; i < set->n_lists; i++) {
            const struct scored_list *list = set->lists[i];
            if (!list->is_measured || ++n_measured > MAX_MAPS)
                continue;
            if (list->metrics.n <= MAX_POINTS)
                chart_points(builder, set, list);
            else
                chart_density(builder, set, list);
            if (score_classes_fit(set))
                chart_confusion(builder, set, list);
            n_shown++;
        }
        if (n_measured > n_shown)
            report_say(builder, REPORT_TEXT,
                       "These are the first %d of %d models and flows on %s; make a report of the "
                       "others alone to see theirs.",
                       n_shown, n_measured, set->name);
    }
}
