/* Sources with the faults that people report: what is read is right, and what was done is said. The
 * fixtures are written by make_fault_fixtures.py. */
#include "import_fixture.h"

#include <sys/stat.h>

#include "format/npy.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/exchange/fixtures/faults/" name

static const int longest[] = {5, 4, 4}, widths[] = {3, 4, 2}; /* audio, text, video */

static int import(enum valence_import_kind kind, const char *path)
{
    options.type = VALENCE_F32;
    return valence_import(kind, path, in_folder("store"), &options, NULL, &result, &error);
}

static void assert_note(const char *part)
{
    for (int i = 0; i < result.n_notes; i++)
        if (strstr(result.notes[i].text, part))
            return;
    for (int i = 0; i < result.n_notes; i++)
        print_error("note: %s\n", result.notes[i].text);
    fail_msg("no note says '%s'", part);
}

static void assert_no_note(const char *part)
{
    for (int i = 0; i < result.n_notes; i++)
        if (strstr(result.notes[i].text, part))
            fail_msg("a note says '%s'", result.notes[i].text);
}

/* All rows of the script's clips, as it computes them. */
static void check_clip(const struct valence_store *store, int64_t clip, int number, int stream)
{
    int64_t n_rows, expected = 1 + number % longest[stream];
    float *values =
        rows_of(store, valence_store_clip(store, clip)->id, valence_stream_names[stream], &n_rows);
    assert_int_equal(n_rows, expected);
    for (int64_t i = 0; i < n_rows * widths[stream]; i++)
        assert_true(values[i] == (float)(1 + 10 * number + i));
    free(values);
}

static void check_clips(void)
{
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 8);
    for (int clip = 0; clip < 8; clip++)
        for (int stream = 0; stream < 3; stream++)
            check_clip(store, clip, clip, stream);
    valence_store_close(store);
}

/* ---- Padding ---- */

static void test_padding_in_front_is_recognised_by_the_lengths(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("front.pkl")));
    check_clips();
    assert_note("stream 'audio' has its padding in front");
    assert_note("stream 'video' has its padding in front");
}

static void test_padding_in_front_is_trimmed_where_there_are_no_lengths(void **state)
{
    (void)state;
    options.trim_zeros = true;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("front_no_lengths.pkl")));
    check_clips();
    assert_note("stream 'text' has its padding in front");
}

static void test_padding_that_is_stored_is_told(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("front_no_lengths.pkl")));
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 0)->n_rows[0], 5);
    valence_store_close(store);
    assert_note("begins or ends with rows of zeros");
}

/* ---- Arrays of .npy, made here ---- */

static void write_floats(const char *name, int n_dims, const int64_t *shape, const float *values)
{
    char path[64];
    snprintf(path, sizeof path, "dense/%s.npy", name);
    assert_fine(npy_write(in_folder(path), 0, ELEMENT_F32, n_dims, shape, values, &error));
}

/* n training clips c0, c1, ... with labels 0. */
static void write_dense(int64_t n)
{
    assert_int_equal(mkdir(in_folder("dense"), 0700), 0);
    int64_t *ids = calloc((size_t)n, sizeof *ids);
    float *labels = calloc((size_t)n, sizeof *labels);
    assert_true(ids && labels);
    for (int64_t i = 0; i < n; i++)
        ids[i] = i;
    assert_fine(npy_write(in_folder("dense/id.npy"), 0, ELEMENT_I64, 1, &n, ids, &error));
    write_floats("label", 1, &n, labels);
    free(ids);
    free(labels);
    options.split = "";
}

static int import_dense(void)
{
    return valence_import(VALENCE_IMPORT_DENSE, in_folder("dense"), in_folder("store"), &options,
                          NULL, &result, &error);
}

/* Three clips of up to four rows. */
static struct valence_store *import_padded(const float values[12], const int64_t lengths[3])
{
    static const int64_t shape[] = {3, 4, 1}, n = 3;
    write_dense(3);
    write_floats("audio", 3, shape, values);
    assert_fine(
        npy_write(in_folder("dense/audio_lengths.npy"), 0, ELEMENT_I64, 1, &n, lengths, &error));
    assert_fine(import_dense());
    return open_store();
}

static void test_padding_in_front_of_dense_arrays_is_recognised(void **state)
{
    (void)state;
    static const float values[] = {0, 0, 5, 6, 0, 7, 8, 9, 0, 0, 0, 4};
    struct valence_store *store = import_padded(values, (const int64_t[]){2, 3, 1});
    assert_true(value_at(store, "0", "audio", 0) == 5 && value_at(store, "0", "audio", 1) == 6);
    assert_true(value_at(store, "1", "audio", 0) == 7 && value_at(store, "2", "audio", 0) == 4);
    valence_store_close(store);
}

static void test_zeros_that_are_data_stay(void **state)
{
    (void)state;
    /* Padded behind; the first rows of clip 0, and the last row of clip 1, are zeros of its own. */
    static const float values[] = {0, 0, 5, 0, 7, 8, 0, 0, 1, 0, 0, 0};
    struct valence_store *store = import_padded(values, (const int64_t[]){3, 3, 1});
    assert_true(value_at(store, "0", "audio", 0) == 0 && value_at(store, "0", "audio", 2) == 5);
    assert_true(value_at(store, "1", "audio", 0) == 7 && value_at(store, "1", "audio", 2) == 0);
    valence_store_close(store);
    assert_no_note("padding");
}

