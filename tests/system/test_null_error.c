/* Every function that takes a struct valence_error also takes NULL for it: on an input that it
 * refuses, it gives back the status and nothing else happens. Functions that only a lack of memory
 * stops are called as they are meant. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "null_error.h"
#include "public_functions.h"
#include "valence/cost.h"
#include "valence/doctor.h"
#include "valence/evaluate.h"
#include "valence/experiment.h"
#include "valence/export.h"
#include "valence/import.h"
#include "valence/inspect.h"
#include "valence/machine.h"
#include "valence/metrics.h"
#include "valence/model.h"
#include "valence/output.h"
#include "valence/predict.h"
#include "valence/protocol.h"
#include "valence/reliability.h"
#include "valence/report.h"
#include "valence/representations.h"
#include "valence/run.h"
#include "valence/run_log.h"
#include "valence/runtime.h"
#include "valence/score.h"
#include "valence/store.h"
#include "valence/summary.h"
#include "valence/synthesize.h"
#include "valence/mpi.h"
#include "valence/train.h"
#include "valence/transcript.h"
#include "valence/transcript_formats.h"

char test_folder[] = "/tmp/valence-null-error-XXXXXX";
static char corpus[64], run[64];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* ---- What was tried ---- */

static char tried[1 << 14];

void note_tried(const char *function)
{
    if (names_have(tried, function))
        return;
    assert_true(strlen(tried) + strlen(function) + 2 < sizeof tried);
    strcat(strcat(tried, function), " ");
}

/* ---- Ranks ---- */

static void test_ranks(void **state)
{
    (void)state;
#ifdef VALENCE_NULL_ERROR_MPI
    struct valence_mpi *mpi, *again;
    assert_int_equal(TRY(valence_mpi_open, &mpi, NULL), VALENCE_OK);
    assert_int_equal(valence_mpi_collective(mpi)->n_ranks, 1);
    assert_int_equal(valence_mpi_n_local(mpi), 1);
    assert_int_equal(TRY(valence_mpi_open, &again, NULL), VALENCE_ERROR_BUSY);
    assert_null(again);
    valence_mpi_close(mpi);
    assert_null(valence_mpi_collective(NULL));
    assert_int_equal(valence_mpi_n_local(NULL), 0);
#else
    note_tried("valence_mpi_open"); /* this build has none */
#endif
}

#ifdef VALENCE_NULL_ERROR_MEDIA
static void count_untried(void *user, const char *name, const char *parameters)
{
    int *n_untried = user;
    if (!strstr(parameters, "struct valence_error *") || names_have(tried, name))
        return;
    print_error("%s takes an error, and was not called without one\n", name);
    ++*n_untried;
}

/* The last one: all the others have run. */
static void test_every_function_that_takes_an_error_was_tried(void **state)
{
    (void)state;
    int n_untried = 0;
    public_functions_each(count_untried, &n_untried);
    assert_int_equal(n_untried, 0);
}
#endif

static int receive(void *user, const struct valence_prediction *prediction)
{
    (void)user, (void)prediction;
    return 0;
}

/* ---- Stores ---- */

