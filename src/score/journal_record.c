#include "score/journal_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/transcripts/transcript_list.h"

/* More than any segment has; what is read is also held against the bytes that are left. */
#define MAX_ITEMS ((int64_t)1 << 24)

/* ---- Numbers ---- */

static void exchange(struct record *record, void *value, size_t size)
{
    if (record->failed)
        return;
    if (record->reads) {
        record->failed = size > record->n - record->at;
        if (!record->failed && size > 0)
            memcpy(value, record->bytes + record->at, size);
        record->at += record->failed ? 0 : size;
        return;
    }
    if (size > record->capacity - record->n) {
        size_t capacity = 2 * (record->n + size) + 1024;
        unsigned char *grown = realloc(record->bytes, capacity);
        record->failed = !grown;
        if (!grown)
            return;
        record->bytes = grown;
        record->capacity = capacity;
    }
    if (size > 0)
        memcpy(record->bytes + record->n, value, size);
    record->n += size;
}

/* A number of items of `size` bytes each, which stand in the record: no more than fit in it. */
static void exchange_count(struct record *record, int64_t *n, size_t size)
{
    exchange(record, n, sizeof *n);
    if (record->failed || !record->reads)
        return;
    record->failed = *n < 0 || *n > MAX_ITEMS || (uint64_t)*n > (record->n - record->at) / size;
    if (record->failed)
        *n = 0;
}

/* An array of numbers, which is made when it is read. NULL where n is 0. */
static void *exchange_array(struct record *record, void *values, int64_t *n, size_t size)
{
    exchange_count(record, n, size);
    if (record->failed || *n == 0)
        return record->reads ? NULL : values;
    if (record->reads && !(values = allocate(*n, size))) {
        record->failed = true;
        *n = 0;
        return NULL;
    }
    exchange(record, values, (size_t)*n * size);
    return values;
}

/* A text, or NULL. */
static void exchange_text(struct record *record, char **text)
{
    int64_t n = *text ? (int64_t)strlen(*text) + 1 : 0;
    *text = exchange_array(record, *text, &n, 1);
    if (record->reads && n > 0 && (*text)[n - 1] != '\0') {
        record->failed = true;
        (*text)[n - 1] = '\0';
    }
}

/* ---- Words ---- */

/* `words` are made when they are read; *n counts those that are whole. */
static void exchange_words(struct record *record, struct valence_word **words, int64_t *n)
{
    int64_t most = *n;
    exchange_count(record, &most, 4 * sizeof(double));
    if (record->reads) {
        *n = 0;
        *words = record->failed ? NULL : allocate(most + 1, sizeof **words);
        record->failed = record->failed || !*words;
    }
    for (int64_t i = 0; i < most && !record->failed; i++) {
        struct valence_word word = record->reads ? (struct valence_word){0} : (*words)[i];
        char *text = (char *)(uintptr_t)word.text;
        exchange(record, &word.start, sizeof word.start);
        exchange(record, &word.end, sizeof word.end);
        exchange(record, &word.confidence, sizeof word.confidence);
        exchange_text(record, &text);
        word.text = text;
        if (record->reads && !text)
            record->failed = true;
        else if (record->reads)
            (*words)[(*n)++] = word;
    }
}

/* ---- A segment ---- */

static void exchange_scores(struct record *record, struct score_made *made)
{
    struct valence_scored_segment *is = &made->is;
    double *const numbers[] = {
        &is->start,        &is->end,           &is->score,    &is->raw_score, &is->estimate.error,
        &is->estimate.low, &is->estimate.high, &is->distance, &is->novelty,   &is->confidence};
    bool *const flags[] = {&is->outside,   &is->trained,      &is->fitting,
                           &is->has_sound, &is->has_pictures, &made->is_observed};
    unsigned *const sets[] = {&is->flow, &is->missing, &is->imagined};
    int words_from = (int)is->words_from;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        exchange(record, numbers[i], sizeof *numbers[i]);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        unsigned char flag = *flags[i];
        exchange(record, &flag, 1);
        *flags[i] = flag != 0;
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        exchange(record, sets[i], sizeof *sets[i]);
        record->failed = record->failed || *sets[i] > VALENCE_ALL_MODALITIES;
    }
    exchange(record, &words_from, sizeof words_from);
    record->failed = record->failed || words_from < 0 || words_from > VALENCE_WORDS_RECOGNISED;
    is->words_from = record->failed ? VALENCE_WORDS_NONE : (enum valence_word_source)words_from;
    exchange(record, is->modality_weights, sizeof is->modality_weights);
    exchange(record, &is->faces, sizeof is->faces);
}

/* The arrays by word have one value a word, or none. */
static void exchange_by_word(struct record *record, int64_t n_words, double **values)
{
    int64_t n = *values ? n_words : 0;
    *values = exchange_array(record, *values, &n, sizeof **values);
    record->failed = record->failed || (n != 0 && n != n_words);
}

