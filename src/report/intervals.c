/* Whether the intervals of predictions hold: coverage, overall and by score. */
#include <math.h>
#include <stdlib.h>

#include "report/collect.h"

#define MAX_LINES 12
#define N_BINS    8

/* The mean score of equally many clips against the mean label, sorted by score. */
struct pair {
    double score, label;
};

static int by_score(const void *a, const void *b)
{
    double x = ((const struct pair *)a)->score, y = ((const struct pair *)b)->score;
    return (x > y) - (x < y);
}

static int64_t list_pairs(const struct scored_set *set, const struct scored_list *list,
                          struct pair *pairs)
{
    int64_t n = 0;
    for (int64_t i = 0; i < set->clips.n; i++)
        if (!isnan(set->clips.labels[i]) && !isnan(list->shown.score[i]))
            pairs[n++] = (struct pair){(double)list->shown.score[i], (double)set->clips.labels[i]};
    qsort(pairs, (size_t)n, sizeof *pairs, by_score);
    return n;
}

/* Adds the means of a list's groups of equal size to x and y. */
static void add_groups(const struct scored_set *set, const struct scored_list *list,
                       struct pair *pairs, int n_bins, double *x, double *y)
{
    int64_t n = list_pairs(set, list, pairs);
    for (int b = 0; b < n_bins; b++) {
        int64_t from = n * b / n_bins, to = n * (b + 1) / n_bins;
        for (int64_t i = from; i < to; i++) {
            x[b] += pairs[i].score / (double)(to - from);
            y[b] += pairs[i].label / (double)(to - from);
        }
    }
}

/* The mean over the seeds of list `first`. */
static void add_calibration(struct report_builder *builder, struct report_chart *chart,
                            const struct scored_set *set, int first)
{
    struct pair *pairs = report_take(builder, set->clips.n + 1, sizeof *pairs);
    double *x = report_numbers(builder, N_BINS), *y = report_numbers(builder, N_BINS);
    int n_seeds = 0;
    if (!pairs || !x || !y)
        return;
    int64_t n = list_pairs(set, set->lists[first], pairs);
    int n_bins = n < 4 * N_BINS ? (int)(n / 4) : N_BINS;
    if (n_bins < 2)
        return;
    struct report_series *series =
        report_series(builder, chart, scored_seeds_name(builder, set, first), n_bins);
    if (!series)
        return;
    for (int l = first; l < set->n_lists; l++)
        if (scored_are_seeds(set, first, l)) {
            add_groups(set, set->lists[l], pairs, n_bins, x, y);
            n_seeds++;
        }
    for (int b = 0; b < n_bins; b++) {
        x[b] /= n_seeds;
        y[b] /= n_seeds;
    }
    series->x = x;
    series->y = y;
}

/* Mean labels against mean scores of groups of clips: a calibrated model is on the diagonal. */
static void chart_calibration(struct report_builder *builder, const struct scored_set *set)
{
    struct report_chart *chart =
        report_chart(builder, REPORT_LINES, "calibration",
                     report_format(builder, "Calibration on %s", set->name));
    if (!chart)
        return;
    chart->x.title = "Mean score";
    chart->y.title = "Mean label";
    chart->x.digits = chart->y.digits = 2;
    int n = 0, n_all = scored_count_seeds_once(set);
    report_note(builder, chart,
                "Clips sorted by score, in groups of equal size; a run with several seeds shows "
                "their mean. Where a line is flatter than the diagonal, scores are too far from "
                "the middle; where it is steeper, too near.%s",
                n_all > MAX_LINES ? report_format(builder, " The first %d of %d models and flows.",
                                                  MAX_LINES, n_all)
                                  : "");
    for (int l = 0; l < set->n_lists && n < MAX_LINES; l++)
        if (scored_is_first_seed(set, l)) {
            add_calibration(builder, chart, set, l);
            n++;
        }
    scored_add_diagonal(builder, chart, set, "calibrated");
}

static void tabulate(struct report_builder *builder, const struct measured_group *group)
{
    struct report_table *table = NULL;
    for (int i = 0; i < group->n; i++) {
        const struct measured *item = &group->items[i];
        if (isnan(item->coverage))
            continue;
        if (!table)
            table = report_table(
                builder, "coverage",
                report_format(builder, "Coverage of the %g %% intervals on %s", 100 * group->level,
                              group->name),
                "Run|Flow|#Labels within, %|#Mean width|#Expected error|#Mean absolute error");
        report_cell_text(builder, table, item->run);
        report_cell_text(builder, table, item->flow);
        report_cell_number(builder, table, 100 * item->coverage, 1);
        report_cell_number(builder, table, item->mean_width, 2);
        report_cell_number(builder, table, item->expected_error, 3);
        report_cell_number(builder, table, item->values[VALENCE_METRIC_MAE], 3);
    }
    if (table)
        table->note = report_format(
            builder,
            "On clips like those of the validation part, %g %% of the labels should "
            "lie within, and the expected error should be near the mean absolute one.",
            100 * group->level);
}

void collect_intervals(struct report_builder *builder, const struct scored_sets *sets,
                       const struct measured_groups *groups)
{
    report_section(builder, "intervals");
    for (int s = 0; s < sets->n; s++) {
        bool is_measured = false;
        if (sets->sets[s]->scale == VALENCE_SCALE_CLASSES)
            continue; /* they have probabilities and no intervals */
        for (int l = 0; l < sets->sets[s]->n_lists; l++)
            is_measured = is_measured || sets->sets[s]->lists[l]->is_measured;
        if (is_measured)
            chart_calibration(builder, sets->sets[s]);
    }
    for (int g = 0; g < groups->n; g++)
        tabulate(builder, &groups->groups[g]);
}
