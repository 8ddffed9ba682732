/* Every pickle of make_hostile_pickles.py: refused by name, or read as a graph that is no array. */
#include "fixtures.h"

#include <dirent.h>
#include <unistd.h>

#include "format/pickle/pickle.h"
#include "format/pickle/pickle_numpy.h"

#define HOSTILE FIXTURE("hostile")

/* What is read is no harm; whether it then is an array. */
enum { NO_ARRAY = 1, ARRAY = 2 };

static const struct {
    const char *name; /* without "-PROTOCOL.pickle" */
    int status;       /* an error, or one of the two */
    const char *words;
} expected[] = {
    {"as-it-should-be", ARRAY, ""},
    {"browser", VALENCE_ERROR_UNSUPPORTED, "refused: webbrowser.open"},
    {"call-of-array", NO_ARRAY, ""},
    {"call-of-text", VALENCE_ERROR_FORMAT, "not a class or function"},
    {"codec", VALENCE_ERROR_FORMAT, "than they are made of"},
    {"default-dict", VALENCE_ERROR_UNSUPPORTED, "refused: collections.defaultdict"},
    {"dotted", VALENCE_ERROR_UNSUPPORTED, "refused: builtins.eval.__call__"},
    {"eval", VALENCE_ERROR_UNSUPPORTED, ".eval ("},
    {"exec", VALENCE_ERROR_UNSUPPORTED, ".exec ("},
    {"extension", VALENCE_ERROR_UNSUPPORTED, "not an operation of a plain pickle"},
    {"function", VALENCE_ERROR_UNSUPPORTED, "refused: types.FunctionType"},
    {"getattr", VALENCE_ERROR_UNSUPPORTED, ".getattr ("},
    {"import", VALENCE_ERROR_UNSUPPORTED, ".__import__ ("},
    {"in-array", VALENCE_ERROR_UNSUPPORTED, "refused: posix.system"},
    {"in-key", VALENCE_ERROR_UNSUPPORTED, "refused: posix.system"},
    {"in-state", VALENCE_ERROR_UNSUPPORTED, "refused: posix.system"},
    {"inst", VALENCE_ERROR_UNSUPPORTED, "refused: os.system"},
    {"instance", VALENCE_ERROR_UNSUPPORTED, "refused: "},
    {"marshal", VALENCE_ERROR_UNSUPPORTED, "refused: marshal.loads"},
    {"nested-loads", VALENCE_ERROR_UNSUPPORTED, "pickle.loads ("},
    {"newobj", VALENCE_ERROR_UNSUPPORTED, "refused: os.system"},
    {"newobj-ex", VALENCE_ERROR_UNSUPPORTED, "refused: os.system"},
    {"numpy-load", VALENCE_ERROR_UNSUPPORTED, "refused: numpy.load"},
    {"obj", VALENCE_ERROR_UNSUPPORTED, "refused: os.system"},
    {"open", VALENCE_ERROR_UNSUPPORTED, "refused: io.open"},
    {"partial", VALENCE_ERROR_UNSUPPORTED, "refused: functools.partial"},
    {"popen", VALENCE_ERROR_UNSUPPORTED, "refused: os.popen"},
    {"reconstructor", VALENCE_ERROR_UNSUPPORTED, "._reconstructor ("},
    {"split-name", VALENCE_ERROR_UNSUPPORTED, "refused: os.system"},
    {"subprocess", VALENCE_ERROR_UNSUPPORTED, ".Popen ("},
    {"subtype", VALENCE_ERROR_UNSUPPORTED, "refused: os.system"},
    {"system", VALENCE_ERROR_UNSUPPORTED, "refused: posix.system"},

    {"huge-bytes", VALENCE_ERROR_FORMAT, "cut off here, or a length is wrong"},
    {"huge-frame", VALENCE_ERROR_FORMAT, "a frame longer than the file"},
    {"huge-long", VALENCE_ERROR_FORMAT, "cut off here, or a length is wrong"},
    {"huge-memo", VALENCE_ERROR_FORMAT, "a memo index out of range"},
    {"huge-shape", NO_ARRAY, ""},
    {"huge-text", VALENCE_ERROR_FORMAT, "cut off here, or a length is wrong"},
    {"huge-texts", NO_ARRAY, ""},
    {"many-dimensions", NO_ARRAY, ""},
    {"negative-shape", NO_ARRAY, ""},
    {"numbers-as-objects", NO_ARRAY, ""},
    {"objects-as-numbers", NO_ARRAY, ""},
    {"overflowing-shape", NO_ARRAY, ""},
    {"short-array", NO_ARRAY, ""},
    {"void", NO_ARRAY, ""},
    {"zero-texts", NO_ARRAY, ""},

    {"array-cycle", ARRAY, ""}, /* of one object: a list that contains itself */
    {"deep-calls", NO_ARRAY, ""},
    {"deep-lists", NO_ARRAY, ""},
    {"deep-tuples", NO_ARRAY, ""},
    {"dict-cycle", NO_ARRAY, ""},
    {"list-cycle", NO_ARRAY, ""},
    {"own-dtype", NO_ARRAY, ""},
    {"own-elements", NO_ARRAY, ""},
    {"tuple-cycle", NO_ARRAY, ""},
};

#define N_EXPECTED ((int)(sizeof expected / sizeof *expected))

/* "NAME.pickle" and "NAME-4.pickle" are NAME's. */
static int find_expected(const char *file)
{
    for (int i = 0; i < N_EXPECTED; i++) {
        size_t length = strlen(expected[i].name);
        const char *rest = file + length;
        if (strncmp(file, expected[i].name, length) == 0 &&
            (strcmp(rest, ".pickle") == 0 || strcmp(rest, "-0.pickle") == 0 ||
             strcmp(rest, "-4.pickle") == 0))
            return i;
    }
    return -1;
}

static void check_pickle(const char *file, int i)
{
    struct valence_error error = {.text = ""};
    struct file_map map;
    struct pickle *pickle;
    struct pickle_array array;
    char *path = path_join(HOSTILE, file);
    assert_int_equal(file_map_open(&map, path, &error), VALENCE_OK);
    unsigned char *exact = copy_bytes(map.data, map.size);
    int status = pickle_read(exact, map.size, NULL, file, &pickle, NULL, &error);
    if (!status)
        status = pickle_get_array(pickle_root(pickle), &array) ? ARRAY : NO_ARRAY;
    if (status != expected[i].status || !strstr(error.text, expected[i].words))
        fail_msg("%s: %d, '%s' does not say '%s'", file, status, error.text, expected[i].words);
    assert_int_not_equal(access("HOSTILE-PICKLE-WAS-EXECUTED", F_OK), 0);
    pickle_free(pickle);
    free(exact);
    file_map_close(&map);
    free(path);
}

static void test_each_is_refused_by_name_or_no_array(void **state)
{
    (void)state;
    bool met[N_EXPECTED] = {false};
    DIR *folder = opendir(HOSTILE);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        int i = find_expected(entry->d_name);
        if (i < 0)
            fail_msg("nothing is known of %s", entry->d_name);
        met[i] = true;
        check_pickle(entry->d_name, i);
    }
    closedir(folder);
    for (int i = 0; i < N_EXPECTED; i++)
        if (!met[i])
            fail_msg("%s was not met", expected[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_refused_by_name_or_no_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
