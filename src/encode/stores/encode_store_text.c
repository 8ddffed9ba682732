/* The transcripts of a store's clips. */
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/stores/store_encoder.h"

#define TOGETHER 64

struct reader {
    struct valence_transcript_encoder *encoder;
    struct valence_features features; /* of the last clips, as the metadata is */
    json_t *metadata[TOGETHER];
};

static void forget_last(struct reader *reader)
{
    valence_features_free(&reader->features);
    for (int i = 0; i < TOGETHER; i++) {
        json_decref(reader->metadata[i]);
        reader->metadata[i] = NULL;
    }
}

/* {"row_words": [0, 0, 1]}: which word of the transcript each row is of, so that a report can say
 * how much attention each word gets. *metadata stays NULL where no row is of a word. */
static int describe_rows(const struct reader *reader, const char *transcript, int64_t n_rows,
                         json_t **metadata, struct valence_error *error)
{
    int64_t *words = n_rows > 0 ? allocate(n_rows, sizeof *words) : NULL;
    json_t *list = json_array();
    bool has_words = false, complete = list && (words || n_rows == 0);
    int status = complete ? VALENCE_OK : fail_memory(error, (size_t)n_rows * 8, "words");
    if (!status && n_rows > 0)
        status = valence_transcript_encoder_find_words(reader->encoder, transcript, n_rows, words,
                                                       error);
    for (int64_t i = 0; i < n_rows && !status; i++) {
        has_words = has_words || words[i] >= 0;
        complete = json_array_append_new(list, json_integer(words[i])) == 0 && complete;
    }
    if (!status && has_words)
        *metadata = json_pack("{s:O}", "row_words", list);
    if (!status && has_words && (!complete || !*metadata))
        status = fail_memory(error, (size_t)n_rows * 8, "words");
    json_decref(list);
    free(words);
    return status;
}

static int encode_transcripts(void *self, const struct valence_clip *const *clips, int64_t n,
                              const struct valence_progress *progress, struct encoded_clip *encoded,
                              struct valence_error *error)
{
    struct reader *reader = self;
    struct valence_features *features = &reader->features;
    const char *transcripts[TOGETHER];
    for (int64_t i = 0; i < n; i++)
        transcripts[i] = clips[i]->transcript;
    forget_last(reader);
    int status = valence_transcript_encoder_encode(reader->encoder, transcripts, n, progress,
                                                   features, error);
    for (int64_t i = 0; i < n && !status; i++) {
        encoded[i].n_rows = features->offsets[i + 1] - features->offsets[i];
        encoded[i].rows = features->rows + features->offsets[i] * features->width;
        if (encoded[i].n_rows == 0)
            encoded[i].state = VALENCE_NOTHING_TO_ENCODE;
        status =
            describe_rows(reader, transcripts[i], encoded[i].n_rows, &reader->metadata[i], error);
        encoded[i].metadata = reader->metadata[i];
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
    forget_last(&self);
    return status;
}
