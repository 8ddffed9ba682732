/* Merging stores: interrupted, in another order, and with stores that do not fit together. */
#include "store_fixture.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "store/store_shards.h"
#include "valence/progress.h"

#define ENCODERS(layer) "{\"kind\": \"extraction\", \"encoders\": {\"audio\": " #layer "}}"

/* A store of `n` clips PREFIX0, PREFIX1, ... of an audio stream of two columns, and a failure. */
static const char *make(const char *name, const char *prefix, int n, int64_t width,
                        const char *source)
{
    struct valence_store_writer *writer;
    const struct valence_store_stream stream = {
        .name = "audio", .width = width, .type = VALENCE_F32};
    static char paths[8][256]; /* in_folder() uses its own again */
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof *paths, "%s", in_folder(name));
    assert_fine(valence_store_writer_open(path, &stream, 1, NULL, &writer, &error));
    assert_fine(valence_store_writer_set_source(writer, source, &error));
    for (int i = 0; i < n; i++) {
        char id[32];
        float rows[12];
        snprintf(id, sizeof id, "%s%d", prefix, i);
        for (int j = 0; j < 12; j++)
            rows[j] = (float)(prefix[0] * 100 + i * 12 + j);
        const struct valence_clip clip = {.id = id,
                                          .group = prefix,
                                          .transcript = id,
                                          .metadata = "{}",
                                          .split = VALENCE_TRAIN,
                                          .label = (float)i / 10};
        const struct valence_clip_rows of = {0, 4, rows};
        assert_fine(valence_store_writer_add(writer, &clip, &of, 1, &error));
    }
    char failed[32];
    snprintf(failed, sizeof failed, "%s-failed", prefix);
    const struct valence_store_failure failure = {failed, VALENCE_ERROR_FORMAT, "it is cut off",
                                                  "{}"};
    assert_fine(valence_store_writer_add_failure(writer, &failure, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    return path;
}

static struct valence_store *open_store(const char *path)
{
    struct valence_store *store;
    assert_fine(valence_store_open(path, NULL, &store, &error));
    return store;
}

static void assert_same_stores(const char *a_path, const char *b_path)
{
    struct valence_store *a = open_store(a_path), *b = open_store(b_path);
    float a_rows[12], b_rows[12];
    assert_int_equal(valence_store_n_clips(a), valence_store_n_clips(b));
    for (int64_t i = 0; i < valence_store_n_clips(a); i++) {
        const struct valence_clip *one = valence_store_clip(a, i), *two = valence_store_clip(b, i);
        assert_string_equal(one->id, two->id);
        assert_string_equal(one->transcript, two->transcript);
        assert_true(one->label == two->label);
        assert_int_equal(one->n_rows[0], 4);
        assert_fine(valence_store_read_rows(a, i, 0, 0, 4, a_rows, &error));
        assert_fine(valence_store_read_rows(b, i, 0, 0, 4, b_rows, &error));
        assert_memory_equal(a_rows, b_rows, 8 * sizeof(float));
    }
    assert_int_equal(valence_store_n_failures(a), valence_store_n_failures(b));
    for (int64_t i = 0; i < valence_store_n_failures(a); i++)
        assert_string_equal(valence_store_get_failure(a, i)->id,
                            valence_store_get_failure(b, i)->id);
    assert_string_equal(valence_store_source(a), valence_store_source(b));
    valence_store_close(a);
    valence_store_close(b);
}

/* ---- Whole, and interrupted ---- */

static int stop_at(void *user, const struct valence_progress_event *event)
{
    return event->done >= *(int64_t *)user;
}

static void test_an_interrupted_merge_goes_on(void **state)
{
    (void)state;
    const char *parts[] = {make("a", "a", 5, 2, ENCODERS(3)), make("b", "b", 4, 2, ENCODERS(3)),
                           make("c", "c", 3, 2, ENCODERS(3))};
    int64_t n_clips;
    assert_fine(valence_store_merge(parts, 3, in_folder("whole"), NULL, &n_clips, &error));
    assert_int_equal(n_clips, 12);
    struct valence_store *whole = open_store(in_folder("whole"));
    assert_int_equal(valence_store_n_failures(whole), 3);
    assert_string_equal(valence_store_clip(whole, 5)->id, "b0");
    valence_store_close(whole);
    for (int64_t stop = 0; stop < 12; stop += 3) { /* each call comes further */
        struct valence_store_merge_options options;
        const struct valence_progress progress = {stop_at, &stop};
        valence_store_merge_options_default(&options);
        options.progress = &progress;
        assert_fails(valence_store_merge(parts, 3, in_folder("stopped"), &options, NULL, &error),
                     VALENCE_ERROR_CANCELLED, "interrupted");
    }
    assert_fine(valence_store_merge(parts, 3, in_folder("stopped"), NULL, &n_clips, &error));
    assert_int_equal(n_clips, 12);
    assert_same_stores(in_folder("whole"), in_folder("stopped"));
    /* Once more: it is there already. */
    assert_fine(valence_store_merge(parts, 3, in_folder("stopped"), NULL, &n_clips, &error));
    assert_same_stores(in_folder("whole"), in_folder("stopped"));
}

static void test_another_order_does_not_go_on(void **state)
{
    (void)state;
    const char *parts[] = {make("a", "a", 5, 2, ENCODERS(3)), make("b", "b", 4, 2, ENCODERS(3))};
    const char *turned[] = {parts[1], parts[0]};
    assert_fine(valence_store_merge(parts, 2, in_folder("made"), NULL, NULL, &error));
    assert_fails(valence_store_merge(turned, 2, in_folder("made"), NULL, NULL, &error),
                 VALENCE_ERROR_EXISTS, "another order");
    assert_string_equal(error.key, "target");
    assert_fails(valence_store_merge(parts, 1, in_folder("made"), NULL, NULL, &error),
                 VALENCE_ERROR_EXISTS, "other clips");
    struct valence_store *made = open_store(in_folder("made")); /* and is as it was */
    assert_int_equal(valence_store_n_clips(made), 9);
    valence_store_close(made);
}

/* ---- What does not fit ---- */

static void test_what_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    const char *a = make("a", "a", 5, 2, ENCODERS(3));
    const struct {
        const char *other;
        int status;
        const char *words;
    } cases[] = {{a, VALENCE_ERROR_EXISTS, "the clip 'a0' is in "},
                 {make("double", "a", 1, 2, ENCODERS(3)), VALENCE_ERROR_EXISTS, "'a0'"},
                 {make("settings", "s", 2, 2, ENCODERS(4)), VALENCE_ERROR_DATA, "other settings"},
                 {make("streams", "t", 2, 3, ENCODERS(3)), VALENCE_ERROR_SHAPE, "other streams"},
                 {in_folder("missing"), VALENCE_ERROR_NOT_FOUND, "missing"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *parts[] = {a, cases[i].other};
        const char *to = in_folder("made");
        assert_fails(valence_store_merge(parts, 2, to, NULL, NULL, &error), cases[i].status,
                     cases[i].words);
        assert_int_equal(access(to, F_OK), -1);
    }
}

/* ---- Parts ---- */

#define PART(number, of)                                                                           \
    "{\"kind\": \"extraction\", \"encoders\": {\"audio\": 3}, \"part\": {\"number\": " #number     \
    ", \"of\": " #of "}}"

static void test_a_missing_part_is_noticed(void **state)
{
    (void)state;
    const char *first = make("1", "a", 3, 3, PART(1, 3)),
               *second = make("2", "b", 2, 3, PART(2, 3));
    const char *third = make("3", "c", 1, 3, PART(3, 3)),
               *whole = make("w", "d", 2, 3, ENCODERS(3));
    const char *many = make("m", "e", 1, 3, PART(1, 4000000000000));
    const char *const two[] = {third, whole, first}, *const all[] = {first, second, third, whole};
    struct valence_store_merge_options options;
    assert_fails(valence_store_merge(two, 3, in_folder("a"), NULL, NULL, &error),
                 VALENCE_ERROR_NOT_FOUND, "3 is part 3 of 3, and part 2 is missing");
    assert_string_equal(error.key, "partial");
    assert_fails(valence_store_merge(&many, 1, in_folder("a"), NULL, NULL, &error),
                 VALENCE_ERROR_NOT_FOUND, "part 2 is missing");
    valence_store_merge_options_default(&options);
    options.partial = true;
    assert_fine(valence_store_merge(two, 3, in_folder("a"), &options, NULL, &error));
    assert_fine(valence_store_merge(all, 4, in_folder("b"), NULL, NULL, &error));
    /* What is merged is no part. */
    struct valence_store *store = open_store(in_folder("b"));
    assert_null(strstr(valence_store_source(store), "part"));
    assert_non_null(strstr(valence_store_source(store), "encoders"));
    assert_int_equal(valence_store_n_clips(store), 8);
    valence_store_close(store);
}

/* ---- In several files ---- */

static int try_shards(const char *const *stores, int n, const char *to)
{
    struct valence_store_merge_options options;
    valence_store_merge_options_default(&options);
    options.shards = true;
    return valence_store_merge(stores, n, to, &options, NULL, &error);
}

/* A path that stays: in_folder() uses its own again. */
static const char *path_of(const char *name)
{
    static char paths[8][256];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof *paths, "%s", in_folder(name));
    return path;
}

