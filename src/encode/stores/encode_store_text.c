/* The transcripts of a store's clips. */
#include "base/fail.h"
#include "encode/stores/store_encoder.h"

#define TOGETHER 64

struct reader {
    struct valence_transcript_encoder *encoder;
    struct valence_features features; /* of the last clips */
};

static int encode_transcripts(void *self, const struct valence_clip *const *clips, int64_t n,
                              const struct valence_progress *progress, struct encoded_clip *encoded,
                              struct valence_error *error)
{
    struct reader *reader = self;
    struct valence_features *features = &reader->features;
    const char *transcripts[TOGETHER];
    for (int64_t i = 0; i < n; i++)
        transcripts[i] = clips[i]->transcript;
    valence_features_free(features);
    int status = valence_transcript_encoder_encode(reader->encoder, transcripts, n, progress,
                                                   features, error);
    for (int64_t i = 0; i < n && !status; i++) {
        encoded[i].n_rows = features->offsets[i + 1] - features->offsets[i];
        encoded[i].rows = features->rows + features->offsets[i] * features->width;
        if (encoded[i].n_rows == 0)
            encoded[i].state = VALENCE_NOTHING_TO_ENCODE;
    }
    return status;
}

int valence_encode_store_text(struct valence_transcript_encoder *encoder, const char *from,
                              const char *to, const struct valence_encode_store_options *options,
                              struct valence_encode_report **report, struct valence_error *error)
{
    const struct valence_encoder *model = valence_transcript_encoder_model(encoder);
    struct reader self = {.encoder = encoder};
    struct valence_encode_store_options own;
    const struct store_encoder store = {.stream = valence_stream_names[VALENCE_STREAM_TEXT],
                                        .width = valence_encoder_describe(model)->width,
                                        .settings = valence_transcript_encoder_settings(encoder),
                                        .together = TOGETHER,
                                        .self = &self,
                                        .encode = encode_transcripts};
    *report = NULL;
    int status = encode_store_options_read(&own, options, error);
    if (!status)
        status = encode_store(&store, from, to, &own, report, error);
    valence_features_free(&self.features);
    return status;
}
