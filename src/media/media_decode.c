/* Decoding segments of a file, which is gone through once. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "media/media_private.h"
#include "media/media_remote.h"
#include "media/picture_converter.h"
#include "media/sound_decoder.h"

/* Seeking pays where more than this is skipped, and decoding begins so much before a segment:
 * what codecs and the resampler remember is right by then. */
#define SEEK_SECONDS    15.0
#define PREROLL_SECONDS 2.0

#define TIME_ROUNDING 1e-6 /* of a container's times */

struct segment {
    double start, end;
    int64_t index;                    /* the caller's */
    int64_t first_sample, end_sample; /* of the file's; known once the sound has begun */
    int64_t n_pictures, n_steps;      /* given so far; with fps also those without a picture */
};

struct decoding {
    struct valence_media *media;
    const struct valence_media_sink *sink;
    const struct valence_progress *progress;

    struct segment *segments; /* by their start */
    int64_t n_segments;
    int64_t first_open; /* segments before it have ended in all kinds that are decoded */
    double end;         /* the latest */

    struct sound_decoder sound;
    struct media_codec video;
    struct picture_converter converter;
    bool has_sound, has_video; /* wanted and there */
    bool sound_has_times;      /* the segments' samples are known */
    AVFrame *held;             /* with fps: the last picture, until the next tells its end */
    double held_time;
    double video_time, video_seconds; /* of the last picture: when, -INFINITY at first; how long */

    bool can_seek;
    int64_t jumped_to; /* the segment of the last jump, which is not tried twice */
    double reported;   /* time of the next report */
};

/* ---- Segments ---- */

static int compare_segments(const void *a, const void *b)
{
    const struct segment *one = a, *other = b;
    return (one->start > other->start) - (one->start < other->start);
}

/* The end of what is decoded of a segment, as far as the header tells. */
static double known_end(const struct decoding *d, double end)
{
    double duration = d->media->info.duration;
    return isnan(duration) ? end : fmin(end, duration);
}

static int check_seconds(const struct decoding *d, struct valence_error *error)
{
    double seconds = 0, most = d->media->options.max_seconds;
    for (int64_t i = 0; i < d->n_segments; i++) {
        double end = known_end(d, d->segments[i].end);
        seconds += isinf(end) || end < d->segments[i].start ? 0 : end - d->segments[i].start;
    }
    if (seconds <= most)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_LIMIT, "max_seconds",
                    "%s: %.0f seconds are to be decoded; the limit is %.0f", d->media->name,
                    seconds, most);
}

static int take_segments(struct decoding *d, const struct valence_media_segment *segments,
                         int64_t n, struct valence_error *error)
{
    static const struct valence_media_segment whole = {0, INFINITY};
    if (!segments || n < 1) {
        segments = &whole;
        n = 1;
    }
    d->segments = allocate(n, sizeof *d->segments);
    if (!d->segments)
        return fail_memory(error, (size_t)n * sizeof *d->segments, "segments");
    d->n_segments = n;
    for (int64_t i = 0; i < n; i++) {
        struct segment *segment = &d->segments[i];
        *segment = (struct segment){.start = segments[i].start, .end = segments[i].end, .index = i};
        if (!(segment->start >= 0 && segment->start < segment->end && segment->start < 1e9))
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "%s: segment %" PRId64 " of %g to %g seconds is not 0 <= start < end",
                        d->media->name, i, segment->start, segment->end);
        d->end = fmax(d->end, segment->end);
    }
    qsort(d->segments, (size_t)n, sizeof *d->segments, compare_segments);
    return check_seconds(d, error);
}

/* What is decoded beyond the limit, where the header did not tell or was wrong. */
static int check_time(const struct decoding *d, double time, struct valence_error *error)
{
    double start = d->segments[0].start, most = d->media->options.max_seconds;
    if (time <= d->media->info.duration + 1 || time - start <= most)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_LIMIT, "max_seconds",
                    "%s: is longer than %.0f seconds, the limit", d->media->name, most);
}

/* ---- Sound ---- */

static int64_t sample_at(double time, const struct sound_decoder *sound)
{
    double sample = rint((time - sound->begin) * (double)sound->rate_hz);
    return sample < 0 ? 0 : sample < 9e18 ? (int64_t)sample : INT64_MAX;
}

