#include "bench_limit.h"

#include "measure.h"

#include "base/memory.h"
#include "base/threads.h"
#include "kernels/gemm.h"
#include "kernels/ragged.h"

/* One kind of product over the rows of a sequence: y = x W^T, dx = dy W, or dW = dy^T x. */
enum kind { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, N_KINDS };

struct memory {
    real *x, *y, *w, *shares; /* (rows, in), (rows, out), (out, in), a weight gradient a thread */
};

static void one(enum kind kind, int64_t n, int64_t in, int64_t out, real *x, real *y, real *w,
                real *share)
{
    if (kind == FORWARD)
        gemm(AS_IS, TRANSPOSED, n, out, in, 1, x, in, w, in, 0, y, out);
    else if (kind == INPUT_GRADIENT)
        gemm(AS_IS, AS_IS, n, in, out, 1, y, out, w, in, 0, x, in);
    else
        gemm(TRANSPOSED, AS_IS, out, in, n, 1, y, out, x, in, 1, share, in);
}

/* Rows lie where a kernel has them, in tiles that follow each other; wide inputs are reused piece
 * by piece as the conversion of stored rows leaves them. */
static double tiled(enum kind kind, int64_t rows, int64_t in, int64_t out, struct memory *m)
{
    int64_t tile = ragged_max_tile_rows(), threads = threads_count();
    int64_t tiles = (rows + tile * threads - 1) / (tile * threads) * threads;
    int64_t n = (rows + tiles - 1) / tiles;
    double start = seconds_now();
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < tiles; t++) {
        int64_t left = rows - t * n < n ? rows - t * n : n;
        if (left > 0)
            one(kind, left, in, out, m->x + t * n * in, m->y + t * n * out, m->w,
                m->shares + thread_index() * in * out);
    }
    return seconds_now() - start;
}

static double whole(enum kind kind, int64_t rows, int64_t in, int64_t out, struct memory *m)
{
    double start = seconds_now();
    one(kind, rows, in, out, m->x, m->y, m->w, m->shares);
    return seconds_now() - start;
}

/* In the kind of memory that the network has. */
static real *random_values(int64_t n)
{
    real *values = block_take(n, sizeof *values);
    uint32_t state = 1;
    for (int64_t i = 0; values && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (real)(state >> 8) / (1 << 24) - (real)0.5;
    }
    return values;
}

static double best_of(enum kind kind, int64_t rows, int64_t in, int64_t out, int repeats,
                      double *gflop)
{
    struct memory m = {random_values(rows * in), random_values(rows * out), random_values(in * out),
                       random_values(in * out * threads_count())};
    double best = 1e30;
    for (int i = 0; i < repeats && rows; i++) {
        double a = tiled(kind, rows, in, out, &m), b = whole(kind, rows, in, out, &m);
        best = a < best ? a : best;
        best = b < best ? b : best;
    }
    block_free(m.x, rows * in, sizeof *m.x);
    block_free(m.y, rows * out, sizeof *m.y);
    block_free(m.w, in * out, sizeof *m.w);
    block_free(m.shares, in * out * threads_count(), sizeof *m.shares);
    *gflop += 2e-9 * (double)rows * (double)in * (double)out;
    return rows ? best : 0;
}

static double layer(int64_t rows, int64_t in, int64_t out, bool training, int repeats,
                    double *gflop)
{
    double seconds = 0;
    for (enum kind kind = FORWARD; kind < (training ? N_KINDS : INPUT_GRADIENT); kind++)
        seconds += best_of(kind, rows, in, out, repeats, gflop);
    return seconds;
}

/* The layers over clips of one flow, the many small ones of a kind as one product of as many
 * rows. */
static double clip_layers(const struct valence_model_config *config, int64_t n, bool training,
                          int repeats, double *gflop)
{
    int64_t d = config->d, o = config->o, q = VALENCE_N_VIEWS, m = VALENCE_N_MODALITIES;
    double seconds = 0;
    seconds += m * 2 * layer(n, d, d, training, repeats, gflop);
    *gflop += (double)(m * 2 - 1) * 2e-9 * (double)(n * d * d) * (training ? 3 : 1);
    seconds += layer(n, 3 * d, d, training, repeats, gflop);
    seconds += layer(n, d, d, training, repeats, gflop);
    seconds += q * layer(n, d, d, training, repeats, gflop);
    *gflop += (double)(q - 1) * 2e-9 * (double)(n * d * d) * (training ? 3 : 1);
    for (int i = 0; i < m; i++) {
        seconds += layer(n * q, d, d, training, repeats, gflop);
        seconds += layer(n * q, d, 2 * o, training, repeats, gflop);
        seconds += layer(n * q, 2 * o, o, training, repeats, gflop);
    }
    seconds += layer(n, q * o, 2 * o, training, repeats, gflop);
    seconds += layer(n, 2 * o, o, training, repeats, gflop);
    return seconds;
}

double limit_seconds(const struct valence_model_config *config, int64_t n_clips,
                     const int64_t n_rows[VALENCE_N_STREAMS], bool training, int repeats,
                     double *gflop)
{
    int64_t d = config->d;
    double seconds = 0;
    *gflop = 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t width = config->widths[valence_stream_modality(s)];
        seconds += best_of(FORWARD, n_rows[s], width, d, repeats, gflop);
        if (training)
            seconds += best_of(WEIGHT_GRADIENT, n_rows[s], width, d, repeats, gflop);
        bool shared = s == VALENCE_STREAM_AUDIO || s == VALENCE_STREAM_VIDEO;
        int uses = 2 * (training && shared ? 2 : 1); /* two attentions, each in one or two flows */
        double before = *gflop;
        seconds += uses * layer(n_rows[s], d, d, training, repeats, gflop);
        *gflop += (uses - 1) * (*gflop - before);
    }
    for (int flow = 0; flow < 2; flow++)
        seconds += clip_layers(config, n_clips, training, repeats, gflop);
    return seconds;
}
