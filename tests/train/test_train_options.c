/* What a caller of training gets and can ask for: records of epochs, notes, initial weights from
 * another run, a dry run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/checkpoint.h"
#include "training_run.h"

/* What the callbacks were given. */
struct told {
    int n_epochs, stop_after;
    double best_mae[2], total, learning_rate;
    int64_t best_epoch;
    char notes[8][32], texts[8][256];
    int n_notes;
};

static int keep_epoch(void *user, const struct valence_train_epoch *epoch)
{
    struct told *told = user;
    assert_int_equal(epoch->epoch, told->n_epochs + 1);
    assert_int_equal(epoch->n_epochs, 6);
    assert_int_equal(epoch->n_losses, 7);
    assert_string_equal(epoch->losses[0].name, "total");
    assert_string_equal(epoch->losses[6].name, "rnc");
    assert_int_equal(epoch->n_flows, 2);
    assert_int_equal(epoch->flows[1], VALENCE_BIT(VALENCE_TEXT));
    assert_true(epoch->n_clips == N_CLIPS * 7 / 10);
    assert_true(epoch->seconds >= epoch->training_seconds && epoch->clips_per_second > 0);
    double mean = (epoch->validation_mae[0] + epoch->validation_mae[1]) / 2;
    assert_string_equal(epoch->select, "mean");
    assert_true(fabs(epoch->selected_mae - mean) < 1e-12);
    assert_true(epoch->is_best == (epoch->best_epoch == epoch->epoch));
    if (epoch->is_best)
        memcpy(told->best_mae, epoch->validation_mae, sizeof told->best_mae);
    told->best_epoch = epoch->best_epoch;
    told->total = epoch->losses[0].value;
    told->learning_rate = epoch->learning_rate;
    return ++told->n_epochs == told->stop_after;
}

static void keep_note(void *user, const struct valence_train_note *note)
{
    struct told *told = user;
    assert_true(told->n_notes < 8);
    snprintf(told->notes[told->n_notes], sizeof told->notes[0], "%s", note->key);
    snprintf(told->texts[told->n_notes++], sizeof told->texts[0], "%s", note->text);
}

static struct valence_train_options telling(struct told *told)
{
    struct valence_train_options options;
    memset(told, 0, sizeof *told);
    valence_train_options_default(&options);
    options.epoch = keep_epoch;
    options.note = keep_note;
    options.user = told;
    return options;
}

/* ---- Records ---- */

static void test_every_epoch_is_reported_as_the_log_has_it(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    struct told told;
    struct valence_train_options options = telling(&told);
    struct valence_train_result *result;
    assert_int_equal(valence_train(&config, &options, &result, NULL), 0);
    assert_int_equal(told.n_epochs, 6);
    assert_int_equal(told.n_notes, 0);
    assert_true(told.learning_rate == config.learning_rate);
    assert_int_equal(told.best_epoch, result->runs[0].best_epoch);
    assert_memory_equal(told.best_mae, result->runs[0].validation_mae, sizeof told.best_mae);
    assert_true(isnan(result->deviation_mae[0]));
    assert_true(result->mean_mae[0] == told.best_mae[0]);

    char path[TRAIN_PATH_BYTES + 32], *log, *results, total[64];
    struct valence_error error;
    snprintf(path, sizeof path, "%s/log.jsonl", config.output);
    assert_int_equal(file_read_text(path, 1 << 20, &log, NULL, &error), 0);
    snprintf(total, sizeof total, "\"total\":%.9g", told.total);
    if (!strstr(log, total))
        fail_msg("the log has no %s: %s", total, log);
    snprintf(path, sizeof path, "%s/results.json", config.output);
    assert_int_equal(file_read_text(path, 1 << 20, &results, NULL, &error), 0);
    assert_memory_equal(results, result->json, strlen(result->json));
    free(log);
    free(results);
    valence_train_result_free(result);
}

