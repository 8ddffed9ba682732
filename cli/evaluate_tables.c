#include "evaluate_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metric_text.h"
#include "table.h"
#include "valence/text.h"

/* With more flows than these a table has a row a flow. */
#define FLOW_COLUMNS 2

/* The m-th of the scale's main metrics: a loop goes on while this is a metric. */
static enum valence_metric main_metric(const struct evaluation_set *set, size_t m)
{
    return scale_main_metric(set->evaluations[0]->scale, m);
}

/* ---- Cells ---- */

static void value_cell(struct table *table, enum valence_metric metric, double value)
{
    char text[METRIC_BYTES];
    format_metric(text, metric, value, false);
    table_cell(table, "%s", text);
}

static bool knows_reliability(const struct evaluation_set *set)
{
    for (int flow = 0; flow < set->evaluations[0]->n_flows; flow++)
        if (!isnan(set->evaluations[0]->flows[flow].reliability[VALENCE_RELIABILITY_COVERAGE]))
            return true;
    return false;
}

/* "In 90 %" and the like: share of labels in their prediction's interval, its mean width, the error
 * expected. */
static void reliability_heading(char text[48], const struct evaluation_set *set,
                                enum valence_reliability_figure figure)
{
    static const char *const headings[VALENCE_N_RELIABILITY_FIGURES] = {
        "In %g %%", "Width of %g %%", "MAE expected"};
    snprintf(text, 48, headings[figure], 100 * set->options->level);
}

static void reliability_cell(struct table *table, const struct evaluation_set *set, int flow,
                             enum valence_reliability_figure figure)
{
    bool share = figure == VALENCE_RELIABILITY_COVERAGE;
    double scale = share ? 100 : 1;
    struct valence_seed_summary summary =
        valence_summarise_reliability(set->evaluations, set->n, flow, figure);
    if (isnan(summary.mean))
        table_cell(table, "-");
    else if (set->n == 1)
        table_cell(table, share ? "%.1f %%" : "%.3f", scale * summary.mean);
    else
        table_cell(table, share ? "%.1f %% ± %.1f" : "%.3f ± %.3f", scale * summary.mean,
                   scale * summary.deviation);
}

static void summary_cell(struct table *table, const struct evaluation_set *set, int flow,
                         enum valence_metric metric)
{
    struct valence_seed_summary summary =
        valence_summarise_metric(set->evaluations, set->n, flow, metric);
    char text[INTERVAL_BYTES];
    format_metric_spread(text, metric, summary.mean, set->n > 1 ? summary.deviation : NAN);
    table_cell(table, "%s", text);
}

/* ---- Notes ---- */

static void note_clips(struct table *table, const struct evaluation_set *set)
{
    const struct valence_evaluation *e = set->evaluations[0];
    if (e->synthetic)
        table_note(table, "SYNTHETIC data: these figures say nothing about people.");
    if (e->data == VALENCE_DATA_OTHER)
        table_note(table, "%s is not the data that the model was trained on",
                   valence_store_path(set->store));
    if (e->n_labels_beyond)
        table_note(table,
                   "WARNING: the labels of %" PRId64 " %s outside the range of the training's; "
                   "--label-map brings them to its scale",
                   e->n_labels_beyond, valence_plural(e->n_labels_beyond, "clip lie", "clips lie"));
    if (e->n_unlabelled)
        table_note(table, "skipped: %" PRId64 " %s without a label", e->n_unlabelled,
                   valence_plural(e->n_unlabelled, "clip", "clips"));
    if (e->n_empty)
        table_note(table, "skipped: %" PRId64 " %s without any features", e->n_empty,
                   valence_plural(e->n_empty, "clip", "clips"));
    if (e->n_unscored)
        table_note(
            table,
            "WARNING: skipped %" PRId64 " %s with values that are too large to score, first '%s'",
            e->n_unscored, valence_plural(e->n_unscored, "clip", "clips"), e->first_unscored);
    if (e->n_cut)
        table_note(table, "cut to %" PRId64 " rows: %" PRId64 " %s, first '%s'",
                   set->options->max_rows, e->n_cut, valence_plural(e->n_cut, "clip", "clips"),
                   e->first_cut);
    if (e->first_outside)
        table_note(table,
                   "WARNING: %" PRId64
                   " %s far outside the training data; such scores mean little: first '%s', "
                   "furthest in column %" PRId64 " of stream '%s'",
                   e->flows[0].n_outside,
                   valence_plural(e->flows[0].n_outside, "clip lies", "clips lie"),
                   e->first_outside, e->outside_column, e->outside_stream ? e->outside_stream : "");
}

