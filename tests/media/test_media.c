/* Files made by the ffmpeg command, decoded here and by it. */
#include "media_fixture.h"

static struct decoded decoded, other; /* too large for a stack */

#define NOISE  "-f lavfi -i anoisesrc=d=40:c=pink:r=48000:a=0.5:seed=3 "
#define MOVING "-f lavfi -i testsrc2=size=64x48:rate=25:duration=40 "

/* ---- Sound ---- */

static const struct {
    const char *name, *how;
} sounds[] = {{"a.wav", "-c:a pcm_s16le"},
              {"a.flac", "-c:a flac"},
              {"a.mp3", "-c:a libmp3lame"},
              {"a.m4a", "-c:a aac"},
              {"a.opus", "-c:a libopus"},
              {"a.ogg", "-c:a libvorbis"},
              {"a.aiff", "-c:a pcm_s24be"},
              {"a.au", "-c:a pcm_mulaw -ar 8000"},
              {"a.ac3", "-ac 6 -c:a ac3"},
              {"b.mkv", "-ac 2 -c:a libopus"},
              {"b.mp4", "-ac 2 -ar 44100 -c:a aac"},
              {"b.avi", "-c:a libmp3lame"},
              {"b.ts", "-ac 2 -c:a mp2"}};
#define N_SOUNDS (sizeof sounds / sizeof *sounds)

static int make_sounds(void **state)
{
    if (make_folder(state))
        return -1;
    if (system("ffmpeg -version >/dev/null 2>&1"))
        return 0; /* each test skips */
    for (size_t i = 0; i < N_SOUNDS; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "%s %s %s %s",
                 sounds[i].name[0] == 'b' ? MOVING NOISE : NOISE, sounds[i].how,
                 sounds[i].name[0] == 'b' ? "-c:v mpeg4 -g 25 -shortest" : "", sounds[i].name);
        ffmpeg(arguments);
    }
    return 0;
}

static void test_sound_equals_that_of_the_ffmpeg_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SOUNDS; i++) {
        size_t size;
        char arguments[128];
        struct valence_error error;
        snprintf(arguments, sizeof arguments, "-i %s -ar 16000 -ac 1 -f s16le raw", sounds[i].name);
        ffmpeg(arguments);
        int16_t *want = read_file("raw", &size);
        assert_int_equal(decode(sounds[i].name, NULL, 0, INFINITY, &decoded, &error), 0);
        assert_int_equal(decoded.n_samples, size / 2);
        for (size_t j = 0; j < size / 2; j++)
            assert_true(fabs(decoded.samples[j] - want[j] / 32768.0) < 1e-4);
        free(decoded.samples);
        free(want);
    }
}

static void test_segments_are_cut_to_the_sample(void **state)
{
    (void)state;
    static const double segments[][2] = {{0.3333, 1.7}, {7.1, 9.01}, {30.25, 33.3}, {39.5, 1e6}};
    for (size_t i = 0; i < N_SOUNDS; i++) {
        struct valence_error error;
        ffmpeg("-version >/dev/null");
        assert_int_equal(decode(sounds[i].name, NULL, 0, INFINITY, &decoded, &error), 0);
        for (int j = 0; j < 4; j++) {
            assert_int_equal(
                decode(sounds[i].name, NULL, segments[j][0], segments[j][1], &other, &error), 0);
            int64_t first = llrint((segments[j][0] - decoded.sound_time) * 16000),
                    end = llrint((segments[j][1] - decoded.sound_time) * 16000);
            end = end < decoded.n_samples ? end : decoded.n_samples;
            assert_int_equal(other.n_samples, end - first);
            for (int64_t k = first; k < end; k++)
                assert_true(fabs(other.samples[k - first] - decoded.samples[k]) < 1e-4);
            assert_true(fabs(other.sound_time - segments[j][0]) <= 0.5 / 16000 + 1e-9);
            free(other.samples);
        }
        free(decoded.samples);
    }
}

