/* The summary: what the models reach with everything there and without text, in sentences that a
 * reader can quote, and all figures as tables. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/collect.h"
#include "valence/model.h"

/* ---- Words ---- */

/* "the test part of corpus", "corpus" */
static const char *place_of(struct report_builder *builder, const struct measured_group *group)
{
    return *group->split ? report_format(builder, "the %s part of %s", group->split, group->name)
                         : group->name;
}

/* "with everything there", "without text" */
static const char *condition_of(struct report_builder *builder, const char *flow)
{
    int missing = valence_flow_from_name(flow);
    char names[64] = "";
    if (missing < 0)
        return report_format(builder, "in the flow %s", flow);
    if (missing == 0)
        return "with everything there";
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if ((unsigned)missing & VALENCE_BIT(m))
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                     *names ? " and " : "", valence_modality_names[m]);
    return report_format(builder, "without %s", names);
}

static bool is_first_of_its_parent(const struct measured_group *group, int item)
{
    for (int i = 0; i < item; i++)
        if (strcmp(group->items[i].parent, group->items[item].parent) == 0)
            return false;
    return true;
}

/* The first item of a parent in another flow than the first. */
static const struct measured *other_flow(const struct measured_group *group,
                                         const struct measured *first)
{
    for (int i = 0; i < group->n; i++)
        if (strcmp(group->items[i].parent, first->parent) == 0 &&
            strcmp(group->items[i].flow, first->flow) != 0)
            return &group->items[i];
    return NULL;
}

/* " (95 % interval 0.70 to 0.90)", or the deviation over seeds. */
static const char *spread_of(struct report_builder *builder, const struct headline *headline,
                             const struct measured *item, int n, double deviation)
{
    const struct valence_interval *interval = &item->intervals[headline->metric];
    int digits = headline->digits;
    if (n > 1)
        return report_format(builder, " (mean of %d seeds, standard deviation %.*f)", n, digits,
                             headline->factor * deviation);
    if (isnan(interval->low))
        return "";
    return report_format(builder, " (95 %% interval %.*f to %.*f)", digits,
                         headline->factor * interval->low, digits,
                         headline->factor * interval->high);
}

/* With its sign; what rounds to 0 has none. */
static const char *signed_text(struct report_builder *builder, const struct headline *headline,
                               double value)
{
    double shown = headline->factor * value;
    bool is_zero = fabs(shown) < 0.5 * pow(10, -headline->digits);
    return report_format(builder, "%s%.*f",
                         is_zero     ? ""
                         : shown < 0 ? "\u2212"
                                     : "+",
                         headline->digits, fabs(shown));
}

static const char *gap_text(struct report_builder *builder, const struct headline *headline,
                            const struct measured *other, int n, double gap)
{
    if (n > 1 || isnan(other->gap.low))
        return signed_text(builder, headline, gap);
    return report_format(builder, "%s (95 %% interval %s to %s)",
                         signed_text(builder, headline, gap),
                         signed_text(builder, headline, other->gap.low),
                         signed_text(builder, headline, other->gap.high));
}

/* "Always answering 0.20, the median of the training labels" */
static const char *constant_text(struct report_builder *builder, const struct measured_group *group)
{
    double number = group->constant;
    if (group->scale != VALENCE_SCALE_CLASSES)
        return report_format(builder, "%.2f, the median of the training labels", number);
    return report_format(builder, "%s, the most frequent class of the training clips",
                         number >= 0 && number < group->n_classes ? group->classes[(int)number]
                                                                  : "the same class");
}

/* What the constant gives, and whether the model beats it. */
static const char *add_constant(struct report_builder *builder, const struct measured_group *group,
                                const char *text, double value)
{
    const struct headline *headline = headline_of(group->scale);
    double constant = group->constant_values[headline->metric];
    bool beaten = headline->smaller_is_better ? value < constant : value > constant;
    return report_format(builder, "%s Always answering %s, gives %.*f%s%s.", text,
                         constant_text(builder, group), headline->digits,
                         headline->factor * constant, headline->unit,
                         beaten ? "" : ": the model is no better than that");
}

