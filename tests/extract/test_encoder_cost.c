/* What encoders cost: those whose models are there are measured, the others say what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tiny_faces.h"
#include "tiny_whisper.h"
#include "valence/encoder_cost.h"

static char cost_folder[] = "/tmp/valence-encoder-cost-XXXXXX";
static char whisper_path[80], faces_path[80];
static struct valence_error problem;

static const struct valence_encoder_cost *find(const struct valence_encoder_costs *costs,
                                               const char *name)
{
    for (int i = 0; i < costs->n_encoders; i++)
        if (strcmp(costs->encoders[i].name, name) == 0)
            return &costs->encoders[i];
    fail_msg("no encoder '%s'", name);
    return NULL;
}

static const struct valence_encoder_costs *
measure(const struct valence_encoder_cost_options *options)
{
    const struct valence_encoder_costs *costs;
    if (valence_encoder_cost_measure(options, NULL, &costs, &problem))
        fail_msg("%s", problem.text);
    return costs;
}

static void assert_measured(const struct valence_encoder_cost *cost)
{
    if (cost->absent)
        fail_msg("%s: %s", cost->name, cost->absent);
    assert_true(cost->seconds.n >= 2 && cost->seconds.low > 0);
    assert_true(cost->seconds.low <= cost->seconds.median);
    assert_true(cost->seconds.median <= cost->seconds.high);
}

static void test_models_that_are_there_are_measured(void **state)
{
    (void)state;
    struct valence_encoder_cost_options options;
    valence_encoder_cost_options_default(&options);
    options.clip_seconds = 1;
    options.seconds = 0.001;
    options.whisper = whisper_path;
    options.faces = faces_path;
    const struct valence_encoder_costs *costs = measure(&options);
    assert_true(costs->made_up && costs->clip_seconds == 1 && costs->n_pictures == 5);
    assert_measured(find(costs, "prosody"));
    assert_int_equal(find(costs, "prosody")->n_made, 50);
    assert_true(isnan(find(costs, "prosody")->load_seconds));
    assert_measured(find(costs, "whisper"));
    assert_true(find(costs, "whisper")->n_made > 0 && find(costs, "whisper")->model_bytes > 0);
    assert_measured(find(costs, "recognition"));
    assert_measured(find(costs, "faces"));
    assert_true(find(costs, "faces")->load_seconds > 0);
    static const char *const others[] = {"wavlm", "manet", "text", "simulated_text"};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(find(costs, others[i])->absent, "no model");
        assert_int_equal(find(costs, others[i])->seconds.n, 0);
    }
    valence_encoder_costs_free(costs);
}

static void test_without_models_prosody_is_left(void **state)
{
    (void)state;
    struct valence_encoder_cost_options options;
    valence_encoder_cost_options_default(&options);
    options.clip_seconds = 0.5;
    options.seconds = 0.001;
    const struct valence_encoder_costs *costs = measure(&options);
    for (int i = 0; i < costs->n_encoders; i++)
        assert_true(!costs->encoders[i].absent == (i == 0));
    valence_encoder_costs_free(costs);
}

static void refuse(const struct valence_encoder_cost_options *options, int status)
{
    const struct valence_encoder_costs *costs;
    assert_int_equal(valence_encoder_cost_measure(options, NULL, &costs, &problem), status);
    assert_null(costs);
}

static void test_what_cannot_be_measured_is_refused(void **state)
{
    (void)state;
    struct valence_encoder_cost_options options;
    valence_encoder_cost_options_default(&options);
    options.clip_seconds = 61;
    refuse(&options, VALENCE_ERROR_ARGUMENT);
    assert_string_equal(problem.key, "clip_seconds");
    valence_encoder_cost_options_default(&options);
    options.fps = 0;
    refuse(&options, VALENCE_ERROR_ARGUMENT);
    valence_encoder_cost_options_default(&options);
    options.clip = "/nonexistent/film.mp4";
    refuse(&options, VALENCE_ERROR_NOT_FOUND);
    valence_encoder_cost_options_default(&options);
    options.wavlm = faces_path; /* a file of another kind */
    assert_int_not_equal(valence_encoder_cost_measure(&options, NULL,
                                                      &(const struct valence_encoder_costs *){NULL},
                                                      &problem),
                         VALENCE_OK);
    assert_non_null(strstr(problem.text, "wavlm: "));
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(cost_folder))
        return -1;
    snprintf(whisper_path, sizeof whisper_path, "%s/whisper.gguf", cost_folder);
    snprintf(faces_path, sizeof faces_path, "%s/faces.gguf", cost_folder);
    tiny_whisper_make(cost_folder, whisper_path);
    tiny_faces_make(faces_path);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", cost_folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_that_are_there_are_measured),
        cmocka_unit_test(test_without_models_prosody_is_left),
        cmocka_unit_test(test_what_cannot_be_measured_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
