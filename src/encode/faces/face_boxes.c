#include "encode/faces/face_boxes.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "encode/faces/face_networks.h"

/* Widths and heights, in cells. */
static const double anchors[FACE_ANCHORS][2] = {{1.603231, 2.094468},
                                                {6.041143, 7.080126},
                                                {2.882459, 3.518061},
                                                {4.266906, 5.178857},
                                                {9.041765, 10.66308}};

void face_boxes_free(struct face_boxes *boxes)
{
    free(boxes->list);
    *boxes = (struct face_boxes){0};
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(x < -700 ? 700 : -x));
}

/* How much wider and higher than the picture its square is, after rounding both sides as the
 * network's input has them. */
static void square_factors(int64_t width, int64_t height, int64_t size, double *across,
                           double *down)
{
    double scale = (double)size / (double)(width > height ? width : height);
    double w = floor((double)width * scale + 0.5), h = floor((double)height * scale + 0.5);
    double larger = w > h ? w : h;
    *across = larger / (w < 1 ? 1 : w);
    *down = larger / (h < 1 ? 1 : h);
}

int face_boxes_decode(const float *grid, int64_t width, int64_t height, int64_t size,
                      double threshold, struct face_boxes *boxes, struct valence_error *error)
{
    int64_t cells = size / FACE_DETECTOR_STRIDE;
    double across, down;
    square_factors(width, height, size, &across, &down);
    boxes->n = 0;
    for (int64_t i = 0; i < cells * cells * FACE_ANCHORS; i++) {
        const float *values = grid + i * FACE_ANCHOR_VALUES;
        double score = sigmoid(values[4]);
        if (!(score > threshold))
            continue;
        int status = grow_array((void **)&boxes->list, &boxes->capacity, boxes->n + 1,
                                sizeof *boxes->list, cells * cells * FACE_ANCHORS, "faces", error);
        if (status)
            return status;
        int anchor = (int)(i % FACE_ANCHORS);
        int row = (int)(i / FACE_ANCHORS / cells), column = (int)(i / FACE_ANCHORS % cells);
        double w = exp(values[2]) * anchors[anchor][0] / (double)cells * across;
        double h = exp(values[3]) * anchors[anchor][1] / (double)cells * down;
        boxes->list[boxes->n++] =
            (struct face_box){.score = score,
                              .row = row,
                              .column = column,
                              .anchor = anchor,
                              .x = (column + sigmoid(values[0])) / (double)cells * across - w / 2,
                              .y = (row + sigmoid(values[1])) / (double)cells * down - h / 2,
                              .w = w,
                              .h = h};
    }
    return VALENCE_OK;
}

static double overlap_of(const struct face_box *a, const struct face_box *b)
{
    double w = fmin(a->x + a->w, b->x + b->w) - fmax(a->x, b->x);
    double h = fmin(a->y + a->h, b->y + b->h) - fmax(a->y, b->y);
    double common = (w > 0 ? w : 0) * (h > 0 ? h : 0);
    return common / (a->w * a->h + b->w * b->h - common);
}

void face_boxes_suppress(struct face_boxes *boxes, double overlap)
{
    int64_t kept = 0, left = boxes->n;
    while (kept < left) {
        int64_t best = kept, n = kept + 1;
        for (int64_t i = kept + 1; i < left; i++)
            if (boxes->list[i].score >= boxes->list[best].score)
                best = i;
        struct face_box chosen = boxes->list[best];
        for (int64_t i = best; i > kept; i--) /* the others keep their order */
            boxes->list[i] = boxes->list[i - 1];
        boxes->list[kept] = chosen;
        for (int64_t i = kept + 1; i < left; i++)
            if (overlap_of(&chosen, &boxes->list[i]) <= overlap)
                boxes->list[n++] = boxes->list[i];
        left = n;
        kept++;
    }
    boxes->n = kept;
}

bool face_box_clip(const struct face_box *box, int64_t width, int64_t height,
                   struct face_rectangle *crop)
{
    double x = fmax(box->x, 0), y = fmax(box->y, 0);
    double w = floor(fmin(box->x + box->w - x, (double)width - x));
    double h = floor(fmin(box->y + box->h - y, (double)height - y));
    if (!(w >= 1 && h >= 1) || isnan(box->x + box->y + box->w + box->h))
        return false;
    *crop = (struct face_rectangle){(int64_t)floor(x), (int64_t)floor(y), (int64_t)w, (int64_t)h};
    return true;
}
