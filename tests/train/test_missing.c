/* Training with something missing: what clips lose, that a resumed run loses the same, and the
 * models of all epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/missing.h"
#include "training_run.h"
#include "valence/run.h"

static const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {"audio", "text", "video",
                                                                        "simulated_text"};

/* ---- What a pass loses ---- */

struct pass {
    struct valence_store *store;
    struct stream_map map;
    struct clip_selection clips;
    struct missing_settings settings;
    struct missing missing;
};

static void open_pass(const struct fixture *f, struct missing_settings settings, struct pass *p)
{
    char path[256];
    struct valence_error error;
    snprintf(path, sizeof path, "%s/store", f->folder);
    p->settings = settings;
    assert_int_equal(valence_store_open(path, NULL, &p->store, &error), 0);
    assert_int_equal(stream_map_make(p->store, names, 100, &p->map, &error), 0);
    assert_int_equal(clip_selection_make(p->store, &p->map, VALENCE_TRAIN, true, &p->clips, &error),
                     0);
    assert_int_equal(missing_create(&p->settings, p->store, &p->map, &p->missing, &error), 0);
}

static void draw(struct pass *p, uint64_t key)
{
    assert_int_equal(missing_draw(&p->missing, key, p->clips.clips, p->clips.n, NULL), 0);
}

static void close_pass(struct pass *p)
{
    missing_free(&p->missing);
    clip_selection_free(&p->clips);
    valence_store_close(p->store);
}

/* Rows of ones go through the filter: how many stay, and how many of them are still ones. */
static int64_t filtered(const struct pass *p, int64_t clip, int stream, int64_t *ones)
{
    float rows[32];
    int64_t n = clip_rows(p->store, &p->map, clip, (enum valence_stream)stream);
    assert_true(n > 0 && n <= 32);
    for (int i = 0; i < 32; i++)
        rows[i] = 1;
    int64_t left = p->missing.filter.apply(&p->missing, clip, (enum valence_stream)stream,
                                           VALENCE_F32, 1, n, rows);
    *ones = 0;
    for (int64_t i = 0; i < left; i++)
        *ones += rows[i] == 1;
    return left;
}

static void test_modalities_are_absent_as_often_as_asked_for_and_never_all(void **state)
{
    struct pass p;
    int64_t ones, absent = 0, n = 0;
    open_pass(*state, (struct missing_settings){.modalities = 0.3}, &p);
    for (uint64_t epoch = 0; epoch < 200; epoch++) {
        draw(&p, epoch);
        for (int64_t i = 0; i < p.clips.n; i++) {
            int lost = 0;
            int64_t audio = filtered(&p, p.clips.clips[i], VALENCE_STREAM_AUDIO, &ones);
            int64_t simulated =
                filtered(&p, p.clips.clips[i], VALENCE_STREAM_SIMULATED_TEXT, &ones);
            for (int m = 0; m < VALENCE_N_MODALITIES; m++)
                lost += filtered(&p, p.clips.clips[i], m, &ones) == 0;
            assert_true(lost < 3);
            assert_true((audio == 0) == (simulated == 0));
            absent += lost;
            n += 3;
        }
    }
    /* 0.3 less a third of the 0.027 that would lose all */
    assert_true(fabs((double)absent / (double)n - (0.3 - 0.009)) < 0.01);
    close_pass(&p);
}

static void test_with_certainty_one_modality_stays(void **state)
{
    struct pass p;
    int64_t ones, seen[VALENCE_N_MODALITIES] = {0};
    open_pass(*state, (struct missing_settings){.modalities = 1}, &p);
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        draw(&p, epoch);
        for (int64_t i = 0; i < p.clips.n; i++) {
            int there = 0;
            for (int m = 0; m < VALENCE_N_MODALITIES; m++)
                if (filtered(&p, p.clips.clips[i], m, &ones)) {
                    there++;
                    seen[m]++;
                }
            assert_int_equal(there, 1);
        }
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        assert_true(seen[m] > 20 * p.clips.n / 3 * 8 / 10);
    close_pass(&p);
}

