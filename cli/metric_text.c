#include "metric_text.h"

#include <math.h>
#include <stdio.h>

#define N_MAIN_METRICS 5
static const enum valence_metric main_metrics_of[VALENCE_N_SCALES][N_MAIN_METRICS] = {
    [VALENCE_SCALE_SENTIMENT] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR, VALENCE_METRIC_ACC7,
                                 VALENCE_METRIC_ACC2_NON0, VALENCE_METRIC_F1_NON0},
    [VALENCE_SCALE_SIMS] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR, VALENCE_METRIC_ACC5_SIMS,
                            VALENCE_METRIC_ACC2_SIMS, VALENCE_METRIC_F1_SIMS},
    [VALENCE_SCALE_CLASSES3] = {VALENCE_METRIC_MAE, VALENCE_METRIC_ACC3, VALENCE_METRIC_F1_3,
                                VALENCE_METRIC_ACC2_NON0, VALENCE_METRIC_F1_NON0},
    [VALENCE_SCALE_OTHER] = {VALENCE_METRIC_MAE, VALENCE_METRIC_RMSE, VALENCE_METRIC_CORR,
                             VALENCE_METRIC_ACC_ROUND, VALENCE_N_METRICS},
    [VALENCE_SCALE_CLASSES] = {VALENCE_METRIC_ACC, VALENCE_METRIC_F1_WEIGHTED,
                               VALENCE_METRIC_F1_MACRO, VALENCE_METRIC_UAR, VALENCE_N_METRICS},
};

enum valence_metric scale_main_metric(enum valence_scale scale, size_t m)
{
    return m < N_MAIN_METRICS ? main_metrics_of[scale][m] : VALENCE_N_METRICS;
}

void format_metric(char text[METRIC_BYTES], enum valence_metric metric, double value, bool signs)
{
    bool share = valence_metric_describe(metric)->is_share;
    if (isnan(value))
        snprintf(text, METRIC_BYTES, "-");
    else if (share)
        snprintf(text, METRIC_BYTES, signs ? "%+.1f %%" : "%.1f %%", 100 * value);
    else
        snprintf(text, METRIC_BYTES, signs ? "%+.3f" : "%.3f", value);
}

void format_metric_interval(char text[INTERVAL_BYTES], enum valence_metric metric,
                            struct valence_interval interval, bool signs)
{
    char low[32], high[32];
    bool share = valence_metric_describe(metric)->is_share;
    double scale = share ? 100 : 1;
    snprintf(low, sizeof low, signs ? "%+.*f" : "%.*f", share ? 1 : 3, scale * interval.low);
    snprintf(high, sizeof high, signs ? "%+.*f" : "%.*f", share ? 1 : 3, scale * interval.high);
    snprintf(text, INTERVAL_BYTES, isnan(interval.low) ? "-" : "%s…%s", low, high);
}

void metric_interval_cell(struct table *table, enum valence_metric metric,
                          struct valence_interval interval)
{
    char text[INTERVAL_BYTES];
    format_metric_interval(text, metric, interval, false);
    table_cell(table, "%s", text);
}

void estimate_cells(struct table *table, const struct valence_estimate *estimate, int decimals)
{
    if (isnan(estimate->error))
        table_cell(table, "-");
    else
        table_cell(table, "%.2f", estimate->error);
    if (isnan(estimate->low))
        table_cell(table, "-");
    else
        table_cell(table, "%+.*f…%+.*f", decimals, estimate->low, decimals, estimate->high);
}

void format_metric_spread(char text[INTERVAL_BYTES], enum valence_metric metric, double mean,
                          double deviation)
{
    char value[METRIC_BYTES];
    bool share = valence_metric_describe(metric)->is_share;
    format_metric(value, metric, mean, false);
    if (isnan(mean) || isnan(deviation))
        snprintf(text, INTERVAL_BYTES, "%s", value);
    else
        snprintf(text, INTERVAL_BYTES, "%s ± %.*f", value, share ? 1 : 3,
                 (share ? 100 : 1) * deviation);
}
