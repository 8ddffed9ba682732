#include "encode/whisper/transcript.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

#define MAX_TEXT_BYTES 65536

/* A longer pause that was left out of what was transcribed is not within a segment. */
#define MAX_PAUSE_SECONDS 1.0

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

/* ---- Pieces ---- */

/* What is added at once. */
struct reading {
    const struct heard_segment *heard;
    const struct heard_sound *sound;
    bool words;
};

/* Some tokens of a segment: all, or those up to a pause that is too long for a segment. */
struct piece {
    int first, end; /* tokens */
    /* The spans of speech of its first and last word; -1 where speech was not looked for. */
    int first_span, last_span;
};

static double seconds_of(int64_t hundredths)
{
    return (double)hundredths / 100;
}

/* Whether a piece may begin with the token: at a blank, or in scripts that write none (characters
 * of three bytes and more) at any character. */
static bool may_begin(const struct heard_token *token)
{
    unsigned char first = (unsigned char)*token->text;
    return token->is_spoken && (first == ' ' || first >= 0xE0);
}

/* The span that holds the middle of the word, or character, that begins with token i. */
static int span_of(const struct reading *r, int i)
{
    const struct heard_token *tokens = r->heard->tokens;
    int last = i;
    for (int j = i + 1; j < r->heard->n_tokens && tokens[j].is_spoken && !may_begin(&tokens[j]);
         j++)
        last = j;
    double middle = seconds_of(tokens[i].data.t0 + tokens[last].data.t1) / 2;
    return speech_span_at(r->sound->speech, middle);
}

static struct piece next_piece(const struct reading *r, int first)
{
    const struct heard_segment *heard = r->heard;
    const struct speech *speech = r->sound->speech;
    struct piece piece = {first, heard->n_tokens, -1, -1};
    for (int i = first; speech && i < heard->n_tokens; i++) {
        bool is_first = piece.first_span < 0 && heard->tokens[i].is_spoken;
        if (!is_first && !may_begin(&heard->tokens[i]))
            continue;
        int span = span_of(r, i);
        if (is_first)
            piece.first_span = piece.last_span = span;
        if (span <= piece.last_span)
            continue;
        if (speech_pause(speech, piece.last_span, span) > MAX_PAUSE_SECONDS) {
            piece.end = i;
            break;
        }
        piece.last_span = span;
    }
    if (speech && piece.first_span < 0) /* nothing is spoken */
        piece.first_span = piece.last_span = speech_span_at(speech, heard->start);
    return piece;
}

/* ---- Times ---- */

/* The time in the sound of a time in what was transcribed; a span of speech keeps it. */
static double sound_time(const struct reading *r, int span, double seconds)
{
    const struct speech *speech = r->sound->speech;
    return r->sound->begin + (speech ? speech_time(speech, span, seconds) : seconds);
}

/* A segment's own times at its ends; at a pause, those of the tokens beside it. */
static void find_times(const struct reading *r, const struct piece *piece, double *start,
                       double *end)
{
    const struct heard_segment *heard = r->heard;
    double from =
        piece->first == 0 ? heard->start : seconds_of(heard->tokens[piece->first].data.t0);
    double to = piece->end == heard->n_tokens ? heard->end
                                              : seconds_of(heard->tokens[piece->end - 1].data.t1);
    *start = sound_time(r, piece->first_span, from);
    *end = sound_time(r, piece->last_span, to);
    *end = *end < *start ? *start : *end;
}

/* ---- Words ---- */