static void test_rows_are_erased_at_the_rate(void **state)
{
    for (int erased = 0; erased < VALENCE_N_ERASURES; erased++) {
        struct pass p;
        int64_t n = 0, left = 0, stay = 0, ones;
        open_pass(*state, (struct missing_settings){.rows = 0.4, .erased = erased}, &p);
        for (uint64_t epoch = 0; epoch < 100; epoch++) {
            draw(&p, epoch);
            for (int64_t i = 0; i < p.clips.n; i++)
                for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
                    n += clip_rows(p.store, &p.map, p.clips.clips[i], (enum valence_stream)m);
                    left += filtered(&p, p.clips.clips[i], m, &ones);
                    stay += ones;
                }
        }
        assert_true(fabs((double)stay / (double)n - 0.6) < 0.01);
        assert_int_equal(left, erased == VALENCE_ERASURE_ZERO ? n : stay);
        close_pass(&p);
    }
}

static void test_half_of_the_clips_lose_nothing_at_rates_of_their_own(void **state)
{
    struct pass p;
    int64_t n = 0, stay = 0, ones;
    open_pass(*state, (struct missing_settings){.rows = 1, .rates = MISSING_CLIP}, &p);
    for (uint64_t epoch = 0; epoch < 100; epoch++) {
        draw(&p, epoch);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            int64_t spared = 0;
            for (int64_t i = 0; i < p.clips.n; i++) {
                bool is_spared = p.missing.spared[p.clips.clips[i]] & VALENCE_BIT(m);
                int64_t left = filtered(&p, p.clips.clips[i], m, &ones);
                assert_true(!is_spared || ones == left);
                spared += is_spared;
                n += left;
                stay += ones;
            }
            assert_int_equal(spared, p.clips.n / 2);
        }
    }
    assert_true(fabs((double)stay / (double)n - 0.75) < 0.02); /* half lose a half */
    close_pass(&p);
}

static void test_what_a_clip_loses_is_a_function_of_the_key(void **state)
{
    struct pass p;
    int64_t kept[VALENCE_N_MODALITIES][200], ones, n_other = 0;
    open_pass(*state,
              (struct missing_settings){.modalities = 0.2, .rows = 0.5, .rates = MISSING_CLIP}, &p);
    assert_true(p.clips.n <= 200);
    for (int pass = 0; pass < 3; pass++) {
        draw(&p, pass < 2 ? 7 : 8);
        for (int64_t i = p.clips.n - 1; i >= 0; i--)
            for (int m = VALENCE_N_MODALITIES - 1; m >= 0; m--) {
                (void)filtered(&p, p.clips.clips[i], m, &ones);
                if (pass == 1)
                    assert_int_equal(ones, kept[m][i]);
                n_other += pass == 2 && ones != kept[m][i];
                kept[m][i] = ones;
            }
    }
    assert_true(n_other > 10);
    close_pass(&p);
}

/* ---- Runs ---- */

static struct valence_train_config lossy(const struct fixture *f, const char *run)
{
    struct valence_train_config config = config_for(f, run);
    config.missing.modalities = 0.3;
    config.missing.rows = 0.5;
    config.missing.rates = MISSING_CLIP;
    config.missing.validation = true;
    config.keep_epochs = true;
    return config;
}

static bool same_files(const struct fixture *f, const char *a, const char *b)
{
    const char *const files[] = {a, b};
    char path[256], *texts[2];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i]);
        assert_int_equal(file_read_text(path, 1 << 24, &texts[i], &sizes[i], NULL), 0);
    }
    bool same = sizes[0] == sizes[1] && memcmp(texts[0], texts[1], sizes[0]) == 0;
    free(texts[0]);
    free(texts[1]);
    return same;
}

static bool same_file(const struct fixture *f, const char *run, const char *other, const char *name)
{
    char a[64], b[64];
    snprintf(a, sizeof a, "%s/%s", run, name);
    snprintf(b, sizeof b, "%s/%s", other, name);
    return same_files(f, a, b);
}

static int stop_in_the_third_epoch(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done >= 2 * 42 + 16; /* 42 training clips in batches of 16 */
}

static void test_a_run_stopped_within_an_epoch_goes_on_with_the_same_masks(void **state)
{
    static const char *const files[] = {"last.safetensors",    "best.safetensors",
                                        "log.jsonl",           "epoch-2.safetensors",
                                        "epoch-3.safetensors", "epoch-6.safetensors"};
    struct fixture *f = *state;
    struct valence_train_config through = lossy(f, "through"), stopped = lossy(f, "stopped");
    const struct valence_progress progress = {.report = stop_in_the_third_epoch};
    struct valence_train_options options;
    struct valence_error error;
    valence_train_options_default(&options);
    options.progress = &progress;
    train(&through, false);
    assert_int_equal(valence_train(&stopped, &options, NULL, &error), VALENCE_ERROR_CANCELLED);
    train(&stopped, true);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_true(same_file(f, "through", "stopped", files[i]));
}

