#include "experiment_output.h"

#include <math.h>
#include <string.h>

#include "table_files.h"
#include "terminal.h"
#include "valence/text.h"

#define SIGNIFICANT 0.05

/* ---- Numbers ---- */

/* Shares in per cent. */
static double shown(const struct valence_metric_info *info, double value)
{
    return info->is_share ? 100 * value : value;
}

static int digits(const struct valence_metric_info *info)
{
    return info->is_share ? 1 : 3;
}

/* A number to the digits that its metric has, "" where it is undefined. */
static const char *text_of(const struct valence_metric_info *info, double value, bool sign,
                           char text[32])
{
    if (isnan(value))
        text[0] = '\0';
    else
        snprintf(text, 32, sign ? "%+.*f" : "%.*f", digits(info), shown(info, value));
    return text;
}

/* "Acc-7 (%)" in text that outlives the table. */
static const char *heading_of(const struct valence_metric_info *info, char text[48])
{
    snprintf(text, 48, "%s%s", info->heading, info->is_share ? " (%)" : "");
    return text;
}

static bool is_significant(const struct valence_result_cell *cell)
{
    return cell->p_holm < SIGNIFICANT;
}

/* ---- Figures ---- */

static void add_metric_columns(struct table *table, const struct valence_experiment_result *result,
                               char headings[][48])
{
    table_column(table, "variant", TABLE_LEFT);
    for (int m = 0; m < result->n_metrics; m++)
        table_column(table, heading_of(valence_metric_describe(result->metrics[m]), headings[m]),
                     TABLE_RIGHT);
}

static void add_figure(struct table *table, const struct valence_metric_info *info,
                       const struct valence_result_cell *cell)
{
    char mean[32], deviation[32];
    text_of(info, cell->mean, false, mean);
    text_of(info, cell->deviation, false, deviation);
    table_cell(table, "%s%s%s%s", mean, deviation[0] ? " ± " : "", deviation,
               is_significant(cell) ? " *" : "");
}

