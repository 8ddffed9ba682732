/* The configuration of a network: defaults, checks and the names of its choices. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "model/layout.h"
#include "valence/model.h"
#include "valence/store.h"

#define MAX_MODEL_WIDTH 4096
/* The hidden layers of a transformer are four times as wide. */
#define MAX_TRANSFORMER_WIDTH 1024

const char *const valence_view_names[VALENCE_MAX_NAMES] = {"fused", "at",   "tv",   "av",
                                                           "audio", "text", "video"};
const char *const valence_imagination_names[VALENCE_MAX_NAMES] = {"transition", "text", "off"};
const char *const valence_fusion_names[VALENCE_MAX_NAMES] = {
    "cross_attention", "concatenation", "linear", "constant", "late", "transformer"};
const char *const valence_view_set_names[VALENCE_MAX_NAMES] = {"all", "fused"};
const char *const valence_weighting_names[VALENCE_MAX_NAMES] = {"learned", "mean"};

void valence_model_config_default(struct valence_model_config *config)
{
    *config = (struct valence_model_config){.d = 256,
                                            .o = 128,
                                            .imagination = VALENCE_IMAGINATION_TRANSITION,
                                            .dropout = 0.3,
                                            .attention_dropout = 0.5,
                                            .n_flows = 2,
                                            .flows = {0, VALENCE_BIT(VALENCE_TEXT)},
                                            .n_layers = 2,
                                            .n_heads = 4};
}

static int check_width(const char *what, int64_t value, int64_t maximum, bool even,
                       struct valence_error *error)
{
    if (value < 1 || value > maximum || (even && value % 2))
        return fail(error, VALENCE_ERROR_CONFIG, "%s is %lld; it must be %s from 1 to %lld", what,
                    (long long)value, even ? "an even number" : "a number", (long long)maximum);
    return VALENCE_OK;
}

static int check_dropout(const char *what, double rate, struct valence_error *error)
{
    if (!(rate >= 0 && rate <= 0.99))
        return fail(error, VALENCE_ERROR_CONFIG, "%s is %g; it must be from 0 to 0.99", what, rate);
    return VALENCE_OK;
}

static int check_flows(const struct valence_model_config *config, struct valence_error *error)
{
    if (config->n_flows < 1 || config->n_flows > (int)VALENCE_ALL_MODALITIES)
        return fail(error, VALENCE_ERROR_CONFIG, "flows: %d of them; there can be 1 to %d",
                    config->n_flows, (int)VALENCE_ALL_MODALITIES);
    if (config->flows[0] != 0)
        return fail(error, VALENCE_ERROR_CONFIG,
                    "flows: the first must be complete, the others learn from it");
    for (int f = 0; f < config->n_flows; f++) {
        if (config->flows[f] >= VALENCE_ALL_MODALITIES)
            return fail(error, VALENCE_ERROR_CONFIG,
                        "flows: number %d misses every modality or one that does not exist", f + 1);
        for (int g = 0; g < f; g++)
            if (config->flows[f] == config->flows[g])
                return fail(error, VALENCE_ERROR_CONFIG, "flows: %s is listed twice",
                            valence_flow_name(config->flows[f]));
    }
    return VALENCE_OK;
}

/* Only cross-attention has views and weights; what is not represented cannot be imagined. */
static int check_variants(const struct valence_model_config *config, struct valence_error *error)
{
    const char *unknown = (unsigned)config->fusion >= VALENCE_N_FUSIONS    ? "fusion"
                          : (unsigned)config->views >= VALENCE_N_VIEW_SETS ? "views"
                          : (unsigned)config->modality_weights >= VALENCE_N_WEIGHTINGS
                              ? "modality_weights"
                          : (unsigned)config->view_weights >= VALENCE_N_WEIGHTINGS ? "view_weights"
                                                                                   : NULL;
    if (unknown)
        return fail(error, VALENCE_ERROR_CONFIG, "%s: no such choice", unknown);
    bool late = config->fusion == VALENCE_FUSION_LATE;
    const char *pointless = config->views                       ? "views"
                            : config->modality_weights && !late ? "modality_weights"
                            : config->view_weights              ? "view_weights"
                                                                : NULL;
    if (config->fusion != VALENCE_FUSION_CROSS_ATTENTION && pointless) {
        char key[64];
        snprintf(key, sizeof key, "model.%s", pointless);
        return fail_key(error, VALENCE_ERROR_CONFIG, key,
                        "%s makes no sense with model.fusion: %s, which has no %s", key,
                        valence_fusion_names[config->fusion], late ? "views" : "views or weights");
    }
    if ((network_is_closed_form(config) || late) && config->imagination != VALENCE_IMAGINATION_OFF)
        return fail_key(error, VALENCE_ERROR_CONFIG, "model.imagination",
                        "model.fusion: %s cannot imagine what is missing; set model.imagination "
                        "to off",
                        valence_fusion_names[config->fusion]);
    return VALENCE_OK;
}

