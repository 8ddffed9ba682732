#include "kernels/distance.h"

double mean_squared_error(int64_t n, int64_t n_whole, const real *x, const float *y, double weight,
                          real *dx)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = (double)x[i] - (double)y[i];
        sum += difference * difference;
        dx[i] += (real)(weight * 2.0 * difference / (double)n_whole);
    }
    return sum / (double)n_whole;
}

double squared_distance(int64_t rows, int64_t width, struct strided x, struct strided y)
{
    double sum = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
            double difference = (double)(x.data[i * x.stride + j] - y.data[i * y.stride + j]);
            sum += difference * difference;
        }
    return sum;
}

void root_mean_square_backward(int64_t rows, int64_t width, struct strided x, struct strided y,
                               double n, double root, double weight, real *dx, real *dy)
{
    if (root == 0 || weight == 0)
        return;
    real factor = (real)(weight / (n * root));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
            real step = factor * (x.data[i * x.stride + j] - y.data[i * y.stride + j]);
            if (dx)
                dx[i * x.stride + j] += step;
            if (dy)
                dy[i * y.stride + j] -= step;
        }
}
