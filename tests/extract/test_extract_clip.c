/* A clip's streams from files, memory and opened media, with tiny models: the rows are those that
 * the encoders give by themselves. */
#include "media_fixture.h"

#include "tiny_faces.h"
#include "tiny_whisper.h"
#include "valence/extract.h"
#include "valence/prosody.h"

#define LLAMA VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf"

static char whisper_path[128], faces_path[128];

static int make_models(void **state)
{
    if (make_folder(state))
        return -1;
    snprintf(whisper_path, sizeof whisper_path, "%s/whisper.gguf", fixture_folder);
    snprintf(faces_path, sizeof faces_path, "%s/faces.gguf", fixture_folder);
    tiny_whisper_make(fixture_folder, whisper_path);
    tiny_faces_make(faces_path);
    return 0;
}

static struct valence_transcribe_options recognition;

static struct valence_extractor_options all_options(void)
{
    struct valence_extractor_options options;
    valence_extractor_options_default(&options);
    valence_transcribe_options_default(&recognition);
    recognition.language = "en";
    recognition.beams = 1;
    options.audio = VALENCE_BIT(VALENCE_SOUND_WHISPER) | VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.text = VALENCE_TEXT_ASR;
    options.simulated_text = VALENCE_SIMULATED_ASR;
    options.whisper_model = whisper_path;
    options.faces_model = faces_path;
    options.text_model = LLAMA;
    options.recognition = &recognition;
    options.fps = 4;
    options.face_size = 96; /* the random detector sees faces everywhere, and each takes time */
    return options;
}

static struct valence_extractor *open_with(const struct valence_extractor_options *options)
{
    struct valence_extractor *extractor;
    struct valence_error error;
    int status = valence_extractor_open(options, &extractor, &error);
    if (status)
        fail_msg("%s", error.text);
    return extractor;
}

static struct valence_extracted *extract(struct valence_extractor *extractor,
                                         const struct valence_clip_input *input)
{
    struct valence_extracted *extracted;
    struct valence_error error;
    if (valence_extract_clip(extractor, input, NULL, &extracted, &error))
        fail_msg("%s", error.text);
    return extracted;
}

/* A film of 1.5 s with a tone. */
static const char *make_film(void)
{
    ffmpeg("-f lavfi -i testsrc2=size=160x120:rate=12:duration=1.5 -f lavfi -i "
           "sine=frequency=300:duration=1.5 -c:v mpeg4 -c:a pcm_s16le film.mkv");
    return in_folder("film.mkv");
}

static struct valence_sound *read_sound(const char *path)
{
    struct valence_media *media;
    struct valence_sound *sound;
    struct valence_error error;
    assert_int_equal(valence_media_open(path, NULL, &media, &error), 0);
    assert_int_equal(valence_media_read_sound(media, NULL, &sound, &error), 0);
    valence_media_close(media);
    return sound;
}

static void assert_same_rows(const struct valence_extracted *a, const struct valence_extracted *b,
                             const struct valence_extractor *extractor)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t n, m, width = valence_extractor_width(extractor, (enum valence_stream)s);
        const float *x = valence_extracted_rows(a, (enum valence_stream)s, &n);
        const float *y = valence_extracted_rows(b, (enum valence_stream)s, &m);
        assert_int_equal(n, m);
        for (int64_t i = 0; i < n * width; i++)
            assert_true(fabsf(x[i] - y[i]) <= 1e-5f * (1 + fabsf(x[i])));
    }
}

