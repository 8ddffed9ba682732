/* Writing and reading stores. */
#include "store_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/half.h"

static const struct valence_store_stream two_streams[] = {
    {.name = "audio", .width = 5, .type = VALENCE_F16},
    {.name = "text", .width = 300, .type = VALENCE_F32},
};

static float value_of(int clip, int stream, int64_t at)
{
    return (float)((clip * 31 + stream * 7 + at) % 101) / 8.0f - 4.0f;
}

static struct valence_clip clip_of(int i, char id[32])
{
    snprintf(id, 32, "clip_%d", i);
    return (struct valence_clip){
        .id = id,
        .group = i % 2 ? "one" : "two",
        .transcript = i % 3 ? "so \xC3\xA4" : "",
        .split = (enum valence_split)(i % 3),
        .label = i == 4 ? NAN : (float)i / 3.0f,
    };
}

static int add_clip(struct valence_store_writer *writer, int i)
{
    char id[32];
    struct valence_clip clip = clip_of(i, id);
    int64_t n_audio = i % 7, n_text = 1 + i % 20;
    float *audio = malloc((size_t)(n_audio * 5 + 1) * sizeof *audio);
    float *text = malloc((size_t)(n_text * 300) * sizeof *text);
    for (int64_t j = 0; j < n_audio * 5; j++)
        audio[j] = value_of(i, 0, j);
    for (int64_t j = 0; j < n_text * 300; j++)
        text[j] = value_of(i, 1, j);
    struct valence_clip_rows rows[] = {{1, n_text, text}, {0, n_audio, audio}};
    int status = valence_store_writer_add(writer, &clip, rows, 2, &error);
    free(audio);
    free(text);
    return status;
}

static void fill(const char *path, int from, int to)
{
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(path, two_streams, 2, NULL, &writer, &error));
    for (int i = from; i < to; i++)
        assert_fine(add_clip(writer, i));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

static void check_rows(const struct valence_store *store, int i)
{
    const struct valence_clip *clip = valence_store_clip(store, i);
    uint16_t audio[7 * 5];
    float text[20 * 300];
    assert_fine(valence_store_read_rows(store, i, 0, 0, clip->n_rows[0], audio, &error));
    assert_fine(valence_store_read_rows(store, i, 1, 0, clip->n_rows[1], text, &error));
    for (int64_t j = 0; j < clip->n_rows[0] * 5; j++)
        assert_true(half_to_float(audio[j]) == value_of(i, 0, j));
    for (int64_t j = 0; j < clip->n_rows[1] * 300; j++)
        assert_true(text[j] == value_of(i, 1, j));
}

/* Opens a store that was not finished: by itself it is refused. */
static struct valence_store *open_unfinished(const char *path)
{
    struct valence_store_options options;
    struct valence_store *store;
    assert_fails(valence_store_open(path, NULL, &store, &error), VALENCE_ERROR_DATA,
                 "this store is unfinished");
    assert_string_equal(error.key, "accept_unfinished");
    assert_null(store);
    valence_store_options_default(&options);
    options.accept_unfinished = true;
    assert_fine(valence_store_open(path, &options, &store, &error));
    assert_false(valence_store_is_finished(store));
    return store;
}

/* The clips of an open store, which is closed, are the first n. */
static void check_clips(struct valence_store *store, int n)
{
    assert_int_equal(valence_store_n_clips(store), n);
    assert_int_equal(valence_store_n_streams(store), 2);
    for (int i = 0; i < n; i++) {
        char id[32];
        struct valence_clip expected = clip_of(i, id);
        const struct valence_clip *clip = valence_store_clip(store, i);
        assert_string_equal(clip->id, id);
        assert_string_equal(clip->group, expected.group);
        assert_string_equal(clip->transcript, expected.transcript);
        assert_int_equal(clip->split, expected.split);
        assert_true(clip->label == expected.label || (isnan(clip->label) && i == 4));
        assert_int_equal(clip->n_rows[0], i % 7);
        assert_int_equal(clip->n_rows[1], 1 + i % 20);
        assert_int_equal(valence_store_find_clip(store, id), i);
        check_rows(store, i);
    }
    assert_int_equal(valence_store_find_clip(store, "clip_x"), -1);
    valence_store_close(store);
}

static void check_store(const char *path, int n)
{
    struct valence_store *store;
    assert_fine(valence_store_open(path, NULL, &store, &error));
    assert_true(valence_store_is_finished(store));
    check_clips(store, n);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    fill(in_folder("store"), 0, 500);
    check_store(in_folder("store"), 500);
}