static void note_flow(struct table *table, const struct valence_flow_evaluation *result)
{
    const char *name = valence_flow_name(result->flow);
    if (result->n_incomplete)
        table_note(table, "%s: %" PRId64 " %s a modality that this flow reads", name,
                   result->n_incomplete,
                   valence_plural(result->n_incomplete, "clip lacks", "clips lack"));
    if (result->n_unsimulated)
        table_note(table, "%s: %" PRId64 " %s no simulated text in place of text", name,
                   result->n_unsimulated,
                   valence_plural(result->n_unsimulated, "clip has", "clips have"));
}

/* One note for each warning, with the flows that it is about. */
static void note_warnings(struct table *table, const char *model,
                          const struct valence_evaluation *evaluation)
{
    for (int warning = 0; warning < VALENCE_N_WARNINGS; warning++) {
        char flows[256] = "";
        for (int flow = 0; flow < evaluation->n_flows; flow++) {
            size_t used = strlen(flows);
            if (evaluation->flows[flow].metrics.warnings & 1u << warning)
                snprintf(flows + used, sizeof flows - used, "%s%s", used ? ", " : "",
                         valence_flow_name(evaluation->flows[flow].flow));
        }
        if (flows[0])
            table_note(table, "WARNING: %s%s%s: %s", model ? model : "", model ? ": " : "", flows,
                       valence_warning_describe((enum valence_warning)warning)->text);
    }
}

/* What a flow loses against the first one: paired, so surer than the two intervals suggest. */
static void note_difference(struct table *table, const struct evaluation_set *set,
                            const struct valence_flow_evaluation *first,
                            const struct valence_flow_evaluation *result)
{
    char text[512] = "";
    for (size_t i = 0; main_metric(set, i) < VALENCE_N_METRICS; i++) {
        enum valence_metric metric = main_metric(set, i);
        char value[METRIC_BYTES], interval[INTERVAL_BYTES];
        format_metric(value, metric, result->metrics.values[metric] - first->metrics.values[metric],
                      true);
        format_metric_interval(interval, metric, result->differences[metric], true);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s %s (%s)", i ? ", " : "",
                 valence_metric_describe(metric)->heading, value, interval);
    }
    table_note(table, "%s minus %s, paired: %s", valence_flow_name(result->flow),
               valence_flow_name(first->flow), text);
}

static void note_untrained(struct table *table, const struct valence_evaluation *evaluation)
{
    char names[256] = "";
    for (int flow = 0; flow < evaluation->n_flows; flow++) {
        size_t used = strlen(names);
        if (!evaluation->flows[flow].trained)
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                     valence_flow_name(evaluation->flows[flow].flow));
    }
    if (names[0])
        table_note(table,
                   "* the model was not trained with %s. It leaves out, and does not imagine, a "
                   "modality that is present in every trained flow",
                   names);
}

static void note_reliability(struct table *table, const struct evaluation_set *set)
{
    if (!knows_reliability(set))
        return;
    table_note(table,
               "In %g %%: coverage, the share of labels inside the interval of their score. "
               "Intervals are calibrated on the validation split%s",
               100 * set->options->level,
               set->evaluations[0]->split == VALENCE_VALIDATION ? ", the split measured here" : "");
}

