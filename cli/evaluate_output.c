#include "evaluate_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "format/csv_write.h"
#include "json_output.h"
#include "table.h"
#include "valence/version.h"

/* With more flows than these a table has a row a flow. */
#define FLOW_COLUMNS 2

/* Where there is room for a few only; --json has all. */
static const enum valence_metric main_metrics[] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR,
                                                   VALENCE_METRIC_ACC7, VALENCE_METRIC_ACC2_NON0,
                                                   VALENCE_METRIC_F1_NON0};
#define N_MAIN_METRICS (sizeof main_metrics / sizeof main_metrics[0])

/* ---- Cells ---- */

/* A value as it is shown: shares in per cent. `signs` for differences. */
static void format_value(char text[32], enum valence_metric metric, double value, bool signs)
{
    bool share = valence_metric_infos[metric].is_share;
    if (isnan(value))
        snprintf(text, 32, "-");
    else if (share)
        snprintf(text, 32, signs ? "%+.1f %%" : "%.1f %%", 100 * value);
    else
        snprintf(text, 32, signs ? "%+.3f" : "%.3f", value);
}

static void value_cell(struct table *table, enum valence_metric metric, double value)
{
    char text[32];
    format_value(text, metric, value, false);
    table_cell(table, "%s", text);
}

#define INTERVAL_BYTES 72

static void format_interval(char text[INTERVAL_BYTES], enum valence_metric metric,
                            struct valence_interval interval, bool signs)
{
    char low[32], high[32];
    bool share = valence_metric_infos[metric].is_share;
    double scale = share ? 100 : 1;
    snprintf(low, sizeof low, signs ? "%+.*f" : "%.*f", share ? 1 : 3, scale * interval.low);
    snprintf(high, sizeof high, signs ? "%+.*f" : "%.*f", share ? 1 : 3, scale * interval.high);
    snprintf(text, INTERVAL_BYTES, isnan(interval.low) ? "-" : "%s…%s", low, high);
}

static void interval_cell(struct table *table, enum valence_metric metric,
                          struct valence_interval interval)
{
    char text[INTERVAL_BYTES];
    format_interval(text, metric, interval, false);
    table_cell(table, "%s", text);
}

static bool knows_reliability(const struct evaluation_set *set)
{
    for (int flow = 0; flow < set->evaluations[0].n_flows; flow++)
        if (!isnan(set->evaluations[0].flows[flow].reliability[RELIABILITY_COVERAGE]))
            return true;
    return false;
}

/* "In 90 %" and the like: share of labels in their prediction's interval, its mean width, the error
 * expected. */
static void reliability_heading(char text[48], const struct evaluation_set *set,
                                enum reliability_figure figure)
{
    static const char *const headings[N_RELIABILITY_FIGURES] = {"In %g %%", "Width of %g %%",
                                                                "MAE expected"};
    snprintf(text, 48, headings[figure], 100 * set->options->level);
}

static void reliability_cell(struct table *table, const struct evaluation_set *set, int flow,
                             enum reliability_figure figure)
{
    bool share = figure == RELIABILITY_COVERAGE;
    double scale = share ? 100 : 1;
    struct seed_summary summary =
        evaluation_summarise_reliability(set->evaluations, set->n, flow, figure);
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
    struct seed_summary summary = evaluation_summarise(set->evaluations, set->n, flow, metric);
    bool share = valence_metric_infos[metric].is_share;
    char mean[32];
    format_value(mean, metric, summary.mean, false);
    if (isnan(summary.mean) || set->n == 1)
        table_cell(table, "%s", mean);
    else
        table_cell(table, "%s ± %.*f", mean, share ? 1 : 3, (share ? 100 : 1) * summary.deviation);
}

/* ---- Notes ---- */

static void note_clips(struct table *table, const struct evaluation_set *set)
{
    const struct clip_selection *selection = &set->evaluations[0].selection;
    if (store_is_synthetic(set->store))
        table_note(table, "SYNTHETIC data: these figures say nothing about people.");
    if (selection->n_unlabelled)
        table_note(table, "skipped: %" PRId64 " clips without a label", selection->n_unlabelled);
    if (selection->n_empty)
        table_note(table, "skipped: %" PRId64 " clips without any features", selection->n_empty);
    if (selection->n_cut)
        table_note(table, "cut to %" PRId64 " rows: %" PRId64 " clips, '%s' the first of them",
                   set->options->max_rows, selection->n_cut, selection->first_cut);
}

