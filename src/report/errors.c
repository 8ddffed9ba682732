/* Where the errors lie: by label, by length, by recording. */
#include <math.h>
#include <string.h>

#include "report/collect.h"
#include "report/score_bins.h"

#define MAX_BARS        8 /* runs and flows in a chart: as many as there are colours */
#define MAX_HISTOGRAMS  4
#define MAX_NARROW_BINS 12 /* that a chart in half of the page's width has room for */

/* How wrong a score is; of classes, 100 where it is another one than the label, so that the mean is
 * a share in per cent. */
static double error_of(const struct scored_set *set, float score, float label)
{
    if (set->scale == VALENCE_SCALE_CLASSES)
        return score == label ? 0 : 100;
    return fabs((double)(score - label));
}

/* The mean error of each bin. */
static void average(const struct scored_set *set, const struct scored_list *list,
                    const struct score_bins *bins, double errors[MAX_SCORE_BINS])
{
    int64_t counts[MAX_SCORE_BINS] = {0};
    for (int b = 0; b < bins->n; b++)
        errors[b] = 0;
    for (int64_t i = 0; i < set->clips.n; i++) {
        int b = bins->bin[i];
        if (b < 0 || isnan(set->clips.labels[i]) || isnan(list->shown.score[i]))
            continue;
        errors[b] += error_of(set, list->shown.score[i], set->clips.labels[i]);
        counts[b]++;
    }
    for (int b = 0; b < bins->n; b++)
        errors[b] = counts[b] ? errors[b] / (double)counts[b] : NAN;
}

/* The mean over the seeds of list `first`, with one standard deviation to either side. */
static void average_seeds(const struct scored_set *set, int first, const struct score_bins *bins,
                          double mean[MAX_SCORE_BINS], double deviation[MAX_SCORE_BINS])
{
    int n[MAX_SCORE_BINS] = {0};
    double means[MAX_SCORE_BINS] = {0}, squares[MAX_SCORE_BINS] = {0};
    for (int l = first; l < set->n_lists; l++) {
        double errors[MAX_SCORE_BINS];
        if (!scored_are_seeds(set, first, l))
            continue;
        average(set, set->lists[l], bins, errors);
        for (int b = 0; b < bins->n; b++)
            if (!isnan(errors[b])) { /* by Welford, which stays exact where seeds agree */
                double before = errors[b] - means[b];
                means[b] += before / ++n[b];
                squares[b] += before * (errors[b] - means[b]);
            }
    }
    for (int b = 0; b < bins->n; b++) {
        mean[b] = n[b] ? means[b] : NAN;
        deviation[b] = n[b] > 1 ? sqrt(squares[b] / (n[b] - 1)) : NAN;
    }
}

static void add_one_series(struct report_builder *builder, struct report_chart *chart,
                           const struct scored_set *set, const struct score_bins *bins, int first)
{
    double mean[MAX_SCORE_BINS], deviation[MAX_SCORE_BINS];
    struct report_series *series =
        report_series(builder, chart, scored_seeds_name(builder, set, first), bins->n);
    double *y = report_numbers(builder, bins->n);
    double *low = report_numbers(builder, bins->n), *high = report_numbers(builder, bins->n);
    bool has_seeds = false;
    if (!series || !y || !low || !high)
        return;
    average_seeds(set, first, bins, mean, deviation);
    for (int b = 0; b < bins->n; b++) {
        y[b] = mean[b];
        low[b] = mean[b] - deviation[b];
        high[b] = mean[b] + deviation[b];
        has_seeds = has_seeds || !isnan(deviation[b]);
    }
    series->y = y;
    if (has_seeds) {
        series->low = low;
        series->high = high;
    }
}

static void add_series(struct report_builder *builder, struct report_chart *chart,
                       const struct scored_set *set, const struct score_bins *bins)
{
    int n = 0, n_all = scored_count_seeds_once(set);
    for (int l = 0; l < set->n_lists && n < MAX_BARS; l++)
        if (scored_is_first_seed(set, l)) {
            add_one_series(builder, chart, set, bins, l);
            n++;
        }
    bool has_seeds = false;
    for (int i = 0; chart && i < chart->n_series; i++)
        has_seeds = has_seeds || chart->series[i].low;
    report_note(
        builder, chart, "The number of clips is in parentheses.%s%s%s",
        has_seeds ? " Runs with several seeds show their mean and one standard deviation." : "",
        bins->n == MAX_SCORE_BINS ? " The recordings with the most clips are shown." : "",
        n_all > n ? report_format(builder, " The first %d of %d models and flows.", n, n_all) : "");
}

/* How many clips each bin has stands behind its name. */
static void name_bins(struct report_builder *builder, struct report_axis *axis,
                      const struct scored_set *set, const struct score_bins *bins)
{
    const char *names[MAX_SCORE_BINS];
    int64_t counts[MAX_SCORE_BINS] = {0};
    for (int64_t i = 0; i < set->clips.n; i++)
        if (bins->bin[i] >= 0 && !isnan(set->clips.labels[i]))
            counts[bins->bin[i]]++;
    for (int b = 0; b < bins->n; b++)
        names[b] = report_format(builder, "%s (%lld)", bins->names[b], (long long)counts[b]);
    report_axis_names(builder, axis, names, bins->n);
}

