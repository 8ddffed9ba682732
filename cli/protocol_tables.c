/* Protocols as tables: every condition a row. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metric_json.h"
#include "metric_text.h"
#include "protocol_request.h"
#include "table.h"
#include "valence/text.h"

/* A protocol's table. */
struct shown {
    const struct protocol_set *set;
    int protocol;
    const struct valence_protocol_evaluation *e; /* of the first model */
    bool intervals;
};

static enum valence_metric main_metric(const struct shown *s, size_t m)
{
    return scale_main_metric(s->e->scale, m);
}

static void spread_cell(struct table *table, enum valence_metric metric,
                        struct valence_seed_summary summary)
{
    char text[INTERVAL_BYTES];
    format_metric_spread(text, metric, summary.mean, summary.deviation);
    table_cell(table, "%s", text);
}

/* Of clips where they are noisy, else of rows. */
static double shown_share(const struct valence_condition *condition)
{
    return condition->noisy > 0 ? condition->noisy : condition->missing_rows;
}

static void add_columns(const struct shown *s, struct table *table)
{
    table_column(table, s->set->base.n > 1 ? "mean ± sd" : "condition", TABLE_LEFT);
    table_column(table, "rows", TABLE_RIGHT);
    table_column(table, "absent", TABLE_RIGHT);
    table_column(table, "bare", TABLE_RIGHT);
    for (size_t m = 0; main_metric(s, m) < VALENCE_N_METRICS; m++) {
        table_column(table, valence_metric_describe(main_metric(s, m))->heading, TABLE_RIGHT);
        if (s->intervals && m == 0) {
            table_column(table, "95 %", TABLE_RIGHT);
            table_rank(table, 1);
        }
    }
    table_column(table, "mask", TABLE_LEFT);
    table_rank(table, TABLE_STAYS);
}

static void add_condition(const struct shown *s, int c, struct table *table)
{
    int number;
    const struct protocol_results *results = protocol_results_for(s->set, s->protocol, c, &number);
    const struct valence_condition *condition =
        protocol_condition_of(results, s->protocol, 0, number);
    table_cell(table, "%s", condition->name);
    table_cell(table, "%.1f %%", 100 * shown_share(condition));
    table_cell(table, "%.1f %%", 100 * condition->missing_modalities);
    table_cell(table, "%" PRId64, condition->n_nothing);
    for (size_t m = 0; main_metric(s, m) < VALENCE_N_METRICS; m++) {
        spread_cell(table, main_metric(s, m),
                    protocol_metric(s->set, s->protocol, c, main_metric(s, m)));
        if (s->intervals && m == 0)
            metric_interval_cell(table, main_metric(s, m), condition->intervals[main_metric(s, m)]);
    }
    table_cell(table, "%.8s", condition->mask);
}

static void add_summary(const struct shown *s, const char *name, bool area, struct table *table)
{
    table_cell(table, "%s", name);
    for (int i = 0; i < 3; i++)
        table_cell(table, "%s", "");
    for (size_t m = 0; main_metric(s, m) < VALENCE_N_METRICS; m++) {
        spread_cell(table, main_metric(s, m),
                    area ? protocol_auilc(s->set, s->protocol, main_metric(s, m))
                         : protocol_mean(s->set, s->protocol, main_metric(s, m)));
        if (s->intervals && m == 0)
            table_cell(table, "%s", "");
    }
    table_cell(table, "%s", "");
}

/* ---- Notes ---- */

/* What a row of text is, and what takes its place. */
static void note_words(const struct valence_protocol_evaluation *e, struct table *table)
{
    if (strcmp(e->protocol->name, "replace-words") == 0)
        table_note(table, "A replaced row becomes %s.",
                   e->replacement == VALENCE_REPLACEMENT_WORD
                       ? "another row of the store's text, drawn at random"
                       : "0");
    table_note(table,
               "%" PRId64 " of %" PRId64 " clips with text have a row for each word of their "
               "transcript; elsewhere a row may be a part of a word. Rows that stay were encoded "
               "with all words.",
               e->n_word_rows, e->n_with_text);
}

