/* Pictures to faces, and the faces of one person to video rows. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "encode/faces/face_clip.h"
#include "extract/extractor.h"
#include "extract/face_crop.h"

#define TOGETHER_BYTES ((int64_t)64 << 20)
#define MAX_PICTURES   1000000
#define MANET_TOGETHER 32

/* ---- Opening ---- */

static int open_manet(struct picture_lane *lane, const struct valence_extractor_options *options,
                      struct valence_error *error)
{
    struct valence_encoder_options own;
    valence_encoder_options_default(&own);
    own.layers = options->manet_layers;
    own.device = options->device;
    own.memory = options->memory;
    if (!options->manet_model)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "manet_model",
                        "video by MANet needs a model, and 'manet_model' is not given");
    int status = valence_encoder_load(options->manet_model, &own, &lane->manet, error);
    if (status)
        return status;
    const struct valence_encoder_description *is = valence_encoder_describe(lane->manet);
    if (strcmp(is->kind, "manet") != 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "manet_model",
                        "%s: holds the encoder '%s', not manet", options->manet_model, is->kind);
    lane->width = is->width;
    return valence_encoder_state_create(lane->manet, &lane->manet_state, error);
}

int picture_lane_open(struct picture_lane *lane, const struct valence_extractor_options *options,
                      struct valence_error *error)
{
    lane->encoder = options->video;
    lane->person = options->person;
    valence_face_options_default(&lane->face_options);
    lane->face_options.input_size = options->face_size;
    lane->face_options.threshold = options->face_threshold;
    if (lane->encoder == VALENCE_PICTURES_NONE)
        return VALENCE_OK;
    if (!options->faces_model)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "faces_model",
                        "video needs a model of faces, and 'faces_model' is not given");
    lane->width = VALENCE_FACE_COLUMNS;
    int status = valence_face_detector_open(options->faces_model, &lane->face_options,
                                            &lane->detector, error);
    if (!status && lane->encoder == VALENCE_PICTURES_MANET)
        status = open_manet(lane, options, error);
    return status;
}

void picture_lane_close(struct picture_lane *lane)
{
    valence_face_detector_close(lane->detector);
    valence_encoder_state_free(lane->manet_state);
    valence_encoder_free(lane->manet);
}

bool picture_lane_describe(const struct picture_lane *lane, json_t *settings)
{
    if (lane->encoder == VALENCE_PICTURES_NONE)
        return true;
    json_t *video = json_pack(
        "{s:s, s:s, s:f, s:s, s:I, s:f}", "kind", valence_picture_encoder_names[lane->encoder],
        "faces", valence_face_detector_fingerprint(lane->detector), "fps", lane->media.fps,
        "person", valence_face_person_names[lane->person], "face_size",
        (json_int_t)lane->face_options.input_size, "face_threshold", lane->face_options.threshold);
    int failed = !video;
    if (!failed && lane->manet) {
        const struct valence_encoder_description *is = valence_encoder_describe(lane->manet);
        failed |= json_object_set_new(video, "source", json_string(is->source));
        failed |= json_object_set_new(video, "fingerprint", json_string(is->fingerprint));
        failed |= json_object_set_new(video, "type", json_string(is->type));
        failed |= json_object_set_new(video, "layers", json_string(is->layers));
    }
    return !json_object_set_new(settings, "video", video) && !failed;
}

void seen_clip_free(struct seen_clip *seen)
{
    valence_face_clip_free(seen->faces);
    free(seen->times);
    free(seen->video.rows);
    free(seen->crops);
    free(seen->warning);
    *seen = (struct seen_clip){0};
}

/* ---- Finding ---- */

static int cut_faces(struct picture_buffer *p, const uint8_t *pixels, int64_t n_before,
                     int64_t n_seen_before, struct valence_error *error)
{
    struct seen_clip *seen = p->seen;
    int64_t n_seen = face_clip_n_seen(seen->faces), frame;
    int status = grow_array((void **)&seen->crops, &seen->crop_capacity, n_seen + 1,
                            FACE_CROP_BYTES, MAX_PICTURES, "faces", error);
    for (int64_t i = n_seen_before; !status && i < n_seen; i++) {
        const struct valence_face *face = face_clip_seen(seen->faces, i, &frame);
        face_crop(pixels + (size_t)(frame - n_before) * (size_t)(p->width * p->height * 3),
                  p->width, p->height, face, seen->crops + i * FACE_CROP_BYTES);
    }
    seen->n_crops = status ? seen->n_crops : n_seen;
    return status;
}

