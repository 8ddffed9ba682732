#include "predict_output.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "valence/text.h"
#include "csv_output.h"
#include "json_output.h"
#include "metric_text.h"
#include "terminal.h"

/* A table is printed when it has this many rows, and the next one begun: memory does not grow with
 * the number of clips. */
#define TABLE_ROWS 1000

static const char *id_of(const struct predict_output *output, const struct valence_prediction *p)
{
    return output->sentences ? output->sentences[p->clip] : p->id;
}

/* Whether the model has the modality, and anything that the view sums: the weights of others mean
 * nothing. */
static bool has_modality(const struct predict_output *output, int modality)
{
    return valence_model_modalities(output->model) & VALENCE_BIT(modality);
}

static bool has_view(const struct predict_output *output, int view)
{
    return valence_model_modalities(output->model) &
           valence_view_modalities((enum valence_view)view);
}

/* "text", "audio text", or `none`. */
static void format_missing(char text[32], unsigned missing, const char *none)
{
    text[0] = '\0';
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (missing & VALENCE_BIT(modality)) {
            size_t used = strlen(text);
            snprintf(text + used, 32 - used, "%s%s", used ? " " : "",
                     valence_modality_names[modality]);
        }
    if (!missing)
        snprintf(text, 32, "%s", none);
}

/* ---- Tables ---- */

/* "fused", "at", ...: a view of one modality has its letter, since the modality's own column has
 * its name. */
static const char *view_heading(int view)
{
    static const char *const letters[VALENCE_N_MODALITIES] = {"a", "t", "v"};
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (strcmp(valence_view_names[view], valence_modality_names[modality]) == 0)
            return letters[modality];
    return valence_view_names[view];
}

static int n_classes_of(const struct predict_output *output)
{
    return (int)valence_model_get_config(output->model)->n_classes;
}

/* "" where the clip could not be scored. */
static const char *class_of(const struct predict_output *output, const struct valence_prediction *p)
{
    const char *name =
        isnan(p->score) ? NULL : valence_model_class_name(output->model, (int)p->score);
    return name ? name : "";
}

/* A table of classes: the most probable one, and the probabilities of all. */
static void begin_class_table(struct predict_output *output)
{
    struct table *table = &output->table;
    *table = (struct table){0};
    table_column(table, output->form == PREDICT_SENTENCES ? "text" : "clip", TABLE_LEFT);
    table_column(table, "class", TABLE_LEFT);
    for (int c = 0; c < n_classes_of(output); c++) {
        table_column(table, valence_model_class_name(output->model, c), TABLE_RIGHT);
        table_rank(table, 1);
    }
    table_column(table, "flow", TABLE_LEFT);
}

static void add_class_row(struct predict_output *output, const struct valence_prediction *p)
{
    struct table *table = &output->table;
    table_cell(table, "%s", id_of(output, p));
    table_cell(table, "%s%s", isnan(p->score) ? "-" : class_of(output, p), p->outside ? " !" : "");
    for (int c = 0; c < p->n_classes; c++)
        table_cell(table, isnan(p->score) ? "-" : "%.2f", (double)p->probabilities[c]);
    table_cell(table, "%s", valence_flow_name(p->flow));
}

static void begin_table(struct predict_output *output)
{
    if (n_classes_of(output)) {
        begin_class_table(output);
        return;
    }
    struct table *table = &output->table;
    *table = (struct table){0};
    snprintf(output->level_text, sizeof output->level_text, "%g %%", 100 * output->level);
    bool sentences = output->form == PREDICT_SENTENCES;
    if (!sentences)
        table_column(table, "clip", TABLE_LEFT);
    table_column(table, "score", TABLE_RIGHT);
    table_column(table, "±", TABLE_RIGHT);
    table_column(table, output->level_text, TABLE_RIGHT);
    table_column(table, sentences ? "text" : "flow", TABLE_LEFT);
    table_rank(table, sentences ? TABLE_STAYS : 0);
    if (sentences)
        return;
    table_column(table, "missing", TABLE_LEFT);
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (has_modality(output, modality)) {
            table_column(table, valence_modality_names[modality], TABLE_RIGHT);
            table_rank(table, 1);
        }
    for (int view = 0; view < VALENCE_N_VIEWS; view++)
        if (has_view(output, view)) {
            table_column(table, view_heading(view), TABLE_RIGHT);
            table_rank(table, 2);
        }
}

