/* Sources as data structures, and what becomes of them where memory is short. */
#include "store_fixture.h"

#include <sys/stat.h>

#include "valence/inspect.h"

#define PICKLE VALENCE_TEST_DATA "/format/fixtures/arrays-4.pickle"
#define NPZ    VALENCE_TEST_DATA "/format/fixtures/stored.npz"

/* ---- Memory that runs out ---- */

#ifndef VALENCE_SANITIZED /* AddressSanitizer has an allocator of its own */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t size);

/* The allocation that fails, counted from 1 (0: none does), and whether all after it do too. */
static int64_t failing, n_allocations;
static bool for_good;

static bool fails(void)
{
    n_allocations++;
    return failing > 0 && (n_allocations == failing || (for_good && n_allocations > failing));
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    return fails() ? NULL : __libc_realloc(block, size);
}
#endif

/* Every figure of its arrays and columns, as a text. */
static void describe(const struct valence_source *source, char text[8192])
{
    size_t used = (size_t)snprintf(text, 8192, "%s|", source->kind ? source->kind : "-");
    for (int64_t i = 0; i < source->n_arrays && used < 8000; i++) {
        const struct valence_array_summary *array = &source->arrays[i];
        used += (size_t)snprintf(text + used, 8192 - used, "%s %s %s %d %g %g %lld|", array->name,
                                 array->type, array->shape, array->has_values, array->low,
                                 array->high, (long long)array->n_constant);
    }
    for (int64_t i = 0; i < source->n_columns && used < 8000; i++) {
        const struct valence_column_summary *column = &source->columns[i];
        used += (size_t)snprintf(text + used, 8192 - used, "%s-%s %lld %g %g %s|", column->first,
                                 column->last, (long long)column->n_empty, column->low,
                                 column->high, column->values);
    }
}

#ifndef VALENCE_SANITIZED
/* Lets one allocation after the other fail while it inspects, each once alone and once for good. */
static void check_under_failures(const char *path, const char *whole)
{
    static char text[8192];
    struct valence_source *source;
    int n_failures = 0;
    for (int64_t k = 2;; k++) {
        n_allocations = 0;
        failing = k / 2;
        for_good = k % 2;
        int status = valence_source_inspect(path, NULL, &source, &error);
        bool failed = n_allocations >= failing;
        failing = 0;
        if (!status)
            describe(source, text);
        valence_source_free(source);
        if (!failed)
            break;
        n_failures++;
        if (!status && strcmp(text, whole) != 0)
            fail_msg("allocation %lld fails, and '%s' is said in place of '%s'", (long long)(k / 2),
                     text, whole);
        assert_true(!status || error.text[0] != '\0');
    }
    assert_true(n_failures > 10);
}
#endif

/* Checks that the file is described with `part` in the text, and as a whole or not at all where
 * memory runs out. */
static void check_description(const char *path, const char *part)
{
    static char whole[8192];
    struct valence_source *source;
    assert_fine(valence_source_inspect(path, NULL, &source, &error));
    describe(source, whole);
    valence_source_free(source);
    if (!strstr(whole, part))
        fail_msg("'%s' lacks '%s'", whole, part);
#ifndef VALENCE_SANITIZED
    check_under_failures(path, whole);
#endif
}

static void test_a_pickle_is_described_whole_or_not_at_all(void **state)
{
    (void)state;
    check_description(PICKLE, "f4 F32 (3, 4) 1 -2.75 2.5 0");
}

static void test_an_npz_is_described_whole_or_not_at_all(void **state)
{
    (void)state;
    check_description(NPZ, "fortran F32 (4, 6) 1 -2.75 2.75 0");
}

static void write_table(void)
{
    FILE *file = fopen(in_folder("t.csv"), "w");
    fputs("name,x0,x1,x2,y\na,1,2,,5\nb,3,nan,4,5\n", file);
    fclose(file);
}

static void test_a_table_is_described_whole_or_not_at_all(void **state)
{
    (void)state;
    write_table();
    check_description(in_folder("t.csv"), "x0-x2 1 1 4 ");
}

/* ---- What is said ---- */

