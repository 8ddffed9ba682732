#include "encode/whisper/transcript.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

#define MAX_TEXT_BYTES   65536
#define LEAST_HUNDREDTHS 10 /* of a segment of speech parts */

/* Seconds of the sound at what whisper.cpp calls `time`, 1/100 s of what it has heard. */
static double seconds_at(const struct whisper_hearing *heard, int64_t time)
{
    return (double)(heard->parts ? speech_parts_time(heard->parts, time) : time) / 100;
}

/* ---- Text ---- */

/* A copy that is UTF-8: a token may end within a character, and so may a segment. */
static char *copy_text(const char *text, size_t length)
{
    while (length > 0 && !is_utf8(text, length)) {
        size_t shorter = length - 1;
        if (length > 4 && !is_utf8(text, length - 1) && !is_utf8(text, length - 2) &&
            !is_utf8(text, length - 3))
            break; /* the damage is not at its end */
        length = shorter;
    }
    return strndup(is_utf8(text, length) ? text : "\xEF\xBF\xBD",
                   is_utf8(text, length) ? length : 3);
}

/* ---- Words ---- */

struct open_word {
    struct text text;
    double start, end, probabilities;
    int64_t n_tokens;
};

/* Puts the word into the list, unless it is blank. */
static int close_word(struct open_word *word, struct valence_word *words, int64_t *n,
                      struct valence_error *error)
{
    const char *text = word->text.data ? word->text.data : "";
    size_t length = strlen(text), blanks = strspn(text, " ");
    int status = VALENCE_OK;
    if (word->text.failed) {
        status = fail_memory(error, length, "a word");
    } else if (length > blanks) {
        char *copy = copy_text(text + blanks, length - blanks);
        if (!copy)
            status = fail_memory(error, length, "a word");
        else
            words[(*n)++] = (struct valence_word){copy, word->start, word->end,
                                                  word->probabilities / (double)word->n_tokens};
    }
    text_free(&word->text);
    *word = (struct open_word){.text = {.maximum = MAX_TEXT_BYTES}};
    return status;
}

/* Words are tokens up to the next one that begins with a blank. */
static int add_words(struct valence_speech_segment *segment, const struct whisper_hearing *heard,
                     int index, double begin, struct valence_error *error)
{
    int n_tokens = whisper_full_n_tokens_from_state(heard->state, index);
    struct valence_word *words = allocate(n_tokens + 1, sizeof *words);
    struct open_word word = {.text = {.maximum = MAX_TEXT_BYTES}};
    int status = words ? VALENCE_OK : fail_memory(error, 0, "words");
    segment->words = words;
    for (int i = 0; !status && i < n_tokens; i++) {
        whisper_token_data token = whisper_full_get_token_data_from_state(heard->state, index, i);
        const char *text =
            whisper_full_get_token_text_from_state(heard->context, heard->state, index, i);
        if (token.id >= whisper_token_eot(heard->context))
            continue;
        if (text[0] == ' ' && word.n_tokens > 0)
            status = close_word(&word, words, &segment->n_words, error);
        if (word.n_tokens == 0)
            word.start = begin + seconds_at(heard, token.t0);
        word.end = begin + seconds_at(heard, token.t1);
        word.probabilities += token.p;
        word.n_tokens++;
        text_append(&word.text, text, strlen(text));
    }
    if (!status && word.n_tokens > 0)
        status = close_word(&word, words, &segment->n_words, error);
    text_free(&word.text);
    return status;
}

/* ---- Segments ---- */

static int add_tokens(struct valence_speech_segment *segment, const struct whisper_hearing *heard,
                      int index, struct valence_error *error)
{
    int n = whisper_full_n_tokens_from_state(heard->state, index);
    int32_t *tokens = allocate(n + 1, sizeof *tokens);
    if (!tokens)
        return fail_memory(error, 0, "tokens");
    double probabilities = 0, logarithms = 0;
    int64_t n_spoken = 0;
    segment->tokens = tokens;
    segment->n_tokens = n;
    for (int i = 0; i < n; i++) {
        whisper_token_data token = whisper_full_get_token_data_from_state(heard->state, index, i);
        tokens[i] = token.id;
        if (token.id >= whisper_token_eot(heard->context))
            continue;
        probabilities += token.p;
        logarithms += token.plog;
        n_spoken++;
    }
    segment->confidence = n_spoken ? probabilities / (double)n_spoken : 0;
    segment->avg_logprob = n_spoken ? logarithms / (double)n_spoken : 0;
    segment->no_speech_prob =
        whisper_full_get_segment_no_speech_prob_from_state(heard->state, index);
    return VALENCE_OK;
}

int transcript_add_block(struct transcript_list *list, const struct whisper_hearing *heard,
                         bool words, double begin, struct valence_error *error)
{
    int n = whisper_full_n_segments_from_state(heard->state), status = VALENCE_OK;
    for (int i = 0; !status && i < n; i++) {
        const char *said = whisper_full_get_segment_text_from_state(heard->state, i);
        char *text = copy_text(said, strlen(said));
        struct valence_speech_segment *segment;
        double start = seconds_at(heard, whisper_full_get_segment_t0_from_state(heard->state, i));
        double end = seconds_at(heard, whisper_full_get_segment_t1_from_state(heard->state, i));
        if (heard->parts && end - start < LEAST_HUNDREDTHS / 100.0 - 1e-9)
            end = start + LEAST_HUNDREDTHS / 100.0;
        status = !text ? fail_memory(error, strlen(said), "a segment")
                       : transcript_list_add(list, text, strlen(text), begin + start, begin + end,
                                             &segment, error);
        free(text);
        if (!status)
            status = add_tokens(segment, heard, i, error);
        if (!status && words)
            status = add_words(segment, heard, i, begin, error);
    }
    return status;
}
