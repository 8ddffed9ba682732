/* Words and sentences. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "score/scorer.h"

#define MAX_WORDS ((int64_t)1 << 24)

void score_words_free(struct valence_word *words, int64_t n)
{
    for (int64_t i = 0; words && i < n; i++)
        free((char *)(uintptr_t)words[i].text);
    free(words);
}

int score_words_copy(const struct valence_word *words, int64_t n, struct valence_word **copy,
                     struct valence_error *error)
{
    *copy = allocate(n + 1, sizeof **copy);
    for (int64_t i = 0; *copy && i < n; i++) {
        (*copy)[i] = words[i];
        (*copy)[i].text = strdup(words[i].text);
        if (!(*copy)[i].text) {
            score_words_free(*copy, i);
            *copy = NULL;
        }
    }
    return *copy ? VALENCE_OK : fail_memory(error, (size_t)n * sizeof **copy, "words");
}

size_t score_blanks(const char *text)
{
    return strspn(text, " \t\r\n\f\v");
}

size_t score_letters(const char *text)
{
    return strcspn(text, " \t\r\n\f\v");
}

int score_words_split(const char *text, struct valence_word **words, int64_t *n,
                      struct valence_error *error)
{
    int64_t capacity = 0;
    int status = VALENCE_OK;
    *words = NULL;
    *n = 0;
    for (text += score_blanks(text); *text && !status; text += score_blanks(text)) {
        size_t length = score_letters(text);
        status = grow_array((void **)words, &capacity, *n + 1, sizeof **words, MAX_WORDS, "words",
                            error);
        char *word = status ? NULL : strndup(text, length);
        if (!status && !word)
            status = fail_memory(error, length, "a word");
        if (word)
            (*words)[(*n)++] = (struct valence_word){.text = word, .confidence = NAN};
        text += length;
    }
    if (status) {
        score_words_free(*words, *n);
        *words = NULL;
        *n = 0;
    }
    return status;
}

/* The marks that end a sentence, in ASCII and in full width; those that may follow them. */
static bool ends_with(const char *text, size_t length, const char *mark)
{
    size_t n = strlen(mark);
    return length >= n && memcmp(text + length - n, mark, n) == 0;
}

static size_t without_closing(const char *text, size_t length)
{
    static const char *const closing[] = {"\"", "'", ")", "]", "\xE2\x80\x9D", "\xE2\x80\x99"};
    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
        if (ends_with(text, length, closing[i]))
            return without_closing(text, length - strlen(closing[i]));
    return length;
}

bool score_ends_sentence(const char *text)
{
    static const char *const marks[] = {
        ".", "!", "?", "\xE2\x80\xA6", "\xE3\x80\x82", "\xEF\xBC\x81", "\xEF\xBC\x9F"};
    size_t length = without_closing(text, strlen(text));
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (ends_with(text, length, marks[i]))
            return true;
    return false;
}