static void test_audio_rows_are_the_encoders_side_by_side(void **state)
{
    (void)state;
    const char *film = make_film();
    struct valence_extractor_options options = all_options();
    struct valence_extractor *extractor = open_with(&options);
    struct valence_extracted *extracted =
        extract(extractor, &(struct valence_clip_input){.path = film, .transcript = "hello there"});
    struct valence_sound *sound = read_sound(film);
    struct valence_encoder *whisper;
    struct valence_encoder_state *encoding;
    struct valence_features features;
    struct valence_error error;
    struct valence_encoder_input input = {.samples = sound->samples, .n_samples = sound->n_samples};
    int64_t n, width = TINY_WHISPER_WIDTH + VALENCE_PROSODY_COLUMNS;
    const float *rows = valence_extracted_rows(extracted, VALENCE_STREAM_AUDIO, &n);
    assert_int_equal(valence_extractor_width(extractor, VALENCE_STREAM_AUDIO), width);
    assert_int_equal(n, (sound->n_samples + 319) / 320);
    assert_int_equal(valence_encoder_load(whisper_path, NULL, &whisper, &error), 0);
    assert_int_equal(valence_encoder_state_create(whisper, &encoding, &error), 0);
    assert_int_equal(valence_encoder_encode(encoding, &input, 1, NULL, &features, &error), 0);
    float *prosody = malloc((size_t)n * VALENCE_PROSODY_COLUMNS * sizeof *prosody);
    assert_non_null(prosody);
    assert_int_equal(valence_prosody_rows(sound->samples, sound->n_samples, prosody, &error), 0);
    for (int64_t t = 0; t < n; t++)
        for (int64_t c = 0; c < width; c++)
            assert_true(rows[t * width + c] ==
                        (c < TINY_WHISPER_WIDTH
                             ? features.rows[t * TINY_WHISPER_WIDTH + c]
                             : prosody[t * VALENCE_PROSODY_COLUMNS + c - TINY_WHISPER_WIDTH]));
    free(prosody);
    valence_features_free(&features);
    valence_encoder_state_free(encoding);
    valence_encoder_free(whisper);
    valence_sound_free(sound);
    valence_extracted_free(extracted);
    valence_extractor_close(extractor);
}

static void assert_is_text(struct valence_extractor *extractor, const float *rows, int64_t n,
                           const char *text)
{
    struct valence_features features;
    struct valence_error error;
    assert_int_equal(valence_transcript_encoder_encode(valence_extractor_text(extractor), &text, 1,
                                                       NULL, &features, &error),
                     0);
    assert_int_equal(features.offsets[1], n);
    assert_memory_equal(features.rows, rows, (size_t)(n * features.width) * sizeof *rows);
    valence_features_free(&features);
}

static void test_text_is_given_or_recognised(void **state)
{
    (void)state;
    const char *film = make_film();
    struct valence_extractor_options options = all_options();
    struct valence_extractor *extractor = open_with(&options);
    struct valence_clip_input input = {.path = film, .transcript = "hello there"};
    struct valence_extracted *given = extract(extractor, &input);
    int64_t n, m;
    const float *rows = valence_extracted_rows(given, VALENCE_STREAM_TEXT, &n);
    const struct valence_extracted_facts *facts = valence_extracted_get_facts(given);
    assert_string_equal(facts->transcript, "hello there");
    assert_non_null(facts->recognised);
    assert_is_text(extractor, rows, n, "hello there");
    input.transcript = NULL;
    struct valence_extracted *heard = extract(extractor, &input);
    facts = valence_extracted_get_facts(heard);
    assert_non_null(strchr(facts->transcript, 'w')); /* every word of the tiny model has one */
    assert_true(facts->confidence > 0 && facts->confidence <= 1);
    rows = valence_extracted_rows(heard, VALENCE_STREAM_TEXT, &n);
    assert_is_text(extractor, rows, n, facts->transcript);
    rows = valence_extracted_rows(heard, VALENCE_STREAM_SIMULATED_TEXT, &m);
    assert_int_equal(n, m);
    assert_is_text(extractor, rows, m, facts->transcript);
    assert_non_null(strstr(valence_extracted_record(heard), "\"source\":\"asr\""));
    valence_extracted_free(given);
    valence_extracted_free(heard);
    valence_extractor_close(extractor);
}

/* The film's pictures at 4 a second. */
struct pictures {
    uint8_t pixels[8 * 160 * 120 * 3];
    double times[8];
    int64_t n;
};

