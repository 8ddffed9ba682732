/* How long the clips of a plan are, by which the pieces of an extraction are ordered. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seconds)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
