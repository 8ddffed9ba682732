/* Opening a media file: what it is, and which of its streams are decoded. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/display.h>
#include <libavutil/opt.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "media/cut_off.h"
#include "media/media_private.h"
#include "media/media_remote.h"

/* ---- Options ---- */

void valence_media_options_default(struct valence_media_options *options)
{
    *options = (struct valence_media_options){.size = sizeof *options,
                                              .rate_hz = 16000,
                                              .audio_stream = -1,
                                              .video_stream = -1,
                                              .upright = true,
                                              .square_pixels = true,
                                              .max_pixels = 8192 * 8192,
                                              .max_seconds = 6 * 3600,
                                              .max_bytes = (int64_t)1 << 30};
}

static int check_options(const struct valence_media_options *options, struct valence_error *error)
{
    const struct {
        const char *name;
        double value, least, most;
    } ranges[] = {{"rate_hz", (double)options->rate_hz, 1000, 384000},
                  {"fps", options->fps, 0, 1000},
                  {"audio_stream", options->audio_stream, -1, INT32_MAX},
                  {"video_stream", options->video_stream, -1, INT32_MAX},
                  {"max_pixels", (double)options->max_pixels, 1, INT32_MAX},
                  {"max_seconds", options->max_seconds, 0, INFINITY},
                  {"max_bytes", (double)options->max_bytes, 1, (double)INT64_MAX},
                  {"threads", options->threads, 0, 1024}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most))
            return fail_key(error, VALENCE_ERROR_ARGUMENT, ranges[i].name,
                            "media option %s is %g; it must be %g ... %g", ranges[i].name,
                            ranges[i].value, ranges[i].least, ranges[i].most);
    return VALENCE_OK;
}

/* ---- Errors and damage ---- */

int media_fail(const struct valence_media *media, int code, const struct media_log *log,
               const char *what, struct valence_error *error)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (media->input.problem)
        return fail_errno(error, media->input.problem, "%s: cannot be read", media->name);
    if (code == AVERROR(ENOMEM))
        return fail(error, VALENCE_ERROR_MEMORY, "%s: %s: out of memory", media->name, what);
    av_strerror(code, text, sizeof text);
    bool is_unknown = code == AVERROR_DECODER_NOT_FOUND || code == AVERROR_DEMUXER_NOT_FOUND ||
                      code == AVERROR_PATCHWELCOME || code == AVERROR(ENOSYS);
    return fail(error, is_unknown ? VALENCE_ERROR_UNSUPPORTED : VALENCE_ERROR_FORMAT,
                "%s: %s: %s%s%s%s", media->name, what, text, log->text[0] ? " (" : "", log->text,
                log->text[0] ? ")" : "");
}

int media_damage(struct valence_media *media, struct valence_error *error, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!media->options.accept_damaged)
        return fail_key(error, VALENCE_ERROR_FORMAT, "accept_damaged", "%s: %s", media->name, text);
    if (!media->warning[0])
        memcpy(media->warning, text, sizeof text);
    return VALENCE_OK;
}

/* ---- The format ---- */

/* These read other files or addresses than the one that was given, or none at all. (Opening
 * anything else is refused as well, see refuse_to_open().) */
static const char *const refused_formats[] = {"hls",
                                              "dash",
                                              "concat",
                                              "imf",
                                              "rtsp",
                                              "sdp",
                                              "rtp",
                                              "sap",
                                              "lavfi",
                                              "image2",
                                              "webm_dash_manifest",
                                              "vapoursynth",
                                              "avisynth"};

static bool is_refused(const char *name)
{
    char first[32];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(name, ","), name);
    for (size_t i = 0; i < sizeof refused_formats / sizeof *refused_formats; i++)
        if (strcmp(first, refused_formats[i]) == 0)
            return true;
    return false;
}

static int refuse_to_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                          AVDictionary **options)
{
    (void)format, (void)io, (void)flags, (void)options;
    av_log(NULL, AV_LOG_ERROR, "it refers to another file, '%.100s'", url);
    return AVERROR(EPERM);
}