/* ---- f16 ---- */

static void write_offset(float offset, float step)
{
    float values[40 * 2];
    const int64_t shape[] = {40, 1, 2};
    write_dense(40);
    for (int i = 0; i < 40; i++) {
        values[2 * i] = offset + step * (float)(i % 7);
        values[2 * i + 1] = (float)(i % 5);
    }
    write_floats("video", 3, shape, values);
    write_floats("audio", 3, (const int64_t[]){40, 2, 1}, values);
}

static void test_columns_that_f16_would_lose_are_stored_as_f32(void **state)
{
    (void)state;
    write_offset(1500, 0.05f);
    assert_fine(import_dense());
    assert_int_equal(result.n_taken, 40);
    assert_note("stream 'video' is stored as f32: f16 rounds 1 of its 2 columns");
    struct valence_store *store = open_store();
    int video = valence_store_find_stream(store, "video");
    assert_int_equal(valence_store_get_stream(store, video)->type, VALENCE_F32);
    assert_true(value_at(store, "3", "video", 0) == 1500 + 0.05f * 3);
    assert_int_equal(valence_store_n_clips(store), 40);
    assert_true(valence_store_is_finished(store));
    valence_store_close(store);
    assert_fine(import_dense()); /* again: the decision stands */
    assert_int_equal(result.n_stored, 40);
    assert_int_equal(result.n_taken, 0);
}

static void test_f16_that_is_insisted_on_is_told(void **state)
{
    (void)state;
    write_offset(1500, 0.05f);
    options.keep_type = true;
    assert_fine(import_dense());
    assert_note("is stored as f16 and loses by it");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_get_stream(store, 0)->type, VALENCE_F16);
    valence_store_close(store);
}

static void test_columns_that_f16_holds_stay_f16(void **state)
{
    (void)state;
    write_offset(15, 0.5f);
    assert_fine(import_dense());
    assert_no_note("f16");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_get_stream(store, 0)->type, VALENCE_F16);
    valence_store_close(store);
}

/* Cancels once half of the clips are there. */
static int cancel_half(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done == 20;
}

static void test_an_interrupted_import_measures_what_is_stored_too(void **state)
{
    (void)state;
    const struct valence_progress progress = {cancel_half, NULL};
    write_offset(1500, 0.05f);
    assert_int_equal(valence_import(VALENCE_IMPORT_DENSE, in_folder("dense"), in_folder("store"),
                                    &options, &progress, &result, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_fine(import_dense());
    assert_note("stored as f32");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 40);
    assert_true(value_at(store, "3", "video", 0) == 1500 + 0.05f * 3);
    valence_store_close(store);
}

/* ---- Names of arrays ---- */

static void test_streams_are_found_under_other_usual_names(void **state)
{
    (void)state;
    static const float values[] = {1, 2, 3, 4};
    static const int64_t shape[] = {2, 1, 2};
    write_dense(2);
    write_floats("vision", 3, shape, values);
    write_floats("acoustic", 3, shape, values);
    write_floats("language", 3, shape, values);
    write_floats("smell", 3, shape, values);
    assert_fine(import_dense());
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_streams(store), 3);
    assert_true(value_at(store, "1", "video", 1) == 4);
    valence_store_close(store);
    assert_note("array 'vision' was taken as stream 'video'");
    assert_note("arrays that were not used: 'smell'");
}

static void test_what_is_named_goes_before_what_is_usual(void **state)
{
    (void)state;
    static const float values[] = {1, 2, 3, 4};
    static const int64_t shape[] = {2, 1, 2};
    write_dense(2);
    write_floats("vision", 3, shape, values);
    write_floats("visual", 3, shape, values);
    options.streams[VALENCE_STREAM_VIDEO].source = "visual";
    assert_fine(import_dense());
    assert_note("arrays that were not used: 'vision'");
}

/* ---- Zeros and unusable values ---- */

static void write_zeros(void)
{
    static const float values[] = {1, 0, 3, 0};
    static const int64_t shape[] = {4, 1, 1};
    write_dense(4);
    write_floats("video", 3, shape, values);
    write_floats("audio", 3, shape, (const float[]){1, 2, 3, 4});
}

static void test_streams_of_zeros_are_told(void **state)
{
    (void)state;
    write_zeros();
    assert_fine(import_dense());
    assert_note("stream 'video' is all zeros in 2 of 4 clips");
    assert_no_note("stream 'audio'");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 1)->n_rows[1], 1);
    valence_store_close(store);
}

static void test_streams_of_zeros_are_missing_where_that_is_asked_for(void **state)
{
    (void)state;
    write_zeros();
    options.zeros_missing = true;
    assert_fine(import_dense());
    struct valence_store *store = open_store();
    int video = valence_store_find_stream(store, "video");
    assert_int_equal(valence_store_clip(store, 0)->n_rows[video], 1);
    assert_int_equal(valence_store_clip(store, 1)->n_rows[video], 0);
    valence_store_close(store);
}

