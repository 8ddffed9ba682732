/* Exports, and that importing them gives the same store. */
#include "store_fixture.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/half.h"
#include "format/npy.h"
#include "format/pickle/pickle_numpy.h"
#include "format/safetensors.h"
#include "valence/export.h"
#include "valence/import.h"

#define LONG_CLIP 30000 /* rows: more than are read at once */

static const struct valence_store_stream streams[] = {{"audio", 3, VALENCE_F16},
                                                      {"text", 2, VALENCE_F16},
                                                      {"video", 1, VALENCE_F16},
                                                      {"simulated_text", 2, VALENCE_F16}};
static struct valence_import_options options;

/* Every kind of clip: long, without a stream, without a label, with a text that needs quoting. */
static const struct valence_clip clips[] = {
    {.id = "v1_1", .group = "v1", .transcript = "plain", .label = 1.2f, .n_rows = {5, 2, 1, 1}},
    {.id = "v2 \"b\"",
     .group = "v,2",
     .transcript = "\"No\", she said,\nand left.",
     .split = VALENCE_TEST,
     .label = -0.333333343f,
     .n_rows = {LONG_CLIP, 0, 3, 0}},
    {.id = "v1_2",
     .group = "",
     .transcript = "",
     .split = VALENCE_VALIDATION,
     .label = NAN,
     .n_rows = {0, 7, 0, 2}},
    {.id = "\xe8\xa7\x86\xe9\xa2\x91",
     .group = "v3",
     .transcript = "\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80",
     .metadata = "{\"text\":{\"heard\":\"hm\"}}",
     .split = VALENCE_TRAIN,
     .label = 3,
     .n_rows = {1, 1, 2, 4}},
};
#define N_CLIPS ((int)(sizeof clips / sizeof *clips))

static float value_of(int clip, int stream, int64_t at)
{
    return half_to_float(
        float_to_half((float)(clip + 1) + (float)stream * 0.37f + (float)(at % 1009) * 0.01f));
}

static void add_clip(struct valence_store_writer *writer, int clip)
{
    struct valence_clip_rows rows[4];
    float *values[4];
    for (int s = 0; s < 4; s++) {
        int64_t n = clips[clip].n_rows[s] * streams[s].width;
        values[s] = calloc((size_t)n + 1, sizeof(float));
        for (int64_t i = 0; i < n; i++)
            values[s][i] = value_of(clip, s, i);
        rows[s] = (struct valence_clip_rows){s, clips[clip].n_rows[s], values[s]};
    }
    assert_fine(valence_store_writer_add(writer, &clips[clip], rows, 4, &error));
    for (int s = 0; s < 4; s++)
        free(values[s]);
}

static struct valence_store *open_store(const char *name)
{
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
    return store;
}

static struct valence_store *make_store(int n_clips)
{
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder("store"), streams, 4, NULL, &writer, &error));
    for (int i = 0; i < n_clips; i++)
        add_clip(writer, i);
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    return open_store("store");
}

static struct valence_export_result export_store(const struct valence_store *store,
                                                 const char *target, enum valence_export_kind form)
{
    struct valence_export_result result = {.size = sizeof result};
    assert_fine(valence_export(form, store, in_folder(target), NULL, NULL, &result, &error));
    assert_int_equal(result.n_clips, valence_store_n_clips(store));
    return result;
}

static void assert_same_rows(const struct valence_store *a, const struct valence_store *b,
                             int64_t clip_a, int64_t clip_b, int s)
{
    const struct valence_store_stream *stream = valence_store_get_stream(a, s);
    int other = valence_store_find_stream(b, stream->name);
    int64_t n = valence_store_clip(a, clip_a)->n_rows[s];
    assert_int_equal(valence_store_clip(b, clip_b)->n_rows[other], n);
    size_t bytes = (size_t)(n * stream->width) * valence_dtype_size(stream->type);
    char *one = malloc(bytes + 1), *two = malloc(bytes + 1);
    if (n > 0) {
        assert_fine(valence_store_read_rows(a, clip_a, s, 0, n, one, &error));
        assert_fine(valence_store_read_rows(b, clip_b, other, 0, n, two, &error));
        assert_memory_equal(one, two, bytes);
    }
    free(one);
    free(two);
}

