/* The transcripts of a store's clips. */
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/stores/damaged_words.h"
#include "encode/stores/store_encoder.h"

#define TOGETHER 64

struct reader {
    struct valence_transcript_encoder *encoder;
    const struct word_damage *damage; /* NULL: none */
    struct valence_features features; /* of the last clips, as what follows is */
    json_t *metadata[TOGETHER];
    struct damaged_text damaged[TOGETHER];
};

static void forget_last(struct reader *reader)
{
    valence_features_free(&reader->features);
    for (int i = 0; i < TOGETHER; i++) {
        json_decref(reader->metadata[i]);
        reader->metadata[i] = NULL;
        damaged_text_free(&reader->damaged[i]);
    }
}

/* The word of the store's transcript that a word of the encoded one is, or stands for. */
static int64_t original_word(const struct damaged_text *damaged, int64_t word)
{
    return damaged->text && word >= 0 && word < damaged->n ? damaged->origins[word] : word;
}

/* {"row_words": [0, 0, 1]}: which word of the transcript each row is of, so that a report can say
 * how much attention each word gets. *metadata stays NULL where no row is of a word. */
static int describe_rows(const struct reader *reader, const char *transcript,
                         const struct damaged_text *damaged, int64_t n_rows, json_t **metadata,
                         struct valence_error *error)
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
        complete =
            json_array_append_new(list, json_integer(original_word(damaged, words[i]))) == 0 &&
            complete;
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
    int status = VALENCE_OK;
    forget_last(reader);
    for (int64_t i = 0; i < n && !status; i++) {
        transcripts[i] = clips[i]->transcript;
        if (!reader->damage || !transcripts[i])
            continue;
        status = word_damage_apply(reader->damage, clips[i]->id, transcripts[i],
                                   &reader->damaged[i], error);
        transcripts[i] = reader->damaged[i].text;
    }
    if (!status)
        status = valence_transcript_encoder_encode(reader->encoder, transcripts, n, progress,
                                                   features, error);
    for (int64_t i = 0; i < n && !status; i++) {
        encoded[i].n_rows = features->offsets[i + 1] - features->offsets[i];
        encoded[i].rows = features->rows + features->offsets[i] * features->width;
        if (encoded[i].n_rows == 0)
            encoded[i].state = VALENCE_NOTHING_TO_ENCODE;
        status = describe_rows(reader, transcripts[i], &reader->damaged[i], encoded[i].n_rows,
                               &reader->metadata[i], error);
        encoded[i].metadata = reader->metadata[i];
    }
    return status;
}

/* The encoder's settings and, where words are damaged, how. NULL where memory is short. */
static char *settings_of(const char *encoder, const struct valence_encode_store_options *options)
{
    json_t *settings = json_loads(encoder, 0, NULL);
    bool made = settings != NULL;
    if (made && (options->drop_words > 0 || options->replace_words > 0))
        made = json_object_set_new(settings, "damage",
                                   json_pack("{s:f, s:f, s:I}", "drop_words", options->drop_words,
                                             "replace_words", options->replace_words, "seed",
                                             (json_int_t)options->damage_seed)) == 0;
    char *text = made ? json_dumps(settings, JSON_COMPACT) : NULL;
    json_decref(settings);
    return text;
}

/* Words to damage come from the store at `from`, which is opened for them. */
static int open_damage(const char *from, const struct valence_encode_store_options *options,
                       struct valence_store **store, struct word_damage *damage,
                       struct valence_error *error)
{
    int status = valence_store_open(from, NULL, store, error);
    return status ? status
                  : word_damage_open(*store, options->drop_words, options->replace_words,
                                     options->damage_seed, damage, error);
}

int valence_encode_store_text(struct valence_transcript_encoder *encoder, const char *from,
                              const char *to, const struct valence_encode_store_options *options,
                              struct valence_encode_report **report, struct valence_error *error)
{
    const struct valence_encoder *model = valence_transcript_encoder_model(encoder);
    struct word_damage damage = {0};
    struct valence_store *words = NULL;
    struct reader self = {.encoder = encoder};
    struct valence_encode_store_options own;
    char *settings = NULL;
    *report = NULL;
    int status = encode_store_options_read(&own, options, error);
    if (!status && (own.drop_words != 0 || own.replace_words != 0)) {
        status = open_damage(from, &own, &words, &damage, error);
        self.damage = &damage;
    }
    if (!status) {
        settings = settings_of(valence_transcript_encoder_settings(encoder), &own);
        status = settings ? VALENCE_OK : fail_memory(error, 0, "the encoder's settings");
    }
    const struct store_encoder store = {.stream = valence_stream_names[VALENCE_STREAM_TEXT],
                                        .width = valence_encoder_describe(model)->width,
                                        .settings = settings,
                                        .together = TOGETHER,
                                        .self = &self,
                                        .encode = encode_transcripts};
    if (!status)
        status = encode_store(&store, from, to, &own, report, error);
    forget_last(&self);
    word_damage_close(&damage);
    valence_store_close(words);
    free(settings);
    return status;
}