/* The sentences about one run, or the seeds of one. */
static void say_run(struct report_builder *builder, const struct measured_group *group,
                    const struct measured *first)
{
    const struct headline *headline = headline_of(group->scale);
    int n, n_other;
    double deviation, other_deviation;
    double value =
        measured_mean(group, first->parent, first->flow, headline->metric, &n, &deviation);
    const struct measured *other = other_flow(group, first);
    const char *name = n > 1 ? first->parent : first->run;
    const char *text =
        report_format(builder, "%s: %s, the %s on %lld clips of %s is %.*f%s%s.", name,
                      condition_of(builder, first->flow), headline->name, (long long)group->n_clips,
                      place_of(builder, group), headline->digits, headline->factor * value,
                      headline->unit, spread_of(builder, headline, first, n, deviation));
    if (other) {
        double missing = measured_mean(group, other->parent, other->flow, headline->metric,
                                       &n_other, &other_deviation);
        text = report_format(builder, "%s %c%s it is %.*f%s%s, a difference of %s.", text,
                             condition_of(builder, other->flow)[0] - 'a' + 'A',
                             condition_of(builder, other->flow) + 1, headline->digits,
                             headline->factor * missing, headline->unit,
                             spread_of(builder, headline, other, n_other, other_deviation),
                             gap_text(builder, headline, other, n_other, missing - value));
    }
    if (group->has_constant)
        text = add_constant(builder, group, text, value);
    report_say(builder, REPORT_TEXT, "%s", text);
}

/* What makes figures look better than they are. */
static void warn(struct report_builder *builder, const struct measured_group *group)
{
    if (group->synthetic)
        report_say(builder, REPORT_WARNING,
                   "The data of %s are synthetic: figures on them show that the system works, and "
                   "say nothing about people.",
                   group->name);
    for (int w = 0; w < VALENCE_N_WARNINGS; w++) {
        const char *names = "";
        for (int i = 0; i < group->n; i++)
            if (group->items[i].warnings & (1u << w))
                names = report_format(builder, "%s%s%s, %s", names, *names ? "; " : "",
                                      group->items[i].run, group->items[i].flow);
        if (*names)
            report_say(builder, REPORT_WARNING, "%s: %s.", names,
                       valence_warning_describe((enum valence_warning)w)->text);
    }
}

/* ---- Tables ---- */

static bool is_shown(const struct measured_group *group, int metric)
{
    return metric < VALENCE_N_METRICS && valence_scale_metrics(group->scale) & (1u << metric);
}

static void add_metric(struct report_builder *builder, struct report_table *table, int metric,
                       double value)
{
    bool is_share = valence_metric_describe((enum valence_metric)metric)->is_share;
    report_cell_number(builder, table, is_share ? 100 * value : value, is_share ? 1 : 3);
}

static const char *headings_of(struct report_builder *builder, const struct measured_group *group,
                               const char *first, const char *more)
{
    const char *headings = first;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        if (is_shown(group, metric)) {
            const struct valence_metric_info *info =
                valence_metric_describe((enum valence_metric)metric);
            headings = report_format(builder, "%s|#%s%s%s", headings, info->heading,
                                     info->is_share ? ", %" : "",
                                     metric == (int)headline_of(group->scale)->metric ? more : "");
        }
    return headings;
}

static void add_values(struct report_builder *builder, struct report_table *table,
                       const struct measured_group *group, const double values[VALENCE_MAX_METRICS],
                       const struct valence_interval *interval)
{
    const struct headline *headline = headline_of(group->scale);
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        if (is_shown(group, metric)) {
            add_metric(builder, table, metric, values[metric]);
            if (metric == (int)headline->metric) {
                add_metric(builder, table, metric, interval->low);
                add_metric(builder, table, metric, interval->high);
            }
        }
}

static void tabulate(struct report_builder *builder, const struct measured_group *group)
{
    const struct valence_interval unknown = {NAN, NAN};
    struct report_table *table = report_table(
        builder, "figures", report_format(builder, "Figures on %s", place_of(builder, group)),
        headings_of(builder, group, "Run|Flow", "|#low|#high"));
    for (int i = 0; i < group->n; i++) {
        const struct measured *item = &group->items[i];
        enum valence_metric metric = headline_of(group->scale)->metric;
        report_cell_text(builder, table, item->run);
        report_cell_text(builder, table,
                         item->is_trained ? item->flow
                                          : report_format(builder, "%s (not trained)", item->flow));
        add_values(builder, table, group, item->values, &item->intervals[metric]);
    }
    if (!group->has_constant)
        return;
    report_cell_text(builder, table,
                     group->scale == VALENCE_SCALE_CLASSES
                         ? "the most frequent class"
                         : report_format(builder, "always %.2f", group->constant));
    report_cell_text(builder, table, "\u2013");
    add_values(builder, table, group, group->constant_values, &unknown);
}

static bool has_seeds(const struct measured_group *group)
{
    for (int i = 0; i < group->n; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(group->items[i].parent, group->items[j].parent) == 0 &&
                strcmp(group->items[i].flow, group->items[j].flow) == 0)
                return true;
    return false;
}

static bool is_first_of_its_flow(const struct measured_group *group, int item)
{
    for (int i = 0; i < item; i++)
        if (strcmp(group->items[i].parent, group->items[item].parent) == 0 &&
            strcmp(group->items[i].flow, group->items[item].flow) == 0)
            return false;
    return true;
}

