/* Where recordings are cut, their mean, and live sound. */
#include "scorer_fixture.h"

struct received {
    int64_t n;
    double last_start, last_score;
    int64_t stop_after;
};

static int receive(void *user, const struct valence_scored_segment *segment)
{
    struct received *received = user;
    assert_int_equal(segment->index, received->n);
    assert_true(segment->start >= received->last_start && segment->end > segment->start);
    received->last_start = segment->start;
    received->last_score = segment->score;
    return ++received->n == received->stop_after;
}

static void assert_mean(const struct valence_recording_score *made)
{
    double weights = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < made->n_segments; i++) {
        const struct valence_scored_segment *segment = &made->segments[i];
        weights += segment->end - segment->start;
        sum += (segment->end - segment->start) * segment->score;
        squares += (segment->end - segment->start) * segment->score * segment->score;
        assert_true(segment->score >= made->lowest && segment->score <= made->highest);
    }
    assert_true(fabs(made->score - sum / weights) < 1e-9);
    assert_true(
        fabs(made->spread * made->spread - (squares / weights - made->score * made->score)) < 1e-6);
}

static void test_a_long_recording_is_cut_at_pauses(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    options.recognise = false;
    options.whole_seconds = 5;
    struct valence_scorer *scorer = open_scorer(&options);
    struct received received = {.stop_after = -1};
    struct valence_recording recording = {.path = film_path};
    struct valence_recording_score *made;
    struct valence_error error;
    must(valence_score_recording(scorer, &recording, NULL, receive, &received, &made, &error),
         &error);
    /* The tone is silent for 0.7 s every 3 s. */
    assert_int_equal(made->n_segments, 4);
    assert_int_equal(received.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(made->segments[i].start - (3 * i + 0.5)) < 0.1);
        assert_true(made->segments[i].end < 3 * i + 3.3);
    }
    assert_mean(made);
    assert_true(made->spread > 0);
    valence_recording_score_free(made);
    received = (struct received){.stop_after = 2};
    assert_int_equal(
        valence_score_recording(scorer, &recording, NULL, receive, &received, &made, &error),
        VALENCE_ERROR_CANCELLED);
    assert_null(made);
    assert_int_equal(received.n, 2);
    valence_scorer_close(scorer);
}

static void test_windows_and_given_sentences(void **state)
{
    (void)state;
    static const struct valence_speech_segment segments[] = {
        {.text = "Good morning", .start = 1, .end = 2},
        {.text = "to you.", .start = 2.1, .end = 3},
        {.text = "Bad news.", .start = 6, .end = 8}};
    const struct valence_transcript transcript = {
        .language = "en", .duration = 8, .n_segments = 3, .segments = segments};
    struct valence_scorer_options options = own_options();
    options.explain = options.signals = true;
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_recording recording = {.path = film_path, .transcript = &transcript};
    struct valence_recording_score *made = score(scorer, recording);
    assert_int_equal(made->n_segments, 2);
    const struct valence_scored_segment *first = &made->segments[0];
    assert_string_equal(first->text, "Good morning to you.");
    assert_true(first->start == 1 && first->end == 3);
    assert_string_equal(made->segments[1].text, "Bad news.");
    assert_int_equal(first->words_from, VALENCE_WORDS_GIVEN);
    assert_int_equal(first->n_words, 4);
    assert_non_null(first->explanation);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        assert_true(isfinite(first->explanation->without[m]));
    for (int i = 0; i < 4; i++)
        assert_true(isfinite(first->explanation->without_word[i]));
    assert_true(first->explanation->without_word[0] != first->score);
    assert_non_null(first->signals);
    assert_true(fabs(first->signals->words_per_second - 2) < 1e-9);
    assert_true(first->signals->pitch_hz > 100 && first->signals->pitch_hz < 500);
    assert_true(first->signals->voiced > 0.3 && first->signals->voiced <= 1);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);

    options.explain = options.signals = false;
    options.window_seconds = 4;
    scorer = open_scorer(&options);
    made = score(scorer, recording);
    assert_int_equal(made->n_segments, 3);
    assert_string_equal(made->segments[1].text, "Bad news.");
    /* Nothing is recognised where the transcript has nothing. */
    assert_string_equal(made->segments[2].text, "");
    assert_int_equal(made->segments[2].words_from, VALENCE_WORDS_NONE);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);

    options.recognise = false;
    scorer = open_scorer(&options);
    recording.transcript = NULL;
    made = score(scorer, recording);
    assert_int_equal(made->n_segments, 3);
    assert_true(made->segments[1].start == 4 && made->segments[1].end == 8);
    assert_null(made->segments[0].explanation);
    assert_null(made->segments[0].signals);
    assert_mean(made);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);
}

