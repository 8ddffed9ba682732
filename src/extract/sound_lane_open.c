/* Loading the encoders of sound and words, and saying what they are. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "extract/extractor.h"
#include "valence/prosody.h"

/* ---- Models ---- */

static int need(const char *path, const char *key, const char *what, struct valence_error *error)
{
    return path ? VALENCE_OK
                : fail_key(error, VALENCE_ERROR_ARGUMENT, key,
                           "%s needs a model, and '%s' is not given", what, key);
}

static int open_encoder(struct sound_lane *lane, int encoder, const char *path, const char *layers,
                        const struct valence_extractor_options *options,
                        struct valence_error *error)
{
    static const char *const keys[] = {"whisper_model", "", "wavlm_model"};
    struct valence_encoder_options own;
    const char *wanted = valence_sound_encoder_names[encoder];
    int status = need(path, keys[encoder], "audio", error);
    if (status)
        return status;
    valence_encoder_options_default(&own);
    own.layers = layers;
    own.device = options->device;
    own.memory = options->memory;
    status = valence_encoder_load(path, &own, &lane->models[encoder], error);
    if (status)
        return status;
    const struct valence_encoder_description *is = valence_encoder_describe(lane->models[encoder]);
    if (strcmp(is->kind, wanted) != 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, keys[encoder],
                        "%s: holds the encoder '%s', not %s", path, is->kind, wanted);
    lane->width += is->width;
    return valence_encoder_state_create(lane->models[encoder], &lane->states[encoder], error);
}

static int copy(const char *from, char **copy, const char **to, struct valence_error *error)
{
    *copy = from ? strdup(from) : NULL;
    *to = *copy;
    return from && !*copy ? fail_memory(error, strlen(from), "an option") : VALENCE_OK;
}

static int open_recognition(struct sound_lane *lane,
                            const struct valence_extractor_options *options,
                            struct valence_error *error)
{
    struct valence_transcribe_options *own = &lane->recognition;
    valence_transcribe_options_default(own);
    int status = options_read(own, sizeof *own, options->recognition, error);
    own->words = true; /* for previews; they cost next to nothing */
    if (!status)
        status = need(options->whisper_model, "whisper_model", "speech recognition", error);
    if (!status)
        status = copy(own->language, &lane->texts[0], &own->language, error);
    if (!status)
        status = copy(own->vad, &lane->texts[1], &own->vad, error);
    if (!status)
        status = copy(own->prompt, &lane->texts[2], &own->prompt, error);
    return status ? status
                  : valence_transcriber_load(options->whisper_model, &lane->transcriber, error);
}

static int open_text(struct sound_lane *lane, const struct valence_extractor_options *options,
                     struct valence_error *error)
{
    struct valence_transcript_options own;
    valence_transcript_options_default(&own);
    int status = options_read(&own, sizeof own, options->transcripts, error);
    own.device = options->device;
    own.memory = options->memory;
    if (!status)
        status = need(options->text_model, "text_model", "text", error);
    if (status)
        return status;
    return options->recorded_transcripts
               ? valence_transcript_encoder_open_recorded(
                     options->text_model, options->recorded_transcripts, &own, &lane->text, error)
               : valence_transcript_encoder_open(options->text_model, &own, &lane->text, error);
}

static int open_simulator(struct sound_lane *lane, const struct valence_extractor_options *options,
                          struct valence_error *error)
{
    struct valence_simulator_models models;
    valence_simulator_models_default(&models);
    models.wavlm = options->wavlm_model;
    models.projector = options->projector_model;
    models.llm = options->simulator_model;
    models.device = options->device;
    models.memory = options->memory;
    int status = need(models.wavlm, "wavlm_model", "simulated text", error);
    if (!status)
        status = need(models.projector, "projector_model", "simulated text", error);
    if (!status)
        status = need(models.llm, "simulator_model", "simulated text", error);
    return status ? status
                  : valence_simulator_open(&models, options->simulator, &lane->simulator, error);
}

