#include "encode/llm/transcript_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "valence/encoder.h"

static const char blanks[] = " \t\r\n\v\f";

/* ---- Tokens ---- */

/* A token's bytes; one whose piece is longer, which no vocabulary has, is cut. */
struct piece {
    char bytes[256];
    int n;
};

static struct piece piece_of(const struct language_model *model, llama_token token)
{
    struct piece piece;
    piece.n = llama_token_to_piece(model->vocab, token, piece.bytes, sizeof piece.bytes, 0, false);
    piece.n = piece.n < 0 ? 0 : piece.n;
    return piece;
}

/* ---- The prefix ---- */

/* Tokenises a text with what the tokenizer adds, BOS in any case where the prefix asks for it. */
static int tokenize(const struct language_model *model, const struct transcript_prefix *prefix,
                    const char *text, size_t length, llama_token **tokens, int64_t *n,
                    struct valence_error *error)
{
    int status = language_model_tokenize(model, text, length, true, tokens, n, error);
    llama_token bos = llama_vocab_bos(model->vocab);
    if (status || !prefix->bos || (*n > 0 && (*tokens)[0] == bos))
        return status;
    llama_token *longer = allocate(*n + 1, sizeof *longer);
    if (longer) {
        longer[0] = bos;
        memcpy(longer + 1, *tokens, (size_t)*n * sizeof *longer);
        ++*n;
    } else {
        status = fail_memory(error, (size_t)*n * sizeof *longer, "tokens");
    }
    free(*tokens);
    *tokens = longer;
    return status;
}

int transcript_prefix_parse(struct transcript_prefix *prefix, const struct language_model *model,
                            const char *text, struct valence_error *error)
{
    const size_t bos_length = strlen(VALENCE_PREFIX_BOS);
    *prefix = (struct transcript_prefix){0};
    if (!text || !*text)
        return VALENCE_OK;
    prefix->given = true;
    prefix->bos = strncmp(text, VALENCE_PREFIX_BOS, bos_length) == 0;
    text += prefix->bos ? bos_length : 0;
    size_t length = strlen(text);
    if (length >= sizeof prefix->text)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "prefix",
                        "the prefix of %zu bytes is longer than %zu", length,
                        sizeof prefix->text - 1);
    if (llama_vocab_bos(model->vocab) == LLAMA_TOKEN_NULL)
        prefix->bos = false;
    if (!prefix->bos && length == 0)
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "prefix",
                        "%s: the model has no beginning-of-sequence token to put before a "
                        "transcript; use a text as prefix",
                        model->source);
    memcpy(prefix->text, text, length + 1);
    while (length > 0 && strchr(blanks, text[length - 1])) /* a blank belongs to the word behind */
        length--;
    int status = tokenize(model, prefix, text, length, &prefix->tokens, &prefix->n, error);
    return status ? fail_within(status, error, "prefix") : VALENCE_OK;
}

void transcript_prefix_clear(struct transcript_prefix *prefix)
{
    free(prefix->tokens);
    *prefix = (struct transcript_prefix){0};
}

/* ---- The suffix ---- */

/* Whether the tokenizer put a blank of its own before the text, as SentencePiece's do. */
static bool has_own_blank(const struct transcript_suffix *suffix,
                          const struct language_model *model, size_t length)
{
    size_t n_bytes = 0;
    for (int64_t i = 0; i < suffix->n; i++)
        n_bytes += (size_t)piece_of(model, suffix->tokens[i]).n;
    return n_bytes > length;
}

int transcript_suffix_parse(struct transcript_suffix *suffix, const struct language_model *model,
                            const char *text, struct valence_error *error)
{
    size_t length = text ? strlen(text) : 0;
    *suffix = (struct transcript_suffix){0};
    if (length == 0)
        return VALENCE_OK;
    if (length >= sizeof suffix->text)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "suffix",
                        "the suffix of %zu bytes is longer than %zu", length,
                        sizeof suffix->text - 1);
    memcpy(suffix->text, text, length + 1);
    int status =
        language_model_tokenize(model, text, length, false, &suffix->tokens, &suffix->n, error);
    if (!status && text[0] == ' ' && has_own_blank(suffix, model, length)) {
        free(suffix->tokens);
        suffix->tokens = NULL;
        status = language_model_tokenize(model, text + 1, length - 1, false, &suffix->tokens,
                                         &suffix->n, error);
    }
    return status ? fail_within(status, error, "suffix") : VALENCE_OK;
}

void transcript_suffix_clear(struct transcript_suffix *suffix)
{
    free(suffix->tokens);
    *suffix = (struct transcript_suffix){0};
}

/* ---- Transcripts ---- */

