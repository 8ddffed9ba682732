/* A decoder of one stream: packets in, frames out, within the limits. */
#include <inttypes.h>
#include <string.h>

#include <libavutil/imgutils.h>

#include "base/fail.h"
#include "base/threads.h"
#include "media/media_private.h"

/* ---- Limits ---- */

/* Bytes of one picture as its decoder keeps it. */
static int64_t picture_bytes(const AVCodecContext *context, enum AVPixelFormat format)
{
    int bytes = av_image_get_buffer_size(format, context->width, context->height, 32);
    return bytes > 0 ? bytes : (int64_t)context->width * context->height * 4;
}

/* Called before memory for a picture is taken, also from the decoder's threads. */
static int get_buffer(AVCodecContext *context, AVFrame *frame, int flags)
{
    struct media_codec *codec = context->opaque;
    const struct valence_media_options *options = &codec->media->options;
    if (context->codec_type == AVMEDIA_TYPE_VIDEO) {
        int64_t width = context->width, height = context->height;
        if (width > VALENCE_MEDIA_MAX_SIDE || height > VALENCE_MEDIA_MAX_SIDE ||
            width * height > options->max_pixels) {
            codec->refused_height = height;
            codec->refused_width = width;
            return AVERROR(EINVAL);
        }
        /* the decoder's, its neighbour's for prediction, and the RGB that is made of it */
        if (2 * picture_bytes(context, (enum AVPixelFormat)frame->format) + 3 * width * height >
            options->max_bytes) {
            codec->has_no_room = true;
            return AVERROR(ENOMEM);
        }
    }
    return avcodec_default_get_buffer2(context, frame, flags);
}

/* Each thread keeps pictures of its own: as few as leave them a quarter of the memory. */
static int count_threads(const struct media_codec *codec, const AVCodecParameters *parameters)
{
    const struct valence_media_options *options = &codec->media->options;
    int threads = options->threads ? options->threads : threads_count() < 4 ? threads_count() : 4;
    int64_t pixels = (int64_t)parameters->width * parameters->height;
    if (pixels <= 0)
        return 1;
    int64_t room = options->max_bytes / 4 / (pixels * 3);
    return room < 1 ? 1 : room < threads ? (int)room : threads;
}

/* ---- Opening ---- */

int media_codec_open(struct media_codec *codec, struct valence_media *media, int stream,
                     struct valence_error *error)
{
    *codec = (struct media_codec){.media = media, .stream = media->format->streams[stream]};
    const AVCodecParameters *parameters = codec->stream->codecpar;
    const AVCodec *decoder = avcodec_find_decoder(parameters->codec_id);
    if (!decoder)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: FFmpeg has no decoder for stream %d (%s)", media->name, stream,
                    avcodec_get_name(parameters->codec_id));
    struct media_log log;
    media_log_begin(&log);
    codec->context = avcodec_alloc_context3(decoder);
    codec->frame = av_frame_alloc();
    int code = codec->context && codec->frame ? 0 : AVERROR(ENOMEM);
    if (code >= 0)
        code = avcodec_parameters_to_context(codec->context, parameters);
    if (code >= 0) {
        AVCodecContext *context = codec->context;
        context->opaque = codec;
        context->get_buffer2 = get_buffer;
        context->pkt_timebase = codec->stream->time_base;
        context->err_recognition = AV_EF_CRCCHECK;
        context->thread_count =
            parameters->codec_type == AVMEDIA_TYPE_VIDEO ? count_threads(codec, parameters) : 1;
        code = avcodec_open2(context, decoder, NULL);
    }
    int status =
        code < 0 ? media_fail(media, code, &log, "its decoder cannot be opened", error) : 0;
    media_log_end(&log);
    if (status)
        media_codec_close(codec);
    return status;
}

void media_codec_close(struct media_codec *codec)
{
    struct media_log log;
    media_log_begin(&log);
    avcodec_free_context(&codec->context);
    av_frame_free(&codec->frame);
    media_log_end(&log);
}

/* ---- Decoding ---- */

static int fail_decoding(struct media_codec *codec, int code, const struct media_log *log,
                         struct valence_error *error)
{
    struct valence_media *media = codec->media;
    if (codec->refused_width)
        return media_check_size(media, codec->refused_width, codec->refused_height, error);
    if (codec->has_no_room)
        return fail_key(error, VALENCE_ERROR_LIMIT, "max_bytes",
                        "%s: decoding its pictures of %d x %d takes more than %.1f MiB of memory",
                        media->name, codec->context->width, codec->context->height,
                        (double)media->options.max_bytes / (1 << 20));
    if (media->input.problem || code == AVERROR(ENOMEM))
        return media_fail(media, code, log, "cannot be decoded", error);
    codec->n_damaged++;
    const char *what = codec->context->codec_type == AVMEDIA_TYPE_AUDIO ? "sound" : "picture";
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof text);
    return media_damage(media, error, "its %s is damaged or cut off at frame %" PRId64 ": %s", what,
                        codec->n_frames, log->text[0] ? log->text : text);
}

/* The frames that are ready. */
static int take_frames(struct media_codec *codec, const struct media_log *log,
                       int (*take)(void *user, AVFrame *frame, struct valence_error *error),
                       void *user, struct valence_error *error)
{
    int status = VALENCE_OK;
    while (!status) {
        int code = avcodec_receive_frame(codec->context, codec->frame);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            break;
        if (code < 0) {
            status = fail_decoding(codec, code, log, error);
            continue;
        }
        bool is_corrupt =
            (codec->frame->flags & AV_FRAME_FLAG_CORRUPT) || codec->frame->decode_error_flags;
        if (is_corrupt && codec->n_frames > 0) /* streams may begin amid their pictures */
            status = fail_decoding(codec, AVERROR_INVALIDDATA, log, error);
        codec->n_frames++;
        if (!status)
            status = take(user, codec->frame, error);
        av_frame_unref(codec->frame);
    }
    return status;
}

int media_codec_decode(struct media_codec *codec, const AVPacket *packet,
                       int (*take)(void *user, AVFrame *frame, struct valence_error *error),
                       void *user, struct valence_error *error)
{
    struct media_log log;
    media_log_begin(&log);
    int status = VALENCE_OK, code = AVERROR(EAGAIN);
    while (!status && code == AVERROR(EAGAIN)) {
        code = avcodec_send_packet(codec->context, packet);
        if (code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF)
            status = fail_decoding(codec, code, &log, error);
        if (!status)
            status = take_frames(codec, &log, take, user, error);
    }
    media_log_end(&log);
    return status;
}
