/* What the keys mean together. */
#include "extract/extract_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* ---- Settings ---- */

struct valence_media_options extract_config_media(const struct valence_extract_config *config)
{
    struct valence_media_options media;
    valence_media_options_default(&media);
    media.audio_stream = (int)config->media.audio_stream;
    media.max_pixels = config->media.max_pixels;
    media.max_bytes = config->media.max_mib << 20;
    media.max_seconds = INFINITY; /* 'max_clip_seconds' is the limit */
    media.accept_damaged = config->media.accept_damaged;
    return media;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* "whisper+prosody" as a set. */
static int read_audio(const char *text, bool has_sound, unsigned *audio,
                      struct valence_error *error)
{
    *audio = strcmp(text, "auto") == 0 && has_sound ? VALENCE_BIT(VALENCE_SOUND_WHISPER) : 0;
    if (strcmp(text, "auto") == 0 || strcmp(text, "none") == 0)
        return VALENCE_OK;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, "+");
        int found = -1;
        for (int i = 0; i < VALENCE_N_SOUND_ENCODERS; i++)
            if (strlen(valence_sound_encoder_names[i]) == length &&
                memcmp(valence_sound_encoder_names[i], at, length) == 0)
                found = i;
        if (found < 0)
            return fail_key(error, VALENCE_ERROR_CONFIG, "audio",
                            "audio: '%s' is not auto, none, or of whisper, prosody and wavlm one "
                            "or several joined by '+'",
                            text);
        *audio |= VALENCE_BIT(found);
        at += length;
        if (!*at)
            return VALENCE_OK;
    }
}

/* The text with each "\n" in it as a new line. */
static void unescape(const char *text, char *to)
{
    for (; *text; text++)
        if (text[0] == '\\' && text[1] == 'n') {
            *to++ = '\n';
            text++;
        } else {
            *to++ = *text;
        }
    *to = '\0';
}

static void take_words(const struct valence_extract_config *config,
                       struct extract_settings *settings)
{
    struct valence_transcript_options *transcripts = &settings->transcripts;
    valence_transcript_options_default(transcripts);
    unescape(config->words.prefix, settings->prefix);
    transcripts->layers = or_null(config->words.layers);
    transcripts->prefix = settings->prefix;
    unescape(config->words.suffix, settings->suffix);
    transcripts->suffix = settings->suffix;
    transcripts->spelling = config->words.spelling;
    transcripts->rows = config->words.rows;
    transcripts->drop_special = config->words.drop_special;
    struct valence_transcribe_options *recognition = &settings->recognition;
    valence_transcribe_options_default(recognition);
    recognition->language =
        strcmp(config->speech.language, "auto") == 0 ? NULL : or_null(config->speech.language);
    recognition->prompt = or_null(config->speech.prompt);
    recognition->translate = config->speech.translate;
    recognition->beams = (int)config->speech.beams;
}

int extract_config_settings(const struct valence_extract_config *config,
                            const struct media_found *found, struct extract_settings *settings,
                            struct valence_error *error)
{
    static const enum valence_picture_encoder videos[] = {[VIDEO_FACES] = VALENCE_PICTURES_FACES,
                                                          [VIDEO_MANET] = VALENCE_PICTURES_MANET,
                                                          [VIDEO_NONE] = VALENCE_PICTURES_NONE};
    static const enum valence_text_source texts[] = {[TEXT_GIVEN] = VALENCE_TEXT_GIVEN,
                                                     [TEXT_ASR] = VALENCE_TEXT_ASR,
                                                     [TEXT_NONE] = VALENCE_TEXT_NONE};
    struct valence_extractor_options *options = &settings->options;
    enum video_key video = config->video != VIDEO_AUTO ? config->video
                           : found->pictures           ? VIDEO_FACES
                                                       : VIDEO_NONE;
    enum text_key text = config->text != TEXT_AUTO ? config->text
                         : found->transcripts      ? TEXT_GIVEN
                                                   : TEXT_NONE;
    *settings = (struct extract_settings){.media = extract_config_media(config)};
    valence_extractor_options_default(options);
    take_words(config, settings);
    options->video = videos[video];
    options->text = texts[text];
    options->simulated_text = config->simulated_text;
    options->whisper_layers = or_null(config->layers.whisper);
    options->wavlm_layers = or_null(config->layers.wavlm);
    options->manet_layers = or_null(config->layers.manet);
    options->fps = config->faces.fps;
    options->face_size = config->faces.size;
    options->face_threshold = config->faces.threshold;
    options->person = config->faces.person;
    options->max_clip_seconds = config->max_clip_seconds;
    options->transcripts = &settings->transcripts;
    options->recognition = &settings->recognition;
    options->media = &settings->media;
    return read_audio(config->audio, found->sound, &options->audio, error);
}

/* ---- Models ---- */

static int resolve(const struct valence_extract_options *options, const char *key, const char *name,
                   char **path, struct valence_error *error)
{
    if (!*name)
        return fail_key(error, VALENCE_ERROR_CONFIG, key,
                        "%s is empty, and a chosen encoder needs it", key);
    if (options->model_folder) {
        int status =
            valence_model_resolve(options->model_folder, name, options->fetch, path, error);
        return status ? fail_within(status, error, "%s", key) : VALENCE_OK;
    }
    *path = strdup(name);
    return *path ? VALENCE_OK : fail_memory(error, strlen(name), "a path");
}

int extract_config_models(const struct valence_extract_config *config,
                          const struct valence_extract_options *options,
                          struct extract_settings *settings, struct valence_error *error)
{
    struct valence_extractor_options *o = &settings->options;
    bool asr = o->text == VALENCE_TEXT_ASR || o->simulated_text == VALENCE_SIMULATED_ASR,
         projects = o->simulated_text == VALENCE_SIMULATED_PROJECTOR;
    const struct {
        bool is_needed;
        const char *key, *name;
        const char **path;
    } models[] = {
        {asr || o->audio & VALENCE_BIT(VALENCE_SOUND_WHISPER), "models.whisper",
         config->models.whisper, &o->whisper_model},
        {asr && *config->models.vad, "models.vad", config->models.vad, &settings->recognition.vad},
        {projects || o->audio & VALENCE_BIT(VALENCE_SOUND_WAVLM), "models.wavlm",
         config->models.wavlm, &o->wavlm_model},
        {o->video != VALENCE_PICTURES_NONE, "models.faces", config->models.faces, &o->faces_model},
        {o->video == VALENCE_PICTURES_MANET, "models.manet", config->models.manet, &o->manet_model},
        {o->text != VALENCE_TEXT_NONE || o->simulated_text == VALENCE_SIMULATED_ASR, "models.text",
         config->models.text, &o->text_model},
        {projects, "models.projector", config->models.projector, &o->projector_model},
        {projects, "models.simulator", config->models.simulator, &o->simulator_model}};
    int status = VALENCE_OK;
    for (int i = 0; i < 8 && !status; i++) {
        if (!models[i].is_needed)
            continue;
        status = resolve(options, models[i].key, models[i].name, &settings->paths[i], error);
        *models[i].path = settings->paths[i];
    }
    if (!status && options->model_folder)
        status = valence_model_memory(options->model_folder, &settings->memory, error);
    o->memory = settings->memory;
    return status;
}

void extract_settings_free(struct extract_settings *settings)
{
    for (int i = 0; i < 8; i++)
        free(settings->paths[i]);
    free(settings->memory);
}