static int find_format(struct valence_media *media, const AVInputFormat **found,
                       const struct media_log *log, struct valence_error *error)
{
    int code = av_probe_input_buffer2(media->input.io, found, NULL, NULL, 0, 0);
    if (media->input.n_bytes == 0 || (media->input.n_bytes < 0 && media->input.position == 0))
        return media->input.problem
                   ? media_fail(media, code, log, "cannot be read", error)
                   : fail(error, VALENCE_ERROR_FORMAT, "%s: is empty", media->name);
    if (code == AVERROR_INVALIDDATA)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: is not sound, video or a picture in a format that FFmpeg knows",
                    media->name);
    if (code < 0)
        return media_fail(media, code, log, "its format cannot be found out", error);
    if (is_refused((*found)->name))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: is a list of other files or addresses (%s); give the files themselves",
                    media->name, (*found)->name);
    return VALENCE_OK;
}

/* Looks into the streams for what headers do not tell. Picture files are left alone: their one
 * stream is known, and looking would decode the picture before its size is checked. */
static int find_streams(struct valence_media *media, const struct media_log *log,
                        struct valence_error *error)
{
    AVFormatContext *format = media->format;
    AVDictionary *limits[256] = {NULL};
    const char *name = format->iformat->name, *pipe = strstr(name, "_pipe");
    if (pipe && pipe[5] == '\0')
        return VALENCE_OK;
    unsigned n = format->nb_streams < 256 ? format->nb_streams : 256;
    for (unsigned i = 0; i < n; i++)
        av_dict_set_int(&limits[i], "max_pixels", media->options.max_pixels, 0);
    int code = avformat_find_stream_info(format, limits);
    for (unsigned i = 0; i < n; i++)
        av_dict_free(&limits[i]);
    return code < 0 ? media_fail(media, code, log, "its streams cannot be found out", error)
                    : VALENCE_OK;
}

static int open_format(struct valence_media *media, struct valence_error *error)
{
    struct media_log log;
    const AVInputFormat *found = NULL;
    media_log_begin(&log);
    int status = find_format(media, &found, &log, error);
    if (!status && !(media->format = avformat_alloc_context()))
        status = fail_memory(error, sizeof *media->format, "a media file");
    if (!status) {
        AVFormatContext *format = media->format;
        format->pb = media->input.io;
        format->io_open = refuse_to_open;
        format->max_streams = 256;
        av_opt_set(format, "protocol_whitelist", "none", 0);
        int code = avformat_open_input(&media->format, NULL, found, NULL); /* frees it on failure */
        if (code < 0)
            status = media_fail(media, code, &log, "its header cannot be read", error);
        else
            status = find_streams(media, &log, error);
    }
    media_log_end(&log);
    return status;
}

/* ---- The streams ---- */

static bool is_kind(const struct valence_media *media, int index, enum AVMediaType kind)
{
    const AVStream *stream = media->format->streams[index];
    bool is_attached = stream->disposition & AV_DISPOSITION_ATTACHED_PIC;
    return stream->codecpar->codec_type == kind &&
           (kind != AVMEDIA_TYPE_VIDEO || !is_attached || media->options.attached_pictures);
}

/* The wanted one of a kind's streams, or the best; *n receives how many there are. */
static int choose_stream(const struct valence_media *media, enum AVMediaType kind, int wanted,
                         int *n)
{
    int chosen = -1;
    *n = 0;
    for (int i = 0; i < (int)media->format->nb_streams; i++) {
        if (!is_kind(media, i, kind))
            continue;
        if (*n == wanted)
            chosen = i;
        *n += 1;
    }
    if (wanted >= 0 || *n == 0)
        return chosen;
    int best = av_find_best_stream(media->format, kind, -1, -1, NULL, 0);
    if (best >= 0 && is_kind(media, best, kind))
        return best;
    for (int i = 0; i < (int)media->format->nb_streams; i++) /* the best is a cover picture */
        if (is_kind(media, i, kind))
            return i;
    return -1;
}