static void test_a_callback_can_stop_after_an_epoch_and_the_run_is_resumed(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    struct told told;
    struct valence_train_options options = telling(&told);
    struct valence_error error;
    told.stop_after = 2;
    assert_int_equal(valence_train(&config, &options, NULL, &error), VALENCE_ERROR_CANCELLED);
    assert_string_equal(error.key, "resume");
    options.resume = true;
    told.stop_after = 0;
    assert_int_equal(valence_train(&config, &options, NULL, &error), 0);
    assert_int_equal(told.n_epochs, 6);
}

static void test_options_of_another_size_are_refused_or_completed(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    struct valence_train_options options;
    struct valence_error error;
    valence_train_options_default(&options);
    options.size++;
    assert_int_equal(valence_train(&config, &options, NULL, &error), VALENCE_ERROR_ARGUMENT);
    options.size = 0;
    assert_int_equal(valence_train(&config, &options, NULL, &error), VALENCE_ERROR_ARGUMENT);
    options.size = sizeof options.size;
    options.resume = true; /* unknown to a caller of that size */
    assert_int_equal(valence_train(&config, &options, NULL, &error), 0);
    assert_int_equal(valence_train(NULL, NULL, NULL, &error), VALENCE_ERROR_ARGUMENT);
}

static void test_a_dry_run_counts_and_writes_nothing(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    struct valence_train_options options;
    struct valence_train_result *result;
    struct valence_error error;
    valence_train_options_default(&options);
    options.dry_run = true;
    assert_int_equal(valence_train(&config, &options, &result, &error), 0);
    assert_int_equal(result->runs[0].n_train, N_CLIPS * 7 / 10);
    int64_t n_parameters = result->runs[0].n_parameters;
    valence_train_result_free(result);
    assert_false(exists(*state, "run"));
    assert_int_equal(train(&config, false).n_parameters, n_parameters);
    assert_int_equal(valence_train(&config, &options, &result, &error), VALENCE_ERROR_EXISTS);
    assert_null(result);
}

/* ---- Notes ---- */

/* A store whose clips i have the label of `label_of`(split, i). */
static void make_labelled_store(const char *path, float (*label_of)(enum valence_split, int))
{
    struct valence_store_writer *writer;
    assert_int_equal(
        valence_store_writer_open(path, training_streams, VALENCE_N_STREAMS, NULL, &writer, NULL),
        0);
    for (int i = 0; i < 40; i++) {
        char id[16];
        enum valence_split split = i < 30 ? VALENCE_TRAIN : VALENCE_VALIDATION;
        snprintf(id, sizeof id, "clip-%d", i);
        struct training_clip clip = {
            .id = id, .split = split, .label = label_of(split, i), .n_rows = {2, 2, 2, 2}};
        assert_int_equal(add_clip(writer, &clip, NULL), 0);
    }
    assert_int_equal(valence_store_writer_finish(writer, NULL), 0);
    assert_int_equal(valence_store_writer_close(writer, NULL), 0);
}

static float always_one(enum valence_split split, int i)
{
    (void)split;
    (void)i;
    return 1;
}

static float one_sided_validation(enum valence_split split, int i)
{
    return split == VALENCE_TRAIN && i % 2 ? -1.0f : (float)(i % 3);
}

static float two_sided(enum valence_split split, int i)
{
    (void)split;
    return i % 2 ? -1.0f : 1.0f;
}

static void test_labels_that_spoil_a_result_are_named(void **state)
{
    static const struct {
        float (*label_of)(enum valence_split, int);
        int n;
        const char *key;
    } cases[] = {{always_one, 2, "labels_equal"},
                 {one_sided_validation, 1, "one_class"},
                 {two_sided, 0, ""}};
    for (int i = 0; i < 3; i++) {
        struct valence_train_config config = config_for(*state, "run");
        struct told told;
        struct valence_train_options options = telling(&told);
        options.dry_run = true;
        snprintf(config.store, sizeof config.store, "%s/labels-%d",
                 ((struct fixture *)*state)->folder, i);
        make_labelled_store(config.store, cases[i].label_of);
        assert_int_equal(valence_train(&config, &options, NULL, NULL), 0);
        assert_int_equal(told.n_notes, cases[i].n);
        if (cases[i].n)
            assert_string_equal(told.notes[0], cases[i].key);
    }
}