static void test_sound_in_memory_gives_the_same(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    options.recognise = false;
    options.whole_seconds = 5;
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_media *media;
    struct valence_sound *sound;
    struct valence_error error;
    ffmpeg("-i film.mkv -vn sound.wav");
    must(valence_media_open(in_folder("sound.wav"), NULL, &media, &error), &error);
    must(valence_media_read_sound(media, NULL, &sound, &error), &error);
    valence_media_close(media);
    struct valence_recording_score *file =
        score(scorer, (struct valence_recording){.path = in_folder("sound.wav")});
    struct valence_recording_score *memory =
        score(scorer,
              (struct valence_recording){.samples = sound->samples, .n_samples = sound->n_samples});
    assert_int_equal(file->n_segments, 4);
    assert_int_equal(memory->n_segments, 4);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(file->segments[i].score - memory->segments[i].score) < 1e-4);
    valence_recording_score_free(file);
    valence_recording_score_free(memory);
    valence_sound_free(sound);
    valence_scorer_close(scorer);
}

/* ---- Live ---- */

static void test_live_sound_gives_the_utterances_of_the_file(void **state)
{
    (void)state;
    struct valence_scorer_options options = own_options();
    options.recognise = false;
    options.whole_seconds = 5;
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_media *media;
    struct valence_sound *sound;
    struct valence_live *live;
    struct valence_error error;
    struct received received = {.stop_after = -1};
    ffmpeg("-i film.mkv -vn sound.wav");
    must(valence_media_open(in_folder("sound.wav"), NULL, &media, &error), &error);
    must(valence_media_read_sound(media, NULL, &sound, &error), &error);
    valence_media_close(media);
    struct valence_recording_score *file =
        score(scorer, (struct valence_recording){.path = in_folder("sound.wav")});
    must(valence_live_open(scorer, receive, &received, &live, &error), &error);
    for (int64_t at = 0; at < sound->n_samples;) {
        int64_t n = sound->n_samples - at < 777 ? sound->n_samples - at : 777;
        must(valence_live_feed(live, sound->samples + at, n, &error), &error);
        at += n;
        /* The first utterance ends at 3 s; it is there half a second later. */
        if (at > 3.6 * 16000)
            assert_true(received.n >= 1);
        if (at < 3.4 * 16000)
            assert_int_equal(received.n, 0);
    }
    must(valence_live_end(live, &error), &error);
    assert_int_equal(received.n, file->n_segments);
    assert_true(fabs(received.last_start - file->segments[file->n_segments - 1].start) < 0.05);
    assert_true(fabs(received.last_score - file->segments[file->n_segments - 1].score) < 0.05);
    valence_live_close(live);
    valence_recording_score_free(file);
    valence_sound_free(sound);
    valence_scorer_close(scorer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_recording_is_cut_at_pauses),
        cmocka_unit_test(test_windows_and_given_sentences),
        cmocka_unit_test(test_sound_in_memory_gives_the_same),
        cmocka_unit_test(test_live_sound_gives_the_utterances_of_the_file),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
