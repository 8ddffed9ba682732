/* The two lanes of an extractor: sound (with recognition and text) and pictures. Each is used by
 * one thread at a time, and both at once; what they made of a clip is joined behind them. */
#ifndef VALENCE_EXTRACT_EXTRACTOR_H
#define VALENCE_EXTRACT_EXTRACTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "valence/encoder.h"
#include "valence/extract.h"

#define EXTRACT_RATE_HZ 16000

/* Levels of the sound are kept so often, for finding who speaks. */
#define LEVELS_PER_SECOND 100

/* Pictures whose faces are found at once. */
#define PICTURES_TOGETHER 16

/* Rows of one stream; free() them. */
struct clip_rows {
    int64_t n, width;
    float *rows;
};

/* ---- Sound ---- */

struct sound_lane {
    unsigned encoders; /* bits of enum valence_sound_encoder */
    struct valence_encoder *models[VALENCE_N_SOUND_ENCODERS]; /* NULL for prosody */
    struct valence_encoder_state *states[VALENCE_N_SOUND_ENCODERS];
    int64_t width; /* of all side by side */

    bool finds_speaker; /* the pictures want to know how loud the sound is */

    struct valence_transcriber *transcriber; /* NULL: nothing is recognised */
    struct valence_transcribe_options recognition;
    char *texts[3]; /* that its pointers point to */

    struct valence_transcript_encoder *text; /* NULL: no text rows */
    struct valence_simulator *simulator;     /* NULL: no projector */
    enum valence_text_source text_source;
    enum valence_simulated_source simulated_source;

    struct valence_media_options media;
    double max_seconds;
};

/* What the sound lane made of a clip. */
struct heard {
    bool has_sound;
    int64_t n_samples;
    struct clip_rows audio, text, simulated;
    char *transcript; /* that the text rows are of; NULL: none */
    bool is_recognised;
    struct valence_transcript *recognised;
    char *words; /* its text; NULL: nothing was recognised */
    double confidence;
    json_t *simulation; /* what the projector's model heard */
    float *levels;      /* (n_levels), root mean square of each 1 / LEVELS_PER_SECOND s */
    int64_t n_levels;
    double begin; /* seconds of the first sample */
    char *warning;
    double work; /* seconds */
};

int sound_lane_open(struct sound_lane *lane, const struct valence_extractor_options *options,
                    struct valence_error *error);
void sound_lane_close(struct sound_lane *lane);

/* Whether the lane has to do with sound at all; else only with given transcripts. */
bool sound_lane_listens(const struct sound_lane *lane);

/* Adds the lane's part to the settings. False where memory is short. */
bool sound_lane_describe(const struct sound_lane *lane, json_t *settings);

/* A clip's sound as it is decoded. */
struct sound_buffer {
    float *samples; /* free() them */
    int64_t n, capacity;
    double begin; /* seconds of the first sample */
    double max_seconds;
    int64_t max_bytes;
    const char *name; /* of the file */
};

/* Of struct valence_media_sink; `user` is the buffer. */
int sound_buffer_add(void *user, const struct valence_media_samples *piece,
                     struct valence_error *error);

/* Makes what it can of a clip. Of the input's `samples` or its file; `media` is not looked at. */
int sound_lane_run(struct sound_lane *lane, const struct valence_clip_input *input,
                   const struct valence_progress *progress, struct heard *heard,
                   struct valence_error *error);
void heard_free(struct heard *heard);

/* ---- Pictures ---- */

struct picture_lane {
    enum valence_picture_encoder encoder; /* NONE: there is no lane */
    struct valence_face_detector *detector;
    struct valence_face_options face_options;
    enum valence_face_person person;
    struct valence_encoder *manet;
    struct valence_encoder_state *manet_state;
    int64_t width;
    struct valence_media_options media;
    double max_seconds;
};

/* The faces of a clip; whose rows are made is decided when the sound is known. */
struct seen_clip {
    bool has_pictures;
    struct valence_face_clip *faces;
    int64_t n_frames, times_capacity;
    double *times;
    struct valence_face_summary summary;
    struct clip_rows video;
    /* MANet: each face that was seen, turned and cut, (n_crops, FACE_CROP_BYTES) */
    int64_t n_crops, crop_capacity;
    uint8_t *crops;
    char *warning;
    double work;
};

int picture_lane_open(struct picture_lane *lane, const struct valence_extractor_options *options,
                      struct valence_error *error);
void picture_lane_close(struct picture_lane *lane);
bool picture_lane_describe(const struct picture_lane *lane, json_t *settings);

/* Pictures on their way from the decoder to the detector. */
struct picture_buffer {
    struct picture_lane *lane;
    struct seen_clip *seen;
    uint8_t *pixels; /* (room, height, width, 3) */
    int64_t n, room, width, height;
    double times[PICTURES_TOGETHER];
    double begin; /* of the clip */
    const char *name;
};

/* Of struct valence_media_sink; `user` is the buffer. */
int picture_buffer_take(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error);

/* The same in steps, for what is decoded elsewhere: `status` is how the decoding ended. */
int picture_buffer_begin(struct picture_buffer *buffer, struct picture_lane *lane,
                         const struct valence_clip_input *input, struct seen_clip *seen,
                         struct valence_error *error);
int picture_buffer_end(struct picture_buffer *buffer, int status, struct valence_error *error);

/* Finds the faces of the clip's pictures. `media` of the input is not looked at. */
int picture_lane_run(struct picture_lane *lane, const struct valence_clip_input *input,
                     const struct valence_progress *progress, struct seen_clip *seen,
                     struct valence_error *error);

/* Makes the rows of the person chosen. `heard` is what the clip sounds like. */
int picture_lane_finish(struct picture_lane *lane, struct seen_clip *seen,
                        const struct heard *heard, struct valence_error *error);
void seen_clip_free(struct seen_clip *seen);

/* ---- Together ---- */

struct valence_extractor {
    struct sound_lane sound;
    struct picture_lane pictures;
    char *settings;
};

/* Makes the result of both lanes, whose parts it takes over, also on failure. */
int extracted_make(struct valence_extractor *extractor, const struct valence_clip_input *input,
                   struct heard *heard, struct seen_clip *seen,
                   struct valence_extracted **extracted, struct valence_error *error);

/* How many of `n` threads pictures have while sound is encoded; and what their own thread does
 * first: it yields to the sound's. */
int picture_threads(int n);
void picture_thread_begin(void);

/* A clip that is longer than it may be: ERROR_LIMIT. */
/* Whether the clip is too long already by what its file's header says, so that nothing is decoded
 * for nothing. */
int check_duration(const struct valence_media_info *info, const struct valence_clip_input *input,
                   double max_seconds, struct valence_error *error);
int fail_too_long(const char *path, double max_seconds, struct valence_error *error);

/* What to call the input in errors. */
const char *input_name(const struct valence_clip_input *input);

#endif
