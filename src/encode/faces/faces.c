#include "encode/faces/faces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define MIN_INPUT 96
#define MAX_SIDE  16384

/* The aligned box is wider and higher than the landmarks by this share of theirs. */
#define ALIGNED_MARGIN 0.2

const char *const valence_face_expression_names[VALENCE_MAX_NAMES] = {
    "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"};

/* ---- Opening ---- */

void valence_face_options_default(struct valence_face_options *options)
{
    *options =
        (struct valence_face_options){.size = sizeof *options, .input_size = 224, .threshold = 0.5};
}

static int take_options(const struct valence_face_options *given,
                        struct valence_face_options *options, struct valence_error *error)
{
    valence_face_options_default(options);
    if (given && (given->size < sizeof(size_t) || given->size > sizeof *options))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the face options are of another version of the library");
    if (given)
        memcpy(options, given, given->size);
    if (options->input_size < MIN_INPUT || options->input_size > FACE_MAX_INPUT ||
        options->input_size % FACE_DETECTOR_STRIDE != 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "input_size",
                        "the face detector's input size is a multiple of %d from %d to %d",
                        FACE_DETECTOR_STRIDE, MIN_INPUT, FACE_MAX_INPUT);
    if (!(options->threshold >= 0 && options->threshold < 1))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "threshold",
                        "the least score of a face is from 0 to below 1");
    return VALENCE_OK;
}

/* A text that older files lack. */
static const char *optional_text(struct weights *weights, const char *key, const char *otherwise)
{
    return gguf_find_key(weights->gguf, key) >= 0 ? weights_text(weights, key) : otherwise;
}

/* The source's hash, and the type where that is not f32: rows of two types are not the same. */
static char *fingerprint_of(struct weights *weights)
{
    char text[256];
    const char *source = weights_text(weights, "valence.source_sha256");
    const char *type = optional_text(weights, "valence.type", "f32");
    if (strcmp(type, "f32") == 0)
        return strdup(source);
    snprintf(text, sizeof text, "%s %s", source, type);
    return strdup(text);
}

/* The texts lie in the header, which lives as long as the networks. */
static void describe(struct valence_encoder_description *description, struct weights *weights)
{
    *description = (struct valence_encoder_description){
        .kind = "faces",
        .architecture = "faces",
        .source = optional_text(weights, "valence.source", ""),
        .fingerprint = weights_text(weights, "valence.source_sha256"),
        .license = optional_text(weights, "general.license", ""),
        .type = optional_text(weights, "valence.type", "f32"),
        .warning = "",
        .device = "",
        .layers = "",
        .width = VALENCE_FACE_COLUMNS,
    };
}

int valence_face_detector_open(const char *path, const struct valence_face_options *options,
                               struct valence_face_detector **detector, struct valence_error *error)
{
    *detector = NULL;
    struct valence_face_detector *opened = allocate(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, "a face detector");
    struct weights weights;
    int status = take_options(options, &opened->options, error);
    if (!status)
        status = weights_open(&weights, path, error);
    if (!status) {
        const char *kind = weights_text(&weights, "general.architecture");
        if (strcmp(kind, "faces") != 0)
            weights.problem.status = fail(&weights.problem, VALENCE_ERROR_FORMAT,
                                          "%s: holds '%s', not face networks", path, kind);
        describe(&opened->description, &weights);
        opened->fingerprint = fingerprint_of(&weights);
        if (!opened->fingerprint)
            fail_memory(&weights.problem, 0, "a face detector");
        status = face_networks_load(&opened->networks, &weights, error);
    }
    if (!status)
        status = faces_make_workers(opened, 1, error);
    if (status)
        valence_face_detector_close(opened);
    else
        *detector = opened;
    return status;
}

void valence_face_detector_close(struct valence_face_detector *detector)
{
    if (!detector)
        return;
    for (int i = 0; i < detector->n_workers; i++) {
        face_workspace_free(&detector->workers[i].workspace);
        face_boxes_free(&detector->workers[i].boxes);
        free(detector->workers[i].faces);
    }
    free(detector->workers);
    free(detector->fingerprint);
    face_networks_free(&detector->networks);
    free(detector);
}