static int find_faces(struct picture_buffer *p, const uint8_t *pixels, int64_t n,
                      const double *times, struct valence_error *error)
{
    struct seen_clip *seen = p->seen;
    int64_t n_before = seen->n_frames, n_seen = face_clip_n_seen(seen->faces);
    int status = grow_array((void **)&seen->times, &seen->times_capacity, n_before + n,
                            sizeof *seen->times, MAX_PICTURES, "pictures", error);
    if (!status)
        status = valence_face_clip_add(seen->faces, pixels, n, p->width, p->height, times, error);
    if (!status && p->lane->manet)
        status = cut_faces(p, pixels, n_before, n_seen, error);
    if (!status && n) {
        memcpy(seen->times + n_before, times, (size_t)n * sizeof *times);
        seen->n_frames += n;
    }
    return status;
}

static int flush(struct picture_buffer *p, struct valence_error *error)
{
    int64_t n = p->n;
    p->n = 0;
    return n ? find_faces(p, p->pixels, n, p->times, error) : VALENCE_OK;
}

int picture_buffer_take(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    struct picture_buffer *p = user;
    size_t bytes = (size_t)(picture->width * picture->height) * 3;
    if (picture->index == 0)
        p->begin = picture->time;
    if (picture->time - p->begin > p->lane->max_seconds)
        return fail_too_long(p->name, p->lane->max_seconds, error);
    if (!p->pixels) {
        p->width = picture->width;
        p->height = picture->height;
        p->room = TOGETHER_BYTES / (int64_t)bytes;
        p->room = p->room < 1 ? 1 : p->room > PICTURES_TOGETHER ? PICTURES_TOGETHER : p->room;
        p->pixels = allocate(p->room, bytes);
        if (!p->pixels)
            return fail_memory(error, (size_t)p->room * bytes, "pictures");
    }
    if (picture->width != p->width || picture->height != p->height)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: its pictures change from %lld x %lld to %lld x %lld pixels", p->name,
                    (long long)p->width, (long long)p->height, (long long)picture->width,
                    (long long)picture->height);
    memcpy(p->pixels + (size_t)p->n * bytes, picture->pixels, bytes);
    p->times[p->n++] = picture->time;
    return p->n < p->room ? VALENCE_OK : flush(p, error);
}

static int read_file(struct picture_buffer *p, const struct valence_clip_input *input,
                     const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_media *media;
    const struct valence_media_sink sink = {NULL, picture_buffer_take, p};
    int status = valence_media_open(input->path, &p->lane->media, &media, error);
    if (status)
        return status;
    status = check_duration(valence_media_get_info(media), input, p->lane->max_seconds, error);
    if (!status && valence_media_get_info(media)->n_video_streams > 0) {
        status =
            valence_media_decode(media, input->range, input->range ? 1 : 0, &sink, progress, error);
        const char *warning = valence_media_warning(media);
        if (!status && *warning && !(p->seen->warning = strdup(warning)))
            status = fail_memory(error, strlen(warning), "a warning");
    }
    valence_media_close(media);
    return status;
}

/* Pictures in memory, some at a time. */
static int read_memory(struct picture_buffer *p, const struct valence_clip_input *input,
                       const struct valence_progress *progress, struct valence_error *error)
{
    int status = VALENCE_OK;
    p->width = input->width;
    p->height = input->height;
    for (int64_t i = 0; !status && i < input->n_pictures; i += PICTURES_TOGETHER) {
        int64_t left = input->n_pictures - i,
                n = left < PICTURES_TOGETHER ? left : PICTURES_TOGETHER;
        struct valence_progress_event event = {"faces", i, input->n_pictures, "pictures", NULL};
        status = find_faces(p, input->pixels + (size_t)i * (size_t)(p->width * p->height * 3), n,
                            input->times + i, error);
        if (!status && progress && progress->report(progress->user, &event))
            status = fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
    }
    return status ? fail_within(status, error, "%s", p->name) : VALENCE_OK;
}

int picture_buffer_begin(struct picture_buffer *buffer, struct picture_lane *lane,
                         const struct valence_clip_input *input, struct seen_clip *seen,
                         struct valence_error *error)
{
    *seen = (struct seen_clip){.work = -seconds_now()};
    *buffer = (struct picture_buffer){.lane = lane, .seen = seen, .name = input_name(input)};
    return valence_face_clip_create(lane->detector, &seen->faces, error);
}

int picture_buffer_end(struct picture_buffer *buffer, int status, struct valence_error *error)
{
    struct seen_clip *seen = buffer->seen;
    if (!status)
        status = flush(buffer, error);
    free(buffer->pixels);
    seen->has_pictures = seen->n_frames > 0;
    seen->work += seconds_now();
    if (status)
        seen_clip_free(seen);
    return status;
}

