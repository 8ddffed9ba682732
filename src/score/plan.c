/* From what a checkpoint records of its streams to the options of an extractor. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "data/encoder_settings.h"
#include "score/scorer.h"
#include "valence/models.h"

/* ---- What was recorded ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void add_name(char name[96], const char *part)
{
    size_t length = strlen(name);
    snprintf(name + length, 96 - length, "%s%s", length ? ", " : "", part);
}

/* One encoder of sound. False where this library does not know it. */
static bool take_sound_encoder(struct score_plan *plan, const json_t *recorded)
{
    const char *kind = text_of(recorded, "kind");
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS; i++) {
        if (strcmp(kind, valence_sound_encoder_names[i]) != 0)
            continue;
        plan->options.audio |= VALENCE_BIT(i);
        const char *layers = json_string_value(json_object_get(recorded, "layers"));
        if (i == VALENCE_SOUND_WHISPER)
            plan->options.whisper_layers = layers;
        else if (i == VALENCE_SOUND_WAVLM)
            plan->options.wavlm_layers = layers;
        add_name(plan->names[VALENCE_AUDIO], kind);
        return true;
    }
    return false;
}

static bool take_audio(struct score_plan *plan, const json_t *recorded)
{
    const json_t *parts = json_object_get(recorded, "encoders");
    if (strcmp(text_of(recorded, "kind"), "joined") != 0)
        return take_sound_encoder(plan, recorded);
    for (size_t i = 0; i < json_array_size(parts); i++)
        if (!take_sound_encoder(plan, json_array_get(parts, i)))
            return false;
    return json_array_size(parts) > 0;
}

static bool take_video(struct score_plan *plan, const json_t *recorded)
{
    const char *kind = text_of(recorded, "kind"), *person = text_of(recorded, "person");
    for (int i = VALENCE_PICTURES_NONE + 1; i < VALENCE_N_PICTURE_ENCODERS; i++)
        if (strcmp(kind, valence_picture_encoder_names[i]) == 0)
            plan->options.video = (enum valence_picture_encoder)i;
    for (int i = 0; i < VALENCE_N_PERSONS; i++)
        if (strcmp(person, valence_face_person_names[i]) == 0)
            plan->options.person = (enum valence_face_person)i;
    /* An encoder of single pictures (`valence encode manet`) records no pictures a second: what it
     * was shown is not known. */
    const json_t *fps = json_object_get(recorded, "fps");
    if (plan->options.video == VALENCE_PICTURES_NONE || !json_is_number(fps))
        return false;
    plan->options.fps = json_number_value(fps);
    plan->options.face_size = json_integer_value(json_object_get(recorded, "face_size"));
    plan->options.face_threshold = json_number_value(json_object_get(recorded, "face_threshold"));
    plan->options.manet_layers = json_string_value(json_object_get(recorded, "layers"));
    add_name(plan->names[VALENCE_VIDEO], kind);
    return true;
}

static bool take_text(struct score_plan *plan, const json_t *recorded)
{
    if (strcmp(text_of(recorded, "kind"), "llm") != 0)
        return false;
    plan->options.text = VALENCE_TEXT_ASR;
    add_name(plan->names[VALENCE_TEXT], text_of(recorded, "source"));
    return true;
}

/* Simulated text stands in for text; what cannot be made is left out without a word where there is
 * text. */
static bool take_simulated(struct score_plan *plan, const json_t *recorded)
{
    bool is_asr = strcmp(text_of(recorded, "kind"), "asr") == 0;
    if (is_asr && plan->options.text)
        plan->options.simulated_text = VALENCE_SIMULATED_ASR;
    return is_asr && plan->options.text;
}

static void take_recognition(struct score_plan *plan)
{
    const json_t *recorded = json_object_get(plan->encoders, "recognition");
    struct valence_transcribe_options *options = &plan->recognition;
    valence_transcribe_options_default(options);
    options->words = true;
    options->beams = 1; /* as an extraction's default: docs/benchmarks.md */
    if (!recorded)
        return;
    const char *language = text_of(recorded, "language");
    options->language = *language && strcmp(language, "auto") != 0 ? language : NULL;
    options->translate = json_is_true(json_object_get(recorded, "translate"));
    options->prompt = json_string_value(json_object_get(recorded, "prompt"));
    if (json_integer_value(json_object_get(recorded, "beams")) > 0)
        options->beams = (int)json_integer_value(json_object_get(recorded, "beams"));
}

