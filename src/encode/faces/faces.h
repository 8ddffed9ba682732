/* Finding faces with every step's result in sight, for tests; programs use valence/faces.h. */
#ifndef VALENCE_ENCODE_FACES_FACES_H
#define VALENCE_ENCODE_FACES_FACES_H

#include "encode/faces/face_boxes.h"
#include "encode/faces/face_input.h"
#include "encode/faces/face_networks.h"
#include "valence/faces.h"

#define FACE_OVERLAP 0.4

/* What one thread needs to find the faces of a picture, and what it found. */
struct face_worker {
    struct face_workspace workspace;
    struct face_boxes boxes;
    int64_t n, capacity;
    struct valence_face *faces;
};

struct valence_face_detector {
    struct face_networks networks;
    struct valence_face_options options;
    struct valence_encoder_description description;
    char *fingerprint;
    int n_workers;
    struct face_worker *workers; /* the first one is there from the beginning */
};

/* Makes as many workers as there are threads. */
int faces_make_workers(struct valence_face_detector *detector, int n, struct valence_error *error);

/* Finds the faces of a picture whose sides are checked, best first, into worker->faces. */
int faces_find(const struct valence_face_detector *detector, struct face_worker *worker,
               const struct face_picture *picture, struct valence_error *error);

/* ERROR_ARGUMENT for a picture that is not there or of no usable size. */
int faces_check_picture(const uint8_t *pixels, int64_t width, int64_t height,
                        struct valence_error *error);

/* The detector's boxes of a picture, relative to it, in the grid's order and not suppressed. */
int faces_detect(const struct valence_face_detector *detector, struct face_workspace *workspace,
                 const struct face_picture *picture, double threshold, struct face_boxes *boxes,
                 struct valence_error *error);

/* What lies between a box and a face. */
struct face_steps {
    struct face_rectangle crop, aligned_crop;
    float landmark_feature[FACE_FEATURES];
    float landmark_outputs[2 * FACE_LANDMARKS];
    double landmarks[FACE_LANDMARKS][2]; /* relative to the crop */
    float logits[FACE_EXPRESSIONS];
};

/* Fills face->score, box, landmarks, ... from the box, in pixels. *found is false where no pixel of
 * it is in the picture. `tap` of the workspace sees the two crop networks' stages. */
int faces_describe(const struct valence_face_detector *detector, struct face_workspace *workspace,
                   const struct face_picture *picture, const struct face_box *box,
                   struct valence_face *face, struct face_steps *steps, bool *found,
                   struct valence_error *error);

#endif