/* The score within the labels' range, with the network's beside it where that is another. */
static void score_cell(struct table *table, const struct valence_prediction *p)
{
    const char *mark = p->outside ? " !" : "";
    if (isnan(p->score))
        table_cell(table, "-");
    else if (p->score != p->raw_score)
        table_cell(table, "%+.3f (raw %+.3f)%s", (double)p->score, (double)p->raw_score, mark);
    else
        table_cell(table, "%+.3f%s", (double)p->score, mark);
}

static void add_row(struct predict_output *output, const struct valence_prediction *p)
{
    struct table *table = &output->table;
    char missing[32];
    if (p->n_classes) {
        add_class_row(output, p);
        return;
    }
    if (output->form == PREDICT_SENTENCES) {
        score_cell(table, p);
        estimate_cells(table, &p->estimate, 2);
        table_cell(table, "%s", id_of(output, p));
        return;
    }
    format_missing(missing, p->missing & valence_model_modalities(output->model), "-");
    table_cell(table, "%s", id_of(output, p));
    score_cell(table, p);
    estimate_cells(table, &p->estimate, 2);
    table_cell(table, "%s", valence_flow_name(p->flow));
    table_cell(table, "%s", missing);
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (has_modality(output, modality))
            table_cell(table, "%.2f", (double)p->modality_weights[modality]);
    for (int view = 0; view < VALENCE_N_VIEWS; view++)
        if (has_view(output, view))
            table_cell(table, "%.2f", (double)p->view_weights[view]);
}

static void receive_row(struct predict_output *output, const struct valence_prediction *p)
{
    if (output->n_rows == TABLE_ROWS) {
        output->table.is_continued = true;
        table_print(&output->table, stdout);
        putchar('\n');
        begin_table(output);
        output->n_rows = 0;
    }
    add_row(output, p);
    output->n_rows++;
}

static void note_columns(struct predict_output *output)
{
    struct table *table = &output->table;
    if (n_classes_of(output)) {
        table_note(table, "class: the most probable one, followed by the probabilities of all.");
        return;
    }
    table_note(table,
               "±: the expected error. %s: the interval of %s coverage for clips like the "
               "validation clips. -: the model is not calibrated for such clips.",
               output->level_text, output->level_text);
    if (output->form == PREDICT_TABLE)
        table_note(table, "audio, text, video: the weights of the modalities. fused to v: those of "
                          "the query views.");
}

static void note_counts(struct predict_output *output,
                        const struct valence_prediction_counts *counts)
{
    struct table *table = &output->table;
    if (counts->n_outside)
        table_note(table,
                   "!: WARNING: %" PRId64 " %s unlike the training data; such scores mean little",
                   counts->n_outside, valence_plural(counts->n_outside, "clip is", "clips are"));
    if (counts->n_unscored)
        table_note(table, "WARNING: %" PRId64 " %s values that are too large to score",
                   counts->n_unscored,
                   valence_plural(counts->n_unscored, "clip has", "clips have"));
    if (counts->n_untrained)
        table_note(table, "The model was not trained with this flow.");
    if (counts->n_unfitting)
        table_note(table,
                   "%" PRId64
                   " %s more modalities than the flow misses: the model was trained with no flow "
                   "that fits, so the others are left out, not imagined",
                   counts->n_unfitting,
                   valence_plural(counts->n_unfitting, "clip lacks", "clips lack"));
    if (counts->n_empty)
        table_note(table, "skipped: %" PRId64 " %s without features that the model reads",
                   counts->n_empty, valence_plural(counts->n_empty, "clip", "clips"));
    if (counts->n_cut)
        table_note(table, "cut to %" PRId64 " rows: %" PRId64 " %s", output->max_rows,
                   counts->n_cut, valence_plural(counts->n_cut, "clip", "clips"));
}