static void test_a_file_that_is_cut_off_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"a.wav",  "a.flac", "a.mp3", "a.m4a", "a.opus", "a.ogg",
                                        "a.aiff", "a.au",   "b.mkv", "b.mp4", "b.avi"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct valence_error error;
        ffmpeg("-version >/dev/null");
        write_cut(names[i], "cut", 0.6);
        assert_int_equal(decode("cut", NULL, 0, INFINITY, &decoded, &error), VALENCE_ERROR_FORMAT);
        free(decoded.samples);
        if (strcmp(names[i], "a.m4a") != 0 && strcmp(names[i], "b.mp4") != 0) {
            struct valence_media_options options; /* those two keep their tables at the end */
            valence_media_options_default(&options);
            assert_string_equal(error.key, "accept_damaged");
            options.accept_damaged = true;
            assert_int_equal(decode("cut", &options, 0, INFINITY, &decoded, &error), 0);
            assert_in_range(decoded.n_samples, 16000 * 10, 16000 * 30);
            free(decoded.samples);
        }
    }
}

/* ---- Pictures ---- */

static void test_times_of_a_variable_rate_are_right(void **state)
{
    (void)state;
    struct valence_error error;
    static const char *const names[] = {"vfr.mp4", "vfr.mkv"};
    for (int i = 0; i < 2; i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments,
                 "-f lavfi -i testsrc2=size=64x48:rate=50:duration=4 -vf "
                 "\"select='not(mod(n,7))+not(mod(n,11))'\" -vsync vfr -c:v libx264 %s",
                 names[i]);
        ffmpeg(arguments);
        assert_int_equal(decode(names[i], NULL, 0, INFINITY, &decoded, &error), 0);
        int n = 0;
        for (int frame = 0; frame < 200; frame++)
            if (frame % 7 == 0 || frame % 11 == 0)
                assert_true(fabs(decoded.times[n++] - frame / 50.0) < 1e-3);
        assert_int_equal(decoded.n_pictures, n);

        struct valence_media_options options;
        valence_media_options_default(&options);
        options.fps = 10;
        assert_int_equal(decode(names[i], &options, 1.05, 3.5, &decoded, &error), 0);
        assert_int_equal(decoded.n_pictures, 25);
        for (int k = 0; k < 25; k++) { /* the latest picture at each step */
            int frame = (int)floor((1.05 + 0.1 * k) * 50 + 1e-6);
            while (frame % 7 && frame % 11)
                frame--;
            assert_true(fabs(decoded.times[k] - (1.05 + 0.1 * k)) < 1e-9);
            assert_true(fabs(decoded.source_times[k] - frame / 50.0) < 1e-3);
        }
    }
}

static void test_a_range_has_its_pictures(void **state)
{
    (void)state;
    static const char *const names[] = {"b.mp4", "b.mkv", "b.avi", "b.ts"};
    for (int i = 0; i < 4; i++) {
        struct valence_error error;
        ffmpeg("-version >/dev/null");
        assert_int_equal(decode(names[i], NULL, 0, INFINITY, &decoded, &error), 0);
        free(decoded.samples);
        double first = decoded.times[0];
        assert_int_equal(decoded.n_pictures, 1000);
        assert_int_equal(decode(names[i], NULL, first + 32.01, first + 33.01, &decoded, &error), 0);
        free(decoded.samples);
        assert_int_equal(decoded.n_pictures, 25);
        for (int k = 0; k < 25; k++)
            assert_true(fabs(decoded.times[k] - (first + 32.04 + 0.04 * k)) < 2e-3);
    }
}

/* The first picture as the ffmpeg command gives it, with the same scaling. */
static void compare_with_command(const char *name, const char *filter, int limit)
{
    size_t size;
    char arguments[256];
    struct valence_error error;
    snprintf(arguments, sizeof arguments,
             "-i %s -frames:v 1 %s -sws_flags bicubic+accurate_rnd+full_chroma_int -f rawvideo "
             "-pix_fmt rgb24 raw",
             name, filter);
    ffmpeg(arguments);
    uint8_t *want = read_file("raw", &size);
    assert_int_equal(decode(name, NULL, 0, INFINITY, &decoded, &error), 0);
    assert_int_equal(size, decoded.width * decoded.height * 3);
    for (size_t i = 0; i < size; i++)
        assert_in_range(abs(want[i] - decoded.first[i]), 0, limit);
    free(want);
}

static void test_turned_pictures_come_out_upright(void **state)
{
    (void)state;
    static const int angles[] = {0, 90, 180, 270};
    for (int i = 0; i < 4; i++) {
        char arguments[256];
        ffmpeg("-f lavfi -i testsrc=size=160x120:rate=5:duration=1 -c:v libx264 -crf 5 -pix_fmt "
               "yuv420p straight.mp4");
        snprintf(arguments, sizeof arguments,
                 "-i straight.mp4 -c copy -metadata:s:v rotate=%d turned.mp4", angles[i]);
        ffmpeg(arguments);
        compare_with_command("turned.mp4", "", 16); /* which turns before it makes RGB */
        assert_int_equal(decoded.width, angles[i] % 180 ? 120 : 160);
    }
}