static void note_masks(const struct shown *s, struct table *table)
{
    const struct valence_protocol_evaluation *e = s->e;
    char seed[64] = "seeds 1111, 111, 11111 of audio, text, video";
    table_note(table, "%s", e->protocol->rule);
    if (e->mask_seed >= 0)
        snprintf(seed, sizeof seed, "seed %" PRId64, e->mask_seed);
    if (e->protocol->random == VALENCE_MASK_FIXED)
        table_note(table, "Nothing is drawn.");
    else if (e->protocol->random == VALENCE_MASK_NUMPY)
        table_note(table,
                   "Masks are NumPy's, bit for bit: %s; drawn for %" PRId64 ", %" PRId64
                   " and %" PRId64 " rows of audio, text and video.",
                   seed, e->padded_rows[VALENCE_AUDIO], e->padded_rows[VALENCE_TEXT],
                   e->padded_rows[VALENCE_VIDEO]);
    else
        table_note(table, "Masks follow the published rule with other draws: %s.", seed);
    if (e->n_with_text) {
        note_words(e, table);
        return;
    }
    if (strcmp(e->protocol->name, "noise") == 0)
        table_note(table, "The noise is %s.", valence_noise_kind_names[e->noise_kind]);
    if (e->erasure == VALENCE_ERASURE_REMOVE)
        table_note(table, "Erased rows are taken out; published, they are 0 and stay.");
}

static void note_models(const struct shown *s, struct table *table)
{
    const struct protocol_set *set = s->set;
    const struct valence_protocol_info *protocol = s->e->protocol;
    int n_runs = 1 + set->request->n_rate_runs;
    bool on_test = s->e->as_published && protocol->chosen_on_test;
    char rates[64] = "";
    if (set->request->n_rate_runs)
        snprintf(rates, sizeof rates, ", %d of them trained for one rate each", n_runs - 1);
    table_note(table, "Here: %d %s%s, %d %s each; epochs chosen %s.", n_runs,
               valence_plural(n_runs, "run", "runs"), rates, protocol_n_models(set),
               valence_plural(protocol_n_models(set), "seed", "seeds"),
               on_test ? "AS PUBLISHED" : "on validation");
    if (protocol->published_training)
        table_note(table, "Published figures: %s; %s.", protocol->published_training,
                   protocol->published_selection);
    else
        table_note(table, "This rule is valence's own; no published figures follow it.");
    if (on_test)
        table_note(table, "WARNING: epochs were chosen on the part that is measured, as published; "
                          "on new clips the models are worse than these figures.");
}

static void note_clips(const struct shown *s, struct table *table)
{
    const struct valence_protocol_evaluation *e = s->e;
    int64_t most = 0, unscored = 0;
    for (int c = 0; c < e->n_conditions; c++) {
        most = e->conditions[c].n_unimagined > most ? e->conditions[c].n_unimagined : most;
        unscored += e->conditions[c].n_unscored;
    }
    if (e->synthetic)
        table_note(table, "SYNTHETIC data: these figures say nothing about people.");
    if (e->data == VALENCE_DATA_OTHER)
        table_note(table, "%s is not the data that the model was trained on",
                   valence_store_path(s->set->store));
    if (most)
        table_note(table,
                   "Up to %" PRId64 " %s a modality that no trained flow imagines; it is an empty "
                   "sequence then.",
                   most, valence_plural(most, "clip lacks", "clips lack"));
    if (unscored)
        table_note(table, "WARNING: %" PRId64 " scores are left out: values too large to score",
                   unscored);
}

static void note_warnings(const struct shown *s, struct table *table)
{
    for (int warning = 0; warning < VALENCE_N_WARNINGS; warning++) {
        char names[256] = "";
        for (int c = 0; c < s->e->n_conditions; c++) {
            size_t used = strlen(names);
            if (s->e->conditions[c].metrics.warnings & 1u << warning)
                snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                         s->e->conditions[c].name);
        }
        if (names[0])
            table_note(table, "WARNING: %s: %s", names,
                       valence_warning_describe((enum valence_warning)warning)->text);
    }
}

