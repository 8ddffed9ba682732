/* Words that are deleted and replaced before encoding: how often, which, and where they come from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/stores/damaged_words.h"

#define N_CLIPS 400
#define N_WORDS 25
#define SEED    7

static char folder[128];
static struct valence_store *store;

static void must(int status, const struct valence_error *error)
{
    if (status)
        fail_msg("%s", error->text);
}

/* Clip i says "i-0 i-1 ... i-24", with blanks of several kinds. */
static void write_transcript(int clip, char *to)
{
    to += sprintf(to, " ");
    for (int word = 0; word < N_WORDS; word++)
        to += sprintf(to, "%d-%d%s", clip, word, word % 3 ? " " : "\t\n");
}

static int make_store(void **state)
{
    (void)state;
    char path[160], transcript[N_WORDS * 16], id[16];
    struct valence_store_writer *writer;
    struct valence_error error;
    snprintf(folder, sizeof folder, "%s/valence-words-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    must(valence_store_writer_open(path, NULL, 0, NULL, &writer, &error), &error);
    for (int i = 0; i < N_CLIPS; i++) {
        snprintf(id, sizeof id, "clip-%d", i);
        write_transcript(i, transcript);
        struct valence_clip clip = {.id = id, .transcript = transcript, .split = VALENCE_TRAIN};
        must(valence_store_writer_add(writer, &clip, NULL, 0, &error), &error);
    }
    must(valence_store_writer_finish(writer, &error), &error);
    must(valence_store_writer_close(writer, &error), &error);
    must(valence_store_open(path, NULL, &store, &error), &error);
    return 0;
}

static int drop_store(void **state)
{
    (void)state;
    valence_store_close(store);
    char command[192];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* What became of every word of every clip: -1 deleted, 0 as it was, 1 replaced. */
static signed char *fates(double drop, double replace, uint64_t seed)
{
    signed char *fate = malloc(N_CLIPS * N_WORDS);
    struct word_damage damage;
    struct valence_error error;
    must(word_damage_open(store, drop, replace, seed, &damage, &error), &error);
    assert_int_equal(damage.n, N_CLIPS * N_WORDS);
    memset(fate, -1, N_CLIPS * N_WORDS);
    for (int64_t i = 0; i < N_CLIPS; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        struct damaged_text damaged;
        must(word_damage_apply(&damage, clip->id, clip->transcript, &damaged, &error), &error);
        const char *at = damaged.text;
        for (int64_t k = 0; k < damaged.n; k++) {
            char own[16];
            int clip_of, word_of, length;
            int64_t origin = damaged.origins[k];
            assert_true(origin >= 0 && origin < N_WORDS);
            assert_true(k == 0 || origin > damaged.origins[k - 1]);
            snprintf(own, sizeof own, "%d-%d", (int)i, (int)origin);
            assert_int_equal(sscanf(at, "%d-%d%n", &clip_of, &word_of, &length), 2);
            assert_true(clip_of >= 0 && clip_of < N_CLIPS && word_of >= 0 && word_of < N_WORDS);
            bool same = strlen(own) == (size_t)length && strncmp(at, own, (size_t)length) == 0;
            fate[i * N_WORDS + origin] = !same;
            assert_true(at[length] == (k + 1 < damaged.n ? ' ' : 0));
            at += length + (k + 1 < damaged.n);
        }
        damaged_text_free(&damaged);
    }
    word_damage_close(&damage);
    return fate;
}

static void assert_share(const signed char *fate, int which, double share)
{
    int n = 0;
    for (int i = 0; i < N_CLIPS * N_WORDS; i++)
        n += fate[i] == which;
    /* 10,000 words: five deviations are below 0.025 */
    if (n < (share - 0.025) * N_CLIPS * N_WORDS || n > (share + 0.025) * N_CLIPS * N_WORDS)
        fail_msg("%d words of %d have fate %d, not %g of them", n, N_CLIPS * N_WORDS, which, share);
}

static void test_words_are_lost_at_their_rates(void **state)
{
    (void)state;
    signed char *fate = fates(0.3, 0.2, SEED);
    assert_share(fate, -1, 0.3);
    assert_share(fate, 1, 0.2);
    free(fate);
    fate = fates(0, 0, SEED);
    for (int i = 0; i < N_CLIPS * N_WORDS; i++)
        assert_int_equal(fate[i], 0);
    free(fate);
    fate = fates(1, 0, SEED);
    for (int i = 0; i < N_CLIPS * N_WORDS; i++)
        assert_int_equal(fate[i], -1);
    free(fate);
}

static void test_a_higher_rate_loses_what_a_lower_one_loses(void **state)
{
    (void)state;
    signed char *low = fates(0.2, 0, SEED), *high = fates(0.6, 0, SEED);
    signed char *other = fates(0.2, 0, SEED + 1), *again = fates(0.2, 0, SEED);
    for (int i = 0; i < N_CLIPS * N_WORDS; i++)
        assert_true(low[i] != -1 || high[i] == -1);
    assert_memory_equal(low, again, N_CLIPS * N_WORDS);
    assert_true(memcmp(low, other, N_CLIPS * N_WORDS) != 0);
    free(low);
    free(high);
    free(other);
    free(again);
}

static void test_wrong_rates_are_refused(void **state)
{
    (void)state;
    static const struct {
        double drop, replace;
        const char *key;
    } wrong[] = {{-0.1, 0, "drop_words"},     {1.1, 0, "drop_words"},
                 {NAN, 0, "drop_words"},      {0, -0.1, "replace_words"},
                 {0.6, 0.5, "replace_words"}, {0, NAN, "replace_words"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct word_damage damage;
        struct valence_error error;
        assert_int_equal(
            word_damage_open(store, wrong[i].drop, wrong[i].replace, SEED, &damage, &error),
            VALENCE_ERROR_ARGUMENT);
        assert_string_equal(error.key, wrong[i].key);
        word_damage_close(&damage);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_lost_at_their_rates),
        cmocka_unit_test(test_a_higher_rate_loses_what_a_lower_one_loses),
        cmocka_unit_test(test_wrong_rates_are_refused),
    };
    return cmocka_run_group_tests_name("damaged_words", tests, make_store, drop_store);
}