/* ---- CSV ---- */

static void begin_csv(const struct predict_output *output)
{
    if (n_classes_of(output)) {
        fputs("id,class,outside,novelty,flow,missing", stdout);
        for (int c = 0; c < n_classes_of(output); c++) {
            char name[VALENCE_CLASS_NAME_BYTES + 16];
            snprintf(name, sizeof name, "p_%s", valence_model_class_name(output->model, c));
            putchar(',');
            valence_write_csv_field(stdout, name);
        }
        putchar('\n');
        return;
    }
    printf("id,score,raw_score,expected_error,low,high,outside,novelty,flow,missing");
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (has_modality(output, modality))
            printf(",weight_%s", valence_modality_names[modality]);
    for (int view = 0; view < VALENCE_N_VIEWS; view++)
        if (has_view(output, view))
            printf(",view_%s", valence_view_names[view]);
    putchar('\n');
}

static void write_class_csv(const struct predict_output *output, const struct valence_prediction *p)
{
    char missing[32];
    format_missing(missing, p->missing & valence_model_modalities(output->model), "");
    valence_write_csv_field(stdout, id_of(output, p));
    putchar(',');
    valence_write_csv_field(stdout, class_of(output, p));
    printf(",%d", p->outside);
    print_csv_number((double)p->novelty);
    printf(",%s,%s", valence_flow_name(p->flow), missing);
    for (int c = 0; c < p->n_classes; c++)
        print_csv_number(isnan(p->score) ? NAN : (double)p->probabilities[c]);
    putchar('\n');
}

static void write_csv(const struct predict_output *output, const struct valence_prediction *p)
{
    if (p->n_classes) {
        write_class_csv(output, p);
        return;
    }
    const double numbers[] = {(double)p->score, (double)p->raw_score, p->estimate.error,
                              p->estimate.low, p->estimate.high};
    char missing[32];
    format_missing(missing, p->missing & valence_model_modalities(output->model), "");
    valence_write_csv_field(stdout, id_of(output, p));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        print_csv_number(numbers[i]);
    printf(",%d", p->outside);
    print_csv_number((double)p->novelty);
    printf(",%s,%s", valence_flow_name(p->flow), missing);
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (has_modality(output, modality))
            print_csv_number((double)p->modality_weights[modality]);
    for (int view = 0; view < VALENCE_N_VIEWS; view++)
        if (has_view(output, view))
            print_csv_number((double)p->view_weights[view]);
    putchar('\n');
}

/* ---- JSON ---- */

static json_t *models_to_json(const struct valence_run *run)
{
    json_t *array = json_array();
    for (int i = 0; i < valence_run_n_models(run); i++)
        json_array_append_new(array, json_pack("{s:s, s:s}", "name", valence_run_model_name(run, i),
                                               "checkpoint", valence_run_model_path(run, i)));
    return array;
}

static void begin_json(const struct predict_output *output)
{
    print_json_head();
    print_json_member("run", json_string(output->run_path));
    print_json_member("models", models_to_json(output->run));
    if (output->store)
        print_json_member("store", json_string(output->store));
    print_json_member("level", json_real(output->level));
    print_command_member();
    fputs("  \"clips\": [", stdout);
}

static json_t *missing_to_json(unsigned missing)
{
    json_t *array = json_array();
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (missing & VALENCE_BIT(modality))
            json_array_append_new(array, json_string(valence_modality_names[modality]));
    return array;
}

static json_t *weights_to_json(const struct predict_output *output,
                               bool (*has)(const struct predict_output *, int),
                               const char *const *names, const float *values, int n)
{
    json_t *object = json_object();
    for (int i = 0; i < n; i++)
        if (has(output, i))
            json_object_set_new(object, names[i], json_number((double)values[i]));
    return object;
}