static void note_scale(struct table *table, const struct valence_evaluation *e)
{
    if (e->n_beyond_scale)
        table_note(table,
                   "WARNING: the metrics of the scale '%s' are not defined for the labels of "
                   "%" PRId64 " %s, which lie outside its range",
                   valence_scale_names[e->scale], e->n_beyond_scale,
                   valence_plural(e->n_beyond_scale, "clip", "clips"));
}

static void note_all(struct table *table, const struct evaluation_set *set)
{
    note_untrained(table, set->evaluations[0]);
    note_reliability(table, set);
    note_clips(table, set);
    note_scale(table, set->evaluations[0]);
    for (int flow = 0; flow < set->evaluations[0]->n_flows; flow++)
        note_flow(table, &set->evaluations[0]->flows[flow]);
    for (int i = 0; i < set->n; i++)
        note_warnings(table, set->n > 1 ? valence_run_model_name(set->models, i) : NULL,
                      set->evaluations[i]);
}

/* ---- Tables ---- */

static void note_constant(struct table *table, const struct evaluation_set *set)
{
    const struct valence_evaluation *e = set->evaluations[0];
    if (e->n_classes) {
        table_note(table, "always %.0f: the most frequent class of the training clips, '%s'",
                   (double)e->constant,
                   valence_store_label_scale(set->store)->classes[(int)e->constant]);
        return;
    }
    table_note(table, "always %.2f: the median training label as the score of every clip",
               (double)set->evaluations[0]->constant);
}

static void add_constant(struct table *table, const struct evaluation_set *set, char heading[32])
{
    if (isnan(set->evaluations[0]->constant))
        return;
    snprintf(heading, 32, "always %.2f", (double)set->evaluations[0]->constant);
    table_column(table, heading, TABLE_RIGHT);
    note_constant(table, set);
}

static void constant_cell(struct table *table, const struct evaluation_set *set,
                          enum valence_metric metric)
{
    if (!isnan(set->evaluations[0]->constant))
        value_cell(table, metric, set->evaluations[0]->constant_metrics.values[metric]);
}

/* A flow's name, marked where the model was not trained with it. */
static const char *flow_title(const struct valence_flow_evaluation *result, char title[48])
{
    snprintf(title, 48, "%s%s", valence_flow_name(result->flow), result->trained ? "" : " *");
    return title;
}

/* In a narrow terminal the intervals go first, all of them. */
static void interval_column(struct table *table)
{
    table_column(table, "95 %", TABLE_RIGHT);
    table_rank(table, 1);
}

/* Every metric a row, a flow or two beside each other. */
static void print_metric_rows(const struct evaluation_set *set, struct table *table)
{
    const struct valence_evaluation *evaluation = set->evaluations[0];
    bool intervals = set->n == 1 && set->options->n_resamples > 0;
    char heading[32], titles[FLOW_COLUMNS][48];
    table_column(table, set->n > 1 ? "mean ± sd" : "metric", TABLE_LEFT);
    for (int i = 0; i < evaluation->n_flows; i++) {
        table_column(table, flow_title(&evaluation->flows[i], titles[i]), TABLE_RIGHT);
        if (intervals)
            interval_column(table);
    }
    add_constant(table, set, heading);
    unsigned metrics = valence_scale_metrics(evaluation->scale);
    for (int m = 0; m < VALENCE_N_METRICS; m++) {
        enum valence_metric metric = (enum valence_metric)m;
        if (!(metrics & 1u << m))
            continue;
        table_cell(table, "%s", valence_metric_describe(metric)->heading);
        for (int i = 0; i < evaluation->n_flows; i++) {
            summary_cell(table, set, i, metric);
            if (intervals)
                metric_interval_cell(table, metric, evaluation->flows[i].intervals[metric]);
        }
        constant_cell(table, set, metric);
    }
    for (int f = 0; f < VALENCE_N_RELIABILITY_FIGURES && knows_reliability(set); f++) {
        char text[48];
        reliability_heading(text, set, (enum valence_reliability_figure)f);
        table_cell(table, "%s", text);
        for (int i = 0; i < evaluation->n_flows; i++) {
            reliability_cell(table, set, i, (enum valence_reliability_figure)f);
            if (intervals)
                table_cell(table, "%s", "");
        }
        if (!isnan(set->evaluations[0]->constant))
            table_cell(table, "-");
    }
    for (int i = 1; i < evaluation->n_flows && intervals; i++)
        note_difference(table, set, &evaluation->flows[0], &evaluation->flows[i]);
    note_all(table, set);
    table_print(table, stdout);
}

