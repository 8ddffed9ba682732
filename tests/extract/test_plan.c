/* How long the clips of a plan are, by which the pieces of an extraction are ordered, and how the
 * clips are divided. */
#include "media_fixture.h"

#include "extract/plan.h"
#include "valence/extract_store.h"

static void write_wav(const char *name, int n)
{
    size_t size;
    unsigned char *wav = make_wav(16000, 1, n, 220, &size);
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(wav, 1, size, file), size);
    fclose(file);
    free(wav);
}

static void make_plan(const char *cut_seconds, struct plan *plan)
{
    struct valence_extract_config *config;
    struct valence_error error;
    assert_int_equal(valence_extract_config_create(&config, &error), 0);
    assert_int_equal(valence_extract_config_set(config, "input", fixture_folder, &error), 0);
    assert_int_equal(valence_extract_config_set(config, "video", "none", &error), 0);
    assert_int_equal(valence_extract_config_set(config, "cut_seconds", cut_seconds, &error), 0);
    if (plan_make(plan, config, NULL, &error))
        fail_msg("%s", error.text);
    valence_extract_config_free(config);
}

static void test_seconds(void **state)
{
    struct plan plan;
    (void)state;
    write_wav("a.wav", 16000);
    write_wav("b.wav", 64000);
    write_wav("c.wav", 32000);
    FILE *file = fopen(in_folder("d.wav"), "wb");
    assert_non_null(file);
    fputs("no sound", file);
    fclose(file);

    make_plan("0", &plan); /* one file is opened, the others are estimated */
    assert_int_equal(plan.n, 4);
    const double seconds[] = {1, 4, 2, 0};
    for (int i = 0; i < 4; i++)
        assert_true(fabs(plan.clips[i].seconds - seconds[i]) < 0.01);
    plan_free(&plan);

    make_plan("3", &plan); /* all are opened, and the long one is cut */
    const double cut[] = {1, 2, 2, 2, 0};
    assert_int_equal(plan.n, 5);
    for (int i = 0; i < 5; i++)
        assert_true(fabs(plan.clips[i].seconds - cut[i]) < 0.01);
    plan_free(&plan);
}

/* Every clip is in one piece, and no piece is empty. */
static void check_pieces(int64_t n_clips, int64_t n_pieces)
{
    struct plan plan = {.n = n_clips};
    int64_t next = 0, largest = n_clips;
    for (int64_t i = 1; i <= n_pieces; i++) {
        struct plan_part piece = plan_piece(&plan, i, n_pieces);
        assert_int_equal(piece.number, i);
        assert_int_equal(piece.of, n_pieces);
        assert_int_equal(piece.first, next);
        assert_in_range(piece.n, 1, largest + 1); /* rounding apart, sizes fall */
        largest = piece.n < largest ? piece.n : largest;
        next += piece.n;
    }
    assert_int_equal(next, n_clips);
}

static void test_pieces_get_smaller(void **state)
{
    (void)state;
    for (int64_t n_pieces = 1; n_pieces <= 60; n_pieces++)
        for (int64_t n_clips = n_pieces; n_clips <= 400; n_clips++)
            check_pieces(n_clips, n_pieces);
    check_pieces(1000000, 1600);
    check_pieces(100000000, 1000000); /* as many as there can be */

    struct plan plan = {.n = 1000};
    const int64_t sizes[] = {438, 312, 188, 62};
    for (int i = 0; i < 4; i++)
        assert_int_equal(plan_piece(&plan, i + 1, 4).n, sizes[i]);
    assert_int_equal(plan_piece(&plan, 1, 1).n, 1000);
}

static void test_parts_are_even(void **state)
{
    struct plan plan = {.n = 10};
    int64_t next = 0;
    (void)state;
    for (int64_t i = 1; i <= 4; i++) {
        struct plan_part part = plan_even_part(&plan, i, 4);
        assert_int_equal(part.first, next);
        assert_in_range(part.n, 2, 3);
        next += part.n;
    }
    assert_int_equal(next, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seconds),
                                       cmocka_unit_test(test_pieces_get_smaller),
                                       cmocka_unit_test(test_parts_are_even)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
