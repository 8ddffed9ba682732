#include "valence/score_formats.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "valence/text.h"

static bool reads(const struct valence_scorer *scorer, int modality)
{
    return (valence_model_modalities(valence_scorer_model(scorer)) & VALENCE_BIT(modality)) != 0;
}

/* ---- CSV ---- */

static void write_number(FILE *stream, double value)
{
    fputc(',', stream);
    if (isfinite(value))
        valence_write_csv_number(stream, (float)value);
}

/* "audio text" */
static void write_modalities(FILE *stream, unsigned modalities)
{
    const char *before = "";
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (modalities & VALENCE_BIT(m)) {
            fprintf(stream, "%s%s", before, valence_modality_names[m]);
            before = " ";
        }
}

static int n_classes(const struct valence_scorer *scorer)
{
    return (int)valence_model_get_config(valence_scorer_model(scorer))->n_classes;
}

void valence_score_write_csv_head(FILE *stream, const struct valence_scorer *scorer)
{
    fputs(n_classes(scorer) ? "id,class" : "id,score,low,high,expected_error,raw_score", stream);
    fputs(",outside,novelty,flow,missing,segment,start,end,words_from,text,reason", stream);
    for (int c = 0; c < n_classes(scorer); c++) {
        char heading[VALENCE_CLASS_NAME_BYTES + 2];
        snprintf(heading, sizeof heading, "p_%s",
                 valence_model_class_name(valence_scorer_model(scorer), c));
        fputc(',', stream);
        valence_write_csv_field(stream, heading);
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (reads(scorer, m))
            fprintf(stream, ",weight_%s", valence_modality_names[m]);
    fputc('\n', stream);
}

void valence_score_write_csv_row(FILE *stream, const struct valence_scorer *scorer, const char *id,
                                 const struct valence_scored_segment *is, int64_t number)
{
    const double numbers[] = {is->score, is->estimate.low, is->estimate.high, is->estimate.error,
                              is->raw_score};
    const size_t n_numbers = n_classes(scorer) ? 0 : sizeof numbers / sizeof numbers[0];
    const bool has_times = is->end > is->start, is_scored = !*is->reason;
    valence_write_csv_field(stream, id);
    for (size_t i = 0; i < n_numbers; i++)
        write_number(stream, numbers[i]);
    if (n_classes(scorer)) {
        fputc(',', stream);
        valence_write_csv_field(stream, is->class_name ? is->class_name : "");
    }
    fprintf(stream, ",%d", is->outside);
    write_number(stream, is->novelty);
    fprintf(stream, ",%s,", is_scored ? valence_flow_name(is->flow) : "");
    write_modalities(stream, is_scored ? is->missing : 0);
    fprintf(stream, ",%" PRId64, number);
    write_number(stream, has_times ? is->start : (double)NAN);
    write_number(stream, has_times ? is->end : (double)NAN);
    fprintf(stream, ",%s,", valence_word_source_names[is->words_from]);
    valence_write_csv_field(stream, is->text);
    fputc(',', stream);
    valence_write_csv_field(stream, is->reason);
    for (int c = 0; c < n_classes(scorer); c++)
        write_number(stream, (double)is->probabilities[c]);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (reads(scorer, m))
            write_number(stream, is_scored ? is->modality_weights[m] : (double)NAN);
    fputc('\n', stream);
}

/* ---- Subtitles and text ---- */

/* Or the class. */
static void write_score(FILE *stream, const struct valence_scored_segment *is)
{
    char number[NUMBER_TEXT_BYTES] = "-";
    if (!isnan(is->score))
        format_signed(is->score, 1, number);
    fputs(is->class_name ? is->class_name : number, stream);
}

static void write_time(FILE *stream, double seconds, char separator)
{
    int64_t ms = llrint((seconds > 0 ? seconds : 0) * 1000);
    fprintf(stream, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%c%03" PRId64, ms / 3600000,
            ms / 60000 % 60, ms / 1000 % 60, separator, ms % 1000);
}

/* WebVTT has tags and entities, SubRip tags; a cue's text may not hold "-->" either. */
static void write_cue_word(FILE *stream, const char *word, bool is_vtt)
{
    fputc(' ', stream);
    for (; *word; word++)
        if (is_vtt && *word == '&')
            fputs("&amp;", stream);
        else if (is_vtt && *word == '<')
            fputs("&lt;", stream);
        else if (is_vtt && *word == '>')
            fputs("&gt;", stream);
        else if (!is_vtt && strncmp(word, "-->", 3) == 0)
            fputs("- ", stream);
        else
            fputc((unsigned char)*word < ' ' ? '?' : *word, stream);
}

void valence_score_write_cues(FILE *stream, const struct valence_recording_score *score,
                              bool is_vtt)
{
    for (int64_t i = 0; i < score->n_segments; i++) {
        const struct valence_scored_segment *is = &score->segments[i];
        if (!is_vtt)
            fprintf(stream, "%" PRId64 "\n", i + 1);
        write_time(stream, is->start, is_vtt ? '.' : ',');
        fputs(" --> ", stream);
        write_time(stream, is->end, is_vtt ? '.' : ',');
        fputc('\n', stream);
        write_score(stream, is);
        for (int64_t w = 0; w < is->n_words; w++)
            write_cue_word(stream, is->words[w].text, is_vtt);
        fputs("\n\n", stream);
    }
}

void valence_score_write_text(FILE *stream, const struct valence_recording_score *score)
{
    for (int64_t i = 0; i < score->n_segments; i++) {
        const struct valence_scored_segment *is = &score->segments[i];
        write_score(stream, is);
        fputc('\t', stream);
        for (const char *at = *is->text ? is->text : is->reason; *at; at++)
            fputc((unsigned char)*at < ' ' ? ' ' : *at, stream);
        fputc('\n', stream);
    }
}