static void test_columns_that_count_up_are_one(void **state)
{
    (void)state;
    struct valence_source *source;
    write_table();
    assert_fine(valence_source_inspect(in_folder("t.csv"), NULL, &source, &error));
    assert_null(source->kind);
    assert_null(source->data);
    assert_int_equal(source->n_rows, 2);
    assert_int_equal(source->n_columns, 3);
    assert_string_equal(source->columns[0].values, "a 1, b 1");
    assert_string_equal(source->columns[1].first, "x0");
    assert_string_equal(source->columns[1].last, "x2");
    assert_int_equal(source->columns[1].n_columns, 3);
    assert_int_equal(source->columns[1].n_empty, 1);
    assert_int_equal(source->columns[1].n_broken, 1);
    assert_true(source->columns[1].low == 1 && source->columns[1].high == 4);
    assert_int_equal(source->columns[2].n_constant, 1);
    valence_source_free(source);
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void test_paths_are_told_apart(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    assert_int_equal(valence_path_kind(in_folder("nothing")), VALENCE_PATH_NOTHING);
    assert_fine(valence_store_writer_open(in_folder("store"), NULL, 0, NULL, &writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_int_equal(valence_path_kind(in_folder("store")), VALENCE_PATH_STORE);
    assert_int_equal(valence_path_kind(folder), VALENCE_PATH_FOLDER);
    assert_int_equal(mkdir(in_folder("run"), 0700), 0);
    assert_int_equal(mkdir(in_folder("run/seed-7"), 0700), 0);
    assert_int_equal(valence_path_kind(in_folder("run/seed-7")), VALENCE_PATH_EMPTY);
    assert_int_equal(valence_path_kind(in_folder("run")), VALENCE_PATH_FOLDER);
    write_bytes("run/seed-7/best.safetensors", "", 0);
    assert_int_equal(valence_path_kind(in_folder("run")), VALENCE_PATH_RUN);
    assert_int_equal(valence_path_kind(in_folder("run/seed-7")), VALENCE_PATH_RUN);
    write_bytes("model", "GGUF\3\0\0\0", 8);
    assert_int_equal(valence_path_kind(in_folder("model")), VALENCE_PATH_ENCODER);
    write_bytes("clip",
                "\0\0\0\x18"
                "ftypmp42",
                12);
    assert_int_equal(valence_path_kind(in_folder("clip")), VALENCE_PATH_MEDIA);
    write_bytes("clip.MP4", "", 0);
    assert_int_equal(valence_path_kind(in_folder("clip.MP4")), VALENCE_PATH_MEDIA);
    write_bytes("BM.csv", "BM,x\n", 5); /* not a bitmap */
    assert_int_equal(valence_path_kind(in_folder("BM.csv")), VALENCE_PATH_OTHER);
    assert_int_equal(mkdir(in_folder("experiment"), 0700), 0);
    write_bytes("experiment/plan.json", "{}", 2);
    assert_int_equal(valence_path_kind(in_folder("experiment")), VALENCE_PATH_EXPERIMENT);
    write_text("result.json", "{\n  \"valence\": \"result\",\n  \"version\": 1}");
    assert_int_equal(valence_path_kind(in_folder("result.json")), VALENCE_PATH_RESULT);
    write_text("compared.json", "{\"schema\": \"valence/compare\", \"version\": 1,\n"
                                " \"valence\": \"result\"}");
    assert_int_equal(valence_path_kind(in_folder("compared.json")), VALENCE_PATH_RESULT);
    write_text("scores.json", "{\n  \"schema\": \"valence/score\"");
    assert_int_equal(valence_path_kind(in_folder("scores.json")), VALENCE_PATH_JSON);
    write_text("other.json", "{\"valence\": 1}");
    assert_int_equal(valence_path_kind(in_folder("other.json")), VALENCE_PATH_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pickle_is_described_whole_or_not_at_all),
        cmocka_unit_test(test_an_npz_is_described_whole_or_not_at_all),
        TEST_IN_FOLDER(test_a_table_is_described_whole_or_not_at_all),
        TEST_IN_FOLDER(test_columns_that_count_up_are_one),
        TEST_IN_FOLDER(test_paths_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
