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

/* ---- What it rests on ---- */

/* Lines of an explanation begin with what they show. */
#define LABEL_COLUMNS 8

static void print_label(const char *label)
{
    printf("  %-*s", LABEL_COLUMNS - 2, label);
}

/* Puts two blanks, or a new line where `width` more columns do not fit, before what is not the
 * first on its line; returns the column behind what follows. */
static int separate(int at, int width)
{
    if (at > LABEL_COLUMNS && at + 2 + width > terminal_columns(stdout)) {
        printf("\n%*s", LABEL_COLUMNS, "");
        at = LABEL_COLUMNS;
    } else if (at > LABEL_COLUMNS) {
        at += printf("  ");
    }
    return at + width;
}

/* A word, and what it adds to the score. */
static void print_addition(const char *word, double adds)
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

static void print_additions(const struct valence_scored_segment *is)
{
    const double *without = is->explanation->without_word;
    int at = LABEL_COLUMNS;
    print_label("adds");
    for (int64_t i = 0; i < is->n_words; i++) {
        at = separate(at, display_width(is->words[i].text) + 6);
        print_addition(is->words[i].text, is->score - without[i]);
    }
    putchar('\n');
}

/* ---- Attention ---- */

/* A bar of eight heights for a share of the largest weight, and the shade behind it. */
static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
#define N_BARS ((int)(sizeof bars / sizeof *bars))

static void print_bar(double share)
{
    int height = (int)(share * N_BARS);
    fputs(bars[height < 0 ? 0 : height < N_BARS ? height : N_BARS - 1], stdout);
}

static void shade(double share)
{
    int level = (int)(share * TERMINAL_SHADES);
    fputs(terminal_shade(stdout, level < TERMINAL_SHADES ? level : TERMINAL_SHADES - 1), stdout);
}

static void print_words(const struct valence_scored_segment *is)
{
    const double *attention = is->explanation->word_attention;
    double most = 1e-30;
    int at = LABEL_COLUMNS;
    print_label("words");
    for (int64_t i = 0; i < is->n_words; i++)
        most = fmax(most, attention[i]);
    for (int64_t i = 0; i < is->n_words; i++) {
        at = separate(at, display_width(is->words[i].text) + 1);
        shade(attention[i] / most);
        print_bar(attention[i] / most);
        print_clean(stdout, is->words[i].text);
        fputs(terminal_style(stdout, STYLE_PLAIN), stdout);
    }
    putchar('\n');
}

#define MOST_BARS 60

/* Rows that are more than fit a line are added up in even pieces. */
static void print_rows(const char *label, const struct valence_row_attention *rows)
{
    double sums[MOST_BARS] = {0}, most = 1e-30;
    int room = terminal_columns(stdout) - LABEL_COLUMNS;
    int64_t n = room < MOST_BARS ? room : MOST_BARS;
    n = rows->n < n ? rows->n : n;
    for (int64_t i = 0; i < rows->n; i++)
        sums[i * n / rows->n] += (double)rows->weights[i];
    for (int64_t i = 0; i < n; i++) { /* pieces of a row more or less */
        int64_t first = (i * rows->n + n - 1) / n, end = ((i + 1) * rows->n + n - 1) / n;
        sums[i] /= (double)(end - first);
        most = fmax(most, sums[i]);
    }
    print_label(label);
    for (int64_t i = 0; i < n; i++) {
        shade(sums[i] / most);
        print_bar(sums[i] / most);
        fputs(terminal_style(stdout, STYLE_PLAIN), stdout);
    }
    putchar('\n');
}

void score_print_explanation(const struct valence_scored_segment *is)
{
    const struct valence_explanation *why = is->explanation;
    char start[32];
    score_format_time(start, is->start);
    if (is->end > is->start)
        printf("%s", start);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (!isnan(why->without[m]))
            printf("  without %s %+.2f", valence_modality_names[m], why->without[m]);
    putchar('\n');
    if (why->word_attention)
        print_words(is);
    if (why->attention[VALENCE_AUDIO].n)
        print_rows("sound", &why->attention[VALENCE_AUDIO]);
    if (why->attention[VALENCE_VIDEO].n)
        print_rows("face", &why->attention[VALENCE_VIDEO]);
    if (why->without_word)
        print_additions(is);
}

void score_print_meaning(bool has_modalities)
{
    char text[512];
    snprintf(text, sizeof text,
             "What the scores rest on. Bars: where the network looked, each line relative to its "
             "largest weight. adds: the score minus the score without the word.%s",
             has_modalities ? " without: the score without that modality, in the flow that was "
                              "trained for it."
                            : "");
    putchar('\n');
    print_wrapped(stdout, text, 0, 0, terminal_columns(stdout));
}

void score_print_explanations(const struct valence_recording_score *score, bool has_modalities)
{
    score_print_meaning(has_modalities);
    for (int64_t i = 0; i < score->n_segments; i++)
        if (score->segments[i].explanation)
            score_print_explanation(&score->segments[i]);
}

/* ---- Signals ---- */

/* Texts have none. */
static bool has_signals(const struct valence_recording_score *score)
{
    for (int64_t i = 0; i < score->n_segments; i++)
        if (score->segments[i].signals)
            return true;
    return false;
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
    if (!has_signals(score))
        return;
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
