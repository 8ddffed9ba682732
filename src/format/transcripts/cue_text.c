#include "format/transcripts/cue_text.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"

/* A cue that is being read. Since its last time, at `piece_start`, the text from `piece` on. */
struct reading {
    const struct cue *cue;
    const struct text_lines *lines;
    struct text *plain;
    struct word_list *words;
    size_t piece;
    double piece_start;
    bool has_times;
    bool wants_blank; /* before the next character */
};

static int64_t line_of(const struct reading *reading, const char *at)
{
    int64_t line = reading->cue->line;
    for (const char *c = reading->cue->text; c < at; c++)
        line += *c == '\n';
    return line;
}

/* ---- Characters ---- */

static void put(struct reading *reading, const char *bytes, size_t n)
{
    if (reading->wants_blank && reading->plain->length > 0)
        text_append(reading->plain, " ", 1);
    reading->wants_blank = false;
    text_append(reading->plain, bytes, n);
}

static bool name_is(const char *name, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(name, wanted, length) == 0;
}

/* WebVTT's character references. Gives the length of the one at `at`, 0 where it is none. */
static size_t put_reference(struct reading *reading, const char *at, const char *end)
{
    static const struct {
        const char *name, *text;
    } known[] = {{"amp", "&"},  {"lt", "<"},   {"gt", ">"}, {"quot", "\""},
                 {"apos", "'"}, {"nbsp", " "}, {"lrm", ""}, {"rlm", ""}};
    const char *stop = memchr(at, ';', (size_t)(end - at < 12 ? end - at : 12));
    if (!stop)
        return 0;
    size_t length = (size_t)(stop - at - 1);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (name_is(at + 1, length, known[i].name)) {
            if (known[i].text[0] == ' ')
                reading->wants_blank = true;
            else
                put(reading, known[i].text, strlen(known[i].text));
            return length + 2;
        }
    if (length < 2 || at[1] != '#')
        return 0;
    uint32_t point = 0;
    bool is_hex = at[2] == 'x' || at[2] == 'X';
    for (const char *c = at + 2 + is_hex; c < stop; c++) {
        const char *digits = "0123456789abcdef";
        const char *digit = memchr(digits, *c | 0x20, is_hex ? 16 : 0);
        if (!is_hex)
            digit = memchr(digits, *c, 10);
        if (!digit || point > 0x10FFFF)
            return 0;
        point = point * (is_hex ? 16 : 10) + (uint32_t)(digit - digits);
    }
    struct text character = {.maximum = 16};
    text_append_code_point(&character, point);
    bool is_text = point >= 32 && !character.failed && is_utf8(character.data, character.length);
    if (is_text)
        put(reading, character.data, character.length);
    text_free(&character);
    return is_text ? length + 2 : 0;
}

/* ---- Tags ---- */

/* In SubRip, "<" is text unless one of the usual tags begins there. */
static bool is_subrip_tag(const char *body, size_t length)
{
    static const char *const known[] = {"b",    "i",    "u",    "s",  "em", "strong",
                                        "font", "span", "ruby", "rt", "br", "c"};
    if (length > 0 && *body == '/') {
        body++;
        length--;
    }
    size_t n = 0;
    while (n < length && body[n] != ' ' && body[n] != '/' && body[n] != '.')
        n++;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (name_is(body, n, known[i]))
            return true;
    return false;
}

/* The text since the last time is said from that on to `end`. */
static int close_piece(struct reading *reading, double end, struct valence_error *error)
{
    const char *text = reading->plain->data ? reading->plain->data : "";
    int status = VALENCE_OK;
    if (!reading->plain->failed)
        status = word_list_add(reading->words, text + reading->piece,
                               reading->plain->length - reading->piece, reading->piece_start, end,
                               NAN, error);
    reading->piece = reading->plain->length;
    reading->piece_start = end;
    return status;
}

/* <00:00:01.500>: what follows is said from then on. */
static int take_time(struct reading *reading, const char *body, size_t length,
                     struct valence_error *error)
{
    const struct cue *cue = reading->cue;
    const char *at = body;
    double time = 0;
    const char *problem = parse_clock(&at, body + length, &time);
    if (!problem && at < body + length)
        problem = "text behind a time";
    if (!problem && (time < reading->piece_start || time > cue->end))
        problem = "a time outside its cue or before the one before it";
    if (problem)
        return text_lines_fail(reading->lines, line_of(reading, body), error, "%s: <%.*s>", problem,
                               text_shown(body, length, 40), body);
    reading->has_times = true;
    return close_piece(reading, time, error);
}

/* The tag at `at`; *length is 0 where there is none and "<" is text. */
static int take_tag(struct reading *reading, const char *at, const char *end, size_t *length,
                    struct valence_error *error)
{
    const char *stop = memchr(at, '>', (size_t)(end - at));
    size_t n = stop ? (size_t)(stop - at - 1) : 0;
    *length = 0;
    if (!stop || n == 0 || !(reading->cue->is_vtt || is_subrip_tag(at + 1, n)))
        return VALENCE_OK;
    *length = n + 2;
    if (name_is(at + 1, n, "br") || name_is(at + 1, n, "br/") || name_is(at + 1, n, "br /"))
        reading->wants_blank = true;
    bool is_time = (at[1] >= '0' && at[1] <= '9') || at[1] == '-';
    return reading->cue->is_vtt && is_time ? take_time(reading, at + 1, n, error) : VALENCE_OK;
}

int cue_text_read(const struct cue *cue, const struct text_lines *lines, struct text *plain,
                  struct word_list *words, struct valence_error *error)
{
    struct reading reading = {cue, lines, plain, words, 0, cue->start, false, false};
    const char *end = cue->text + cue->length;
    int status = VALENCE_OK;
    for (const char *at = cue->text; !status && at < end;) {
        size_t length = 0;
        if (*at == ' ' || *at == '\t' || *at == '\n') {
            reading.wants_blank = true;
            length = 1;
        } else if (*at == '<') {
            status = take_tag(&reading, at, end, &length, error);
        } else if (!cue->is_vtt && end - at > 2 && at[0] == '{' && at[1] == '\\') {
            const char *stop = memchr(at, '}', (size_t)(end - at)); /* {\an8} */
            length = stop ? (size_t)(stop - at + 1) : 0;
        } else if (cue->is_vtt && *at == '&') {
            length = put_reference(&reading, at, end);
        }
        if (length == 0)
            put(&reading, at, 1);
        at += length ? length : 1;
    }
    if (!status && reading.has_times)
        status = close_piece(&reading, cue->end, error);
    if (!status && plain->failed)
        status = fail_memory(error, cue->length, "a subtitle");
    return status;
}