static void test_clips_are_added_to_an_existing_store(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i += 40)
        fill(in_folder("store"), i, i + 40);
    check_store(in_folder("store"), 200);
}

static void test_an_empty_store_has_no_clips(void **state)
{
    (void)state;
    fill(in_folder("store"), 0, 0);
    check_store(in_folder("store"), 0);
}

static void test_the_map_grows_with_the_store(void **state)
{
    (void)state;
    struct valence_store_stream wide = {.name = "audio", .width = 65536, .type = VALENCE_F32};
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder("store"), &wide, 1, NULL, &writer, &error));
    int64_t n_rows = 80; /* 20 MiB a clip, and 600 MiB in all: beyond the first map */
    float *rows = calloc((size_t)(n_rows * wide.width), sizeof *rows);
    for (int i = 0; i < 30; i++) {
        char id[32];
        struct valence_clip clip = clip_of(i, id);
        rows[0] = (float)i;
        struct valence_clip_rows stream = {0, n_rows, rows};
        assert_fine(valence_store_writer_add(writer, &clip, &stream, 1, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), 30);
    for (int i = 0; i < 30; i++) {
        float first;
        assert_int_equal(valence_store_clip(store, i)->n_rows[0], n_rows);
        assert_fine(valence_store_read_rows(store, i, 0, 0, 1, rows, &error));
        first = rows[0];
        assert_true(first == (float)i);
    }
    assert_int_equal(valence_store_read_rows(store, 0, 0, 0, n_rows + 1, rows, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_store_close(store);
    free(rows);
}

/* LMDB's bookkeeping needs room at every commit, also where the last clip just fitted. */
static void test_many_clips_pass_the_first_map(void **state)
{
    (void)state;
    struct valence_store_stream stream = {.name = "text", .width = 576, .type = VALENCE_F32};
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder("store"), &stream, 1, NULL, &writer, &error));
    float *rows = calloc(60 * 576, sizeof *rows);
    for (int i = 0; i < 12000; i++) {
        char id[32];
        struct valence_clip clip = clip_of(i, id);
        struct valence_clip_rows some = {0, 1 + i * 7 % 29, rows};
        assert_fine(valence_store_writer_add(writer, &clip, &some, 1, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), 12000);
    valence_store_close(store);
    free(rows);
}

/* ---- Refusals ---- */

static int add_rows(struct valence_store_writer *writer, const char *id, int64_t n_rows,
                    const float *rows)
{
    struct valence_clip clip = {.id = id, .group = "", .transcript = ""};
    struct valence_clip_rows stream = {0, n_rows, rows};
    return valence_store_writer_add(writer, &clip, &stream, 1, &error);
}

static void test_unusable_values_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    assert_fine(
        valence_store_writer_open(in_folder("store"), two_streams, 2, NULL, &writer, &error));
    float rows[10] = {0};
    rows[7] = NAN;
    assert_fails(add_rows(writer, "a", 2, rows), VALENCE_ERROR_DATA,
                 "clip 'a': stream 'audio', row 1, column 2: nan");
    rows[7] = INFINITY;
    assert_fails(add_rows(writer, "a", 2, rows), VALENCE_ERROR_DATA, "inf");
    rows[7] = -70000.0f;
    assert_fails(add_rows(writer, "a", 2, rows), VALENCE_ERROR_DATA, "largest value is 65504");
    assert_false(valence_store_writer_has(writer, "a"));
    rows[7] = 65504.0f;
    assert_fine(add_rows(writer, "a", 2, rows));
    assert_true(valence_store_writer_has(writer, "a"));
    assert_fails(add_rows(writer, "a", 2, rows), VALENCE_ERROR_EXISTS, "'a' is in the store");
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), 1);
    valence_store_close(store);
}