static void test_masks_change_the_run_and_no_masks_do_not(void **state)
{
    struct fixture *f = *state;
    static const char *const settings[][2] = {{"missing.modalities=0.3", NULL},
                                              {"missing.rows=0.3", NULL},
                                              {"missing.rows=0.3", "missing.erased=remove"},
                                              {"missing.rows=0.3", "missing.rates=clip"},
                                              {"missing.rows=0.3", "missing.redraw=false"}};
    struct valence_train_config whole = config_for(f, "whole"), same = config_for(f, "same");
    train(&whole, false);
    same.missing.redraw = false; /* of nothing */
    same.missing.validation = true;
    train(&same, false);
    assert_true(same_file(f, "whole", "same", "log.jsonl"));
    for (int i = 0; i < 5; i++) {
        char name[16], before[16];
        snprintf(name, sizeof name, "run-%d", i);
        snprintf(before, sizeof before, "run-%d", i - 1);
        struct valence_train_config config = config_for(f, name);
        for (int k = 0; k < 2 && settings[i][k]; k++)
            assert_int_equal(config_assign(&config, settings[i][k], NULL), 0);
        train(&config, false);
        assert_false(same_file(f, i ? before : "whole", name, "log.jsonl"));
    }
}

static void test_a_run_is_resumed_with_the_masks_it_was_begun_with(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    train(&config, false);
    config.epochs = 8;
    config.missing.rows = 0.5;
    assert_fails(&config, true, VALENCE_ERROR_CONFIG,
                 "missing.rows is 0.5, but the run was begun with 0");
}

static void test_values_out_of_range_are_refused(void **state)
{
    static const char *const wrong[] = {"missing.rows=1.1", "missing.modalities=-0.1",
                                        "missing.rates=often", "missing.erased=gone",
                                        "missing.redraw=maybe"};
    struct valence_train_config config = config_for(*state, "run");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(config_assign(&config, wrong[i], NULL), VALENCE_ERROR_CONFIG);
}

/* ---- Epochs that are kept ---- */

static void test_the_model_of_every_epoch_is_kept(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run");
    struct valence_run *run;
    struct valence_error error;
    char path[256], epoch[300], best[32];
    config.keep_epochs = true;
    struct valence_train_run result = train(&config, false);
    snprintf(path, sizeof path, "%s/run", f->folder);
    assert_int_equal(valence_run_open(path, VALENCE_CHECKPOINT_BEST, &run, &error), 0);
    assert_int_equal(valence_run_n_epochs(run, 0), 6);
    assert_int_equal(valence_run_n_epochs(run, 1), 0);
    assert_int_equal(valence_run_epoch_path(run, 0, 6, epoch, sizeof epoch, &error), 0);
    struct valence_model *model;
    assert_int_equal(valence_model_load(epoch, &model, &error), 0);
    valence_model_free(model);
    assert_int_equal(valence_run_epoch_path(run, 0, 7, epoch, sizeof epoch, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_string_equal(error.key, "keep_epochs");
    assert_int_equal(valence_run_epoch_path(run, 0, 6, epoch, 8, &error), VALENCE_ERROR_LIMIT);
    assert_string_equal(epoch, "");
    assert_int_equal(valence_run_epoch_path(run, 0, 6, NULL, 8, &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_run_epoch_path(run, 5, 6, epoch, sizeof epoch, &error),
                     VALENCE_ERROR_NOT_FOUND);
    valence_run_close(run);
    snprintf(best, sizeof best, "run/epoch-%d.safetensors", (int)result.best_epoch);
    assert_true(same_files(f, best, "run/best.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_modalities_are_absent_as_often_as_asked_for_and_never_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_with_certainty_one_modality_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_are_erased_at_the_rate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_of_the_clips_lose_nothing_at_rates_of_their_own,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_clip_loses_is_a_function_of_the_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_run_stopped_within_an_epoch_goes_on_with_the_same_masks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_masks_change_the_run_and_no_masks_do_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_run_is_resumed_with_the_masks_it_was_begun_with,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_out_of_range_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_model_of_every_epoch_is_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
