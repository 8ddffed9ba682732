/* One stream of many films to files: the rows of the clips by themselves, with what was found. */
#include "media_fixture.h"

#include <jansson.h>

#include "tiny_faces.h"
#include "valence/extract.h"

static char faces_path[128];

static int make_model(void **state)
{
    if (make_folder(state))
        return -1;
    snprintf(faces_path, sizeof faces_path, "%s/faces.gguf", fixture_folder);
    tiny_faces_make(faces_path);
    return 0;
}

static struct valence_extractor *open_faces(enum valence_face_person person)
{
    struct valence_extractor_options options;
    struct valence_extractor *extractor;
    struct valence_error error;
    valence_extractor_options_default(&options);
    options.audio = 0;
    options.text = VALENCE_TEXT_NONE;
    options.faces_model = faces_path;
    options.fps = 4;
    options.face_size = 96; /* the random detector sees faces everywhere, and each takes time */
    options.person = person;
    if (valence_extractor_open(&options, &extractor, &error))
        fail_msg("%s", error.text);
    return extractor;
}

static const char *make_film(const char *name, const char *more)
{
    static char line[512];
    snprintf(line, sizeof line,
             "-f lavfi -i testsrc2=size=160x120:rate=12:duration=1.5 %s -c:v mpeg4 %s", more, name);
    ffmpeg(line);
    return in_folder(name);
}

static void test_rows_are_those_of_the_clip(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_encode_report *report;
    struct valence_extracted *clip;
    char film[256], output[256];
    snprintf(film, sizeof film, "%s", make_film("one.mkv", ""));
    snprintf(output, sizeof output, "%s", in_folder("rows"));
    const char *inputs[] = {film};
    struct valence_extractor *extractor = open_faces(VALENCE_PERSON_LARGEST);
    assert_int_equal(valence_extract_files(extractor, VALENCE_STREAM_VIDEO, inputs, 1, output, NULL,
                                           &report, &error),
                     0);
    assert_int_equal(valence_extract_clip(extractor, &(struct valence_clip_input){.path = film},
                                          NULL, &clip, &error),
                     0);
    int64_t n;
    const float *rows = valence_extracted_rows(clip, VALENCE_STREAM_VIDEO, &n);
    assert_int_equal(report->n_rows, n);
    assert_int_equal(report->width, VALENCE_FACE_COLUMNS);
    assert_string_equal(report->inputs[0].notes, valence_extracted_record(clip));
    json_t *notes = json_loads(report->inputs[0].notes, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(notes, "video"), "frames")),
                     n);
    json_decref(notes);
    FILE *file = fopen(in_folder("rows/one.npy"), "rb");
    assert_non_null(file);
    float *stored = malloc((size_t)n * VALENCE_FACE_COLUMNS * sizeof *stored);
    assert_non_null(stored);
    assert_int_equal(
        fseek(file, -(long)((size_t)n * VALENCE_FACE_COLUMNS * sizeof *stored), SEEK_END), 0);
    assert_int_equal(fread(stored, VALENCE_FACE_COLUMNS * sizeof *stored, (size_t)n, file), n);
    assert_memory_equal(stored, rows, (size_t)n * VALENCE_FACE_COLUMNS * sizeof *stored);
    fclose(file);
    free(stored);
    valence_extracted_free(clip);
    valence_encode_report_free(report);

    /* What is there is not made again, and rows of another choice do not go beside it. */
    assert_int_equal(valence_extract_files(extractor, VALENCE_STREAM_VIDEO, inputs, 1, output, NULL,
                                           &report, &error),
                     0);
    assert_int_equal(report->n_before, 1);
    valence_encode_report_free(report);
    valence_extractor_close(extractor);
    extractor = open_faces(VALENCE_PERSON_CENTRAL);
    assert_int_equal(valence_extract_files(extractor, VALENCE_STREAM_VIDEO, inputs, 1, output, NULL,
                                           &report, &error),
                     VALENCE_ERROR_EXISTS);
    assert_null(report);
    valence_extractor_close(extractor);
}

static void test_a_file_without_pictures_is_left_out_or_the_end(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_encode_report *report;
    struct valence_encode_options options;
    char film[256], sound[256];
    ffmpeg("-f lavfi -i sine=frequency=300:duration=1 sound.wav");
    snprintf(film, sizeof film, "%s", make_film("two.mkv", ""));
    snprintf(sound, sizeof sound, "%s", in_folder("sound.wav"));
    const char *inputs[] = {sound, film};
    struct valence_extractor *extractor = open_faces(VALENCE_PERSON_LARGEST);
    assert_int_equal(valence_extract_files(extractor, VALENCE_STREAM_VIDEO, inputs, 2,
                                           in_folder("a.npy"), NULL, &report, &error),
                     VALENCE_ERROR_DATA);
    assert_string_equal(error.key, "skip");
    assert_non_null(strstr(error.text, "sound.wav"));
    valence_encode_options_default(&options);
    options.skip = true;
    assert_int_equal(valence_extract_files(extractor, VALENCE_STREAM_VIDEO, inputs, 2,
                                           in_folder("a.npy"), &options, &report, &error),
                     0);
    assert_int_equal(report->n_skipped, 1);
    assert_int_equal(report->n_encoded, 1);
    valence_encode_report_free(report);
    assert_int_equal(valence_extract_files(extractor, VALENCE_STREAM_AUDIO, inputs, 2,
                                           in_folder("b.npy"), NULL, &report, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_extractor_close(extractor);
}

/* Who speaks is found by the sound, although no audio rows are made. */
static void test_the_speaker_is_found_by_the_sound(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_extracted *clip;
    const char *film = make_film("talk.mkv", "-f lavfi -i sine=frequency=300:duration=1.5 -c:a "
                                             "pcm_s16le");
    struct valence_extractor *extractor = open_faces(VALENCE_PERSON_SPEAKING);
    assert_int_equal(valence_extract_clip(extractor, &(struct valence_clip_input){.path = film},
                                          NULL, &clip, &error),
                     0);
    assert_true(valence_extracted_get_facts(clip)->has_sound);
    valence_extracted_free(clip);
    valence_extractor_close(extractor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_those_of_the_clip),
        cmocka_unit_test(test_a_file_without_pictures_is_left_out_or_the_end),
        cmocka_unit_test(test_the_speaker_is_found_by_the_sound),
    };
    return cmocka_run_group_tests(tests, make_model, remove_folder);
}
