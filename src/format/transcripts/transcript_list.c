#include "format/transcripts/transcript_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

#define PAUSE_SECONDS  0.5 /* ends a segment that is made of words */
#define MAX_TEXT_BYTES (64 << 20)

/* ---- Freeing ---- */

static void free_words(struct valence_word *words, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        free((char *)(uintptr_t)words[i].text);
    free(words);
}

static void free_segments(struct valence_speech_segment *segments, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        free_words((struct valence_word *)(uintptr_t)segments[i].words, segments[i].n_words);
        free((void *)(uintptr_t)segments[i].tokens);
        free((char *)(uintptr_t)segments[i].text);
    }
    free(segments);
}

void transcript_list_free(struct transcript_list *list)
{
    free_segments(list->segments, list->n_segments);
    free(list->speech);
    *list = (struct transcript_list){0};
}

void word_list_free(struct word_list *list)
{
    free_words(list->words, list->n_words);
    *list = (struct word_list){0};
}

void valence_transcript_free(struct valence_transcript *transcript)
{
    if (!transcript)
        return;
    free_segments((struct valence_speech_segment *)(uintptr_t)transcript->segments,
                  transcript->n_segments);
    free((void *)(uintptr_t)transcript->speech);
    free((char *)(uintptr_t)transcript->language);
    free(transcript);
}

/* ---- Adding ---- */

int transcript_list_add(struct transcript_list *list, const char *text, size_t length, double start,
                        double end, struct valence_speech_segment **segment,
                        struct valence_error *error)
{
    int status =
        grow_array((void **)&list->segments, &list->capacity, list->n_segments + 1,
                   sizeof *list->segments, TRANSCRIPT_MAX_ITEMS, "segments of speech", error);
    char *copy = status ? NULL : strndup(text, length);
    if (!copy)
        return status ? status : fail_memory(error, length + 1, "a segment of speech");
    list->segments[list->n_segments] = (struct valence_speech_segment){.text = copy,
                                                                       .start = start,
                                                                       .end = end,
                                                                       .confidence = NAN,
                                                                       .avg_logprob = NAN,
                                                                       .no_speech_prob = NAN};
    if (segment)
        *segment = &list->segments[list->n_segments];
    list->n_segments++;
    return VALENCE_OK;
}

int transcript_list_add_speech(struct transcript_list *list, double start, double end,
                               struct valence_error *error)
{
    int status = grow_array((void **)&list->speech, &list->speech_capacity, list->n_speech + 1,
                            sizeof *list->speech, TRANSCRIPT_MAX_ITEMS, "spans of speech", error);
    if (!status)
        list->speech[list->n_speech++] = (struct valence_speech_span){start, end};
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int word_list_add(struct word_list *list, const char *text, size_t length, double start, double end,
                  double confidence, struct valence_error *error)
{
    for (; length > 0 && is_blank(*text); length--)
        text++;
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (length == 0)
        return VALENCE_OK;
    int status = grow_array((void **)&list->words, &list->capacity, list->n_words + 1,
                            sizeof *list->words, TRANSCRIPT_MAX_ITEMS, "words", error);
    char *copy = status ? NULL : strndup(text, length);
    if (!copy)
        return status ? status : fail_memory(error, length + 1, "a word");
    list->words[list->n_words++] = (struct valence_word){copy, start, end, confidence};
    return VALENCE_OK;
}

/* ---- Copying ---- */

static int copy_words(const struct valence_speech_segment *from, struct valence_speech_segment *to,
                      struct valence_error *error)
{
    struct valence_word *words = allocate(from->n_words, sizeof *words);
    if (!words)
        return fail_memory(error, (size_t)from->n_words * sizeof *words, "words");
    to->words = words;
    for (int64_t i = 0; i < from->n_words; i++) {
        words[i] = from->words[i];
        words[i].text = strdup(from->words[i].text);
        if (!words[i].text)
            return fail_memory(error, strlen(from->words[i].text), "a word");
        to->n_words++;
    }
    return VALENCE_OK;
}

static int copy_segment(struct transcript_list *list, const struct valence_speech_segment *from,
                        struct valence_error *error)
{
    struct valence_speech_segment *to;
    int status = transcript_list_add(list, from->text, strlen(from->text), from->start, from->end,
                                     &to, error);
    if (status)
        return status;
    to->confidence = from->confidence;
    to->avg_logprob = from->avg_logprob;
    to->no_speech_prob = from->no_speech_prob;
    int32_t *tokens = allocate(from->n_tokens, sizeof *tokens);
    if (!tokens)
        return fail_memory(error, (size_t)from->n_tokens * sizeof *tokens, "tokens");
    if (from->n_tokens)
        memcpy(tokens, from->tokens, (size_t)from->n_tokens * sizeof *tokens);
    to->tokens = tokens;
    to->n_tokens = from->n_tokens;
    return copy_words(from, to, error);
}

int transcript_list_copy(struct transcript_list *list, const struct valence_transcript *from,
                         struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < from->n_segments && !status; i++)
        status = copy_segment(list, &from->segments[i], error);
    for (int64_t i = 0; i < from->n_speech && !status; i++)
        status =
            transcript_list_add_speech(list, from->speech[i].start, from->speech[i].end, error);
    return status;
}

