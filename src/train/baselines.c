/* Models to compare with, each a set of keys of the configuration. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "valence/text.h"
#include "valence/train.h"

/* Simpler models are trained on complete clips for the squared error alone; missing text is an
 * empty sequence. */
#define PLAIN                                                                                      \
    "flows=[complete]", "flows_per_step=all", "select=complete",                                   \
        "streams.simulated_text=", "model.imagination=off", "model.views=all",                     \
        "model.modality_weights=learned", "model.view_weights=learned", "losses.complete=1",       \
        "losses.rep=0", "losses.cross=0", "losses.feature=0", "losses.rnc=0"
/* What has no layers gets the least room for them. */
#define NO_LAYERS "model.d=2", "model.o=2", "epochs=1"

static const char *const constant[] = {PLAIN, NO_LAYERS, "model.fusion=constant"};
static const char *const ridge[] = {PLAIN, NO_LAYERS, "model.fusion=linear"};
static const char *const early_fusion[] = {PLAIN, "model.fusion=concatenation"};
static const char *const single_flow[] = {PLAIN, "model.fusion=cross_attention"};
static const char *const modality_dropout[] = {PLAIN, "model.fusion=cross_attention",
                                               "missing.modalities=0.3", "missing.redraw=true"};

static const char *const late_fusion[] = {PLAIN, "model.fusion=late"};
/* MulT's own settings have less dropout than the published network of the double flow. */
static const char *const mult[] = {PLAIN, "model.fusion=transformer", "model.dropout=0.1",
                                   "model.attention_dropout=0.2"};
static const char *const published[] = {"model.weights_start=random", "standardise.labels=false"};

#define LIST(keys) keys, (int)(sizeof(keys) / sizeof((keys)[0]))
static const struct valence_train_model models[] = {
    {"constant", "the median of the training labels for every clip", LIST(constant)},
    {"ridge", "ridge or, of classes, logistic regression on the mean rows of each modality",
     LIST(ridge)},
    {"early-fusion", "an MLP over the pooled modalities side by side", LIST(early_fusion)},
    {"late-fusion", "a regressor for each modality, and the mean of their scores",
     LIST(late_fusion)},
    {"mult", "cross-modal transformers over the rows (MulT)", LIST(mult)},
    {"single-flow", "the published network with its complete flow alone", LIST(single_flow)},
    {"modality-dropout", "the same, trained while modalities are left out at random",
     LIST(modality_dropout)},
    {"published", "the network as configured, but trained from the published start",
     LIST(published)},
};
#define N_MODELS ((int)(sizeof models / sizeof models[0]))

int valence_train_n_models(void)
{
    return N_MODELS;
}

const struct valence_train_model *valence_train_get_model(int i)
{
    return i >= 0 && i < N_MODELS ? &models[i] : NULL;
}

static int fail_unknown(const char *name, struct valence_error *error)
{
    const char *names[N_MODELS];
    char list[256] = "";
    for (int i = 0; i < N_MODELS; i++) {
        size_t used = strlen(list);
        names[i] = models[i].name;
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    const char *meant = valence_suggest(name, names, N_MODELS);
    return meant ? fail_key(error, VALENCE_ERROR_CONFIG, "model",
                            "there is no model '%.60s'; did you mean '%s'?", name, meant)
                 : fail_key(error, VALENCE_ERROR_CONFIG, "model",
                            "there is no model '%.60s'; choose one of: %s", name, list);
}

/* "KEY=VALUE" */
static int assign(struct valence_train_config *config, const char *assignment,
                  struct valence_error *error)
{
    char key[64];
    const char *equals = strchr(assignment, '=');
    snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    return valence_train_config_set(config, key, equals + 1, error);
}

int valence_train_config_set_model(struct valence_train_config *config, const char *name,
                                   struct valence_error *error)
{
    const struct valence_train_model *model = NULL;
    if (!config || !name)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no model is set: an argument is NULL");
    for (int i = 0; i < N_MODELS && !model; i++)
        model = strcmp(models[i].name, name) == 0 ? &models[i] : NULL;
    int status = model ? VALENCE_OK : fail_unknown(name, error);
    for (int i = 0; !status && i < model->n_assignments; i++)
        status = assign(config, model->assignments[i], error);
    return status;
}