/* Clips, texts, labels and the bytes of all rows; in which order the clips are does not count. */
static void assert_same_stores(const struct valence_store *a, const struct valence_store *b,
                               bool metadata)
{
    assert_int_equal(valence_store_n_clips(a), valence_store_n_clips(b));
    assert_int_equal(valence_store_n_streams(a), valence_store_n_streams(b));
    for (int s = 0; s < valence_store_n_streams(a); s++) {
        int other = valence_store_find_stream(b, valence_store_get_stream(a, s)->name);
        assert_true(other >= 0);
        assert_int_equal(valence_store_get_stream(a, s)->width,
                         valence_store_get_stream(b, other)->width);
        assert_int_equal(valence_store_get_stream(a, s)->type,
                         valence_store_get_stream(b, other)->type);
    }
    for (int64_t i = 0; i < valence_store_n_clips(a); i++) {
        const struct valence_clip *one = valence_store_clip(a, i);
        int64_t at = valence_store_find_clip(b, one->id);
        assert_true(at >= 0);
        const struct valence_clip *two = valence_store_clip(b, at);
        assert_int_equal(one->split, two->split);
        assert_string_equal(one->group, two->group);
        assert_string_equal(one->transcript, two->transcript);
        assert_memory_equal(&one->label, &two->label, sizeof(float));
        if (metadata)
            assert_string_equal(one->metadata, two->metadata);
        for (int s = 0; s < valence_store_n_streams(a); s++)
            assert_same_rows(a, b, i, at, s);
    }
}

static void import(enum valence_import_kind kind, const char *source)
{
    assert_fine(
        valence_import(kind, in_folder(source), in_folder("again"), &options, NULL, NULL, &error));
}

/* ---- npy ---- */

/* How an export to "out" is imported again. */
static void name_folders(char folders[4][128])
{
    options.skip = 1u << VALENCE_SKIP_MISSING; /* clips that lack a stream */
    for (int s = 0; s < 4; s++) {
        snprintf(folders[s], 128, "%s/%s", in_folder("out"), valence_stream_names[s]);
        options.streams[s].folder = folders[s];
    }
}

static void test_arrays_come_back_the_same(void **state)
{
    (void)state;
    char folders[4][128];
    struct valence_store *store = make_store(N_CLIPS);
    struct valence_export_result result = export_store(store, "out", VALENCE_EXPORT_NPY);
    assert_int_equal(result.n_rows[0], 5 + LONG_CLIP + 1);
    assert_int_equal(result.left_out, 0);
    name_folders(folders);
    import(VALENCE_IMPORT_TABLE, "out/labels.csv");
    struct valence_store *again = open_store("again");
    assert_same_stores(store, again, false);
    valence_store_close(again);
    valence_store_close(store);
}

static void test_an_array_is_what_numpy_would_write(void **state)
{
    (void)state;
    struct npy *array;
    float values[15];
    struct valence_store *store = make_store(1);
    export_store(store, "out", VALENCE_EXPORT_NPY);
    valence_store_close(store);
    assert_fine(npy_open(in_folder("out/audio/v1_1.npy"), &array, &error));
    assert_int_equal(npy_header(array)->type, ELEMENT_F16);
    assert_int_equal(npy_header(array)->shape[0], 5);
    assert_int_equal(npy_header(array)->shape[1], 3);
    assert_fine(npy_read_float(array, 0, 15, values, &error));
    for (int i = 0; i < 15; i++)
        assert_true(values[i] == value_of(0, 0, i));
    npy_close(array);
}

static int count_entries(const char *path)
{
    int n = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        n += entry->d_name[0] != '.';
    closedir(directory);
    return n;
}

static void test_ids_that_are_no_file_names_are_refused(void **state)
{
    (void)state;
    static const char *const ids[] = {"../up", "a/b", ".hidden"};
    struct valence_export_result result = {.size = sizeof result};
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "store%d", i);
        struct valence_store_writer *writer;
        struct valence_clip clip = {.id = ids[i], .group = "", .transcript = ""};
        assert_fine(valence_store_writer_open(in_folder(name), streams, 1, NULL, &writer, &error));
        assert_fine(valence_store_writer_add(writer, &clip, NULL, 0, &error));
        assert_fine(valence_store_writer_finish(writer, &error));
        assert_fine(valence_store_writer_close(writer, &error));
        struct valence_store *store = open_store(name);
        assert_fails(valence_export(VALENCE_EXPORT_NPY, store, in_folder("out"), NULL, NULL,
                                    &result, &error),
                     VALENCE_ERROR_DATA, ids[i]);
        valence_store_close(store);
    }
    assert_int_equal(count_entries(folder), 3);
}

