#include "model/config_json.h"

#include <string.h>

#include "base/fail.h"

/* Younger than some checkpoints; the first of each list is what was done before, and not written.
 */
static const struct {
    const char *key;
    const char *const *names;
    int n;
} choices[] = {{"fusion", valence_fusion_names, VALENCE_N_FUSIONS},
               {"views", valence_view_set_names, VALENCE_N_VIEW_SETS},
               {"modality_weights", valence_weighting_names, VALENCE_N_WEIGHTINGS},
               {"view_weights", valence_weighting_names, VALENCE_N_WEIGHTINGS}};
#define N_CHOICES (sizeof choices / sizeof choices[0])

static void get_choices(const struct valence_model_config *config, int chosen[N_CHOICES])
{
    const int all[N_CHOICES] = {(int)config->fusion, (int)config->views,
                                (int)config->modality_weights, (int)config->view_weights};
    memcpy(chosen, all, sizeof all);
}

json_t *model_config_to_json(const struct valence_model_config *config)
{
    json_t *widths = json_object(), *flows = json_array();
    int failed = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        failed |=
            json_object_set_new(widths, valence_modality_names[m], json_integer(config->widths[m]));
    for (int f = 0; f < config->n_flows; f++)
        failed |= json_array_append_new(flows, json_string(valence_flow_name(config->flows[f])));
    if (failed) {
        json_decref(widths);
        json_decref(flows);
        return NULL;
    }
    json_t *object = json_pack(
        "{s:o, s:I, s:I, s:s, s:f, s:f, s:o}", "widths", widths, "d", (json_int_t)config->d, "o",
        (json_int_t)config->o, "imagination", valence_imagination_names[config->imagination],
        "dropout", config->dropout, "attention_dropout", config->attention_dropout, "flows", flows);
    int chosen[N_CHOICES];
    get_choices(config, chosen);
    for (size_t i = 0; i < N_CHOICES; i++)
        failed |= chosen[i] && json_object_set_new(object, choices[i].key,
                                                   json_string(choices[i].names[chosen[i]])) != 0;
    if (config->fusion == VALENCE_FUSION_TRANSFORMER) {
        failed |= json_object_set_new(object, "layers", json_integer(config->n_layers));
        failed |= json_object_set_new(object, "heads", json_integer(config->n_heads));
    }
    if (config->n_classes)
        failed |= json_object_set_new(object, "classes", json_integer(config->n_classes));
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

/* By hand: json_unpack() allocates, and reports a lack of memory as keys that are left. */
static int check_keys(const json_t *object, size_t n, const char *where, const char *path,
                      struct valence_error *error)
{
    return json_object_size(object) == n
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "%s: config:%s an object of %zu keys is needed",
                      path, where, n);
}

static int read_integer(const json_t *object, const char *key, int64_t *value, const char *path,
                        struct valence_error *error)
{
    const json_t *found = json_object_get(object, key);
    *value = json_integer_value(found);
    return json_is_integer(found) ? VALENCE_OK
                                  : fail(error, VALENCE_ERROR_FORMAT,
                                         "%s: config: '%s' is not a whole number", path, key);
}

static int read_number(const json_t *object, const char *key, double *value, const char *path,
                       struct valence_error *error)
{
    const json_t *found = json_object_get(object, key);
    *value = json_number_value(found);
    return json_is_number(found)
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "%s: config: '%s' is not a number", path, key);
}

static int read_imagination(const json_t *value, struct valence_model_config *config,
                            const char *path, struct valence_error *error)
{
    const char *name = json_string_value(value);
    for (int i = 0; name && i < VALENCE_N_IMAGINATIONS; i++)
        if (strcmp(name, valence_imagination_names[i]) == 0) {
            config->imagination = i;
            return VALENCE_OK;
        }
    return fail(error, VALENCE_ERROR_FORMAT, "%s: config: unknown imagination '%s'", path,
                name ? name : "");
}

