/* Options of evaluation and prediction: defaults, and callers that know fewer of them. */
#include "evaluate/options.h"

#include "base/fail.h"
#include "base/options.h"
#include "data/clips.h"

void valence_evaluate_options_default(struct valence_evaluate_options *options)
{
    *options = (struct valence_evaluate_options){.size = sizeof *options,
                                                 .split = VALENCE_TEST,
                                                 .scale = -1,
                                                 .n_resamples = 2000,
                                                 .seed = 1,
                                                 .batch_size = 64,
                                                 .max_rows = CLIP_MAX_ROWS,
                                                 .level = 0.9};
}

void valence_predict_options_default(struct valence_predict_options *options)
{
    *options = (struct valence_predict_options){.size = sizeof *options,
                                                .split = VALENCE_ALL_SPLITS,
                                                .flow = VALENCE_FLOW_AUTO,
                                                .level = 0.9,
                                                .batch_size = 64,
                                                .max_rows = CLIP_MAX_ROWS};
}

static int check_common(int64_t batch_size, int64_t max_rows, double level,
                        struct valence_error *error)
{
    if (batch_size < 1 || batch_size > 1 << 20)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "batch_size",
                        "batch_size is %lld; it must be from 1 to %d", (long long)batch_size,
                        1 << 20);
    if (max_rows < 1)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "max_rows",
                        "max_rows is %lld; it must be at least 1", (long long)max_rows);
    if (!(level > 0 && level < 1))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "level",
                        "level is %g; it must lie between 0 and 1", level);
    return VALENCE_OK;
}

static int check_flows(const struct valence_evaluate_options *options, struct valence_error *error)
{
    if (options->n_flows < 0 || options->n_flows > VALENCE_MAX_FLOWS ||
        (options->n_flows && !options->flows))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "flows", "%d flows; there can be up to %d",
                        options->n_flows, VALENCE_MAX_FLOWS);
    for (int f = 0; f < options->n_flows; f++)
        if (options->flows[f] >= VALENCE_ALL_MODALITIES)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "flows",
                            "flow %d misses every modality or one that does not exist", f + 1);
    return VALENCE_OK;
}

int evaluate_options_take(const struct valence_evaluate_options *given,
                          struct valence_evaluate_options *options, struct valence_error *error)
{
    valence_evaluate_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status)
        status = check_common(options->batch_size, options->max_rows, options->level, error);
    if (!status)
        status = check_flows(options, error);
    if (!status && ((unsigned)options->split >= VALENCE_N_SPLITS ||
                    options->scale >= VALENCE_N_SCALES || options->scale < -1))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "unknown split %d or label scale %d",
                      (int)options->split, options->scale);
    if (!status && (options->n_resamples < 0 || options->n_resamples > 100000000))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "n_resamples",
                          "n_resamples is %lld; it must be from 0 to 100000000",
                          (long long)options->n_resamples);
    return status;
}

int predict_options_take(const struct valence_predict_options *given,
                         struct valence_predict_options *options, struct valence_error *error)
{
    valence_predict_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status)
        status = check_common(options->batch_size, options->max_rows, options->level, error);
    if (!status && (options->split >= VALENCE_N_SPLITS || options->split < VALENCE_ALL_SPLITS))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "split", "unknown split %d", options->split);
    if (!status &&
        (options->flow >= (int)VALENCE_ALL_MODALITIES || options->flow < VALENCE_FLOW_AUTO))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "flow",
                          "the flow misses every modality or one that does not exist");
    return status;
}
