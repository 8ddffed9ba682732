/* The sounds of a store's clips, and what is heard in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "encode/files/input_files.h"
#include "encode/files/media_source.h"
#include "encode/simulated/simulation_record.h"
#include "encode/stores/store_encoder.h"

struct listener {
    struct valence_simulator *simulator;
    const struct valence_encode_store_options *options;
    struct valence_simulation heard; /* in the last clip */
    json_t *json;
};

static void forget(struct listener *listener)
{
    valence_simulation_free(&listener->heard);
    json_decref(listener->json);
    listener->json = NULL;
}

/* The clip's sound, FOLDER/ID.wav or with another ending, in *path (free() it). */
static int find_sound(const char *folder, const char *id, char **path, struct valence_error *error)
{
    char name[VALENCE_STORE_ID_BYTES + 8];
    *path = NULL;
    if (strchr(id, '/'))
        return fail(error, VALENCE_ERROR_DATA, "clip '%s': an id with '/' names no file in %s", id,
                    folder);
    for (const char *const *ending = sound_endings; *ending; ending++) {
        snprintf(name, sizeof name, "%s%s", id, *ending);
        *path = path_join(folder, name);
        if (!*path)
            return fail_memory(error, strlen(name), "a path");
        if (path_exists(*path))
            return VALENCE_OK;
        free(*path);
    }
    *path = NULL;
    return fail(error, VALENCE_ERROR_NOT_FOUND, "no sound %s/%s.wav", folder, id);
}

static int listen(struct listener *listener, const char *path,
                  const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_sound *sound;
    char *warning;
    int status =
        read_sound(path, listener->options->media, valence_simulator_rate_hz(listener->simulator),
                   &sound, &warning, error);
    if (status)
        return status;
    free(warning); /* accept_damaged asked for it */
    status = valence_simulate(listener->simulator, sound->samples, sound->n_samples, progress,
                              &listener->heard, error);
    valence_sound_free(sound);
    if (status)
        return fail_within(status, error, "%s", path);
    listener->json = simulation_to_json(&listener->heard);
    return listener->json ? VALENCE_OK : fail_memory(error, 0, "what was heard");
}

static int encode_sound(void *self, const struct valence_clip *const *clips, int64_t n,
                        const struct valence_progress *progress, struct encoded_clip *encoded,
                        struct valence_error *error)
{
    struct listener *listener = self;
    char *path;
    (void)n; /* one */
    forget(listener);
    int status = find_sound(listener->options->sounds, clips[0]->id, &path, error);
    if (!status)
        status = listen(listener, path, progress, error);
    free(path);
    if (!status)
        *encoded = (struct encoded_clip){.state = VALENCE_ENCODED,
                                         .n_rows = listener->heard.n_rows,
                                         .rows = listener->heard.rows,
                                         .metadata = listener->json,
                                         .flags = listener->heard.flags};
    return status;
}

int valence_simulate_store(struct valence_simulator *simulator, const char *from, const char *to,
                           const struct valence_encode_store_options *options,
                           struct valence_encode_report **report, struct valence_error *error)
{
    struct valence_encode_store_options own;
    struct listener self = {.simulator = simulator, .options = &own};
    const struct store_encoder store = {.stream =
                                            valence_stream_names[VALENCE_STREAM_SIMULATED_TEXT],
                                        .width = valence_simulator_width(simulator),
                                        .settings = valence_simulator_settings(simulator),
                                        .together = 1,
                                        .self = &self,
                                        .encode = encode_sound};
    *report = NULL;
    int status = encode_store_options_read(&own, options, error);
    if (!status && !own.sounds)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "sounds",
                          "the folder of the clips' sounds is missing");
    if (!status && (own.drop_words != 0 || own.replace_words != 0))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT,
                          own.drop_words != 0 ? "drop_words" : "replace_words",
                          "simulated text is heard, not read: it has no words to damage");
    if (!status)
        status = encode_store(&store, from, to, &own, report, error);
    forget(&self);
    return status;
}
