#include "encode/manet/resize.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define PRECISION 22

/* One pass from `from` to `to` samples: output i is a sum over samples first[i] ... first[i] +
 * count[i] - 1. */
struct pass {
    int64_t from, to, widest;
    int32_t *first, *count;
    int32_t *weights; /* (to, widest) */
    double *row;      /* (widest) */
};

static void pass_free(struct pass *pass)
{
    free(pass->first);
    free(pass->count);
    free(pass->weights);
    free(pass->row);
}

static void fill_output(struct pass *pass, int64_t i, double scale, double reach)
{
    double centre = ((double)i + 0.5) * scale, sum = 0;
    int64_t low = (int64_t)(centre - reach + 0.5), high = (int64_t)(centre + reach + 0.5);
    low = low < 0 ? 0 : low;
    high = high > pass->from ? pass->from : high;
    for (int64_t j = low; j < high; j++) {
        double distance = fabs(((double)j - centre + 0.5) * (1.0 / reach));
        sum += pass->row[j - low] = distance < 1 ? 1 - distance : 0;
    }
    for (int64_t j = 0; j < high - low; j++)
        pass->weights[i * pass->widest + j] =
            (int32_t)(0.5 + (sum != 0 ? pass->row[j] / sum : pass->row[j]) * (1 << PRECISION));
    pass->first[i] = (int32_t)low;
    pass->count[i] = (int32_t)(high - low);
}

static int pass_create(struct pass *pass, int64_t from, int64_t to, struct valence_error *error)
{
    double scale = (double)from / (double)to, reach = scale > 1 ? scale : 1;
    *pass = (struct pass){.from = from, .to = to, .widest = (int64_t)ceil(reach) * 2 + 1};
    pass->first = allocate(to, sizeof *pass->first);
    pass->count = allocate(to, sizeof *pass->count);
    pass->weights = allocate(to * pass->widest, sizeof *pass->weights);
    pass->row = allocate(pass->widest, sizeof *pass->row);
    if (!pass->first || !pass->count || !pass->weights || !pass->row) {
        pass_free(pass);
        return fail_memory(error, (size_t)(to * pass->widest) * sizeof *pass->weights, "a resize");
    }
    for (int64_t i = 0; i < to; i++)
        fill_output(pass, i, scale, reach);
    return VALENCE_OK;
}

/* Resizes `lines` lines; samples of a line are `step` bytes apart, lines `line_step`; three
 * channels each. */
static void pass_run(const struct pass *pass, int64_t lines, const uint8_t *from, int64_t from_step,
                     int64_t from_line, uint8_t *to, int64_t to_step, int64_t to_line)
{
    for (int64_t line = 0; line < lines; line++, from += from_line, to += to_line)
        for (int64_t i = 0; i < pass->to; i++) {
            const int32_t *weights = pass->weights + i * pass->widest;
            const uint8_t *sample = from + pass->first[i] * from_step;
            int32_t sums[3] = {1 << (PRECISION - 1), 1 << (PRECISION - 1), 1 << (PRECISION - 1)};
            for (int32_t j = 0; j < pass->count[i]; j++, sample += from_step)
                for (int c = 0; c < 3; c++)
                    sums[c] += sample[c] * weights[j];
            for (int c = 0; c < 3; c++) {
                int32_t value = sums[c] >> PRECISION;
                to[i * to_step + c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
}

int resize_rgb(const uint8_t *pixels, int64_t width, int64_t height, int64_t side, uint8_t *resized,
               struct valence_error *error)
{
    struct pass rows, columns;
    if (width < 1 || height < 1 || width > RESIZE_MAX_SIDE || height > RESIZE_MAX_SIDE)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "a picture of %" PRId64 " x %" PRId64
                    " pixels: sides of 1 ... %d can be resized",
                    width, height, RESIZE_MAX_SIDE);
    uint8_t *narrow = allocate(height * side, 3);
    if (!narrow)
        return fail_memory(error, (size_t)(height * side) * 3, "a resize");
    int status = pass_create(&rows, width, side, error);
    if (!status) {
        pass_run(&rows, height, pixels, 3, width * 3, narrow, 3, side * 3);
        pass_free(&rows);
        status = pass_create(&columns, height, side, error);
    }
    if (!status) {
        pass_run(&columns, side, narrow, side * 3, 3, resized, side * 3, 3);
        pass_free(&columns);
    }
    free(narrow);
    return status;
}
