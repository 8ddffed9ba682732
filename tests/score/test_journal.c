/* What is kept of an unfinished recording: a call that was killed goes on to the scores of one that
 * was not, and a damaged journal is no more than a shorter one. */
#include "scorer_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "score/journal.h"
#include "score/journal_record.h"
#include "valence/runtime.h"

static char journals[160];

static struct valence_scorer_options journal_options(void)
{
    struct valence_scorer_options options = own_options();
    snprintf(journals, sizeof journals, "%s/journals", fixture_folder);
    options.recognise = false;
    options.explain = options.signals = true;
    options.journal_folder = journals;
    return options;
}

/* More than a minute, with a pause every three seconds. */
static const char *make_long_sound(void)
{
    ffmpeg("-f lavfi -i "
           "aevalsrc='0.3*sin(2*PI*t*(150+20*floor(2*t)))*gt(mod(t\\,3)\\,0.7):d=62:s=16000' "
           "-c:a pcm_s16le long.wav");
    return in_folder("long.wav");
}

/* The journal's path where there is one. */
static const char *find_journal(void)
{
    static char path[512];
    DIR *folder = opendir(journals);
    const struct dirent *entry;
    path[0] = '\0';
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            snprintf(path, sizeof path, "%s/%s", journals, entry->d_name);
    if (folder)
        closedir(folder);
    return path[0] ? path : NULL;
}

/* ---- Killed ---- */

static int kill_after_some(void *user, const struct valence_scored_segment *segment)
{
    if (segment->index == *(const int *)user)
        raise(SIGKILL);
    return 0;
}

/* Scores in a process of its own, which is killed as it gets segment number `last`. */
static void score_and_die(const char *path, int last)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct valence_scorer_options options = journal_options();
        struct valence_scorer *scorer;
        struct valence_recording recording = {.path = path};
        valence_set_threads(1); /* threads are not there after fork() */
        if (!valence_scorer_open(run_path, &options, &scorer, NULL))
            valence_score_recording(scorer, &recording, NULL, kill_after_some, &last, NULL, NULL);
        _exit(0); /* it was not killed */
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static void assert_same_words(const struct valence_scored_segment *a,
                              const struct valence_scored_segment *b)
{
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->n_words, b->n_words);
}

static void assert_same_segment(const struct valence_scored_segment *a,
                                const struct valence_scored_segment *b)
{
    assert_int_equal(a->index, b->index);
    assert_true(a->start == b->start && a->end == b->end);
    assert_memory_equal(&a->score, &b->score, sizeof a->score);
    assert_memory_equal(&a->estimate, &b->estimate, sizeof a->estimate);
    assert_memory_equal(a->modality_weights, b->modality_weights, 3 * sizeof(double));
    assert_int_equal(a->flow, b->flow);
    assert_int_equal(a->missing, b->missing);
    assert_int_equal(a->has_sound, b->has_sound);
    assert_same_words(a, b);
    assert_memory_equal(a->signals, b->signals, sizeof *a->signals);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        const struct valence_row_attention *x = &a->explanation->attention[m];
        const struct valence_row_attention *y = &b->explanation->attention[m];
        assert_memory_equal(&a->explanation->without[m], &b->explanation->without[m],
                            sizeof(double));
        assert_int_equal(x->n, y->n);
        assert_memory_equal(&x->rows_per_second, &y->rows_per_second, sizeof(double));
        if (x->n)
            assert_memory_equal(x->weights, y->weights, (size_t)x->n * sizeof *x->weights);
    }
}

static void assert_same(const struct valence_recording_score *a,
                        const struct valence_recording_score *b)
{
    assert_int_equal(a->n_segments, b->n_segments);
    assert_true(a->score == b->score && a->spread == b->spread);
    for (int64_t i = 0; i < a->n_segments; i++)
        assert_same_segment(&a->segments[i], &b->segments[i]);
}

static void test_a_killed_call_is_gone_on_with(void **state)
{
    (void)state;
    struct valence_scorer_options options = journal_options();
    if (access(film_path, R_OK) != 0)
        skip();
    const char *path = make_long_sound();
    score_and_die(path, 4); /* before a scorer's threads are there */
    assert_non_null(find_journal());
    score_and_die(path, 9);
    valence_set_threads(1);
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_recording_score *resumed =
        score(scorer, (struct valence_recording){.path = path});
    assert_true(resumed->resumed_seconds > 24 && resumed->resumed_seconds < 33); /* 10 of 21 */
    assert_null(find_journal());
    struct valence_recording_score *whole = score(scorer, (struct valence_recording){.path = path});
    assert_true(whole->resumed_seconds == 0);
    assert_in_range(whole->n_segments, 20, 22);
    assert_same(resumed, whole);
    valence_recording_score_free(resumed);
    valence_recording_score_free(whole);
    valence_scorer_close(scorer);
}