static int check_classes(const struct valence_model_config *config, struct valence_error *error)
{
    if (config->n_classes == 0)
        return VALENCE_OK;
    if (config->n_classes < 2 || config->n_classes > VALENCE_MAX_CLASSES)
        return fail_key(error, VALENCE_ERROR_CONFIG, "labels", "%lld classes; there can be 2 to %d",
                        (long long)config->n_classes, VALENCE_MAX_CLASSES);
    return VALENCE_OK;
}

static int check_transformer(const struct valence_model_config *config, struct valence_error *error)
{
    if (config->fusion != VALENCE_FUSION_TRANSFORMER)
        return VALENCE_OK;
    if (config->n_layers < 1 || config->n_layers > VALENCE_MAX_LAYERS)
        return fail_key(error, VALENCE_ERROR_CONFIG, "model.layers",
                        "model.layers is %lld; a transformer has 1 to %d",
                        (long long)config->n_layers, VALENCE_MAX_LAYERS);
    if (config->n_heads < 1 || config->d % config->n_heads)
        return fail_key(error, VALENCE_ERROR_CONFIG, "model.heads",
                        "model.heads is %lld, which does not divide model.d, %lld",
                        (long long)config->n_heads, (long long)config->d);
    if (config->d > MAX_TRANSFORMER_WIDTH)
        return fail_key(error, VALENCE_ERROR_CONFIG, "model.d",
                        "model.d is %lld; with model.fusion: transformer it is at most %d",
                        (long long)config->d, MAX_TRANSFORMER_WIDTH);
    return VALENCE_OK;
}

int valence_model_config_check(const struct valence_model_config *config,
                               struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int m = 0; m < VALENCE_N_MODALITIES && !status; m++) {
        char what[64];
        snprintf(what, sizeof what, "the width of %s", valence_modality_names[m]);
        status = check_width(what, config->widths[m], 65536, false, error);
    }
    if (!status)
        status = check_width("d (model width)", config->d, MAX_MODEL_WIDTH, true, error);
    if (!status)
        status = check_width("o (output width)", config->o, MAX_MODEL_WIDTH, true, error);
    if (!status && (unsigned)config->imagination >= VALENCE_N_IMAGINATIONS)
        status =
            fail(error, VALENCE_ERROR_CONFIG, "imagination must be one of transition, text, off");
    if (!status)
        status = check_dropout("dropout", config->dropout, error);
    if (!status)
        status = check_dropout("attention_dropout", config->attention_dropout, error);
    if (!status)
        status = check_flows(config, error);
    if (!status)
        status = check_variants(config, error);
    if (!status)
        status = check_classes(config, error);
    return status ? status : check_transformer(config, error);
}

/* By set of missing modalities. */
static const char *const FLOW_NAMES[VALENCE_ALL_MODALITIES] = {
    "complete",      "audio_missing",       "text_missing",      "audio_text_missing",
    "video_missing", "audio_video_missing", "text_video_missing"};

const char *valence_flow_name(unsigned missing)
{
    return missing < VALENCE_ALL_MODALITIES ? FLOW_NAMES[missing] : "everything_missing";
}

int valence_flow_from_name(const char *name)
{
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++)
        if (strcmp(FLOW_NAMES[missing], name) == 0)
            return (int)missing;
    return -1;
}
