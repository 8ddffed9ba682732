#include "kernels/adam.h"

#include "kernels/parallel.h"
#include "kernels/simd.h"

/* Values that one thread takes at a time: a few pages of each block. */
#define CHUNK 16384

/* What a step's elements share, in the precision they are computed in. */
struct update {
    real gradient_scale, decay_in_gradient, shrink;
    real beta1, rest1, beta2, rest2;
    real rate, root_scale, epsilon;
};

VALENCE_CLONES
static void update_chunk(struct update u, int64_t n, real *restrict p, const real *restrict g,
                         real *restrict m, real *restrict v)
{
    for (int64_t i = 0; i < n; i++) {
        real gradient = u.gradient_scale * g[i] + u.decay_in_gradient * p[i];
        m[i] = u.beta1 * m[i] + u.rest1 * gradient;
        v[i] = u.beta2 * v[i] + u.rest2 * gradient * gradient;
#ifdef VALENCE_DOUBLE
        real root = sqrt(v[i]);
#else
        real root = sqrtf(v[i]);
#endif
        p[i] = u.shrink * p[i] - u.rate * m[i] / (root * u.root_scale + u.epsilon);
    }
}

void adam_step(const struct adam_options *options, int64_t step, int64_t n, real *parameters,
               const real *gradients, real *first_moment, real *second_moment)
{
    double decay = options->weight_decay;
    struct update u = {
        .gradient_scale = (real)options->gradient_scale,
        .decay_in_gradient = (real)(options->decoupled ? 0.0 : decay),
        .shrink = (real)(options->decoupled ? 1.0 - options->learning_rate * decay : 1.0),
        .beta1 = (real)options->beta1,
        .rest1 = (real)(1.0 - options->beta1),
        .beta2 = (real)options->beta2,
        .rest2 = (real)(1.0 - options->beta2),
        .rate = (real)(options->learning_rate / (1.0 - pow(options->beta1, (double)step))),
        .root_scale = (real)(1.0 / sqrt(1.0 - pow(options->beta2, (double)step))),
        .epsilon = (real)options->epsilon,
    };
#pragma omp parallel for schedule(static) if (n > PARALLEL_ELEMENTS)
    for (int64_t start = 0; start < n; start += CHUNK)
        update_chunk(u, n - start < CHUNK ? n - start : CHUNK, parameters + start,
                     gradients + start, first_moment + start, second_moment + start);
}

/* ---- The norm ---- */

/* Eight sums side by side, so that the loop vectorises without reordering what the language
 * fixes. */
VALENCE_CLONES
static double square_sum(int64_t n, const real *values)
{
    double sums[8] = {0};
    int64_t whole = n / 8 * 8;
    for (int64_t i = 0; i < whole; i += 8)
        for (int lane = 0; lane < 8; lane++)
            sums[lane] += (double)values[i + lane] * (double)values[i + lane];
    for (int64_t i = whole; i < n; i++)
        sums[i - whole] += (double)values[i] * (double)values[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/* Chunks are summed side by side by threads, their sums one after another: groups of a fixed size
 * keep the order. */
#define GROUP 512

double gradient_norm(int64_t n, const real *gradients)
{
    double total = 0.0;
    for (int64_t first = 0; first < n; first += (int64_t)GROUP * CHUNK) {
        double sums[GROUP] = {0};
#pragma omp parallel for schedule(static) if (n > PARALLEL_ELEMENTS)
        for (int chunk = 0; chunk < GROUP; chunk++) {
            int64_t start = first + (int64_t)chunk * CHUNK;
            if (start < n)
                sums[chunk] = square_sum(n - start < CHUNK ? n - start : CHUNK, gradients + start);
        }
        for (int chunk = 0; chunk < GROUP; chunk++)
            total += sums[chunk];
    }
    return sqrt(total);
}
