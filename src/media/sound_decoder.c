#include "media/sound_decoder.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/opt.h>

#include "base/fail.h"
#include "base/memory.h"

#define GAP_SECONDS 0.1 /* a longer gap between packets becomes silence */

/* ---- The resampler ---- */

/* Layouts that FFmpeg cannot mix (an unknown order of channels) are averaged. */
static int average_channels(struct sound_decoder *sound)
{
    double weights[64];
    for (int i = 0; i < sound->layout.nb_channels; i++)
        weights[i] = 1.0 / sound->layout.nb_channels;
    return swr_set_matrix(sound->resampler, weights, sound->layout.nb_channels);
}

static int set_up_resampler(struct sound_decoder *sound, const AVFrame *frame)
{
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    int code = av_channel_layout_copy(&sound->layout, &frame->ch_layout);
    bool is_known = sound->layout.order != AV_CHANNEL_ORDER_UNSPEC;
    if (code >= 0 && !is_known) { /* as ffmpeg does: the usual layout of so many channels */
        int n = sound->layout.nb_channels;
        av_channel_layout_uninit(&sound->layout);
        av_channel_layout_default(&sound->layout, n);
        is_known = sound->layout.order != AV_CHANNEL_ORDER_UNSPEC;
    }
    sound->format = frame->format;
    sound->original_rate_hz = frame->sample_rate;
    /* 16-bit sound is resampled in 16 bits, as ffmpeg does where it writes WAV. */
    sound->is_16_bit =
        av_get_bytes_per_sample(frame->format) <= 2 && frame->sample_rate != sound->rate_hz;
    if (code >= 0)
        code = swr_alloc_set_opts2(
            &sound->resampler, &mono, sound->is_16_bit ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLT,
            (int)sound->rate_hz, &sound->layout, frame->format, frame->sample_rate, 0, NULL);
    if (code >= 0) /* loud channels do not add up beyond full scale */
        code = av_opt_set_double(sound->resampler, "rematrix_maxval", 1.0, 0);
    if (code >= 0 && !is_known)
        code = average_channels(sound);
    return code < 0 ? code : swr_init(sound->resampler);
}

static void drop_resampler(struct sound_decoder *sound)
{
    swr_free(&sound->resampler);
    av_channel_layout_uninit(&sound->layout);
}

/* ---- Samples out ---- */

/* Clips: mixing and resampling overshoot where a file is loud. */
static int make_floats(struct sound_decoder *sound, int64_t n, struct valence_error *error)
{
    const int16_t *shorts = sound->raw;
    const float *floats = sound->raw;
    for (int64_t i = 0; i < n; i++) {
        float value = sound->is_16_bit ? (float)shorts[i] / 32768.0f : floats[i];
        if (!isfinite(value))
            return fail(error, VALENCE_ERROR_DATA, "%s: sample %" PRId64 " is not a finite number",
                        sound->codec.media->name, sound->n_out + i);
        sound->samples[i] = value < -1 ? -1 : value > 1 ? 1 : value;
    }
    return VALENCE_OK;
}

/* Sends n samples per channel of `data` (NULL: the end) through the resampler. */
static int convert(struct sound_decoder *sound, const uint8_t **data, int n,
                   struct valence_error *error)
{
    const char *name = sound->codec.media->name;
    int64_t room = swr_get_out_samples(sound->resampler, n) + 64;
    int status = grow_array(&sound->raw, &sound->raw_capacity, room, sizeof(float), INT32_MAX,
                            "samples", error);
    if (!status)
        status = grow_array((void **)&sound->samples, &sound->samples_capacity, room, sizeof(float),
                            INT32_MAX, "samples", error);
    if (status)
        return fail_within(status, error, "%s", name);
    uint8_t *out[1] = {sound->raw};
    int got = swr_convert(sound->resampler, out, (int)room, data, n);
    if (got < 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: its sound of %d channels at %d Hz cannot be converted", name,
                    sound->layout.nb_channels, sound->original_rate_hz);
    status = make_floats(sound, got, error);
    if (!status && got > 0)
        status = sound->take(sound->user, sound->samples, got, sound->n_out, error);
    sound->n_out += got;
    return status;
}

