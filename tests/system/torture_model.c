/* Torture: configurations, training, models, scores and what is computed from them. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "torture.h"
#include "valence/evaluate.h"
#include "valence/inspect.h"
#include "valence/metrics.h"
#include "valence/model.h"
#include "valence/predict.h"
#include "valence/protocol.h"
#include "valence/reliability.h"
#include "valence/run.h"
#include "valence/run_log.h"
#include "valence/score.h"
#include "valence/store.h"
#include "valence/train.h"
#include "valence/text.h"

/* ---- Training ---- */

/* Its NULL says that memory is short. */
static int add_config(const struct valence_train_config *config, double *result,
                      struct valence_error *error)
{
    char *text = valence_train_config_text(config, true);
    add_text(result, text);
    if (!text)
        strcpy(error->text, valence_status_text(VALENCE_ERROR_MEMORY));
    valence_text_free(text);
    return text ? VALENCE_OK : VALENCE_ERROR_MEMORY;
}

static int configure(double *result, struct valence_error *error)
{
    static const char text[] =
        "model: {d: 64, o: 32}\nflows: [complete, text_missing]\nepochs: 3\n";
    char value[VALENCE_CONFIG_VALUE_BYTES];
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, error);
    if (status)
        return config ? 1 : status;
    status = valence_train_config_parse(config, text, strlen(text), "text", error);
    if (!status)
        status = valence_train_config_set_model(config, "early-fusion", error);
    if (!status)
        status = valence_train_config_set(config, "flows", "[complete, video_missing]", error);
    if (!status)
        status = valence_train_config_get(config, "flows", value, sizeof value, error);
    if (!status) {
        add_text(result, value);
        status = add_config(config, result, error);
    }
    valence_train_config_free(config);
    return status;
}

static int configure_from_files(double *result, struct valence_error *error)
{
    char path[96];
    struct valence_train_config *config;
    snprintf(path, sizeof path, "%s/config.yaml", run);
    int status = valence_train_config_create(&config, error);
    if (status)
        return config ? 1 : status;
    status = valence_train_config_for_store(config, corpus, error);
    if (!status)
        status = add_config(config, result, error);
    if (!status)
        status = valence_train_config_read(config, path, error);
    if (!status)
        status = valence_train_config_read_run(config, run, error);
    if (!status)
        status = add_config(config, result, error);
    valence_train_config_free(config);
    return status;
}

static int train(double *result, struct valence_error *error)
{
    struct valence_train_config *config;
    struct valence_train_result *trained = NULL;
    int status = valence_train_config_create(&config, error);
    if (status)
        return status;
    status = valence_train_config_read_run(config, run, error);
    if (!status)
        status = valence_train_config_set(config, "output", made, error);
    if (!status)
        status = valence_train(config, NULL, &trained, error);
    if (!status)
        *result = trained->runs[0].validation_mae[0] + (double)trained->runs[0].n_parameters;
    else if (trained)
        status = 1;
    valence_train_result_free(trained);
    valence_train_config_free(config);
    clear_untried(made);
    return status;
}

/* ---- Models ---- */

static int add_model(int status, struct valence_model *model, double *result)
{
    if (status)
        return model ? 1 : status;
    *result +=
        (double)valence_model_n_parameters(model) + (double)valence_model_get_config(model)->d;
    add_text(result, valence_model_get_provenance(model)->configuration);
    valence_model_free(model);
    return VALENCE_OK;
}

static int load_models(double *result, struct valence_error *error)
{
    static char bytes[1 << 22];
    struct valence_model *model;
    int status = valence_model_load(weights, &model, error);
    status = add_model(status, model, result);
    int file = open(weights, O_RDONLY);
    if (!status) {
        status = valence_model_load_descriptor(file, NULL, &model, error);
        status = add_model(status, model, result);
    }
    ssize_t size = pread(file, bytes, sizeof bytes, 0);
    if (!status) {
        status = valence_model_load_memory(bytes, (size_t)size, "bytes", &model, error);
        status = add_model(status, model, result);
    }
    close(file);
    return status;
}

static int load_run(double *result, struct valence_error *error)
{
    struct valence_run *opened;
    struct valence_model *members[2] = {NULL}, *group = NULL;
    int status = valence_run_open(run, VALENCE_CHECKPOINT_BEST, &opened, error);
    if (status)
        return opened ? 1 : status;
    for (int i = 0; !status && i < 2; i++)
        status = valence_run_load(opened, &members[i], error);
    if (!status) {
        status = valence_model_group(members, 2, &group, error);
        status = add_model(status, group, result);
    }
    for (int i = 0; i < 2; i++)
        valence_model_free(members[i]);
    valence_run_close(opened);
    return status;
}

