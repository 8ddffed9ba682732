#include "score_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metric_text.h"
#include "score_why.h"
#include "terminal.h"
#include "valence/score_formats.h"
#include "valence/text.h"

/* A table of texts is printed when it has this many rows, and the next one begun. */
#define TABLE_ROWS 1000

/* "text", "audio text", or `none`. */
static void format_modalities(char text[32], unsigned modalities, const char *none)
{
    text[0] = '\0';
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (modalities & VALENCE_BIT(m)) {
            size_t used = strlen(text);
            snprintf(text + used, 32 - used, "%s%s", used ? " " : "", valence_modality_names[m]);
        }
    if (!modalities)
        snprintf(text, 32, "%s", none);
}

static unsigned reads(const struct score_output *output)
{
    return valence_model_modalities(valence_scorer_model(output->scorer));
}

static bool has_several_modalities(const struct score_output *output)
{
    unsigned set = reads(output);
    return (set & (set - 1)) != 0;
}

/* ---- Cells ---- */

static bool has_classes(const struct score_output *output)
{
    return valence_model_get_config(valence_scorer_model(output->scorer))->n_classes > 0;
}

static float largest(const float *probabilities)
{
    float most = probabilities[0];
    for (int c = 1; c < VALENCE_MAX_CLASSES; c++)
        most = fmaxf(most, probabilities[c]);
    return most;
}

static void score_cell(struct table *table, const struct valence_scored_segment *is)
{
    if (isnan(is->score))
        table_cell(table, "-");
    else if (is->class_name)
        table_cell(table, "%s%s", is->class_name, is->outside ? " !" : "");
    else
        table_cell(table, "%+.2f%s", is->score, is->outside ? " !" : "");
}

/* ---- The table of segments ---- */

static void begin_table(struct score_output *output, struct table *table, bool has_times,
                        const char *what)
{
    snprintf(output->level_text, sizeof output->level_text, "%g %%", 100 * output->level);
    if (what)
        table_column(table, what, TABLE_LEFT);
    if (has_times)
        table_column(table, "time", TABLE_RIGHT);
    if (has_classes(output)) {
        table_column(table, "class", TABLE_LEFT);
        table_column(table, "probability", TABLE_RIGHT);
    } else {
        table_column(table, "score", TABLE_RIGHT);
        table_column(table, "±", TABLE_RIGHT);
        table_column(table, output->level_text, TABLE_RIGHT);
    }
    if (has_several_modalities(output)) {
        table_column(table, "missing", TABLE_LEFT);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            if (reads(output) & VALENCE_BIT(m))
                table_column(table, valence_modality_names[m], TABLE_RIGHT);
    }
    table_column(table, has_several_modalities(output) ? "words" : "text", TABLE_LEFT);
}

static void add_row(struct score_output *output, struct table *table, bool has_times,
                    const struct valence_scored_segment *is)
{
    char start[32], missing[32];
    if (has_times) {
        score_format_time(start, is->start);
        table_cell(table, "%s", start);
    }
    score_cell(table, is);
    if (has_classes(output))
        score_number_cell(table, "%.2f", (double)largest(is->probabilities));
    else
        estimate_cells(table, &is->estimate, 1);
    if (has_several_modalities(output)) {
        format_modalities(missing, is->missing, "-");
        table_cell(table, "%s", *is->reason ? "" : missing);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            if (reads(output) & VALENCE_BIT(m))
                score_number_cell(table, "%.2f",
                                  *is->reason ? (double)NAN : is->modality_weights[m]);
    }
    table_cell(table, "%s", *is->text ? is->text : *is->reason ? is->reason : "");
    output->n_outside += is->outside;
}

/* ---- The table of a recording ---- */

static void note_unused(const struct score_output *output, struct table *table,
                        const struct valence_recording_score *score)
{
    unsigned used = valence_scorer_modalities(output->scorer);
    bool sound = score->has_sound && !(used & VALENCE_BIT(VALENCE_AUDIO));
    bool face = score->has_pictures && !(used & VALENCE_BIT(VALENCE_VIDEO));
    char read[32];
    format_modalities(read, used, "");
    if (sound || face)
        table_note(table,
                   "%s %s there but %s not used: this model reads %s alone. A model that you train "
                   "on the streams of 'valence extract' uses them.",
                   sound && face ? "Voice and face"
                   : sound       ? "The voice"
                                 : "The face",
                   sound && face ? "are" : "is", sound && face ? "are" : "is",
                   used == VALENCE_BIT(VALENCE_TEXT) ? "words" : read);
}