/* Every flow a row, with the main metrics. */
static void print_flow_rows(const struct evaluation_set *set, struct table *table)
{
    const struct valence_evaluation *evaluation = set->evaluations[0];
    bool intervals = set->n == 1 && set->options->n_resamples > 0;
    int n_figures = knows_reliability(set) ? VALENCE_N_RELIABILITY_FIGURES : 0;
    char headings[VALENCE_N_RELIABILITY_FIGURES][48];
    table_column(table, set->n > 1 ? "mean ± sd" : "flow", TABLE_LEFT);
    for (size_t m = 0; main_metric(set, m) < VALENCE_N_METRICS; m++) {
        table_column(table, valence_metric_describe(main_metric(set, m))->heading, TABLE_RIGHT);
        if (intervals && m == 0)
            interval_column(table);
    }
    for (int f = 0; f < n_figures; f++) {
        reliability_heading(headings[f], set, (enum valence_reliability_figure)f);
        table_column(table, headings[f], TABLE_RIGHT);
    }
    for (int i = 0; i < evaluation->n_flows; i++) {
        char title[48];
        table_cell(table, "%s", flow_title(&evaluation->flows[i], title));
        for (size_t m = 0; main_metric(set, m) < VALENCE_N_METRICS; m++) {
            summary_cell(table, set, i, main_metric(set, m));
            if (intervals && m == 0)
                metric_interval_cell(table, main_metric(set, m),
                                     evaluation->flows[i].intervals[main_metric(set, m)]);
        }
        for (int f = 0; f < n_figures; f++)
            reliability_cell(table, set, i, (enum valence_reliability_figure)f);
    }
    if (!isnan(set->evaluations[0]->constant)) {
        table_cell(table, "always %.2f", (double)set->evaluations[0]->constant);
        for (size_t m = 0; main_metric(set, m) < VALENCE_N_METRICS; m++) {
            constant_cell(table, set, main_metric(set, m));
            if (intervals && m == 0)
                table_cell(table, "%s", "");
        }
        for (int f = 0; f < n_figures; f++)
            table_cell(table, "-");
        note_constant(table, set);
    }
    note_all(table, set);
    table_print(table, stdout);
}

double class_recall(const int64_t *confusion, int n_classes, int number)
{
    int64_t n = 0;
    for (int c = 0; c < n_classes; c++)
        n += confusion[number * n_classes + c];
    return n ? (double)confusion[number * n_classes + number] / (double)n : NAN;
}

/* Of a flow: a row for each class as labelled, a column for each as predicted. With several seeds,
 * the sums over them. */
static void print_confusion(const struct evaluation_set *set, int flow)
{
    const struct valence_label_scale *scale = valence_store_label_scale(set->store);
    int n = set->evaluations[0]->n_classes;
    int64_t counts[VALENCE_MAX_CLASSES * VALENCE_MAX_CLASSES] = {0};
    char title[128];
    snprintf(title, sizeof title, "\n%s: labels by row, predictions by column%s",
             valence_flow_name(set->evaluations[0]->flows[flow].flow),
             set->n > 1 ? ", all seeds together" : "");
    struct table table = {.title = title};
    for (int i = 0; i < set->n; i++)
        for (int at = 0; at < n * n; at++)
            counts[at] += set->evaluations[i]->flows[flow].confusion[at];
    table_column(&table, "class", TABLE_LEFT);
    for (int c = 0; c < n; c++)
        table_column(&table, scale->classes[c], TABLE_RIGHT);
    table_column(&table, "recall", TABLE_RIGHT);
    for (int label = 0; label < n; label++) {
        table_cell(&table, "%s", scale->classes[label]);
        for (int c = 0; c < n; c++)
            table_cell(&table, "%" PRId64, counts[label * n + c]);
        value_cell(&table, VALENCE_METRIC_ACC, class_recall(counts, n, label));
    }
    table_print(&table, stdout);
}

