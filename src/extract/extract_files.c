/* One stream of many films or sounds, by an extractor, to files of features. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/files/file_encoder.h"
#include "encode/files/input_files.h"
#include "extract/extractor.h"

struct clip_encoder {
    struct valence_extractor *extractor;
    enum valence_stream stream;
    int64_t width;
};

/* Takes over the rows of a clip. */
static int copy_rows(const struct clip_encoder *encoder, const struct valence_extracted *clip,
                     const char *path, struct valence_features *features,
                     struct valence_error *error)
{
    int64_t n;
    const float *rows = valence_extracted_rows(clip, encoder->stream, &n);
    if (n == 0)
        return fail(error, VALENCE_ERROR_DATA, "%s: has no rows of the stream '%s'", path,
                    valence_stream_names[encoder->stream]);
    *features = (struct valence_features){.n_inputs = 1, .width = encoder->width};
    features->offsets = allocate(2, sizeof *features->offsets);
    features->rows = allocate(n, (size_t)encoder->width * sizeof(float));
    if (!features->offsets || !features->rows) {
        valence_features_free(features);
        return fail_memory(error, (size_t)(n * encoder->width) * sizeof(float), "features");
    }
    features->offsets[1] = n;
    memcpy(features->rows, rows, (size_t)(n * encoder->width) * sizeof(float));
    return VALENCE_OK;
}

static int copy_text(const char *text, char **copy, struct valence_error *error)
{
    *copy = *text ? strdup(text) : NULL;
    return *text && !*copy ? fail_memory(error, strlen(text), "a text") : VALENCE_OK;
}

static int encode_clip(void *self, const char *const *paths, int64_t n,
                       const struct valence_progress *progress, struct valence_features *features,
                       struct file_said *said, struct valence_error *error)
{
    const struct clip_encoder *encoder = self;
    struct valence_extracted *clip;
    struct valence_clip_input input = {.path = paths[0]};
    struct valence_media *piped = NULL;
    int status = VALENCE_OK;
    (void)n; /* one */
    if (strcmp(paths[0], "-") == 0) {
        status = valence_media_open_descriptor(STDIN_FILENO, "standard input",
                                               &encoder->extractor->pictures.media, &piped, error);
        input = (struct valence_clip_input){.media = piped};
    }
    if (!status)
        status = valence_extract_clip(encoder->extractor, &input, progress, &clip, error);
    if (!status) {
        status = copy_rows(encoder, clip, paths[0], features, error);
        if (!status)
            status = copy_text(valence_extracted_get_facts(clip)->warning, &said->warning, error);
        if (!status)
            status = copy_text(valence_extracted_record(clip), &said->notes, error);
        valence_extracted_free(clip);
    }
    valence_media_close(piped);
    return status;
}

/* The stream's part of the settings, as text; free() it. */
static char *settings_of(const struct clip_encoder *encoder)
{
    json_t *all = json_loads(valence_extractor_settings(encoder->extractor), 0, NULL);
    char *text =
        json_dumps(json_object_get(all, valence_stream_names[encoder->stream]), JSON_COMPACT);
    json_decref(all);
    return text;
}

int valence_extract_files(struct valence_extractor *extractor, enum valence_stream stream,
                          const char *const *inputs, int64_t n_inputs, const char *output,
                          const struct valence_encode_options *options,
                          struct valence_encode_report **report, struct valence_error *error)
{
    struct clip_encoder self = {extractor, stream, valence_extractor_width(extractor, stream)};
    *report = NULL;
    if (self.width == 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the extractor does not make this stream");
    char *settings = settings_of(&self);
    if (!settings)
        return fail_memory(error, 0, "the encoders' settings");
    const struct feature_note notes[] = {{"encoders", settings}};
    struct file_encoder files = {.width = self.width,
                                 .notes = notes,
                                 .n_notes = 1,
                                 .endings =
                                     stream == VALENCE_STREAM_VIDEO ? film_endings : sound_endings,
                                 .together = 1,
                                 .self = &self,
                                 .encode = encode_clip};
    int status = encode_many_files(&files, inputs, n_inputs, output, options, report, error);
    free(settings);
    return status;
}