static int take_samples(void *user, const float *samples, int64_t n, int64_t first,
                        struct valence_error *error)
{
    struct decoding *d = user;
    const struct sound_decoder *sound = &d->sound;
    for (int64_t i = 0; !d->sound_has_times && i < d->n_segments; i++) {
        d->segments[i].first_sample = sample_at(d->segments[i].start, sound);
        d->segments[i].end_sample = sample_at(d->segments[i].end, sound);
    }
    d->sound_has_times = true;
    int status = check_time(d, sound->begin + (double)first / (double)sound->rate_hz, error);
    for (int64_t i = d->first_open; !status && i < d->n_segments; i++) {
        const struct segment *segment = &d->segments[i];
        if (segment->first_sample >= first + n)
            break;
        int64_t from = segment->first_sample > first ? segment->first_sample : first;
        int64_t to = segment->end_sample < first + n ? segment->end_sample : first + n;
        if (from >= to)
            continue;
        struct valence_media_samples piece = {segment->index, samples + (from - first), to - from,
                                              from - segment->first_sample,
                                              sound->begin + (double)from / (double)sound->rate_hz};
        status = d->sink->samples(d->sink->user, &piece, error);
    }
    return status;
}

/* ---- Pictures ---- */

static int give_picture(struct decoding *d, struct segment *segment, double time,
                        double source_time, struct valence_error *error)
{
    struct valence_media_picture picture = {segment->index,      d->converter.pixels,
                                            d->converter.width,  d->converter.height,
                                            segment->n_pictures, time,
                                            source_time};
    segment->n_pictures++;
    return d->sink->picture(d->sink->user, &picture, error);
}

/* The source's picture at `time`, for all segments that hold it. */
static int give_source_picture(struct decoding *d, AVFrame *frame, double time,
                               struct valence_error *error)
{
    bool is_converted = false;
    int status = VALENCE_OK;
    for (int64_t i = d->first_open; !status && i < d->n_segments; i++) {
        struct segment *segment = &d->segments[i];
        if (segment->start > time + TIME_ROUNDING)
            break;
        if (time >= segment->end - TIME_ROUNDING)
            continue;
        if (!is_converted)
            status = picture_convert(&d->converter, &d->video, frame, error);
        is_converted = true;
        if (!status)
            status = give_picture(d, segment, time, time, error);
    }
    return status;
}

/* The picture that is shown from `time` to before `until`, at the steps in between. */
static int give_steps(struct decoding *d, AVFrame *frame, double time, double until,
                      struct valence_error *error)
{
    double fps = d->media->options.fps;
    bool is_converted = false;
    int status = VALENCE_OK;
    for (int64_t i = d->first_open; !status && i < d->n_segments; i++) {
        struct segment *segment = &d->segments[i];
        if (segment->start > until)
            break;
        double end = fmin(segment->end, until) - TIME_ROUNDING;
        for (;; segment->n_steps++) {
            double step = segment->start + (double)segment->n_steps / fps;
            if (status || step >= end)
                break;
            if (step < time - TIME_ROUNDING) /* nothing was shown yet */
                continue;
            if (!is_converted)
                status = picture_convert(&d->converter, &d->video, frame, error);
            is_converted = true;
            if (!status)
                status = give_picture(d, segment, step, time, error);
        }
    }
    return status;
}

static int release_held(struct decoding *d, double until, struct valence_error *error)
{
    if (!d->held->buf[0])
        return VALENCE_OK;
    int status = give_steps(d, d->held, d->held_time, until, error);
    av_frame_unref(d->held);
    return status;
}

static double frame_seconds(const struct decoding *d, const AVFrame *frame)
{
    double rate = d->media->info.frame_rate;
    return frame->pkt_duration > 0
               ? (double)frame->pkt_duration * av_q2d(d->video.stream->time_base)
           : rate > 0 ? 1 / rate
                      : 0.04;
}

static int take_picture(void *user, AVFrame *frame, struct valence_error *error)
{
    struct decoding *d = user;
    int64_t stamp = frame->best_effort_timestamp;
    double time = stamp != AV_NOPTS_VALUE
                      ? (double)stamp * av_q2d(d->video.stream->time_base) - d->media->origin
                  : isinf(d->video_time) ? 0
                                         : d->video_time + d->video_seconds;
    d->video_seconds = frame_seconds(d, frame);
    d->video_time = time;
    int status = check_time(d, time, error);
    if (status)
        return status;
    if (d->media->options.fps == 0)
        return give_source_picture(d, frame, time, error);
    status = release_held(d, time, error);
    av_frame_unref(d->held);
    if (!status && av_frame_ref(d->held, frame) < 0)
        status = fail_memory(error, 0, "a picture");
    d->held_time = time;
    return status;
}

/* ---- Going through the file ---- */

/* All that is decoded before this time has been given out. */
static double time_reached(const struct decoding *d)
{
    double sound = d->sound.has_begun ? sound_decoder_time(&d->sound) : 0;
    double video = isinf(d->video_time) ? 0 : d->video_time;
    return !d->has_sound ? video : !d->has_video ? sound : fmin(sound, video);
}

