/* Recordings and texts to scores, by a model that was trained on what the extractor made with tiny
 * encoders: the scores are those that valence_evaluate() gives the same clips of a store. */
#include "media_fixture.h"

#include "config_assign.h"
#include "score/scorer.h"
#include "tiny_faces.h"
#include "tiny_whisper.h"
#include "train/train_config.h"
#include "valence/evaluate.h"
#include "valence/run.h"
#include "valence/train.h"

#define LLAMA       VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf"
#define N_CLIPS     12
#define CLIP_LENGTH 0.5

#define AUDIO_BIT VALENCE_BIT(VALENCE_AUDIO)
#define TEXT_BIT  VALENCE_BIT(VALENCE_TEXT)
#define VIDEO_BIT VALENCE_BIT(VALENCE_VIDEO)

static char whisper_path[128], faces_path[128], film_path[128], store_path[128], run_path[128];
static const char *const words[] = {"good", "bad news", "fine day", "not at all well"};

static struct valence_transcribe_options recognition;

static struct valence_extractor_options extractor_options(void)
{
    struct valence_extractor_options options;
    valence_extractor_options_default(&options);
    valence_transcribe_options_default(&recognition);
    recognition.language = "en";
    recognition.beams = 1;
    options.audio = VALENCE_BIT(VALENCE_SOUND_WHISPER) | VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.text = VALENCE_TEXT_ASR;
    options.whisper_model = whisper_path;
    options.faces_model = faces_path;
    options.text_model = LLAMA;
    options.recognition = &recognition;
    options.fps = 2; /* the random detector sees many faces, which takes time */
    return options;
}

static void must(int status, const struct valence_error *error)
{
    if (status)
        fail_msg("%s", error->text);
}

/* ---- A model trained on extracted media ---- */

static struct valence_media_segment range_of(int clip)
{
    return (struct valence_media_segment){clip * CLIP_LENGTH, (clip + 1) * CLIP_LENGTH};
}

static void add_clip(struct valence_store_writer *writer, struct valence_extractor *extractor,
                     int clip)
{
    struct valence_error error;
    struct valence_extracted *extracted;
    struct valence_clip_rows rows[VALENCE_N_MODALITIES];
    char id[16];
    struct valence_media_segment range = range_of(clip);
    struct valence_clip_input input = {
        .path = film_path, .range = &range, .transcript = words[clip % 4]};
    must(valence_extract_clip(extractor, &input, NULL, &extracted, &error), &error);
    for (int s = 0; s < VALENCE_N_MODALITIES; s++) {
        rows[s] = (struct valence_clip_rows){.stream = s};
        rows[s].rows = valence_extracted_rows(extracted, (enum valence_stream)s, &rows[s].n_rows);
        assert_true(rows[s].n_rows > 0);
    }
    snprintf(id, sizeof id, "clip-%02d", clip);
    struct valence_clip record = {.id = id,
                                  .transcript = words[clip % 4],
                                  .split = clip % 3 == 0   ? VALENCE_TEST
                                           : clip % 3 == 1 ? VALENCE_VALIDATION
                                                           : VALENCE_TRAIN,
                                  .label = (float)(clip % 7 - 3)};
    must(valence_store_writer_add(writer, &record, rows, VALENCE_N_MODALITIES, &error), &error);
    valence_extracted_free(extracted);
}

static void make_store(void)
{
    struct valence_extractor_options options = extractor_options();
    struct valence_extractor *extractor;
    struct valence_store_writer *writer;
    struct valence_error error;
    struct valence_store_stream streams[VALENCE_N_MODALITIES] = {{{0}, 0, VALENCE_F32}};
    must(valence_extractor_open(&options, &extractor, &error), &error);
    for (int s = 0; s < VALENCE_N_MODALITIES; s++) {
        snprintf(streams[s].name, sizeof streams[s].name, "%s", valence_stream_names[s]);
        streams[s].width = valence_extractor_width(extractor, (enum valence_stream)s);
        streams[s].type = VALENCE_F32;
    }
    must(
        valence_store_writer_open(store_path, streams, VALENCE_N_MODALITIES, NULL, &writer, &error),
        &error);
    size_t bytes = strlen(valence_extractor_settings(extractor)) + 64;
    char *source = malloc(bytes);
    assert_non_null(source);
    snprintf(source, bytes, "{\"kind\": \"extract\", \"encoders\": %s}",
             valence_extractor_settings(extractor));
    must(valence_store_writer_set_source(writer, source, &error), &error);
    free(source);
    for (int clip = 0; clip < N_CLIPS; clip++)
        add_clip(writer, extractor, clip);
    must(valence_store_writer_finish(writer, &error), &error);
    must(valence_store_writer_close(writer, &error), &error);
    valence_extractor_close(extractor);
}