/* ---- Initial weights ---- */

static void test_a_run_can_start_from_another_one_s_weights(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config first = config_for(f, "first"), second = config_for(f, "second");
    char from[256];
    struct told told;
    struct valence_train_options options = telling(&told);
    first.epochs = 30;
    second.epochs = 6;
    second.seed = 9;
    struct valence_train_run learnt = train(&first, false);
    struct valence_train_result *result;
    snprintf(from, sizeof from, "%s/first", f->folder);
    options.from = from;
    assert_int_equal(valence_train(&second, &options, &result, NULL), 0);
    assert_int_equal(told.n_notes, 0);
    /* It begins where the other ended, and the schedule begins anew. */
    assert_true(result->runs[0].validation_mae[0] < 1.1 * learnt.validation_mae[0]);
    valence_train_result_free(result);

    /* Resumed, it knows where it came from. */
    struct checkpoint checkpoint;
    char path[256];
    second.epochs = 7;
    train(&second, true);
    snprintf(path, sizeof path, "%s/second/best.safetensors", f->folder);
    assert_int_equal(checkpoint_load(path, &checkpoint, NULL), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(checkpoint.provenance, "from"), "path")),
        from);
    checkpoint_free(&checkpoint);
}

static void test_what_does_not_fit_is_named_and_nothing_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config first = config_for(f, "first"), second = config_for(f, "second");
    char from[256];
    struct told told;
    struct valence_error error;
    struct valence_train_options options = telling(&told);
    train(&first, false);
    snprintf(from, sizeof from, "%s/first/best.safetensors", f->folder);
    options.from = from;
    options.dry_run = true;
    second.model.o = 10; /* another width of the output alone */
    assert_int_equal(valence_train(&second, &options, NULL, &error), 0);
    assert_int_equal(told.n_notes, 1);
    assert_string_equal(told.notes[0], "not_taken");
    assert_non_null(strstr(told.texts[0], "have another shape or meaning there"));
    second.model.d = 10;
    assert_int_equal(valence_train(&second, &options, NULL, &error), VALENCE_ERROR_SHAPE);
    assert_string_equal(error.key, "from");
}

/* ---- Resuming with other data ---- */

static int add_other_rows(struct valence_store_writer *writer, const struct training_clip *clip)
{
    float values[2 * 7] = {0};
    struct valence_clip_rows rows[VALENCE_N_STREAMS];
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        rows[s] = (struct valence_clip_rows){.stream = s, .n_rows = 2, .rows = values};
    struct valence_clip record = {
        .id = clip->id, .group = "", .transcript = "", .split = clip->split, .label = clip->label};
    return valence_store_writer_add(writer, &record, rows, VALENCE_N_STREAMS, NULL);
}

/* Labels and rows of a clip follow from its label and id: `change` is made to one of them. */
static void make_changed_store(const char *path, int change)
{
    struct valence_store_writer *writer;
    assert_int_equal(
        valence_store_writer_open(path, training_streams, VALENCE_N_STREAMS, NULL, &writer, NULL),
        0);
    for (int i = 0; i < 40; i++) {
        char id[16];
        bool here = change && i == 20;
        snprintf(id, sizeof id, "clip-%d", i);
        struct training_clip clip = {.id = id,
                                     .split = i < 30 ? VALENCE_TRAIN : VALENCE_VALIDATION,
                                     .label = (float)(i % 5) - 2,
                                     .n_rows = {2, 2, 2, 2}};
        if (here && change == 1)
            clip.label += 0.5f;
        if (here && change == 2)
            clip.split = VALENCE_VALIDATION;
        assert_int_equal(
            here && change == 3 ? add_other_rows(writer, &clip) : add_clip(writer, &clip, NULL), 0);
    }
    assert_int_equal(valence_store_writer_finish(writer, NULL), 0);
    assert_int_equal(valence_store_writer_close(writer, NULL), 0);
}