/* Passes over segments that have ended; whether any is left. */
static bool is_anything_left(struct decoding *d)
{
    double reached = time_reached(d);
    while (d->first_open < d->n_segments && d->segments[d->first_open].end < reached)
        d->first_open++;
    return d->first_open < d->n_segments;
}

/* Jumps to before the next segment where it is far and the file can be sought; else what lies
 * between is decoded. Where the sound begins, and how long its frames are, must be known first. */
static void jump(struct decoding *d)
{
    double start = d->segments[d->first_open].start - PREROLL_SECONDS;
    if (!d->can_seek || d->jumped_to == d->first_open || (d->has_sound && !d->sound.frame_size) ||
        start - time_reached(d) < SEEK_SECONDS)
        return;
    int64_t stamp = (int64_t)((start + d->media->origin) * AV_TIME_BASE);
    d->jumped_to = d->first_open;
    d->can_seek = avformat_seek_file(d->media->format, -1, INT64_MIN, stamp, stamp, 0) >= 0;
    if (!d->can_seek)
        return;
    if (d->has_sound)
        sound_decoder_seek(&d->sound);
    if (d->has_video)
        avcodec_flush_buffers(d->video.context);
    av_frame_unref(d->held);
    d->video_time = -INFINITY;
}

static int report(struct decoding *d, double seconds)
{
    const struct valence_progress *progress = d->progress;
    if (!progress || seconds < d->reported)
        return VALENCE_OK;
    d->reported = seconds + 1;
    double duration = d->media->info.duration;
    struct valence_progress_event event = {"decoding", (int64_t)seconds,
                                           isnan(duration) ? 0 : (int64_t)ceil(duration), "seconds",
                                           NULL};
    return progress->report(progress->user, &event) ? VALENCE_ERROR_CANCELLED : VALENCE_OK;
}

/* Containers in which damage shows: damaged packets are marked as such, and what lies between
 * packets is complained of. (Others mark what ends with the file.) */
static bool marks_damage(const struct valence_media *media)
{
    const char *name = media->format->iformat->name;
    return strncmp(name, "mov,", 4) == 0 || strncmp(name, "matroska", 8) == 0 ||
           strcmp(name, "avi") == 0;
}

static int take_packet(struct decoding *d, const AVPacket *packet, struct valence_error *error)
{
    struct valence_media *media = d->media;
    int status = VALENCE_OK;
    bool is_sound = d->has_sound && packet->stream_index == media->audio;
    if (!is_sound && !(d->has_video && packet->stream_index == media->video))
        return VALENCE_OK;
    if ((packet->flags & AV_PKT_FLAG_CORRUPT) && marks_damage(media))
        status = media_damage(media, error, "its %s is damaged or cut off: a packet is incomplete",
                              is_sound ? "sound" : "video");
    if (!status)
        status = is_sound ? sound_decoder_packet(&d->sound, packet, error)
                          : media_codec_decode(&d->video, packet, take_picture, d, error);
    if (!status && report(d, time_reached(d)))
        status = fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
    return status;
}

/* The next packet; *is_end if there is none. */
static int read_packet(struct decoding *d, AVPacket *packet, bool *is_end,
                       struct valence_error *error)
{
    struct media_log log;
    struct valence_media *media = d->media;
    media_log_begin(&log);
    int code = av_read_frame(media->format, packet), status = VALENCE_OK;
    *is_end = code < 0;
    if (media->input.problem || code == AVERROR(ENOMEM))
        status = media_fail(media, code, &log, "cannot be read", error);
    else if (code < 0 && code != AVERROR_EOF)
        status = media_damage(
            media, error, "the file is damaged or cut off after %.1f seconds%s: %s",
            time_reached(d),
            media->input.n_bytes < 0 ? ", or a pipe cannot give it (store it in a file)" : "",
            log.text[0] ? log.text : "its packets end");
    else if (code >= 0 && log.text[0] && marks_damage(media)) /* something was jumped over */
        status = media_damage(media, error, "the file is damaged after %.1f seconds: %s",
                              time_reached(d), log.text);
    media_log_end(&log);
    return status;
}

