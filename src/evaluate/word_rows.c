#include "evaluate/word_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

#define PURPOSE 0x766F6361 /* of the draws */

static int64_t count_rows(const struct valence_store *store, const struct stream_map *map)
{
    int64_t n = 0;
    for (int64_t clip = 0; clip < valence_store_n_clips(store); clip++)
        n += clip_rows(store, map, clip, VALENCE_STREAM_TEXT);
    return n;
}

/* Knuth's selection sampling: goes over all rows once, in their order, and takes each with the
 * probability that leaves the right number. */
static int take_rows(const struct valence_store *store, const struct stream_map *map, int64_t total,
                     int64_t wanted, size_t row_bytes, struct random_source *source,
                     struct word_rows *words, struct valence_error *error)
{
    int stream = map->index[VALENCE_STREAM_TEXT], status = VALENCE_OK;
    int64_t seen = 0;
    for (int64_t clip = 0; clip < valence_store_n_clips(store) && !status; clip++) {
        int64_t n = clip_rows(store, map, clip, VALENCE_STREAM_TEXT);
        for (int64_t row = 0; row < n && !status; row++, seen++) {
            if (random_below(source, total - seen) >= wanted - words->n)
                continue;
            status = valence_store_read_rows(store, clip, stream, row, 1,
                                             words->rows + (size_t)words->n * row_bytes, error);
            words->n++;
        }
    }
    return status;
}

int word_rows_draw(const struct valence_store *store, const struct stream_map *map, uint64_t seed,
                   struct word_rows *words, struct valence_error *error)
{
    struct random_source source = random_source(seed, PURPOSE);
    int stream = map->index[VALENCE_STREAM_TEXT];
    int64_t total = stream < 0 ? 0 : count_rows(store, map);
    *words = (struct word_rows){0};
    if (total == 0)
        return fail(error, VALENCE_ERROR_NOT_FOUND,
                    "%s: no text that the model reads, so there are no words to draw from",
                    valence_store_path(store));
    size_t row_bytes = (size_t)map->width[VALENCE_STREAM_TEXT] *
                       valence_dtype_size(valence_store_get_stream(store, stream)->type);
    int64_t wanted = total < MAX_WORD_ROWS ? total : MAX_WORD_ROWS;
    words->rows = allocate(wanted, row_bytes);
    if (!words->rows)
        return fail_memory(error, (size_t)wanted * row_bytes, "words");
    return take_rows(store, map, total, wanted, row_bytes, &source, words, error);
}

void word_rows_free(struct word_rows *words)
{
    free(words->rows);
    *words = (struct word_rows){0};
}

bool clip_rows_are_words(const struct valence_store *store, const struct stream_map *map,
                         int64_t clip)
{
    const char *text = valence_store_clip(store, clip)->transcript;
    int64_t n = 0;
    while (text && *(text += strspn(text, " \t\r\n"))) {
        text += strcspn(text, " \t\r\n");
        n++;
    }
    return n > 0 && n == clip_rows(store, map, clip, VALENCE_STREAM_TEXT);
}
