/* Praat's TextGrid. Its long and short text forms hold the same numbers, texts and flags in the
 * same order; what else stands in the long form ("xmin =", "intervals [1]:") is for people and is
 * skipped, as Praat does. Source: Praat's manual, "TextGrid file formats". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/transcripts/transcript_formats.h"

#define MAX_TIERS 1000

struct tier {
    char *name;
    bool is_intervals;
    double end;
    struct word_list intervals; /* blank ones are dropped */
};

struct textgrid {
    const char *at, *end, *name;
    int64_t line;
    struct text text; /* of the last text token */
    struct tier *tiers;
    int64_t n_tiers, capacity;
    int64_t n_intervals; /* of all tiers */
};

/* ---- Tokens ---- */

enum token { TOKEN_END, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_FLAG, TOKEN_BROKEN };

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Goes one character on, counting lines. */
static void step(struct textgrid *grid)
{
    char c = *grid->at++;
    bool is_crlf = c == '\r' && grid->at < grid->end && *grid->at == '\n';
    grid->line += c == '\n' || (c == '\r' && !is_crlf);
}

/* Behind the opening quote; a doubled quote is one within the text. */
static enum token take_text(struct textgrid *grid)
{
    grid->text.length = 0;
    text_append(&grid->text, "", 0);
    while (grid->at < grid->end) {
        if (*grid->at == '"') {
            grid->at++;
            if (grid->at == grid->end || *grid->at != '"')
                return TOKEN_TEXT;
        }
        if (is_space(*grid->at))
            text_append(&grid->text, " ", 1);
        else
            text_append(&grid->text, grid->at, 1);
        step(grid);
    }
    return TOKEN_BROKEN;
}

/* Words that are neither a number nor quoted are comments. */
static enum token next_token(struct textgrid *grid, double *number)
{
    while (grid->at < grid->end) {
        char c = *grid->at;
        if (is_space(c)) {
            step(grid);
            continue;
        }
        if (c == '"') {
            grid->at++;
            return take_text(grid);
        }
        const char *word = grid->at;
        while (grid->at < grid->end &&
               (c == '!' ? *grid->at != '\n' && *grid->at != '\r' : !is_space(*grid->at)))
            grid->at++;
        size_t length = (size_t)(grid->at - word);
        char copy[64];
        if (c == '<')
            return TOKEN_FLAG;
        if (c == '!' || length >= sizeof copy)
            continue;
        memcpy(copy, word, length);
        copy[length] = '\0';
        if (parse_double(copy, number) && isfinite(*number))
            return TOKEN_NUMBER;
    }
    return TOKEN_END;
}

static int refuse(const struct textgrid *grid, struct valence_error *error, const char *what)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: %s", grid->name, (long long)grid->line,
                what);
}

static int expect(struct textgrid *grid, enum token wanted, double *number, const char *what,
                  struct valence_error *error)
{
    char text[160];
    double value = 0;
    enum token found = next_token(grid, &value);
    if (number)
        *number = value;
    if (grid->text.failed)
        return fail_memory(error, grid->text.length, "a TextGrid");
    if (found == wanted)
        return VALENCE_OK;
    snprintf(text, sizeof text, "%s should stand here, and %s", what,
             found == TOKEN_BROKEN   ? "a quote is never closed"
             : found == TOKEN_END    ? "the file ends (is it cut off?)"
             : found == TOKEN_NUMBER ? "a number does"
             : found == TOKEN_FLAG   ? "a flag does"
                                     : "a quoted text does");
    return refuse(grid, error, text);
}

static int expect_times(struct textgrid *grid, double *start, double *end,
                        struct valence_error *error)
{
    int status = expect(grid, TOKEN_NUMBER, start, "a start in seconds", error);
    if (!status && *start < 0)
        return refuse(grid, error, "a negative time");
    if (!status)
        status = expect(grid, TOKEN_NUMBER, end, "an end in seconds", error);
    if (!status && *end < *start)
        return refuse(grid, error, "ends before it starts");
    return status;
}

