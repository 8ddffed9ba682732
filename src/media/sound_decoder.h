/* Decoded sound as mono float samples at one rate, each with its place in the file. */
#ifndef VALENCE_MEDIA_SOUND_DECODER_H
#define VALENCE_MEDIA_SOUND_DECODER_H

#include <libswresample/swresample.h>

#include "media/media_private.h"

/* Samples are counted from the first that the file has; `begin` is when that sounds, in seconds
 * from the file's beginning. After a seek, counting goes on from the times that packets carry. */
struct sound_decoder {
    struct media_codec codec;
    int64_t rate_hz;

    /* Receives samples; `first` counts at rate_hz. */
    int (*take)(void *user, const float *samples, int64_t n, int64_t first,
                struct valence_error *error);
    void *user;

    SwrContext *resampler;
    AVChannelLayout layout; /* that the resampler was made for */
    int format, original_rate_hz;
    bool is_16_bit; /* what it puts out */

    bool has_begun;
    double expected; /* time of the next frame, by the last one's */
    double begin;
    int64_t frame_size, frame_place; /* of all frames, and of one; -1: sizes differ */
    int n_passed_over;               /* frames since the last seek */
    bool is_lost;                    /* after a seek: the place is to be found out */
    int64_t n_in;    /* place of the next sample that the decoder gives, at original_rate_hz */
    int64_t to_drop; /* of them, for a place that is one of rate_hz's as well */
    int64_t n_out;   /* place of the next sample that comes out */
    void *raw;       /* the resampler's output */
    float *samples;  /* the same as float */
    int64_t raw_capacity, samples_capacity;
};

int sound_decoder_open(struct sound_decoder *sound, struct valence_media *media,
                       struct valence_error *error);
void sound_decoder_close(struct sound_decoder *sound);

/* A packet of the stream, NULL at the end. */
int sound_decoder_packet(struct sound_decoder *sound, const AVPacket *packet,
                         struct valence_error *error);

/* The reading position was moved. */
void sound_decoder_seek(struct sound_decoder *sound);

/* Time of the next sample, seconds from the file's beginning. */
double sound_decoder_time(const struct sound_decoder *sound);

#endif