static int keep_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    struct pictures *pictures = user;
    size_t bytes = 160 * 120 * 3;
    (void)error;
    assert_true(pictures->n < 8 && picture->width == 160 && picture->height == 120);
    memcpy(pictures->pixels + (size_t)pictures->n * bytes, picture->pixels, bytes);
    pictures->times[pictures->n++] = picture->time;
    return 0;
}

static void test_files_memory_and_open_media_give_the_same(void **state)
{
    (void)state;
    static struct pictures pictures;
    const char *film = make_film();
    struct valence_extractor_options options = all_options();
    struct valence_extractor *extractor = open_with(&options);
    struct valence_extracted *from_file =
        extract(extractor, &(struct valence_clip_input){.path = film});
    const struct valence_extracted_facts *facts = valence_extracted_get_facts(from_file);
    assert_int_equal(facts->faces.n_frames, 6);
    assert_true(fabs(facts->seconds - 1.5) < 0.01);
    assert_string_equal(facts->warning, "");

    struct valence_media_options media_options;
    struct valence_media *media;
    struct valence_error error;
    valence_media_options_default(&media_options);
    media_options.fps = 4;
    assert_int_equal(valence_media_open(film, &media_options, &media, &error), 0);
    struct valence_extracted *from_media =
        extract(extractor, &(struct valence_clip_input){.media = media});
    assert_same_rows(from_file, from_media, extractor);
    const struct valence_media_sink sink = {NULL, keep_picture, &pictures};
    assert_int_equal(valence_media_decode(media, NULL, 0, &sink, NULL, &error), 0);
    valence_media_close(media);
    struct valence_sound *sound = read_sound(film);
    const struct valence_clip_input memory = {.samples = sound->samples,
                                              .n_samples = sound->n_samples,
                                              .pixels = pictures.pixels,
                                              .n_pictures = pictures.n,
                                              .width = 160,
                                              .height = 120,
                                              .times = pictures.times};
    struct valence_extracted *from_memory = extract(extractor, &memory);
    assert_same_rows(from_file, from_memory, extractor);
    valence_sound_free(sound);
    valence_extracted_free(from_file);
    valence_extracted_free(from_media);
    valence_extracted_free(from_memory);
    valence_extractor_close(extractor);
}

static void test_what_a_file_lacks_is_left_out(void **state)
{
    (void)state;
    ffmpeg("-f lavfi -i testsrc2=size=160x120:rate=12:duration=1 -c:v mpeg4 silent.mkv");
    ffmpeg("-f lavfi -i sine=frequency=300:duration=1 tone.wav");
    struct valence_extractor_options options = all_options();
    struct valence_extractor *extractor = open_with(&options);
    struct valence_extracted *silent =
        extract(extractor, &(struct valence_clip_input){.path = in_folder("silent.mkv"),
                                                        .transcript = "hello"});
    struct valence_extracted *tone =
        extract(extractor, &(struct valence_clip_input){.path = in_folder("tone.wav")});
    int64_t n;
    assert_null(valence_extracted_rows(silent, VALENCE_STREAM_AUDIO, &n));
    assert_int_equal(n, 0);
    assert_non_null(valence_extracted_rows(silent, VALENCE_STREAM_TEXT, &n));
    assert_false(valence_extracted_get_facts(silent)->has_sound);
    assert_null(valence_extracted_rows(tone, VALENCE_STREAM_VIDEO, &n));
    assert_non_null(valence_extracted_rows(tone, VALENCE_STREAM_AUDIO, &n));
    assert_false(valence_extracted_get_facts(tone)->has_pictures);
    struct valence_extracted *none;
    struct valence_error error;
    options = all_options();
    options.video = VALENCE_PICTURES_NONE;
    options.text = VALENCE_TEXT_GIVEN;
    struct valence_extractor *deaf = open_with(&options);
    const struct valence_clip_input input = {.path = in_folder("silent.mkv")};
    assert_int_equal(valence_extract_clip(deaf, &input, NULL, &none, &error), VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "silent.mkv"));
    assert_null(none);
    valence_extractor_close(deaf);
    valence_extracted_free(silent);
    valence_extracted_free(tone);
    valence_extractor_close(extractor);
}

