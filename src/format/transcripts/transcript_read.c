/* Given transcripts: which format a file is in, and what is said in a range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/options.h"
#include "format/transcripts/transcript_formats.h"

const char *const valence_transcript_format_names[VALENCE_MAX_NAMES] = {
    "find", "text", "srt", "vtt", "textgrid", "csv", NULL};

void valence_transcript_read_options_default(struct valence_transcript_read_options *options)
{
    *options = (struct valence_transcript_read_options){.size = sizeof *options};
}

/* ---- The format ---- */

static bool begins_with(const struct text *text, const char *word)
{
    size_t n = strlen(word);
    return text->length >= n && memcmp(text->data, word, n) == 0;
}

/* Content that says what it is counts before the name's ending. */
static int find_format(const struct text *text, const char *name,
                       enum valence_transcript_format *format, struct valence_error *error)
{
    static const struct {
        const char *ending;
        enum valence_transcript_format format;
    } endings[] = {{".srt", VALENCE_TRANSCRIPT_SRT},           {".vtt", VALENCE_TRANSCRIPT_VTT},
                   {".textgrid", VALENCE_TRANSCRIPT_TEXTGRID}, {".csv", VALENCE_TRANSCRIPT_CSV},
                   {".tsv", VALENCE_TRANSCRIPT_CSV},           {".txt", VALENCE_TRANSCRIPT_TEXT}};
    if (begins_with(text, "WEBVTT"))
        *format = VALENCE_TRANSCRIPT_VTT;
    else if (begins_with(text, "File type = \"ooTextFile"))
        *format = VALENCE_TRANSCRIPT_TEXTGRID;
    if (*format != VALENCE_TRANSCRIPT_FIND)
        return VALENCE_OK;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (path_has_ending(name, endings[i].ending)) {
            *format = endings[i].format;
            return VALENCE_OK;
        }
    return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "format",
                    "%s: neither content nor name says what kind of transcript it is (.txt, .srt, "
                    ".vtt, .TextGrid, .csv or .tsv)",
                    name);
}

/* ---- Reading ---- */

/* Every line that is not blank is a segment without times. */
static int read_text(struct text_lines *lines, struct transcript_list *list,
                     struct valence_error *error)
{
    const char *start;
    size_t length;
    int status = VALENCE_OK;
    while (!status && text_lines_next(lines, &start, &length)) {
        for (; length > 0 && text_is_blank(start, 1); length--)
            start++;
        while (length > 0 && text_is_blank(start + length - 1, 1))
            length--;
        if (length > 0)
            status = transcript_list_add(list, start, length, NAN, NAN, NULL, error);
    }
    return status;
}

static int read_segments(struct text_lines *lines, enum valence_transcript_format format,
                         const char *tier, struct transcript_list *list, char **language,
                         double *duration, struct valence_error *error)
{
    switch (format) {
    case VALENCE_TRANSCRIPT_SRT:
    case VALENCE_TRANSCRIPT_VTT:
        return subtitles_read(lines, format == VALENCE_TRANSCRIPT_VTT, list, error);
    case VALENCE_TRANSCRIPT_TEXTGRID:
        return textgrid_read(lines, tier, list, duration, error);
    case VALENCE_TRANSCRIPT_CSV:
        return timed_table_read(lines, list, language, error);
    default:
        return read_text(lines, list, error);
    }
}

static int read_decoded(const struct text *text, const char *name,
                        const struct valence_transcript_read_options *options,
                        struct valence_transcript **transcript, struct valence_error *error)
{
    struct text_lines lines = {text->data, text->data + text->length, name, 0};
    struct transcript_list list = {0};
    enum valence_transcript_format format = options->format;
    char *language = NULL;
    double duration = 0;
    int status = VALENCE_OK;
    if (format == VALENCE_TRANSCRIPT_FIND)
        status = find_format(text, name, &format, error);
    if (!status)
        status = read_segments(&lines, format, options->tier, &list, &language, &duration, error);
    if (!status)
        status = transcript_list_sort(&list, error);
    for (int64_t i = 0; i < list.n_segments; i++)
        duration = fmax(duration, list.segments[i].end);
    if (!status)
        status =
            transcript_list_finish(&list, language ? language : "", duration, transcript, error);
    free(language);
    transcript_list_free(&list);
    return status;
}

