/* Every allocation of every public function fails once: what comes back is ERROR_MEMORY, no crash,
 * no half-made object, and no other result. As SQLite and curl test it. The cases are in
 * torture_*.c; torture_coverage.c sees to it that a new public function gets one. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "torture.h"
#include "torture_coverage.h"
#include "valence/export.h"
#include "valence/runtime.h"
#include "valence/store.h"
#include "valence/synthesize.h"
#include "valence/train.h"

/* Cases whose names have this in them; NULL: all. */
static const char *only;

static char folder[] = "/tmp/valence-torture-XXXXXX";
char corpus[64], made[64], exported[64], run[64], weights[64];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void clear_untried(const char *path)
{
    long left = atomic_exchange(&allocations_left, -1);
    struct stat status;
    if (lstat(path, &status) == 0)
        assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    atomic_store(&allocations_left, left);
}

/* ---- The torture ---- */

static void try_case(const struct torture_case *tried)
{
    struct valence_error error = {0};
    double right = 0, again = 0;
    if (tried->call(&right, &error) != VALENCE_OK)
        fail_msg("%s fails by itself: %s", tried->functions, error.text);
    if (tried->call(&again, &error) != VALENCE_OK || memcmp(&again, &right, sizeof right) != 0)
        fail_msg("%s: the second call gives something else", tried->functions);
    clock_t start = clock();
    long k = 1, n_tried = 0, density = tried->density ? tried->density : 100;
    for (bool reached = true; reached; k += 1 + k / density) {
        double result = 0;
        error = (struct valence_error){0};
        fail_allocation(k);
        int status = tried->call(&result, &error);
        reached = allocation_failed();
        n_tried++;
        if (status > 0)
            fail_msg("%s: allocation %ld fails: an object comes with the error", tried->functions,
                     k);
        if (status < 0 && (!reached || status != VALENCE_ERROR_MEMORY || error.text[0] == '\0'))
            fail_msg("%s: allocation %ld fails: status %d, '%s'", tried->functions, k, status,
                     error.text);
        if (status == 0 && memcmp(&result, &right, sizeof result) != 0)
            fail_msg("%s: allocation %ld fails: another result without an error", tried->functions,
                     k);
    }
    print_message("%s: %ld of %ld allocations tried, %.1f s\n", tried->functions, n_tried - 1, k,
                  (double)(clock() - start) / CLOCKS_PER_SEC);
}

static void try_cases(const struct torture_case *cases, int n)
{
    for (int i = 0; i < n; i++)
        if (!only || strstr(cases[i].functions, only))
            try_case(&cases[i]);
}

static void test_data(void **state)
{
    (void)state;
    try_cases(data_cases, n_data_cases);
}

static void test_models(void **state)
{
    (void)state;
    try_cases(model_cases, n_model_cases);
}

static void test_experiments(void **state)
{
    (void)state;
    try_cases(experiment_cases, n_experiment_cases);
}

static void test_reports(void **state)
{
    (void)state;
    try_cases(report_cases, n_report_cases);
}

#ifdef VALENCE_TORTURE_MEDIA
static void test_media(void **state)
{
    (void)state;
    try_cases(media_cases, n_media_cases);
}

static void test_encoders(void **state)
{
    (void)state;
    try_cases(encode_cases, n_encode_cases);
}

static void test_scoring(void **state)
{
    (void)state;
    try_cases(score_cases, n_score_cases);
}
#endif

/* ---- What the cases read ---- */

static int make_exports(struct valence_error *error)
{
    static const struct {
        enum valence_export_kind kind;
        const char *name;
    } exports[] = {{VALENCE_EXPORT_NPY, "npy"},
                   {VALENCE_EXPORT_SAFETENSORS, "all.safetensors"},
                   {VALENCE_EXPORT_MMSA, "mmsa.pkl"},
                   {VALENCE_EXPORT_NPZ, "mmsa.npz"}};
    struct valence_store *store;
    int status = valence_store_open(corpus, NULL, &store, error);
    if (!status)
        status = mkdir(exported, 0700);
    for (size_t i = 0; !status && i < sizeof exports / sizeof exports[0]; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", exported, exports[i].name);
        status = valence_export(exports[i].kind, store, path, NULL, NULL, NULL, error);
    }
    valence_store_close(store);
    return status;
}

static int make_run(struct valence_error *error)
{
    struct valence_train_config *config;
    char text[256];
    int n = snprintf(
        text, sizeof text,
        "store: %s\noutput: %s\nmodel: {d: 8, o: 4}\nepochs: 1\nkeep_epochs: true\nthreads: 1\n",
        corpus, run);
    int status = valence_train_config_create(&config, error);
    if (!status)
        status = valence_train_config_parse(config, text, (size_t)n, "text", error);
    if (!status)
        status = valence_train(config, NULL, NULL, error);
    valence_train_config_free(config);
    return status;
}

static int set_up(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis;
    struct valence_error error;
    valence_set_threads(1); /* OpenMP makes its threads by what it cannot do without */
    if (!mkdtemp(folder))
        return -1;
    snprintf(corpus, sizeof corpus, "%s/corpus", folder);
    snprintf(exported, sizeof exported, "%s/exported", folder);
    snprintf(made, sizeof made, "%s/made", folder);
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(weights, sizeof weights, "%s/run/best.safetensors", folder);
    valence_synthesize_options_default(&synthesis);
    synthesis.n_train = synthesis.n_validation = synthesis.n_test = 4;
    int status = valence_synthesize(corpus, &synthesis, NULL, &error);
    if (!status)
        status = make_exports(&error);
    if (!status)
        status = make_run(&error);
#ifdef VALENCE_TORTURE_MEDIA
    if (!status)
        status = make_encoders(folder, &error);
    if (!status)
        status = make_scored(folder, &error);
#endif
    if (status)
        print_error("%s\n", error.text);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    clear_untried(folder);
    return 0;
}

/* torture-memory [NAME] */
int main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_experiments),
        cmocka_unit_test(test_reports),
#ifdef VALENCE_TORTURE_MEDIA
        cmocka_unit_test(test_media),
        cmocka_unit_test(test_encoders),
        cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_every_public_function_is_tried_or_allocates_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
