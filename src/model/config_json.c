#include "model/config_json.h"

#include <string.h>

#include "base/fail.h"

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
    return json_pack("{s:o, s:I, s:I, s:s, s:f, s:f, s:o}", "widths", widths, "d",
                     (json_int_t)config->d, "o", (json_int_t)config->o, "imagination",
                     valence_imagination_names[config->imagination], "dropout", config->dropout,
                     "attention_dropout", config->attention_dropout, "flows", flows);
}

static int read_imagination(const char *name, struct valence_model_config *config, const char *path,
                            struct valence_error *error)
{
    for (int i = 0; i < VALENCE_N_IMAGINATIONS; i++)
        if (strcmp(name, valence_imagination_names[i]) == 0) {
            config->imagination = i;
            return VALENCE_OK;
        }
    return fail(error, VALENCE_ERROR_FORMAT, "%s: config: unknown imagination '%s'", path, name);
}

static int read_flows(json_t *flows, struct valence_model_config *config, const char *path,
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
    json_int_t widths[VALENCE_N_MODALITIES], d, o;
    const char *imagination;
    json_t *flows;
    json_error_t problem;
    *config = (struct valence_model_config){0};
    if (json_unpack_ex((json_t *)(uintptr_t)object, &problem, JSON_STRICT,
                       "{s:{s:I, s:I, s:I !}, s:I, s:I, s:s, s:F, s:F, s:o !}", "widths", "audio",
                       &widths[VALENCE_AUDIO], "text", &widths[VALENCE_TEXT], "video",
                       &widths[VALENCE_VIDEO], "d", &d, "o", &o, "imagination", &imagination,
                       "dropout", &config->dropout, "attention_dropout", &config->attention_dropout,
                       "flows", &flows) != 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: config: %s", path, problem.text);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        config->widths[m] = widths[m];
    config->d = d;
    config->o = o;
    int status = read_imagination(imagination, config, path, error);
    if (!status)
        status = read_flows(flows, config, path, error);
    if (!status && (status = valence_model_config_check(config, error)))
        status = fail_within(status, error, "%s: config", path);
    return status;
}