static void test_unusable_values_become_zero_where_that_is_asked_for(void **state)
{
    (void)state;
    static const int64_t shape[] = {2, 1, 2};
    write_dense(2);
    write_floats("audio", 3, shape, (const float[]){1, -INFINITY, NAN, 4});
    assert_fails(import_dense(), VALENCE_ERROR_DATA, "column 1");
    assert_string_equal(error.key, "zero_invalid");
    options.zero_invalid = true;
    assert_fine(import_dense());
    assert_note("2 values are NaN or infinite");
    struct valence_store *store = open_store();
    assert_true(value_at(store, "0", "audio", 1) == 0 && value_at(store, "1", "audio", 1) == 4);
    valence_store_close(store);
}

/* ---- Pickles of MulT and MultiBench ---- */

static const struct valence_clip *clip_of(const struct valence_store *store, const char *id)
{
    int64_t clip = valence_store_find_clip(store, id);
    if (clip < 0)
        fail_msg("there is no clip '%s'", id);
    return valence_store_clip(store, clip);
}

static void test_ids_of_three_parts_name_their_video(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("triples.pkl")));
    struct valence_store *store = open_store();
    const struct valence_clip *clip = clip_of(store, "vid1_3.000_5.500");
    assert_string_equal(clip->group, "vid1");
    assert_true(clip->label == 0);
    valence_store_close(store);
}

static void test_ids_of_segments_name_their_video(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("segments.pkl")));
    struct valence_store *store = open_store();
    assert_string_equal(clip_of(store, "vid3[7]")->group, "vid3");
    valence_store_close(store);
}

static void test_ragged_arrays_have_the_rows_they_have(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("ragged.pkl")));
    check_clips();
}

static void test_arrays_of_objects_are_read(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_DENSE, FIXTURE("objects.npz")));
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 8);
    for (int clip = 0; clip < 8; clip++)
        check_clip(store, clip, clip, VALENCE_STREAM_AUDIO);
    assert_string_equal(clip_of(store, "v0$_$0")->transcript, "clip 0");
    assert_string_equal(clip_of(store, "v0$_$1")->transcript, "");
    assert_true(clip_of(store, "v3$_$6")->label == 3);
    assert_int_equal(clip_of(store, "v3$_$6")->split, VALENCE_TEST);
    valence_store_close(store);
}

static void test_the_width_of_most_clips_is_the_streams(void **state)
{
    (void)state;
    assert_fails(import(VALENCE_IMPORT_MMSA, FIXTURE("mixed.pkl")), VALENCE_ERROR_SHAPE, "width");
    options.skip = VALENCE_BIT(VALENCE_SKIP_WIDTH);
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("mixed.pkl")));
    assert_int_equal(result.n_taken, 7);
    assert_int_equal(result.skipped[VALENCE_SKIP_WIDTH].n, 1);
    assert_string_equal(result.skipped[VALENCE_SKIP_WIDTH].examples[0], "v0$_$0");
}

static void test_transcripts_may_be_none_or_nan(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("no_text.pkl")));
    struct valence_store *store = open_store();
    assert_string_equal(clip_of(store, "v0$_$0")->transcript, "a");
    assert_string_equal(clip_of(store, "v0$_$1")->transcript, "");
    assert_string_equal(clip_of(store, "v1$_$2")->transcript, "");
    valence_store_close(store);
}

static void test_a_split_may_have_no_clips(void **state)
{
    (void)state;
    assert_fine(import(VALENCE_IMPORT_MMSA, FIXTURE("empty_split.pkl")));
    assert_int_equal(result.n_taken, 4);
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_streams(store), 3);
    valence_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_padding_in_front_is_recognised_by_the_lengths),
        TEST(test_padding_in_front_is_trimmed_where_there_are_no_lengths),
        TEST(test_padding_that_is_stored_is_told),
        TEST(test_padding_in_front_of_dense_arrays_is_recognised),
        TEST(test_zeros_that_are_data_stay),
        TEST(test_columns_that_f16_would_lose_are_stored_as_f32),
        TEST(test_f16_that_is_insisted_on_is_told),
        TEST(test_columns_that_f16_holds_stay_f16),
        TEST(test_an_interrupted_import_measures_what_is_stored_too),
        TEST(test_streams_are_found_under_other_usual_names),
        TEST(test_what_is_named_goes_before_what_is_usual),
        TEST(test_streams_of_zeros_are_told),
        TEST(test_streams_of_zeros_are_missing_where_that_is_asked_for),
        TEST(test_unusable_values_become_zero_where_that_is_asked_for),
        TEST(test_ids_of_three_parts_name_their_video),
        TEST(test_ids_of_segments_name_their_video),
        TEST(test_ragged_arrays_have_the_rows_they_have),
        TEST(test_arrays_of_objects_are_read),
        TEST(test_the_width_of_most_clips_is_the_streams),
        TEST(test_transcripts_may_be_none_or_nan),
        TEST(test_a_split_may_have_no_clips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