static void test_unusable_clips_are_refused(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    assert_fine(
        valence_store_writer_open(in_folder("store"), two_streams, 2, NULL, &writer, &error));
    float rows[5] = {0};
    char long_id[VALENCE_STORE_ID_BYTES + 1];
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    assert_int_equal(add_rows(writer, "", 1, rows), VALENCE_ERROR_DATA);
    assert_int_equal(add_rows(writer, long_id, 1, rows), VALENCE_ERROR_DATA);
    assert_int_equal(add_rows(writer, "\xff", 1, rows), VALENCE_ERROR_DATA);
    long_id[VALENCE_STORE_ID_BYTES - 1] = '\0';
    assert_fine(add_rows(writer, long_id, 1, rows));
    assert_int_equal(add_rows(writer, "b", VALENCE_STORE_MAX_ROWS + 1, rows), VALENCE_ERROR_LIMIT);
    assert_int_equal(add_rows(writer, "b", -1, rows), VALENCE_ERROR_LIMIT);
    struct valence_clip clip = {.id = "b", .group = "", .transcript = "\xff", .label = INFINITY};
    assert_int_equal(valence_store_writer_add(writer, &clip, NULL, 0, &error), VALENCE_ERROR_DATA);
    clip.label = 0;
    assert_fails(valence_store_writer_add(writer, &clip, NULL, 0, &error), VALENCE_ERROR_DATA,
                 "UTF-8");
    struct valence_clip_rows twice[] = {{0, 1, rows}, {0, 1, rows}}, beyond = {2, 1, rows};
    clip.transcript = "";
    assert_int_equal(valence_store_writer_add(writer, &clip, twice, 2, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_store_writer_add(writer, &clip, &beyond, 1, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_fine(valence_store_writer_add(writer, &clip, NULL, 0, &error)); /* a clip of no rows */
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

static void test_metadata_is_kept_and_must_be_an_object(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    assert_fine(
        valence_store_writer_open(in_folder("store"), two_streams, 2, NULL, &writer, &error));
    struct valence_clip clip = {.id = "a", .group = "", .transcript = ""};
    clip.metadata = "{\"text\": {\"score\": -0.25}}";
    assert_fine(valence_store_writer_add(writer, &clip, NULL, 0, &error));
    clip.id = "b";
    clip.metadata = "[1]";
    assert_fails(valence_store_writer_add(writer, &clip, NULL, 0, &error), VALENCE_ERROR_DATA,
                 "its metadata is not a JSON object");
    clip.metadata = "{\"text\"";
    assert_fails(valence_store_writer_add(writer, &clip, NULL, 0, &error), VALENCE_ERROR_DATA,
                 "its metadata is not a JSON object: ");
    clip.metadata = "";
    assert_fine(valence_store_writer_add(writer, &clip, NULL, 0, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_string_equal(valence_store_clip(store, 0)->metadata, "{\"text\":{\"score\":-0.25}}");
    assert_string_equal(valence_store_clip(store, 1)->metadata, "");
    valence_store_close(store);
}

static void test_a_very_long_clip_is_stored(void **state)
{
    (void)state;
    struct valence_store_stream narrow = {.name = "video", .width = 1, .type = VALENCE_F16};
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder("store"), &narrow, 1, NULL, &writer, &error));
    float *rows = calloc(VALENCE_STORE_MAX_ROWS, sizeof *rows);
    rows[VALENCE_STORE_MAX_ROWS - 1] = 1.0f;
    assert_fine(add_rows(writer, "long", VALENCE_STORE_MAX_ROWS, rows));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    uint16_t *halves = (uint16_t *)rows;
    assert_fine(valence_store_read_rows(store, 0, 0, 0, VALENCE_STORE_MAX_ROWS, halves, &error));
    assert_true(half_to_float(halves[VALENCE_STORE_MAX_ROWS - 1]) == 1.0f);
    valence_store_close(store);
    free(rows);
}

static void test_other_streams_than_the_stores_are_an_error(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    fill(in_folder("store"), 0, 3);
    struct valence_store_stream other[2] = {two_streams[0], two_streams[1]};
    other[1].width = 301;
    assert_fails(valence_store_writer_open(in_folder("store"), other, 2, NULL, &writer, &error),
                 VALENCE_ERROR_SHAPE, "'text' of 300 f32, not 'text' of 301 f32");
    assert_null(writer);
    assert_int_equal(valence_store_writer_open(in_folder("store"), other, 1, NULL, &writer, &error),
                     VALENCE_ERROR_SHAPE);
}

static void test_a_bad_table_of_streams_is_an_error(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    struct valence_store_stream streams[2] = {two_streams[0], two_streams[0]};
    assert_int_equal(valence_store_writer_open(in_folder("s"), streams, 2, NULL, &writer, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_store_writer_open(in_folder("s"), streams, -1, NULL, &writer, &error),
                     VALENCE_ERROR_ARGUMENT);
    strcpy(streams[0].name, "Audio/..");
    assert_int_equal(valence_store_writer_open(in_folder("s"), streams, 1, NULL, &writer, &error),
                     VALENCE_ERROR_ARGUMENT);
    streams[1].width = 0;
    assert_int_equal(
        valence_store_writer_open(in_folder("s"), streams + 1, 1, NULL, &writer, &error),
        VALENCE_ERROR_ARGUMENT);
    assert_int_not_equal(access(in_folder("s"), F_OK), 0);
}

static void test_a_folder_with_other_files_is_not_made_a_store(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    FILE *file = fopen(in_folder("notes.txt"), "w");
    fclose(file);
    assert_fails(valence_store_writer_open(folder, two_streams, 2, NULL, &writer, &error),
                 VALENCE_ERROR_EXISTS, "notes.txt");
    assert_int_not_equal(access(in_folder("data.mdb"), F_OK), 0);
}

static void test_no_store_is_not_found(void **state)
{
    (void)state;
    struct valence_store *store;
    assert_fails(valence_store_open(in_folder("nothing"), NULL, &store, &error),
                 VALENCE_ERROR_NOT_FOUND, "no store here");
    assert_null(store);
}

static void test_a_second_writer_is_told_that_the_store_is_busy(void **state)
{
    (void)state;
    struct valence_store_writer *writer, *second;
    assert_fine(
        valence_store_writer_open(in_folder("store"), two_streams, 2, NULL, &writer, &error));
    assert_fails(
        valence_store_writer_open(in_folder("store"), two_streams, 2, NULL, &second, &error),
        VALENCE_ERROR_BUSY, "another process");
    assert_null(second);
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    fill(in_folder("store"), 0, 3);
    check_store(in_folder("store"), 3);
}

static void test_a_reader_keeps_its_view_while_a_writer_adds(void **state)
{
    (void)state;
    const char *path = in_folder("store");
    fill(path, 0, 50);
    struct valence_store *store;
    assert_fine(valence_store_open(path, NULL, &store, &error));
    pid_t child = fork(); /* LMDB's locks belong to a process */
    if (child == 0) {
        for (int i = 50; i < 200; i += 10)
            fill(path, i, i + 10);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(valence_store_n_clips(store), 50);
    for (int i = 0; i < 50; i++)
        check_rows(store, i);
    valence_store_close(store);
    check_store(path, 200);
}

static void test_a_killed_writer_leaves_what_it_committed(void **state)
{
    (void)state;
    const char *path = in_folder("store");
    for (int round = 0; round < 5; round++) {
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            struct valence_store_writer *writer;
            if (valence_store_writer_open(path, two_streams, 2, NULL, &writer, &error))
                _exit(1);
            for (int i = 0;; i++) {
                char id[32];
                clip_of(i, id);
                if (!valence_store_writer_has(writer, id) && add_clip(writer, i))
                    _exit(1);
                if (i == 40 * (round + 1) &&
                    (valence_store_writer_commit(writer, &error) || write(ready[1], "x", 1) != 1))
                    _exit(1);
            }
        }
        char byte;
        assert_int_equal(read(ready[0], &byte, 1), 1);
        usleep((useconds_t)(1000 * round * round));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]);
        close(ready[1]);
        struct valence_store *store = open_unfinished(path);
        int64_t n = valence_store_n_clips(store);
        assert_true(n > 40 * (round + 1));
        check_clips(store, (int)n);
    }
}

/* ---- No room ---- */

/* Adds clips until it fails; gives the status. */
static int add_until_failure(const char *path)
{
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(path, two_streams, 2, NULL, &writer, &error));
    int status = VALENCE_OK;
    for (int i = 0; i < 5000 && !status; i++) {
        status = add_clip(writer, i);
        if (!status && i % 50 == 49)
            status = valence_store_writer_commit(writer, &error);
    }
    struct valence_error ignored;
    assert_int_equal(valence_store_writer_close(writer, &ignored), VALENCE_ERROR_IO);
    return status;
}

static void check_after_full(const char *path)
{
    struct valence_store *store = open_unfinished(path);
    int64_t n = valence_store_n_clips(store);
    assert_true(n > 0);
    check_clips(store, (int)n);
}

static void test_a_full_disk_is_said_and_leaves_a_store(void **state)
{
    (void)state;
    mkdir(in_folder("small"), 0700);
    /* In a mount namespace of its own, which ends with this program. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("valence", in_folder("small"), "tmpfs", 0, "size=4m") != 0)
        skip();
    int status = add_until_failure(in_folder("small/store"));
    if (status == VALENCE_ERROR_DISK_FULL)
        check_after_full(in_folder("small/store"));
    umount2(in_folder("small"), MNT_DETACH);
    assert_int_equal(status, VALENCE_ERROR_DISK_FULL);
}

static void test_a_limit_on_file_size_is_said_and_leaves_a_store(void **state)
{
    (void)state;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4 << 20;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int status = add_until_failure(in_folder("store"));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, VALENCE_ERROR_DISK_FULL);
    check_after_full(in_folder("store"));
    fill(in_folder("store"), 4000, 4010); /* and it can go on */
}

/* ---- Size and statistics ---- */

static void test_statistics_are_those_of_the_training_rows(void **state)
{
    (void)state;
    fill(in_folder("store"), 0, 100);
    struct valence_store *store;
    struct valence_column_statistics *statistics;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    for (int stream = 0; stream < 2; stream++) {
        assert_fine(valence_store_statistics(store, stream, NULL, &statistics, &error));
        int64_t width = two_streams[stream].width;
        assert_int_equal(statistics->width, width);
        for (int64_t column = 0; column < width; column += 4) {
            double sum = 0, squares = 0;
            int64_t n = 0;
            for (int i = 0; i < 100; i += 3) { /* clip_of() */
                int64_t n_rows = stream ? 1 + i % 20 : i % 7;
                for (int64_t row = 0; row < n_rows; row++, n++) {
                    double value = value_of(i, stream, row * width + column);
                    sum += value;
                    squares += value * value;
                }
            }
            assert_int_equal(statistics->n_rows, n);
            double mean = sum / (double)n;
            assert_true(fabs(statistics->mean[column] - mean) < 1e-5);
            assert_true(fabs(statistics->deviation[column] -
                             sqrt(squares / (double)n - mean * mean)) < 1e-4);
        }
        valence_column_statistics_free(statistics);
    }
    valence_store_close(store);
}

static long resident_kib(void)
{
    long pages = 0, total;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_reading_a_large_store_does_not_make_the_process_grow(void **state)
{
    (void)state;
    struct valence_store_stream wide = {.name = "audio", .width = 1024, .type = VALENCE_F16};
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder("store"), &wide, 1, NULL, &writer, &error));
    float *rows = calloc(1024 * 1024, sizeof *rows);
    for (int i = 0; i < 150; i++) {
        char id[32];
        struct valence_clip clip = clip_of(i, id);
        struct valence_clip_rows stream = {0, 1024, rows};
        assert_fine(valence_store_writer_add(writer, &clip, &stream, 1, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    long before = resident_kib();
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    for (int i = 0; i < 150; i++)
        assert_fine(valence_store_read_rows(store, i, 0, 0, 1024, rows, &error));
    long grown = resident_kib() - before; /* of 300 MiB read */
    valence_store_close(store);
    free(rows);
#ifndef VALENCE_SANITIZED
    assert_true(grown < 16 * 1024);
#else
    (void)grown;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_what_is_written_is_read),
        TEST_IN_FOLDER(test_clips_are_added_to_an_existing_store),
        TEST_IN_FOLDER(test_an_empty_store_has_no_clips),
        TEST_IN_FOLDER(test_the_map_grows_with_the_store),
        TEST_IN_FOLDER(test_many_clips_pass_the_first_map),
        TEST_IN_FOLDER(test_unusable_values_are_refused_and_leave_nothing),
        TEST_IN_FOLDER(test_unusable_clips_are_refused),
        TEST_IN_FOLDER(test_metadata_is_kept_and_must_be_an_object),
        TEST_IN_FOLDER(test_a_very_long_clip_is_stored),
        TEST_IN_FOLDER(test_other_streams_than_the_stores_are_an_error),
        TEST_IN_FOLDER(test_a_bad_table_of_streams_is_an_error),
        TEST_IN_FOLDER(test_a_folder_with_other_files_is_not_made_a_store),
        TEST_IN_FOLDER(test_no_store_is_not_found),
        TEST_IN_FOLDER(test_a_second_writer_is_told_that_the_store_is_busy),
        TEST_IN_FOLDER(test_a_reader_keeps_its_view_while_a_writer_adds),
        TEST_IN_FOLDER(test_a_killed_writer_leaves_what_it_committed),
        TEST_IN_FOLDER(test_a_full_disk_is_said_and_leaves_a_store),
        TEST_IN_FOLDER(test_a_limit_on_file_size_is_said_and_leaves_a_store),
        TEST_IN_FOLDER(test_statistics_are_those_of_the_training_rows),
        TEST_IN_FOLDER(test_reading_a_large_store_does_not_make_the_process_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
