/* Text files of a transcript each. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "encode/files/file_encoder.h"
#include "encode/files/input_files.h"

#define MAX_TEXT_BYTES (1 << 20)

static int read_transcript(const char *path, char **transcript, struct valence_error *error)
{
    size_t size;
    int status = file_read_text(path, MAX_TEXT_BYTES, transcript, &size, error);
    if (!status && strlen(*transcript) < size) {
        status = fail(error, VALENCE_ERROR_DATA,
                      "%s: byte %zu is NUL, which text never contains (is it UTF-16? convert it, "
                      "e.g. with iconv -f UTF-16 -t UTF-8)",
                      path, strlen(*transcript));
        free(*transcript);
    }
    return status;
}

static int encode_text(void *self, const char *const *paths, int64_t n,
                       const struct valence_progress *progress, struct valence_features *features,
                       struct file_said *said, struct valence_error *error)
{
    char *transcript;
    (void)n, (void)said; /* one */
    int status = read_transcript(paths[0], &transcript, error);
    if (status)
        return status;
    status = valence_transcript_encoder_encode(self, (const char *const[]){transcript}, 1, progress,
                                               features, error);
    free(transcript);
    if (status)
        return fail_within(status, error, "%s", paths[0]);
    if (features->offsets[1] > 0)
        return VALENCE_OK;
    valence_features_free(features);
    return fail(error, VALENCE_ERROR_DATA, "%s: holds no words", paths[0]);
}

int valence_encode_text_files(struct valence_transcript_encoder *encoder, const char *const *inputs,
                              int64_t n_inputs, const char *output,
                              const struct valence_encode_options *options,
                              struct valence_encode_report **report, struct valence_error *error)
{
    const struct feature_note note = {"encoder", valence_transcript_encoder_settings(encoder)};
    const struct valence_encoder *model = valence_transcript_encoder_model(encoder);
    struct file_encoder files = {.width = valence_encoder_describe(model)->width,
                                 .notes = &note,
                                 .n_notes = 1,
                                 .endings = text_endings,
                                 .together = 1,
                                 .self = encoder,
                                 .encode = encode_text};
    return encode_many_files(&files, inputs, n_inputs, output, options, report, error);
}
