/* The parts of a preview as SVG. Coordinates are pixels; a drawing grows downwards. */
#ifndef VALENCE_ENCODE_PREVIEW_DRAWING_H
#define VALENCE_ENCODE_PREVIEW_DRAWING_H

#include "base/text.h"
#include "valence/faces.h"
#include "valence/transcript.h"

#define PREVIEW_WIDTH  1000.0
#define PREVIEW_MARGIN 10.0

/* The least and largest sample of each 10 ms. */
struct preview_wave {
    float (*extremes)[2];
    int64_t n, capacity;
    double start; /* time of the first */
};
#define PREVIEW_WAVE_SECONDS 0.01

/* Start from {.svg = {.maximum = N}}. `y` is where the next part begins. */
struct preview_drawing {
    struct text svg;
    double y;
    double start, end; /* the clip's time, on the horizontal axis of wave and words */
};

void preview_draw_title(struct preview_drawing *drawing, const char *title, const char *facts);

/* A frame whose top left corner is (x, y), `width` pixels wide, in place of a picture of
 * (picture_height, picture_width); `jpeg` is its data. `faces` is best first; is_searched: whether
 * faces were looked for. */
struct preview_frame {
    double x, y, width, height;
    int64_t picture_width;
    double time;
    const uint8_t *jpeg;
    size_t n_jpeg;
    const struct valence_face *faces;
    int64_t n_faces;
    bool is_searched;
};
void preview_draw_frame(struct preview_drawing *drawing, const struct preview_frame *frame);

void preview_draw_wave(struct preview_drawing *drawing, const struct preview_wave *wave,
                       const struct valence_transcript *transcript);
void preview_draw_words(struct preview_drawing *drawing,
                        const struct valence_transcript *transcript);

/* The whole picture: *made is the same memory as drawing->svg afterwards. */
void preview_finish(struct preview_drawing *drawing);

#endif
