#include "kernels/distance.h"

#include <math.h>

double mean_squared_error(int64_t n, const real *x, const float *y, double weight, real *dx)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = (double)x[i] - (double)y[i];
        sum += difference * difference;
        dx[i] += (real)(weight * 2.0 * difference / (double)n);
    }
    return sum / (double)n;
}

double root_mean_square(int64_t rows, int64_t width, struct strided x, struct strided y,
                        double weight, real *dx, real *dy)
{
    double n = (double)rows * (double)width, sum = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
            double difference = (double)(x.data[i * x.stride + j] - y.data[i * y.stride + j]);
            sum += difference * difference;
        }
    double root = sqrt(sum / n);
    if (root == 0 || weight == 0)
        return root;
    real factor = (real)(weight / (n * root));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
            real step = factor * (x.data[i * x.stride + j] - y.data[i * y.stride + j]);
            if (dx)
                dx[i * x.stride + j] += step;
            if (dy)
                dy[i * y.stride + j] -= step;
        }
    return root;
}