/* ---- safetensors ---- */

static void test_tensors_come_back_the_same(void **state)
{
    (void)state;
    struct valence_store *store = make_store(N_CLIPS);
    export_store(store, "out.safetensors", VALENCE_EXPORT_SAFETENSORS);
    import(VALENCE_IMPORT_DENSE, "out.safetensors");
    struct valence_store *again = open_store("again");
    assert_same_stores(store, again, true);
    valence_store_close(again);
    valence_store_close(store);
}

static void test_tensors_are_packed(void **state)
{
    (void)state;
    struct safetensors *file;
    int64_t lengths[N_CLIPS];
    struct valence_store *store = make_store(N_CLIPS);
    export_store(store, "out.safetensors", VALENCE_EXPORT_SAFETENSORS);
    valence_store_close(store);
    assert_fine(safetensors_open(in_folder("out.safetensors"), &file, &error));
    assert_string_equal(safetensors_metadata(file, "format"), "valence-clips");
    const struct safetensor *text = safetensors_find(file, "text");
    assert_int_equal(text->type, ELEMENT_F16);
    assert_int_equal(text->shape[0], 2 + 0 + 7 + 1);
    assert_fine(safetensor_to_int64(safetensors_find(file, "text_lengths"), lengths, &error));
    for (int i = 0; i < N_CLIPS; i++)
        assert_int_equal(lengths[i], clips[i].n_rows[1]);
    safetensors_close(file);
}