/* ---- Sorting ---- */

/* What qsort() may not reorder: equal starts stay as they were. */
struct place {
    double start;
    int64_t index;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Sorts n items of `size` bytes by the double `start_offset` bytes into each. */
static int sort_by_start(void *items, int64_t n, size_t size, size_t start_offset,
                         struct valence_error *error)
{
    const unsigned char *from = items;
    bool is_sorted = true;
    struct place *places = allocate(n, sizeof *places);
    unsigned char *sorted = places ? allocate(n, size) : NULL;
    if (n > 0 && !sorted) {
        free(places);
        return fail_memory(error, (size_t)n * size, "sorting a transcript");
    }
    for (int64_t i = 0; i < n; i++) {
        places[i].index = i;
        memcpy(&places[i].start, from + (size_t)i * size + start_offset, sizeof(double));
        is_sorted = is_sorted && (i == 0 || !(places[i].start < places[i - 1].start));
    }
    if (!is_sorted) {
        qsort(places, (size_t)n, sizeof *places, compare_places);
        for (int64_t i = 0; i < n; i++)
            memcpy(sorted + (size_t)i * size, from + (size_t)places[i].index * size, size);
        memcpy(items, sorted, (size_t)n * size);
    }
    free(places);
    free(sorted);
    return VALENCE_OK;
}

int transcript_list_sort(struct transcript_list *list, struct valence_error *error)
{
    return sort_by_start(list->segments, list->n_segments, sizeof *list->segments,
                         offsetof(struct valence_speech_segment, start), error);
}

/* ---- Words to segments ---- */

static double mean_confidence(const struct valence_word *words, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += words[i].confidence; /* NAN where one is unknown */
    return sum / (double)n;
}

/* A segment of n words; takes over their texts, not the array. */
static int add_run(struct transcript_list *list, struct valence_word *words, int64_t n,
                   struct valence_error *error)
{
    struct text text = {.maximum = MAX_TEXT_BYTES};
    struct valence_speech_segment *segment;
    double end = words[0].end;
    for (int64_t i = 0; i < n; i++) {
        text_format(&text, "%s%s", i ? " " : "", words[i].text);
        end = fmax(end, words[i].end);
    }
    struct valence_word *own = allocate(n, sizeof *own);
    int status = text.failed || !own ? fail_memory(error, text.length, "a segment of speech")
                                     : transcript_list_add(list, text.data, text.length,
                                                           words[0].start, end, &segment, error);
    text_free(&text);
    if (status) {
        free(own);
        return status;
    }
    memcpy(own, words, (size_t)n * sizeof *own);
    for (int64_t i = 0; i < n; i++)
        words[i].text = NULL;
    segment->words = own;
    segment->n_words = n;
    segment->confidence = mean_confidence(own, n);
    return VALENCE_OK;
}

int transcript_list_take_words(struct transcript_list *list, struct word_list *words,
                               struct valence_error *error)
{
    int status = sort_by_start(words->words, words->n_words, sizeof *words->words,
                               offsetof(struct valence_word, start), error);
    for (int64_t first = 0, next; !status && first < words->n_words; first = next) {
        double end = words->words[first].end;
        for (next = first + 1;
             next < words->n_words && words->words[next].start - end <= PAUSE_SECONDS; next++)
            end = fmax(end, words->words[next].end);
        status = add_run(list, words->words + first, next - first, error);
    }
    word_list_free(words);
    return status;
}

/* ---- The transcript ---- */

int transcript_list_finish(struct transcript_list *list, const char *language, double duration,
                           struct valence_transcript **transcript, struct valence_error *error)
{
    struct valence_transcript *made = allocate(1, sizeof *made);
    char *copy = strdup(language);
    if (!made || !copy) {
        free(made);
        free(copy);
        return fail_memory(error, sizeof *made, "a transcript");
    }
    *made = (struct valence_transcript){copy,           duration,       list->n_segments,
                                        list->segments, list->n_speech, list->speech};
    *list = (struct transcript_list){0};
    *transcript = made;
    return VALENCE_OK;
}
