#include "encode/stores/damaged_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

#define BLANKS " \t\r\n"

/* ---- Words ---- */

/* The next word from *at on, which is moved behind it; of length 0 at the end. */
static struct word next_word(const char **at)
{
    struct word word = {.text = *at + strspn(*at, BLANKS)};
    word.length = strcspn(word.text, BLANKS);
    *at = word.text + word.length;
    return word;
}

static int64_t count_words(const char *text)
{
    int64_t n = 0;
    while (next_word(&text).length)
        n++;
    return n;
}

static const char *transcript_of(const struct valence_store *store, int64_t clip)
{
    const char *transcript = valence_store_clip(store, clip)->transcript;
    return transcript ? transcript : "";
}

static int gather_words(const struct valence_store *store, struct word_damage *damage,
                        struct valence_error *error)
{
    int64_t n_clips = valence_store_n_clips(store), n = 0;
    for (int64_t clip = 0; clip < n_clips; clip++)
        n += count_words(transcript_of(store, clip));
    damage->words = allocate(n + 1, sizeof *damage->words);
    if (!damage->words)
        return fail_memory(error, (size_t)(n + 1) * sizeof *damage->words, "words");
    for (int64_t clip = 0; clip < n_clips; clip++) {
        const char *text = transcript_of(store, clip);
        for (struct word word = next_word(&text); word.length; word = next_word(&text))
            damage->words[damage->n++] = word;
    }
    return VALENCE_OK;
}

/* ---- Damage ---- */

int word_damage_open(const struct valence_store *store, double drop, double replace, uint64_t seed,
                     struct word_damage *damage, struct valence_error *error)
{
    *damage = (struct word_damage){.drop = drop, .replace = replace, .seed = seed};
    if (!(drop >= 0 && drop <= 1))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "drop_words",
                        "words are deleted at a rate of 0 to 1, not %g", drop);
    if (!(replace >= 0 && drop + replace <= 1))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "replace_words",
                        "words are replaced at a rate of 0 to %g, not %g: the others are deleted",
                        1 - drop, replace);
    return gather_words(store, damage, error);
}

void word_damage_close(struct word_damage *damage)
{
    free(damage->words);
    *damage = (struct word_damage){0};
}

/* FNV-1a. */
static uint64_t hash_of(const char *id)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001B3u;
    return hash;
}

/* Two draws for every word, so that one word's fate does not move those behind it. A word of length
 * 0 stands for a deleted one. */
static struct word draw_word(const struct word_damage *damage, struct random_source *source,
                             struct word word)
{
    double fate = random_uniform(source), other = random_uniform(source);
    if (fate < damage->drop)
        return (struct word){.text = ""};
    if (fate >= damage->drop + damage->replace)
        return word;
    int64_t which = (int64_t)(other * (double)damage->n);
    return damage->words[which < damage->n ? which : damage->n - 1]; /* if it was rounded up */
}

/* Writes what is left to `damaged`, where it has room; gives the bytes that it takes. */
static size_t write_words(const struct word_damage *damage, const char *id, const char *transcript,
                          struct damaged_text *damaged)
{
    struct random_source source = random_source(damage->seed, hash_of(id));
    size_t length = 0;
    int64_t number = 0;
    damaged->n = 0;
    for (struct word word = next_word(&transcript); word.length; word = next_word(&transcript)) {
        struct word left = draw_word(damage, &source, word);
        if (left.length && damaged->text) {
            if (damaged->n)
                damaged->text[length] = ' ';
            memcpy(damaged->text + length + (damaged->n > 0), left.text, left.length);
            damaged->origins[damaged->n] = number;
        }
        length += left.length ? left.length + (damaged->n > 0) : 0;
        damaged->n += left.length > 0;
        number++;
    }
    if (damaged->text)
        damaged->text[length] = 0;
    return length + 1;
}

int word_damage_apply(const struct word_damage *damage, const char *id, const char *transcript,
                      struct damaged_text *damaged, struct valence_error *error)
{
    *damaged = (struct damaged_text){0};
    size_t bytes = write_words(damage, id, transcript, damaged);
    damaged->text = allocate((int64_t)bytes, 1);
    damaged->origins = allocate(damaged->n + 1, sizeof *damaged->origins);
    if (!damaged->text || !damaged->origins) {
        damaged_text_free(damaged);
        return fail_memory(error, bytes, "a damaged transcript");
    }
    write_words(damage, id, transcript, damaged);
    return VALENCE_OK;
}

void damaged_text_free(struct damaged_text *damaged)
{
    free(damaged->text);
    free(damaged->origins);
    *damaged = (struct damaged_text){0};
}
