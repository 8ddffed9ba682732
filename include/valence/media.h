/* Sound and pictures from media files, by FFmpeg's libraries.
 *
 * Any container and codec that the libraries know can be read: from a local file, from a file
 * descriptor (standard input, a pipe) or from memory. Nothing else is ever opened: playlists,
 * concatenation scripts and references to other files or network addresses are refused. The format
 * is found from the content, never from the file's name.
 *
 * Sound comes as mono float at one rate, equal to `ffmpeg -ar RATE -ac 1`; pictures come as RGB
 * bytes, upright, with square pixels. Decoding streams: its memory does not grow with the length.
 *
 * Times are seconds from the file's beginning (the earliest time of its streams).
 *
 * Files from strangers can be decoded in processes of their own (valence/media_worker.h);
 * everything here is the same then.
 *
 * A `struct valence_media` is used by one thread at a time; different ones are independent. */
#ifndef VALENCE_MEDIA_H
#define VALENCE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_media;
struct valence_media_workers;

/* No picture has longer sides, whatever the options say. */
#define VALENCE_MEDIA_MAX_SIDE 16384

/* Start from valence_media_options_default(). The names of members are also the keys of errors. */
struct valence_media_options {
    size_t size; /* of this struct, as the caller knows it */

    int64_t rate_hz; /* of the samples, 1000 ... 384000 (16000) */

    /* Pictures per second, up to 1000. 0 (the default) gives the source's own pictures, each with
     * its own time. Otherwise the pictures stand at start, start + 1 / fps, ..., and each is the
     * source's latest picture at that time, so that sources of variable rate come out right. */
    double fps;

    /* Which of several streams of a kind, from 0; -1 (the default) is the one that FFmpeg prefers:
     * marked as default, the highest resolution, the most channels. */
    int audio_stream, video_stream;

    bool attached_pictures; /* true: a cover picture counts as picture (false) */

    /* Whether pictures are turned upright as the file's rotation says, and stretched to square
     * pixels (true, true). */
    bool upright, square_pixels;

    /* false (the default): a file that is cut off or damaged is ERROR_FORMAT. true: what can be
     * decoded is used, and valence_media_warning() says what is lacking. */
    bool accept_damaged;

    int64_t max_pixels; /* of a picture (8192 * 8192) */
    double max_seconds; /* to be decoded of one file, over all segments (6 hours) */

    /* Of pictures that the decoder keeps, and of sound that is read whole (1 GiB). */
    int64_t max_bytes;

    int threads; /* of the decoder; 0 (the default): as many as the library uses, at most 4 */

    /* Whose processes decode the file; they must live longer. NULL (the default): it is decoded in
     * this process. With them, a file whose decoder crashes, or takes more than the processes'
     * limits, is ERROR_FORMAT, and one that takes too much memory is ERROR_LIMIT. */
    struct valence_media_workers *workers;
};

VALENCE_API void valence_media_options_default(struct valence_media_options *options);

/* What a file holds, as its header says. */
struct valence_media_info {
    const char *format; /* FFmpeg's name of the container, "mov,mp4,m4a,3gp,3g2,mj2" */
    double duration;    /* seconds; NAN where the file does not say */
    int64_t n_bytes;    /* of the file; -1 of a pipe */

    int n_audio_streams, n_video_streams; /* attached pictures are not counted */

    /* The chosen sound; NULL and 0 if there is none. */
    const char *audio_codec;
    int64_t original_rate_hz;
    int n_channels;

    /* The chosen pictures; NULL and 0 if there are none. The size is after turning and
     * stretching. */
    const char *video_codec;
    int64_t width, height;
    double frame_rate; /* average, pictures per second; 0 where the file does not say */
    int rotation;      /* clockwise degrees by which pictures are turned: 0, 90, 180, 270 */
};

/* Opens a file, a descriptor or memory. `options` may be NULL. A descriptor stays the caller's and
 * must stay open, memory likewise; `name` stands for them in errors. *media is NULL on failure.
 *
 * Errors: NOT_FOUND, IO; UNSUPPORTED for what is no media file, for playlists, and for codecs that
 * FFmpeg does not decode; FORMAT for damaged files; DATA where there is neither sound nor picture;
 * LIMIT with the option's name as key; ARGUMENT for options out of range and for a stream that the
 * file does not have; MEMORY. */