static void test_shards_read_as_one_store_does(void **state)
{
    (void)state;
    const char *parts[] = {make("a", "a", 5, 2, ENCODERS(3)), make("b", "b", 4, 2, ENCODERS(3)),
                           make("c", "c", 3, 2, ENCODERS(3))};
    const char *whole = path_of("whole"), *sharded = path_of("sharded"), *flat = path_of("flat");
    float row[2];
    assert_fine(valence_store_merge(parts, 3, whole, NULL, NULL, &error));
    assert_fine(try_shards(parts, 2, sharded));
    assert_fine(try_shards(parts + 2, 1, sharded)); /* the first two stay */
    assert_same_stores(whole, sharded);
    struct valence_store *store = open_store(sharded);
    for (int64_t i = 0; i < 12; i++)
        assert_int_equal(valence_store_find_clip(store, valence_store_clip(store, i)->id), i);
    assert_int_equal(valence_store_find_clip(store, "d0"), -1);
    assert_true(valence_store_is_finished(store));
    assert_fails(valence_store_read_rows(store, 12, 0, 0, 1, row, &error), VALENCE_ERROR_ARGUMENT,
                 "clip 12");
    valence_store_close(store);

    /* It becomes a store of one file again, and its shards those of another. */
    assert_fine(valence_store_merge(&sharded, 1, flat, NULL, NULL, &error));
    assert_same_stores(whole, flat);
    assert_fine(try_shards(&sharded, 1, path_of("copied")));
    assert_same_stores(whole, path_of("copied"));
}

