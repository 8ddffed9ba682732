#include "valence/transcript_formats.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/fail.h"
#include "base/text.h"
#include "format/csv_write.h"
#include "format/json_values.h"

#define JSON_FORM     (JSON_COMPACT | JSON_REAL_PRECISION(9))
#define MAX_JSON_TEXT ((size_t)256 << 20)

/* Whisper's text begins with a blank. */
static const char *without_blanks(const char *text)
{
    return text + strspn(text, " ");
}

/* "00:01:02,345", or with a point. */
static void write_time(FILE *stream, double seconds, char separator)
{
    int64_t ms = llrint((seconds > 0 ? seconds : 0) * 1000);
    fprintf(stream, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%c%03" PRId64, ms / 3600000,
            ms / 60000 % 60, ms / 1000 % 60, separator, ms % 1000);
}

/* ---- Text, SubRip, WebVTT ---- */

void valence_transcript_write_text(FILE *stream, const struct valence_transcript *transcript)
{
    for (int64_t i = 0; i < transcript->n_segments; i++)
        fprintf(stream, "%s\n", without_blanks(transcript->segments[i].text));
}

void valence_transcript_write_cues(FILE *stream, const struct valence_transcript *transcript,
                                   bool is_vtt)
{
    if (is_vtt)
        fputs("WEBVTT\n\n", stream);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        if (!is_vtt)
            fprintf(stream, "%" PRId64 "\n", i + 1);
        write_time(stream, segment->start, is_vtt ? '.' : ',');
        fputs(" --> ", stream);
        write_time(stream, segment->end, is_vtt ? '.' : ',');
        fprintf(stream, "\n%s\n\n", without_blanks(segment->text));
    }
}

/* ---- CSV ---- */

/* A number with so many decimals; nothing for NaN. */
static void write_fixed(FILE *stream, double value, int decimals)
{
    char text[NUMBER_TEXT_BYTES];
    if (isnan(value))
        return;
    format_signed(value, decimals, text);
    fputs(text + (text[0] == '+'), stream);
}

static void write_row(FILE *stream, const char *name, double start, double end, const char *text,
                      double confidence, const char *language)
{
    csv_write_quoted(stream, name);
    fputc(',', stream);
    write_fixed(stream, start, 3);
    fputc(',', stream);
    write_fixed(stream, end, 3);
    fputc(',', stream);
    csv_write_quoted(stream, text);
    fputc(',', stream);
    write_fixed(stream, confidence, 4);
    fprintf(stream, ",%s\n", language);
}

void valence_transcript_write_csv_head(FILE *stream)
{
    fputs("file,start,end,text,confidence,language\n", stream);
}

void valence_transcript_write_csv(FILE *stream, const char *name,
                                  const struct valence_transcript *transcript)
{
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        for (int64_t j = 0; j < segment->n_words; j++)
            write_row(stream, name, segment->words[j].start, segment->words[j].end,
                      segment->words[j].text, segment->words[j].confidence, transcript->language);
        if (segment->n_words == 0)
            write_row(stream, name, segment->start, segment->end, without_blanks(segment->text),
                      segment->confidence, transcript->language);
    }
}

/* ---- JSON ---- */

/* Whisper's own measure of repetition: bytes of the text over those of its zlib form. NULL where
 * memory is short. */
static json_t *compression_ratio(const char *text)
{
    size_t length = strlen(text);
    uLongf size = compressBound(length);
    unsigned char *packed = malloc(size ? size : 1);
    bool is_packed = packed && compress(packed, &size, (const Bytef *)text, length) == Z_OK;
    free(packed);
    return is_packed ? json_real(size > 0 ? (double)length / (double)size : 0) : NULL;
}

static json_t *words_to_json(const struct valence_speech_segment *segment)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < segment->n_words; i++) {
        const struct valence_word *word = &segment->words[i];
        json_push(&list, json_pack("{s:o,s:o,s:o,s:o}", "word", json_of_text(word->text), "start",
                                   json_of_number(word->start), "end", json_of_number(word->end),
                                   "probability", json_of_number(word->confidence)));
    }
    return list;
}

static json_t *segment_to_json(const struct valence_speech_segment *segment, int64_t id)
{
    json_t *tokens = json_array();
    for (int64_t i = 0; i < segment->n_tokens; i++)
        json_push(&tokens, json_integer(segment->tokens[i]));
    json_t *json = json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", (json_int_t)id, "start",
                             json_of_number(segment->start), "end", json_of_number(segment->end),
                             "text", json_of_text(segment->text), "tokens", tokens, "avg_logprob",
                             json_of_number(segment->avg_logprob), "compression_ratio",
                             compression_ratio(segment->text), "no_speech_prob",
                             json_of_number(segment->no_speech_prob), "confidence",
                             json_of_number(segment->confidence));
    if (json && segment->n_words > 0 &&
        json_object_set_new(json, "words", words_to_json(segment)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

/* Every segment's text, one after the other. */
static json_t *whole_text(const struct valence_transcript *transcript)
{
    struct text all = {.maximum = MAX_JSON_TEXT};
    text_append(&all, "", 0);
    for (int64_t i = 0; i < transcript->n_segments; i++)
        text_append(&all, transcript->segments[i].text, strlen(transcript->segments[i].text));
    json_t *json = all.failed ? NULL : json_of_text(all.data);
    text_free(&all);
    return json;
}

int valence_transcript_write_json(FILE *stream, const char *name, bool is_translation,
                                  const struct valence_transcript *transcript,
                                  struct valence_error *error)
{
    json_t *segments = json_array();
    for (int64_t i = 0; i < transcript->n_segments; i++)
        json_push(&segments, segment_to_json(&transcript->segments[i], i));
    json_t *root = json_pack("{s:o,s:s,s:o,s:o,s:o,s:o}", "file", json_of_text(name), "task",
                             is_translation ? "translate" : "transcribe", "language",
                             json_of_text(transcript->language), "duration",
                             json_of_number(transcript->duration), "text", whole_text(transcript),
                             "segments", segments);
    char *text = root ? json_dumps(root, JSON_FORM) : NULL;
    json_decref(root);
    if (!text)
        return fail_memory(error, 0, "the JSON of a transcript");
    fprintf(stream, "%s\n", text);
    free(text);
    return VALENCE_OK;
}