/* The record of each stream that the model reads, under its name in the store. */
static void take_streams(struct score_plan *plan, const struct valence_model *model)
{
    static bool (*const takes[])(struct score_plan *, const json_t *) = {
        [VALENCE_STREAM_AUDIO] = take_audio,
        [VALENCE_STREAM_TEXT] = take_text,
        [VALENCE_STREAM_VIDEO] = take_video,
        [VALENCE_STREAM_SIMULATED_TEXT] = take_simulated};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const char *name = valence_model_stream_name(model, (enum valence_stream)s);
        const json_t *recorded = *name ? json_object_get(plan->encoders, name) : NULL;
        if (!recorded || !takes[s](plan, recorded))
            continue;
        plan->streams[s] = recorded;
        if (s < VALENCE_N_MODALITIES)
            plan->modalities |= VALENCE_BIT(s);
    }
    plan->needs_words = plan->streams[VALENCE_STREAM_TEXT] != NULL;
}

static int fail_unknown(const struct valence_scorer *scorer, struct valence_error *error)
{
    char streams[256] = "";
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const char *name = valence_model_stream_name(scorer->model, (enum valence_stream)s);
        const json_t *recorded = json_object_get(scorer->plan.encoders, name);
        size_t length = strlen(streams);
        if (*name)
            snprintf(streams + length, sizeof streams - length, "%s'%s'%s%s", length ? ", " : "",
                     name, recorded ? " by " : "", recorded ? text_of(recorded, "kind") : "");
    }
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "the model was trained on %s, which valence did not encode from recordings or "
                "transcripts: it cannot make such rows (train on what 'extract' or 'encode text' "
                "makes, or score a store)",
                *streams ? streams : "rows without a record of their encoders");
}

int score_plan_make(struct valence_scorer *scorer, struct valence_error *error)
{
    struct score_plan *plan = &scorer->plan;
    const struct valence_model_provenance *from = valence_model_get_provenance(scorer->model);
    json_t *source = json_loads(from->source, 0, NULL);
    if (*from->source && !source) /* it was JSON when the model was loaded */
        return fail_memory(error, strlen(from->source), "the encoders' settings");
    plan->encoders = json_incref(json_object_get(source, "encoders"));
    json_decref(source);
    valence_extractor_options_default(&plan->options);
    plan->options.audio = 0;
    plan->options.video = VALENCE_PICTURES_NONE;
    plan->options.text = VALENCE_TEXT_NONE;
    plan->options.media = &scorer->media;
    plan->options.device = scorer->options.device;
    plan->options.memory = scorer->options.memory;
    take_streams(plan, scorer->model);
    if (!plan->modalities)
        return fail_unknown(scorer, error);
    take_recognition(plan);
    if (scorer->options.language)
        plan->recognition.language = scorer->options.language;
    plan->options.recognition = &plan->recognition;
    if (plan->streams[VALENCE_STREAM_TEXT]) {
        plan->recorded_text = json_dumps(plan->streams[VALENCE_STREAM_TEXT], JSON_COMPACT);
        plan->options.recorded_transcripts = plan->recorded_text;
        if (!plan->recorded_text)
            return fail_memory(error, 0, "the encoder's settings");
    }
    return VALENCE_OK;
}

void score_plan_free(struct score_plan *plan)
{
    for (int i = 0; i < plan->n_paths; i++)
        free(plan->paths[i]);
    free(plan->recorded_text);
    json_decref(plan->encoders);
}

/* ---- Files ---- */

static const char *const whisper_models[] = {"whisper-base", "whisper-tiny.en", NULL};
const char *const score_face_models[] = {"faces", NULL};

