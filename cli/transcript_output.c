#include "transcript_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "json_output.h"
#include "valence/error.h"
#include "valence/transcribe.h"

const char *const transcript_formats[] = {"text", "srt", "vtt", "json", "csv"};
const char *const transcript_endings[] = {".txt", ".srt", ".vtt", ".json", ".csv"};
enum format { TEXT, SRT, VTT, JSON, CSV };

static const char *without_blanks(const char *text)
{
    return text + strspn(text, " ");
}

/* "00:01:02,345", or with a point. */
static void print_time(FILE *stream, double seconds, char separator)
{
    int64_t ms = llrint((seconds > 0 ? seconds : 0) * 1000);
    fprintf(stream, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%c%03" PRId64, ms / 3600000,
            ms / 60000 % 60, ms / 1000 % 60, separator, ms % 1000);
}

/* ---- Text, SRT, VTT ---- */

static void write_text(FILE *stream, const struct valence_transcript *transcript)
{
    for (int64_t i = 0; i < transcript->n_segments; i++)
        fprintf(stream, "%s\n", without_blanks(transcript->segments[i].text));
}

static void write_subtitles(FILE *stream, const struct valence_transcript *transcript, bool is_vtt)
{
    if (is_vtt)
        fputs("WEBVTT\n\n", stream);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        if (!is_vtt)
            fprintf(stream, "%" PRId64 "\n", i + 1);
        print_time(stream, segment->start, is_vtt ? '.' : ',');
        fputs(" --> ", stream);
        print_time(stream, segment->end, is_vtt ? '.' : ',');
        fprintf(stream, "\n%s\n\n", without_blanks(segment->text));
    }
}

/* ---- CSV ---- */

static void print_quoted(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void print_row(FILE *stream, const char *name, double start, double end, const char *text,
                      double confidence, const char *language)
{
    print_quoted(stream, name);
    fprintf(stream, ",%.3f,%.3f,", start, end);
    print_quoted(stream, text);
    fprintf(stream, ",%.4f,%s\n", confidence, language);
}

/* A row a segment, or, with words, a row a word. */
static void write_csv(FILE *stream, const char *name, bool is_first,
                      const struct valence_transcript *transcript)
{
    if (is_first)
        fputs("file,start,end,text,confidence,language\n", stream);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        for (int64_t j = 0; j < segment->n_words; j++)
            print_row(stream, name, segment->words[j].start, segment->words[j].end,
                      segment->words[j].text, segment->words[j].confidence, transcript->language);
        if (segment->n_words == 0)
            print_row(stream, name, segment->start, segment->end, without_blanks(segment->text),
                      segment->confidence, transcript->language);
    }
}

/* ---- JSON ---- */

/* Whisper's own measure of repetition: bytes of the text over those of its zlib form. */
static double compression_ratio(const char *text)
{
    size_t length = strlen(text);
    uLongf size = compressBound(length);
    unsigned char *packed = malloc(size ? size : 1);
    bool is_packed = packed && compress(packed, &size, (const Bytef *)text, length) == Z_OK;
    free(packed);
    return is_packed && size > 0 ? (double)length / (double)size : 0;
}

static json_t *words_json(const struct valence_speech_segment *segment)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < segment->n_words; i++)
        json_array_append_new(list, json_pack("{s:s,s:f,s:f,s:f}", "word", segment->words[i].text,
                                              "start", segment->words[i].start, "end",
                                              segment->words[i].end, "probability",
                                              segment->words[i].confidence));
    return list;
}

static json_t *segment_json(const struct valence_speech_segment *segment, int64_t id)
{
    json_t *tokens = json_array();
    for (int64_t i = 0; i < segment->n_tokens; i++)
        json_array_append_new(tokens, json_integer(segment->tokens[i]));
    json_t *json = json_pack("{s:I,s:f,s:f,s:s,s:o,s:f,s:f,s:f,s:f}", "id", (json_int_t)id, "start",
                             segment->start, "end", segment->end, "text", segment->text, "tokens",
                             tokens, "avg_logprob", segment->avg_logprob, "compression_ratio",
                             compression_ratio(segment->text), "no_speech_prob",
                             segment->no_speech_prob, "confidence", segment->confidence);
    if (json && segment->n_words > 0)
        json_object_set_new(json, "words", words_json(segment));
    return json;
}

/* Every segment's text, one after the other; free() it. */
static char *join_text(const struct valence_transcript *transcript)
{
    size_t length = 0;
    for (int64_t i = 0; i < transcript->n_segments; i++)
        length += strlen(transcript->segments[i].text);
    char *all = calloc(1, length + 1), *end = all;
    for (int64_t i = 0; all && i < transcript->n_segments; i++)
        end = stpcpy(end, transcript->segments[i].text);
    return all;
}

json_t *transcript_to_json(const char *name, bool is_translation,
                           const struct valence_transcript *transcript)
{
    json_t *segments = json_array();
    char *text = join_text(transcript);
    for (int64_t i = 0; i < transcript->n_segments; i++)
        json_array_append_new(segments, segment_json(&transcript->segments[i], i));
    json_t *root = text ? json_pack("{s:s,s:s,s:s,s:f,s:s,s:O}", "file", name, "task",
                                    is_translation ? "translate" : "transcribe", "language",
                                    transcript->language, "duration", transcript->duration, "text",
                                    text, "segments", segments)
                        : NULL;
    json_decref(segments);
    free(text);
    return root;
}

int transcript_write(FILE *stream, int format, const char *name, bool is_first, bool is_translation,
                     const struct valence_transcript *transcript, struct valence_error *error)
{
    if (format == JSON)
        return write_json(stream, transcript_to_json(name, is_translation, transcript), error);
    if (format == TEXT)
        write_text(stream, transcript);
    else if (format == CSV)
        write_csv(stream, name, is_first, transcript);
    else
        write_subtitles(stream, transcript, format == VTT);
    return VALENCE_OK;
}
