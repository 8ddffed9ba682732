/* Every change of what a training reads changes its fingerprint, in the part that it belongs to;
 * and what labels of a store mean. */
#include <math.h>

#include "store_fixture.h"

#include "data/data_fingerprint.h"

#define N_CLIPS 10

static const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {"audio", "text", "", ""};
static const struct valence_store_stream streams[2] = {{"audio", 3, VALENCE_F32},
                                                       {"text", 2, VALENCE_F16}};

/* How a store differs from the first one, at clip `at`. */
struct change {
    int at; /* -1: nothing */
    const char *id;
    float label_less;
    bool other_split;
    int n_rows_more;
    float row_more;
};

static void add_clip(struct valence_store_writer *writer, int i, const struct change *change)
{
    bool here = i == change->at;
    char id[32];
    float rows[2][12];
    snprintf(id, sizeof id, "clip %d", i);
    for (int s = 0; s < 2; s++)
        for (int j = 0; j < 12; j++)
            rows[s][j] = (float)(i * 12 + j) * 0.125f;
    if (here)
        rows[0][4] += change->row_more;
    struct valence_clip clip = {
        .id = here && change->id ? change->id : id,
        .group = "",
        .transcript = "",
        .label = (float)(i % 5) - 1.5f - (here ? change->label_less : 0),
        .split = (enum valence_split)(here && change->other_split ? VALENCE_VALIDATION : i % 3)};
    struct valence_clip_rows of[2] = {{0, 2 + (here ? change->n_rows_more : 0), rows[0]},
                                      {1, 3, rows[1]}};
    assert_fine(valence_store_writer_add(writer, &clip, of, 2, &error));
}

static struct valence_store *make_store(const char *name, struct change change)
{
    struct valence_store_writer *writer;
    struct valence_store *store;
    assert_fine(valence_store_writer_open(in_folder(name), streams, 2, NULL, &writer, &error));
    for (int i = 0; i < N_CLIPS; i++)
        add_clip(writer, i, &change);
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
    return store;
}

static void fingerprint_of(const char *name, struct change change,
                           char text[DATA_FINGERPRINT_BYTES])
{
    struct valence_store *store = make_store(name, change);
    assert_fine(data_fingerprint(store, names, NULL, text, &error));
    valence_store_close(store);
}

/* Clips 0, 3, 6 and 9 are of the training part, 1, 4 and 7 of the validation part, the rest tests.
 */
static void test_every_change_of_what_is_trained_on_shows(void **state)
{
    (void)state;
    static const struct {
        struct change change;
        enum data_match match;
    } cases[] = {{{.at = -1}, DATA_SAME},
                 {{.at = 3, .id = "another"}, DATA_OTHER_RECORDS},
                 {{.at = 4, .label_less = 0.5f}, DATA_OTHER_RECORDS},
                 {{.at = 6, .other_split = true}, DATA_OTHER_RECORDS},
                 {{.at = 9, .n_rows_more = 1}, DATA_OTHER_RECORDS},
                 {{.at = 9, .row_more = 1e-6f}, DATA_OTHER_ROWS},
                 {{.at = 1, .row_more = 0.5f}, DATA_OTHER_ROWS},
                 {{.at = 2, .row_more = 3, .label_less = 1}, DATA_SAME}, /* of the test part */
                 {{.at = 5, .id = "another"}, DATA_SAME}};
    char first[DATA_FINGERPRINT_BYTES], other[DATA_FINGERPRINT_BYTES];
    fingerprint_of("first", (struct change){.at = -1}, first);
    assert_int_equal(strlen(first), DATA_FINGERPRINT_BYTES - 1);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char name[16];
        snprintf(name, sizeof name, "case %zu", c);
        fingerprint_of(name, cases[c].change, other);
        if (data_fingerprint_match(first, other) != cases[c].match)
            fail_msg("case %zu: %s and %s", c, first, other);
        struct valence_store *store;
        enum data_match match;
        assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
        assert_fine(data_fingerprint_compare(store, names, first, &match, &error));
        assert_int_equal(match, cases[c].match); /* so few clips are all in the sample */
        valence_store_close(store);
    }
}

static void test_other_streams_and_texts_match_nothing(void **state)
{
    (void)state;
    static const char deaf[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {"", "text", "", ""};
    char first[DATA_FINGERPRINT_BYTES], other[DATA_FINGERPRINT_BYTES];
    struct valence_store *store = make_store("store", (struct change){.at = -1});
    assert_fine(data_fingerprint(store, names, NULL, first, &error));
    assert_fine(data_fingerprint(store, deaf, NULL, other, &error));
    assert_int_equal(data_fingerprint_match(first, other), DATA_OTHER_RECORDS);
    assert_int_equal(data_fingerprint_match(first, ""), DATA_OTHER_RECORDS);
    enum data_match match;
    assert_fine(data_fingerprint_compare(store, names, "abc", &match, &error));
    assert_int_equal(match, DATA_OTHER_RECORDS);
    valence_store_close(store);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user, (void)event;
    return 1;
}

static void test_a_small_store_is_done_before_anybody_cancels(void **state)
{
    (void)state;
    struct valence_progress progress = {.report = cancel};
    char text[DATA_FINGERPRINT_BYTES];
    struct valence_store *store = make_store("store", (struct change){.at = -1});
    assert_fine(data_fingerprint(store, names, &progress, text, &error));
    valence_store_close(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_every_change_of_what_is_trained_on_shows),
        TEST_IN_FOLDER(test_other_streams_and_texts_match_nothing),
        TEST_IN_FOLDER(test_a_small_store_is_done_before_anybody_cancels),
    };
    return cmocka_run_group_tests_name("data_fingerprint", tests, NULL, NULL);
}