/* Whether the encoder in the file is the one that was recorded. */
static bool is_recorded(const char *path, const char *fingerprint, const char *memory)
{
    struct valence_encoder_options options;
    struct valence_encoder *encoder;
    valence_encoder_options_default(&options);
    options.memory = memory;
    if (valence_encoder_load(path, &options, &encoder, NULL))
        return false;
    bool is_it = strcmp(valence_encoder_describe(encoder)->fingerprint, fingerprint) == 0;
    valence_encoder_free(encoder);
    return is_it;
}

/* The fingerprint of the Whisper model that training heard with; "" where it did not. */
static const char *recorded_whisper(const struct score_plan *plan)
{
    const json_t *audio = plan->streams[VALENCE_STREAM_AUDIO];
    const json_t *parts = json_object_get(audio, "encoders");
    for (size_t i = 0; i < json_array_size(parts); i++)
        if (strcmp(text_of(json_array_get(parts, i), "kind"), "whisper") == 0)
            audio = json_array_get(parts, i);
    if (strcmp(text_of(audio, "kind"), "whisper") == 0)
        return text_of(audio, "fingerprint");
    return text_of(json_object_get(plan->encoders, "recognition"), "fingerprint");
}

/* The files of known models that are in the folder; returns how many. */
static int list_present(const char *folder, const char *const *names, char **paths, int most)
{
    int n = 0;
    for (int i = 0; folder && names[i] && n < most; i++) {
        const struct valence_known_model *known = valence_known_model_find(names[i]);
        if (!known || valence_model_path(folder, known, &paths[n], NULL))
            continue;
        if (access(paths[n], R_OK) == 0)
            n++;
        else
            free(paths[n]);
    }
    return n;
}

int score_find_encoder(struct valence_scorer *scorer, const char *given, const char *const *names,
                       const char *key, const char *what, const char **path,
                       struct valence_error *error)
{
    struct score_plan *plan = &scorer->plan;
    const char *folder = scorer->options.folder;
    const char *fingerprint = names == whisper_models ? recorded_whisper(plan) : "";
    char *paths[4];
    *path = given;
    if (given)
        return VALENCE_OK;
    int n = list_present(folder, names, paths, 4), chosen = 0;
    for (int i = 0; n > 1 && *fingerprint && i < n; i++)
        if (is_recorded(paths[i], fingerprint, scorer->options.memory))
            chosen = i;
    for (int i = 0; i < n; i++)
        if (i == chosen)
            *path = plan->paths[plan->n_paths++] = paths[i];
        else
            free(paths[i]);
    if (n > 0)
        return VALENCE_OK;
    if (folder && scorer->options.fetch && valence_known_model_find(names[0])) {
        int status =
            valence_model_resolve(folder, names[0], scorer->options.fetch, &paths[0], error);
        if (!status)
            *path = plan->paths[plan->n_paths++] = paths[0];
        return status;
    }
    return fail_key(error, VALENCE_ERROR_NOT_FOUND, key,
                    "%s needs the encoder '%s', which is not there%s%s", what, names[0],
                    folder ? ": looked for in " : "", folder ? folder : "");
}

/* The known model whose file was recorded, else whichever is there. */
static int find_text(struct valence_scorer *scorer, struct valence_error *error)
{
    const char *source = text_of(scorer->plan.streams[VALENCE_STREAM_TEXT], "source");
    const char *names[] = {source, NULL};
    for (int i = 0; i < valence_n_known_models(); i++)
        if (strcmp(valence_known_model_get(i)->file, source) == 0)
            names[0] = valence_known_model_get(i)->name;
    return score_find_encoder(scorer, scorer->options.text_model, names, "text_model",
                              "the model's text", &scorer->plan.options.text_model, error);
}

static int find_vad(struct valence_scorer *scorer, struct valence_error *error)
{
    static const char *const names[] = {"silero-vad", NULL};
    const json_t *recorded = json_object_get(scorer->plan.encoders, "recognition");
    scorer->plan.recognition.vad = recorded ? NULL : scorer->options.vad;
    if (!json_is_true(json_object_get(recorded, "vad")))
        return VALENCE_OK;
    return score_find_encoder(scorer, scorer->options.vad, names, "vad",
                              "recognition as in training", &scorer->plan.recognition.vad, error);
}

