/* Faces in pictures: where they are, their 68 landmarks, what they express, and rows for the video
 * stream.
 *
 * The networks are those of the npm package @vladmandic/face-api 1.7.15 (MIT licence): the tiny
 * face detector, the 68-landmark network and the expression network. Their weights are one GGUF
 * file, which valence_convert() makes from the package's folder `model` (valence/convert.h). */
#ifndef VALENCE_FACES_H
#define VALENCE_FACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/encoder.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VALENCE_FACE_LANDMARKS   68
#define VALENCE_FACE_FEATURES    256
#define VALENCE_FACE_EXPRESSIONS 7

/* "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised" */
extern VALENCE_API const char *const valence_face_expression_names[VALENCE_MAX_NAMES];

/* ---- Detection ---- */

struct valence_face_detector;

struct valence_face_options {
    size_t size;
    /* Side of the detector's input, a multiple of 32 between 96 and 1024. A larger one finds
     * smaller faces, and takes time with its square: the package's own is 416. Default 224. */
    int64_t input_size;
    /* Least score of a face, 0 ... 1. Default 0.5. */
    double threshold;
};
VALENCE_API void valence_face_options_default(struct valence_face_options *options);

/* One face. Pixels are counted from the picture's top left corner; x to the right, y downwards. */
struct valence_face {
    double score; /* of the detector, threshold ... 1 */
    /* The detector's box and the box around the landmarks: x, y, width, height in pixels. They may
     * reach beyond the picture. */
    double box[4], aligned_box[4];
    /* (68, 2) in pixels: 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth; what is more
     * to the left in the picture comes first. As the package has it, they are relative to the
     * detector's box also where that is cut off by the picture's border. */
    double landmarks[VALENCE_FACE_LANDMARKS][2];
    float feature[VALENCE_FACE_FEATURES];          /* what the expression network decides by */
    float probabilities[VALENCE_FACE_EXPRESSIONS]; /* they sum to 1 */
};

/* Loads the weights. `options` may be NULL. *detector is NULL on failure. One per thread. Errors:
 * NOT_FOUND, IO; FORMAT, SHAPE for a file that valence_convert() did not make, or that was
 * damaged since (it holds a digest of the weights); ARGUMENT for options out of range; MEMORY. */
VALENCE_API int valence_face_detector_open(const char *path,
                                           const struct valence_face_options *options,
                                           struct valence_face_detector **detector,
                                           struct valence_error *error);
VALENCE_API void valence_face_detector_close(struct valence_face_detector *detector);

/* SHA-256 of the package's networks that the file was converted from, hexadecimal; where the file's
 * type is not f32, that follows ("... q8_0"). It belongs to the detector. */
VALENCE_API const char *
valence_face_detector_fingerprint(const struct valence_face_detector *detector);

/* What the file says about itself: kind and architecture "faces", source, fingerprint (of the
 * source alone), license, type, and the width of a row; the rest is 0 or "". It belongs to the
 * detector. */
VALENCE_API const struct valence_encoder_description *
valence_face_detector_describe(const struct valence_face_detector *detector);

/* Finds the faces of one RGB picture (height, width, 3), rows packed, 1 ... 16384 pixels a side,
 * best score first. `*faces` and its `*n` entries belong to the detector and live until its next
 * use. Errors: ARGUMENT for a picture that is not there or has no such size; MEMORY. */
VALENCE_API int valence_faces_find(struct valence_face_detector *detector, const uint8_t *pixels,
                                   int64_t width, int64_t height, const struct valence_face **faces,
                                   int64_t *n, struct valence_error *error);

/* ---- Rows for the video stream ---- */

/* A row a frame. Its columns, in this order:
 *
 * - found: 1, or 0 for a frame in which the person was not seen; such a row is all zero
 * - motion: 1 where the frame before shows the person too, so that the rates below are known
 * - score: the detector's
 * - box_x, box_y, box_w, box_h: the box's centre, width and height over the picture's
 * - yaw, pitch, roll, then their change per second, in radians
 * - left_eye_opening ... jaw_drop: 10 distances of landmarks over the distance of the eyes, then
 *   their change per second
 * - neutral ... surprised: the 7 probabilities
 * - landmark0_x ... landmark67_y, with the eyes' centres at (-0.5, 0) and (0.5, 0)
 * - feature0 ... feature255: what the expression network decides by */
#define VALENCE_FACE_COLUMNS 432

/* A column's name, as above, cut to `bytes`. ERROR_ARGUMENT for a column that does not exist. */
VALENCE_API int valence_face_column_name(int64_t column, char *name, size_t bytes);

/* Whom a clip's rows are of, where it shows several people. A person is a track: boxes of
 * consecutive frames that overlap, with gaps of up to a second. */
enum valence_face_person {
    VALENCE_PERSON_LARGEST,  /* the track with the largest area of faces, summed over its frames */
    VALENCE_PERSON_CENTRAL,  /* the track nearest to the picture's centre, among those seen in half
                                of the most frames */
    VALENCE_PERSON_SPEAKING, /* the track whose mouth moves most in step with the sound; LARGEST
                                without sound */
    VALENCE_N_PERSONS
};
extern VALENCE_API const char *const valence_face_person_names[VALENCE_MAX_NAMES];

/* The faces of one clip, gathered frame by frame. Not thread-safe. */
struct valence_face_clip;

/* `detector` is used by valence_face_clip_add() and must outlive the clip. *clip is NULL on
 * failure. */
VALENCE_API int valence_face_clip_create(struct valence_face_detector *detector,
                                         struct valence_face_clip **clip,
                                         struct valence_error *error);
VALENCE_API void valence_face_clip_free(struct valence_face_clip *clip);

/* Finds the faces of the next `n` frames, (n, height, width, 3), shown at `times` seconds, each
 * later than the one before. Threads share the frames, so give several at once: 16, say. All frames
 * of a clip have one size. On an error the clip keeps what it had. Errors: those of
 * valence_faces_find(); ARGUMENT for a frame out of order or of another size; LIMIT beyond a
 * million frames. */
VALENCE_API int valence_face_clip_add(struct valence_face_clip *clip, const uint8_t *pixels,
                                      int64_t n, int64_t width, int64_t height, const double *times,
                                      struct valence_error *error);

struct valence_face_summary {
    int64_t n_frames, n_found; /* of the clip, and those that show the person chosen */
    int64_t n_people;  /* tracks of at least three frames, or of all where there are fewer */
    double coverage;   /* n_found / n_frames, 0 without frames */
    double mean_score; /* of the person's faces, 0 without any */
};

/* The rows of the person chosen, (n_frames, VALENCE_FACE_COLUMNS), to `rows`. `energy` is the
 * sound's level at each frame (any unit, n_frames values), or NULL. `summary` may be NULL. Errors:
 * ARGUMENT for another kind of choice; MEMORY. */
VALENCE_API int valence_face_clip_rows(const struct valence_face_clip *clip,
                                       enum valence_face_person person, const float *energy,
                                       float *rows, struct valence_face_summary *summary,
                                       struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
