#include "valence/transcripts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "encode/llm/emoji.h"

const char *const valence_spelling_names[VALENCE_MAX_NAMES] = {"as-is", "lower", "sentence",
                                                               "plain", "words"};

static const char blanks[] = " \t\r\n\v\f";

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Part of a word: a letter, a digit, or of another alphabet. */
static bool is_word(char c)
{
    return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || (c & 0x80);
}

/* Gives a lower-case text a sentence's capitals: its first letter, and every I that stands alone
 * ("i", "i'm"). */
static void capitalise(char *text)
{
    size_t first = strcspn(text, "abcdefghijklmnopqrstuvwxyz");
    bool begins = true; /* no word came before it */
    for (size_t i = 0; i < first; i++)
        begins = begins && !is_word(text[i]);
    if (begins && text[first])
        text[first] = (char)(text[first] - 'a' + 'A');
    for (size_t i = 0; text[i]; i++)
        if (text[i] == 'i' && !is_word(text[i + 1]) && (i == 0 || !is_word(text[i - 1])) &&
            (i == 0 || text[i - 1] != '\''))
            text[i] = 'I';
}

/* Every run of exclamation and question marks as one mark: a question mark where it has one, else a
 * period. */
static void calm(char *text)
{
    char *to = text;
    while (*text) {
        size_t n = strspn(text, "!?");
        if (n == 0)
            *to++ = *text++;
        else
            *to++ = memchr(text, '?', n) ? '?' : '.';
        text += n;
    }
    *to = '\0';
}

/* Puts a period behind a lower-case text that has no mark at its end. There is room for it. */
static void end_sentence(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    text[length] = '\0';
    capitalise(text);
    if (length > 0 && (is_word(text[length - 1]) || strchr(",;:-", text[length - 1]))) {
        length -= !is_word(text[length - 1]);
        memcpy(text + length, ".", 2);
    }
}

/* A copy with room for a period; with emoji as words where asked for. NULL where memory is short.
 */
static char *copy(const char *transcript, bool words)
{
    size_t length = strlen(transcript);
    /* An emoji has 3 bytes at least, and no words of more than 16. */
    struct text text = {.maximum = words ? 8 * length + 2 : length + 2};
    if (words)
        emoji_to_words(&text, transcript);
    else
        text_append(&text, transcript, length);
    length = text.length;
    text_append(&text, ".", 1);
    if (text.failed)
        text_free(&text);
    else
        text.data[length] = '\0';
    return text.data;
}

char *valence_spell(const char *transcript, enum valence_spelling spelling)
{
    if ((unsigned)spelling >= VALENCE_N_SPELLINGS)
        return NULL;
    bool words = spelling == VALENCE_SPELLING_WORDS;
    bool sentence =
        words || spelling == VALENCE_SPELLING_SENTENCE || spelling == VALENCE_SPELLING_PLAIN;
    if (sentence)
        transcript += strspn(transcript, blanks);
    char *text = copy(transcript, words);
    for (size_t i = 0; text && spelling != VALENCE_SPELLING_AS_IS && text[i]; i++)
        if (is_upper(text[i]))
            text[i] = (char)(text[i] - 'A' + 'a');
    if (text && spelling == VALENCE_SPELLING_PLAIN)
        calm(text);
    if (text && sentence)
        end_sentence(text);
    return text;
}
