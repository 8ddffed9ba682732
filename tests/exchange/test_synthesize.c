/* The synthetic corpus: the same for one seed, and learnable in the order it promises. */
#include "store_fixture.h"

#include <unistd.h>

#include "base/half.h"
#include "base/threads.h"
#include "valence/synthesize.h"

static void make(const char *name, const struct valence_synthesize_options *synthesis)
{
    assert_fine(valence_synthesize(in_folder(name), synthesis, NULL, &error));
}

static struct valence_synthesize_options small_synthesis(void)
{
    struct valence_synthesize_options synthesis;
    valence_synthesize_options_default(&synthesis);
    synthesis.n_train = 30;
    synthesis.n_validation = 10;
    synthesis.n_test = 20;
    return synthesis;
}

static struct valence_store *open_store(const char *name)
{
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
    return store;
}

static uint64_t hash_store(const char *name)
{
    struct valence_store *store = open_store(name);
    uint64_t hash = 0;
    uint16_t *rows = malloc(2600 * 96 * sizeof *rows);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        hash = hash * 31 + valence_clip_key(clip->id) + valence_clip_key(clip->group) +
               (uint64_t)(int64_t)lroundf(clip->label * 3);
        for (int stream = 0; stream < VALENCE_N_STREAMS; stream++) {
            int64_t n = clip->n_rows[stream];
            assert_fine(valence_store_read_rows(store, i, stream, 0, n, rows, &error));
            for (int64_t j = 0; j < n * valence_store_get_stream(store, stream)->width; j++)
                hash = (hash ^ rows[j]) * 0x100000001b3u;
        }
    }
    free(rows);
    valence_store_close(store);
    return hash;
}

static void test_one_seed_makes_one_corpus(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis = small_synthesis();
    make("a", &synthesis);
    threads_set(1);
    make("b", &synthesis);
    threads_set(3);
    make("c", &synthesis);
    synthesis.seed = 1;
    make("d", &synthesis);
    uint64_t hash = hash_store("a");
    assert_true(hash_store("b") == hash && hash_store("c") == hash);
    assert_true(hash_store("d") != hash);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done == 25;
}

static void test_an_interrupted_corpus_is_gone_on_with(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis = small_synthesis();
    struct valence_progress progress = {cancel, NULL};
    make("whole", &synthesis);
    assert_int_equal(valence_synthesize(in_folder("part"), &synthesis, &progress, &error),
                     VALENCE_ERROR_CANCELLED);
    make("part", &synthesis);
    assert_true(hash_store("part") == hash_store("whole"));
    synthesis.seed = 2;
    assert_fails(valence_synthesize(in_folder("part"), &synthesis, NULL, &error),
                 VALENCE_ERROR_EXISTS, "seed");
}

static void test_it_says_that_it_is_synthetic(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis = small_synthesis();
    make("a", &synthesis);
    struct valence_store *store = open_store("a");
    assert_non_null(strstr(valence_store_source(store), "\"kind\": \"synthetic\""));
    valence_store_close(store);
}

static void test_speakers_are_in_one_split_and_labels_in_thirds(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis = small_synthesis();
    synthesis.n_train = 400;
    synthesis.audio_width = synthesis.text_width = synthesis.video_width = 1;
    make("a", &synthesis);
    struct valence_store *store = open_store("a");
    int64_t n = valence_store_n_clips(store);
    double sum = 0;
    int n_neutral = 0;
    for (int64_t i = 0; i < n; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        assert_true(fabs(clip->label * 3 - round(clip->label * 3)) < 1e-5);
        assert_true(fabsf(clip->label) <= 3);
        sum += clip->label;
        n_neutral += clip->label == 0;
        for (int64_t j = 0; j < i; j++) {
            const struct valence_clip *other = valence_store_clip(store, j);
            assert_true(strcmp(clip->group, other->group) != 0 || clip->split == other->split);
        }
    }
    assert_true(n_neutral > n / 8 && n_neutral < n / 3);
    assert_true(sum / (double)n > 0 && sum / (double)n < 0.4);
    valence_store_close(store);
}

/* Without learning: the strongest correlation that any column's mean over a clip has with the
 * label. */