static int expect_count(struct textgrid *grid, int64_t most, const char *what, int64_t *count,
                        struct valence_error *error)
{
    double number = 0;
    int status = expect(grid, TOKEN_NUMBER, &number, what, error);
    if (!status && (number < 0 || number != floor(number)))
        return refuse(grid, error, "a count that is no whole number");
    if (!status && number > (double)most)
        return fail(error, VALENCE_ERROR_LIMIT, "%s:%lld: %.0f is beyond the limit of %lld (%s)",
                    grid->name, (long long)grid->line, number, (long long)most, what);
    *count = (int64_t)number;
    return status;
}

/* ---- Tiers ---- */

static int read_interval(struct textgrid *grid, struct tier *tier, struct valence_error *error)
{
    double start = 0, end = 0;
    int status = expect_times(grid, &start, &end, error);
    if (!status)
        status = expect(grid, TOKEN_TEXT, NULL, "an interval's text in quotes", error);
    if (!status && ++grid->n_intervals > TRANSCRIPT_MAX_ITEMS)
        return fail(error, VALENCE_ERROR_LIMIT, "%s:%lld: more than %d intervals", grid->name,
                    (long long)grid->line, TRANSCRIPT_MAX_ITEMS);
    if (!status)
        status = word_list_add(&tier->intervals, grid->text.data, grid->text.length, start, end,
                               NAN, error);
    return status;
}

static int read_point(struct textgrid *grid, struct valence_error *error)
{
    double time;
    int status = expect(grid, TOKEN_NUMBER, &time, "a point's time", error);
    return status ? status : expect(grid, TOKEN_TEXT, NULL, "a point's text in quotes", error);
}

static int read_tier(struct textgrid *grid, struct valence_error *error)
{
    double start = 0;
    int64_t n = 0;
    int status = expect(grid, TOKEN_TEXT, NULL, "a tier's class in quotes", error);
    bool is_intervals = !status && strcmp(grid->text.data, "IntervalTier") == 0;
    if (!status && !is_intervals && strcmp(grid->text.data, "TextTier") != 0)
        status = refuse(grid, error, "a tier that is neither IntervalTier nor TextTier");
    if (!status)
        status = expect(grid, TOKEN_TEXT, NULL, "a tier's name in quotes", error);
    if (!status)
        status = grow_array((void **)&grid->tiers, &grid->capacity, grid->n_tiers + 1,
                            sizeof *grid->tiers, MAX_TIERS, "tiers", error);
    char *name = status ? NULL : strdup(grid->text.data);
    if (!name)
        return status ? status : fail_memory(error, grid->text.length, "a tier");
    struct tier *tier = &grid->tiers[grid->n_tiers++];
    *tier = (struct tier){.name = name, .is_intervals = is_intervals};
    status = expect_times(grid, &start, &tier->end, error);
    if (!status)
        status = expect_count(grid, INT32_MAX, "the number of intervals", &n, error);
    for (int64_t i = 0; !status && i < n; i++)
        status = is_intervals ? read_interval(grid, tier, error) : read_point(grid, error);
    return status;
}

static int read_tiers(struct textgrid *grid, struct valence_error *error)
{
    double start = 0, end = 0;
    int64_t n = 0;
    int status = expect(grid, TOKEN_TEXT, NULL, "\"ooTextFile\"", error);
    if (!status && strncmp(grid->text.data, "ooTextFile", 10) != 0)
        return refuse(grid, error, "is no text file of Praat (\"ooTextFile\")");
    if (!status)
        status = expect(grid, TOKEN_TEXT, NULL, "\"TextGrid\"", error);
    if (!status && strcmp(grid->text.data, "TextGrid") != 0)
        return refuse(grid, error, "holds another object of Praat than a TextGrid");
    if (!status)
        status = expect_times(grid, &start, &end, error);
    if (!status)
        status = expect(grid, TOKEN_FLAG, NULL, "<exists>", error);
    if (!status)
        status = expect_count(grid, MAX_TIERS, "the number of tiers", &n, error);
    for (int64_t i = 0; !status && i < n; i++)
        status = read_tier(grid, error);
    return status;
}

/* ---- The tier that is wanted ---- */

