#include "exchange/frame_compression.h"

#define BLOCK 256

/* The mean of rows first ... last-1 over `divisor`, to row `to`, which is before `last`. */
static void average(float *values, int64_t width, int64_t first, int64_t last, int64_t divisor,
                    int64_t to)
{
    double sums[BLOCK];
    for (int64_t start = 0; start < width; start += BLOCK) {
        int64_t n = width - start < BLOCK ? width - start : BLOCK;
        for (int64_t j = 0; j < n; j++)
            sums[j] = 0;
        for (int64_t row = first; row < last; row++)
            for (int64_t j = 0; j < n; j++)
                sums[j] += (double)values[row * width + start + j];
        for (int64_t j = 0; j < n; j++)
            values[to * width + start + j] = (float)(sums[j] / (double)divisor);
    }
}

int64_t compress_frames(float *values, int64_t n_rows, int64_t width, int64_t scale)
{
    int64_t n = n_rows / scale + (n_rows % scale != 0);
    if (n == n_rows)
        return n_rows;
    int64_t chunk = n_rows / n + (n_rows % n != 0), pad = n * chunk - n_rows;
    /* pad < chunk, so that row i is written after all that is averaged before it, and before none
     * that is still to be read. */
    for (int64_t i = 0; i < n; i++)
        average(values, width, i == 0 ? 0 : i * chunk - pad, (i + 1) * chunk - pad, chunk, i);
    return n;
}