/* Mean and deviation over the seeds of each run. */
static void tabulate_seeds(struct report_builder *builder, const struct measured_group *group)
{
    const struct headline *headline = headline_of(group->scale);
    if (!has_seeds(group))
        return;
    struct report_table *table =
        report_table(builder, "figures-over-seeds",
                     report_format(builder, "Means over seeds on %s", place_of(builder, group)),
                     headings_of(builder, group, "Run|Flow|#Seeds", "|#sd"));
    for (int i = 0; i < group->n; i++) {
        const struct measured *item = &group->items[i];
        int n;
        double deviation;
        if (!is_first_of_its_flow(group, i))
            continue;
        (void)measured_mean(group, item->parent, item->flow, headline->metric, &n, &deviation);
        report_cell_text(builder, table, item->parent);
        report_cell_text(builder, table, item->flow);
        report_cell_number(builder, table, n, 0);
        for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
            if (is_shown(group, metric)) {
                add_metric(builder, table, metric,
                           measured_mean(group, item->parent, item->flow,
                                         (enum valence_metric)metric, &n, &deviation));
                if (metric == (int)headline->metric)
                    add_metric(builder, table, metric, deviation);
            }
    }
}

/* ---- A chart of all ---- */

/* Categories are runs, or the seeds of one together; a series is a flow. */
static void chart_runs(struct report_builder *builder, const struct measured_group *group)
{
    const struct headline *headline = headline_of(group->scale);
    const char **parents = report_take(builder, group->n, sizeof *parents);
    const char **flows = report_take(builder, group->n, sizeof *flows);
    int n_parents = 0, n_flows = 0;
    if (!parents || !flows)
        return;
    for (int i = 0; i < group->n; i++) {
        bool known = false;
        if (is_first_of_its_parent(group, i))
            parents[n_parents++] = group->items[i].parent;
        for (int j = 0; j < n_flows; j++)
            known = known || strcmp(flows[j], group->items[i].flow) == 0;
        if (!known)
            flows[n_flows++] = group->items[i].flow;
    }
    struct report_chart *chart = report_chart(
        builder, REPORT_BARS, headline->smaller_is_better ? "errors-of-runs" : "f1-of-runs",
        report_format(builder, "%s on %s", headline->smaller_is_better ? "Errors" : headline->title,
                      place_of(builder, group)));
    if (!chart)
        return;
    report_axis_names(builder, &chart->x, parents, n_parents);
    chart->x.title = "Run";
    chart->y.title = headline->title;
    chart->y.unit = headline->smaller_is_better ? "" : "%";
    report_note(builder, chart,
                "Bars of runs with several seeds are means. Intervals are of 95 %% over the clips, "
                "or of one standard deviation over the seeds.");
    for (int f = 0; f < n_flows; f++) {
        struct report_series *series = report_series(builder, chart, flows[f], n_parents);
        double *y = report_numbers(builder, n_parents);
        double *low = report_numbers(builder, n_parents);
        double *high = report_numbers(builder, n_parents);
        if (!series || !y || !low || !high)
            return;
        for (int p = 0; p < n_parents; p++) {
            int n;
            double deviation;
            double mean =
                measured_mean(group, parents[p], flows[f], headline->metric, &n, &deviation);
            y[p] = headline->factor * mean;
            low[p] = headline->factor * (mean - deviation);
            high[p] = headline->factor * (mean + deviation);
            for (int i = 0; i < group->n && n == 1; i++)
                if (strcmp(group->items[i].parent, parents[p]) == 0 &&
                    strcmp(group->items[i].flow, flows[f]) == 0) {
                    low[p] = headline->factor * group->items[i].intervals[headline->metric].low;
                    high[p] = headline->factor * group->items[i].intervals[headline->metric].high;
                }
        }
        series->y = y;
        series->low = low;
        series->high = high;
    }
    if (group->has_constant)
        report_mark(builder, chart, true,
                    headline->factor * group->constant_values[headline->metric],
                    headline->smaller_is_better ? "the best constant" : "the most frequent class");
}

/* With many runs the sentences would fill pages: the chart and the table have them all. */
#define MAX_SENTENCES 8

void collect_summary(struct report_builder *builder, const struct measured_groups *groups)
{
    report_section(builder, "summary");
    for (int g = 0; g < groups->n; g++) {
        const struct measured_group *group = &groups->groups[g];
        int n = 0;
        for (int i = 0; i < group->n; i++)
            if (is_first_of_its_parent(group, i) && n++ < MAX_SENTENCES)
                say_run(builder, group, &group->items[i]);
        warn(builder, group);
        chart_runs(builder, group);
        tabulate(builder, group);
        tabulate_seeds(builder, group);
    }
}