static int flush(struct sound_decoder *sound, struct valence_error *error)
{
    int status = sound->resampler ? convert(sound, NULL, 0, error) : VALENCE_OK;
    drop_resampler(sound);
    return status;
}

/* `n` samples of silence. */
static int fill_gap(struct sound_decoder *sound, int64_t n, struct valence_error *error)
{
    enum { AT_A_TIME = 4096 };
    uint8_t *planes[64] = {NULL};
    int n_channels = sound->layout.nb_channels, status = VALENCE_OK;
    if (av_samples_alloc(planes, NULL, n_channels, AT_A_TIME, sound->format, 0) < 0)
        return fail_memory(error, AT_A_TIME, "silence");
    av_samples_set_silence(planes, 0, AT_A_TIME, n_channels, sound->format);
    for (; !status && n > 0; n -= AT_A_TIME) {
        int count = n < AT_A_TIME ? (int)n : AT_A_TIME;
        sound->n_in += count;
        status = convert(sound, (const uint8_t **)planes, count, error);
    }
    av_freep(&planes[0]);
    return status;
}

/* ---- Frames in ---- */

static double frame_time(const struct sound_decoder *sound, const AVFrame *frame)
{
    int64_t stamp = frame->best_effort_timestamp;
    return stamp == AV_NOPTS_VALUE ? NAN
                                   : (double)stamp * av_q2d(sound->codec.stream->time_base) -
                                         sound->codec.media->origin;
}

/* Times in a container may be whole milliseconds. Where all frames are of one size, the places at
 * which they begin are known to the sample. */
static int64_t snap_place(const struct sound_decoder *sound, int64_t place, int n_samples)
{
    int64_t size = sound->frame_size;
    double step = av_q2d(sound->codec.stream->time_base) * sound->original_rate_hz;
    if (size < 1 || size != n_samples)
        return place;
    int64_t snapped =
        sound->frame_place + llrint((double)(place - sound->frame_place) / (double)size) * size;
    return llabs(snapped - place) <= step ? snapped : place;
}

/* Remembers the size of frames, from the second on: the first may lack an encoder's delay. */
static void note_size(struct sound_decoder *sound, const AVFrame *frame)
{
    if (sound->n_in > 0 && !sound->frame_size) {
        sound->frame_size = frame->nb_samples;
        sound->frame_place = sound->n_in;
    } else if (sound->n_in > 0 && sound->frame_size != frame->nb_samples) {
        sound->frame_size = -1;
    }
}

/* After a seek: whether this frame is shorter than all others, cut by the demuxer, so that its
 * place is not known to the sample. The next ones tell; a few are waited for. */
static bool is_cut_frame(struct sound_decoder *sound, const AVFrame *frame)
{
    if (!sound->is_lost || sound->frame_size < 1 || frame->nb_samples == sound->frame_size)
        return false;
    return sound->n_passed_over++ < 4;
}

/* After a seek: the place of this frame's samples, and how many are left out so that the first is
 * also one of the resampler's steps: then what comes out is what decoding from the beginning gives,
 * once the resampler's memory is filled. */
static int find_place(struct sound_decoder *sound, double time, int n_samples,
                      struct valence_error *error)
{
    const struct valence_media *media = sound->codec.media;
    if (isnan(time))
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: its sound carries no times, so that segments cannot be found in it",
                    media->name);
    int64_t rate = sound->original_rate_hz, step = rate, other = sound->rate_hz;
    while (other) { /* step: rate / gcd */
        int64_t rest = step % other;
        step = other;
        other = rest;
    }
    step = rate / step;
    sound->n_in = snap_place(sound, llrint((time - sound->begin) * (double)rate), n_samples);
    if (sound->n_in < 0)
        sound->n_in = 0;
    sound->to_drop = (step - sound->n_in % step) % step;
    sound->n_out = (sound->n_in + sound->to_drop) / step * (step * sound->rate_hz / rate);
    sound->is_lost = false;
    return VALENCE_OK;
}