static int find_sound(struct valence_scorer *scorer, struct valence_error *error)
{
    static const char *const wavlm[] = {"wavlm", NULL};
    struct valence_extractor_options *to = &scorer->plan.options;
    bool recognises = to->text == VALENCE_TEXT_ASR || to->simulated_text == VALENCE_SIMULATED_ASR;
    bool hears = (to->audio & VALENCE_BIT(VALENCE_SOUND_WHISPER)) != 0;
    int status = VALENCE_OK;
    if (hears || recognises)
        status = score_find_encoder(
            scorer, scorer->options.whisper_model, whisper_models, "whisper_model",
            hears ? "the model's audio" : "speech recognition", &to->whisper_model, error);
    if (!status && (to->audio & VALENCE_BIT(VALENCE_SOUND_WAVLM)))
        status = score_find_encoder(scorer, scorer->options.wavlm_model, wavlm, "wavlm_model",
                                    "the model's audio", &to->wavlm_model, error);
    return !status && recognises ? find_vad(scorer, error) : status;
}

static int find_pictures(struct valence_scorer *scorer, struct valence_error *error)
{
    static const char *const manet[] = {"manet", NULL};
    struct valence_extractor_options *to = &scorer->plan.options;
    int status = VALENCE_OK;
    if (to->video != VALENCE_PICTURES_NONE)
        status = score_find_encoder(scorer, scorer->options.faces_model, score_face_models,
                                    "faces_model", "the model's video", &to->faces_model, error);
    if (!status && to->video == VALENCE_PICTURES_MANET)
        status = score_find_encoder(scorer, scorer->options.manet_model, manet, "manet_model",
                                    "the model's video", &to->manet_model, error);
    return status;
}

int score_plan_find(struct valence_scorer *scorer, enum valence_scorer_source source,
                    struct valence_error *error)
{
    struct score_plan *plan = &scorer->plan;
    int status = VALENCE_OK;
    if (!scorer->options.recognise) {
        plan->options.text = plan->options.text ? VALENCE_TEXT_GIVEN : VALENCE_TEXT_NONE;
        plan->options.simulated_text = VALENCE_SIMULATED_NONE;
    }
    if (plan->streams[VALENCE_STREAM_TEXT] && !plan->options.text_model)
        status = find_text(scorer, error);
    if (!status && source == VALENCE_SCORER_RECORDINGS)
        status = find_sound(scorer, error);
    return !status && source == VALENCE_SCORER_RECORDINGS ? find_pictures(scorer, error) : status;
}

/* The file that an encoder was made from, or its kind. */
static const char *name_of(const json_t *encoder)
{
    const char *source = text_of(encoder, "source");
    return *source ? source : text_of(encoder, "kind");
}

/* Encoders side by side are compared one by one, so that the error names the one that differs. */
static int compare(const json_t *trained, const json_t *made, const char *stream,
                   struct valence_error *error)
{
    const json_t *were = json_object_get(trained, "encoders");
    const json_t *are = json_object_get(made, "encoders");
    size_t n = json_array_size(were);
    int status = VALENCE_OK;
    for (size_t i = 0; n == json_array_size(are) && i < n && !status; i++)
        status = compare(json_array_get(were, i), json_array_get(are, i), stream, error);
    if (status)
        return status;
    status = encoder_settings_compare(trained, made, stream, error);
    return status ? fail_within(status, error, "the model's %s is by %s, and here is %s", stream,
                                name_of(trained), name_of(made))
                  : VALENCE_OK;
}

int score_plan_check(const struct valence_scorer *scorer, const char *settings,
                     struct valence_error *error)
{
    json_t *now = json_loads(settings, 0, NULL);
    int status = now ? VALENCE_OK : fail_memory(error, strlen(settings), "settings");
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        const json_t *made = json_object_get(now, valence_stream_names[s]);
        if (scorer->plan.streams[s] && made)
            status = compare(scorer->plan.streams[s], made, valence_stream_names[s], error);
    }
    json_decref(now);
    return status;
}
