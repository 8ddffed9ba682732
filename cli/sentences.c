#include "sentences.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#ifdef VALENCE_WITH_ENCODERS

#include "evaluate/encodings.h"
#include "model_cache.h"
#include "valence/store.h"
#include "valence/transcripts.h"
#include "temporary_store.h"

/* ---- The encoder that training used ---- */

/* The model known by the name of its file; NULL where there is none. */
static const char *known_name(const json_t *settings)
{
    const char *source = json_string_value(json_object_get(settings, "source"));
    for (int i = 0; source && i < n_known_models; i++)
        if (strcmp(known_models[i].file, source) == 0)
            return known_models[i].name;
    return NULL;
}

static int read_settings(const char *checkpoint, char stream[VALENCE_STORE_NAME_BYTES],
                         json_t **settings, struct valence_error *error)
{
    int status = encodings_trained(checkpoint, VALENCE_STREAM_TEXT, stream, settings, error);
    if (!status && !*settings)
        status = fail(error, VALENCE_ERROR_UNSUPPORTED,
                      "%s: was not trained on text that 'valence encode text' or 'valence import "
                      "--encode-text' made, so it is not known how to encode a sentence",
                      checkpoint);
    return status;
}

static int open_encoder(const json_t *trained, const char *name, bool offline, bool quiet,
                        struct valence_transcript_encoder **encoder, struct valence_error *error)
{
    char *path = NULL, *recorded = json_dumps(trained, JSON_COMPACT);
    int status = recorded ? VALENCE_OK : fail_memory(error, 0, "the encoder's settings");
    if (!status && !name)
        status =
            fail(error, VALENCE_ERROR_ARGUMENT,
                 "the model's text was encoded with %.200s: say where it is with --encoder FILE",
                 json_string_value(json_object_get(trained, "source")));
    if (!status)
        status = model_path(name, offline, quiet, &path, error);
    if (!status)
        status = valence_transcript_encoder_open_recorded(path, recorded, NULL, encoder, error);
    free(recorded);
    free(path);
    return status;
}

/* ---- The store ---- */

static int add_sentence(struct valence_store_writer *writer, const char *sentence,
                        const struct valence_features *features, int64_t i,
                        struct valence_error *error)
{
    char id[VALENCE_STORE_ID_BYTES];
    size_t length = strlen(sentence);
    if (length >= sizeof id)
        for (length = sizeof id - 1;
             length > 0 && ((unsigned char)sentence[length] & 0xC0) == 0x80;)
            length--; /* no character is cut in two */
    snprintf(id, sizeof id, "%.*s", (int)length, sentence);
    struct valence_clip clip = {
        .id = id, .group = "", .transcript = sentence, .label = NAN, .split = VALENCE_TEST};
    struct valence_clip_rows rows = {.stream = 0,
                                     .n_rows = features->offsets[i + 1] - features->offsets[i],
                                     .rows =
                                         features->rows + features->offsets[i] * features->width};
    if (rows.n_rows == 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "--text '%s': there are no words in it", id);
    return valence_store_writer_has(writer, id)
               ? VALENCE_OK
               : valence_store_writer_add(writer, &clip, &rows, 1, error);
}

static int write_store(const char *folder, const char *stream, const struct option_list *sentences,
                       const struct valence_features *features, struct valence_error *error)
{
    struct valence_store_stream format = {.width = features->width, .type = VALENCE_F32};
    struct valence_store_writer *writer;
    strcpy(format.name, stream);
    int status = valence_store_writer_open(folder, &format, 1, NULL, &writer, error);
    for (int i = 0; i < sentences->n && !status; i++)
        status = add_sentence(writer, sentences->values[i], features, i, error);
    if (!status)
        status = valence_store_writer_finish(writer, error);
    int closed = valence_store_writer_close(writer, status ? NULL : error);
    return status ? status : closed;
}

int sentences_encode(const char *checkpoint, const struct option_list *sentences,
                     const char *encoder, bool offline, bool quiet, char **folder,
                     struct valence_error *error)
{
    char stream[VALENCE_STORE_NAME_BYTES];
    json_t *settings;
    struct valence_transcript_encoder *opened = NULL;
    struct valence_features features = {0};
    *folder = NULL;
    int status = read_settings(checkpoint, stream, &settings, error);
    if (!status)
        status = open_encoder(settings, encoder ? encoder : known_name(settings), offline, quiet,
                              &opened, error);
    if (!status)
        status = valence_transcript_encoder_encode(opened, sentences->values, sentences->n, NULL,
                                                   &features, error);
    if (!status)
        status = temporary_store_make(folder, error);
    if (!status)
        status = write_store(*folder, stream, sentences, &features, error);
    if (status) {
        temporary_store_remove(*folder);
        *folder = NULL;
    }
    valence_features_free(&features);
    valence_transcript_encoder_close(opened);
    json_decref(settings);
    return status;
}

#else

int sentences_encode(const char *checkpoint, const struct option_list *sentences,
                     const char *encoder, bool offline, bool quiet, char **folder,
                     struct valence_error *error)
{
    (void)checkpoint, (void)sentences, (void)encoder, (void)offline, (void)quiet;
    *folder = NULL;
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "--text: this build has no encoders (configure with -DVALENCE_ENCODERS=ON)");
}

#endif
