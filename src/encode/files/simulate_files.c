/* Sound files, and what is heard in them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/files/file_encoder.h"
#include "encode/files/input_files.h"
#include "encode/files/media_source.h"
#include "encode/simulated/simulation_record.h"

struct listener {
    struct valence_simulator *simulator;
    const struct valence_media_options *media;
};

/* The rows go from one owner to the other. */
static int take_rows(struct valence_simulation *heard, struct valence_features *features,
                     struct valence_error *error)
{
    features->offsets = allocate(2, sizeof *features->offsets);
    if (!features->offsets)
        return fail_memory(error, 2 * sizeof *features->offsets, "features");
    features->n_inputs = 1;
    features->width = heard->width;
    features->offsets[1] = heard->n_rows;
    features->rows = heard->rows;
    heard->rows = NULL;
    return VALENCE_OK;
}

static int listen(void *self, const char *const *paths, int64_t n,
                  const struct valence_progress *progress, struct valence_features *features,
                  struct file_said *said, struct valence_error *error)
{
    const struct listener *listener = self;
    struct valence_sound *sound;
    struct valence_simulation heard;
    (void)n; /* one */
    int status =
        read_sound(paths[0], listener->media, valence_simulator_rate_hz(listener->simulator),
                   &sound, &said->warning, error);
    if (status)
        return status;
    status = valence_simulate(listener->simulator, sound->samples, sound->n_samples, progress,
                              &heard, error);
    valence_sound_free(sound);
    if (status)
        return fail_within(status, error, "%s", paths[0]);
    json_t *json = simulation_to_json(&heard);
    said->notes = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    said->flags = heard.flags;
    status =
        said->notes ? take_rows(&heard, features, error) : fail_memory(error, 0, "what was heard");
    json_decref(json);
    valence_simulation_free(&heard);
    return status;
}

int valence_simulate_files(struct valence_simulator *simulator, const char *const *inputs,
                           int64_t n_inputs, const char *output,
                           const struct valence_encode_options *options,
                           struct valence_encode_report **report, struct valence_error *error)
{
    const struct feature_note note = {"encoder", valence_simulator_settings(simulator)};
    struct listener self = {simulator, options ? options->media : NULL};
    struct file_encoder files = {.width = valence_simulator_width(simulator),
                                 .notes = &note,
                                 .n_notes = 1,
                                 .endings = sound_endings,
                                 .together = 1,
                                 .self = &self,
                                 .encode = listen};
    return encode_many_files(&files, inputs, n_inputs, output, options, report, error);
}