static void print_figures(const struct valence_experiment_result *result, int flow,
                          enum table_format format, FILE *stream)
{
    char title[160], headings[VALENCE_N_METRICS][48];
    struct table table = {.title = title};
    bool any = false;
    snprintf(title, sizeof title, "%s, %s: mean ± sd over the seeds", result->kind,
             valence_flow_name(result->flows[flow]));
    add_metric_columns(&table, result, headings);
    for (int v = 0; v < result->n_variants; v++) {
        const struct valence_result_variant *variant = &result->variants[v];
        if (!variant->cells)
            continue;
        table_cell(&table, "%s", variant->name);
        for (int m = 0; m < result->n_metrics; m++) {
            const struct valence_result_cell *cell = &variant->cells[flow * result->n_metrics + m];
            add_figure(&table, valence_metric_describe(result->metrics[m]), cell);
            any = any || is_significant(cell);
        }
    }
    if (any)
        table_note(&table, "* differs from %s: p < 0.05 after Holm's correction for all %lld tests",
                   result->variants[0].name, (long long)result->n_tests);
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

/* ---- Differences ---- */

static void add_difference(struct table *table, const struct valence_metric_info *info,
                           const struct valence_result_cell *cell)
{
    char value[32], low[32], high[32];
    text_of(info, cell->difference, true, value);
    text_of(info, cell->interval.low, true, low);
    text_of(info, cell->interval.high, true, high);
    if (low[0])
        table_cell(table, "%s%s [%s, %s]", value, is_significant(cell) ? "*" : "", low, high);
    else
        table_cell(table, "%s", value);
}

static void print_differences(const struct valence_experiment_result *result, int flow,
                              enum table_format format, FILE *stream)
{
    char title[160], number[32], headings[VALENCE_N_METRICS][48];
    struct table table = {.title = title};
    snprintf(title, sizeof title, "%s, %s: difference to %s with its 95 %% interval", result->kind,
             valence_flow_name(result->flows[flow]), result->variants[0].name);
    add_metric_columns(&table, result, headings);
    for (int v = 1; v < result->n_variants; v++) {
        const struct valence_result_variant *variant = &result->variants[v];
        if (!variant->cells)
            continue;
        table_cell(&table, "%s", variant->name);
        for (int m = 0; m < result->n_metrics; m++)
            add_difference(&table, valence_metric_describe(result->metrics[m]),
                           &variant->cells[flow * result->n_metrics + m]);
    }
    table_cell(&table, "smallest detectable");
    for (int m = 0; m < result->n_metrics; m++)
        table_cell(&table, "%s",
                   text_of(valence_metric_describe(result->metrics[m]),
                           result->detectable[flow * result->n_metrics + m], false, number));
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

/* ---- Notes ---- */

static int count_measured(const struct valence_experiment_result *result)
{
    int n = 0;
    for (int v = 0; v < result->n_variants; v++)
        n += result->variants[v].cells != NULL;
    return n;
}

static void print_notes(const struct valence_experiment_result *result, FILE *stream)
{
    int columns = terminal_columns(stream);
    char text[512];
    snprintf(text, sizeof text,
             "%s split, %lld clips from %lld recordings%s; intervals over recordings%s, %lld "
             "resamples; smallest detectable: the true difference that a test at 5 %% finds in 80 "
             "%% of cases, the median over the variants.",
             valence_split_names[result->split], (long long)result->n_clips,
             (long long)result->n_recordings, result->synthetic ? " of synthetic data" : "",
             result->variants[0].n_models > 1 ? " and seeds"
                                              : " (one seed says nothing about others)",
             (long long)result->n_resamples);
    print_wrapped(stream, text, 0, 0, columns);
    fputc('\n', stream);
    if (result->n_left_out) {
        snprintf(text, sizeof text, "%lld %s left out: some variant has no rows of %s.",
                 (long long)result->n_left_out,
                 valence_plural(result->n_left_out, "clip was", "clips were"),
                 valence_plural(result->n_left_out, "it", "them"));
        print_wrapped(stream, text, 0, 0, columns);
        fputc('\n', stream);
    }
    if (2.0 * (double)result->n_tests / (double)(result->n_resamples + 1) >= SIGNIFICANT) {
        snprintf(text, sizeof text,
                 "WARNING: %lld resamples cannot show p < 0.05 after the correction for %lld tests",
                 (long long)result->n_resamples, (long long)result->n_tests);
        print_wrapped(stream, text, 0, 0, columns);
        fputc('\n', stream);
    }
}

/* ---- Validation errors of a sweep ---- */

static void add_mean(struct table *table, struct valence_result_validation value, const char *mark)
{
    if (isnan(value.mean))
        table_cell(table, "%s", "");
    else if (isnan(value.deviation))
        table_cell(table, "%.4f%s", value.mean, mark);
    else
        table_cell(table, "%.4f ± %.4f%s", value.mean, value.deviation, mark);
}

static void print_validation(const struct valence_experiment_result *result,
                             enum table_format format, FILE *stream)
{
    bool are_classes = result->scale == VALENCE_SCALE_CLASSES;
    struct table table = {
        .title = are_classes
                     ? "Validation cross-entropy of the best epochs: mean ± sd over the seeds"
                     : "Validation MAE of the best epochs: mean ± sd over the seeds"};
    table_column(&table, "setting", TABLE_LEFT);
    table_column(&table, "selected", TABLE_RIGHT);
    table_rank(&table, TABLE_STAYS);
    for (int f = 0; f < result->n_validation_flows; f++)
        table_column(&table, valence_flow_name(result->validation_flows[f]), TABLE_RIGHT);
    table_column(&table, "epochs", TABLE_RIGHT);
    for (int v = 0; v < result->n_variants; v++) {
        const struct valence_result_variant *variant = &result->variants[v];
        table_cell(&table, "%s", variant->name);
        add_mean(&table, variant->selected, v == result->best ? " *" : "");
        for (int f = 0; f < result->n_validation_flows; f++)
            add_mean(&table, variant->validation[f], "");
        table_cell(&table, "%lld", (long long)variant->n_epochs);
    }
    table_note(&table, "* the best setting, chosen by the validation part alone: %s",
               result->variants[result->best].name);
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

/* ---- CSV ---- */

static void add_number(struct table *table, double value)
{
    if (isnan(value))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.9g", value);
}

static void print_long(const struct valence_experiment_result *result, FILE *stream)
{
    static const char *const headings[] = {"variant", "flow",       "metric",    "mean",
                                           "sd",      "difference", "low",       "high",
                                           "p",       "p_holm",     "detectable"};
    struct table table = {.title = NULL};
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_column(&table, headings[i], TABLE_LEFT);
    for (int v = 0; v < result->n_variants; v++)
        for (int i = 0; result->variants[v].cells && i < result->n_flows * result->n_metrics; i++) {
            const struct valence_result_cell *cell = &result->variants[v].cells[i];
            enum valence_metric metric = result->metrics[i % result->n_metrics];
            table_cell(&table, "%s", result->variants[v].name);
            table_cell(&table, "%s", valence_flow_name(result->flows[i / result->n_metrics]));
            table_cell(&table, "%s", valence_metric_describe(metric)->key);
            const double values[] = {cell->mean,         cell->deviation,     cell->difference,
                                     cell->interval.low, cell->interval.high, cell->p,
                                     cell->p_holm,       cell->detectable};
            for (size_t j = 0; j < sizeof values / sizeof values[0]; j++)
                add_number(&table, values[j]);
        }
    table_print_as(&table, TABLE_CSV, stream);
}

static void print_long_validation(const struct valence_experiment_result *result, FILE *stream)
{
    struct table table = {.title = NULL};
    table_column(&table, "setting", TABLE_LEFT);
    table_column(&table, "flow", TABLE_LEFT);
    table_column(&table,
                 result->scale == VALENCE_SCALE_CLASSES ? "validation_cross_entropy"
                                                        : "validation_mae",
                 TABLE_LEFT);
    table_column(&table, "sd", TABLE_LEFT);
    table_column(&table, "epochs", TABLE_LEFT);
    for (int v = 0; v < result->n_variants; v++)
        for (int f = -1; f < result->n_validation_flows; f++) {
            const struct valence_result_variant *variant = &result->variants[v];
            struct valence_result_validation value =
                f < 0 ? variant->selected : variant->validation[f];
            table_cell(&table, "%s", variant->name);
            table_cell(&table, "%s",
                       f < 0 ? "selected" : valence_flow_name(result->validation_flows[f]));
            add_number(&table, value.mean);
            add_number(&table, value.deviation);
            table_cell(&table, "%lld", (long long)variant->n_epochs);
        }
    table_print_as(&table, TABLE_CSV, stream);
}

void print_result(const struct valence_experiment_result *result, enum table_format format,
                  FILE *stream)
{
    bool sweep = strcmp(result->kind, "sweep") == 0 && result->best >= 0;
    if (format == TABLE_CSV && sweep) {
        print_long_validation(result, stream);
        return;
    }
    if (format == TABLE_CSV) {
        print_long(result, stream);
        return;
    }
    if (sweep)
        print_validation(result, format, stream);
    for (int flow = 0; flow < result->n_flows; flow++) {
        print_figures(result, flow, format, stream);
        if (count_measured(result) > 1)
            print_differences(result, flow, format, stream);
    }
    if (format == TABLE_TEXT)
        print_notes(result, stream);
}

/* ---- Every form ---- */

static void print_form(const void *what, enum table_format format, FILE *stream)
{
    print_result(what, format, stream);
}

static json_t *make_document(const void *what)
{
    const struct valence_experiment_result *result = what;
    return json_loads(result->json, 0, NULL);
}

int write_tables(const char *folder, const struct valence_experiment_result *result,
                 struct valence_error *error)
{
    const struct table_source source = {result->kind, result, print_form, make_document, NULL};
    return table_files_write(folder, &source, error);
}