static void test_anamorphic_pictures_get_square_pixels(void **state)
{
    (void)state;
    struct valence_error error;
    ffmpeg(
        "-f lavfi -i testsrc=size=160x120:rate=5:duration=1 -vf setsar=4/3 -c:v libx264 -pix_fmt "
        "yuv420p wide.mp4");
    compare_with_command("wide.mp4", "-vf scale=iw*sar:ih,setsar=1", 0);
    assert_int_equal(decoded.width, 213);
    ffmpeg(
        "-f lavfi -i testsrc=size=160x120:rate=5:duration=1 -vf setsar=2/3 -c:v libx264 -pix_fmt "
        "yuv420p tall.mp4");
    compare_with_command("tall.mp4", "-vf scale=iw:ih/sar,setsar=1", 0);
    assert_int_equal(decoded.height, 180);
    struct valence_media_options options;
    valence_media_options_default(&options);
    options.square_pixels = false;
    assert_int_equal(decode("tall.mp4", &options, 0, INFINITY, &decoded, &error), 0);
    assert_int_equal(decoded.height, 120);
}

/* Bars of known colours, stored by each matrix and range, come back as these colours. */
static void test_range_and_matrix_are_respected(void **state)
{
    (void)state;
    static const char *const matrices[][2] = {
        {"bt709", "bt709"}, {"smpte170m", "smpte170m"}, {"bt2020", "bt2020nc"}};
    static const char *const ranges[] = {"tv", "pc"};
    for (int m = 0; m < 3; m++)
        for (int r = 0; r < 2; r++) {
            char arguments[512];
            struct valence_error error;
            snprintf(arguments, sizeof arguments,
                     "-f lavfi -i color=0xC82850:size=64x48:rate=5:duration=1,format=gbrp -vf "
                     "scale=out_color_matrix=%s:out_range=%s,format=yuv444p -c:v libx264 -qp 0 "
                     "-colorspace %s -color_range %s colour.mp4",
                     matrices[m][0], ranges[r], matrices[m][1], ranges[r]);
            ffmpeg(arguments);
            assert_int_equal(decode("colour.mp4", NULL, 0, INFINITY, &decoded, &error), 0);
            static const int want[] = {0xC8, 0x28, 0x50};
            for (int c = 0; c < 3; c++)
                assert_in_range(abs(decoded.first[3 * 64 * 20 + 3 * 30 + c] - want[c]), 0, 2);
        }
}

/* ---- Streams ---- */

static void test_kinds_that_lack_are_told(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_media *media;
    ffmpeg("-f lavfi -i testsrc=size=64x48:rate=5:duration=1 -c:v mpeg4 silent.mp4");
    assert_int_equal(valence_media_open(in_folder("silent.mp4"), NULL, &media, &error), 0);
    assert_null(valence_media_get_info(media)->audio_codec);
    struct valence_media_sink sink = {decoded_samples, NULL, &decoded};
    assert_int_equal(valence_media_decode(media, NULL, 0, &sink, NULL, &error), VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "silent.mp4: has no sound"));
    valence_media_close(media);
    assert_int_equal(valence_media_open(in_folder("a.wav"), NULL, &media, &error), 0);
    sink = (struct valence_media_sink){NULL, decoded_picture, &decoded};
    assert_int_equal(valence_media_decode(media, NULL, 0, &sink, NULL, &error), VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "has no pictures"));
    valence_media_close(media);
}

static void test_a_cover_picture_is_no_video(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_media *media;
    struct valence_media_options options;
    ffmpeg("-f lavfi -i sine=duration=1 -f lavfi -i testsrc=size=64x48:duration=0.04 -map 0 -map 1 "
           "-c:a libmp3lame -c:v png -disposition:v attached_pic cover.mp3");
    assert_int_equal(valence_media_open(in_folder("cover.mp3"), NULL, &media, &error), 0);
    assert_null(valence_media_get_info(media)->video_codec);
    assert_int_equal(valence_media_get_info(media)->n_video_streams, 0);
    valence_media_close(media);
    valence_media_options_default(&options);
    options.attached_pictures = true;
    assert_int_equal(decode("cover.mp3", &options, 0, INFINITY, &decoded, &error), 0);
    assert_int_equal(decoded.n_pictures, 1);
    assert_int_equal(decoded.width, 64);
    free(decoded.samples);
}

