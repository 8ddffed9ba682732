/* Where the errors lie: by label, by length, by recording. */
#include <math.h>
#include <string.h>

#include "report/collect.h"
#include "report/score_bins.h"

#define MAX_LINES 12 /* models and flows in a chart */

/* How wrong a score is; of classes, 100 where it is another one than the label, so that the mean is
 * a share in per cent. */
static double error_of(const struct scored_set *set, float score, float label)
{
    if (set->scale == VALENCE_SCALE_CLASSES)
        return score == label ? 0 : 100;
    return fabs((double)(score - label));
}

/* The mean error of each bin, and how many clips it has. */
static void average(const struct scored_set *set, const struct scored_list *list,
                    const struct score_bins *bins, double errors[MAX_SCORE_BINS],
                    int64_t counts[MAX_SCORE_BINS])
{
    for (int b = 0; b < bins->n; b++) {
        errors[b] = 0;
        counts[b] = 0;
    }
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

static void add_series(struct report_builder *builder, struct report_chart *chart,
                       const struct scored_set *set, const struct score_bins *bins)
{
    int n = 0;
    for (int l = 0; l < set->n_lists && n < MAX_LINES; l++) {
        const struct scored_list *list = set->lists[l];
        double errors[MAX_SCORE_BINS];
        int64_t counts[MAX_SCORE_BINS];
        if (!list->is_measured)
            continue;
        average(set, list, bins, errors, counts);
        struct report_series *series = report_series(
            builder, chart, report_format(builder, "%s, %s", list->shown.run, list->shown.flow),
            bins->n);
        double *y = report_numbers(builder, bins->n);
        if (!series || !y)
            return;
        memcpy(y, errors, (size_t)bins->n * sizeof *y);
        series->y = y;
        n++;
    }
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
    bool are_classes = set->scale == VALENCE_SCALE_CLASSES;
    const double *constant = set->constant_metrics.values;
    chart->y.title = are_classes ? "Wrong predictions" : "Mean absolute error";
    chart->y.unit = are_classes ? "%" : "";
    add_series(builder, chart, set, bins);
    report_note(builder, chart, "The number of clips is in parentheses.%s",
                bins->n == MAX_SCORE_BINS ? " The recordings with the most clips are shown." : "");
    if (set->has_constant)
        report_mark(builder, chart, true,
                    are_classes ? 100 * (1 - constant[VALENCE_METRIC_ACC])
                                : constant[VALENCE_METRIC_MAE],
                    are_classes ? "the most frequent class, of all clips"
                                : "the best constant, of all clips");
}

/* Errors of the models' scores, in bins from -range to range. */
static void chart_residuals(struct report_builder *builder, const struct scored_set *set)
{
    enum { N_BINS = 30 };
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
    report_note(builder, chart, "Errors beyond the axis count at its ends.");
    for (int l = 0, n = 0; l < set->n_lists && n < 4; l++) {
        const struct scored_list *list = set->lists[l];
        if (!list->is_measured)
            continue;
        struct report_series *series = report_series(
            builder, chart, report_format(builder, "%s, %s", list->shown.run, list->shown.flow),
            N_BINS);
        double *y = report_numbers(builder, N_BINS);
        if (!series || !y)
            return;
        for (int64_t i = 0; i < set->clips.n; i++) {
            double error = (double)(list->shown.score[i] - set->clips.labels[i]);
            int bin = isnan(error) ? -1 : (int)floor((error / end + 0.5) * N_BINS);
            if (!isnan(error))
                y[bin < 0 ? 0 : bin >= N_BINS ? N_BINS - 1 : bin]++;
        }
        series->y = y;
        n++;
    }
}

void collect_errors(struct report_builder *builder, const struct scored_sets *sets)
{
    report_section(builder, "errors");
    for (int s = 0; s < sets->n; s++) {
        const struct scored_set *set = sets->sets[s];
        struct score_bins bins;
        bool is_measured = false;
        for (int l = 0; l < set->n_lists; l++)
            is_measured = is_measured || set->lists[l]->is_measured;
        if (!is_measured)
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