static void note_flow(struct table *table, const struct flow_result *result)
{
    const char *name = valence_flow_name(result->flow);
    if (result->n_incomplete)
        table_note(table, "%s: %" PRId64 " clips lack a modality that this flow reads", name,
                   result->n_incomplete);
    if (result->n_unsimulated)
        table_note(table, "%s: %" PRId64 " clips have no simulated text in place of text", name,
                   result->n_unsimulated);
}

static void note_warnings(struct table *table, const char *model, const struct flow_result *result)
{
    for (int warning = 0; warning < VALENCE_N_WARNINGS; warning++)
        if (result->metrics.warnings & 1u << warning)
            table_note(table, "WARNING: %s%s%s: %s", model ? model : "", model ? ", " : "",
                       valence_flow_name(result->flow), valence_warning_infos[warning].text);
}

/* What a flow loses against the first one: paired, so surer than the two intervals suggest. */
static void note_difference(struct table *table, const struct flow_result *first,
                            const struct flow_result *result)
{
    char text[512] = "";
    for (size_t i = 0; i < N_MAIN_METRICS; i++) {
        enum valence_metric metric = main_metrics[i];
        char value[32], interval[INTERVAL_BYTES];
        format_value(value, metric, result->metrics.values[metric] - first->metrics.values[metric],
                     true);
        format_interval(interval, metric, result->differences[metric], true);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s %s (%s)", i ? ", " : "",
                 valence_metric_infos[metric].heading, value, interval);
    }
    table_note(table, "%s less %s, paired: %s", valence_flow_name(result->flow),
               valence_flow_name(first->flow), text);
}

static void note_untrained(struct table *table, const struct evaluation *evaluation)
{
    char names[256] = "";
    for (int flow = 0; flow < evaluation->n_flows; flow++) {
        size_t used = strlen(names);
        if (!evaluation->flows[flow].trained)
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                     valence_flow_name(evaluation->flows[flow].flow));
    }
    if (names[0])
        table_note(
            table,
            "* the model was not trained with %s; what no trained flow misses is not imagined",
            names);
}

static void note_reliability(struct table *table, const struct evaluation_set *set)
{
    if (!knows_reliability(set))
        return;
    table_note(table,
               "In %g %%: labels within the interval given for their score, from the errors on the "
               "validation part%s",
               100 * set->options->level,
               set->options->split == VALENCE_VALIDATION ? ", which is this one" : "");
}

static void note_all(struct table *table, const struct evaluation_set *set)
{
    note_untrained(table, &set->evaluations[0]);
    note_reliability(table, set);
    note_clips(table, set);
    for (int flow = 0; flow < set->evaluations[0].n_flows; flow++)
        note_flow(table, &set->evaluations[0].flows[flow]);
    for (int i = 0; i < set->n; i++)
        for (int flow = 0; flow < set->evaluations[i].n_flows; flow++)
            note_warnings(table, set->n > 1 ? set->models.models[i].name : NULL,
                          &set->evaluations[i].flows[flow]);
}

/* ---- Tables ---- */

static void note_constant(struct table *table, const struct evaluation_set *set)
{
    table_note(table, "always %.2f: the median of the training labels as every clip's score",
               (double)set->constant.value);
}

static void add_constant(struct table *table, const struct evaluation_set *set, char heading[32])
{
    if (isnan(set->constant.value))
        return;
    snprintf(heading, 32, "always %.2f", (double)set->constant.value);
    table_column(table, heading, TABLE_RIGHT);
    note_constant(table, set);
}

static void constant_cell(struct table *table, const struct evaluation_set *set,
                          enum valence_metric metric)
{
    if (!isnan(set->constant.value))
        value_cell(table, metric, set->constant.metrics.values[metric]);
}

/* A flow's name, marked where the model was not trained with it. */
static const char *flow_title(const struct flow_result *result, char title[48])
{
    snprintf(title, 48, "%s%s", valence_flow_name(result->flow), result->trained ? "" : " *");
    return title;
}