static int export_log(double *result, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int format = 0; format < VALENCE_N_LOG_FORMATS && !status; format++) {
        struct valence_run_log_result counts = {.size = sizeof counts};
        struct valence_run_log_options options;
        valence_run_log_options_default(&options);
        options.format = (enum valence_log_format)format;
        status = valence_run_log_export(run, made, &options, &counts, error);
        *result += (double)counts.n_values;
        clear_untried(made);
    }
    return status;
}

static int measure_as_published(double *result, struct valence_error *error)
{
    const struct valence_protocol_evaluation *evaluation;
    struct valence_protocol_options options;
    struct valence_store *store;
    struct valence_run *opened = NULL;
    valence_protocol_options_default(&options);
    options.n_resamples = 10;
    int status = valence_store_open(corpus, NULL, &store, error);
    if (!status)
        status = valence_run_open(run, VALENCE_CHECKPOINT_BEST, &opened, error);
    if (!status) {
        status = valence_evaluate_protocol_as_published(opened, 0, store, "fixed", &options, NULL,
                                                        &evaluation, error);
        if (!status)
            *result += evaluation->mean[VALENCE_METRIC_MAE];
        else if (evaluation)
            status = 1;
        valence_protocol_evaluation_free(evaluation);
    }
    valence_run_close(opened);
    valence_store_close(store);
    return status;
}

static int convert(double *result, struct valence_error *error)
{
    struct valence_model *model;
    struct valence_checkpoint_summary *summary;
    int status = valence_model_convert_published(
        VALENCE_TEST_DATA "/golden/fusion/small-transition.weights.pt", made, NULL, &model, error);
    status = add_model(status, model, result);
    if (!status) {
        status = valence_checkpoint_summarise(made, &summary, error);
        if (status && summary)
            status = 1;
        else if (!status)
            *result += (double)summary->n_parameters + (double)valence_path_kind(made);
        valence_checkpoint_summary_free(summary);
    }
    clear_untried(made);
    return status;
}

/* ---- Scores ---- */

static int add_prediction(void *user, const struct valence_prediction *prediction)
{
    double *result = user;
    *result = *result * 1.0001 + (double)prediction->score + prediction->estimate.low;
    return 0;
}

static int score_batch(struct valence_workspace *workspace, double *result,
                       struct valence_error *error)
{
    enum { N = 2, ROWS = 3 };
    static float rows[N * ROWS * 4096];
    static const int64_t offsets[N + 1] = {0, ROWS, N * ROWS};
    const struct valence_model_config *config =
        valence_model_get_config(valence_workspace_model(workspace));
    struct valence_batch batch = {.n_clips = N};
    float scores[2][N] = {{0}};
    for (int i = 0; i < VALENCE_N_MODALITIES; i++)
        batch.streams[i] =
            (struct valence_rows){rows, VALENCE_F32, config->widths[i], offsets, NULL};
    int status = valence_score(workspace, &batch, 0, scores[0], NULL, error);
    *result += (double)scores[0][0] + (double)scores[0][1];
    if (!status)
        status = valence_score_flows(workspace, &batch, config->flows, 1,
                                     (float *const[]){scores[1]}, NULL, error);
    *result += 3 * (double)scores[1][0];
    const struct valence_attention *attention = NULL;
    if (!status)
        status = valence_attend(workspace, &batch, 0, &attention, error);
    if (!status)
        *result += (double)attention->modalities[VALENCE_AUDIO].rows[0];
    else if (attention)
        return 1;
    if (!status)
        status =
            valence_predict_batch(workspace, &batch, NULL, add_prediction, result, NULL, error);
    return status;
}

static int score(double *result, struct valence_error *error)
{
    struct valence_model *model;
    struct valence_workspace *workspace = NULL;
    struct valence_store *store = NULL;
    int status = valence_model_load(weights, &model, error);
    if (!status)
        status = valence_workspace_create(model, &workspace, error);
    if (!status)
        status = score_batch(workspace, result, error);
    if (!status)
        status = valence_store_open(corpus, NULL, &store, error);
    if (!status)
        status = valence_predict(model, store, NULL, NULL, add_prediction, result, NULL, error);
    valence_store_close(store);
    valence_workspace_free(workspace);
    valence_model_free(model);
    return status;
}