static void train_model(void)
{
    static const char *const settings[] = {
        "model.d=8",
        "model.o=6",
        "epochs=2",
        "batch_size=8",
        "threads=1",
        "flows=complete,text_missing,audio_missing,video_missing,audio_text_missing,audio_video_"
        "missing,text_video_missing",
        "streams.simulated_text="};
    struct valence_train_config config;
    struct valence_train_options options;
    struct valence_train_result *result;
    struct valence_error error;
    train_config_defaults(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        must(config_assign(&config, settings[i], &error), &error);
    snprintf(config.store, sizeof config.store, "%s", store_path);
    snprintf(config.output, sizeof config.output, "%s", run_path);
    valence_train_options_default(&options);
    must(valence_train(&config, &options, &result, &error), &error);
    valence_train_result_free(result);
}

static int set_up(void **state)
{
    if (make_folder(state))
        return -1;
    snprintf(whisper_path, sizeof whisper_path, "%s/whisper.gguf", fixture_folder);
    snprintf(faces_path, sizeof faces_path, "%s/faces.gguf", fixture_folder);
    snprintf(film_path, sizeof film_path, "%s/film.mkv", fixture_folder);
    snprintf(store_path, sizeof store_path, "%s/store", fixture_folder);
    snprintf(run_path, sizeof run_path, "%s/run", fixture_folder);
    if (system("ffmpeg -version >/dev/null 2>&1") != 0)
        return 0;
    tiny_whisper_make(fixture_folder, whisper_path);
    tiny_faces_make(faces_path);
    ffmpeg("-f lavfi -i testsrc2=size=160x120:rate=8:duration=12.5 -f lavfi -i "
           "aevalsrc='0.3*sin(2*PI*t*(150+20*floor(2*t)))*gt(mod(t\\,3)\\,0.7):d=12.5:s=16000' "
           "-c:v mpeg4 -g 4 -c:a pcm_s16le film.mkv");
    make_store();
    train_model();
    return 0;
}

/* ---- Scorers ---- */

static struct valence_scorer_options own_options(void)
{
    struct valence_scorer_options options;
    valence_scorer_options_default(&options);
    options.whisper_model = whisper_path;
    options.faces_model = faces_path;
    options.text_model = LLAMA;
    return options;
}

static struct valence_scorer *open_scorer(const struct valence_scorer_options *options)
{
    struct valence_scorer *scorer;
    struct valence_error error;
    if (access(film_path, R_OK) != 0)
        skip(); /* there is no ffmpeg */
    must(valence_scorer_open(run_path, options, &scorer, &error), &error);
    return scorer;
}

static struct valence_recording_score *score(struct valence_scorer *scorer,
                                             struct valence_recording recording)
{
    struct valence_recording_score *made;
    struct valence_error error;
    must(valence_score_recording(scorer, &recording, NULL, NULL, NULL, &made, &error), &error);
    return made;
}

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

/* ---- Timeline ---- */

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
    const struct valence_transcript transcript = {"en", 8, 3, segments};
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

    options.explain = options.signals = options.recognise = false;
    options.window_seconds = 4;
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
        cmocka_unit_test(test_a_long_recording_is_cut_at_pauses),
        cmocka_unit_test(test_windows_and_given_sentences),
        cmocka_unit_test(test_sound_in_memory_gives_the_same),
        cmocka_unit_test(test_texts_alone),
        cmocka_unit_test(test_live_sound_gives_the_utterances_of_the_file),
        cmocka_unit_test(test_another_encoder_is_refused_with_both_names),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