const char *valence_face_detector_fingerprint(const struct valence_face_detector *detector)
{
    return detector->fingerprint;
}

const struct valence_encoder_description *
valence_face_detector_describe(const struct valence_face_detector *detector)
{
    return &detector->description;
}

int faces_make_workers(struct valence_face_detector *detector, int n, struct valence_error *error)
{
    if (n <= detector->n_workers)
        return VALENCE_OK;
    struct face_worker *grown = realloc(detector->workers, (size_t)n * sizeof *grown);
    if (!grown)
        return fail_memory(error, (size_t)n * sizeof *grown, "a face detector");
    detector->workers = grown;
    while (detector->n_workers < n) {
        struct face_worker *worker = &grown[detector->n_workers];
        *worker = (struct face_worker){0};
        int status = face_workspace_open(&worker->workspace, detector->options.input_size, error);
        if (status)
            return status;
        detector->n_workers++;
    }
    return VALENCE_OK;
}

/* ---- From a box to a face ---- */

/* Runs a crop network on a rectangle of the picture. */
static int run_on_crop(const struct face_crop_network *network, struct face_workspace *workspace,
                       const struct face_picture *picture, const struct face_rectangle *crop,
                       float *feature, float *outputs, struct valence_error *error)
{
    struct face_picture part = {.pixels =
                                    picture->pixels + (crop->y * picture->stride + crop->x) * 3,
                                .width = crop->w,
                                .height = crop->h,
                                .stride = picture->stride};
    face_input(&part, FACE_CENTRED, FACE_CROP_SIDE, face_crop_mean, workspace->buffers[0]);
    return face_crop_run(network, workspace, feature, outputs, error);
}

/* Outputs are relative to the padded square; landmarks to the crop. */
static void place_landmarks(const float *outputs, const struct face_rectangle *crop,
                            double landmarks[][2])
{
    double larger = (double)(crop->w > crop->h ? crop->w : crop->h);
    double scale = FACE_CROP_SIDE / larger;
    double sides[2] = {(double)crop->w * scale, (double)crop->h * scale};
    for (int axis = 0; axis < 2; axis++) {
        double black = sides[axis] < sides[1 - axis] ? (sides[1 - axis] - sides[axis]) / 2 : 0;
        for (int i = 0; i < FACE_LANDMARKS; i++)
            landmarks[i][axis] =
                ((double)outputs[2 * i + axis] * FACE_CROP_SIDE - black) / sides[axis];
    }
}

/* The box around the landmarks, in pixels, with its margin. */
static struct face_box align(const struct valence_face *face)
{
    double low[2], high[2];
    for (int axis = 0; axis < 2; axis++) {
        low[axis] = INFINITY;
        high[axis] = 0;
        for (int i = 0; i < FACE_LANDMARKS; i++) {
            low[axis] = fmin(low[axis], face->landmarks[i][axis]);
            high[axis] = fmax(high[axis], face->landmarks[i][axis]);
        }
    }
    double w = high[0] - low[0], h = high[1] - low[1];
    return (struct face_box){.x = low[0] - ALIGNED_MARGIN / 2 * w,
                             .y = low[1] - ALIGNED_MARGIN / 2 * h,
                             .w = (1 + ALIGNED_MARGIN) * w,
                             .h = (1 + ALIGNED_MARGIN) * h};
}

static void softmax(int n, const float *logits, float *probabilities)
{
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, logits[i]);
    for (int i = 0; i < n; i++)
        sum += exp(logits[i] - largest);
    for (int i = 0; i < n; i++)
        probabilities[i] = (float)(exp(logits[i] - largest) / sum);
}

static void keep_box(const struct face_box *box, double kept[4])
{
    memcpy(kept, (double[]){box->x, box->y, box->w, box->h}, 4 * sizeof *kept);
}