static void print_protocol(const struct protocol_set *set, int protocol, enum table_format format,
                           FILE *stream)
{
    struct shown s = {.set = set,
                      .protocol = protocol,
                      .e = set->base.evaluations[protocol * set->base.n],
                      .intervals = set->base.n == 1 && set->request->options.n_resamples > 0};
    char title[512];
    snprintf(title, sizeof title, "%s%s on %s: %s split, %" PRId64 " clips, protocol %s (%s)",
             protocol && format == TABLE_TEXT ? "\n" : "", set->base.run,
             valence_store_path(set->store), valence_split_names[s.e->split], s.e->n_clips,
             s.e->protocol->name, s.e->protocol->source);
    struct table table = {.title = title};
    add_columns(&s, &table);
    for (int c = 0; c < s.e->n_conditions; c++)
        add_condition(&s, c, &table);
    if (s.e->protocol->has_auilc && s.e->n_conditions > 1)
        add_summary(&s, "AUILC", true, &table);
    if (s.e->n_conditions > 1)
        add_summary(&s, "mean", false, &table);
    table_note(&table,
               "rows: share of rows missing (of clips with noise); absent: share of modalities "
               "without a row; bare: clips with nothing left; mask: the first digits of its hash.");
    note_masks(&s, &table);
    note_models(&s, &table);
    note_clips(&s, &table);
    note_warnings(&s, &table);
    table_print_as(&table, format, stream);
    if (format != TABLE_TEXT)
        fputc('\n', stream);
}

/* ---- CSV ---- */

static void number_cell(struct table *table, double value)
{
    if (isnan(value))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.9g", value);
}

/* A metric of a condition, or where that is -1 the area, -2 the mean over all. */
static void add_long_row(const struct protocol_set *set, int p, int c, enum valence_metric metric,
                         struct table *table)
{
    int number;
    const struct valence_protocol_evaluation *e = set->base.evaluations[p * set->base.n];
    const struct protocol_results *results =
        c < 0 ? NULL : protocol_results_for(set, p, c, &number);
    const struct valence_condition *condition =
        results ? protocol_condition_of(results, p, 0, number) : NULL;
    struct valence_seed_summary summary = c == -1   ? protocol_auilc(set, p, metric)
                                          : c == -2 ? protocol_mean(set, p, metric)
                                                    : protocol_metric(set, p, c, metric);
    table_cell(table, "%s", e->protocol->name);
    table_cell(table, "%s", condition ? condition->name : c == -1 ? "AUILC" : "mean");
    number_cell(table, condition ? condition->rate : NAN);
    table_cell(table, "%s", valence_metric_describe(metric)->key);
    number_cell(table, summary.mean);
    number_cell(table, summary.deviation);
    number_cell(table, condition ? condition->missing_rows : NAN);
    number_cell(table, condition ? condition->missing_modalities : NAN);
    number_cell(table, condition ? condition->noisy : NAN);
    number_cell(table, condition ? (double)condition->n_nothing : NAN);
    table_cell(table, "%s", condition ? condition->mask : "");
}

static void print_long(const struct protocol_set *set, FILE *stream)
{
    static const char *const headings[] = {"protocol", "condition", "rate",  "metric", "mean", "sd",
                                           "rows",     "absent",    "noisy", "bare",   "mask"};
    struct table table = {.title = NULL};
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_column(&table, headings[i], TABLE_LEFT);
    for (int p = 0; p < set->request->n_protocols; p++) {
        const struct valence_protocol_evaluation *e = set->base.evaluations[p * set->base.n];
        for (int c = e->n_conditions < 2 ? 0 : -2; c < e->n_conditions; c++) {
            if (c == -1 && !e->protocol->has_auilc)
                continue;
            for (int i = scale_next_metric(e->scale, -1); i >= 0;
                 i = scale_next_metric(e->scale, i))
                add_long_row(set, p, c, (enum valence_metric)i, &table);
        }
    }
    table_print_as(&table, TABLE_CSV, stream);
}

void print_protocol_tables(const struct protocol_set *set, enum table_format format, FILE *stream)
{
    if (format == TABLE_CSV)
        print_long(set, stream);
    else
        for (int p = 0; p < set->request->n_protocols; p++)
            print_protocol(set, p, format, stream);
}