static void test_one_of_several_streams_is_chosen(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_media_options options;
    ffmpeg("-f lavfi -i sine=frequency=300:duration=1 -f lavfi -i sine=frequency=900:duration=1 "
           "-map 0 -map 1 -c:a pcm_s16le two.mkv");
    for (int i = 0; i < 2; i++) {
        valence_media_options_default(&options);
        options.audio_stream = i;
        assert_int_equal(decode("two.mkv", &options, 0, INFINITY, &decoded, &error), 0);
        int crossings = 0;
        for (int64_t j = 1; j < decoded.n_samples; j++)
            crossings += decoded.samples[j - 1] < 0 && decoded.samples[j] >= 0;
        assert_in_range(crossings, i ? 895 : 295, i ? 905 : 305);
        free(decoded.samples);
    }
    options.audio_stream = 2;
    assert_int_equal(decode("two.mkv", &options, 0, INFINITY, &decoded, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "audio_stream");
}

/* ---- Segments at once, cancelling ---- */

struct counted {
    int64_t samples[3], pictures[3];
};

static int count_samples(void *user, const struct valence_media_samples *piece,
                         struct valence_error *error)
{
    struct counted *counted = user;
    (void)error;
    assert_int_equal(piece->first, counted->samples[piece->segment]);
    counted->samples[piece->segment] += piece->n_samples;
    return 0;
}

static int count_pictures(void *user, const struct valence_media_picture *picture,
                          struct valence_error *error)
{
    struct counted *counted = user;
    (void)error;
    assert_int_equal(picture->index, counted->pictures[picture->segment]++);
    return 0;
}

static void test_segments_may_overlap_and_stand_in_any_order(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_media *media;
    struct counted counted = {0};
    static const struct valence_media_segment segments[] = {{30, 31}, {2, 4}, {3, 3.5}};
    ffmpeg("-version >/dev/null");
    assert_int_equal(valence_media_open(in_folder("b.mp4"), NULL, &media, &error), 0);
    struct valence_media_sink sink = {count_samples, count_pictures, &counted};
    for (int pass = 0; pass < 2; pass++) { /* the second goes back to the beginning */
        memset(&counted, 0, sizeof counted);
        assert_int_equal(valence_media_decode(media, segments, 3, &sink, NULL, &error), 0);
        assert_int_equal(counted.samples[0], 16000);
        assert_int_equal(counted.samples[1], 32000);
        assert_int_equal(counted.samples[2], 8000);
        assert_int_equal(counted.pictures[0], 25);
        assert_int_equal(counted.pictures[1], 50);
        assert_in_range(counted.pictures[2], 12, 13);
    }
    static const struct valence_media_segment wrong = {2, 2};
    assert_int_equal(valence_media_decode(media, &wrong, 1, &sink, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_media_close(media);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done >= 10;
}

static void test_decoding_can_be_cancelled(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_media *media;
    struct counted counted = {0};
    ffmpeg("-version >/dev/null");
    assert_int_equal(valence_media_open(in_folder("a.mp3"), NULL, &media, &error), 0);
    const struct valence_media_sink sink = {count_samples, NULL, &counted};
    const struct valence_progress progress = {cancel, NULL};
    assert_int_equal(valence_media_decode(media, NULL, 0, &sink, &progress, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_in_range(counted.samples[0], 16000 * 9, 16000 * 12);
    valence_media_close(media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_equals_that_of_the_ffmpeg_command),
        cmocka_unit_test(test_segments_are_cut_to_the_sample),
        cmocka_unit_test(test_a_file_that_is_cut_off_is_an_error),
        cmocka_unit_test(test_times_of_a_variable_rate_are_right),
        cmocka_unit_test(test_a_range_has_its_pictures),
        cmocka_unit_test(test_turned_pictures_come_out_upright),
        cmocka_unit_test(test_anamorphic_pictures_get_square_pixels),
        cmocka_unit_test(test_range_and_matrix_are_respected),
        cmocka_unit_test(test_kinds_that_lack_are_told),
        cmocka_unit_test(test_a_cover_picture_is_no_video),
        cmocka_unit_test(test_one_of_several_streams_is_chosen),
        cmocka_unit_test(test_segments_may_overlap_and_stand_in_any_order),
        cmocka_unit_test(test_decoding_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, make_sounds, remove_folder);
}