/* null of a model of scores, and of a clip without a score */
static json_t *probabilities_to_json(const struct predict_output *output,
                                     const struct valence_prediction *p)
{
    json_t *object = p->n_classes && !isnan(p->score) ? json_object() : json_null();
    for (int c = 0; c < p->n_classes && json_is_object(object); c++)
        json_object_set_new(object, valence_model_class_name(output->model, c),
                            json_number((double)p->probabilities[c]));
    return object;
}

static void write_class_clip(const struct predict_output *output,
                             const struct valence_prediction *p)
{
    print_json_value(
        json_pack("{s:s, s:o, s:o, s:b, s:o, s:s, s:o}", "id", id_of(output, p), "class",
                  isnan(p->score) ? json_null() : json_string(class_of(output, p)), "probabilities",
                  probabilities_to_json(output, p), "outside", p->outside, "novelty",
                  json_number((double)p->novelty), "flow", valence_flow_name(p->flow), "missing",
                  missing_to_json(p->missing & valence_model_modalities(output->model))));
}

static void write_clip(const struct predict_output *output, const struct valence_prediction *p,
                       bool first)
{
    fputs(first ? "\n    " : ",\n    ", stdout);
    if (p->n_classes) {
        write_class_clip(output, p);
        return;
    }
    print_json_value(json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:s, s:o, s:o, s:o}", "id", id_of(output, p),
        "score", json_number((double)p->score), "raw_score", json_number((double)p->raw_score),
        "expected_error", json_number(p->estimate.error), "low", json_number(p->estimate.low),
        "high", json_number(p->estimate.high), "outside", p->outside, "novelty",
        json_number((double)p->novelty), "flow", valence_flow_name(p->flow), "missing",
        missing_to_json(p->missing & valence_model_modalities(output->model)), "modality_weights",
        weights_to_json(output, has_modality, valence_modality_names, p->modality_weights,
                        VALENCE_N_MODALITIES),
        "view_weights",
        weights_to_json(output, has_view, valence_view_names, p->view_weights, VALENCE_N_VIEWS)));
}

static void finish_json(const struct valence_prediction_counts *counts)
{
    fputs(counts->n ? "\n  ],\n" : "],\n", stdout);
    print_json_member("trained", json_boolean(counts->n_untrained == 0));
    print_json_member("outside_training_data", json_integer(counts->n_outside));
    print_json_member("beyond_label_range", json_integer(counts->n_beyond));
    print_json_member("without_score", json_integer(counts->n_unscored));
    print_json_member("lacking_more_than_the_flow", json_integer(counts->n_unfitting));
    print_json_member("skipped_without_features", json_integer(counts->n_empty));
    print_json_member("cut", json_integer(counts->n_cut));
    printf("  \"n\": %" PRId64 "\n}\n", counts->n);
}

/* ---- All forms ---- */

/* Before the first clip, so that an error before it leaves the output empty. */
static void begin(struct predict_output *output)
{
    output->begun = true;
    if (output->form == PREDICT_CSV)
        begin_csv(output);
    else if (output->form == PREDICT_JSON)
        begin_json(output);
    else
        begin_table(output);
}

int predict_output_receive(void *user, const struct valence_prediction *prediction)
{
    struct predict_output *output = user;
    bool first = !output->begun;
    if (first)
        begin(output);
    if (output->form == PREDICT_CSV)
        write_csv(output, prediction);
    else if (output->form == PREDICT_JSON)
        write_clip(output, prediction, first);
    else
        receive_row(output, prediction);
    return ferror(stdout); /* a reader that went away, a full disk: main() says so */
}

void predict_output_finish(struct predict_output *output,
                           const struct valence_prediction_counts *counts)
{
    if (!output->begun)
        begin(output);
    if (output->form == PREDICT_JSON)
        finish_json(counts);
    if (output->form != PREDICT_TABLE && output->form != PREDICT_SENTENCES)
        return;
    if (output->form == PREDICT_TABLE || counts->n_outside)
        note_columns(output);
    note_counts(output, counts);
    table_print(&output->table, stdout);
}