/* How many tokens at the beginning are no part of the transcript. */
static int64_t count_lead(const struct transcript_tokens *transcript,
                          const struct language_model *model,
                          const struct transcript_prefix *prefix)
{
    int64_t n = 0;
    if (!prefix->given)
        return llama_vocab_get_add_bos(model->vocab) && transcript->n > 0 &&
               transcript->tokens[0] == llama_vocab_bos(model->vocab);
    while (n < prefix->n && n < transcript->n && prefix->tokens[n] == transcript->tokens[n])
        n++;
    return n;
}

/* Whether the tokenizer put a token behind the text, as BERT's do. */
static bool has_end_token(const struct transcript_tokens *transcript,
                          const struct language_model *model)
{
    return (llama_vocab_get_add_eos(model->vocab) || llama_vocab_get_add_sep(model->vocab)) &&
           transcript->n > transcript->first &&
           llama_vocab_is_control(model->vocab, transcript->tokens[transcript->n - 1]);
}

/* Puts the suffix's tokens before token `at`. */
static int insert_suffix(struct transcript_tokens *transcript, int64_t at,
                         const struct transcript_suffix *suffix, struct valence_error *error)
{
    int64_t behind = transcript->n - at;
    transcript->suffix = transcript->suffix_end = at;
    if (suffix->n == 0)
        return VALENCE_OK;
    llama_token *longer = allocate(transcript->n + suffix->n, sizeof *longer);
    if (!longer)
        return fail_memory(error, (size_t)transcript->n * sizeof *longer, "tokens");
    memcpy(longer, transcript->tokens, (size_t)at * sizeof *longer);
    memcpy(longer + at, suffix->tokens, (size_t)suffix->n * sizeof *longer);
    memcpy(longer + at + suffix->n, transcript->tokens + at, (size_t)behind * sizeof *longer);
    free(transcript->tokens);
    transcript->tokens = longer;
    transcript->n += suffix->n;
    transcript->suffix_end += suffix->n;
    return VALENCE_OK;
}

int transcript_tokens_read(struct transcript_tokens *transcript, const struct language_model *model,
                           const struct transcript_frame *frame, const char *text,
                           struct valence_error *error)
{
    const struct transcript_prefix *prefix = &frame->prefix;
    *transcript = (struct transcript_tokens){0};
    if (!text)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the text is missing");
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    if (length == 0)
        return VALENCE_OK;
    transcript->n_bytes = (int64_t)length;
    struct text whole = {.maximum = TEXT_MAX_BYTES + PREFIX_TEXT_BYTES};
    text_append(&whole, prefix->text, strlen(prefix->text));
    text_append(&whole, text, length);
    int status = length > TEXT_MAX_BYTES
                     ? fail(error, VALENCE_ERROR_LIMIT, "a text of %zu bytes is longer than %d",
                            length, TEXT_MAX_BYTES)
                 : whole.failed ? fail_memory(error, length, "a text")
                                : tokenize(model, prefix, whole.data, whole.length,
                                           &transcript->tokens, &transcript->n, error);
    text_free(&whole);
    if (status || transcript->n == 0)
        return status;
    transcript->lead = count_lead(transcript, model, prefix);
    transcript->first = prefix->given || frame->drop_special ? transcript->lead : 0;
    int64_t n_added = has_end_token(transcript, model);
    status = insert_suffix(transcript, transcript->n - n_added, &frame->suffix, error);
    transcript->end = transcript->n - (frame->drop_special ? n_added : 0);
    return status;
}

/* ---- Words ---- */

static bool is_blank(char c)
{
    return c && strchr(blanks, c);
}

void transcript_tokens_find_words(const struct transcript_tokens *transcript,
                                  const struct language_model *model, int64_t *words)
{
    /* What stands before the text, a prefix or the blank that some tokenizers put there, is
     * counted off: it need not end with a token. */
    int64_t before = -transcript->n_bytes, word = -1;
    bool in_word = false;
    for (int64_t i = 0; i < transcript->suffix; i++)
        before += piece_of(model, transcript->tokens[i]).n;
    for (int64_t i = transcript->suffix; i < transcript->n; i++)
        words[i] = -1; /* the suffix, and what the tokenizer put behind it */
    for (int64_t i = 0; i < transcript->suffix; i++) {
        const struct piece piece = piece_of(model, transcript->tokens[i]);
        int64_t first = -1;
        for (int j = 0; j < piece.n; j++) {
            if (before-- > 0)
                continue;
            word += !is_blank(piece.bytes[j]) && !in_word;
            in_word = !is_blank(piece.bytes[j]);
            if (in_word && first < 0)
                first = word;
        }
        bool is_blanks = first < 0 && piece.n > 0; /* they belong to the word behind them */
        words[i] = i < transcript->lead ? -1 : is_blanks ? word + 1 : first;
    }
}
