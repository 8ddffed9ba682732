#include "train/train_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "model/layout.h"
#include "train/train_keys.h"
#include "run/run_folder.h"
#include "valence/text.h"

/* ---- Checks ---- */

/* Losses that a simpler network has nothing for. */
static int check_losses(const struct valence_train_config *config, struct valence_error *error)
{
    const struct loss_weights *losses = &config->losses;
    const char *fusion = valence_fusion_names[config->model.fusion];
    bool closed = network_is_closed_form(&config->model);
    bool featureless = closed || network_is_late(&config->model);
    const char *pointless = featureless && losses->rep > 0       ? "losses.rep"
                            : featureless && losses->feature > 0 ? "losses.feature"
                            : featureless && losses->rnc > 0     ? "losses.rnc"
                                                                 : NULL;
    if (config->model.fusion != VALENCE_FUSION_CROSS_ATTENTION && losses->cross > 0)
        return fail_key(error, VALENCE_ERROR_CONFIG, "losses.cross",
                        "losses.cross: model.fusion '%s' has no cross-attention whose outputs "
                        "could be compared; set losses.cross to 0",
                        fusion);
    if (pointless)
        return fail_key(error, VALENCE_ERROR_CONFIG, pointless,
                        "%s: model.fusion '%s' has no features that could be compared; set it to 0",
                        pointless, fusion);
    bool alone = config->model.n_flows == 1;
    if (closed && (losses->complete == 0 || (!alone && losses->missing == 0)))
        return fail_key(error, VALENCE_ERROR_CONFIG,
                        losses->complete == 0 ? "losses.complete" : "losses.missing",
                        "losses: model.fusion '%s' needs a weight above 0 for every flow", fusion);
    return VALENCE_OK;
}

/* What only scores have. */
static int check_classes(const struct valence_train_config *config, struct valence_error *error)
{
    if (config->labels != TRAIN_CLASSES)
        return VALENCE_OK;
    if (config->losses.rnc > 0)
        return fail_key(error, VALENCE_ERROR_CONFIG, "losses.rnc",
                        "losses.rnc: rank-n-contrast ranks clips by their labels, and classes have "
                        "no order; set it to 0");
    return VALENCE_OK;
}

int train_config_check(const struct valence_train_config *config, struct valence_error *error)
{
    struct valence_model_config model = config->model;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        model.widths[m] = model.widths[m] ? model.widths[m] : 1; /* not known before the store is */
    model.n_classes = config->labels == TRAIN_CLASSES ? 2 : 0;   /* likewise */
    int status = valence_model_config_check(&model, error);
    if (!status)
        status = check_classes(config, error);
    if (status)
        return status;
    if (config->select == TRAIN_MISSING && config->model.n_flows == 1)
        return fail_key(error, VALENCE_ERROR_CONFIG, "select",
                        "select: 'missing' needs a flow with a missing modality, but the only flow "
                        "is complete");
    status = check_losses(config, error);
    if (status)
        return status;
    const char *empty = !config->store[0] ? "store" : !config->output[0] ? "output" : NULL;
    if (empty)
        return fail_key(error, VALENCE_ERROR_CONFIG, empty, "%s is empty: it must name a %s", empty,
                        strcmp(empty, "store") == 0 ? "store" : "folder");
    return VALENCE_OK;
}

json_t *train_config_to_json(const struct valence_train_config *config)
{
    json_t *object = json_object();
    for (int i = 0; i < train_keys.n && object; i++) {
        const struct config_key *key = &train_keys.keys[i];
        const char *name = key->known.name;
        struct text text = {.maximum = 4 * TRAIN_PATH_BYTES};
        if (key->on_resume == FREE)
            continue;
        config_key_format(&train_keys, key, config, &text);
        bool told = key->on_resume == FIXED || text.failed ||
                    !config_values_equal(&key->known, text.data, train_key_before(key));
        if (text.failed || (told && json_object_set_new(object, name, json_string(text.data)))) {
            json_decref(object);
            object = NULL;
        }
        text_free(&text);
    }
    return object;
}

/* A key's value in such an object; NULL if a key that must be there is not. */
static const char *recorded(const json_t *object, const struct config_key *key)
{
    const char *value = json_string_value(json_object_get(object, key->known.name));
    return value || key->on_resume == FIXED ? value : train_key_before(key);
}

int train_config_may_resume(const struct valence_train_config *config, const json_t *begun,
                            struct valence_error *error)
{
    json_t *now = train_config_to_json(config);
    if (!now)
        return fail_memory(error, TRAIN_PATH_BYTES, "the configuration");
    int status = VALENCE_OK;
    for (int i = 0; i < train_keys.n && !status; i++) {
        const struct config_key *key = &train_keys.keys[i];
        if (key->on_resume == FREE)
            continue;
        const char *value = recorded(now, key), *before = recorded(begun, key);
        if (!before || !config_values_equal(&key->known, before, value))
            status =
                fail_key(error, VALENCE_ERROR_CONFIG, key->known.name,
                         "%s is %s, but the run was begun with %s\n"
                         "         (store, epochs, early_stopping, checkpoint_every, seeds and "
                         "threads may change when a run is resumed)",
                         key->known.name, value, before ? before : "no such key");
    }
    json_decref(now);
    return status;
}

double train_selected_error(enum train_selection select, const double *mae, int n_flows)
{
    int first = select == TRAIN_MISSING ? 1 : 0;
    int end = select == TRAIN_COMPLETE ? 1 : n_flows;
    double sum = 0;
    for (int f = first; f < end; f++)
        sum += mae[f];
    return sum / (end - first);
}

/* ---- Its life ---- */

void train_config_defaults(struct valence_train_config *config)
{
    memset(config, 0, sizeof *config);
    config_set_defaults(&train_keys, config);
}

void train_config_set_before(struct valence_train_config *config)
{
    config_set_before(&train_keys, config);
}

int valence_train_config_create(struct valence_train_config **config, struct valence_error *error)
{
    *config = allocate(1, sizeof **config);
    if (!*config)
        return fail_memory(error, sizeof **config, "a configuration");
    train_config_defaults(*config);
    return VALENCE_OK;
}

void valence_train_config_free(struct valence_train_config *config)
{
    free(config);
}

int train_config_write(const struct valence_train_config *config, const struct run_folder *folder,
                       struct valence_error *error)
{
    char *yaml = valence_train_config_text(config, true);
    int status = yaml ? run_folder_write_text(folder, RUN_CONFIG, yaml, error)
                      : fail_memory(error, 0, "a configuration");
    valence_text_free(yaml);
    return status;
}
