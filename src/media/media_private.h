/* What the parts of the decoder share. */
#ifndef VALENCE_MEDIA_PRIVATE_H
#define VALENCE_MEDIA_PRIVATE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/media_input.h"
#include "media/media_log.h"
#include "valence/media.h"

struct valence_media {
    struct valence_media_options options;
    char *name; /* of the file, for errors */
    struct media_input input;
    AVFormatContext *format;
    int audio, video; /* indices of the chosen streams; -1: there is none */
    double origin;    /* the file's beginning in the container's time, seconds */
    struct valence_media_info info;
    bool was_decoded; /* the reading position is no longer at the beginning */
    char warning[256];
    struct media_remote *remote; /* the worker that decodes it; NULL: this process does */
};

/* The two steps of opening in this process, for a worker, which gives up its rights in between: a
 * file with its options and input, then what FFmpeg says of it. Both as valence_media_open(); the
 * second frees nothing on failure. */
int media_prepare(const char *name, const struct valence_media_options *options,
                  struct valence_media **media, struct valence_error *error);
int media_open_prepared(struct valence_media *media, struct valence_error *error);

/* A decoder of one of the streams. */
struct media_codec {
    struct valence_media *media;
    AVStream *stream;
    AVCodecContext *context;
    AVFrame *frame;
    int64_t n_frames, n_damaged;

    /* Set by the decoder's threads where memory for a picture is refused. */
    int64_t refused_width, refused_height;
    bool has_no_room;
};

/* Opens the decoder of the stream. Errors: UNSUPPORTED, FORMAT, MEMORY. */
int media_codec_open(struct media_codec *codec, struct valence_media *media, int stream,
                     struct valence_error *error);
void media_codec_close(struct media_codec *codec);

/* Gives the decoder a packet, NULL at the end, and calls `take` for each frame that comes out;
 * `take` owns nothing. Damage is an error unless the options accept it. */
int media_codec_decode(struct media_codec *codec, const AVPacket *packet,
                       int (*take)(void *user, AVFrame *frame, struct valence_error *error),
                       void *user, struct valence_error *error);

/* ERROR_FORMAT with the key "accept_damaged", or, with that option, a warning and VALENCE_OK. The
 * text does not name the file. */
int media_damage(struct valence_media *media, struct valence_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "x.mp4: cannot ...: what FFmpeg said", with the status that belongs to FFmpeg's code. */
int media_fail(const struct valence_media *media, int code, const struct media_log *log,
               const char *what, struct valence_error *error);

/* A picture's size within the limits? Errors: LIMIT. */
int media_check_size(const struct valence_media *media, int64_t width, int64_t height,
                     struct valence_error *error);

/* Clockwise degrees (0, 90, 180, 270) and a mirroring before turning; false for other angles. */
bool media_rotation(const int32_t *matrix, int *degrees, bool *is_mirrored);

#endif