static int evaluate_and_compare(const struct valence_model *model,
                                const struct valence_store *store, double *result,
                                struct valence_error *error)
{
    const struct valence_evaluation *evaluation;
    const struct valence_comparison *comparison;
    struct valence_evaluate_options options;
    enum valence_data_match match = VALENCE_DATA_UNKNOWN;
    valence_evaluate_options_default(&options);
    options.n_resamples = 10;
    int status = valence_model_match_data(model, store, &match, error);
    if (status)
        return status;
    status = valence_evaluate(model, store, &options, NULL, &evaluation, error);
    if (status)
        return evaluation ? 1 : status;
    *result += valence_summarise_metric(&evaluation, 1, 0, VALENCE_METRIC_MAE).mean + match;
    *result += evaluation->flows[0].intervals[VALENCE_METRIC_MAE].low + evaluation->data;
    status = valence_compare(&evaluation, 1, &evaluation, 1, &options, &comparison, error);
    if (!status)
        *result += comparison->differences[VALENCE_METRIC_MAE].interval.high;
    else if (comparison)
        status = 1;
    valence_comparison_free(comparison);
    valence_evaluation_free(evaluation);
    return status;
}

static int evaluate_protocol(const struct valence_model *model, const struct valence_store *store,
                             double *result, struct valence_error *error)
{
    static const char *const names[] = {"erase", "random-modality", "noise"};
    static const double rates[] = {0, 0.5};
    struct valence_protocol_options options;
    valence_protocol_options_default(&options);
    options.rates = rates;
    options.n_rates = 2;
    options.n_resamples = 10;
    for (int i = 0; i < 3; i++) {
        const struct valence_protocol_evaluation *evaluation;
        int status =
            valence_evaluate_protocol(model, store, names[i], &options, NULL, &evaluation, error);
        if (status)
            return evaluation ? 1 : status;
        for (int c = 0; c < evaluation->n_conditions; c++)
            *result += evaluation->conditions[c].metrics.values[VALENCE_METRIC_MAE] +
                       evaluation->conditions[c].missing_rows;
        valence_protocol_evaluation_free(evaluation);
    }
    return VALENCE_OK;
}

static int evaluate(double *result, struct valence_error *error)
{
    struct valence_model *model;
    struct valence_store *store = NULL;
    int status = valence_model_load(weights, &model, error);
    if (!status)
        status = valence_store_open(corpus, NULL, &store, error);
    if (!status)
        status = evaluate_and_compare(model, store, result, error);
    if (!status)
        status = evaluate_protocol(model, store, result, error);
    valence_store_close(store);
    valence_model_free(model);
    return status;
}

static int bootstrap(double *result, struct valence_error *error)
{
    enum { N = 50, RESAMPLES = 20 };
    static double samples[RESAMPLES * VALENCE_MAX_METRICS];
    float predicted[N], labels[N];
    struct valence_interval interval = {0};
    struct valence_metrics metrics;
    for (int i = 0; i < N; i++) {
        predicted[i] = (float)(i % 7) - 3;
        labels[i] = (float)(i % 5) - 2;
    }
    int status = valence_bootstrap(predicted, labels, N, (enum valence_scale)0, RESAMPLES, 1,
                                   samples, error);
    if (!status)
        status = valence_bootstrap_interval(samples, NULL, RESAMPLES, (enum valence_metric)0, 0.9,
                                            &interval, error);
    valence_metrics_compute(predicted, labels, N, (enum valence_scale)0, &metrics);
    *result = interval.low + 3 * interval.high;
    for (int i = 0; i < VALENCE_N_METRICS; i++)
        *result += metrics.values[i] == metrics.values[i] ? metrics.values[i] : 100;
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
    *result = valence_reliability_n_regions(reliability) +
              valence_reliability_estimate(reliability, 0.5f, 0.9).high;
    valence_reliability_free(reliability);
    return VALENCE_OK;
}

const struct torture_case model_cases[] = {
    {"valence_train_config_create valence_train_config_parse valence_train_config_set "
     "valence_train_config_set_model valence_train_config_get valence_train_config_text",
     configure, 0},
    {"valence_train_config_for_store valence_train_config_read valence_train_config_read_run",
     configure_from_files, 0},
    {"valence_train", train, 8},
    {"valence_model_load valence_model_load_descriptor valence_model_load_memory", load_models, 0},
    {"valence_run_open valence_run_load valence_model_group", load_run, 0},
    {"valence_run_log_export", export_log, 0},
    {"valence_evaluate_protocol_as_published", measure_as_published, 0},
    {"valence_model_convert_published valence_checkpoint_summarise valence_path_kind", convert, 0},
    {"valence_workspace_create valence_score valence_score_flows valence_attend "
     "valence_predict_batch valence_predict",
     score, 0},
    {"valence_model_match_data valence_evaluate valence_compare valence_summarise_metric "
     "valence_evaluate_protocol",
     evaluate, 20},
    {"valence_bootstrap valence_bootstrap_interval valence_metrics_compute", bootstrap, 0},
    {"valence_reliability_create valence_reliability_estimate", make_reliability, 0},
};
const int n_model_cases = sizeof model_cases / sizeof model_cases[0];