/* An LMDB environment alone takes three files. */
static void test_a_store_takes_one_open_file_of_a_merge_and_of_its_shards(void **state)
{
    (void)state;
    enum { N = 40 };
    static char paths[N][256];
    const char *parts[N], *flat = path_of("flat"), *sharded = path_of("sharded");
    struct rlimit before, low;
    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d-", i);
        snprintf(paths[i], sizeof paths[i], "%s", make(name, name, 2, 2, ENCODERS(3)));
        parts[i] = paths[i];
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = 2 * N + 20;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    int merged = valence_store_merge(parts, N, flat, NULL, NULL, &error);
    int added = merged ? merged : try_shards(parts, N, sharded);
    if (!added)
        assert_same_stores(flat, sharded);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_fine(merged);
    assert_fine(added);
}

static void test_what_does_not_fit_adds_no_shard(void **state)
{
    (void)state;
    const char *first = make("a", "a", 5, 2, ENCODERS(3));
    const char *wide = make("wide", "w", 2, 3, ENCODERS(3));
    const char *other = make("other", "o", 2, 2, ENCODERS(4)), *sharded = path_of("sharded");
    const struct valence_store_stream stream = {.name = "audio", .width = 2, .type = VALENCE_F32};
    struct valence_store_writer *writer;
    assert_fine(try_shards(&first, 1, sharded));
    assert_int_equal(try_shards(&first, 1, sharded), VALENCE_ERROR_EXISTS);
    assert_int_equal(try_shards(&wide, 1, sharded), VALENCE_ERROR_SHAPE);
    assert_int_equal(try_shards(&other, 1, sharded), VALENCE_ERROR_DATA);
    struct valence_store *store = open_store(sharded);
    assert_int_equal(valence_store_n_clips(store), 5);
    valence_store_close(store);
    assert_fails(valence_store_writer_open(sharded, &stream, 1, NULL, &writer, &error),
                 VALENCE_ERROR_EXISTS, "no store can be made there");
}

