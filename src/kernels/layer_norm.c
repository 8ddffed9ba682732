#include "kernels/layer_norm.h"

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/vector.h"

#define EPSILON ((real)1e-5)

struct moments {
    real mean, factor; /* factor: 1 / deviation */
};

VALENCE_INLINE struct moments moments_of(int64_t width, const real *x)
{
    real mean = 0, square = 0;
    for (int64_t j = 0; j < width; j++)
        mean += x[j];
    mean /= (real)width;
    for (int64_t j = 0; j < width; j++)
        square += (x[j] - mean) * (x[j] - mean);
    return (struct moments){mean, (real)(1 / sqrt((double)(square / (real)width + EPSILON)))};
}

VALENCE_CLONES
static void forward_row(struct layer_norm layer, const real *x, real *y)
{
    struct moments is = moments_of(layer.width, x);
    for (int64_t j = 0; j < layer.width; j++)
        y[j] = (x[j] - is.mean) * is.factor * layer.gain[j] + layer.bias[j];
}

void layer_norm_forward(struct layer_norm layer, int64_t rows, const real *x, int64_t x_stride,
                        real *y, int64_t y_stride)
{
#pragma omp parallel for schedule(static) if (rows * layer.width > PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < rows; i++)
        forward_row(layer, x + i * x_stride, y + i * y_stride);
}

/* With n = (x - mean) * factor and g = gain * dy:  dx = factor * (g - mean(g) - n * mean(g n)). */
VALENCE_CLONES
static void backward_row(struct layer_norm layer, const real *x, const real *dy, real *dx)
{
    struct moments is = moments_of(layer.width, x);
    real sum = 0, product = 0;
    for (int64_t j = 0; j < layer.width; j++) {
        sum += layer.gain[j] * dy[j];
        product += layer.gain[j] * dy[j] * (x[j] - is.mean) * is.factor;
    }
    sum /= (real)layer.width;
    product /= (real)layer.width;
    for (int64_t j = 0; j < layer.width; j++)
        dx[j] += is.factor * (layer.gain[j] * dy[j] - sum - (x[j] - is.mean) * is.factor * product);
}

VALENCE_CLONES
static void add_gain(int64_t width, const real *x, const real *dy, real *dgain)
{
    struct moments is = moments_of(width, x);
    for (int64_t j = 0; j < width; j++)
        dgain[j] += dy[j] * (x[j] - is.mean) * is.factor;
}

void layer_norm_backward(struct layer_norm layer, int64_t rows, const real *x, int64_t x_stride,
                         const real *dy, int64_t dy_stride, real *dgain, real *dbias, real *dx,
                         int64_t dx_stride)
{
#pragma omp parallel for schedule(static) if (rows * layer.width > PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < rows; i++)
        backward_row(layer, x + i * x_stride, dy + i * dy_stride, dx + i * dx_stride);
    for (int64_t i = 0; i < rows; i++)
        add_gain(layer.width, x + i * x_stride, dy + i * dy_stride, dgain);
    vector_add_rows(rows, layer.width, dy, dy_stride, dbias);
}
