/* Recordings and texts to scores: the scores are those that valence_evaluate() gives the same clips
 * of a store, in the flow that fits what is there. */
#include "scorer_fixture.h"

static void test_scores_are_those_that_evaluate_gives(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_store *store;
    const struct valence_evaluation *evaluation;
    struct valence_error error;
    must(valence_store_open(store_path, NULL, &store, &error), &error);
    must(valence_evaluate(valence_scorer_model(scorer), store, NULL, NULL, &evaluation, &error),
         &error);
    assert_int_equal(evaluation->n_clips, N_CLIPS / 3);
    for (int64_t i = 0; i < evaluation->n_clips; i++) {
        int clip = atoi(valence_store_clip(store, evaluation->clips[i])->id + 5);
        struct valence_media_segment range = range_of(clip);
        struct valence_recording_score *made =
            score(scorer, (struct valence_recording){
                              .path = film_path, .range = &range, .text = words[clip % 4]});
        assert_int_equal(made->n_segments, 1);
        assert_int_equal(made->segments[0].flow, 0);
        assert_true(fabs(made->segments[0].raw_score - (double)evaluation->flows[0].scores[i]) <
                    1e-5);
        valence_recording_score_free(made);
    }
    valence_evaluation_free(evaluation);
    valence_store_close(store);
    valence_scorer_close(scorer);
}

/* ---- What is there ---- */

static void assert_flow(struct valence_scorer *scorer, const char *file, const char *text,
                        unsigned missing)
{
    struct valence_recording_score *made =
        score(scorer, (struct valence_recording){.path = file, .text = text});
    assert_int_equal(made->n_segments, 1);
    const struct valence_scored_segment *segment = &made->segments[0];
    assert_int_equal(segment->flow, missing);
    assert_int_equal(segment->missing, missing);
    assert_int_equal(segment->imagined, missing);
    assert_true(segment->trained && segment->fitting && isfinite(segment->score));
    assert_true(isnan(segment->estimate.low) || segment->estimate.low <= segment->score);
    assert_int_equal(segment->words_from, text ? VALENCE_WORDS_GIVEN : VALENCE_WORDS_NONE);
    assert_true(made->score == segment->score && made->spread == 0);
    valence_recording_score_free(made);
}

static void test_every_subset_goes_through_its_flow(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    options.recognise = false;
    struct valence_scorer *scorer = open_scorer(&options);
    ffmpeg("-i film.mkv -t 2 -c:v mpeg4 both.mkv");
    ffmpeg("-i film.mkv -t 2 -vn sound.wav");
    ffmpeg("-i film.mkv -t 2 -an -c:v mpeg4 silent.mkv");
    const char *both = in_folder("both.mkv"), *sound = in_folder("sound.wav");
    const char *silent = in_folder("silent.mkv");
    assert_flow(scorer, both, "fine day", 0);
    assert_flow(scorer, both, NULL, TEXT_BIT);
    assert_flow(scorer, sound, "fine day", VIDEO_BIT);
    assert_flow(scorer, sound, NULL, TEXT_BIT | VIDEO_BIT);
    assert_flow(scorer, silent, "fine day", AUDIO_BIT);
    assert_flow(scorer, silent, NULL, AUDIO_BIT | TEXT_BIT);
    assert_flow(scorer, NULL, "fine day", AUDIO_BIT | VIDEO_BIT);
    valence_scorer_close(scorer);
}

static void test_words_are_recognised_where_none_are_given(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    struct valence_scorer *scorer = open_scorer(&options);
    ffmpeg("-i film.mkv -t 2 -c:v mpeg4 both.mkv");
    struct valence_recording_score *made =
        score(scorer, (struct valence_recording){.path = in_folder("both.mkv")});
    const struct valence_scored_segment *segment = &made->segments[0];
    assert_int_equal(segment->words_from, VALENCE_WORDS_RECOGNISED);
    assert_int_equal(segment->flow, 0);
    assert_non_null(strchr(segment->text, 'w')); /* every word of the tiny model has one */
    assert_true(segment->n_words > 0 && segment->words[0].text[0]);
    assert_true(segment->confidence > 0 && segment->confidence <= 1);
    assert_true(made->has_sound && made->has_pictures && made->work_seconds > 0);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);
}

/* ---- Texts ---- */

struct texts_received {
    int64_t n;
    double scores[4];
};

static int receive_text(void *user, const struct valence_scored_segment *segment)
{
    struct texts_received *received = user;
    assert_int_equal(segment->index, received->n);
    if (segment->index == 1) {
        assert_true(isnan(segment->score));
        assert_string_equal(segment->reason, "it has no words");
    }
    received->scores[received->n++] = segment->score;
    return 0;
}

static void test_texts_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"fine day", " \t", "bad news"};
    struct valence_scorer_options options = own_options();
    struct valence_scorer *scorer = open_scorer(&options);
    struct texts_received received = {0};
    struct valence_error error;
    must(valence_score_texts(scorer, texts, 3, NULL, receive_text, &received, &error), &error);
    assert_int_equal(received.n, 3);
    assert_true(received.scores[0] != received.scores[2]);
    struct valence_recording_score *made =
        score(scorer, (struct valence_recording){.text = "fine day"});
    assert_true(fabs(made->score - received.scores[0]) < 1e-5);
    valence_recording_score_free(made);
    char text[1024] = "";
    for (int i = 0; i < 30; i++)
        strcat(text, i == 9 ? "day. " : "fine day ");
    made = score(scorer, (struct valence_recording){.text = text});
    assert_int_equal(made->n_segments, 2);
    assert_int_equal(made->segments[0].n_words, 19);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);
}

/* ---- Why ---- */