int valence_transcript_read_memory(const void *data, size_t n_bytes, const char *name,
                                   const struct valence_transcript_read_options *options,
                                   struct valence_transcript **transcript,
                                   struct valence_error *error)
{
    struct valence_transcript_read_options own;
    struct text text = {0};
    *transcript = NULL;
    valence_transcript_read_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status && (unsigned)own.format >= VALENCE_N_TRANSCRIPT_FORMATS)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "format", "%d is no format of transcripts",
                          (int)own.format);
    if (!status && n_bytes >= 12 && memcmp(data, "ooBinaryFile", 12) == 0)
        status = fail(error, VALENCE_ERROR_UNSUPPORTED,
                      "%s: is a binary file of Praat; save it as a text file", name);
    if (!status)
        status = text_decode(data, n_bytes, name, &text, error);
    if (!status)
        status = read_decoded(&text, name, &own, transcript, error);
    text_free(&text);
    return status;
}

int valence_transcript_read(const char *path, const struct valence_transcript_read_options *options,
                            struct valence_transcript **transcript, struct valence_error *error)
{
    char *data;
    size_t size;
    *transcript = NULL;
    int status = file_read_text(path, TEXT_FILE_MAX_BYTES, &data, &size, error);
    if (!status)
        status = valence_transcript_read_memory(data, size, path, options, transcript, error);
    free(data);
    return status;
}

/* ---- What is said in a range ---- */

struct range {
    double start, end;
};

/* A text's blanks become single ones, with one before it where something stands already. */
static void append_words(struct text *text, const char *words)
{
    static const char blanks[] = " \t\r\n";
    for (words += strspn(words, blanks); *words; words += strspn(words, blanks)) {
        size_t length = strcspn(words, blanks);
        if (text->length > 0)
            text_append(text, " ", 1);
        text_append(text, words, length);
        words += length;
    }
}

static bool is_within(const struct range *range, double start, double end)
{
    double middle = start + (end - start) / 2;
    return middle >= range->start && middle < range->end;
}

static void append_segment(struct text *text, const struct valence_speech_segment *segment,
                           const struct range *range)
{
    bool is_whole = segment->start >= range->start && segment->end < range->end;
    if (isnan(segment->start) || is_whole || segment->n_words == 0) {
        if (isnan(segment->start) || is_whole || is_within(range, segment->start, segment->end))
            append_words(text, segment->text);
        return;
    }
    for (int64_t i = 0; i < segment->n_words; i++)
        if (is_within(range, segment->words[i].start, segment->words[i].end))
            append_words(text, segment->words[i].text);
}

int valence_transcript_text(const struct valence_transcript *transcript, double start, double end,
                            char **text, struct valence_error *error)
{
    const struct range range = {start, end};
    struct text made = {.maximum = SIZE_MAX / 4};
    *text = NULL;
    if (!(end > start))
        return fail(error, VALENCE_ERROR_ARGUMENT, "the range %g ... %g is empty", start, end);
    text_append(&made, "", 0);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        if (isnan(transcript->segments[i].start) && (start > 0 || end < INFINITY)) {
            text_free(&made);
            return fail(error, VALENCE_ERROR_DATA,
                        "the transcript has no times, so that a part of it cannot be chosen");
        }
        append_segment(&made, &transcript->segments[i], &range);
    }
    if (made.failed)
        return fail_memory(error, made.length, "a transcript's text");
    *text = made.data;
    return VALENCE_OK;
}
