/* What the labels of a store mean. */
#include <math.h>

#include "store_fixture.h"

#include "valence/evaluate.h"

static const struct valence_store_stream audio = {"audio", 1, VALENCE_F32};

/* Six clips with the three labels in turn; `source` may be NULL, and a scale of equal ends is not
 * declared. */
static struct valence_store *make_store(const char *name, const float labels[3], const char *source,
                                        struct valence_label_scale scale)
{
    struct valence_store_writer *writer;
    struct valence_store *store;
    const float row = 1;
    assert_fine(valence_store_writer_open(in_folder(name), &audio, 1, NULL, &writer, &error));
    if (source)
        assert_fine(valence_store_writer_set_source(writer, source, &error));
    if (scale.low < scale.high)
        assert_fine(valence_store_writer_set_label_scale(writer, &scale, &error));
    for (int i = 0; i < 6; i++) {
        char id[16];
        snprintf(id, sizeof id, "clip %d", i);
        struct valence_clip clip = {.id = id,
                                    .group = "",
                                    .transcript = "",
                                    .label = labels[i % 3],
                                    .split = VALENCE_TRAIN};
        struct valence_clip_rows rows = {0, 1, &row};
        assert_fine(valence_store_writer_add(writer, &clip, &rows, 1, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
    return store;
}

static void test_the_scale_follows_labels_and_what_was_declared(void **state)
{
    (void)state;
    static const struct {
        float labels[3];
        const char *source;
        struct valence_label_scale declared;
        enum valence_scale scale;
    } cases[] = {
        {{0.4f, -2.6f, 1}, NULL, {.low = 0}, VALENCE_SCALE_SENTIMENT},
        {{0.4f, -2.6f, 1}, "{\"label_range\": [-3, 3]}", {.low = 0}, VALENCE_SCALE_SENTIMENT},
        {{0.2f, -0.8f, 0.4f}, "{\"label_range\": [-1.0, 1.0]}", {.low = 0}, VALENCE_SCALE_SIMS},
        {{0.2f, -0.8f, 0.4f},
         "{\"label_range\": [-3, 3]}",
         {.name = "CH-SIMS", .low = -1, .high = 1},
         VALENCE_SCALE_SIMS},
        {{0.2f, -0.8f, 0.4f}, NULL, {.low = 0}, VALENCE_SCALE_SENTIMENT},
        {{-1, 0, 1}, NULL, {.low = 0}, VALENCE_SCALE_CLASSES3},
        {{-1, 0, 1}, "{\"label_range\": [-1, 1]}", {.low = 0}, VALENCE_SCALE_CLASSES3},
        {{1, 5, 3}, NULL, {.low = 0}, VALENCE_SCALE_OTHER},
        {{1, 2, 3}, "{\"label_range\": [1, 5]}", {.low = 0}, VALENCE_SCALE_OTHER},
        {{NAN, NAN, NAN}, NULL, {.low = 0}, VALENCE_SCALE_SENTIMENT},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char name[16];
        snprintf(name, sizeof name, "store %zu", c);
        struct valence_store *store =
            make_store(name, cases[c].labels, cases[c].source, cases[c].declared);
        if (valence_store_scale(store) != cases[c].scale)
            fail_msg("case %zu: %s", c, valence_scale_names[valence_store_scale(store)]);
        valence_store_close(store);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_the_scale_follows_labels_and_what_was_declared),
    };
    return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