static void test_stores(void **state)
{
    (void)state;
    struct valence_store *store, *none;
    struct valence_data_summary *summary;
    struct valence_diagnosis *diagnosis;
    struct valence_column_statistics *statistics;
    struct valence_verification verification = {.size = 0};
    struct valence_doctor_options doctor;
    struct valence_export_options options = {.size = SIZE_MAX};
    char row[8];
    assert_int_equal(TRY(valence_store_open, MISSING, NULL, &none, NULL), VALENCE_ERROR_NOT_FOUND);
    assert_null(none);
    assert_int_equal(TRY(valence_store_open, corpus, NULL, &store, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_store_read_rows, store, -1, 0, 0, 1, row, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_store_statistics, store, 99, NULL, &statistics, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(statistics);
    assert_int_equal(TRY(valence_store_verify, store, NULL, &verification, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_store_summarise, store, true, NULL, &summary, NULL), VALENCE_OK);
    valence_doctor_options_default(&doctor);
    doctor.published = "nothing";
    assert_int_equal(TRY(valence_diagnose, summary, &doctor, &diagnosis, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_null(diagnosis);
    assert_int_equal(
        TRY(valence_export, (enum valence_export_kind)99, store, NOWHERE, NULL, NULL, NULL, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_int_equal(
        TRY(valence_export, VALENCE_EXPORT_NPY, store, NOWHERE, &options, NULL, NULL, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_true(TRY(valence_export, VALENCE_EXPORT_NPY, store, NOWHERE, NULL, NULL, NULL, NULL) <
                0);
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void test_writing(void **state)
{
    (void)state;
    static const struct valence_store_stream audio = {"audio", 3, VALENCE_F32};
    static const struct valence_label_scale scale = {.name = "x", .low = 2, .high = 1};
    static const struct valence_clip clip = {.id = ""};
    static const struct valence_store_failure failure = {.id = ""};
    struct valence_store_writer *writer, *none;
    struct valence_stream_maker maker;
    char path[96];
    snprintf(path, sizeof path, "%s/written", test_folder);
    assert_true(TRY(valence_store_writer_open, NOWHERE, &audio, 1, NULL, &none, NULL) < 0);
    assert_null(none);
    assert_int_equal(TRY(valence_store_writer_open, path, &audio, 1, NULL, &writer, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_store_writer_set_source, writer, "[]", NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_store_writer_set_label_scale, writer, &scale, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_store_writer_add, writer, &clip, NULL, 0, NULL),
                     VALENCE_ERROR_DATA);
    assert_int_equal(TRY(valence_store_writer_add_failure, writer, &failure, NULL),
                     VALENCE_ERROR_DATA);
    assert_int_equal(TRY(valence_store_writer_remove_failure, writer, "nobody", NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_store_writer_commit, writer, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_store_writer_finish, writer, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_store_writer_close, writer, NULL), VALENCE_OK);
    static const char *const stores[] = {MISSING};
    struct valence_store *store;
    assert_true(TRY(valence_store_merge, stores, 1, path, NULL, NULL, NULL) < 0);
    assert_int_equal(valence_store_open(corpus, NULL, &store, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_store_writer_open, path, &audio, 1, NULL, &writer, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_store_writer_add_from, writer, store, 0, NULL, NULL),
                     VALENCE_ERROR_SHAPE);
    assert_int_equal(TRY(valence_store_writer_close, writer, NULL), VALENCE_OK);
    valence_store_close(store);
    valence_stream_maker_default(&maker);
    assert_true(TRY(valence_store_add_stream, NOWHERE, &maker, NULL, NULL, NULL) < 0);
    assert_int_equal(TRY(valence_store_remove, MISSING, NULL), VALENCE_ERROR_NOT_FOUND);
    assert_true(TRY(valence_synthesize, NOWHERE, NULL, NULL, NULL) < 0);
}

static void test_transcripts(void **state)
{
    (void)state;
    struct valence_transcript *transcript;
    char *text;
    assert_int_equal(TRY(valence_transcript_read, MISSING, NULL, &transcript, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_null(transcript);
    assert_int_equal(TRY(valence_transcript_read_memory, "x", 1, "a.vtt", NULL, &transcript, NULL),
                     VALENCE_ERROR_FORMAT);
    assert_null(transcript);
    assert_int_equal(TRY(valence_transcript_read_memory, "x", 1, "a.txt", NULL, &transcript, NULL),
                     VALENCE_OK);
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_int_equal(TRY(valence_transcript_write_json, stream, "a", false, transcript, NULL),
                     VALENCE_OK);
    fclose(stream);
    assert_int_equal(TRY(valence_transcript_text, transcript, 1, 1, &text, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(text);
    valence_transcript_free(transcript);
}

static void test_sources(void **state)
{
    (void)state;
    struct valence_source *source;
    struct valence_checkpoint_summary *summary;
    struct valence_output *output;
    for (int kind = -1; kind <= valence_n_import_kinds(); kind++) {
        assert_true(TRY(valence_import, (enum valence_import_kind)kind, NOWHERE, test_folder, NULL,
                        NULL, NULL, NULL) < 0);
        char path[96];
        snprintf(path, sizeof path, "%s/imported", test_folder);
        assert_true(TRY(valence_import, (enum valence_import_kind)kind, FOREIGN, path, NULL, NULL,
                        NULL, NULL) < 0);
    }
    assert_int_equal(TRY(valence_source_inspect, MISSING, NULL, &source, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_null(source);
    assert_true(TRY(valence_checkpoint_summarise, FOREIGN, &summary, NULL) < 0);
    assert_null(summary);
    assert_true(TRY(valence_output_check, NOWHERE, false, NULL) < 0);
    assert_true(TRY(valence_output_open, NOWHERE, false, &output, NULL) < 0);
    assert_null(output);
    char path[96];
    snprintf(path, sizeof path, "%s/output", test_folder);
    assert_int_equal(TRY(valence_output_open, path, false, &output, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_output_commit, output, NULL), VALENCE_OK);
}

/* ---- Models ---- */

static void test_loading(void **state)
{
    (void)state;
    struct valence_model *model;
    struct valence_run *opened;
    struct valence_model_config config;
    struct valence_workspace *workspace;
    assert_int_equal(TRY(valence_model_load, MISSING, &model, NULL), VALENCE_ERROR_NOT_FOUND);
    assert_null(model);
    assert_true(TRY(valence_model_load, FOREIGN, &model, NULL) < 0);
    assert_true(TRY(valence_model_load_memory, "x", 1, NULL, &model, NULL) < 0);
    assert_true(TRY(valence_model_load_descriptor, -1, NULL, &model, NULL) < 0);
    assert_int_equal(TRY(valence_model_group, NULL, 0, &model, NULL), VALENCE_ERROR_ARGUMENT);
    assert_true(TRY(valence_model_convert_published, FOREIGN, NOWHERE, NULL, &model, NULL) < 0);
    assert_null(model);
    assert_true(TRY(valence_run_open, NOWHERE, VALENCE_CHECKPOINT_BEST, &opened, NULL) < 0);
    assert_null(opened);
    assert_int_equal(TRY(valence_run_open, run, VALENCE_CHECKPOINT_BEST, &opened, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_run_load, opened, &model, NULL), VALENCE_OK);
    valence_model_free(model);
    char epoch[8];
    assert_int_equal(TRY(valence_run_epoch_path, opened, 0, 1, epoch, 0, NULL),
                     VALENCE_ERROR_ARGUMENT);
    valence_run_close(opened);
    assert_true(TRY(valence_run_log_export, run, NOWHERE, NULL, NULL, NULL) < 0);
    valence_model_config_default(&config);
    config.d = -1;
    assert_int_equal(TRY(valence_model_config_check, &config, NULL), VALENCE_ERROR_CONFIG);
    assert_int_equal(TRY(valence_workspace_create, NULL, &workspace, NULL), VALENCE_ERROR_ARGUMENT);
    assert_null(workspace);
}

static void test_scoring(void **state)
{
    (void)state;
    char weights[96];
    struct valence_model *model;
    struct valence_store *store;
    struct valence_workspace *workspace;
    struct valence_batch batch = {.n_clips = 1};
    struct valence_evaluate_options options;
    const struct valence_evaluation *evaluation;
    const struct valence_comparison *comparison;
    struct valence_predict_options predict = {.size = SIZE_MAX};
    const struct valence_attention *attention;
    float score;
    snprintf(weights, sizeof weights, "%s/best.safetensors", run);
    assert_int_equal(TRY(valence_model_load, weights, &model, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_store_open, corpus, NULL, &store, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_workspace_create, model, &workspace, NULL), VALENCE_OK);
    assert_int_equal(
        TRY(valence_score, workspace, &batch, VALENCE_ALL_MODALITIES, &score, NULL, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_score_flows, workspace, &batch, NULL, 0, NULL, NULL, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(
        TRY(valence_attend, workspace, &batch, VALENCE_ALL_MODALITIES, &attention, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_int_equal(
        TRY(valence_predict_batch, workspace, &batch, &predict, receive, NULL, NULL, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_predict, model, store, &predict, NULL, receive, NULL, NULL, NULL),
                     VALENCE_ERROR_ARGUMENT);
    enum valence_data_match match;
    assert_int_equal(TRY(valence_model_match_data, model, store, &match, NULL), VALENCE_OK);
    valence_evaluate_options_default(&options);
    options.level = 2;
    assert_int_equal(TRY(valence_evaluate, model, store, &options, NULL, &evaluation, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(evaluation);
    assert_int_equal(TRY(valence_compare, NULL, 0, NULL, 0, NULL, &comparison, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(comparison);
    const struct valence_protocol_evaluation *protocol;
    assert_int_equal(
        TRY(valence_evaluate_protocol, model, store, "none", NULL, NULL, &protocol, NULL),
        VALENCE_ERROR_NOT_FOUND);
    assert_null(protocol);
    assert_int_equal(TRY(valence_evaluate_protocol_as_published, NULL, 0, store, "fixed", NULL,
                         NULL, &protocol, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(protocol);
    valence_workspace_free(workspace);
    valence_store_close(store);
    valence_model_free(model);
}

static void test_figures(void **state)
{
    (void)state;
    struct valence_reliability *reliability;
    struct valence_interval interval;
    struct valence_allocator allocator = {.size = SIZE_MAX};
    double sample;
    assert_true(
        TRY(valence_bootstrap, NULL, NULL, -1, (enum valence_scale)0, -1, 1, &sample, NULL) < 0);
    assert_true(TRY(valence_bootstrap_interval, &sample, NULL, -1, (enum valence_metric)0, 2,
                    &interval, NULL) < 0);
    assert_true(TRY(valence_confusion_compute, NULL, NULL, 1, 2, NULL, NULL) < 0);
    assert_true(TRY(valence_reliability_create, NULL, NULL, 0, 1, 0, &reliability, NULL) < 0);
    assert_null(reliability);
    assert_int_equal(TRY(valence_set_allocator, &allocator, NULL), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_fail, NULL, VALENCE_ERROR_DATA, "key", "%d", 1),
                     VALENCE_ERROR_DATA);
}

static void test_training(void **state)
{
    (void)state;
    struct valence_train_config *config;
    struct valence_train_result *result;
    char value[8];
    assert_int_equal(TRY(valence_train_config_create, &config, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_train_config_read, config, MISSING, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(TRY(valence_train_config_parse, config, "x: [", 4, "text", NULL),
                     VALENCE_ERROR_CONFIG);
    assert_int_equal(TRY(valence_train_config_set, config, "epochs", "many", NULL),
                     VALENCE_ERROR_CONFIG);
    assert_int_equal(TRY(valence_train_config_get, config, "nothing", value, sizeof value, NULL),
                     VALENCE_ERROR_CONFIG);
    assert_int_equal(TRY(valence_train_config_set_model, config, "nothing", NULL),
                     VALENCE_ERROR_CONFIG);
    assert_true(TRY(valence_train_config_for_store, config, NOWHERE, NULL) < 0);
    assert_true(TRY(valence_train_config_read_run, config, NOWHERE, NULL) < 0);
    assert_true(TRY(valence_train, config, NULL, &result, NULL) < 0);
    assert_null(result);
    valence_train_config_free(config);
}

static void test_experiments(void **state)
{
    (void)state;
    char path[64];
    struct valence_train_config *config;
    struct valence_experiment *experiment;
    const struct valence_experiment_state *looked;
    struct valence_experiment_options options;
    const struct valence_variant variant = {"..", NULL, 0}, plain = {"plain", NULL, 0};
    const struct valence_worker worker = {.folder = NOWHERE, .variant = "plain"};
    const struct valence_experiment_result *result;
    const struct valence_variant *variants;
    const char *const empty = "losses.rnc=1:0:0.1", *runs[] = {NOWHERE, NOWHERE};
    struct valence_store *store;
    int64_t n_differences;
    int n;
    assert_int_equal(valence_train_config_create(&config, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_experiment_create, config, &variant, 1, NULL, &experiment, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_experiment_open, NOWHERE, &experiment, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(TRY(valence_experiment_work, &worker, NULL, NULL), VALENCE_ERROR_NOT_FOUND);
    snprintf(path, sizeof path, "%s/experiment", test_folder);
    assert_int_equal(valence_train_config_read_run(config, run, NULL), VALENCE_OK);
    assert_int_equal(valence_train_config_set(config, "output", path, NULL), VALENCE_OK);
    assert_int_equal(valence_experiment_create(config, &plain, 1, NULL, &experiment, NULL),
                     VALENCE_OK);
    valence_experiment_options_default(&options);
    options.n_jobs = -1;
    assert_int_equal(TRY(valence_experiment_run, experiment, &options, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_experiment_look, experiment, &looked, NULL), VALENCE_OK);
    valence_experiment_state_free(looked);
    assert_int_equal(TRY(valence_experiment_evaluate, experiment, NULL, NULL, &result, NULL),
                     VALENCE_ERROR_BUSY);
    assert_int_equal(TRY(valence_ablation_create, NULL, &variants, &n, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_sweep_create, config, &empty, 1, NULL, &variants, &n, NULL),
                     VALENCE_ERROR_CONFIG);
    assert_int_equal(valence_store_open(corpus, NULL, &store, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_compare_runs, runs, 2, store, NULL, NULL, &result, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    valence_store_close(store);
    assert_int_equal(
        TRY(valence_result_verify, NOWHERE, NULL, NULL, NULL, NULL, &n_differences, NULL),
        VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(TRY(valence_result_compare, "{}", "{", NULL, NULL, &n_differences, NULL),
                     VALENCE_ERROR_FORMAT);
    valence_experiment_close(experiment);
    valence_train_config_free(config);
}

static void test_reports(void **state)
{
    (void)state;
    char path[200];
    const char *const inputs[] = {run}, *const missing[] = {NOWHERE};
    struct valence_report *report;
    assert_int_equal(TRY(valence_report_create, missing, 1, NULL, NULL, &report, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(TRY(valence_report_create, inputs, 1, NULL, NULL, &report, NULL), VALENCE_OK);
    assert_true(TRY(valence_report_write_page, report, NOWHERE, false, NULL) < 0);
    assert_true(TRY(valence_report_write_json, report, NOWHERE, false, NULL) < 0);
    assert_true(TRY(valence_report_write_figures, report, NOWHERE, NULL, NULL, NULL) < 0);
    snprintf(path, sizeof path, "%s/report", test_folder);
    assert_int_equal(TRY(valence_report_write_page, report, path, false, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_report_write_json, report, path, true, NULL), VALENCE_OK);
    valence_report_free(report);
}

static void test_representations(void **state)
{
    (void)state;
    const struct valence_representation_maps *maps;
    struct valence_representations_options options;
    const struct valence_cost *cost;
    struct valence_machine machine = {.size = 0};
    assert_int_equal(TRY(valence_machine_describe, &machine, NULL), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_cost_measure, NULL, NULL, NULL, &cost, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(cost);
    valence_representations_options_default(&options);
    assert_int_equal(TRY(valence_representations_measure, NULL, NULL, &options, NULL, &maps, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(maps);
    assert_int_equal(TRY(valence_representations_write, NULL, NULL, VALENCE_MAP_NPY, NOWHERE, NULL),
                     VALENCE_ERROR_ARGUMENT);
}

/* ---- What they read ---- */

static int set_up(void **state)
{
    (void)state;
    struct valence_synthesize_options synthesis;
    struct valence_train_config *config;
    char text[256];
    if (!mkdtemp(test_folder))
        return -1;
    snprintf(corpus, sizeof corpus, "%s/corpus", test_folder);
    snprintf(run, sizeof run, "%s/run", test_folder);
    valence_synthesize_options_default(&synthesis);
    synthesis.n_train = synthesis.n_validation = synthesis.n_test = 4;
    int n = snprintf(text, sizeof text,
                     "store: %s\noutput: %s\nmodel: {d: 8, o: 4}\nepochs: 1\nthreads: 1\n", corpus,
                     run);
    int status = valence_synthesize(corpus, &synthesis, NULL, NULL);
    if (!status)
        status = valence_train_config_create(&config, NULL);
    if (status)
        return status;
    status = valence_train_config_parse(config, text, (size_t)n, "text", NULL);
    if (!status)
        status = valence_train(config, NULL, NULL, NULL);
    valence_train_config_free(config);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(test_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stores),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_transcripts),
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_training),
        cmocka_unit_test(test_experiments),
        cmocka_unit_test(test_representations),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_ranks),
#ifdef VALENCE_NULL_ERROR_MEDIA
        cmocka_unit_test(test_media),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_encoders),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_simulators),
        cmocka_unit_test(test_faces),
        cmocka_unit_test(test_recognition),
        cmocka_unit_test(test_extraction),
        cmocka_unit_test(test_scorers),
        cmocka_unit_test(test_every_function_that_takes_an_error_was_tried),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
