/* A row of the video stream from one face: what the expression network sees, and what the
 * landmarks' geometry says. */
#ifndef VALENCE_ENCODE_FACES_FACE_ROWS_H
#define VALENCE_ENCODE_FACES_FACE_ROWS_H

#include "valence/faces.h"

/* Measures of a face, each independent of its size, place and tilt in the picture:
 *   pose       yaw, pitch, roll in radians: the rotation that best fits the landmarks to a rigid
 * model of a face under parallel projection; positive when the face turns to the picture's right,
 * looks down, tilts clockwise measures   distances between landmarks over the distance between the
 * eyes' centres */
#define FACE_POSE_ANGLES 3
#define FACE_MEASURES    10
struct face_geometry {
    double pose[FACE_POSE_ANGLES];
    double measures[FACE_MEASURES];
    double shape[VALENCE_FACE_LANDMARKS]
                [2]; /* landmarks with the eyes' centres at (-0.5, 0) and (0.5, 0) */
};

/* Where the rigid model has a landmark: x, y, z in distances of the eyes; one that it does not have
 * lies at the bridge of the nose. */
const double *face_rigid_point(int landmark);

/* False where the landmarks are no face: both eyes' centres coincide. */
bool face_geometry_measure(const struct valence_face *face, struct face_geometry *geometry);

/* Writes the row of a face at `time` seconds in a picture of width x height; `before` is the same
 * person's face in the frame before, at `time_before`, or NULL where there was none: rates are then
 * 0, and the column "motion" too. `face` NULL is a frame without a face, whose row is zero. */
void face_row(const struct valence_face *face, double time, const struct valence_face *before,
              double time_before, int64_t width, int64_t height, float row[VALENCE_FACE_COLUMNS]);

#endif