/* Every metric a row, a flow or two beside each other. */
static void print_metric_rows(const struct evaluation_set *set, struct table *table)
{
    const struct evaluation *evaluation = &set->evaluations[0];
    bool intervals = set->n == 1 && set->options->n_resamples > 0;
    char heading[32], titles[FLOW_COLUMNS][48];
    table_column(table, set->n > 1 ? "mean ± sd" : "", TABLE_LEFT);
    for (int i = 0; i < evaluation->n_flows; i++) {
        table_column(table, flow_title(&evaluation->flows[i], titles[i]), TABLE_RIGHT);
        if (intervals)
            table_column(table, "95 %", TABLE_RIGHT);
    }
    add_constant(table, set, heading);
    for (int m = 0; m < VALENCE_N_METRICS; m++) {
        enum valence_metric metric = (enum valence_metric)m;
        table_cell(table, "%s", valence_metric_infos[metric].heading);
        for (int i = 0; i < evaluation->n_flows; i++) {
            summary_cell(table, set, i, metric);
            if (intervals)
                interval_cell(table, metric, evaluation->flows[i].intervals[metric]);
        }
        constant_cell(table, set, metric);
    }
    for (int f = 0; f < N_RELIABILITY_FIGURES && knows_reliability(set); f++) {
        char text[48];
        reliability_heading(text, set, (enum reliability_figure)f);
        table_cell(table, "%s", text);
        for (int i = 0; i < evaluation->n_flows; i++) {
            reliability_cell(table, set, i, (enum reliability_figure)f);
            if (intervals)
                table_cell(table, "%s", "");
        }
        if (!isnan(set->constant.value))
            table_cell(table, "-");
    }
    for (int i = 1; i < evaluation->n_flows && intervals; i++)
        note_difference(table, &evaluation->flows[0], &evaluation->flows[i]);
    note_all(table, set);
    table_print(table, stdout);
}

