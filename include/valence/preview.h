/* Previews: what was seen and heard in a clip, drawn so that you can check by eye what its features
 * are made of. */
#ifndef VALENCE_PREVIEW_H
#define VALENCE_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/faces.h"
#include "valence/media.h"
#include "valence/progress.h"
#include "valence/transcript.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start from valence_preview_options_default(). Nothing of it is kept. The names of members are
 * also the keys of errors. */
struct valence_preview_options {
    size_t size;           /* of this struct, as the caller knows it */
    const char *title;     /* UTF-8, the first line; NULL (the default): the file's name */
    int64_t n_pictures;    /* at most, evenly over the clip, 1 ... 100 (12) */
    int64_t picture_width; /* pixels of the drawing, 80 ... 600 (240) */
    bool overwrite;        /* replace an existing file (false) */

    /* Limits for media; NULL: the defaults. Rate and fps come from here. */
    const struct valence_media_options *media;
};

VALENCE_API void valence_preview_options_default(struct valence_preview_options *options);

/* Draws a clip, the part `range` of the media file at `path` or all of it where `range` is NULL, as
 * a picture in SVG, complete in one file: browsers show it.
 *
 * - Frames, each with its time, and, where `detector` is not NULL, the box of each face with its
 *   score and strongest expression, and its 68 landmarks. The best face is green, others are blue;
 *   a frame without a face is framed in red.
 * - The waveform, with the segments of `transcript` behind it, and a bar at its foot where speech
 *   was detected.
 * - The words, or the segments where they have no words, below the place at which they are said.
 *   Where they are too many for the room, the last line says how many are missing.
 *
 * `transcript`, given or recognised, has times from the file's beginning; it may be NULL. `options`
 * and `progress` may be NULL. `file` appears in one step, and only on success.
 *
 * Errors: those of decoding and of valence_faces_find(); ARGUMENT for options out of range; EXISTS
 * (key "overwrite"); IO, DISK_FULL; CANCELLED; MEMORY. */
VALENCE_API int valence_preview_write(const char *path, const struct valence_media_segment *range,
                                      struct valence_face_detector *detector,
                                      const struct valence_transcript *transcript,
                                      const struct valence_preview_options *options,
                                      const struct valence_progress *progress, const char *file,
                                      struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
