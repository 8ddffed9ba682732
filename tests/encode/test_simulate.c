/* The projector and simulated text on the fixtures' small models: what converts, what belongs
 * together, what cancels. */
#include "base/file_writer.h"
#include "llm_fixture.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format/safetensors.h"
#include "valence/simulate.h"

static char folder[] = "/tmp/test-simulate-XXXXXX";
static char wavlm[64], other_wavlm[64], projector[64], scratch[64];

static int make_files(void **state)
{
    (void)state;
    struct valence_error error;
    if (!mkdtemp(folder))
        return -1;
    snprintf(wavlm, sizeof wavlm, "%s/wavlm.gguf", folder);
    snprintf(other_wavlm, sizeof other_wavlm, "%s/other.gguf", folder);
    snprintf(projector, sizeof projector, "%s/projector.gguf", folder);
    snprintf(scratch, sizeof scratch, "%s/scratch", folder);
    struct valence_convert_options options = {.size = sizeof options, .wavlm = wavlm, .llm = LLAMA};
    return valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/stable", wavlm, NULL, NULL,
                           &error) ||
           valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/base", other_wavlm, NULL, NULL,
                           &error) ||
           valence_convert(VALENCE_CONVERT_PROJECTOR, GOLDEN "llm/projector.safetensors", projector,
                           &options, NULL, &error);
}

static int remove_files(void **state)
{
    (void)state;
    unlink(wavlm);
    unlink(other_wavlm);
    unlink(projector);
    unlink(scratch);
    return rmdir(folder);
}

/* ---- Projector ---- */

