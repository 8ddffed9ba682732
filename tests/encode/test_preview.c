/* Previews of a small film: what is drawn, and where. */
#include "media_fixture.h"

#include <locale.h>
#include <unistd.h>

#include "comma_locale.h"
#include "tiny_faces.h"
#include "valence/preview.h"

#define FILM                                                                                       \
    "-f lavfi -i testsrc=size=160x120:rate=10:duration=3 -f lavfi -i "                             \
    "sine=frequency=300:duration=3 "

static const char transcript_text[] =
    "WEBVTT\n\n00:00.000 --> 00:01.000\ngood<00:00.500> \"day\"\n\n"
    "00:01.500 --> 00:02.500\nto <b>&lt;you&gt; &amp; me\n\n00:09.000 --> 00:10.000\nbeyond";

static struct valence_transcript *make_transcript(void)
{
    struct valence_transcript *transcript;
    struct valence_error error;
    if (valence_transcript_read_memory(transcript_text, sizeof transcript_text - 1, "a.vtt", NULL,
                                       &transcript, &error))
        fail_msg("%s", error.text);
    return transcript;
}

/* The preview of the file in the folder, as text; free() it. */
static char *preview_of(const char *name, const struct valence_media_segment *range,
                        struct valence_face_detector *detector,
                        const struct valence_transcript *transcript,
                        const struct valence_preview_options *options)
{
    struct valence_error error;
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "%s", in_folder("preview.svg"));
    unlink(path);
    if (valence_preview_write(in_folder(name), range, detector, transcript, options, NULL, path,
                              &error))
        fail_msg("%s", error.text);
    char *bytes = read_file("preview.svg", &size);
    char *text = strndup(bytes, size);
    assert_non_null(text);
    free(bytes);
    return text;
}

static int count(const char *text, const char *wanted)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        n++;
    return n;
}

static void test_frames_wave_and_words_are_drawn(void **state)
{
    (void)state;
    ffmpeg(FILM "-c:v mpeg4 -c:a aac film.mp4");
    struct valence_transcript *transcript = make_transcript();
    struct valence_preview_options options;
    valence_preview_options_default(&options);
    options.n_pictures = 5;
    options.title = "A <film> & more";
    char *svg = preview_of("film.mp4", NULL, NULL, transcript, &options);
    assert_int_equal(count(svg, "data:image/jpeg;base64,/9j/"), 5);
    assert_int_equal(count(svg, ">A &lt;film&gt; &amp; more</text>"), 1);
    assert_int_equal(count(svg, ">good</text>"), 1);
    assert_int_equal(count(svg, ">&quot;day&quot;</text>"), 1);
    assert_int_equal(count(svg, ">to &lt;you&gt; &amp; me</text>"), 1);
    assert_int_equal(count(svg, "beyond"), 0);
    assert_int_equal(count(svg, "#f4e8c4") + count(svg, "#d8ecd0"), 2); /* segments */
    assert_int_equal(count(svg, ">0:03.0"), 1);                         /* the end of the axis */
    assert_int_equal(count(svg, "stroke=\"#e02020\""), 0);
    free(svg);
    valence_transcript_free(transcript);
}

/* Bars where speech was detected; a text too long for the room right of its time, in lines. */
static void test_speech_and_long_texts_are_drawn(void **state)
{
    (void)state;
    ffmpeg(FILM "-c:v mpeg4 -c:a aac film.mp4");
    const struct valence_speech_span speech[] = {{0.5, 1}, {2, 2.5}, {7, 8}};
    char text[601];
    for (int i = 0; i < 600; i++)
        text[i] = "abcd "[i % 5];
    text[600] = '\0';
    const struct valence_speech_segment segment = {.text = text, .start = 2, .end = 2.5};
    const struct valence_transcript transcript = {.language = "",
                                                  .duration = 3,
                                                  .n_segments = 1,
                                                  .segments = &segment,
                                                  .n_speech = 3,
                                                  .speech = speech};
    char *svg = preview_of("film.mp4", NULL, NULL, &transcript, NULL);
    assert_int_equal(count(svg, "class=\"speech\""), 2);
    assert_int_equal(count(svg, "class=\"speech\" x=\"173.3\""), 1); /* 0.5 of 3 s of 980 */
    int n_lines = count(svg, ">abcd ");
    assert_true(n_lines > 5 && count(svg, "<text x=\"663.3\"") >= n_lines);
    assert_int_equal(count(svg, "abcd"), 120); /* nothing is left out */
    free(svg);
}

