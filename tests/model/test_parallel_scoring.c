/* One model, eight threads: a score is the same whoever computes it and whatever happens beside it.
 * ThreadSanitizer runs this, too. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "model/checkpoint.h"
#include "valence/runtime.h"
#include "valence/score.h"

enum { N_THREADS = 8, N_ROUNDS = 20, N_CLIPS = 3, N_ROWS = 5, WIDTH = 6 };

static struct valence_model *model;

static void make_model(void)
{
    struct valence_error error;
    struct checkpoint checkpoint = {0};
    struct random_source source = random_source(5, 1);
    valence_model_config_default(&checkpoint.config);
    checkpoint.config.d = 16;
    checkpoint.config.o = 8;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        checkpoint.config.widths[m] = WIDTH;
    assert_int_equal(checkpoint_allocate(&checkpoint, false, &error), 0);
    for (int64_t i = 0; i < checkpoint.n_parameters; i++)
        checkpoint.parameters[i] = (float)(0.2 * random_normal(&source));
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        strcpy(checkpoint.stream_names[s], valence_stream_names[s]);
    assert_int_equal(checkpoint_to_model(&checkpoint, &model, &error), 0);
}

static int score(struct valence_workspace *workspace, float scores[N_CLIPS],
                 struct valence_error *error)
{
    float rows[N_CLIPS * N_ROWS * WIDTH];
    int64_t offsets[N_CLIPS + 1];
    struct valence_batch batch = {.n_clips = N_CLIPS};
    struct random_source source = random_source(9, 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        rows[i] = (float)random_normal(&source);
    for (int i = 0; i <= N_CLIPS; i++)
        offsets[i] = (int64_t)i * N_ROWS;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        batch.streams[s] = (struct valence_rows){rows, VALENCE_F32, WIDTH, offsets, NULL};
    }
    return valence_score(workspace, &batch, 0, scores, NULL, error);
}

struct scorer {
    int status;
    float scores[N_ROUNDS][N_CLIPS];
    struct valence_error error;
};

static void *run(void *user)
{
    struct scorer *scorer = user;
    struct valence_workspace *workspace;
    valence_set_threads(1);
    scorer->status = valence_workspace_create(model, &workspace, &scorer->error);
    for (int i = 0; i < N_ROUNDS && !scorer->status; i++)
        scorer->status = score(workspace, scorer->scores[i], &scorer->error);
    valence_workspace_free(workspace);
    return NULL;
}

static void test_eight_threads_score_with_one_model(void **state)
{
    (void)state;
    static struct scorer scorers[N_THREADS];
    pthread_t threads[N_THREADS];
    struct scorer alone = {0};
    make_model();
    run(&alone);
    if (alone.status)
        fail_msg("%s", alone.error.text);
    assert_true(alone.scores[0][0] != alone.scores[0][1]);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &scorers[i]), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    valence_model_free(model);
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(scorers[i].status, 0);
        assert_memory_equal(scorers[i].scores, alone.scores, sizeof alone.scores);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_eight_threads_score_with_one_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