static void write_index(const char *sharded, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/shards.json", sharded);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define SHARD(folder, clips, bytes)                                                                \
    "{\"folder\": \"" folder "\", \"clips\": " clips ", \"bytes\": " bytes                         \
    ", \"sha256\": \"" ZEROS "\"}"
#define INDEX(shards) "{\"format\": \"valence-shards\", \"version\": 1, \"shards\": [" shards "]}"

static void test_a_damaged_index_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "no JSON"},
        {"[]", "no format"},
        {"{\"format\": \"valence-shards\", \"version\": 2}", "newer version"},
        {INDEX(""), "no list"},
        {INDEX("7"), "entry"},
        {INDEX(SHARD("../x", "1", "1")), "entry"},
        {INDEX(SHARD("a/b", "1", "1")), "entry"},
        {INDEX(SHARD("shard-000001", "-1", "1")), "entry"},
        {INDEX(SHARD("shard-000001", "1.5", "1")), "entry"},
        {INDEX(SHARD("shard-000009", "5", "1")), "no store"},
        {INDEX(SHARD("shard-000001", "6", "1")), "not the shard"},
        {INDEX(SHARD("shard-000001", "5", "1")), "not the shard"},
    };
    const char *first = make("a", "a", 5, 2, ENCODERS(3)), *sharded = path_of("sharded");
    assert_fine(try_shards(&first, 1, sharded));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct valence_store *store;
        write_index(sharded, cases[i].text);
        int status = valence_store_open(sharded, NULL, &store, &error);
        if (!status || !strstr(error.text, cases[i].error))
            fail_msg("case %zu: %d %s", i, status, status ? error.text : "");
        assert_null(store);
    }
}

/* Two processes that add at once would write the same shard. */
static void test_one_process_at_a_time_adds_shards(void **state)
{
    (void)state;
    const char *first = make("a", "a", 5, 2, ENCODERS(3)), *sharded = path_of("sharded");
    const char *second = make("b", "b", 4, 2, ENCODERS(3));
    assert_fine(try_shards(&first, 1, sharded));
    int other = open(sharded, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    assert_fails(try_shards(&second, 1, sharded), VALENCE_ERROR_BUSY, "another process adds");
    close(other);
    assert_fine(try_shards(&second, 1, sharded));
}

/* A shard that was replaced by another store of as many clips and bytes is found by its digest. */
static void test_another_store_in_a_shards_place_is_noticed(void **state)
{
    (void)state;
    const char *first = make("a", "a", 5, 2, ENCODERS(3));
    const char *other = make("b", "b", 5, 2, ENCODERS(3)), *sharded = path_of("sharded");
    char command[700];
    assert_fine(try_shards(&first, 1, sharded));
    struct valence_store *store = open_store(sharded);
    assert_fine(store_shards_verify(store, NULL, &error));
    valence_store_close(store);
    snprintf(command, sizeof command, "cp '%s/data.mdb' '%s/shard-000001/data.mdb'", other,
             sharded);
    assert_int_equal(system(command), 0);
    store = open_store(sharded);
    assert_fails(store_shards_verify(store, NULL, &error), VALENCE_ERROR_FORMAT, "digest");
    valence_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_a_missing_part_is_noticed),
        TEST_IN_FOLDER(test_an_interrupted_merge_goes_on),
        TEST_IN_FOLDER(test_another_order_does_not_go_on),
        TEST_IN_FOLDER(test_what_does_not_fit_leaves_nothing),
        TEST_IN_FOLDER(test_shards_read_as_one_store_does),
        TEST_IN_FOLDER(test_a_store_takes_one_open_file_of_a_merge_and_of_its_shards),
        TEST_IN_FOLDER(test_what_does_not_fit_adds_no_shard),
        TEST_IN_FOLDER(test_a_damaged_index_is_noticed),
        TEST_IN_FOLDER(test_one_process_at_a_time_adds_shards),
        TEST_IN_FOLDER(test_another_store_in_a_shards_place_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