static void exchange_explanation(struct record *record, struct score_made *made)
{
    struct valence_explanation *why = &made->explanation;
    int64_t n = 0, before = 0;
    exchange(record, why->without, sizeof why->without);
    exchange_by_word(record, made->is.n_words, &made->without_word);
    exchange_by_word(record, made->is.n_words, &made->word_attention);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        n += why->attention[m].n;
    made->row_attention =
        exchange_array(record, made->row_attention, &n, sizeof *made->row_attention);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        struct valence_row_attention *rows = &why->attention[m];
        exchange(record, &rows->n, sizeof rows->n);
        exchange(record, &rows->rows_per_second, sizeof rows->rows_per_second);
        record->failed = record->failed || rows->n < 0 || rows->n > n - before;
        rows->n = record->failed ? 0 : rows->n;
        rows->weights = rows->n ? made->row_attention + before : NULL;
        before += rows->n;
    }
}

void record_segment(struct record *record, struct score_made *made, char **warning)
{
    if (record->reads) {
        *made = (struct score_made){0};
        *warning = NULL;
    }
    exchange_scores(record, made);
    exchange(record, made->language, sizeof made->language);
    made->language[sizeof made->language - 1] = '\0';
    exchange_text(record, &made->text);
    exchange_text(record, &made->reason);
    exchange_text(record, warning);
    exchange_words(record, &made->words, &made->is.n_words);
    exchange(record, &made->signals, sizeof made->signals);
    exchange_explanation(record, made);
}

/* ---- A transcript ---- */

void record_write_transcript(struct record *record, const struct valence_transcript *transcript)
{
    double duration = transcript->duration;
    char *language = (char *)(uintptr_t)transcript->language;
    int64_t n = transcript->n_segments;
    exchange(record, &duration, sizeof duration);
    exchange_text(record, &language);
    exchange(record, &n, sizeof n);
    for (int64_t i = 0; i < n; i++) {
        struct valence_speech_segment segment = transcript->segments[i];
        char *text = (char *)(uintptr_t)segment.text;
        struct valence_word *words = (struct valence_word *)(uintptr_t)segment.words;
        double numbers[] = {segment.start, segment.end, segment.confidence, segment.avg_logprob,
                            segment.no_speech_prob};
        exchange_text(record, &text);
        exchange(record, numbers, sizeof numbers);
        (void)exchange_array(record, (int32_t *)(uintptr_t)segment.tokens, &segment.n_tokens,
                             sizeof *segment.tokens);
        exchange_words(record, &words, &segment.n_words);
    }
    n = transcript->n_speech;
    (void)exchange_array(record, (void *)(uintptr_t)transcript->speech, &n,
                         sizeof *transcript->speech);
}

static void read_spans(struct record *record, struct transcript_list *list)
{
    int64_t n = 0;
    struct valence_speech_span *spans = exchange_array(record, NULL, &n, sizeof *spans);
    for (int64_t i = 0; i < n && !record->failed; i++)
        record->failed =
            transcript_list_add_speech(list, spans[i].start, spans[i].end, NULL) != VALENCE_OK;
    free(spans);
}

static void read_segment(struct record *record, struct transcript_list *list)
{
    struct valence_speech_segment *segment;
    struct valence_word *words = NULL;
    char *text = NULL;
    double numbers[5] = {0};
    exchange_text(record, &text);
    exchange(record, numbers, sizeof numbers);
    if (!record->failed)
        record->failed = !text || transcript_list_add(list, text, strlen(text), numbers[0],
                                                      numbers[1], &segment, NULL) != VALENCE_OK;
    free(text);
    if (record->failed)
        return;
    segment->confidence = numbers[2];
    segment->avg_logprob = numbers[3];
    segment->no_speech_prob = numbers[4];
    segment->tokens = exchange_array(record, NULL, &segment->n_tokens, sizeof *segment->tokens);
    exchange_words(record, &words, &segment->n_words);
    segment->words = words;
}

struct valence_transcript *record_read_transcript(struct record *record)
{
    struct transcript_list list = {0};
    struct valence_transcript *transcript = NULL;
    double duration = 0;
    char *language = NULL;
    int64_t n = 0;
    exchange(record, &duration, sizeof duration);
    exchange_text(record, &language);
    exchange_count(record, &n, 8 * sizeof(double));
    for (int64_t i = 0; i < n && !record->failed; i++)
        read_segment(record, &list);
    read_spans(record, &list);
    if (!record->failed && language &&
        transcript_list_finish(&list, language, duration, &transcript, NULL) != VALENCE_OK)
        record->failed = true;
    record->failed = record->failed || !language;
    transcript_list_free(&list);
    free(language);
    return transcript;
}