int sound_lane_open(struct sound_lane *lane, const struct valence_extractor_options *options,
                    struct valence_error *error)
{
    bool reads =
        options->text != VALENCE_TEXT_NONE || options->simulated_text == VALENCE_SIMULATED_ASR;
    bool recognises =
        options->text == VALENCE_TEXT_ASR || options->simulated_text == VALENCE_SIMULATED_ASR;
    int status = VALENCE_OK;
    lane->encoders = options->audio;
    lane->finds_speaker =
        options->video != VALENCE_PICTURES_NONE && options->person == VALENCE_PERSON_SPEAKING;
    lane->text_source = options->text;
    lane->simulated_source = options->simulated_text;
    if (options->audio & VALENCE_BIT(VALENCE_SOUND_WHISPER))
        status = open_encoder(lane, VALENCE_SOUND_WHISPER, options->whisper_model,
                              options->whisper_layers, options, error);
    if (!status && (options->audio & VALENCE_BIT(VALENCE_SOUND_WAVLM)))
        status = open_encoder(lane, VALENCE_SOUND_WAVLM, options->wavlm_model,
                              options->wavlm_layers, options, error);
    if (options->audio & VALENCE_BIT(VALENCE_SOUND_PROSODY))
        lane->width += VALENCE_PROSODY_COLUMNS;
    if (!status && recognises)
        status = open_recognition(lane, options, error);
    if (!status && reads)
        status = open_text(lane, options, error);
    if (!status && options->simulated_text == VALENCE_SIMULATED_PROJECTOR)
        status = open_simulator(lane, options, error);
    return status;
}

void sound_lane_close(struct sound_lane *lane)
{
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS; i++) {
        valence_encoder_state_free(lane->states[i]);
        valence_encoder_free(lane->models[i]);
    }
    valence_transcriber_free(lane->transcriber);
    valence_transcript_encoder_close(lane->text);
    valence_simulator_free(lane->simulator);
    for (int i = 0; i < 3; i++)
        free(lane->texts[i]);
}

/* ---- Settings ---- */

static json_t *describe_encoder(const struct sound_lane *lane, int encoder)
{
    if (encoder == VALENCE_SOUND_PROSODY)
        return json_pack("{s:s, s:i}", "kind", "prosody", "width", VALENCE_PROSODY_COLUMNS);
    const struct valence_encoder_description *is = valence_encoder_describe(lane->models[encoder]);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "kind", is->kind, "source", is->source,
                     "fingerprint", is->fingerprint, "type", is->type, "layers", is->layers,
                     "width", (json_int_t)is->width);
}

/* One encoder stands for itself, several as a list. */
static json_t *describe_audio(const struct sound_lane *lane)
{
    json_t *list = json_array();
    int failed = !list;
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS && !failed; i++)
        if (lane->encoders & VALENCE_BIT(i))
            failed = json_array_append_new(list, describe_encoder(lane, i));
    if (failed) {
        json_decref(list);
        return NULL;
    }
    json_t *settings = json_array_size(list) == 1
                           ? json_incref(json_array_get(list, 0))
                           : json_pack("{s:s, s:O}", "kind", "joined", "encoders", list);
    json_decref(list);
    return settings;
}

static json_t *describe_recognition(const struct sound_lane *lane)
{
    const struct valence_transcribe_options *own = &lane->recognition;
    json_t *settings = json_pack("{s:s, s:s, s:s, s:b, s:i, s:b}", "kind", "whisper", "fingerprint",
                                 valence_transcriber_fingerprint(lane->transcriber), "language",
                                 own->language ? own->language : "auto", "translate",
                                 own->translate, "beams", own->beams, "vad", own->vad != NULL);
    if (settings && own->prompt &&
        json_object_set_new(settings, "prompt", json_string(own->prompt))) {
        json_decref(settings);
        return NULL;
    }
    return settings;
}

bool sound_lane_describe(const struct sound_lane *lane, json_t *settings)
{
    int failed = 0;
    if (lane->encoders)
        failed |= json_object_set_new(settings, "audio", describe_audio(lane));
    json_t *text =
        lane->text ? json_loads(valence_transcript_encoder_settings(lane->text), 0, NULL) : NULL;
    if (lane->text && lane->text_source != VALENCE_TEXT_NONE)
        failed |= json_object_set(settings, "text", text);
    if (lane->simulated_source == VALENCE_SIMULATED_ASR)
        failed |= json_object_set_new(settings, "simulated_text",
                                      json_pack("{s:s, s:O, s:o}", "kind", "asr", "llm", text,
                                                "recognition", describe_recognition(lane)));
    json_decref(text);
    if (lane->simulator)
        failed |=
            json_object_set_new(settings, "simulated_text",
                                json_loads(valence_simulator_settings(lane->simulator), 0, NULL));
    if (lane->transcriber)
        failed |= json_object_set_new(settings, "recognition", describe_recognition(lane));
    return !failed;
}