static double best_correlation(const struct valence_store *store, int stream)
{
    int64_t n = valence_store_n_clips(store),
            width = valence_store_get_stream(store, stream)->width;
    double *sums = calloc((size_t)width * 3, sizeof *sums), labels = 0, squares = 0, best = 0;
    uint16_t *rows = malloc(2600 * 96 * sizeof *rows);
    for (int64_t i = 0; i < n; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        int64_t n_rows = clip->n_rows[stream];
        assert_fine(valence_store_read_rows(store, i, stream, 0, n_rows, rows, &error));
        labels += clip->label;
        squares += clip->label * clip->label;
        for (int64_t j = 0; j < width; j++) {
            double mean = 0;
            for (int64_t row = 0; row < n_rows; row++)
                mean += half_to_float(rows[row * width + j]) / (double)n_rows;
            sums[3 * j] += mean;
            sums[3 * j + 1] += mean * mean;
            sums[3 * j + 2] += mean * clip->label;
        }
    }
    for (int64_t j = 0; j < width; j++) {
        double covariance = sums[3 * j + 2] / (double)n - sums[3 * j] * labels / (double)(n * n);
        double variance = sums[3 * j + 1] / (double)n - pow(sums[3 * j] / (double)n, 2);
        double correlation =
            covariance / sqrt(variance * (squares / (double)n - pow(labels / (double)n, 2)));
        best = fabs(correlation) > best ? fabs(correlation) : best;
    }
    free(sums);
    free(rows);
    return best;
}

static void test_text_says_most_and_video_least(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis = small_synthesis();
    synthesis.n_train = 600;
    synthesis.audio_width = synthesis.text_width = synthesis.video_width = 16;
    make("a", &synthesis);
    struct valence_store *store = open_store("a");
    double text = best_correlation(store, VALENCE_STREAM_TEXT);
    double simulated = best_correlation(store, VALENCE_STREAM_SIMULATED_TEXT);
    double audio = best_correlation(store, VALENCE_STREAM_AUDIO);
    double video = best_correlation(store, VALENCE_STREAM_VIDEO);
    valence_store_close(store);
    assert_true(text > simulated && simulated > video);
    assert_true(text > audio && audio > video);
}

static void test_lengths_come_from_a_file(void **state)
{
    (void)state;
    FILE *file = fopen(in_folder("lengths.csv"), "w");
    fputs("audio,text,video,simulated,label\n509,37,187,40,1.0\n34,2,0,0,-2.3333\n", file);
    fclose(file);
    struct valence_synthesize_options synthesis = small_synthesis();
    synthesis.lengths_path = in_folder("lengths.csv");
    make("a", &synthesis);
    struct valence_store *store = open_store("a");
    assert_int_equal(valence_store_n_clips(store), 2);
    assert_int_equal(valence_store_clip(store, 0)->n_rows[VALENCE_STREAM_SIMULATED_TEXT], 40);
    assert_int_equal(valence_store_clip(store, 1)->n_rows[VALENCE_STREAM_AUDIO], 34);
    assert_int_equal(valence_store_clip(store, 1)->n_rows[VALENCE_STREAM_VIDEO], 0);
    valence_store_close(store);
}

static void test_a_wrong_file_of_lengths_leaves_nothing_behind(void **state)
{
    static const struct {
        const char *text, *message;
        int status;
    } cases[] = {
        {"audio,text,video,label\n509,37,187,1.0\n", "simulated", VALENCE_ERROR_NOT_FOUND},
        {"audio,text,video,simulated,label\n509,37,187,40,1.0\n509,37,-1,40,1.0\n",
         "lengths.csv:3: '-1' is not a number of rows", VALENCE_ERROR_DATA},
        {"audio,text,video,simulated,label\n509,37,187,40,1.0\n509,37\n", "lengths.csv:3",
         VALENCE_ERROR_FORMAT},
        {"audio,text,video,simulated,label\n509,37,187,40,x\n", "lengths.csv", VALENCE_ERROR_DATA},
    };
    (void)state;
    struct valence_synthesize_options synthesis = small_synthesis();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *file = fopen(in_folder("lengths.csv"), "w");
        fputs(cases[i].text, file);
        fclose(file);
        synthesis.lengths_path = in_folder("lengths.csv");
        assert_fails(valence_synthesize(in_folder("a"), &synthesis, NULL, &error), cases[i].status,
                     cases[i].message);
        assert_int_not_equal(access(in_folder("a"), F_OK), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_one_seed_makes_one_corpus),
        TEST_IN_FOLDER(test_an_interrupted_corpus_is_gone_on_with),
        TEST_IN_FOLDER(test_it_says_that_it_is_synthetic),
        TEST_IN_FOLDER(test_speakers_are_in_one_split_and_labels_in_thirds),
        TEST_IN_FOLDER(test_text_says_most_and_video_least),
        TEST_IN_FOLDER(test_lengths_come_from_a_file),
        TEST_IN_FOLDER(test_a_wrong_file_of_lengths_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