static void note_words(const struct score_output *output, struct table *table,
                       const struct valence_recording_score *score)
{
    double confidence = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < score->n_segments; i++)
        if (score->segments[i].words_from == VALENCE_WORDS_RECOGNISED &&
            !isnan(score->segments[i].confidence)) {
            confidence += score->segments[i].confidence;
            n++;
        }
    if (n)
        table_note(table, "The words were recognised%s%s, with a mean confidence of %.0f %%.",
                   *score->language ? " in language " : "", score->language,
                   100 * confidence / (double)n);
    if (output->for_english && *score->language && strcmp(score->language, "en") != 0)
        table_note(table,
                   "WARNING: this model was trained on English. For language %s its scores mean "
                   "little, and its intervals do not hold.",
                   score->language);
}

static void note_score(struct table *table, const struct valence_recording_score *score)
{
    if (score->n_segments > 1 && score->class_name)
        table_note(table, "The whole: %s, with a mean probability of %.2f, weighted by %s.",
                   score->class_name, (double)largest(score->probabilities),
                   score->seconds > 0 ? "duration" : "words");
    else if (score->n_segments > 1)
        table_note(table,
                   "The whole: %+.2f, the mean weighted by %s; spread (sd) %.2f, from %+.2f to "
                   "%+.2f.",
                   score->score, score->seconds > 0 ? "duration" : "words", score->spread,
                   score->lowest, score->highest);
    if (score->n_unscored)
        table_note(table, "-: %" PRId64 " of %" PRId64 " segments have no score (%s).",
                   score->n_unscored, score->n_segments, "see 'text'");
    if (*score->warning)
        table_note(table, "WARNING: %s; valence uses the readable part.", score->warning);
    if (score->resumed_seconds > 0) {
        char until[32];
        score_format_time(until, score->resumed_seconds);
        table_note(table, "Up to %s, the scores are those of the call that was interrupted.",
                   until);
    }
    if (score->seconds > 0 && score->work_seconds > 0)
        table_note(table, "%.1f s of recording in %.1f s (%.1f x real time).", score->seconds,
                   score->work_seconds, score->seconds / score->work_seconds);
}

static void write_table(struct score_output *output, const char *id,
                        const struct valence_recording_score *score)
{
    struct table table = {.title = id};
    bool has_times = score->seconds > 0;
    if (output->n > 1)
        putchar('\n');
    begin_table(output, &table, has_times, NULL);
    for (int64_t i = 0; i < score->n_segments; i++)
        add_row(output, &table, has_times, &score->segments[i]);
    note_score(&table, score);
    note_words(output, &table, score);
    note_unused(output, &table, score);
    table_print(&table, stdout);
    if (output->signals)
        score_print_signals(score);
    if (output->explain)
        score_print_explanations(score, has_several_modalities(output));
}

/* ---- JSON ---- */

/* The first failure is kept for the end. */
static void take_status(struct score_output *output, int status, const struct valence_error *error)
{
    if (status && !output->error.status)
        output->error = *error;
}

/* The same result for the page, if there is to be one. */
static void add_to_report(struct score_output *output, const char *id, const char *file,
                          const struct valence_recording_score *score)
{
    struct valence_error error;
    if (!output->report || output->error.status)
        return;
    output->n_reported++;
    take_status(output, valence_score_report_add(output->report, id, file, score, NULL, &error),
                &error);
}

static void begin_json(struct score_output *output)
{
    struct valence_error error;
    take_status(
        output,
        valence_score_json_open(stdout, output->scorer, output->model, &output->json, &error),
        &error);
}

static void write_json_entry(struct score_output *output, const char *id,
                             const struct valence_recording_score *score, const char *why)
{
    struct valence_error error;
    if (output->json)
        take_status(output,
                    score ? valence_score_json_add(output->json, id, score, &error)
                          : valence_score_json_add_failure(output->json, id, why, &error),
                    &error);
}

/* ---- All forms ---- */

static void begin(struct score_output *output)
{
    bool first = !output->begun;
    output->begun = true;
    output->n++;
    if (first && output->form == SCORE_FORM_CSV)
        valence_score_write_csv_head(stdout, output->scorer);
    else if (first && output->form == SCORE_FORM_JSON)
        begin_json(output);
    else if (first && output->form == SCORE_FORM_VTT)
        fputs("WEBVTT\n\n", stdout);
}