/* Every flow a row, with the main metrics. */
static void print_flow_rows(const struct evaluation_set *set, struct table *table)
{
    const struct evaluation *evaluation = &set->evaluations[0];
    bool intervals = set->n == 1 && set->options->n_resamples > 0;
    int n_figures = knows_reliability(set) ? N_RELIABILITY_FIGURES : 0;
    char headings[N_RELIABILITY_FIGURES][48];
    table_column(table, set->n > 1 ? "mean ± sd" : "flow", TABLE_LEFT);
    for (size_t m = 0; m < N_MAIN_METRICS; m++) {
        table_column(table, valence_metric_infos[main_metrics[m]].heading, TABLE_RIGHT);
        if (intervals && m == 0)
            table_column(table, "95 %", TABLE_RIGHT);
    }
    for (int f = 0; f < n_figures; f++) {
        reliability_heading(headings[f], set, (enum reliability_figure)f);
        table_column(table, headings[f], TABLE_RIGHT);
    }
    for (int i = 0; i < evaluation->n_flows; i++) {
        char title[48];
        table_cell(table, "%s", flow_title(&evaluation->flows[i], title));
        for (size_t m = 0; m < N_MAIN_METRICS; m++) {
            summary_cell(table, set, i, main_metrics[m]);
            if (intervals && m == 0)
                interval_cell(table, main_metrics[m],
                              evaluation->flows[i].intervals[main_metrics[m]]);
        }
        for (int f = 0; f < n_figures; f++)
            reliability_cell(table, set, i, (enum reliability_figure)f);
    }
    if (!isnan(set->constant.value)) {
        table_cell(table, "always %.2f", (double)set->constant.value);
        for (size_t m = 0; m < N_MAIN_METRICS; m++) {
            constant_cell(table, set, main_metrics[m]);
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

static void print_each(const struct evaluation_set *set)
{
    struct table table = {0};
    table_column(&table, "model", TABLE_LEFT);
    table_column(&table, "flow", TABLE_LEFT);
    for (size_t i = 0; i < N_MAIN_METRICS; i++)
        table_column(&table, valence_metric_infos[main_metrics[i]].heading, TABLE_RIGHT);
    for (int i = 0; i < set->n; i++)
        for (int flow = 0; flow < set->evaluations[i].n_flows; flow++) {
            const struct flow_result *result = &set->evaluations[i].flows[flow];
            table_cell(&table, "%s", set->models.models[i].name);
            table_cell(&table, "%s", valence_flow_name(result->flow));
            for (size_t m = 0; m < N_MAIN_METRICS; m++)
                value_cell(&table, main_metrics[m], result->metrics.values[main_metrics[m]]);
        }
    table_print(&table, stdout);
}

/* Every flow a row, with the differences in the main metrics. */
static void print_comparison(const struct evaluation_set *set, const char *against,
                             const struct comparison *comparison)
{
    char title[512];
    snprintf(title, sizeof title, "\n%s less %s, paired", set->run, against);
    struct table table = {.title = title};
    bool intervals = set->options->n_resamples > 0;
    table_column(&table, "flow", TABLE_LEFT);
    for (size_t m = 0; m < N_MAIN_METRICS; m++) {
        table_column(&table, valence_metric_infos[main_metrics[m]].heading, TABLE_RIGHT);
        if (intervals)
            table_column(&table, "95 %", TABLE_RIGHT);
    }
    for (int flow = 0; flow < comparison->n_flows; flow++) {
        table_cell(&table, "%s", valence_flow_name(set->evaluations[0].flows[flow].flow));
        for (size_t m = 0; m < N_MAIN_METRICS; m++) {
            const struct metric_difference *difference =
                &comparison->differences[flow][main_metrics[m]];
            char value[32], interval[INTERVAL_BYTES];
            format_value(value, main_metrics[m], difference->value, true);
            format_interval(interval, main_metrics[m], difference->interval, true);
            table_cell(&table, "%s", value);
            if (intervals)
                table_cell(&table, "%s", interval);
        }
    }
    table_print(&table, stdout);
}

void print_evaluation_tables(const struct evaluation_set *set, const char *against,
                             const struct comparison *comparison)
{
    char title[512], seeds[32] = "";
    const struct evaluation *first = &set->evaluations[0];
    if (set->n > 1)
        snprintf(seeds, sizeof seeds, ", %d seeds", set->n);
    snprintf(title, sizeof title, "%s on %s: %s split, %" PRId64 " clips (%" PRId64 " not 0)%s",
             set->run, valence_store_path(set->store), valence_split_names[set->options->split],
             first->selection.n, first->flows[0].metrics.n_nonzero, seeds);
    struct table table = {.title = title};
    (first->n_flows > FLOW_COLUMNS ? print_flow_rows : print_metric_rows)(set, &table);
    if (set->n > 1) {
        putchar('\n');
        print_each(set);
    }
    if (comparison)
        print_comparison(set, against, comparison);
}

/* ---- JSON ---- */

static json_t *models_to_json(const struct evaluation_set *set)
{
    json_t *array = json_array();
    for (int i = 0; i < set->n; i++) {
        json_t *model = json_pack("{s:s, s:s, s:o}", "name", set->models.models[i].name,
                                  "checkpoint", set->models.models[i].path, "flows",
                                  evaluation_to_json(&set->evaluations[i]));
        if (json_array_append_new(array, model)) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

int print_evaluation_json(const struct evaluation_set *set, const char *against,
                          const struct comparison *comparison, struct valence_error *error)
{
    const struct clip_selection *selection = &set->evaluations[0].selection;
    json_t *constant = isnan(set->constant.value)
                           ? json_null()
                           : json_pack("{s:f, s:o}", "value", (double)set->constant.value,
                                       "metrics", metrics_to_json(&set->constant.metrics));
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:b, s:s, s:I, s:{s:I, s:I}, s:I, s:{s:I, s:I, s:f}, s:f, s:o, s:o, s:o}",
        "valence", valence_version(), "run", set->run, "store", valence_store_path(set->store),
        "synthetic", store_is_synthetic(set->store), "split",
        valence_split_names[set->options->split], "n", (json_int_t)selection->n, "skipped",
        "without_label", (json_int_t)selection->n_unlabelled, "without_features",
        (json_int_t)selection->n_empty, "cut", (json_int_t)selection->n_cut, "bootstrap",
        "resamples", (json_int_t)set->options->n_resamples, "seed", (json_int_t)set->options->seed,
        "level", EVALUATION_LEVEL, "level", set->options->level, "constant", constant, "models",
        models_to_json(set), "summary",
        set->n > 1 ? summary_to_json(set->evaluations, set->n) : json_null());
    if (root && comparison) {
        json_t *compared = json_pack("{s:s, s:o}", "run", against, "flows",
                                     comparison_to_json(comparison, &set->evaluations[0]));
        if (json_object_set_new(root, "against", compared)) {
            json_decref(root);
            root = NULL;
        }
    }
    return print_json(root, error);
}

/* ---- Predictions ---- */

int write_predictions(const char *path, bool overwrite, const struct evaluation_set *set,
                      struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, overwrite ? FILE_OVERWRITE : 0, error);
    if (status)
        return status;
    fputs("model,id,label", writer.stream);
    for (int flow = 0; flow < set->evaluations[0].n_flows; flow++)
        fprintf(writer.stream, ",%s", valence_flow_name(set->evaluations[0].flows[flow].flow));
    fputc('\n', writer.stream);
    for (int i = 0; i < set->n; i++) {
        const struct evaluation *evaluation = &set->evaluations[i];
        for (int64_t clip = 0; clip < evaluation->selection.n; clip++) {
            csv_write_field(writer.stream, set->models.models[i].name);
            fputc(',', writer.stream);
            csv_write_field(writer.stream,
                            valence_store_clip(set->store, evaluation->selection.clips[clip])->id);
            fputc(',', writer.stream);
            csv_write_number(writer.stream, evaluation->labels[clip]);
            for (int flow = 0; flow < evaluation->n_flows; flow++) {
                fputc(',', writer.stream);
                csv_write_number(writer.stream, evaluation->flows[flow].predicted[clip]);
            }
            fputc('\n', writer.stream);
        }
    }
    return file_write_commit(&writer, error);
}
