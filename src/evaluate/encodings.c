#include "evaluate/encodings.h"

#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "model/checkpoint.h"
#include "data/encoder_settings.h"

static const json_t *settings_of(const struct checkpoint *checkpoint, enum valence_stream stream)
{
    return encoder_settings(json_object_get(checkpoint->provenance, "source"),
                            checkpoint->stream_names[stream]);
}

int encodings_trained(const char *path, enum valence_stream stream,
                      char name[VALENCE_STORE_NAME_BYTES], json_t **settings,
                      struct valence_error *error)
{
    struct checkpoint checkpoint;
    *settings = NULL;
    int status = checkpoint_load(path, &checkpoint, error);
    if (status)
        return status;
    strcpy(name, checkpoint.stream_names[stream]);
    *settings = json_incref((json_t *)(uintptr_t)settings_of(&checkpoint, stream));
    checkpoint_free(&checkpoint);
    return VALENCE_OK;
}

int encodings_check(const char *path, const struct valence_store *store,
                    struct valence_error *error)
{
    struct checkpoint checkpoint;
    int status = checkpoint_load(path, &checkpoint, error);
    if (status)
        return status;
    json_t *source = json_loads(valence_store_source(store), 0, NULL);
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        const char *name = checkpoint.stream_names[s];
        const json_t *trained = settings_of(&checkpoint, (enum valence_stream)s);
        const json_t *now = encoder_settings(source, name);
        if (trained && now)
            status = encoder_settings_compare(trained, now, name, error);
        if (status)
            status = fail_within(status, error, "%s", valence_store_path(store));
    }
    json_decref(source);
    checkpoint_free(&checkpoint);
    return status;
}