/* Formats of sound alone that say how long they are, but not where their bytes end. */
static int check_length(struct decoding *d, struct valence_error *error)
{
    static const char *const formats[] = {"flac", "mp3", "ape", "tta", "wv"};
    const struct valence_media *media = d->media;
    const AVStream *stream = d->has_sound ? d->sound.codec.stream : NULL;
    if (!stream || stream->duration == AV_NOPTS_VALUE ||
        media->format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM)
        return VALENCE_OK;
    double length = (double)stream->duration * av_q2d(stream->time_base),
           got = sound_decoder_time(&d->sound) - d->sound.begin;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(media->format->iformat->name, formats[i]) == 0 && length - got > 0.1)
            return media_damage(d->media, error,
                                "the file is cut off: it has %.2f of the %.2f seconds that its "
                                "header tells",
                                got, length);
    return VALENCE_OK;
}

/* What the decoders still hold at the file's end. */
static int finish(struct decoding *d, struct valence_error *error)
{
    int status = VALENCE_OK;
    if (d->has_sound)
        status = sound_decoder_packet(&d->sound, NULL, error);
    if (!status && d->has_video)
        status = media_codec_decode(&d->video, NULL, take_picture, d, error);
    if (!status && d->has_video)
        status = release_held(d, d->held_time + d->video_seconds, error);
    return status ? status : check_length(d, error);
}

static int go_through(struct decoding *d, struct valence_error *error)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return fail_memory(error, sizeof *packet, "a packet");
    bool is_end = false;
    int status = VALENCE_OK;
    while (!status && is_anything_left(d)) {
        jump(d);
        status = read_packet(d, packet, &is_end, error);
        if (is_end)
            break;
        if (!status)
            status = take_packet(d, packet, error);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return status || !is_end ? status : finish(d, error);
}

/* ---- Beginning ---- */

/* Back to the beginning, where the file was decoded before. */
static int rewind_file(struct valence_media *media, struct valence_error *error)
{
    bool was_decoded = media->was_decoded;
    media->was_decoded = true;
    if (!was_decoded)
        return VALENCE_OK;
    struct media_log log;
    media_log_begin(&log);
    int64_t stamp = media->format->start_time == AV_NOPTS_VALUE ? 0 : media->format->start_time;
    int code = media->input.n_bytes < 0
                   ? AVERROR(ESPIPE)
                   : avformat_seek_file(media->format, -1, INT64_MIN, stamp, stamp, 0);
    if (code < 0)
        code = media->input.n_bytes < 0 ? code
                                        : avformat_seek_file(media->format, -1, INT64_MIN, 0,
                                                             INT64_MAX, AVSEEK_FLAG_BYTE);
    media_log_end(&log);
    return code >= 0 ? VALENCE_OK
                     : fail(error, VALENCE_ERROR_UNSUPPORTED,
                            "%s: cannot be decoded twice; open it again", media->name);
}

static int open_decoders(struct decoding *d, struct valence_error *error)
{
    struct valence_media *media = d->media;
    d->has_sound = d->sink->samples && media->audio >= 0;
    d->has_video = d->sink->picture && media->video >= 0;
    if ((d->sink->samples && !d->has_sound) || (d->sink->picture && !d->has_video))
        return fail(error, VALENCE_ERROR_DATA, "%s: has no %s", media->name,
                    d->sink->samples && !d->has_sound ? "sound" : "pictures");
    for (int i = 0; i < (int)media->format->nb_streams; i++) {
        bool is_used = (d->has_sound && i == media->audio) || (d->has_video && i == media->video);
        media->format->streams[i]->discard = is_used ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    d->sound.take = take_samples;
    d->sound.user = d;
    d->held = av_frame_alloc();
    int status = d->held ? VALENCE_OK : fail_memory(error, 0, "a picture");
    if (!status && d->has_sound)
        status = sound_decoder_open(&d->sound, media, error);
    if (!status && d->has_video)
        status = media_codec_open(&d->video, media, media->video, error);
    return status;
}

int valence_media_decode(struct valence_media *media, const struct valence_media_segment *segments,
                         int64_t n_segments, const struct valence_media_sink *sink,
                         const struct valence_progress *progress, struct valence_error *error)
{
    if (media->remote)
        return media_remote_decode(media, segments, n_segments, sink, progress, error);
    struct decoding d = {.media = media,
                         .sink = sink,
                         .progress = progress,
                         .video_time = -INFINITY,
                         .jumped_to = -1};
    d.can_seek = media->input.n_bytes >= 0 && !(media->format->iformat->flags & AVFMT_NOTIMESTAMPS);
    int status = take_segments(&d, segments, n_segments, error);
    if (!status)
        status = rewind_file(media, error);
    if (!status)
        status = open_decoders(&d, error);
    if (!status)
        status = go_through(&d, error);
    sound_decoder_close(&d.sound);
    media_codec_close(&d.video);
    picture_converter_free(&d.converter);
    av_frame_free(&d.held);
    free(d.segments);
    return status;
}