int faces_describe(const struct valence_face_detector *detector, struct face_workspace *workspace,
                   const struct face_picture *picture, const struct face_box *box,
                   struct valence_face *face, struct face_steps *steps, bool *found,
                   struct valence_error *error)
{
    *found = face_box_clip(box, picture->width, picture->height, &steps->crop);
    if (!*found)
        return VALENCE_OK;
    int status = run_on_crop(&detector->networks.landmarks, workspace, picture, &steps->crop,
                             steps->landmark_feature, steps->landmark_outputs, error);
    if (status)
        return status;
    face->score = box->score;
    keep_box(box, face->box);
    place_landmarks(steps->landmark_outputs, &steps->crop, steps->landmarks);
    for (int i = 0; i < FACE_LANDMARKS; i++) {
        face->landmarks[i][0] = steps->landmarks[i][0] * (double)steps->crop.w + box->x;
        face->landmarks[i][1] = steps->landmarks[i][1] * (double)steps->crop.h + box->y;
    }
    struct face_box aligned = align(face);
    keep_box(&aligned, face->aligned_box);
    *found = face_box_clip(&aligned, picture->width, picture->height, &steps->aligned_crop);
    if (!*found)
        return VALENCE_OK;
    status = run_on_crop(&detector->networks.expression, workspace, picture, &steps->aligned_crop,
                         face->feature, steps->logits, error);
    if (!status)
        softmax(FACE_EXPRESSIONS, steps->logits, face->probabilities);
    return status;
}

/* ---- Pictures ---- */

int faces_detect(const struct valence_face_detector *detector, struct face_workspace *workspace,
                 const struct face_picture *picture, double threshold, struct face_boxes *boxes,
                 struct valence_error *error)
{
    const float *grid;
    int64_t size = detector->options.input_size;
    face_input(picture, FACE_AT_THE_CORNER, size, face_detector_mean, workspace->buffers[0]);
    int status = face_detector_run(&detector->networks.detector, workspace, size, &grid, error);
    return status ? status
                  : face_boxes_decode(grid, picture->width, picture->height, size, threshold, boxes,
                                      error);
}

int faces_find(const struct valence_face_detector *detector, struct face_worker *worker,
               const struct face_picture *picture, struct valence_error *error)
{
    struct face_boxes *boxes = &worker->boxes;
    worker->n = 0;
    int status = faces_detect(detector, &worker->workspace, picture, detector->options.threshold,
                              boxes, error);
    if (status)
        return status;
    face_boxes_suppress(boxes, FACE_OVERLAP);
    status = grow_array((void **)&worker->faces, &worker->capacity, boxes->n, sizeof *worker->faces,
                        boxes->n, "faces", error);
    for (int64_t i = 0; !status && i < boxes->n; i++) {
        struct face_box box = boxes->list[i];
        box.x *= (double)picture->width;
        box.y *= (double)picture->height;
        box.w *= (double)picture->width;
        box.h *= (double)picture->height;
        struct face_steps steps;
        bool found;
        status = faces_describe(detector, &worker->workspace, picture, &box,
                                &worker->faces[worker->n], &steps, &found, error);
        worker->n += !status && found;
    }
    return status;
}

int faces_check_picture(const uint8_t *pixels, int64_t width, int64_t height,
                        struct valence_error *error)
{
    if (pixels && width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_ARGUMENT, "a picture has 1 to %d pixels a side", MAX_SIDE);
}

int valence_faces_find(struct valence_face_detector *detector, const uint8_t *pixels, int64_t width,
                       int64_t height, const struct valence_face **faces, int64_t *n,
                       struct valence_error *error)
{
    struct face_worker *worker = &detector->workers[0];
    *faces = NULL;
    *n = 0;
    int status = faces_check_picture(pixels, width, height, error);
    if (!status)
        status = faces_find(detector, worker, &(struct face_picture){pixels, width, height, width},
                            error);
    if (status)
        return status;
    *faces = worker->faces;
    *n = worker->n;
    return VALENCE_OK;
}