static void test_a_range_is_drawn_alone(void **state)
{
    (void)state;
    ffmpeg(FILM "-c:v mpeg4 -c:a aac film.mp4");
    struct valence_transcript *transcript = make_transcript();
    const struct valence_media_segment range = {1.4, 2.6};
    char *svg = preview_of("film.mp4", &range, NULL, transcript, NULL);
    assert_int_equal(count(svg, "data:image/jpeg;base64,/9j/"), 12);
    assert_int_equal(count(svg, ">good</text>"), 0);
    assert_int_equal(count(svg, ">to &lt;you&gt;"), 1);
    assert_int_equal(count(svg, ">0:01.40</text>"), 2); /* the first frame and the axis */
    free(svg);
    valence_transcript_free(transcript);
}

/* A detector that finds none frames every picture in red; numbers have points in every locale. */
static void test_faces_are_marked_the_same_in_every_locale(void **state)
{
    (void)state;
    struct valence_face_detector *detector;
    struct valence_face_options options;
    struct valence_preview_options drawn;
    struct valence_error error;
    ffmpeg(FILM "-c:v mpeg4 -c:a aac film.mp4");
    tiny_faces_make(in_folder("faces.gguf"));
    valence_preview_options_default(&drawn);
    drawn.n_pictures = 2;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        valence_face_options_default(&options);
        options.input_size = 96;
        options.threshold = is_strict ? 0.999999 : 0.5;
        assert_int_equal(
            valence_face_detector_open(in_folder("faces.gguf"), &options, &detector, &error), 0);
        char *svg = preview_of("film.mp4", NULL, detector, NULL, &drawn);
        int n_red = count(svg, "stroke=\"#e02020\""), n_green = count(svg, "stroke=\"#00c040\"");
        assert_int_equal(n_red + n_green, 2);
        assert_int_equal(n_red, is_strict ? 2 : 0);
        assert_int_equal(count(svg, "a face in 2 of 2 frames"), !is_strict);
        (void)comma_locale_begin();
        char *again = preview_of("film.mp4", NULL, detector, NULL, &drawn);
        comma_locale_end();
        assert_string_equal(svg, again);
        free(svg);
        free(again);
        valence_face_detector_close(detector);
    }
}

static void test_sound_or_pictures_alone_are_drawn(void **state)
{
    (void)state;
    ffmpeg("-f lavfi -i sine=duration=2 sound.flac");
    ffmpeg("-f lavfi -i testsrc=size=120x160:rate=10:duration=2 -c:v mpeg4 silent.mkv");
    char *svg = preview_of("sound.flac", NULL, NULL, NULL, NULL);
    assert_int_equal(count(svg, "<image"), 0);
    assert_int_equal(count(svg, "stroke=\"#204060\""), 1);
    free(svg);
    svg = preview_of("silent.mkv", NULL, NULL, NULL, NULL);
    assert_int_equal(count(svg, "<image"), 12);
    assert_int_equal(count(svg, "stroke=\"#204060\""), 0);
    free(svg);
}

static void test_what_cannot_be_drawn_is_an_error(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_preview_options options;
    char file[256];
    ffmpeg("-f lavfi -i sine=duration=1 sound.flac");
    snprintf(file, sizeof file, "%s", in_folder("kept.svg"));
    valence_preview_options_default(&options);
    options.n_pictures = 0;
    assert_int_equal(valence_preview_write(in_folder("sound.flac"), NULL, NULL, NULL, &options,
                                           NULL, file, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "n_pictures");
    options.n_pictures = 1;
    options.picture_width = 10000;
    assert_int_equal(valence_preview_write(in_folder("sound.flac"), NULL, NULL, NULL, &options,
                                           NULL, file, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(
        valence_preview_write(in_folder("nothing.mp4"), NULL, NULL, NULL, NULL, NULL, file, NULL),
        VALENCE_ERROR_NOT_FOUND);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(
        valence_preview_write(in_folder("sound.flac"), NULL, NULL, NULL, NULL, NULL, file, &error),
        VALENCE_OK);
    assert_int_equal(
        valence_preview_write(in_folder("sound.flac"), NULL, NULL, NULL, NULL, NULL, file, &error),
        VALENCE_ERROR_EXISTS);
    assert_string_equal(error.key, "overwrite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_wave_and_words_are_drawn),
        cmocka_unit_test(test_speech_and_long_texts_are_drawn),
        cmocka_unit_test(test_a_range_is_drawn_alone),
        cmocka_unit_test(test_faces_are_marked_the_same_in_every_locale),
        cmocka_unit_test(test_sound_or_pictures_alone_are_drawn),
        cmocka_unit_test(test_what_cannot_be_drawn_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