static void print_each(const struct evaluation_set *set)
{
    struct table table = {0};
    table_column(&table, "model", TABLE_LEFT);
    table_column(&table, "flow", TABLE_LEFT);
    table_rank(&table, TABLE_STAYS);
    for (size_t i = 0; main_metric(set, i) < VALENCE_N_METRICS; i++)
        table_column(&table, valence_metric_describe(main_metric(set, i))->heading, TABLE_RIGHT);
    for (int i = 0; i < set->n; i++)
        for (int flow = 0; flow < set->evaluations[i]->n_flows; flow++) {
            const struct valence_flow_evaluation *result = &set->evaluations[i]->flows[flow];
            table_cell(&table, "%s", valence_run_model_name(set->models, i));
            table_cell(&table, "%s", valence_flow_name(result->flow));
            for (size_t m = 0; main_metric(set, m) < VALENCE_N_METRICS; m++)
                value_cell(&table, main_metric(set, m),
                           result->metrics.values[main_metric(set, m)]);
        }
    table_print(&table, stdout);
}

/* Every flow a row, with the differences in the main metrics. */
static void print_comparison(const struct evaluation_set *set, const char *against,
                             const struct valence_comparison *comparison)
{
    char title[512];
    snprintf(title, sizeof title, "\n%s minus %s, paired", set->run, against);
    struct table table = {.title = title};
    bool intervals = set->options->n_resamples > 0;
    table_column(&table, "flow", TABLE_LEFT);
    for (size_t m = 0; main_metric(set, m) < VALENCE_N_METRICS; m++) {
        table_column(&table, valence_metric_describe(main_metric(set, m))->heading, TABLE_RIGHT);
        if (intervals)
            interval_column(&table);
    }
    for (int flow = 0; flow < comparison->n_flows; flow++) {
        table_cell(&table, "%s", valence_flow_name(set->evaluations[0]->flows[flow].flow));
        for (size_t m = 0; main_metric(set, m) < VALENCE_N_METRICS; m++) {
            const struct valence_difference *difference =
                &comparison->differences[flow * VALENCE_N_METRICS + (int)main_metric(set, m)];
            char value[METRIC_BYTES], interval[INTERVAL_BYTES];
            format_metric(value, main_metric(set, m), difference->value, true);
            format_metric_interval(interval, main_metric(set, m), difference->interval, true);
            table_cell(&table, "%s", value);
            if (intervals)
                table_cell(&table, "%s", interval);
        }
    }
    table_print(&table, stdout);
}

void print_evaluation_tables(const struct evaluation_set *set, const char *against,
                             const struct valence_comparison *comparison)
{
    char title[512], seeds[32] = "";
    const struct valence_evaluation *first = set->evaluations[0];
    if (set->n > 1)
        snprintf(seeds, sizeof seeds, ", %d seeds", set->n);
    snprintf(title, sizeof title, "%s on %s: %s split, %" PRId64 " %s (%" PRId64 " not 0)%s",
             set->run, valence_store_path(set->store), valence_split_names[first->split],
             first->n_clips, valence_plural(first->n_clips, "clip", "clips"),
             first->flows[0].metrics.n_nonzero, seeds);
    struct table table = {.title = title};
    (first->n_flows > FLOW_COLUMNS ? print_flow_rows : print_metric_rows)(set, &table);
    if (set->n > 1) {
        putchar('\n');
        print_each(set);
    }
    for (int flow = 0; flow < first->n_flows && first->n_classes; flow++)
        print_confusion(set, flow);
    if (comparison)
        print_comparison(set, against, comparison);
}