static void write_recording(struct score_output *output, const char *id,
                            const struct valence_recording_score *score)
{
    begin(output);
    if (output->form == SCORE_FORM_TABLE)
        write_table(output, id, score);
    else if (output->form == SCORE_FORM_JSON)
        write_json_entry(output, id, score, NULL);
    else if (output->form == SCORE_FORM_CSV)
        for (int64_t i = 0; i < score->n_segments; i++)
            valence_score_write_csv_row(stdout, output->scorer, id, &score->segments[i], i + 1);
    else
        valence_score_write_cues(stdout, score, output->form == SCORE_FORM_VTT);
}

void score_output_recording(struct score_output *output, const char *id, const char *file,
                            const struct valence_recording_score *score)
{
    write_recording(output, id, score);
    add_to_report(output, id, file, score);
}

/* The texts' table, as far as it has come. */
static void flush_table(struct score_output *output)
{
    if (output->n_rows)
        table_print(&output->table, stdout);
    output->table = (struct table){0};
    output->n_rows = 0;
}

void score_output_text(struct score_output *output, const char *id,
                       const struct valence_scored_segment *segment)
{
    /* As a recording of one segment. */
    const bool scored = !segment->class_name;
    struct valence_recording_score score = {.score = segment->score,
                                            .spread = scored ? 0 : (double)NAN,
                                            .lowest = scored ? segment->score : (double)NAN,
                                            .highest = scored ? segment->score : (double)NAN,
                                            .class_name = segment->class_name,
                                            .n_segments = 1,
                                            .n_unscored = isnan(segment->score),
                                            .segments = segment,
                                            .language = "",
                                            .warning = ""};
    memcpy(score.probabilities, segment->probabilities, sizeof score.probabilities);
    add_to_report(output, id ? id : segment->text, NULL, &score);
    if (output->form != SCORE_FORM_TABLE) {
        write_recording(output, id ? id : segment->text, &score);
        return;
    }
    begin(output);
    if (output->n_rows == TABLE_ROWS)
        flush_table(output);
    if (output->n_rows++ == 0)
        begin_table(output, &output->table, false, id ? "id" : NULL);
    if (id)
        table_cell(&output->table, "%s", id);
    add_row(output, &output->table, false, segment);
    if (output->explain) {
        flush_table(output);
        if (output->n == 1)
            score_print_meaning(has_several_modalities(output));
        if (segment->explanation)
            score_print_explanation(segment);
    }
}

void score_output_failure(struct score_output *output, const char *id, const char *why)
{
    struct valence_error error;
    if (output->report)
        take_status(output, valence_score_report_add_failure(output->report, id, why, &error),
                    &error);
    if (output->form != SCORE_FORM_JSON)
        return;
    begin(output);
    write_json_entry(output, id, NULL, why);
}

void score_output_line(struct score_output *output, const struct valence_scored_segment *is)
{
    char start[32];
    if (output->form == SCORE_FORM_JSON) { /* a document a line: there is no end to wait for */
        struct valence_error error;
        take_status(output, valence_score_json_segment(stdout, output->scorer, is, &error), &error);
    } else if (output->form == SCORE_FORM_CSV) {
        begin(output);
        valence_score_write_csv_row(stdout, output->scorer, "-", is, is->index + 1);
    } else {
        score_format_time(start, is->start);
        printf("%8s  ", start);
        if (isnan(is->score))
            fputs("    -  ", stdout);
        else if (is->class_name)
            printf("%s  ", is->class_name);
        else
            printf("%+5.2f  ", is->score);
        print_clean(stdout, *is->text ? is->text : is->reason);
        putchar('\n');
    }
    fflush(stdout);
}

/* Only if everything was scored that could be. */
static void finish_report(struct score_output *output)
{
    struct valence_error error;
    struct valence_score_report *report = output->report;
    output->report = NULL;
    if (!report || output->stopped || output->error.status || output->n_reported == 0)
        valence_score_report_abort(report);
    else
        take_status(output, valence_score_report_commit(report, &error), &error);
}

int score_output_finish(struct score_output *output, struct valence_error *error)
{
    flush_table(output);
    if (output->form == SCORE_FORM_TABLE && output->n_outside)
        printf(
            "!: WARNING: %" PRId64
            " %s unlike the training data: another language, code, noise? %s scores mean little\n",
            output->n_outside, valence_plural(output->n_outside, "segment is", "segments are"),
            valence_plural(output->n_outside, "Its", "Their"));
    if (output->form == SCORE_FORM_JSON && !output->begun)
        begin_json(output);
    valence_score_json_close(output->json);
    output->json = NULL;
    finish_report(output);
    *error = output->error;
    return output->error.status;
}