/* The index of a choice's name; 0 where it is not there. */
static int read_choice(const json_t *object, size_t i, int *chosen, size_t *n_keys,
                       const char *path, struct valence_error *error)
{
    const json_t *value = json_object_get(object, choices[i].key);
    const char *name = json_string_value(value);
    *chosen = 0;
    if (!value)
        return VALENCE_OK;
    ++*n_keys;
    for (int c = 0; name && c < choices[i].n; c++)
        if (strcmp(name, choices[i].names[c]) == 0) {
            *chosen = c;
            return VALENCE_OK;
        }
    return fail(error, VALENCE_ERROR_FORMAT, "%s: config: unknown %s '%s'", path, choices[i].key,
                name ? name : "");
}

static int read_choices(const json_t *object, struct valence_model_config *config, size_t *n_keys,
                        const char *path, struct valence_error *error)
{
    int chosen[N_CHOICES], status = VALENCE_OK;
    for (size_t i = 0; i < N_CHOICES && !status; i++)
        status = read_choice(object, i, &chosen[i], n_keys, path, error);
    if (status)
        return status;
    config->fusion = (enum valence_fusion)chosen[0];
    config->views = (enum valence_view_set)chosen[1];
    config->modality_weights = (enum valence_weighting)chosen[2];
    config->view_weights = (enum valence_weighting)chosen[3];
    return VALENCE_OK;
}

/* Only models of classes have it. */
static int read_classes(const json_t *object, struct valence_model_config *config, size_t *n_keys,
                        const char *path, struct valence_error *error)
{
    if (!json_object_get(object, "classes"))
        return VALENCE_OK;
    ++*n_keys;
    return read_integer(object, "classes", &config->n_classes, path, error);
}

/* Only transformers have them. */
static int read_transformer(const json_t *object, struct valence_model_config *config,
                            size_t *n_keys, const char *path, struct valence_error *error)
{
    if (config->fusion != VALENCE_FUSION_TRANSFORMER)
        return VALENCE_OK;
    *n_keys += 2;
    int status = read_integer(object, "layers", &config->n_layers, path, error);
    return status ? status : read_integer(object, "heads", &config->n_heads, path, error);
}

static int read_flows(const json_t *flows, struct valence_model_config *config, const char *path,
                      struct valence_error *error)
{
    size_t n = json_array_size(flows);
    if (n < 1 || n > VALENCE_MAX_FLOWS)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: config: %zu flows", path, n);
    config->n_flows = (int)n;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(flows, i));
        int missing = name ? valence_flow_from_name(name) : -1;
        if (missing < 0)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: config: flow %zu has no known name", path,
                        i + 1);
        config->flows[i] = (unsigned)missing;
    }
    return VALENCE_OK;
}

int model_config_from_json(const json_t *object, struct valence_model_config *config,
                           const char *path, struct valence_error *error)
{
    const json_t *widths = json_object_get(object, "widths");
    valence_model_config_default(config);
    size_t n_keys = 7;
    int status = read_choices(object, config, &n_keys, path, error);
    if (!status)
        status = read_transformer(object, config, &n_keys, path, error);
    if (!status)
        status = read_classes(object, config, &n_keys, path, error);
    if (!status)
        status = check_keys(object, n_keys, "", path, error);
    if (!status)
        status = check_keys(widths, VALENCE_N_MODALITIES, " widths:", path, error);
    for (int m = 0; m < VALENCE_N_MODALITIES && !status; m++)
        status = read_integer(widths, valence_modality_names[m], &config->widths[m], path, error);
    if (!status)
        status = read_integer(object, "d", &config->d, path, error);
    if (!status)
        status = read_integer(object, "o", &config->o, path, error);
    if (!status)
        status = read_number(object, "dropout", &config->dropout, path, error);
    if (!status)
        status = read_number(object, "attention_dropout", &config->attention_dropout, path, error);
    if (!status)
        status = read_imagination(json_object_get(object, "imagination"), config, path, error);
    if (!status)
        status = read_flows(json_object_get(object, "flows"), config, path, error);
    if (!status && (status = valence_model_config_check(config, error)))
        status = fail_within(status, error, "%s: config", path);
    return status;
}
