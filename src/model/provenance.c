/* What a checkpoint says about where it comes from, as texts. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "model/model_private.h"

enum { TEXT_CONFIGURATION = VALENCE_N_STREAMS, TEXT_SOURCE };

/* An object as JSON text that the model owns; "" if there is none. */
static const char *json_text(struct valence_model *model, int place, const json_t *object,
                             bool *complete)
{
    if (!json_is_object(object))
        return "";
    model->texts[place] = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    *complete = *complete && model->texts[place];
    return model->texts[place] ? model->texts[place] : "";
}

static const char *string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int model_read_provenance(struct valence_model *model, struct valence_error *error)
{
    const json_t *from = model->checkpoint.provenance;
    const json_t *source = json_object_get(from, "source");
    bool complete = true;
    struct valence_model_provenance *to = &model->provenance;
    to->version = string(from, "valence");
    to->converted_from = string(from, "converted_from");
    to->store = string(from, "store");
    to->data = string(from, "data");
    to->configuration =
        json_text(model, TEXT_CONFIGURATION, json_object_get(from, "config"), &complete);
    to->source = json_text(model, TEXT_SOURCE, source, &complete);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        (void)json_text(
            model, s,
            json_object_get(json_object_get(source, "encoders"), model->checkpoint.stream_names[s]),
            &complete);
    return complete ? VALENCE_OK : fail_memory(error, 1 << 14, "a model's provenance");
}

const char *valence_model_class_name(const struct valence_model *model, int class_number)
{
    if (!model || class_number < 0 || class_number >= model->checkpoint.config.n_classes)
        return NULL;
    const json_t *names = json_object_get(model->checkpoint.provenance, "classes");
    const char *name = json_string_value(json_array_get(names, (size_t)class_number));
    return name ? name : "";
}

const char *valence_model_encoder(const struct valence_model *model, enum valence_stream stream)
{
    const char *text = (unsigned)stream < VALENCE_N_STREAMS ? model->texts[stream] : NULL;
    return text ? text : "";
}

const struct valence_model_provenance *
valence_model_get_provenance(const struct valence_model *model)
{
    return &model->provenance;
}