static bool is_words(const struct tier *tier)
{
    static const char *const endings[] = {"words", "word"};
    size_t length = strlen(tier->name);
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(endings[i]);
        if (length >= n && strcasecmp(tier->name + length - n, endings[i]) == 0)
            return true;
    }
    return false;
}

static int refuse_tier(const struct textgrid *grid, int status, const char *wanted,
                       struct valence_error *error)
{
    struct text names = {.maximum = 400}; /* as many as an error has room for */
    for (int64_t i = 0; i < grid->n_tiers; i++)
        if (grid->tiers[i].is_intervals)
            text_format(&names, "%s'%.100s'", names.length ? ", " : "", grid->tiers[i].name);
    int code = fail_key(error, status, "tier", "%s: %s; its tiers of intervals: %s%s", grid->name,
                        wanted, names.length ? names.data : "none", names.failed ? ", ..." : "");
    text_free(&names);
    return code;
}

/* The one tier that fits; of several without a name, the one of words. */
static int find_tier(const struct textgrid *grid, const char *name, struct tier **found,
                     struct valence_error *error)
{
    char what[200];
    int64_t n = 0, n_words = 0;
    struct tier *words = NULL;
    for (int64_t i = 0; i < grid->n_tiers; i++) {
        struct tier *tier = &grid->tiers[i];
        if (!tier->is_intervals || (name && strcmp(tier->name, name) != 0))
            continue;
        *found = tier;
        n++;
        if (is_words(tier)) {
            words = tier;
            n_words++;
        }
    }
    if (n > 1 && !name && n_words == 1)
        *found = words;
    else if (n > 1 && !name)
        return refuse_tier(grid, VALENCE_ERROR_DATA, "choose one tier by its name", error);
    else if (n != 1) {
        snprintf(what, sizeof what, "%s'%.100s'%s", n ? "several tiers are named " : "no tier ",
                 name ? name : "", n || !name ? "" : " of intervals");
        return refuse_tier(grid, n ? VALENCE_ERROR_DATA : VALENCE_ERROR_NOT_FOUND,
                           name ? what : "no tier of intervals", error);
    }
    return VALENCE_OK;
}

static bool is_silence(const char *label)
{
    static const char *const silences[] = {"sp", "sil", "<eps>", "<sil>", "<p:>"};
    for (size_t i = 0; i < sizeof silences / sizeof *silences; i++)
        if (strcasecmp(label, silences[i]) == 0)
            return true;
    return false;
}

static int take_tier(struct tier *tier, struct transcript_list *list, struct valence_error *error)
{
    struct word_list *intervals = &tier->intervals;
    int status = VALENCE_OK;
    if (!is_words(tier)) {
        for (int64_t i = 0; !status && i < intervals->n_words; i++)
            status = transcript_list_add(
                list, intervals->words[i].text, strlen(intervals->words[i].text),
                intervals->words[i].start, intervals->words[i].end, NULL, error);
        return status;
    }
    int64_t n_kept = 0;
    for (int64_t i = 0; i < intervals->n_words; i++)
        if (is_silence(intervals->words[i].text))
            free((char *)(uintptr_t)intervals->words[i].text);
        else
            intervals->words[n_kept++] = intervals->words[i];
    intervals->n_words = n_kept;
    return transcript_list_take_words(list, intervals, error);
}

int textgrid_read(struct text_lines *lines, const char *tier_name, struct transcript_list *list,
                  double *duration, struct valence_error *error)
{
    struct textgrid grid = {.at = lines->at,
                            .end = lines->end,
                            .name = lines->name,
                            .line = 1,
                            .text = {.maximum = TEXT_FILE_MAX_BYTES}};
    struct tier *tier = NULL;
    int status = read_tiers(&grid, error);
    if (!status)
        status = find_tier(&grid, tier_name, &tier, error);
    if (!status) {
        *duration = tier->end;
        status = take_tier(tier, list, error);
    }
    for (int64_t i = 0; i < grid.n_tiers; i++) {
        free(grid.tiers[i].name);
        word_list_free(&grid.tiers[i].intervals);
    }
    free(grid.tiers);
    text_free(&grid.text);
    return status;
}