/* A checkpoint with a projector of these sizes and a tensor that is none of it. */
static void write_projector(int64_t in, int64_t hidden, int64_t out)
{
    const struct {
        const char *name;
        int n_dims;
        int64_t shape[2];
    } tensors[] = {{"encoder_projector.linear1.bias", 1, {hidden}},
                   {"encoder_projector.linear1.weight", 2, {hidden, in}},
                   {"encoder_projector.linear2.bias", 1, {out}},
                   {"encoder_projector.linear2.weight", 2, {out, hidden}},
                   {"llm.lora_A.weight", 1, {2}}};
    struct valence_error error;
    struct safetensors_writer *writer;
    static float zeros[1 << 20];
    assert_int_equal(safetensors_write_begin(scratch, FILE_OVERWRITE, &writer, &error), 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(safetensors_declare(writer, tensors[i].name, ELEMENT_F32,
                                             tensors[i].n_dims, tensors[i].shape, &error),
                         0);
    for (size_t i = 0; i < 5; i++) {
        int64_t n = tensors[i].shape[0] * (tensors[i].n_dims > 1 ? tensors[i].shape[1] : 1);
        assert_int_equal(safetensors_write(writer, zeros, (size_t)n * sizeof(float), &error), 0);
    }
    assert_int_equal(safetensors_write_commit(writer, &error), 0);
}

static int convert_scratch(const char *encoder, char *left_out, struct valence_error *error)
{
    char path[80];
    struct valence_convert_options options = {.size = sizeof options,
                                              .wavlm = encoder,
                                              .llm = LLAMA,
                                              .left_out = left_out,
                                              .left_out_bytes = 100};
    snprintf(path, sizeof path, "%s.gguf", scratch);
    int status = valence_convert(VALENCE_CONVERT_PROJECTOR, scratch, path, &options, NULL, error);
    unlink(path);
    return status;
}

static void test_projectors_of_any_size_convert(void **state)
{
    (void)state;
    struct valence_error error;
    char left_out[100];
    write_projector(3 * 48, 7, 64);
    assert_int_equal(convert_scratch(wavlm, left_out, &error), 0);
    assert_string_equal(left_out, "llm.lora_A.weight");
}

static void test_projectors_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct valence_error error;
    char left_out[100];
    write_projector(3 * 48 + 1, 7, 64);
    assert_int_equal(convert_scratch(wavlm, left_out, &error), VALENCE_ERROR_SHAPE);
    write_projector(3 * 48, 7, 65);
    assert_int_equal(convert_scratch(wavlm, left_out, &error), VALENCE_ERROR_SHAPE);
    assert_non_null(strstr(error.text, "65"));
    assert_non_null(strstr(error.text, "tiny-llama-f32.gguf"));
    assert_int_equal(convert_scratch(LLAMA, left_out, &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(convert_scratch(NULL, left_out, &error), VALENCE_ERROR_ARGUMENT);
}

/* ---- Simulated text ---- */

struct chain {
    struct valence_encoder *encoders[3];
    struct valence_simulator *simulator;
};

static int open_chain(struct chain *chain, const char *audio, const char *layers, const char *llm,
                      const struct valence_simulator_options *options, struct valence_error *error)
{
    const char *paths[] = {audio, projector, llm};
    for (int i = 0; i < 3; i++) {
        struct valence_encoder_options load = {.size = sizeof load,
                                               .layers = i == 0 ? layers : NULL};
        assert_int_equal(valence_encoder_load(paths[i], &load, &chain->encoders[i], error), 0);
    }
    return valence_simulator_create(chain->encoders[0], chain->encoders[1], chain->encoders[2],
                                    options, &chain->simulator, error);
}

static void close_chain(struct chain *chain)
{
    valence_simulator_free(chain->simulator);
    for (int i = 0; i < 3; i++)
        valence_encoder_free(chain->encoders[i]);
}

static void test_sound_becomes_rows_along_the_hypothesis(void **state)
{
    (void)state;
    struct valence_error error;
    struct chain chain;
    struct valence_simulation is, again;
    struct valence_simulator_options options = {.size = sizeof options, .max_tokens = 20};
    float *samples = draw(16000);
    assert_int_equal(open_chain(&chain, wavlm, "final", LLAMA, &options, &error), 0);
    assert_int_equal(valence_simulate(chain.simulator, samples, 16000, NULL, &is, &error), 0);
    assert_true(is.n_tokens >= 1 && is.n_tokens <= 20);
    assert_int_equal(is.n_rows, is.n_tokens - 1);
    assert_int_equal(is.width, 64);
    assert_non_null(is.text);
    assert_int_equal(!!(is.flags & VALENCE_SIMULATION_CUT), is.tokens[is.n_tokens - 1] != 2);
    assert_int_equal(valence_simulate(chain.simulator, samples, 16000, NULL, &again, &error), 0);
    assert_memory_equal(is.rows, again.rows, (size_t)(is.n_rows * is.width) * sizeof(float));
    valence_simulation_free(&is);
    valence_simulation_free(&again);
    close_chain(&chain);
    free(samples);
}

static void test_encoders_that_do_not_belong_together_are_named(void **state)
{
    (void)state;
    struct valence_error error;
    struct chain chain;
    assert_int_equal(open_chain(&chain, other_wavlm, "final", LLAMA, NULL, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "pytorch_model.bin"));
    assert_non_null(strstr(error.text, "model.safetensors"));
    assert_null(chain.simulator);
    close_chain(&chain);
    assert_int_equal(open_chain(&chain, wavlm, "-1", LLAMA, NULL, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "final"));
    close_chain(&chain);
    assert_int_equal(open_chain(&chain, LLAMA, NULL, LLAMA, NULL, &error), VALENCE_ERROR_ARGUMENT);
    close_chain(&chain);
}

static void test_bad_search_options_are_refused(void **state)
{
    (void)state;
    static struct valence_simulator_options bad[] = {{.n_beams = 17},
                                                     {.n_beams = -1},
                                                     {.max_tokens = 5000},
                                                     {.max_tokens = -1},
                                                     {.prompt_template = "USER:"},
                                                     {.instruction = "caf\xE9"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct valence_error error;
        struct chain chain;
        bad[i].size = sizeof bad[i];
        int status = open_chain(&chain, wavlm, "final", LLAMA, &bad[i], &error);
        assert_true(status == VALENCE_ERROR_ARGUMENT || status == VALENCE_ERROR_DATA);
        assert_null(chain.simulator);
        close_chain(&chain);
    }
}

static void test_clips_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct valence_error error;
    struct chain chain;
    struct valence_simulation is;
    float *frames = draw(3000 * 48);
    assert_int_equal(open_chain(&chain, wavlm, "final", LLAMA, NULL, &error), 0);
    assert_int_equal(valence_simulate_frames(chain.simulator, frames, 3000, NULL, &is, &error),
                     VALENCE_ERROR_LIMIT);
    assert_non_null(strstr(error.text, "512"));
    assert_int_equal(valence_simulate_frames(chain.simulator, frames, 4, NULL, &is, &error),
                     VALENCE_ERROR_DATA);
    frames[0] = NAN;
    assert_int_equal(valence_simulate_frames(chain.simulator, frames, 10, NULL, &is, &error),
                     VALENCE_ERROR_DATA);
    assert_null(is.rows);
    close_chain(&chain);
    free(frames);
}

static void test_a_search_can_be_cancelled_anywhere(void **state)
{
    (void)state;
    struct valence_error error;
    struct chain chain;
    struct valence_simulation is, last;
    struct valence_simulator_options options = {.size = sizeof options, .max_tokens = 12};
    float *frames = draw(60 * 48);
    int n_cancelled = 0;
    assert_int_equal(open_chain(&chain, wavlm, "final", LLAMA, &options, &error), 0);
    assert_int_equal(valence_simulate_frames(chain.simulator, frames, 60, NULL, &last, &error), 0);
    for (int after = 0; after < 60; after++) {
        int left = after;
        struct valence_progress progress = {cancel, &left};
        int status = valence_simulate_frames(chain.simulator, frames, 60, &progress, &is, &error);
        assert_true(status == 0 || status == VALENCE_ERROR_CANCELLED);
        n_cancelled += status != 0;
        if (!status) {
            assert_int_equal(is.n_tokens, last.n_tokens);
            assert_memory_equal(is.tokens, last.tokens, (size_t)is.n_tokens * sizeof(int32_t));
        }
        valence_simulation_free(&is);
    }
    assert_true(n_cancelled >= 10);
    valence_simulation_free(&last);
    close_chain(&chain);
    free(frames);
}

/* Both use the processor's tiles where it has them, each with a configuration of its own. */
static void test_quantised_encoders_take_turns(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_encoder *encoders[2];
    struct valence_encoder_state *states[2];
    struct valence_features first = {0}, is;
    float *samples = draw(16000);
    struct valence_convert_options options = {
        .size = sizeof options, .overwrite = true, .type = "bf16"};
    struct valence_encoder_options last = {.size = sizeof last, .layers = "-1"};
    struct valence_encoder_input inputs[] = {{.samples = samples, .n_samples = 16000},
                                             {.text = "the story is slow but the ending is great"}};
    assert_int_equal(valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/stable", scratch,
                                     &options, NULL, &error),
                     0);
    const char *paths[] = {scratch, VALENCE_TEST_DATA "/../fuzz/encode/corpus/llm/micro.gguf"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(valence_encoder_load(paths[i], &last, &encoders[i], &error), 0);
        assert_int_equal(valence_encoder_state_create(encoders[i], &states[i], &error), 0);
    }
    for (int turn = 0; turn < 6; turn++) {
        int which = turn % 3 == 1 ? 0 : 1;
        assert_int_equal(
            valence_encoder_encode(states[which], &inputs[which], 1, NULL, &is, &error), 0);
        if (turn == 0)
            first = is;
        else if (which == 1)
            assert_same(is.offsets[1] * is.width, is.rows, first.rows, 1e-5);
        if (turn > 0)
            valence_features_free(&is);
    }
    valence_features_free(&first);
    for (int i = 0; i < 2; i++) {
        valence_encoder_state_free(states[i]);
        valence_encoder_free(encoders[i]);
    }
    free(samples);
}

/* ---- Threads ---- */

struct worker {
    const struct chain *chain;
    const float *frames;
    struct valence_features text;
    struct valence_simulation heard;
    int status;
};

static void *work(void *user)
{
    struct worker *worker = user;
    struct valence_error error;
    struct valence_encoder *const *encoders = worker->chain->encoders;
    struct valence_encoder_state *state;
    struct valence_simulator *simulator;
    struct valence_simulator_options options = {.size = sizeof options, .max_tokens = 12};
    struct valence_encoder_input input = {.text = "the story is slow but the ending is great."};
    worker->status = valence_encoder_state_create(encoders[2], &state, &error);
    if (!worker->status)
        worker->status = valence_encoder_encode(state, &input, 1, NULL, &worker->text, &error);
    valence_encoder_state_free(state);
    if (!worker->status)
        worker->status = valence_simulator_create(encoders[0], encoders[1], encoders[2], &options,
                                                  &simulator, &error);
    if (!worker->status) {
        worker->status =
            valence_simulate_frames(simulator, worker->frames, 60, NULL, &worker->heard, &error);
        valence_simulator_free(simulator);
    }
    return NULL;
}

static void test_two_threads_share_a_model(void **state)
{
    (void)state;
    struct valence_error error;
    struct chain chain;
    float *frames = draw(60 * 48);
    assert_int_equal(open_chain(&chain, wavlm, "final", LLAMA, NULL, &error), 0);
    struct worker workers[2] = {{.chain = &chain, .frames = frames},
                                {.chain = &chain, .frames = frames}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(workers[i].status, 0);
    assert_same(workers[0].text.offsets[1] * workers[0].text.width, workers[0].text.rows,
                workers[1].text.rows, 0);
    assert_int_equal(workers[0].heard.n_tokens, workers[1].heard.n_tokens);
    assert_same(workers[0].heard.n_rows * workers[0].heard.width, workers[0].heard.rows,
                workers[1].heard.rows, 0);
    for (int i = 0; i < 2; i++) {
        valence_features_free(&workers[i].text);
        valence_simulation_free(&workers[i].heard);
    }
    close_chain(&chain);
    free(frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_projectors_of_any_size_convert),
        cmocka_unit_test(test_projectors_that_do_not_fit_are_refused),
        cmocka_unit_test(test_sound_becomes_rows_along_the_hypothesis),
        cmocka_unit_test(test_encoders_that_do_not_belong_together_are_named),
        cmocka_unit_test(test_bad_search_options_are_refused),
        cmocka_unit_test(test_clips_that_do_not_fit_are_refused),
        cmocka_unit_test(test_a_search_can_be_cancelled_anywhere),
        cmocka_unit_test(test_quantised_encoders_take_turns),
        cmocka_unit_test(test_two_threads_share_a_model),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
