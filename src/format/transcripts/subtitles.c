/* SubRip and WebVTT: cues of a line with two times, and lines of text up to a blank one. Source:
 * the WebVTT recommendation of the W3C (2019); SubRip has no standard, and is read as WebVTT with a
 * comma in its times. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "format/transcripts/cue_text.h"
#include "format/transcripts/transcript_formats.h"

static bool has_arrow(const char *start, size_t length)
{
    return memmem(start, length, "-->", 3) != NULL;
}

static bool begins_with(const char *start, size_t length, const char *word)
{
    size_t n = strlen(word);
    return length >= n && memcmp(start, word, n) == 0 &&
           (length == n || start[n] == ' ' || start[n] == '\t');
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* "00:00:01,000 --> 00:00:02,500"; what follows it, the place on the screen, is not read. */
static int read_times(const struct text_lines *lines, const char *start, size_t length,
                      struct cue *cue, struct valence_error *error)
{
    const char *end = start + length, *at = skip_blanks(start, end);
    const char *problem = parse_clock(&at, end, &cue->start);
    if (!problem) {
        at = skip_blanks(at, end);
        if (end - at < 3 || memcmp(at, "-->", 3) != 0)
            problem = "no '-->' behind the first time";
        else
            at = skip_blanks(at + 3, end);
    }
    if (!problem)
        problem = parse_clock(&at, end, &cue->end);
    if (!problem && at < end && *at != ' ' && *at != '\t')
        problem = "text behind a time";
    if (!problem && cue->end < cue->start)
        problem = "ends before it starts";
    if (problem)
        return text_lines_fail(lines, lines->line, error, "%s: '%.*s'", problem,
                               text_shown(start, length, 80), start);
    return VALENCE_OK;
}

/* The lines up to a blank one, or to the times of a next cue that has no blank line before it. */
static int read_cue(struct text_lines *lines, struct cue *cue, struct text *raw,
                    struct valence_error *error)
{
    const char *start;
    size_t length;
    raw->length = 0;
    cue->line = lines->line + 1;
    while (text_lines_peek(lines, &start, &length) && !text_is_blank(start, length)) {
        if (has_arrow(start, length))
            return text_lines_fail(lines, lines->line + 1, error,
                                   "times within a cue's text (a blank line is missing before the "
                                   "cue)");
        if (raw->length > 0)
            text_append(raw, "\n", 1);
        text_append(raw, start, length);
        text_lines_next(lines, &start, &length);
    }
    cue->text = raw->length > 0 ? raw->data : "";
    cue->length = raw->length;
    return raw->failed ? fail_memory(error, raw->length, "a subtitle") : VALENCE_OK;
}

static int add_cue(const struct text_lines *lines, const struct cue *cue, struct text *plain,
                   struct transcript_list *list, struct valence_error *error)
{
    struct word_list words = {0};
    struct valence_speech_segment *segment;
    plain->length = 0;
    int status = cue_text_read(cue, lines, plain, &words, error);
    if (!status && plain->length > 0) {
        status = transcript_list_add(list, plain->data, plain->length, cue->start, cue->end,
                                     &segment, error);
        if (!status) {
            segment->words = words.words;
            segment->n_words = words.n_words;
            words = (struct word_list){0};
        }
    }
    word_list_free(&words);
    if (status && status != VALENCE_ERROR_FORMAT)
        return fail_within(status, error, "%s:%lld", lines->name, (long long)cue->line);
    return status;
}

static void skip_block(struct text_lines *lines)
{
    const char *start;
    size_t length;
    while (text_lines_next(lines, &start, &length) && !text_is_blank(start, length))
        ;
}

/* Of WebVTT: the line that names the format, and what belongs to it. */
static int read_head(struct text_lines *lines, struct valence_error *error)
{
    const char *start = "";
    size_t length = 0;
    if (!text_lines_next(lines, &start, &length) || !begins_with(start, length, "WEBVTT"))
        return text_lines_fail(lines, 1, error, "does not begin with WEBVTT");
    if (text_lines_peek(lines, &start, &length) && has_arrow(start, length))
        return text_lines_fail(lines, 2, error, "no blank line behind WEBVTT");
    skip_block(lines);
    return VALENCE_OK;
}

/* The line with a cue's times, behind its number or name; *more is false at the end. */
static int next_times(struct text_lines *lines, bool is_vtt, struct cue *cue, bool *more,
                      struct valence_error *error)
{
    const char *start, *name;
    size_t length, n_name;
    while ((*more = text_lines_next(lines, &start, &length))) {
        if (text_is_blank(start, length))
            continue;
        if (has_arrow(start, length))
            return read_times(lines, start, length, cue, error);
        if (is_vtt && (begins_with(start, length, "NOTE") || begins_with(start, length, "STYLE") ||
                       begins_with(start, length, "REGION"))) {
            skip_block(lines);
            continue;
        }
        name = start;
        n_name = length;
        bool is_number = strspn(name, " \t0123456789") >= n_name;
        if ((is_vtt || is_number) && text_lines_peek(lines, &start, &length) &&
            has_arrow(start, length))
            continue;
        return text_lines_fail(lines, lines->line, error,
                               "text outside a cue: '%.*s' (times such as 00:00:01%c000 --> "
                               "00:00:02%c000 come first, and no blank line within a cue)",
                               text_shown(name, n_name, 60), name, is_vtt ? '.' : ',',
                               is_vtt ? '.' : ',');
    }
    return VALENCE_OK;
}

int subtitles_read(struct text_lines *lines, bool is_vtt, struct transcript_list *list,
                   struct valence_error *error)
{
    struct text raw = {.maximum = TEXT_FILE_MAX_BYTES}, plain = {.maximum = TEXT_FILE_MAX_BYTES};
    struct cue cue = {.is_vtt = is_vtt};
    bool more = true;
    int status = is_vtt ? read_head(lines, error) : VALENCE_OK;
    while (!status && more) {
        status = next_times(lines, is_vtt, &cue, &more, error);
        if (!status && more)
            status = read_cue(lines, &cue, &raw, error);
        if (!status && more)
            status = add_cue(lines, &cue, &plain, list, error);
    }
    text_free(&raw);
    text_free(&plain);
    return status;
}
