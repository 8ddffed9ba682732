#include "report/score_words.h"

#include <jansson.h>
#include <string.h>

/* As words.js separates them. */
static const char blanks[] = " \t\n\v\f\r";

static int64_t count_words(const char *text)
{
    int64_t n = 0;
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks), n++)
        text += strcspn(text, blanks);
    return n;
}

/* {"text": {"row_words": [0, 0, 1, -1]}}: false where it is not of these rows and words. */
static bool read_metadata(const char *metadata, const char *stream, int64_t n_rows, int64_t n_words,
                          int64_t *words)
{
    json_t *root = *metadata ? json_loads(metadata, 0, NULL) : NULL;
    const json_t *list = json_object_get(json_object_get(root, stream), "row_words");
    bool fits = json_is_array(list) && (int64_t)json_array_size(list) == n_rows;
    for (int64_t i = 0; i < n_rows && fits; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        json_int_t word = json_integer_value(value);
        fits = json_is_integer(value) && word >= -1 && word < n_words;
        if (fits && words)
            words[i] = word;
    }
    json_decref(root);
    return fits;
}

int64_t clip_row_words(const struct valence_clip *clip, const char *stream, int64_t n_rows,
                       int64_t *words)
{
    int64_t n_words = count_words(clip->transcript);
    if (n_rows < 1 || n_words < 1)
        return 0;
    if (read_metadata(clip->metadata, stream, n_rows, n_words, words))
        return n_words;
    if (n_rows != n_words)
        return 0;
    for (int64_t i = 0; i < n_rows && words; i++)
        words[i] = i;
    return n_words;
}
