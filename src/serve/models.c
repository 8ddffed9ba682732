/* The answer of GET /v1/models: the list of OpenAI's API, with what the model reads. */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "serve/serve.h"
#include "valence/model.h"
#include "valence/version.h"

static json_t *modality_names(unsigned set)
{
    json_t *names = json_array();
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (set & VALENCE_BIT(m))
            json_array_append_new(names, json_string(valence_modality_names[m]));
    return names;
}

static json_t *encoders(const struct valence_scorer *scorer)
{
    json_t *object = json_object();
    unsigned used = valence_scorer_modalities(scorer);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (used & VALENCE_BIT(m))
            json_object_set_new(
                object, valence_modality_names[m],
                json_string(valence_scorer_encoder(scorer, (enum valence_modality)m)));
    return object;
}

static json_t *flows(const struct valence_model_config *config)
{
    json_t *names = json_array();
    for (int f = 0; f < config->n_flows; f++)
        json_array_append_new(names, json_string(valence_flow_name(config->flows[f])));
    return names;
}

static json_t *range(const struct valence_model *model)
{
    double low, high;
    return valence_model_label_range(model, &low, &high) ? json_pack("[f,f]", low, high)
                                                         : json_null();
}

char *serve_describe_models(const struct valence_server *server,
                            const struct valence_scorer *scorer)
{
    const struct valence_model *model = valence_scorer_model(scorer);
    json_t *entry = json_pack(
        "{s:s,s:s,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:I,s:i}", "id", server->options.model, "object",
        "model", "created", (json_int_t)time(NULL), "owned_by", "valence", "version",
        valence_version(), "modalities", modality_names(valence_scorer_modalities(scorer)), "reads",
        modality_names(valence_model_modalities(model)), "flows",
        flows(valence_model_get_config(model)), "encoders", encoders(scorer), "range", range(model),
        "parameters", (json_int_t)valence_model_n_parameters(model), "members",
        valence_model_n_members(model));
    json_t *list = entry ? json_pack("{s:s,s:[o]}", "object", "list", "data", entry) : NULL;
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text;
}
