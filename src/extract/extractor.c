#include "extract/extractor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"

const char *const valence_sound_encoder_names[VALENCE_MAX_NAMES] = {"whisper", "prosody", "wavlm"};
const char *const valence_picture_encoder_names[VALENCE_MAX_NAMES] = {"none", "faces", "manet"};
const char *const valence_text_source_names[VALENCE_MAX_NAMES] = {"none", "given", "asr"};
const char *const valence_simulated_source_names[VALENCE_MAX_NAMES] = {"none", "asr", "projector"};

int picture_threads(int n)
{
    return n > 1 ? n / 2 : 1;
}

/* On Linux a thread has a priority of its own, and threads that it makes have it too. */
void picture_thread_begin(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + 5);
}

int fail_too_long(const char *path, double max_seconds, struct valence_error *error)
{
    return fail_key(error, VALENCE_ERROR_LIMIT, "max_clip_seconds",
                    "%s: the clip is longer than %g seconds (cut it into shorter clips)", path,
                    max_seconds);
}

int check_duration(const struct valence_media_info *info, const struct valence_clip_input *input,
                   double max_seconds, struct valence_error *error)
{
    double start = input->range ? input->range->start : 0,
           end = input->range ? input->range->end : INFINITY;
    end = info->duration < end ? info->duration : end; /* an unknown one is NAN */
    /* Headers round, and some streams begin late. */
    return isfinite(end) && end - start > max_seconds + 1
               ? fail_too_long(input_name(input), max_seconds, error)
               : VALENCE_OK;
}

const char *input_name(const struct valence_clip_input *input)
{
    return input->path ? input->path : "the clip";
}

/* ---- Opening ---- */

void valence_extractor_options_default(struct valence_extractor_options *options)
{
    struct valence_face_options faces;
    valence_face_options_default(&faces);
    *options = (struct valence_extractor_options){.size = sizeof *options,
                                                  .audio = VALENCE_BIT(VALENCE_SOUND_WHISPER),
                                                  .video = VALENCE_PICTURES_FACES,
                                                  .text = VALENCE_TEXT_GIVEN,
                                                  .fps = 5,
                                                  .face_size = faces.input_size,
                                                  .face_threshold = faces.threshold,
                                                  .max_clip_seconds = 3600};
}

static int check_options(const struct valence_extractor_options *options,
                         struct valence_error *error)
{
    if (options->audio >= VALENCE_BIT(VALENCE_N_SOUND_ENCODERS))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "audio", "the set of audio encoders is 0x%x",
                        options->audio);
    if ((unsigned)options->video >= VALENCE_N_PICTURE_ENCODERS ||
        (unsigned)options->text >= VALENCE_N_TEXT_SOURCES ||
        (unsigned)options->simulated_text >= VALENCE_N_SIMULATED_SOURCES ||
        (unsigned)options->person >= VALENCE_N_PERSONS)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "video %d, text %d, simulated_text %d or person %d is not one of the choices",
                    (int)options->video, (int)options->text, (int)options->simulated_text,
                    (int)options->person);
    if (!options->audio && !options->video && !options->text && !options->simulated_text)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "audio, video, text and simulated_text are all off: there is nothing to "
                    "extract");
    if (!(options->fps >= 0 && options->fps <= 1000))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "fps",
                        "%g pictures a second are not within 0 ... 1000", options->fps);
    if (!(options->max_clip_seconds > 0 && options->max_clip_seconds <= 24 * 3600))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "max_clip_seconds",
                        "a clip's length of %g seconds is not within 0 ... 86400",
                        options->max_clip_seconds);
    return VALENCE_OK;
}

static int take_media_options(struct valence_extractor *extractor,
                              const struct valence_extractor_options *options,
                              struct valence_error *error)
{
    struct valence_media_options own;
    valence_media_options_default(&own);
    int status = options_read(&own, sizeof own, options->media, error);
    own.rate_hz = EXTRACT_RATE_HZ;
    own.fps = options->fps;
    extractor->sound.media = extractor->pictures.media = own;
    extractor->sound.max_seconds = extractor->pictures.max_seconds = options->max_clip_seconds;
    return status;
}

static int describe(struct valence_extractor *extractor, struct valence_error *error)
{
    json_t *settings = json_object();
    bool is_whole = settings && sound_lane_describe(&extractor->sound, settings) &&
                    picture_lane_describe(&extractor->pictures, settings);
    extractor->settings = is_whole ? json_dumps(settings, JSON_COMPACT) : NULL;
    json_decref(settings);
    return extractor->settings ? VALENCE_OK : fail_memory(error, 0, "the encoders' settings");
}

int valence_extractor_open(const struct valence_extractor_options *options,
                           struct valence_extractor **extractor, struct valence_error *error)
{
    struct valence_extractor_options own;
    *extractor = NULL;
    valence_extractor_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status)
        status = check_options(&own, error);
    struct valence_extractor *opened = status ? NULL : allocate(1, sizeof *opened);
    if (!status && !opened)
        status = fail_memory(error, sizeof *opened, "an extractor");
    if (status)
        return status;
    status = take_media_options(opened, &own, error);
    if (!status)
        status = sound_lane_open(&opened->sound, &own, error);
    if (!status)
        status = picture_lane_open(&opened->pictures, &own, error);
    if (!status)
        status = describe(opened, error);
    if (status)
        valence_extractor_close(opened);
    else
        *extractor = opened;
    return status;
}

void valence_extractor_close(struct valence_extractor *extractor)
{
    if (!extractor)
        return;
    sound_lane_close(&extractor->sound);
    picture_lane_close(&extractor->pictures);
    free(extractor->settings);
    free(extractor);
}

/* ---- What it is ---- */

static int64_t text_width(const struct sound_lane *lane)
{
    return lane->text
               ? valence_encoder_describe(valence_transcript_encoder_model(lane->text))->width
               : 0;
}

int64_t valence_extractor_width(const struct valence_extractor *extractor,
                                enum valence_stream stream)
{
    const struct sound_lane *sound = &extractor->sound;
    switch ((int)stream) {
    case VALENCE_STREAM_AUDIO:
        return sound->width;
    case VALENCE_STREAM_TEXT:
        return sound->text_source == VALENCE_TEXT_NONE ? 0 : text_width(sound);
    case VALENCE_STREAM_VIDEO:
        return extractor->pictures.width;
    case VALENCE_STREAM_SIMULATED_TEXT:
        return sound->simulator ? valence_simulator_width(sound->simulator)
               : sound->simulated_source == VALENCE_SIMULATED_ASR ? text_width(sound)
                                                                  : 0;
    default:
        return 0;
    }
}

const char *valence_extractor_settings(const struct valence_extractor *extractor)
{
    return extractor->settings;
}

struct valence_transcript_encoder *valence_extractor_text(const struct valence_extractor *extractor)
{
    return extractor->sound.text;
}

struct valence_transcriber *valence_extractor_transcriber(const struct valence_extractor *extractor)
{
    return extractor->sound.transcriber;
}