/* Whether the resampler is for such frames. */
static bool is_same_kind(const struct sound_decoder *sound, const AVFrame *frame)
{
    return sound->resampler && frame->format == sound->format &&
           frame->sample_rate == sound->original_rate_hz &&
           frame->ch_layout.nb_channels == sound->layout.nb_channels;
}

static int prepare(struct sound_decoder *sound, const AVFrame *frame, double time,
                   struct valence_error *error)
{
    const struct valence_media *media = sound->codec.media;
    int status = VALENCE_OK;
    if (frame->sample_rate < 1000 || frame->ch_layout.nb_channels < 1 ||
        frame->ch_layout.nb_channels > 64)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: its sound turns to %d channels at %d Hz",
                    media->name, frame->ch_layout.nb_channels, frame->sample_rate);
    if (!is_same_kind(sound, frame)) {
        int64_t old_rate = sound->original_rate_hz;
        status = flush(sound, error);
        if (!status && set_up_resampler(sound, frame) < 0)
            status = fail(error, VALENCE_ERROR_UNSUPPORTED,
                          "%s: its sound of %d channels at %d Hz cannot be converted", media->name,
                          frame->ch_layout.nb_channels, frame->sample_rate);
        if (old_rate)
            sound->n_in = sound->n_in * frame->sample_rate / old_rate;
    }
    if (!status && !sound->has_begun) {
        sound->begin = isnan(time) ? 0 : time;
        sound->has_begun = true;
    }
    return status || !sound->is_lost ? status : find_place(sound, time, frame->nb_samples, error);
}

static int take_frame(void *user, AVFrame *frame, struct valence_error *error)
{
    struct sound_decoder *sound = user;
    double time = frame_time(sound, frame);
    if (is_cut_frame(sound, frame))
        return VALENCE_OK;
    bool was_lost = sound->is_lost || !sound->has_begun;
    int status = prepare(sound, frame, time, error);
    if (status)
        return status;
    double gap = time - sound->expected;
    if (!was_lost && gap > GAP_SECONDS && gap < sound->codec.media->options.max_seconds)
        status = fill_gap(sound, llrint(gap * frame->sample_rate), error);
    note_size(sound, frame);
    if (!isnan(time))
        sound->expected = time;
    sound->expected += (double)frame->nb_samples / frame->sample_rate;
    if (status)
        return status;
    int64_t drop = sound->to_drop < frame->nb_samples ? sound->to_drop : frame->nb_samples;
    sound->to_drop -= drop;
    sound->n_in += frame->nb_samples;
    if (drop == frame->nb_samples)
        return VALENCE_OK;
    const uint8_t *planes[64];
    bool is_planar = av_sample_fmt_is_planar(frame->format);
    int n_planes = is_planar ? frame->ch_layout.nb_channels : 1;
    int64_t bytes = av_get_bytes_per_sample(frame->format);
    for (int i = 0; i < n_planes; i++)
        planes[i] =
            frame->extended_data[i] + drop * bytes * (is_planar ? 1 : frame->ch_layout.nb_channels);
    return convert(sound, planes, frame->nb_samples - (int)drop, error);
}

int sound_decoder_packet(struct sound_decoder *sound, const AVPacket *packet,
                         struct valence_error *error)
{
    int status = media_codec_decode(&sound->codec, packet, take_frame, sound, error);
    if (!status && !packet)
        status = flush(sound, error);
    return status;
}

/* ---- Opening, seeking ---- */

int sound_decoder_open(struct sound_decoder *sound, struct valence_media *media,
                       struct valence_error *error)
{
    sound->rate_hz = media->options.rate_hz;
    return media_codec_open(&sound->codec, media, media->audio, error);
}

void sound_decoder_close(struct sound_decoder *sound)
{
    drop_resampler(sound);
    media_codec_close(&sound->codec);
    free(sound->raw);
    free(sound->samples);
}

void sound_decoder_seek(struct sound_decoder *sound)
{
    avcodec_flush_buffers(sound->codec.context);
    drop_resampler(sound);
    sound->is_lost = true;
    sound->n_passed_over = 0;
}

double sound_decoder_time(const struct sound_decoder *sound)
{
    return sound->begin + (double)sound->n_out / (double)sound->rate_hz;
}
