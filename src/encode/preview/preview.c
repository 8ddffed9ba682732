/* Previews: frames and sound are decoded once for the drawing. */
#include "valence/preview.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "encode/preview/preview_drawing.h"
#include "media/jpeg_write.h"
#include "valence/output.h"

#define RATE_HZ         16000
#define SAMPLES_A_STEP  160 /* PREVIEW_WAVE_SECONDS */
#define MAX_STEPS       (100 * 3600 * 100)
#define MAX_SVG_BYTES   (256 << 20)
#define UNKNOWN_SECONDS 10.0 /* between frames where the file does not say how long it is */

struct previewing {
    struct valence_preview_options options;
    struct valence_face_detector *detector;
    struct preview_drawing drawing;
    struct preview_wave wave;
    int64_t n_frames, n_found; /* drawn; with a face */
    double row_height;         /* of the frames' row */
};

void valence_preview_options_default(struct valence_preview_options *options)
{
    *options = (struct valence_preview_options){
        .size = sizeof *options, .n_pictures = 12, .picture_width = 240};
}

static int check_options(const struct valence_preview_options *options, struct valence_error *error)
{
    if (options->n_pictures < 1 || options->n_pictures > 100)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_pictures",
                        "%lld pictures are not within 1 ... 100", (long long)options->n_pictures);
    if (options->picture_width < 80 || options->picture_width > 600)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "picture_width",
                        "a width of %lld pixels is not within 80 ... 600",
                        (long long)options->picture_width);
    return VALENCE_OK;
}

/* ---- What is decoded ---- */

static int take_samples(void *user, const struct valence_media_samples *piece,
                        struct valence_error *error)
{
    struct previewing *p = user;
    struct preview_wave *wave = &p->wave;
    if (piece->first == 0)
        wave->start = piece->time;
    for (int64_t i = 0; i < piece->n_samples; i++) {
        int64_t step = (piece->first + i) / SAMPLES_A_STEP;
        if (step == wave->n) {
            int status = grow_array((void **)&wave->extremes, &wave->capacity, step + 1,
                                    sizeof *wave->extremes, MAX_STEPS, "steps of a wave", error);
            if (status)
                return status;
            wave->extremes[wave->n][0] = wave->extremes[wave->n][1] = piece->samples[i];
            wave->n++;
        }
        wave->extremes[step][0] = fminf(wave->extremes[step][0], piece->samples[i]);
        wave->extremes[step][1] = fmaxf(wave->extremes[step][1], piece->samples[i]);
    }
    return VALENCE_OK;
}

static int draw_picture(struct previewing *p, const struct valence_media_picture *picture,
                        struct preview_frame *frame, struct valence_error *error)
{
    uint8_t *jpeg;
    int status = VALENCE_OK;
    frame->is_searched = p->detector != NULL;
    if (p->detector)
        status = valence_faces_find(p->detector, picture->pixels, picture->width, picture->height,
                                    &frame->faces, &frame->n_faces, error);
    if (!status)
        status = jpeg_write(picture->pixels, picture->width, picture->height, (int64_t)frame->width,
                            (int64_t)frame->height, &jpeg, &frame->n_jpeg, error);
    if (status)
        return status;
    frame->jpeg = jpeg;
    preview_draw_frame(&p->drawing, frame);
    free(jpeg);
    p->n_found += frame->n_faces > 0;
    return VALENCE_OK;
}

static int take_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    struct previewing *p = user;
    double width = (double)p->options.picture_width;
    int64_t n_columns = (int64_t)((PREVIEW_WIDTH - 2 * PREVIEW_MARGIN) / width);
    int64_t column = p->n_frames % (n_columns > 0 ? n_columns : 1);
    double height = fmax(2, round(width * (double)picture->height / (double)picture->width));
    if (p->n_frames == p->options.n_pictures)
        return VALENCE_OK;
    if (p->n_frames > 0 && column == 0) {
        p->drawing.y += p->row_height + 4;
        p->row_height = 0;
    }
    height = fmin(height, 4 * width); /* a strip would hide the rest */
    p->row_height = fmax(p->row_height, height);
    p->n_frames++;
    struct preview_frame frame = {.x = PREVIEW_MARGIN + (double)column * (width + 4),
                                  .y = p->drawing.y,
                                  .width = width,
                                  .height = height,
                                  .picture_width = picture->width,
                                  .time = picture->source_time};
    return draw_picture(p, picture, &frame, error);
}

/* ---- The clip ---- */

