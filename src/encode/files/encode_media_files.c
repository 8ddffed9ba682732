/* Sound files by WavLM, pictures by MANet. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/files/file_encoder.h"
#include "encode/files/input_files.h"
#include "encode/files/media_source.h"
#include "encode/manet/resize.h"

#define PICTURES 32 /* encoded together */

struct media_encoder {
    const struct valence_encoder_description *description;
    struct valence_encoder_state *state;
    const struct valence_media_options *media;
};

static int encode_sound(void *self, const char *const *paths, int64_t n,
                        const struct valence_progress *progress, struct valence_features *features,
                        struct file_said *said, struct valence_error *error)
{
    const struct media_encoder *encoder = self;
    struct valence_sound *sound;
    (void)n; /* one */
    int status = read_sound(paths[0], encoder->media, encoder->description->rate_hz, &sound,
                            &said->warning, error);
    if (status)
        return status;
    struct valence_encoder_input input = {.samples = sound->samples, .n_samples = sound->n_samples};
    status = valence_encoder_encode(encoder->state, &input, 1, progress, features, error);
    valence_sound_free(sound);
    return status ? fail_within(status, error, "%s", paths[0]) : VALENCE_OK;
}

/* The picture at the encoder's size: the decoded one is let go of before the next is read, so that
 * memory is that of one picture whatever their sizes. */
static int read_face(const struct media_encoder *encoder, const char *path, uint8_t *pixels,
                     char **warning, struct valence_error *error)
{
    struct valence_picture *picture;
    int status = read_picture(path, encoder->media, &picture, warning, error);
    if (status)
        return status;
    status = resize_rgb(picture->pixels, picture->width, picture->height,
                        encoder->description->side, pixels, error);
    valence_picture_free(picture);
    return status ? fail_within(status, error, "%s", path) : VALENCE_OK;
}

static int encode_pictures(void *self, const char *const *paths, int64_t n,
                           const struct valence_progress *progress,
                           struct valence_features *features, struct file_said *said,
                           struct valence_error *error)
{
    const struct media_encoder *encoder = self;
    int64_t side = encoder->description->side, bytes = 3 * side * side;
    struct valence_encoder_input inputs[PICTURES];
    uint8_t *pixels = allocate(n, (size_t)bytes);
    int status = pixels ? VALENCE_OK : fail_memory(error, (size_t)(n * bytes), "pictures");
    for (int64_t i = 0; i < n && !status; i++) {
        inputs[i] = (struct valence_encoder_input){
            .pixels = pixels + i * bytes, .width = side, .height = side};
        status = read_face(encoder, paths[i], pixels + i * bytes, &said[i].warning, error);
    }
    if (!status)
        status = valence_encoder_encode(encoder->state, inputs, n, progress, features, error);
    free(pixels);
    return status;
}

int valence_encode_files(const struct valence_encoder *encoder, const char *const *inputs,
                         int64_t n_inputs, const char *output,
                         const struct valence_encode_options *options,
                         struct valence_encode_report **report, struct valence_error *error)
{
    const struct valence_encoder_description *what = valence_encoder_describe(encoder);
    struct media_encoder self = {.description = what, .media = options ? options->media : NULL};
    const struct feature_note notes[] = {{"encoder", what->kind},
                                         {"encoder_layers", what->layers},
                                         {"encoder_type", what->type},
                                         {"encoder_source", what->source},
                                         {"encoder_source_sha256", what->fingerprint},
                                         {"encoder_license", what->license}};
    bool sound = what->rate_hz > 0;
    struct file_encoder files = {.width = what->width,
                                 .notes = notes,
                                 .n_notes = 6,
                                 .endings = sound ? sound_endings : picture_endings,
                                 .together = sound ? 1 : PICTURES,
                                 .self = &self,
                                 .encode = sound ? encode_sound : encode_pictures};
    *report = NULL;
    if (!sound && what->side == 0)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the encoder '%s' takes neither sound nor pictures", what->kind);
    int status = valence_encoder_state_create(encoder, &self.state, error);
    if (!status)
        status = encode_many_files(&files, inputs, n_inputs, output, options, report, error);
    valence_encoder_state_free(self.state);
    return status;
}