static void test_single_precision_comes_back_the_same(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    struct valence_store_stream single = {"audio", 2, VALENCE_F32};
    float values[] = {0.1f, 1e30f, -1e-30f, (float)16777217};
    struct valence_clip clip = {.id = "a", .group = "", .transcript = ""};
    struct valence_clip_rows rows = {0, 2, values};
    assert_fine(valence_store_writer_open(in_folder("store"), &single, 1, NULL, &writer, &error));
    assert_fine(valence_store_writer_add(writer, &clip, &rows, 1, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store = open_store("store");
    export_store(store, "out.safetensors", VALENCE_EXPORT_SAFETENSORS);
    options.type = VALENCE_F32;
    import(VALENCE_IMPORT_DENSE, "out.safetensors");
    struct valence_store *again = open_store("again");
    assert_same_stores(store, again, true);
    valence_store_close(again);
    valence_store_close(store);
}

/* ---- MMSA ---- */

static void check_mmsa(const char *target, enum valence_export_kind form)
{
    struct valence_store *store = make_store(N_CLIPS);
    struct valence_export_result result = export_store(store, target, form);
    assert_int_equal(result.left_out, 0);
    import(VALENCE_IMPORT_MMSA, target);
    struct valence_store *again = open_store("again");
    assert_same_stores(store, again, true);
    valence_store_close(again);
    valence_store_close(store);
}

static void test_a_pickle_for_mmsa_comes_back_the_same(void **state)
{
    (void)state;
    check_mmsa("out.pkl", VALENCE_EXPORT_MMSA);
}

static void test_an_archive_in_the_layout_of_mmsa_comes_back_the_same(void **state)
{
    (void)state;
    check_mmsa("out.npz", VALENCE_EXPORT_NPZ);
}

/* The arrays are padded to the longest clip of the whole store, in every split. */
static void test_a_pickle_for_mmsa_is_padded(void **state)
{
    (void)state;
    struct file_map map;
    struct pickle *pickle;
    struct pickle_array array;
    float values[2 * 7 * 2];
    struct valence_store *store = make_store(N_CLIPS);
    export_store(store, "out.pkl", VALENCE_EXPORT_MMSA);
    valence_store_close(store);
    assert_fine(file_map_open(&map, in_folder("out.pkl"), &error));
    assert_fine(pickle_read(map.data, map.size, NULL, "out.pkl", &pickle, NULL, &error));
    const struct pickle_value *train = pickle_get(pickle_root(pickle), "train");
    assert_true(pickle_is_text(pickle_item(pickle_get(train, "id"), 1), clips[3].id));
    assert_true(pickle_get_array(pickle_get(train, "text"), &array));
    assert_int_equal(array.header.n_dims, 3);
    assert_int_equal(array.header.shape[0], 2); /* clips 0 and 3, of 2 and 1 rows */
    assert_int_equal(array.header.shape[1], 7);
    assert_int_equal(array.header.shape[2], 2);
    elements_to_float(array.header.type, false, array.elements->as.bytes.data, 28, values);
    for (int i = 0; i < 28; i++) {
        int clip = i < 14 ? 0 : 3, at = i % 14;
        bool padding = at >= clips[clip].n_rows[1] * 2;
        assert_true(values[i] == (padding ? 0 : value_of(clip, 1, at)));
    }
    assert_int_equal(pickle_get(pickle_get(pickle_root(pickle), "valid"), "text_lengths")
                         ->as.items.values[0]
                         ->as.integer,
                     7);
    pickle_free(pickle);
    file_map_close(&map);
}

static void test_streams_that_mmsa_does_not_know_are_named(void **state)
{
    (void)state;
    struct valence_export_result result = {.size = sizeof result};
    struct valence_store_stream wavlm[] = {{"wavlm", 1, VALENCE_F16}, {"text", 1, VALENCE_F16}};
    for (int n = 1; n <= 2; n++) {
        struct valence_store_writer *writer;
        const char *name = n == 1 ? "one" : "two";
        assert_fine(valence_store_writer_open(in_folder(name), wavlm, n, NULL, &writer, &error));
        assert_fine(valence_store_writer_finish(writer, &error));
        assert_fine(valence_store_writer_close(writer, &error));
        struct valence_store *store = open_store(name);
        int status = valence_export(VALENCE_EXPORT_MMSA, store, in_folder("out"), NULL, NULL,
                                    &result, &error);
        valence_store_close(store);
        if (n == 1)
            assert_fails(status, VALENCE_ERROR_ARGUMENT, "MMSA knows no other names");
        else
            assert_fine(status);
    }
    assert_int_equal(result.left_out, 1);
}

/* ---- What goes wrong ---- */

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done == 2;
}

static void test_a_cancelled_export_leaves_nothing(void **state)
{
    (void)state;
    struct valence_progress progress = {cancel, NULL};
    struct valence_export_result result = {.size = sizeof result};
    struct valence_store *store = make_store(N_CLIPS);
    for (int form = 0; form < valence_n_export_kinds(); form++)
        assert_int_equal(valence_export((enum valence_export_kind)form, store, in_folder("out"),
                                        NULL, &progress, &result, &error),
                         VALENCE_ERROR_CANCELLED);
    valence_store_close(store);
    assert_int_equal(count_entries(folder), 1);
}

static void test_nothing_is_overwritten(void **state)
{
    (void)state;
    struct valence_export_result result = {.size = sizeof result};
    struct valence_store *store = make_store(1);
    assert_int_equal(mkdir(in_folder("out"), 0700), 0);
    for (int form = 0; form < valence_n_export_kinds(); form++)
        assert_fails(valence_export((enum valence_export_kind)form, store, in_folder("out"), NULL,
                                    NULL, &result, &error),
                     VALENCE_ERROR_EXISTS, "already exists");
    valence_store_close(store);
    assert_int_equal(count_entries(in_folder("out")), 0);
}

static int start(void **state)
{
    valence_import_options_default(&options);
    return make_folder(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arrays_come_back_the_same),
        TEST(test_an_array_is_what_numpy_would_write),
        TEST(test_ids_that_are_no_file_names_are_refused),
        TEST(test_tensors_come_back_the_same),
        TEST(test_tensors_are_packed),
        TEST(test_single_precision_comes_back_the_same),
        TEST(test_a_pickle_for_mmsa_comes_back_the_same),
        TEST(test_an_archive_in_the_layout_of_mmsa_comes_back_the_same),
        TEST(test_a_pickle_for_mmsa_is_padded),
        TEST(test_streams_that_mmsa_does_not_know_are_named),
        TEST(test_a_cancelled_export_leaves_nothing),
        TEST(test_nothing_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
