#include "kernels/linear.h"

#include "kernels/bf16_gemm.h"
#include "kernels/bf16_product.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/vector.h"

#ifdef VALENCE_DOUBLE
void linear_product(const struct linear *layer, enum transpose a_form, enum transpose b_form,
                    int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
                    int64_t ldb, bool add, real *c, int64_t ldc)
{
    (void)layer;
    gemm(a_form, b_form, m, n, k, 1, a, lda, b, ldb, add ? 1 : 0, c, ldc);
}
#else
void linear_product(const struct linear *layer, enum transpose a_form, enum transpose b_form,
                    int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
                    int64_t ldb, bool add, real *c, int64_t ldc)
{
    enum { FEWEST = 16 };
    if (layer->precision == PRECISION_BF16 && layer->in >= FEWEST && layer->out >= FEWEST)
        bf16_gemm(a_form, b_form, m, n, k, a, lda, b, ldb, add, c, ldc);
    else
        gemm(a_form, b_form, m, n, k, 1, a, lda, b, ldb, add ? 1 : 0, c, ldc);
}
#endif

void linear_forward(struct linear layer, int64_t rows, const real *x, int64_t x_stride, real *y,
                    int64_t y_stride)
{
    for (int64_t i = 0; i < rows && layer.bias; i++)
        memcpy(y + i * y_stride, layer.bias, (size_t)layer.out * sizeof(real));
    int before = share_enter(rows * layer.out * layer.in);
    linear_product(&layer, AS_IS, TRANSPOSED, rows, layer.out, layer.in, x, x_stride, layer.weight,
                   layer.in, layer.bias, y, y_stride);
    share_leave(before);
}

static void layer_gradient(const struct linear *layer, struct linear_gradient gradient,
                           int64_t rows, const real *x, int64_t x_stride, const real *dy,
                           int64_t dy_stride)
{
    linear_product(layer, TRANSPOSED, AS_IS, layer->out, layer->in, rows, dy, dy_stride, x,
                   x_stride, true, gradient.weight, layer->in);
    if (gradient.bias)
        vector_add_rows(rows, layer->out, dy, dy_stride, gradient.bias);
}

static void input_gradient(const struct linear *layer, int64_t rows, const real *dy,
                           int64_t dy_stride, real *dx, int64_t dx_stride)
{
    linear_product(layer, AS_IS, AS_IS, rows, layer->in, layer->out, dy, dy_stride, layer->weight,
                   layer->in, true, dx, dx_stride);
}

/* Whether backward's two products, which are as large as each other, are computed side by side, by
 * one thread each: they are too small to be shared well, and not so small that one thread does both
 * sooner. */
static bool is_pair(const struct linear *layer, int64_t rows)
{
    int64_t work = rows * layer->out * layer->in;
    work = layer->precision == PRECISION_BF16 ? work / bf16_gain() : work;
    return threads_count() > 1 && work >= PARALLEL_WORK / 4 && work < PARALLEL_WORK * 4;
}

void linear_backward(struct linear layer, struct linear_gradient gradient, int64_t rows,
                     const real *x, int64_t x_stride, const real *dy, int64_t dy_stride, real *dx,
                     int64_t dx_stride)
{
    if (dx && is_pair(&layer, rows)) {
#pragma omp parallel sections
        {
#pragma omp section
            layer_gradient(&layer, gradient, rows, x, x_stride, dy, dy_stride);
#pragma omp section
            input_gradient(&layer, rows, dy, dy_stride, dx, dx_stride);
        }
        return;
    }
    int before = share_enter(rows * layer.out * layer.in);
    layer_gradient(&layer, gradient, rows, x, x_stride, dy, dy_stride);
    if (dx)
        input_gradient(&layer, rows, dy, dy_stride, dx, dx_stride);
    share_leave(before);
}

VALENCE_CLONES
static void relu_row(int64_t width, real *y)
{
    for (int64_t j = 0; j < width; j++)
        y[j] = y[j] < 0 ? 0 : y[j];
}

void relu_forward(int64_t rows, int64_t width, real *y, int64_t stride)
{
#pragma omp parallel for schedule(static) if (rows * width > PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < rows; i++)
        relu_row(width, y + i * stride);
}

VALENCE_CLONES
static void relu_backward_row(int64_t width, const real *y, real scale, real *dy)
{
    for (int64_t j = 0; j < width; j++)
        dy[j] = y[j] > 0 ? dy[j] * scale : 0;
}

void relu_backward(int64_t rows, int64_t width, const real *y, int64_t y_stride, real scale,
                   real *dy, int64_t dy_stride)
{
#pragma omp parallel for schedule(static) if (rows * width > PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < rows; i++)
        relu_backward_row(width, y + i * y_stride, scale, dy + i * dy_stride);
}
