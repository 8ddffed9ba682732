/* Options of evaluation and prediction: defaults, and callers that know fewer of them. */
#include "evaluate/options.h"

#include <math.h>

#include "base/fail.h"
#include "base/options.h"
#include "collective/collective.h"
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

void valence_protocol_options_default(struct valence_protocol_options *options)
{
    *options = (struct valence_protocol_options){.size = sizeof *options,
                                                 .split = VALENCE_TEST,
                                                 .scale = -1,
                                                 .mask_seed = -1,
                                                 .erasure = VALENCE_ERASURE_ZERO,
                                                 .noise = 1,
                                                 .noisy_modalities = VALENCE_ALL_MODALITIES,
                                                 .mask_batch = 32,
                                                 .n_resamples = 2000,
                                                 .seed = 1,
                                                 .batch_size = 64,
                                                 .max_rows = CLIP_MAX_ROWS};
    for (int m = 0; m < VALENCE_MAX_MODALITIES; m++)
        options->modality_rates[m] = NAN;
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
    return options_check_level(level, error);
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

static int check_measuring(enum valence_split split, int scale, int64_t n_resamples,
                           struct valence_error *error)
{
    if ((unsigned)split >= VALENCE_N_SPLITS || scale >= VALENCE_N_SCALES || scale < -1)
        return fail(error, VALENCE_ERROR_ARGUMENT, "unknown split %d or label scale %d", (int)split,
                    scale);
    if (n_resamples < 0 || n_resamples > 100000000)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_resamples",
                        "n_resamples is %lld; it must be from 0 to 100000000",
                        (long long)n_resamples);
    return VALENCE_OK;
}

static int check_evaluate(const struct valence_evaluate_options *options,
                          struct valence_error *error)
{
    int status = check_common(options->batch_size, options->max_rows, options->level, error);
    if (!status)
        status = check_flows(options, error);
    return status ? status
                  : check_measuring(options->split, options->scale, options->n_resamples, error);
}

int evaluate_options_take(const struct valence_evaluate_options *given,
                          struct valence_evaluate_options *options, struct valence_error *error)
{
    valence_evaluate_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status)
        status = collective_check(options->collective, error);
    return status ? status
                  : collective_agree(options->collective, check_evaluate(options, error), error);
}

static int check_predict(const struct valence_predict_options *options, struct valence_error *error)
{
    int status = check_common(options->batch_size, options->max_rows, options->level, error);
    if (!status && (options->split >= VALENCE_N_SPLITS || options->split < VALENCE_ALL_SPLITS))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "split", "unknown split %d", options->split);
    if (!status &&
        (options->flow >= (int)VALENCE_ALL_MODALITIES || options->flow < VALENCE_FLOW_AUTO))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "flow",
                          "the flow misses every modality or one that does not exist");
    return status;
}

int predict_options_take(const struct valence_predict_options *given,
                         struct valence_predict_options *options, struct valence_error *error)
{
    valence_predict_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status && collective_check(options->collective, error)) {
        options->collective = NULL;
        status = VALENCE_ERROR_ARGUMENT;
    }
    return status ? status : check_predict(options, error);
}

static int check_rates(const struct valence_protocol_options *options, struct valence_error *error)
{
    if (options->n_rates < 0 || options->n_rates > 64 || (options->n_rates && !options->rates))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "rates", "%d rates; there can be up to 64",
                        options->n_rates);
    for (int i = 0; i < options->n_rates; i++)
        if (!(options->rates[i] >= 0 && options->rates[i] <= 1) ||
            (i && options->rates[i] <= options->rates[i - 1]))
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "rates",
                            "rate %d is %g; rates ascend from 0 to 1", i + 1, options->rates[i]);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        double rate = options->modality_rates[m];
        if (rate < 0 || rate > 1)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "modality_rates",
                            "the rate of %s is %g; it must be from 0 to 1",
                            valence_modality_names[m], rate);
    }
    return VALENCE_OK;
}

static int check_masks(const struct valence_protocol_options *options, struct valence_error *error)
{
    if (options->mask_seed < -1 || options->mask_seed > UINT32_MAX)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "mask_seed",
                        "mask_seed is %lld; it must be from 0 to 4294967295",
                        (long long)options->mask_seed);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (options->padded_rows[m] < 0)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "padded_rows",
                            "padded_rows of %s is %lld; it must be at least 0",
                            valence_modality_names[m], (long long)options->padded_rows[m]);
    if ((unsigned)options->erasure >= VALENCE_N_ERASURES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "erasure", "unknown erasure %d",
                        (int)options->erasure);
    if ((unsigned)options->replacement >= VALENCE_N_REPLACEMENTS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "replacement", "unknown replacement %d",
                        (int)options->replacement);
    if ((unsigned)options->noise_kind >= VALENCE_N_NOISE_KINDS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "noise_kind", "unknown kind of noise %d",
                        (int)options->noise_kind);
    if (!(options->noise >= 0 && options->noise <= 1000))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "noise",
                        "noise is %g; it must be from 0 to 1000", options->noise);
    if (!options->noisy_modalities || options->noisy_modalities > VALENCE_ALL_MODALITIES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "noisy_modalities",
                        "noisy_modalities names no modality, or one that does not exist");
    if (options->mask_batch < 1)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "mask_batch",
                        "mask_batch is %lld; it must be at least 1",
                        (long long)options->mask_batch);
    return VALENCE_OK;
}

static int check_protocol(const struct valence_protocol_options *options,
                          struct valence_error *error)
{
    int status = check_common(options->batch_size, options->max_rows, 0.5, error);
    if (!status)
        status = check_measuring(options->split, options->scale, options->n_resamples, error);
    if (!status)
        status = check_rates(options, error);
    return status ? status : check_masks(options, error);
}

int protocol_options_take(const struct valence_protocol_options *given,
                          struct valence_protocol_options *options, struct valence_error *error)
{
    valence_protocol_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status)
        status = collective_check(options->collective, error);
    return status ? status
                  : collective_agree(options->collective, check_protocol(options, error), error);
}