static int choose_streams(struct valence_media *media, struct valence_error *error)
{
    struct valence_media_info *info = &media->info;
    const struct valence_media_options *options = &media->options;
    media->audio =
        choose_stream(media, AVMEDIA_TYPE_AUDIO, options->audio_stream, &info->n_audio_streams);
    media->video =
        choose_stream(media, AVMEDIA_TYPE_VIDEO, options->video_stream, &info->n_video_streams);
    if (options->audio_stream >= 0 && media->audio < 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "audio_stream",
                        "%s: has %d audio streams; number %d does not exist (they count from 0)",
                        media->name, info->n_audio_streams, options->audio_stream);
    if (options->video_stream >= 0 && media->video < 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "video_stream",
                        "%s: has %d video streams; number %d does not exist (they count from 0)",
                        media->name, info->n_video_streams, options->video_stream);
    if (media->audio < 0 && media->video < 0)
        return fail(error, VALENCE_ERROR_DATA, "%s: holds neither sound nor pictures (%s)",
                    media->name, media->format->iformat->name);
    return VALENCE_OK;
}

bool media_rotation(const int32_t *matrix, int *degrees, bool *is_mirrored)
{
    int32_t own[9];
    memcpy(own, matrix, sizeof own);
    double determinant = (double)own[0] * own[4] - (double)own[1] * own[3];
    *is_mirrored = determinant < 0;
    if (*is_mirrored)
        av_display_matrix_flip(own, 1, 0);
    double angle = -av_display_rotation_get(own); /* counter-clockwise in the matrix */
    if (isnan(angle))
        return false;
    int quarters = (int)lrint(angle / 90);
    *degrees = ((quarters % 4 + 4) % 4) * 90;
    return fabs(angle - 90.0 * quarters) < 1;
}

int media_check_size(const struct valence_media *media, int64_t width, int64_t height,
                     struct valence_error *error)
{
    if (width > VALENCE_MEDIA_MAX_SIDE || height > VALENCE_MEDIA_MAX_SIDE)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: its pictures have %" PRId64 " x %" PRId64
                    " pixels; sides of up to %d can be read",
                    media->name, width, height, VALENCE_MEDIA_MAX_SIDE);
    if (width * height > media->options.max_pixels)
        return fail_key(error, VALENCE_ERROR_LIMIT, "max_pixels",
                        "%s: its pictures have %" PRId64 " x %" PRId64
                        " pixels; the limit is %" PRId64 " pixels",
                        media->name, width, height, media->options.max_pixels);
    return VALENCE_OK;
}

static int describe_video(struct valence_media *media, struct valence_error *error)
{
    AVStream *stream = media->format->streams[media->video];
    struct valence_media_info *info = &media->info;
    const AVCodecParameters *codec = stream->codecpar;
    int status = media_check_size(media, codec->width, codec->height, error);
    if (status)
        return status;
    AVRational aspect = av_guess_sample_aspect_ratio(media->format, stream, NULL);
    const int32_t *matrix = (const int32_t *)(const void *)av_stream_get_side_data(
        stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    bool is_mirrored = false;
    if (matrix && media->options.upright && !media_rotation(matrix, &info->rotation, &is_mirrored))
        return fail_key(
            error, VALENCE_ERROR_UNSUPPORTED, "upright",
            "%s: its pictures are rotated by an angle that is not a multiple of 90 degrees",
            media->name);
    double ratio = media->options.square_pixels && aspect.num > 0 ? av_q2d(aspect) : 1;
    info->width = ratio > 1 ? llrint(codec->width * ratio) : codec->width;
    info->height = ratio < 1 ? llrint(codec->height / ratio) : codec->height;
    if (info->rotation % 180) {
        int64_t width = info->width;
        info->width = info->height;
        info->height = width;
    }
    info->video_codec = avcodec_get_name(codec->codec_id);
    info->frame_rate = stream->avg_frame_rate.num > 0 ? av_q2d(stream->avg_frame_rate) : 0;
    return media_check_size(media, info->width, info->height, error);
}

static int describe_audio(struct valence_media *media, struct valence_error *error)
{
    const AVCodecParameters *codec = media->format->streams[media->audio]->codecpar;
    struct valence_media_info *info = &media->info;
    info->audio_codec = avcodec_get_name(codec->codec_id);
    info->original_rate_hz = codec->sample_rate;
    info->n_channels = codec->ch_layout.nb_channels;
    if (codec->sample_rate < 1000 || codec->sample_rate > 1000000 || info->n_channels < 1 ||
        info->n_channels > 64)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: its sound has %d channels at %d Hz; 1 to 64 channels at 1000 to 1000000 "
                    "Hz can be read",
                    media->name, info->n_channels, codec->sample_rate);
    return VALENCE_OK;
}