static void test_a_run_is_resumed_with_the_data_it_was_begun_with(void **state)
{
    static const char *const said[] = {"", "labels, splits", "labels, splits", "features"};
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run");
    snprintf(config.store, sizeof config.store, "%s/changed-0", f->folder);
    make_changed_store(config.store, 0);
    config.epochs = 1;
    train(&config, false);
    for (int change = 3; change >= 0; change--) {
        struct told told;
        struct valence_train_options options = telling(&told);
        struct valence_error error;
        options.epoch = NULL;
        options.resume = true;
        config.epochs++;
        snprintf(config.store, sizeof config.store, "%s/changed-%d", f->folder, change);
        if (change) {
            make_changed_store(config.store, change);
            assert_int_equal(valence_train(&config, &options, NULL, &error), VALENCE_ERROR_DATA);
            assert_string_equal(error.key, "accept_changed_data");
            assert_non_null(strstr(error.text, said[change]));
        }
        options.accept_changed_data = true;
        assert_int_equal(valence_train(&config, &options, NULL, &error), 0);
        /* From then on the run is one with the other data. */
        assert_int_equal(told.n_notes, 1);
        assert_string_equal(told.notes[0], "changed_data");
        options.accept_changed_data = false;
        assert_int_equal(valence_train(&config, &options, NULL, &error), 0);
    }
}

/* ---- Configuration by store ---- */

static void test_a_configuration_can_be_made_for_a_store(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config;
    struct valence_store_writer *writer;
    char path[256];
    snprintf(path, sizeof path, "%s/store", f->folder);
    assert_int_equal(valence_train_config_for_store(&config, path, NULL), 0);
    assert_string_equal(config.store, path);
    assert_string_equal(config.streams[VALENCE_STREAM_SIMULATED_TEXT], "simulated_text");
    assert_int_equal(config.model.n_flows, 2);
    assert_int_equal(config.batch_size, 16);

    snprintf(path, sizeof path, "%s/text", f->folder);
    assert_int_equal(valence_store_writer_open(path, &training_streams[VALENCE_STREAM_TEXT], 1,
                                               NULL, &writer, NULL),
                     0);
    assert_int_equal(valence_store_writer_finish(writer, NULL), 0);
    assert_int_equal(valence_store_writer_close(writer, NULL), 0);
    assert_int_equal(valence_train_config_for_store(&config, path, NULL), 0);
    assert_string_equal(config.streams[VALENCE_STREAM_AUDIO], "");
    assert_string_equal(config.streams[VALENCE_STREAM_TEXT], "text");
    assert_int_equal(config.model.n_flows, 1);
    assert_int_equal(config.select, TRAIN_COMPLETE);
    assert_int_equal(train_config_check(&config, NULL), 0);
    assert_int_equal(valence_train_config_for_store(&config, "/nothing", NULL),
                     VALENCE_ERROR_NOT_FOUND);
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        WITH_STORE(test_every_epoch_is_reported_as_the_log_has_it),
        WITH_STORE(test_a_callback_can_stop_after_an_epoch_and_the_run_is_resumed),
        WITH_STORE(test_options_of_another_size_are_refused_or_completed),
        WITH_STORE(test_a_dry_run_counts_and_writes_nothing),
        WITH_STORE(test_labels_that_spoil_a_result_are_named),
        WITH_STORE(test_a_run_can_start_from_another_one_s_weights),
        WITH_STORE(test_what_does_not_fit_is_named_and_nothing_is_an_error),
        WITH_STORE(test_a_run_is_resumed_with_the_data_it_was_begun_with),
        WITH_STORE(test_a_configuration_can_be_made_for_a_store),
    };
    return cmocka_run_group_tests_name("options of training", tests, NULL, NULL);
}