/* Opens the file so that about n_pictures frames are decoded. */
static int open_media(struct previewing *p, const char *path,
                      const struct valence_media_segment *range, struct valence_media **media,
                      struct valence_error *error)
{
    struct valence_media_options options;
    valence_media_options_default(&options);
    int status = options_read(&options, sizeof options, p->options.media, error);
    if (status)
        return status;
    options.rate_hz = RATE_HZ;
    options.fps = 0;
    status = valence_media_open(path, &options, media, error);
    if (status)
        return status;
    double duration = valence_media_get_info(*media)->duration;
    p->drawing.start = range ? range->start : 0;
    p->drawing.end = range && !(range->end > duration) ? range->end : duration;
    double seconds = p->drawing.end - p->drawing.start;
    if (!(seconds > 0) || isinf(seconds))
        seconds = UNKNOWN_SECONDS * (double)p->options.n_pictures;
    valence_media_close(*media);
    *media = NULL;
    options.fps = fmin(1000, (double)p->options.n_pictures / seconds);
    return valence_media_open(path, &options, media, error);
}

static void describe(const struct previewing *p, const struct valence_media *media, char facts[200])
{
    const struct valence_media_info *info = valence_media_get_info(media);
    char rate[NUMBER_TEXT_BYTES];
    format_double(info->frame_rate, 4, rate);
    int n = snprintf(facts, 200, "%.60s", info->format);
    if (info->video_codec)
        n += snprintf(facts + n, (size_t)(200 - n), ", %lld × %lld, %s, %s pictures a second",
                      (long long)info->width, (long long)info->height, info->video_codec, rate);
    if (info->audio_codec && n < 180)
        n += snprintf(facts + n, (size_t)(200 - n), ", %s, %lld Hz", info->audio_codec,
                      (long long)info->original_rate_hz);
    if (p->detector && p->n_frames > 0 && n < 180)
        snprintf(facts + n, (size_t)(200 - n), "; a face in %lld of %lld frames",
                 (long long)p->n_found, (long long)p->n_frames);
}

static int draw(struct previewing *p, const char *path, struct valence_media *media,
                const struct valence_media_segment *range,
                const struct valence_transcript *transcript,
                const struct valence_progress *progress, struct valence_error *error)
{
    const struct valence_media_info *info = valence_media_get_info(media);
    const struct valence_media_sink sink = {info->audio_codec ? take_samples : NULL,
                                            info->video_codec ? take_picture : NULL, p};
    struct preview_drawing *drawing = &p->drawing;
    char facts[200];
    drawing->y = 60; /* below the title, which is drawn when everything is known */
    int status = valence_media_decode(media, range, range ? 1 : 0, &sink, progress, error);
    if (status)
        return status;
    double heard = p->wave.start + (double)p->wave.n * PREVIEW_WAVE_SECONDS;
    if (isnan(drawing->end) || isinf(drawing->end))
        drawing->end = heard;
    if (!(drawing->end > drawing->start))
        drawing->end = drawing->start + PREVIEW_WAVE_SECONDS;
    drawing->y += p->row_height + 12;
    if (p->wave.n > 0)
        preview_draw_wave(drawing, &p->wave, transcript);
    preview_draw_words(drawing, transcript);
    double bottom = drawing->y;
    drawing->y = 0;
    describe(p, media, facts);
    preview_draw_title(drawing, p->options.title ? p->options.title : path_name(path), facts);
    drawing->y = bottom;
    preview_finish(drawing);
    return drawing->svg.failed ? fail_memory(error, drawing->svg.length, "a preview") : VALENCE_OK;
}

static int write_file(const struct previewing *p, const char *file, struct valence_error *error)
{
    struct valence_output *output;
    const struct text *svg = &p->drawing.svg;
    int status = valence_output_open(file, p->options.overwrite, &output, error);
    if (status)
        return status;
    (void)fwrite(svg->data, 1, svg->length, valence_output_stream(output)); /* commit checks it */
    return valence_output_commit(output, error);
}

int valence_preview_write(const char *path, const struct valence_media_segment *range,
                          struct valence_face_detector *detector,
                          const struct valence_transcript *transcript,
                          const struct valence_preview_options *options,
                          const struct valence_progress *progress, const char *file,
                          struct valence_error *error)
{
    struct previewing p = {.detector = detector, .drawing = {.svg = {.maximum = MAX_SVG_BYTES}}};
    struct valence_media *media = NULL;
    valence_preview_options_default(&p.options);
    int status = options_read(&p.options, sizeof p.options, options, error);
    if (!status)
        status = check_options(&p.options, error);
    if (!status)
        status = valence_output_check(file, p.options.overwrite, error);
    if (!status)
        status = open_media(&p, path, range, &media, error);
    if (!status)
        status = draw(&p, path, media, range, transcript, progress, error);
    if (!status)
        status = write_file(&p, file, error);
    valence_media_close(media);
    text_free(&p.drawing.svg);
    free(p.wave.extremes);
    return status;
}