VALENCE_API int valence_media_open(const char *path, const struct valence_media_options *options,
                                   struct valence_media **media, struct valence_error *error);
VALENCE_API int valence_media_open_descriptor(int descriptor, const char *name,
                                              const struct valence_media_options *options,
                                              struct valence_media **media,
                                              struct valence_error *error);
VALENCE_API int valence_media_open_memory(const void *data, size_t n_bytes, const char *name,
                                          const struct valence_media_options *options,
                                          struct valence_media **media,
                                          struct valence_error *error);
VALENCE_API void valence_media_close(struct valence_media *media);

/* Lives as long as `media`. */
VALENCE_API const struct valence_media_info *
valence_media_get_info(const struct valence_media *media);

/* What has been found wrong with the file so far, where `accept_damaged` lets it pass: "the file is
 * cut off: ..."; "" if nothing. Lives until the next call with `media`. */
VALENCE_API const char *valence_media_warning(const struct valence_media *media);

/* ---- Decoding piece by piece ---- */

/* From `start` to before `end`; an infinite end is the file's. Sound is cut to the sample: a
 * segment has the samples round(start * rate) ... round(end * rate) - 1 of the whole file's, as far
 * as there are any. */
struct valence_media_segment {
    double start, end;
};

/* Some samples of a segment, in order. The memory is the decoder's. */
struct valence_media_samples {
    int64_t segment;      /* index */
    const float *samples; /* full scale 1 */
    int64_t n_samples;    /* at least 1 */
    int64_t first;        /* index of samples[0] among the segment's samples */
    double time;          /* of samples[0] */
};

struct valence_media_picture {
    int64_t segment;
    const uint8_t *pixels; /* (height, width, 3), RGB */
    int64_t width, height;
    int64_t index;      /* among the segment's pictures */
    double time;        /* at which it stands: of the grid with options.fps, else source_time */
    double source_time; /* when the source shows it */
};

/* Receives what is decoded, in the file's order. A function that is NULL leaves that kind out: it
 * is not decoded. What they return other than 0 stops the decoding and is its status; then they
 * have filled `error`. */
struct valence_media_sink {
    int (*samples)(void *user, const struct valence_media_samples *samples,
                   struct valence_error *error);
    int (*picture)(void *user, const struct valence_media_picture *picture,
                   struct valence_error *error);
    void *user;
};

/* Decodes segments, in any order, overlapping or not; NULL and 0 are the whole file. The file is
 * read once, and what no segment needs is skipped if the file is seekable. A pipe is decoded once;
 * else the call can be repeated. `progress` may be NULL.
 *
 * Sound that is missing for more than 0.1 s between two packets (by their times) is silence.
 *
 * Errors: DATA where the sink wants a kind that the file does not have, or a sample is not finite;
 * FORMAT where the file is cut off or damaged (key "accept_damaged"); LIMIT; ARGUMENT for a segment
 * that is not 0 <= start < end; UNSUPPORTED where pictures cannot be made RGB; CANCELLED; MEMORY.
 */
VALENCE_API int valence_media_decode(struct valence_media *media,
                                     const struct valence_media_segment *segments,
                                     int64_t n_segments, const struct valence_media_sink *sink,
                                     const struct valence_progress *progress,
                                     struct valence_error *error);

/* ---- Reading whole ---- */

struct valence_sound {
    float *samples; /* mono, full scale 1 */
    int64_t n_samples;
    int64_t rate_hz;
};

/* Reads the sound of a segment, or all where `segment` is NULL, into memory. *sound is NULL on
 * failure; free it with valence_sound_free(). Errors: as valence_media_decode(); DATA where there
 * are no samples; LIMIT beyond options.max_bytes. */
VALENCE_API int valence_media_read_sound(struct valence_media *media,
                                         const struct valence_media_segment *segment,
                                         struct valence_sound **sound, struct valence_error *error);
VALENCE_API void valence_sound_free(struct valence_sound *sound);

struct valence_picture {
    uint8_t *pixels; /* (height, width, 3), RGB */
    int64_t width, height;
};

/* Reads the first picture: that of a picture file. *picture is NULL on failure; free it with
 * valence_picture_free(). */
VALENCE_API int valence_media_read_picture(struct valence_media *media,
                                           struct valence_picture **picture,
                                           struct valence_error *error);
VALENCE_API void valence_picture_free(struct valence_picture *picture);

#ifdef __cplusplus
}
#endif
#endif
