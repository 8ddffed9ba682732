/* Whether a store is what a model was trained on, and encoded as its training's was. */
#include "evaluate/data_match.h"

#include <jansson.h>
#include <string.h>

#include "base/fail.h"
#include "data/data_fingerprint.h"
#include "data/encoder_settings.h"
#include "store/store_source.h"
#include "valence/evaluate.h"

int valence_model_match_data(const struct valence_model *model, const struct valence_store *store,
                             enum valence_data_match *match, struct valence_error *error)
{
    const char *trained = valence_model_get_provenance(model)->data;
    char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES];
    enum data_match found;
    *match = VALENCE_DATA_UNKNOWN;
    if (!trained[0])
        return VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        snprintf(names[s], sizeof names[s], "%s",
                 valence_model_stream_name(model, (enum valence_stream)s));
    int status = data_fingerprint_compare(store, names, trained, &found, error);
    if (!status)
        *match = found == DATA_SAME ? VALENCE_DATA_SAME : VALENCE_DATA_OTHER;
    return status;
}

int check_encodings(const struct valence_model *model, const struct valence_store *store,
                    const char *text_stream, struct valence_error *error)
{
    const json_t *source = store_source_json(store);
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        const char *name = valence_model_stream_name(model, (enum valence_stream)s);
        const char *text = valence_model_encoder(model, (enum valence_stream)s);
        json_t *trained = text[0] ? json_loads(text, 0, NULL) : NULL;
        if (s == VALENCE_STREAM_TEXT && text_stream)
            name = text_stream;
        const json_t *now = encoder_settings(source, name);
        if (text[0] && !trained) /* the library wrote it */
            status = fail_memory(error, strlen(text), "an encoder's settings");
        else if (trained && now && (status = encoder_settings_compare(trained, now, name, error)))
            (void)fail_within(status, error, "%s", valence_store_path(store));
        json_decref(trained);
    }
    return status;
}
