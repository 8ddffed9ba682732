#include "kernels/cross_entropy.h"

#include <math.h>

int64_t largest_of(int64_t k, const real *z)
{
    int64_t largest = 0;
    for (int64_t j = 0; j < k; j++) {
        if (!isfinite(z[j]))
            return -1;
        largest = z[j] > z[largest] ? j : largest;
    }
    return largest;
}

/* log of the sum of exp(z), without overflow. */
static double log_sum(int64_t k, const real *z)
{
    double largest = (double)z[0], sum = 0;
    for (int64_t j = 1; j < k; j++)
        largest = fmax(largest, (double)z[j]);
    for (int64_t j = 0; j < k; j++)
        sum += exp((double)z[j] - largest);
    return largest + log(sum);
}

void softmax_row(int64_t k, const real *z, real *p)
{
    double all = log_sum(k, z);
    for (int64_t j = 0; j < k; j++)
        p[j] = (real)exp((double)z[j] - all);
}

double cross_entropy_row(int64_t k, const real *z, int64_t label)
{
    return log_sum(k, z) - (double)z[label];
}

double cross_entropy(int64_t rows, int64_t n_whole, int64_t k, const real *z, const float *labels,
                     double weight, real *dz)
{
    double sum = 0;
    for (int64_t i = 0; i < rows; i++, z += k, dz += k) {
        int64_t label = (int64_t)labels[i];
        double all = log_sum(k, z);
        sum += all - (double)z[label];
        for (int64_t j = 0; j < k; j++)
            dz[j] += (real)(weight / (double)n_whole * (exp((double)z[j] - all) - (j == label)));
    }
    return sum / (double)n_whole;
}
