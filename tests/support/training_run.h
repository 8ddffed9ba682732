/* Runs of a small network on a small store in a folder of their own, for the tests of training.
 * Include after cmocka.h. */
#ifndef VALENCE_TESTS_TRAINING_RUN_H
#define VALENCE_TESTS_TRAINING_RUN_H

#include "config_assign.h"
#include "train/train_config.h"
#include "training_store.h"

#define N_CLIPS 60

struct fixture {
    char folder[FOLDER_BYTES];
};

static inline int set_up(void **state)
{
    static struct fixture fixture;
    char store[256];
    make_folder(fixture.folder);
    snprintf(store, sizeof store, "%s/store", fixture.folder);
    make_training_store(store, N_CLIPS, 0);
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    remove_folder(((struct fixture *)*state)->folder);
    return 0;
}

/* A small network that learns quickly, in FOLDER/run. */
static inline struct valence_train_config config_for(const struct fixture *f, const char *run)
{
    static const char *const settings[] = {"model.d=8",
                                           "model.o=6",
                                           "epochs=6",
                                           "optimizer.learning_rate=0.01",
                                           "batch_size=16",
                                           "model.dropout=0.1",
                                           "threads=1",
                                           "checkpoint_every=2",
                                           "schedule.warm_up_epochs=1"};
    struct valence_train_config config;
    train_config_defaults(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(config_assign(&config, settings[i], NULL), 0);
    snprintf(config.store, sizeof config.store, "%s/store", f->folder);
    snprintf(config.output, sizeof config.output, "%s/%s", f->folder, run);
    return config;
}

static inline int try_training(const struct valence_train_config *config, bool resume,
                               struct valence_train_result **result, struct valence_error *error)
{
    struct valence_train_options options;
    valence_train_options_default(&options);
    options.resume = resume;
    return valence_train(config, &options, result, error);
}

static inline struct valence_train_run train(const struct valence_train_config *config, bool resume)
{
    struct valence_train_result *result;
    struct valence_error error;
    if (try_training(config, resume, &result, &error))
        fail_msg("%s", error.text);
    struct valence_train_run run = result->runs[0];
    valence_train_result_free(result);
    return run;
}

static inline void assert_fails(const struct valence_train_config *config, bool resume,
                                int expected, const char *text)
{
    struct valence_train_result *result;
    struct valence_error error;
    int status = try_training(config, resume, &result, &error);
    if (status)
        assert_null(result);
    if (status != expected || !strstr(error.text, text))
        fail_msg("gave %d %s\nexpected %d %s", status, status ? error.text : "", expected, text);
}

static inline bool exists(const struct fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    return path_exists(path);
}

static inline void assert_same_file(const struct fixture *f, const char *run, const char *other,
                                    const char *name)
{
    char paths[2][256], *texts[2];
    size_t sizes[2];
    snprintf(paths[0], sizeof paths[0], "%s/%s/%s", f->folder, run, name);
    snprintf(paths[1], sizeof paths[1], "%s/%s/%s", f->folder, other, name);
    for (int i = 0; i < 2; i++) {
        struct valence_error error;
        if (file_read_text(paths[i], 1 << 24, &texts[i], &sizes[i], &error))
            fail_msg("%s", error.text);
    }
    if (sizes[0] != sizes[1] || memcmp(texts[0], texts[1], sizes[0]) != 0)
        fail_msg("%s and %s differ", paths[0], paths[1]);
    free(texts[0]);
    free(texts[1]);
}

static inline void assert_same_run(const struct fixture *f, const char *run, const char *other)
{
    static const char *const names[] = {"last.safetensors", "best.safetensors", "log.jsonl",
                                        "results.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_same_file(f, run, other, names[i]);
}

#endif
