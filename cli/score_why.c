#include "score_why.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "terminal.h"

void score_format_time(char text[32], double seconds)
{
    int64_t tenths = llrint(10 * (seconds > 0 ? seconds : 0));
    int64_t hours = tenths / 36000, minutes = tenths / 600 % 60;
    if (hours)
        snprintf(text, 32, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, minutes,
                 tenths / 10 % 60);
    else
        snprintf(text, 32, "%" PRId64 ":%02" PRId64 ".%" PRId64, minutes, tenths / 10 % 60,
                 tenths % 10);
}

void score_number_cell(struct table *table, const char *format, double value)
{
    char text[64];
    snprintf(text, sizeof text, format, value);
    table_cell(table, "%s", isnan(value) ? "-" : text);
}

/* A word, and what it adds to the score. */
static void print_word(const char *word, double adds)
{
    enum terminal_style style = isnan(adds)    ? STYLE_PLAIN
                                : adds >= 0.1  ? STYLE_POSITIVE
                                : adds <= -0.1 ? STYLE_NEGATIVE
                                               : STYLE_PLAIN;
    fputs(terminal_style(stdout, style), stdout);
    print_clean(stdout, word);
    if (!isnan(adds))
        printf(" %+.2f", adds);
    fputs(terminal_style(stdout, STYLE_PLAIN), stdout);
}

static void print_words(const struct valence_scored_segment *is)
{
    const double *without = is->explanation->without_word;
    int columns = terminal_columns(stdout), at = 0;
    for (int64_t i = 0; i < is->n_words; i++) {
        int width = display_width(is->words[i].text) + 6;
        if (at && at + 2 + width > columns) {
            fputs("\n", stdout);
            at = 0;
        }
        at += printf("%s", at ? ", " : "  ") + width;
        print_word(is->words[i].text, is->score - without[i]);
    }
    putchar('\n');
}

void score_print_explanation(const struct valence_scored_segment *is)
{
    char start[32];
    score_format_time(start, is->start);
    if (is->end > is->start)
        printf("%s", start);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (!isnan(is->explanation->without[m]))
            printf("  without %s %+.2f", valence_modality_names[m], is->explanation->without[m]);
    putchar('\n');
    if (is->explanation->without_word)
        print_words(is);
}

void score_print_meaning(bool has_modalities)
{
    printf("\nWhat each word adds to the score (the score less that without the word)%s:\n",
           has_modalities ? ", and the score without a modality" : "");
}

void score_print_explanations(const struct valence_recording_score *score, bool has_modalities)
{
    score_print_meaning(has_modalities);
    for (int64_t i = 0; i < score->n_segments; i++)
        if (score->segments[i].explanation)
            score_print_explanation(&score->segments[i]);
}

/* The expression with the highest mean probability. */
static void expression_cell(struct table *table, const struct valence_signals *signals)
{
    int best = 0;
    for (int e = 1; e < VALENCE_FACE_EXPRESSIONS; e++)
        if (signals->expressions[e] > signals->expressions[best])
            best = e;
    if (isnan(signals->expressions[best]))
        table_cell(table, "-");
    else
        table_cell(table, "%s %.0f %%", valence_face_expression_names[best],
                   100 * signals->expressions[best]);
}

void score_print_signals(const struct valence_recording_score *score)
{
    static const char *const headings[] = {"pitch", "range", "voiced", "energy", "words/s", "face"};
    struct table table = {.title = "Observed, not scored"};
    table_column(&table, "time", TABLE_RIGHT);
    for (int i = 0; i < 6; i++)
        table_column(&table, headings[i], TABLE_RIGHT);
    table_column(&table, "expression", TABLE_LEFT);
    for (int64_t i = 0; i < score->n_segments; i++) {
        const struct valence_signals *signals = score->segments[i].signals;
        char start[32];
        if (!signals)
            continue;
        score_format_time(start, score->segments[i].start);
        table_cell(&table, "%s", start);
        score_number_cell(&table, "%.0f", signals->pitch_hz);
        score_number_cell(&table, "%.1f", signals->pitch_range);
        score_number_cell(&table, "%.0f", 100 * signals->voiced);
        score_number_cell(&table, "%.1f", signals->energy_db);
        score_number_cell(&table, "%.1f", signals->words_per_second);
        score_number_cell(&table, "%.0f", 100 * signals->face_coverage);
        expression_cell(&table, signals);
    }
    table_note(&table, "Pitch: median in Hz, and its range in semitones. Voiced: %% of the sound. "
                       "Energy: dB below full scale. Face: %% of the pictures.");
    putchar('\n');
    table_print(&table, stdout);
}
