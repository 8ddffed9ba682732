#include "sentences.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "valence/text.h"
#include "valence/error.h"

#ifdef VALENCE_WITH_ENCODERS

#include "model_cache.h"
#include "valence/transcripts.h"

/* ---- The encoder that training used ---- */

/* The model known by the name of its file; NULL if there is none. */
static const char *known_name(const json_t *settings)
{
    const char *source = json_string_value(json_object_get(settings, "source"));
    for (int i = 0; source && i < valence_n_known_models(); i++)
        if (strcmp(valence_known_model_get(i)->file, source) == 0)
            return valence_known_model_get(i)->name;
    return NULL;
}

static int read_settings(const struct valence_model *model, json_t **settings,
                         struct valence_error *error)
{
    const char *text = valence_model_encoder(model, VALENCE_STREAM_TEXT);
    *settings = json_loads(text, 0, NULL);
    if (*settings)
        return VALENCE_OK;
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "the model was not trained on text that valence encoded, so valence does "
                        "not know how to encode a sentence");
}

static int open_encoder(const json_t *trained, const char *name, bool offline, bool quiet,
                        struct valence_transcript_encoder **encoder, struct valence_error *error)
{
    char *path = NULL, *recorded = json_dumps(trained, JSON_COMPACT);
    int status = recorded ? VALENCE_OK
                          : valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s",
                                         "the encoder's settings");
    if (!status && !name)
        status = valence_fail(
            error, VALENCE_ERROR_ARGUMENT, NULL,
            "the model's text was encoded with %.200s: say where it is with --model FILE",
            json_string_value(json_object_get(trained, "source")));
    if (!status)
        status = model_path(name, offline, quiet, &path, error);
    if (!status)
        status = valence_transcript_encoder_open_recorded(path, recorded, NULL, encoder, error);
    free(recorded);
    valence_text_free(path);
    return status;
}

/* ---- The batch ---- */

static int predict_features(const struct valence_model *model, const struct option_list *sentences,
                            const struct valence_features *features,
                            const struct valence_predict_options *options,
                            valence_prediction_receiver receive, void *user,
                            struct valence_prediction_counts *counts, struct valence_error *error)
{
    struct valence_workspace *workspace;
    struct valence_batch batch = {.n_clips = features->n_inputs};
    batch.streams[VALENCE_STREAM_TEXT] = (struct valence_rows){.data = features->rows,
                                                               .type = VALENCE_F32,
                                                               .width = features->width,
                                                               .offsets = features->offsets};
    for (int i = 0; i < sentences->n; i++)
        if (features->offsets[i + 1] == features->offsets[i])
            return valence_fail(error, VALENCE_ERROR_ARGUMENT, NULL,
                                "--text '%.200s': it has no words", sentences->values[i]);
    int status = valence_workspace_create(model, &workspace, error);
    if (!status)
        status = valence_predict_batch(workspace, &batch, options, receive, user, counts, error);
    valence_workspace_free(workspace);
    return status;
}

int sentences_predict(const struct valence_model *model, const struct option_list *sentences,
                      const char *encoder, bool offline, bool quiet,
                      const struct valence_predict_options *options,
                      valence_prediction_receiver receive, void *user,
                      struct valence_prediction_counts *counts, struct valence_error *error)
{
    json_t *settings;
    struct valence_transcript_encoder *opened = NULL;
    struct valence_features features = {0};
    int status = read_settings(model, &settings, error);
    if (!status)
        status = open_encoder(settings, encoder ? encoder : known_name(settings), offline, quiet,
                              &opened, error);
    if (!status)
        status = valence_transcript_encoder_encode(opened, sentences->values, sentences->n, NULL,
                                                   &features, error);
    if (!status)
        status =
            predict_features(model, sentences, &features, options, receive, user, counts, error);
    valence_features_free(&features);
    valence_transcript_encoder_close(opened);
    json_decref(settings);
    return status;
}

#else

int sentences_predict(const struct valence_model *model, const struct option_list *sentences,
                      const char *encoder, bool offline, bool quiet,
                      const struct valence_predict_options *options,
                      valence_prediction_receiver receive, void *user,
                      struct valence_prediction_counts *counts, struct valence_error *error)
{
    (void)model, (void)sentences, (void)encoder, (void)offline, (void)quiet, (void)options;
    (void)receive, (void)user, (void)counts;
    return valence_fail(
        error, VALENCE_ERROR_UNSUPPORTED, NULL,
        "--text: this build has no encoders (configure with -DVALENCE_ENCODERS=ON)");
}

#endif