static void test_a_range_is_cut_out(void **state)
{
    (void)state;
    const char *film = make_film();
    struct valence_extractor_options options = all_options();
    struct valence_extractor *extractor = open_with(&options);
    const struct valence_media_segment range = {0.5, 1.0}, behind = {50, 60};
    struct valence_extracted *extracted =
        extract(extractor, &(struct valence_clip_input){.path = film, .range = &range});
    const struct valence_extracted_facts *facts = valence_extracted_get_facts(extracted);
    assert_int_equal(facts->n_samples, 8000);
    assert_int_equal(facts->faces.n_frames, 2);
    for (int64_t i = 0; i < facts->recognised->n_segments; i++)
        assert_true(facts->recognised->segments[i].start >= 0.5);
    valence_extracted_free(extracted);
    struct valence_error error;
    const struct valence_clip_input late = {.path = film, .range = &behind};
    assert_int_equal(valence_extract_clip(extractor, &late, NULL, &extracted, &error),
                     VALENCE_ERROR_DATA);
    valence_extractor_close(extractor);
    options.max_clip_seconds = 1;
    extractor = open_with(&options);
    const struct valence_clip_input whole = {.path = film};
    assert_int_equal(valence_extract_clip(extractor, &whole, NULL, &extracted, &error),
                     VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_clip_seconds");
    valence_extractor_close(extractor);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return --*(int *)user < 0;
}

static void test_damaged_face_networks_are_refused(void **state)
{
    (void)state;
    char path[160];
    struct valence_face_detector *detector;
    struct valence_error error;
    snprintf(path, sizeof path, "%s/damaged.gguf", fixture_folder);
    tiny_faces_write(path, "of other weights");
    assert_int_equal(valence_face_detector_open(path, NULL, &detector, &error),
                     VALENCE_ERROR_FORMAT);
    assert_null(detector);
    assert_non_null(strstr(error.text, "the file is damaged"));
}

static void test_errors_name_the_setting(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_extractor *extractor;
    struct valence_extracted *extracted;
    struct valence_extractor_options options = all_options();
    options.faces_model = NULL;
    assert_int_equal(valence_extractor_open(&options, &extractor, &error), VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "faces_model");
    assert_null(extractor);
    options = all_options();
    options.whisper_model = faces_path;
    assert_int_not_equal(valence_extractor_open(&options, &extractor, &error), 0);
    options = all_options();
    options.audio = 0;
    options.video = VALENCE_PICTURES_NONE;
    options.text = VALENCE_TEXT_NONE;
    options.simulated_text = VALENCE_SIMULATED_NONE;
    assert_int_equal(valence_extractor_open(&options, &extractor, &error), VALENCE_ERROR_ARGUMENT);
    options.size = 4096;
    assert_int_equal(valence_extractor_open(&options, &extractor, &error), VALENCE_ERROR_ARGUMENT);
    options = all_options();
    extractor = open_with(&options);
    const struct valence_clip_input input = {.path = make_film()}, none = {0};
    for (int n = 0; n < 3; n++) {
        int left = n;
        const struct valence_progress progress = {cancel, &left};
        assert_int_equal(valence_extract_clip(extractor, &input, &progress, &extracted, &error),
                         VALENCE_ERROR_CANCELLED);
        assert_null(extracted);
    }
    assert_int_equal(valence_extract_clip(extractor, &none, NULL, &extracted, &error),
                     VALENCE_ERROR_DATA);
    valence_extractor_close(extractor);
    valence_extractor_close(NULL);
    valence_extracted_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audio_rows_are_the_encoders_side_by_side),
        cmocka_unit_test(test_text_is_given_or_recognised),
        cmocka_unit_test(test_files_memory_and_open_media_give_the_same),
        cmocka_unit_test(test_what_a_file_lacks_is_left_out),
        cmocka_unit_test(test_a_range_is_cut_out),
        cmocka_unit_test(test_damaged_face_networks_are_refused),
        cmocka_unit_test(test_errors_name_the_setting),
    };
    return cmocka_run_group_tests(tests, make_models, remove_folder);
}