static double sum_of(const struct valence_row_attention *rows)
{
    double sum = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        assert_true(rows->weights[i] >= 0 && rows->weights[i] <= 1);
        sum += (double)rows->weights[i];
    }
    return sum;
}

static void test_an_explanation_says_where_the_network_looked(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    options.explain = true;
    options.recognise = false;
    struct valence_scorer *scorer = open_scorer(&options);
    ffmpeg("-i film.mkv -t 2 -c:v mpeg4 both.mkv");
    struct valence_recording_score *made = score(
        scorer, (struct valence_recording){.path = in_folder("both.mkv"), .text = "not at all"});
    const struct valence_explanation *why = made->segments[0].explanation;
    assert_in_range(why->attention[VALENCE_AUDIO].n, 100, 102); /* 50 a second */
    assert_true(why->attention[VALENCE_AUDIO].rows_per_second == 50);
    assert_int_equal(why->attention[VALENCE_VIDEO].n, 4);
    assert_true(why->attention[VALENCE_VIDEO].rows_per_second == 2);
    assert_true(isnan(why->attention[VALENCE_TEXT].rows_per_second));
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        assert_true(fabs(sum_of(&why->attention[m]) - 1) < 1e-4);
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(why->word_attention[i] > 0);
        sum += why->word_attention[i];
    }
    assert_true(fabs(sum - 1) < 1e-4); /* the prefix, BOS included, has no rows */
    valence_recording_score_free(made);
    made = score(scorer, (struct valence_recording){.path = in_folder("both.mkv")});
    why = made->segments[0].explanation;
    assert_int_equal(why->attention[VALENCE_TEXT].n, 0);
    assert_null(why->attention[VALENCE_TEXT].weights);
    assert_null(why->word_attention);
    assert_true(fabs(sum_of(&why->attention[VALENCE_VIDEO]) - 1) < 1e-4);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);
}

/* What the score would be without a modality is the score in the trained flow that misses it. */
static void test_a_modality_is_left_out_in_the_flow_that_misses_it(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    options.recognise = false;
    options.explain = true;
    struct valence_scorer *scorer = open_scorer(&options);
    ffmpeg("-i film.mkv -t 2 -c:v mpeg4 both.mkv");
    const char *both = in_folder("both.mkv");
    struct valence_recording_score *all =
        score(scorer, (struct valence_recording){.path = both, .text = "fine day"});
    struct valence_recording_score *no_text =
        score(scorer, (struct valence_recording){.path = both});
    const struct valence_explanation *why = all->segments[0].explanation;
    assert_true(fabs(why->without[VALENCE_TEXT] - no_text->score) < 1e-5);
    assert_true(isfinite(why->without[VALENCE_AUDIO]) && isfinite(why->without[VALENCE_VIDEO]));
    why = no_text->segments[0].explanation;
    assert_true(isnan(why->without[VALENCE_TEXT]));
    assert_true(isfinite(why->without[VALENCE_AUDIO])); /* audio_text_missing */
    valence_recording_score_free(no_text);
    valence_recording_score_free(all);
    valence_scorer_close(scorer);
}

/* ---- What cannot be ---- */

static void test_another_encoder_is_refused_with_both_names(void **state)
{
    (void)state;
    char other[160];
    struct valence_scorer_options options = own_options();
    struct valence_error error;
    const struct valence_convert_options convert = {
        .size = sizeof convert, .type = "f32", .overwrite = true};
    if (access(film_path, R_OK) != 0)
        skip();
    snprintf(other, sizeof other, "%s/whisper-f32.gguf", fixture_folder);
    must(valence_convert(VALENCE_CONVERT_WHISPER, fixture_folder, other, &convert, NULL, &error),
         &error);
    options.whisper_model = other;
    struct valence_scorer *scorer = open_scorer(&options);
    assert_int_equal(valence_scorer_load(scorer, VALENCE_SCORER_RECORDINGS, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "f16"));
    assert_non_null(strstr(error.text, "f32"));
    valence_scorer_close(scorer);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_recording_score *made;
    struct valence_error error;
    struct valence_recording recording = {.path = "/nowhere.mp4"};
    assert_int_equal(valence_score_recording(scorer, &recording, NULL, NULL, NULL, &made, &error),
                     VALENCE_ERROR_NOT_FOUND);
    recording = (struct valence_recording){.text = ""};
    assert_int_equal(valence_score_recording(scorer, &recording, NULL, NULL, NULL, &made, &error),
                     VALENCE_ERROR_DATA);
    recording = (struct valence_recording){0};
    assert_int_equal(valence_score_recording(scorer, &recording, NULL, NULL, NULL, &made, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_scorer_close(scorer);

    options.faces_model = NULL;
    options.folder = "/nowhere";
    scorer = open_scorer(&options);
    assert_int_equal(valence_scorer_load(scorer, VALENCE_SCORER_RECORDINGS, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_string_equal(error.key, "faces_model");
    assert_non_null(strstr(error.text, "'faces'"));
    must(valence_scorer_load(scorer, VALENCE_SCORER_TEXTS, &error), &error);
    valence_scorer_close(scorer);

    options = own_options();
    options.window_seconds = -1;
    assert_int_equal(valence_scorer_open(run_path, &options, &scorer, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "window_seconds");
    assert_null(scorer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_those_that_evaluate_gives),
        cmocka_unit_test(test_every_subset_goes_through_its_flow),
        cmocka_unit_test(test_words_are_recognised_where_none_are_given),
        cmocka_unit_test(test_texts_alone),
        cmocka_unit_test(test_an_explanation_says_where_the_network_looked),
        cmocka_unit_test(test_a_modality_is_left_out_in_the_flow_that_misses_it),
        cmocka_unit_test(test_another_encoder_is_refused_with_both_names),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
