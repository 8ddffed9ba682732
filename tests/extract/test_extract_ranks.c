/* An extraction by ranks, which are threads here: they begin together, and share pieces by locks.
 */
#include "media_fixture.h"

#include <sys/stat.h>

#include "thread_ranks.h"
#include "valence/extract_store.h"

enum { N_CLIPS = 6, N_RANKS = 3, N_PIECES = 4 };

/* What each rank is to do, and what came of it. */
struct rank_work {
    char output[128];
    const char *dtype;
    bool overwrite;
    int status;
    int64_t n_made, n_pieces, n_joined;
    bool is_whole;
    char text[VALENCE_ERROR_TEXT_BYTES];
};

static char clips[128];

static int make_clips(void **state)
{
    if (make_folder(state))
        return -1;
    snprintf(clips, sizeof clips, "%s/clips", fixture_folder);
    if (mkdir(clips, 0777) != 0)
        return -1;
    for (int i = 0; i < N_CLIPS; i++) {
        char path[160];
        size_t size;
        unsigned char *wav = make_wav(16000, 1, 4000 * (i + 1), 200 + 30 * i, &size);
        snprintf(path, sizeof path, "%s/c%d.wav", clips, i);
        FILE *file = fopen(path, "wb");
        bool written = file && fwrite(wav, 1, size, file) == size;
        if (file)
            fclose(file);
        free(wav);
        if (!written)
            return -1;
    }
    return 0;
}

static int configure(const struct rank_work *work, struct valence_extract_config *config,
                     struct valence_error *error)
{
    const char *settings[][2] = {
        {"input", clips}, {"output", work->output}, {"audio", "prosody"}, {"video", "none"},
        {"text", "none"}, {"dtype", work->dtype},   {"threads", "1"}};
    int status = 0;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && !status; i++)
        status = valence_extract_config_set(config, settings[i][0], settings[i][1], error);
    return status;
}

static void count(void *user)
{
    ++*(int64_t *)user;
}

static void extract(struct rank_work *work, const struct valence_collective *collective)
{
    struct valence_error error = {0};
    struct valence_extract_options options;
    struct valence_extract_config *config;
    struct valence_extract_report *report = NULL;
    valence_extract_options_default(&options);
    options.collective = collective;
    options.overwrite = work->overwrite;
    options.joined = count;
    options.user = &work->n_joined;
    work->status = valence_extract_config_create(&config, &error);
    if (!work->status)
        work->status = configure(work, config, &error);
    if (!work->status)
        work->status = valence_extract_pieces(config, &options, N_PIECES, &report, &error);
    work->n_made = report ? report->n_made : 0;
    work->n_pieces = report ? report->n_pieces : 0;
    work->is_whole = report && report->is_whole;
    snprintf(work->text, sizeof work->text, "%s", error.text);
    valence_extract_report_free(report);
    valence_extract_config_free(config);
}

static void extract_rank(struct thread_rank *rank, void *argument)
{
    extract((struct rank_work *)argument + rank->collective.rank, &rank->collective);
}

static void prepare(struct rank_work works[N_RANKS], const char *output, const char *dtype,
                    bool overwrite)
{
    memset(works, 0, N_RANKS * sizeof *works);
    for (int r = 0; r < N_RANKS; r++) {
        snprintf(works[r].output, sizeof works[r].output, "%s/%s", fixture_folder, output);
        works[r].dtype = dtype;
        works[r].overwrite = overwrite;
    }
}

/* All ranks together make each clip once, and one of them merges. */
static void check_shared(const struct rank_work works[N_RANKS], const char *output)
{
    struct valence_store *store;
    struct valence_error error;
    int64_t n_made = 0, n_pieces = 0;
    int n_whole = 0;
    for (int r = 0; r < N_RANKS; r++) {
        if (works[r].status)
            fail_msg("rank %d: %s", r, works[r].text);
        assert_int_equal(works[r].n_joined, 1);
        n_made += works[r].n_made;
        n_pieces += works[r].n_pieces;
        n_whole += works[r].is_whole;
    }
    assert_int_equal(n_made, N_CLIPS);
    assert_int_equal(n_pieces, N_PIECES);
    assert_int_equal(n_whole, 1);
    assert_int_equal(valence_store_open(in_folder(output), NULL, &store, &error), 0);
    assert_int_equal(valence_store_n_clips(store), N_CLIPS);
    valence_store_close(store);
}

static void test_pieces_are_shared(void **state)
{
    struct rank_work works[N_RANKS];
    (void)state;
    prepare(works, "shared", "f32", false);
    run_thread_ranks(N_RANKS, extract_rank, works);
    check_shared(works, "shared");

    /* Once more: it is there. */
    run_thread_ranks(N_RANKS, extract_rank, works);
    for (int r = 0; r < N_RANKS; r++) {
        assert_int_equal(works[r].status, 0);
        assert_int_equal(works[r].n_pieces, 0);
    }
    prepare(works, "shared", "f16", false);
    run_thread_ranks(N_RANKS, extract_rank, works);
    assert_int_equal(works[0].status, VALENCE_ERROR_EXISTS);
    assert_int_equal(works[2].status, VALENCE_ERROR_RANK);
    assert_non_null(strstr(works[2].text, "rank 0 of 3"));

    prepare(works, "shared", "f16", true);
    run_thread_ranks(N_RANKS, extract_rank, works);
    check_shared(works, "shared");
}

/* Ranks that do not see the same folder would each make everything. */
static void test_disks_differ(void **state)
{
    struct rank_work works[N_RANKS];
    struct stat status;
    (void)state;
    prepare(works, "own", "f32", false);
    snprintf(works[1].output, sizeof works[1].output, "%s/other", fixture_folder);
    run_thread_ranks(N_RANKS, extract_rank, works);
    assert_int_equal(works[0].status, VALENCE_ERROR_RANK);
    assert_int_equal(works[1].status, VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(works[2].n_joined, 0);
    assert_non_null(strstr(works[1].text, "shared disk"));
    assert_non_null(strstr(works[0].text, "rank 1 of 3"));
    assert_int_not_equal(stat(in_folder("other.pieces"), &status), 0);
    assert_int_not_equal(stat(in_folder("own"), &status), 0);

    /* The same command goes on once they do. */
    prepare(works, "own", "f32", false);
    run_thread_ranks(N_RANKS, extract_rank, works);
    check_shared(works, "own");
}

/* One rank's trouble before the beginning ends all. */
static void test_a_rank_cannot_begin(void **state)
{
    struct rank_work works[N_RANKS];
    (void)state;
    prepare(works, "failed", "f32", false);
    works[2].output[0] = '\0';
    run_thread_ranks(N_RANKS, extract_rank, works);
    assert_int_equal(works[2].status, VALENCE_ERROR_CONFIG);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(works[r].status, VALENCE_ERROR_RANK);
        assert_non_null(strstr(works[r].text, "rank 2 of 3: the output is missing"));
    }
}

static void test_bad_table(void **state)
{
    struct rank_work work = {.dtype = "f32"};
    struct valence_collective collective;
    (void)state;
    snprintf(work.output, sizeof work.output, "%s/no", fixture_folder);
    valence_collective_default(&collective);
    collective.n_ranks = 2;
    extract(&work, &collective);
    assert_int_equal(work.status, VALENCE_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_shared),
        cmocka_unit_test(test_disks_differ),
        cmocka_unit_test(test_a_rank_cannot_begin),
        cmocka_unit_test(test_bad_table),
    };
    return cmocka_run_group_tests(tests, make_clips, remove_folder);
}