static void chart_bins(struct report_builder *builder, const struct scored_set *set,
                       const struct score_bins *bins, const char *id, const char *title,
                       const char *x_title)
{
    struct report_chart *chart = report_chart(builder, REPORT_BARS, id, title);
    if (!chart)
        return;
    name_bins(builder, &chart->x, set, bins);
    chart->x.title = x_title;
    chart->wide = bins->n > MAX_NARROW_BINS;
    bool are_classes = set->scale == VALENCE_SCALE_CLASSES;
    const double *constant = set->constant_metrics.values;
    chart->y.title = are_classes ? "Wrong predictions" : "Mean absolute error";
    chart->y.unit = are_classes ? "%" : "";
    add_series(builder, chart, set, bins);
    if (set->has_constant)
        report_mark(builder, chart, true,
                    are_classes ? 100 * (1 - constant[VALENCE_METRIC_ACC])
                                : constant[VALENCE_METRIC_MAE],
                    are_classes ? "the most frequent class, of all clips"
                                : "the best constant, of all clips");
}

#define N_RESIDUAL_BINS 30

/* How many errors lie in each bin of the chart: the mean over the seeds of list `first`. */
static void count_residuals(struct report_builder *builder, struct report_chart *chart,
                            const struct scored_set *set, int first)
{
    int n_seeds = 0;
    double end = set->clips.high - set->clips.low;
    struct report_series *series =
        report_series(builder, chart, scored_seeds_name(builder, set, first), N_RESIDUAL_BINS);
    double *y = report_numbers(builder, N_RESIDUAL_BINS);
    if (!series || !y)
        return;
    for (int l = first; l < set->n_lists; l++) {
        if (!scored_are_seeds(set, first, l))
            continue;
        n_seeds++;
        for (int64_t i = 0; i < set->clips.n; i++) {
            double error = (double)(set->lists[l]->shown.score[i] - set->clips.labels[i]);
            double bin = floor((error / end + 0.5) * N_RESIDUAL_BINS);
            if (!isnan(error))
                y[(int)fmin(fmax(bin, 0), N_RESIDUAL_BINS - 1)]++;
        }
    }
    for (int b = 0; b < N_RESIDUAL_BINS; b++)
        y[b] /= n_seeds;
    series->y = y;
    if (n_seeds > 1) {
        chart->y.whole = false;
        chart->y.digits = 1;
    }
}

static int count_measured(const struct scored_set *set)
{
    int n = 0;
    for (int l = 0; l < set->n_lists; l++)
        n += set->lists[l]->is_measured;
    return n;
}

/* Errors of the models' scores, in bins from -range to range. */
static void chart_residuals(struct report_builder *builder, const struct scored_set *set)
{
    double end = set->clips.high - set->clips.low;
    struct report_chart *chart = report_chart(builder, REPORT_HISTOGRAM, "residuals",
                                              report_format(builder, "Errors on %s", set->name));
    if (!chart || !(end > 0))
        return;
    chart->x.title = "Predicted less true";
    chart->x.low = -end / 2;
    chart->x.high = end / 2;
    chart->x.digits = 2;
    chart->y.title = "Clips";
    chart->y.whole = true;
    int n = 0, n_all = scored_count_seeds_once(set);
    for (int l = 0; l < set->n_lists && n < MAX_HISTOGRAMS; l++)
        if (scored_is_first_seed(set, l)) {
            count_residuals(builder, chart, set, l);
            n++;
        }
    report_note(
        builder, chart, "Errors beyond the axis count at its ends.%s%s",
        count_measured(set) > n_all ? " Runs with several seeds show their mean." : "",
        n_all > n ? report_format(builder, " The first %d of %d models and flows.", n, n_all) : "");
}

void collect_errors(struct report_builder *builder, const struct scored_sets *sets)
{
    report_section(builder, "errors");
    for (int s = 0; s < sets->n; s++) {
        const struct scored_set *set = sets->sets[s];
        struct score_bins bins;
        if (count_measured(set) == 0)
            continue;
        bool are_classes = set->scale == VALENCE_SCALE_CLASSES;
        if (!are_classes && score_bins_by_label(builder, set, &bins))
            chart_bins(builder, set, &bins, "errors-by-label",
                       report_format(builder, "Errors by label on %s", set->name), "Rounded label");
        if (!are_classes)
            chart_residuals(builder, set);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            if (score_bins_by_rows(builder, set, m, &bins))
                chart_bins(builder, set, &bins,
                           report_format(builder, "errors-by-%s-length", valence_modality_names[m]),
                           report_format(builder, "Errors by length of %s on %s",
                                         valence_modality_names[m], set->name),
                           report_format(builder, "Rows of %s", valence_modality_names[m]));
        if (score_bins_by_group(builder, set, &bins))
            chart_bins(builder, set, &bins, "errors-by-recording",
                       report_format(builder, "Errors by recording on %s", set->name), "Recording");
    }
}