static int stop_after(void *user, const struct valence_scored_segment *segment)
{
    return segment->index == *(const int *)user;
}

/* Another option gives other scores: what was kept is not theirs. */
static void test_other_options_begin_anew(void **state)
{
    (void)state;
    struct valence_scorer_options options = journal_options();
    struct valence_scorer *scorer = open_scorer(&options);
    const char *path = make_long_sound();
    const struct valence_recording recording = {.path = path};
    struct valence_error error;
    int last = 2;
    assert_int_equal(
        valence_score_recording(scorer, &recording, NULL, stop_after, &last, NULL, &error),
        VALENCE_ERROR_CANCELLED);
    valence_scorer_close(scorer);
    options.level = 0.5;
    scorer = open_scorer(&options);
    struct valence_recording_score *made = score(scorer, recording);
    assert_true(made->resumed_seconds == 0);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);
    assert_non_null(find_journal()); /* of the first, which nobody came back to */
}

/* ---- Damaged ---- */

static void test_a_damaged_journal_is_a_shorter_one(void **state)
{
    (void)state;
    if (access(film_path, R_OK) != 0)
        skip();
    char *bytes, key[80];
    size_t n, first;
    struct valence_transcript *heard;
    struct valence_error error;
    bool is_all;
    const char *path = find_journal();
    assert_non_null(path); /* of the test before */
    must(file_read_text(path, 1 << 24, &bytes, &n, &error), &error);
    snprintf(key, sizeof key, "%.64s", path_name(path));
    const unsigned char *journal = (const unsigned char *)bytes;
    assert_int_equal(score_journal_scan(journal, n, key, &first, &heard, &is_all), n);
    assert_null(heard);
    for (size_t cut = 0; cut < n; cut += 1 + cut / 50)
        assert_true(score_journal_scan(journal, cut, key, &first, &heard, &is_all) <= cut);
    for (size_t at = 0; at < n; at += 1 + at / 50) { /* a changed byte ends what is whole */
        bytes[at] ^= 0x40;
        assert_true(score_journal_scan(journal, n, key, &first, &heard, &is_all) <= at);
        bytes[at] ^= 0x40;
    }
    key[0] ^= 1;
    assert_int_equal(score_journal_scan(journal, n, key, &first, &heard, &is_all), 0);
    free(bytes);
}

/* ---- Transcripts ---- */

static void test_a_transcript_survives(void **state)
{
    (void)state;
    static const int32_t tokens[] = {5, 50364, 7};
    static const struct valence_word said[] = {{"good", 1, 1.5, 0.25}, {"day", 1.5, 2, NAN}};
    static const struct valence_speech_segment segments[] = {
        {" good day", 1, 2, 0.5, -0.25, 0.125, 3, tokens, 2, said},
        {"", 3, 4, NAN, NAN, NAN, 0, NULL, 0, NULL}};
    static const struct valence_speech_span spans[] = {{0.5, 2.5}, {3, 4.25}};
    const struct valence_transcript transcript = {.language = "de",
                                                  .duration = 4.5,
                                                  .n_segments = 2,
                                                  .segments = segments,
                                                  .n_speech = 2,
                                                  .speech = spans};
    struct record record = {0};
    record_write_transcript(&record, &transcript);
    assert_false(record.failed);
    struct record reading = {.reads = true, .bytes = record.bytes, .n = record.n};
    struct valence_transcript *read = record_read_transcript(&reading);
    assert_non_null(read);
    assert_int_equal(reading.at, record.n);
    assert_string_equal(read->language, "de");
    assert_true(read->duration == 4.5 && read->n_segments == 2);
    assert_string_equal(read->segments[0].text, " good day");
    assert_int_equal(read->segments[0].n_tokens, 3);
    assert_memory_equal(read->segments[0].tokens, tokens, sizeof tokens);
    assert_string_equal(read->segments[0].words[1].text, "day");
    assert_true(read->segments[0].words[0].confidence == 0.25);
    assert_true(isnan(read->segments[1].confidence) && read->segments[1].start == 3);
    assert_int_equal(read->n_speech, 2);
    assert_memory_equal(read->speech, spans, sizeof spans);
    valence_transcript_free(read);
    for (size_t n = 0; n < record.n; n++) { /* cut off anywhere */
        reading = (struct record){.reads = true, .bytes = record.bytes, .n = n};
        assert_null(record_read_transcript(&reading));
    }
    free(record.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_killed_call_is_gone_on_with),
        cmocka_unit_test(test_other_options_begin_anew),
        cmocka_unit_test(test_a_damaged_journal_is_a_shorter_one),
        cmocka_unit_test(test_a_transcript_survives),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