int picture_lane_run(struct picture_lane *lane, const struct valence_clip_input *input,
                     const struct valence_progress *progress, struct seen_clip *seen,
                     struct valence_error *error)
{
    struct picture_buffer buffer;
    *seen = (struct seen_clip){0};
    if (lane->encoder == VALENCE_PICTURES_NONE)
        return VALENCE_OK;
    int status = picture_buffer_begin(&buffer, lane, input, seen, error);
    if (!status && input->path)
        status = read_file(&buffer, input, progress, error);
    else if (!status && input->pixels)
        status = read_memory(&buffer, input, progress, error);
    return picture_buffer_end(&buffer, status, error);
}

/* ---- Rows ---- */

/* The sound's level at each frame; NULL where the person is not found by it, or there is no sound.
 */
static int levels_of_frames(const struct picture_lane *lane, const struct seen_clip *seen,
                            const struct heard *heard, float **levels, struct valence_error *error)
{
    *levels = NULL;
    if (lane->person != VALENCE_PERSON_SPEAKING || !heard->n_levels)
        return VALENCE_OK;
    *levels = allocate(seen->n_frames, sizeof **levels);
    if (!*levels)
        return fail_memory(error, (size_t)seen->n_frames * sizeof **levels, "levels");
    for (int64_t i = 0; i < seen->n_frames; i++) {
        int64_t at = (int64_t)((seen->times[i] - heard->begin) * LEVELS_PER_SECOND);
        at = at < 0 ? 0 : at >= heard->n_levels ? heard->n_levels - 1 : at;
        (*levels)[i] = heard->levels[at];
    }
    return VALENCE_OK;
}

/* MANet's rows of the chosen faces. */
static int encode_crops(struct picture_lane *lane, const struct seen_clip *seen,
                        const int64_t *chosen, struct clip_rows *rows, struct valence_error *error)
{
    struct valence_encoder_input inputs[MANET_TOGETHER];
    int status = VALENCE_OK;
    for (int64_t frame = 0; !status && frame < seen->n_frames;) {
        struct valence_features features;
        int64_t n = 0;
        for (; frame < seen->n_frames && n < MANET_TOGETHER; frame++)
            if (chosen[frame] >= 0)
                inputs[n++] = (struct valence_encoder_input){
                    .pixels = seen->crops + chosen[frame] * FACE_CROP_BYTES,
                    .width = FACE_CROP_SIDE,
                    .height = FACE_CROP_SIDE};
        if (!n)
            break;
        status = valence_encoder_encode(lane->manet_state, inputs, n, NULL, &features, error);
        if (status)
            break;
        memcpy(rows->rows + rows->n * rows->width, features.rows,
               (size_t)(n * rows->width) * sizeof(float));
        rows->n += n;
        valence_features_free(&features);
    }
    return status;
}

static int make_manet(struct picture_lane *lane, struct seen_clip *seen, const float *levels,
                      struct valence_error *error)
{
    int64_t *chosen = allocate(seen->n_frames, sizeof *chosen);
    float *rows = allocate(seen->summary.n_found, (size_t)lane->width * sizeof(float));
    int status = chosen && rows ? VALENCE_OK : fail_memory(error, 0, "video rows");
    seen->video = (struct clip_rows){0, lane->width, rows};
    if (!status) {
        face_clip_choose(seen->faces, lane->person, levels, chosen);
        status = encode_crops(lane, seen, chosen, &seen->video, error);
    }
    free(chosen);
    return status;
}

int picture_lane_finish(struct picture_lane *lane, struct seen_clip *seen,
                        const struct heard *heard, struct valence_error *error)
{
    if (!seen->n_frames)
        return VALENCE_OK;
    float *levels, *rows = allocate(seen->n_frames, VALENCE_FACE_COLUMNS * sizeof(float));
    int status =
        rows ? levels_of_frames(lane, seen, heard, &levels, error)
             : fail_memory(error, (size_t)seen->n_frames * VALENCE_FACE_COLUMNS * 4, "video rows");
    if (status) {
        free(rows);
        return status;
    }
    status = valence_face_clip_rows(seen->faces, lane->person, levels, rows, &seen->summary, error);
    /* Where nobody was seen, the modality is missing: zeros would be no face, again and again. */
    bool is_seen = !status && seen->summary.n_found > 0;
    if (is_seen && !lane->manet) {
        seen->video = (struct clip_rows){seen->n_frames, VALENCE_FACE_COLUMNS, rows};
        rows = NULL;
    } else if (is_seen) {
        status = make_manet(lane, seen, levels, error);
    }
    free(rows);
    free(levels);
    return status;
}
