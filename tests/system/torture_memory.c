/* Every allocation of every public function fails once: what comes back is an error that says so,
 * no crash, no half-made object, and no other result. As SQLite and curl test it. A new public
 * function gets a case here. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "valence/metrics.h"
#include "valence/model.h"
#include "valence/reliability.h"
#include "valence/runtime.h"
#include "valence/store.h"
#include "valence/synthesize.h"
#include "valence/train.h"

static char folder[] = "/tmp/valence-torture-XXXXXX";
static char corpus[64], made[64], run[64], weights[64];

/* A call with its result as a number: the same number means the same result. 0 on an error, after
 * which nothing may be left to free. */
struct torture_case {
    const char *name;
    int (*call)(double *result, struct valence_error *error);
};

/* ---- Cases ---- */

static int configure(double *result, struct valence_error *error)
{
    static const char text[] =
        "model: {d: 64, o: 32}\nflows: [complete, text_missing]\nepochs: 3\n";
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, error);
    if (status)
        return config ? 1 : status;
    status = valence_train_config_parse(config, text, strlen(text), "text", error);
    char *all = status ? NULL : valence_train_config_text(config, true);
    for (const char *at = all; at && *at; at++)
        *result = *result * 1.0001 + *at;
    if (!status && !all) { /* its NULL says that memory is short */
        status = VALENCE_ERROR_MEMORY;
        strcpy(error->text, valence_status_text(status));
    }
    free(all);
    valence_train_config_free(config);
    return status;
}

static int open_store(double *result, struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(corpus, NULL, &store, error);
    if (status)
        return store ? 1 : status;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        *result = *result * 1.0001 + (double)clip->label + (double)clip->n_rows[0] +
                  (double)strlen(clip->transcript);
    }
    *result += (double)strlen(valence_store_source(store));
    valence_store_close(store);
    return VALENCE_OK;
}

static int read_statistics(double *result, struct valence_error *error)
{
    struct valence_store *store;
    struct valence_column_statistics *statistics = NULL;
    int status = valence_store_open(corpus, NULL, &store, error);
    if (status)
        return status;
    status = valence_store_statistics(store, 0, NULL, &statistics, error);
    if (status && statistics)
        status = 1;
    for (int64_t i = 0; !status && i < statistics->width; i++)
        *result += (double)statistics->mean[i] + 3 * (double)statistics->deviation[i];
    valence_column_statistics_free(statistics);
    valence_store_close(store);
    return status;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void clear(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0)
        assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void small_synthesis(struct valence_synthesize_options *synthesis)
{
    valence_synthesize_options_default(synthesis);
    synthesis->n_train = synthesis->n_validation = synthesis->n_test = 4;
}

static int synthesize(double *result, struct valence_error *error)
{
    struct valence_synthesize_options synthesis;
    small_synthesis(&synthesis);
    int status = valence_synthesize(made, &synthesis, NULL, error);
    *result = 1;
    long left = atomic_exchange(&allocations_left, -1); /* tidying up is not tried */
    clear(made);
    atomic_store(&allocations_left, left);
    return status;
}

static int load_model(double *result, struct valence_error *error)
{
    struct valence_model *model;
    int status = valence_model_load(weights, &model, error);
    if (status)
        return model ? 1 : status;
    *result =
        (double)valence_model_n_parameters(model) + (double)valence_model_get_config(model)->d;
    valence_model_free(model);
    return VALENCE_OK;
}

static int bootstrap(double *result, struct valence_error *error)
{
    enum { N = 50, RESAMPLES = 20 };
    static double samples[RESAMPLES * VALENCE_MAX_METRICS];
    float predicted[N], labels[N];
    struct valence_interval interval = {0};
    for (int i = 0; i < N; i++) {
        predicted[i] = (float)(i % 7) - 3;
        labels[i] = (float)(i % 5) - 2;
    }
    int status = valence_bootstrap(predicted, labels, N, (enum valence_scale)0, RESAMPLES, 1,
                                   samples, error);
    if (!status)
        status = valence_bootstrap_interval(samples, NULL, RESAMPLES, (enum valence_metric)0, 0.9,
                                            &interval, error);
    *result = interval.low + 3 * interval.high;
    return status;
}

static int make_reliability(double *result, struct valence_error *error)
{
    enum { N = 60 };
    float scores[N], labels[N];
    struct valence_reliability *reliability;
    for (int i = 0; i < N; i++) {
        scores[i] = (float)(i % 13) / 3 - 2;
        labels[i] = (float)(i % 7) - 3;
    }
    int status = valence_reliability_create(scores, labels, N, -3, 3, &reliability, error);
    if (status)
        return reliability ? 1 : status;
    *result = valence_reliability_n_regions(reliability);
    valence_reliability_free(reliability);
    return VALENCE_OK;
}

static const struct torture_case cases[] = {
    {"valence_train_config_create, _parse, _text", configure},
    {"valence_store_open", open_store},
    {"valence_store_statistics", read_statistics},
    {"valence_synthesize", synthesize},
    {"valence_model_load", load_model},
    {"valence_bootstrap, valence_bootstrap_interval", bootstrap},
    {"valence_reliability_create", make_reliability},
};

/* ---- The torture ---- */

static void try_case(const struct torture_case *tried)
{
    struct valence_error error = {0};
    double right = 0;
    if (tried->call(&right, &error) != VALENCE_OK)
        fail_msg("%s fails by itself: %s", tried->name, error.text);
    long k = 1, n_tried = 0;
    for (bool reached = true; reached; k += 1 + k / 40) {
        double result = 0;
        error = (struct valence_error){0};
        fail_allocation(k);
        int status = tried->call(&result, &error);
        reached = allocation_failed();
        n_tried++;
        if (status > 0)
            fail_msg("%s: allocation %ld fails: an object comes with the error", tried->name, k);
        if (status < 0 && (!reached || error.text[0] == '\0'))
            fail_msg("%s: allocation %ld fails: status %d, '%s'", tried->name, k, status,
                     error.text);
        if (status == 0 && memcmp(&result, &right, sizeof right) != 0)
            fail_msg("%s: allocation %ld fails: another result without an error", tried->name, k);
    }
    print_message("%s: %ld of %ld allocations tried\n", tried->name, n_tried - 1, k);
}

static void test_a_failed_allocation_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        try_case(&cases[i]);
}

static int set_up(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis;
    struct valence_train_config *config;
    struct valence_error error;
    valence_set_threads(1); /* OpenMP makes its threads by what it cannot do without */
    if (!mkdtemp(folder))
        return -1;
    snprintf(corpus, sizeof corpus, "%s/corpus", folder);
    snprintf(made, sizeof made, "%s/made", folder);
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(weights, sizeof weights, "%s/run/best.safetensors", folder);
    small_synthesis(&synthesis);
    int status = valence_synthesize(corpus, &synthesis, NULL, &error);
    if (!status)
        status = valence_train_config_create(&config, &error);
    if (!status) {
        char text[256];
        snprintf(text, sizeof text,
                 "store: %s\noutput: %s\nmodel: {d: 8, o: 4}\nepochs: 1\nthreads: 1\n", corpus,
                 run);
        status = valence_train_config_parse(config, text, strlen(text), "text", &error);
        if (!status)
            status = valence_train(config, NULL, NULL, &error);
        valence_train_config_free(config);
    }
    if (status)
        print_error("%s\n", error.text);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    clear(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_failed_allocation_is_an_error)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