struct open_word {
    struct text text;
    double start, end, probabilities;
    int64_t n_tokens;
    int span;
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

/* The span of speech of the word that begins with token i, within those of its piece. */
static int word_span(const struct reading *r, const struct piece *piece, int i)
{
    int span = r->sound->speech ? span_of(r, i) : -1;
    return span < piece->first_span  ? piece->first_span
           : span > piece->last_span ? piece->last_span
                                     : span;
}

/* Words are tokens up to the next one that begins with a blank. */
static int add_words(struct valence_speech_segment *segment, const struct reading *r,
                     const struct piece *piece, struct valence_error *error)
{
    struct valence_word *words = allocate(piece->end - piece->first + 1, sizeof *words);
    struct open_word word = {.text = {.maximum = MAX_TEXT_BYTES}};
    int status = words ? VALENCE_OK : fail_memory(error, 0, "words");
    segment->words = words;
    for (int i = piece->first; !status && i < piece->end; i++) {
        const struct heard_token *token = &r->heard->tokens[i];
        if (!token->is_spoken)
            continue;
        if (token->text[0] == ' ' && word.n_tokens > 0)
            status = close_word(&word, words, &segment->n_words, error);
        if (word.n_tokens == 0) {
            word.span = word_span(r, piece, i);
            word.start = sound_time(r, word.span, seconds_of(token->data.t0));
        }
        word.end = sound_time(r, word.span, seconds_of(token->data.t1));
        word.probabilities += token->data.p;
        word.n_tokens++;
        text_append(&word.text, token->text, strlen(token->text));
    }
    if (!status && word.n_tokens > 0)
        status = close_word(&word, words, &segment->n_words, error);
    text_free(&word.text);
    return status;
}

/* ---- Segments ---- */

static int add_tokens(struct valence_speech_segment *segment, const struct reading *r,
                      const struct piece *piece, struct valence_error *error)
{
    int n = piece->end - piece->first;
    int32_t *tokens = allocate(n + 1, sizeof *tokens);
    if (!tokens)
        return fail_memory(error, 0, "tokens");
    double probabilities = 0, logarithms = 0;
    int64_t n_spoken = 0;
    segment->tokens = tokens;
    segment->n_tokens = n;
    for (int i = 0; i < n; i++) {
        const struct heard_token *token = &r->heard->tokens[piece->first + i];
        tokens[i] = token->data.id;
        if (!token->is_spoken)
            continue;
        probabilities += token->data.p;
        logarithms += token->data.plog;
        n_spoken++;
    }
    segment->confidence = n_spoken ? probabilities / (double)n_spoken : 0;
    segment->avg_logprob = n_spoken ? logarithms / (double)n_spoken : 0;
    segment->no_speech_prob = r->heard->no_speech_prob;
    return VALENCE_OK;
}

/* The texts of the piece's spoken tokens, as whisper.cpp joins them. */
static char *join_tokens(const struct reading *r, const struct piece *piece)
{
    struct text said = {.maximum = MAX_TEXT_BYTES};
    text_append(&said, "", 0);
    for (int i = piece->first; i < piece->end; i++)
        if (r->heard->tokens[i].is_spoken)
            text_append(&said, r->heard->tokens[i].text, strlen(r->heard->tokens[i].text));
    char *copy = said.failed || !said.data ? NULL : copy_text(said.data, said.length);
    text_free(&said);
    return copy;
}

static int add_piece(struct transcript_list *list, const struct reading *r,
                     const struct piece *piece, struct valence_error *error)
{
    double start, end;
    struct valence_speech_segment *segment;
    char *text = join_tokens(r, piece);
    find_times(r, piece, &start, &end);
    int status = text ? transcript_list_add(list, text, strlen(text), start, end, &segment, error)
                      : fail_memory(error, 0, "a segment");
    free(text);
    if (!status)
        status = add_tokens(segment, r, piece, error);
    return status || !r->words ? status : add_words(segment, r, piece, error);
}

int transcript_add_heard(struct transcript_list *list, const struct heard_segment *heard,
                         const struct heard_sound *sound, bool words, struct valence_error *error)
{
    const struct reading r = {heard, sound, words};
    int status = VALENCE_OK, first = 0;
    do {
        struct piece piece = next_piece(&r, first);
        status = add_piece(list, &r, &piece, error);
        first = piece.end;
    } while (!status && first < heard->n_tokens);
    return status;
}

/* ---- whisper.cpp ---- */

static int add_segment(struct transcript_list *list, struct whisper_context *context,
                       struct whisper_state *state, int index, const struct heard_sound *sound,
                       bool words, struct valence_error *error)
{
    int n = whisper_full_n_tokens_from_state(state, index);
    struct heard_token *tokens = allocate(n + 1, sizeof *tokens);
    if (!tokens)
        return fail_memory(error, (size_t)n * sizeof *tokens, "tokens");
    for (int i = 0; i < n; i++) {
        tokens[i].text = whisper_full_get_token_text_from_state(context, state, index, i);
        tokens[i].data = whisper_full_get_token_data_from_state(state, index, i);
        tokens[i].is_spoken = tokens[i].data.id < whisper_token_eot(context);
    }
    const struct heard_segment heard = {
        tokens, n, seconds_of(whisper_full_get_segment_t0_from_state(state, index)),
        seconds_of(whisper_full_get_segment_t1_from_state(state, index)),
        whisper_full_get_segment_no_speech_prob_from_state(state, index)};
    int status = transcript_add_heard(list, &heard, sound, words, error);
    free(tokens);
    return status;
}

int transcript_add_block(struct transcript_list *list, struct whisper_context *context,
                         struct whisper_state *state, const struct heard_sound *sound, bool words,
                         struct valence_error *error)
{
    int n = whisper_full_n_segments_from_state(state), status = VALENCE_OK;
    for (int i = 0; !status && i < n; i++)
        status = add_segment(list, context, state, i, sound, words, error);
    return status;
}