static int describe(struct valence_media *media, struct valence_error *error)
{
    const AVFormatContext *format = media->format;
    media->info.format = format->iformat->name;
    media->info.n_bytes = media->input.n_bytes;
    media->info.duration =
        format->duration == AV_NOPTS_VALUE ? NAN : (double)format->duration / AV_TIME_BASE;
    if (format->start_time != AV_NOPTS_VALUE)
        media->origin = (double)format->start_time / AV_TIME_BASE;
    if (media->origin < 0 && media->origin > -0.1) /* what an encoder put before the sound */
        media->origin = 0;
    int status = media->audio >= 0 ? describe_audio(media, error) : VALENCE_OK;
    if (!status && media->video >= 0)
        status = describe_video(media, error);
    return status;
}

static int check_cut(struct valence_media *media, struct valence_error *error)
{
    int64_t lacking = cut_off_bytes(&media->input);
    return lacking ? media_damage(media, error,
                                  "the file is cut off: %" PRId64 " bytes are missing", lacking)
                   : VALENCE_OK;
}

/* ---- Opening ---- */

int media_prepare(const char *name, const struct valence_media_options *options,
                  struct valence_media **media, struct valence_error *error)
{
    *media = NULL;
    struct valence_media *made = allocate(1, sizeof *made);
    char *copy = strdup(name);
    if (!made || !copy) {
        free(made);
        free(copy);
        return fail_memory(error, sizeof *made, "a media file");
    }
    made->name = copy;
    made->input.descriptor = -1;
    made->audio = made->video = -1;
    valence_media_options_default(&made->options);
    int status = options_read(&made->options, sizeof made->options, options, error);
    if (!status)
        status = check_options(&made->options, error);
    if (status)
        valence_media_close(made);
    else
        *media = made;
    return status;
}

int media_open_prepared(struct valence_media *media, struct valence_error *error)
{
    int status = check_cut(media, error);
    if (!status)
        status = open_format(media, error);
    if (!status)
        status = choose_streams(media, error);
    return status ? status : describe(media, error);
}

/* Opens what was prepared, if `status` says that its input is there, and gives it to the caller. */
static int finish(int status, struct valence_media *made, struct valence_media **media,
                  struct valence_error *error)
{
    if (!status)
        status = made->options.workers ? media_remote_open(made, error)
                                       : media_open_prepared(made, error);
    if (status)
        valence_media_close(made);
    else
        *media = made;
    return status;
}

int valence_media_open(const char *path, const struct valence_media_options *options,
                       struct valence_media **media, struct valence_error *error)
{
    struct valence_media *made;
    *media = NULL;
    int status = media_prepare(path, options, &made, error);
    if (status)
        return status;
    status = media_input_open(&made->input, made->name, error);
    return finish(status, made, media, error);
}

int valence_media_open_descriptor(int descriptor, const char *name,
                                  const struct valence_media_options *options,
                                  struct valence_media **media, struct valence_error *error)
{
    struct valence_media *made;
    *media = NULL;
    int status = media_prepare(name, options, &made, error);
    if (status)
        return status;
    status = media_input_open_descriptor(&made->input, descriptor, made->name, error);
    return finish(status, made, media, error);
}

int valence_media_open_memory(const void *data, size_t n_bytes, const char *name,
                              const struct valence_media_options *options,
                              struct valence_media **media, struct valence_error *error)
{
    struct valence_media *made;
    *media = NULL;
    int status = media_prepare(name, options, &made, error);
    if (status)
        return status;
    status = media_input_open_memory(&made->input, data, n_bytes, made->name, error);
    return finish(status, made, media, error);
}

void valence_media_close(struct valence_media *media)
{
    struct media_log log;
    if (!media)
        return;
    media_log_begin(&log);
    avformat_close_input(&media->format);
    media_log_end(&log);
    media_input_close(&media->input);
    media_remote_close(media->remote);
    free(media->name);
    free(media);
}

const struct valence_media_info *valence_media_get_info(const struct valence_media *media)
{
    return &media->info;
}

const char *valence_media_warning(const struct valence_media *media)
{
    return media->warning;
}
