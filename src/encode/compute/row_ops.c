#include "encode/compute/row_ops.h"

#include <math.h>

#include <ggml.h>

#include "base/half.h"
#include "encode/compute/q8_0.h"
#include "kernels/simd.h"

/* ---- Activations ---- */

/* erf(x), within 1.3 units in the last place.
 *
 *   |x| <= 0.9277: an odd polynomial;  beyond: sign(x) (1 - exp(p(|x|)))
 *
 * Coefficients: N. Juffa's minimax fits. Both sides are computed, so that loops vectorise. */
VALENCE_INLINE float erf_of(float x)
{
    float t = x < 0 ? -x : x, s = x * x;
    float far = -1.72853470e-5f * t + 3.83197126e-4f;
    float u = -3.88396438e-3f * t + 2.42546219e-2f;
    far = far * s + u;
    far = far * t - 1.06777877e-1f;
    far = far * t - 6.34846687e-1f;
    far = far * t - 1.28717512e-1f;
    far = far * t - t;
    far = 1.0f - real_exp(far);
    far = x < 0 ? -far : far;
    float near = -5.96761703e-4f;
    near = near * s + 4.99119423e-3f;
    near = near * s - 2.67681349e-2f;
    near = near * s + 1.12819925e-1f;
    near = near * s - 3.76125336e-1f;
    near = near * s + 1.28379166e-1f;
    near = near * x + x;
    return t > 0.927734375f ? far : near;
}

VALENCE_INLINE float gelu_of(float x)
{
    /* Beyond 5.6 the result is 0 or x; and far's polynomial would overflow. */
    float limited = x < -8.0f ? -8.0f : x > 8.0f ? 8.0f : x;
    return 0.5f * x * (1.0f + erf_of(limited * 0.70710678f));
}

VALENCE_INLINE void activate(int64_t n, float *y, enum activation activation)
{
    if (activation == ACTIVATION_GELU)
        for (int64_t j = 0; j < n; j++)
            y[j] = gelu_of(y[j]);
    else if (activation == ACTIVATION_RELU)
        for (int64_t j = 0; j < n; j++)
            y[j] = y[j] < 0 ? 0 : y[j];
}

VALENCE_INLINE void add(int64_t n, const float *restrict x, float *restrict y)
{
    if (x)
        for (int64_t j = 0; j < n; j++)
            y[j] += x[j];
}

VALENCE_CLONES
void rows_finish(int64_t rows, int64_t width, float *y, int64_t stride, const struct finish *finish)
{
    for (int64_t i = 0; i < rows; i++, y += stride) {
        const float *residual =
            finish->residual ? finish->residual + i * finish->residual_stride : NULL;
        add(width, finish->bias, y);
        if (finish->order == RESIDUAL_BEFORE)
            add(width, residual, y);
        activate(width, y, finish->activation);
        if (finish->order == RESIDUAL_AFTER)
            add(width, residual, y);
    }
}

/* ---- Normalisation ---- */

enum { LANES = 32 };

/* sum over (x - shift)^power, power 1 or 2, in LANES partial sums */
VALENCE_INLINE float moment(int64_t n, const float *x, float shift, int power)
{
    float sums[LANES] = {0}, sum = 0;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int i = 0; i < LANES; i++) {
            float d = x[j + i] - shift;
            sums[i] += power == 1 ? d : d * d;
        }
    for (; j < n; j++) {
        float d = x[j] - shift;
        sum += power == 1 ? d : d * d;
    }
    for (int i = 0; i < LANES; i++)
        sum += sums[i];
    return sum;
}

VALENCE_CLONES
void rows_norm(int64_t rows, int64_t width, const float *x, const float *weight, const float *bias,
               float epsilon, enum activation activation, float *y)
{
    for (int64_t i = 0; i < rows; i++, x += width, y += width) {
        float mean = moment(width, x, 0, 1) / (float)width;
        float scale = 1.0f / sqrtf(moment(width, x, mean, 2) / (float)width + epsilon);
        for (int64_t j = 0; j < width; j++)
            y[j] = (x[j] - mean) * scale * weight[j] + bias[j];
        activate(width, y, activation);
    }
}

VALENCE_CLONES
float row_softmax(int64_t n, float scale, float gate, const float *bias, float *s)
{
    float maxima[LANES], sums[LANES] = {0}, maximum = -INFINITY, sum = 0;
    int64_t whole = n / LANES * LANES;
    for (int i = 0; i < LANES; i++)
        maxima[i] = -INFINITY;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int i = 0; i < LANES; i++) {
            float v = scale * s[j + i] + gate * bias[j + i];
            s[j + i] = v;
            maxima[i] = v > maxima[i] ? v : maxima[i];
        }
    for (int64_t j = whole; j < n; j++) {
        s[j] = scale * s[j] + gate * bias[j];
        maximum = s[j] > maximum ? s[j] : maximum;
    }
    for (int i = 0; i < LANES; i++)
        maximum = maxima[i] > maximum ? maxima[i] : maximum;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int i = 0; i < LANES; i++)
            sums[i] += s[j + i] = real_exp(s[j + i] - maximum);
    for (int64_t j = whole; j < n; j++)
        sum += s[j] = real_exp(s[j] - maximum);
    for (int i = 0; i < LANES; i++)
        sum += sums[i];
    return 1.0f / sum;
}

/* ---- Widening ---- */

#if defined(__FLT16_MAX__) /* the compiler has the type, and vectorises its conversion */
typedef _Float16 half_type;
#define WIDEN_HALF(x) ((float)(x))
#else
typedef uint16_t half_type;
#define WIDEN_HALF(x) half_to_float(x)
#endif

VALENCE_CLONES
static void widen_f16(int64_t n, const half_type *from, float *to)
{
    for (int64_t j = 0; j < n; j++)
        to[j] = WIDEN_HALF(from[j]);
}

VALENCE_CLONES
static void widen_q8_0(int64_t n, const struct block_q8_0 *from, float *to)
{
    for (int64_t b = 0; b < n / Q8_0_VALUES; b++) {
        float scale = q8_0_scale(&from[b]);
        for (int j = 0; j < Q8_0_VALUES; j++)
            to[b * Q8_0_VALUES + j] = scale * (float)from[b].quants[j];
    }
}

void row_widen(int ggml_type, int64_t n, const void *from, float *to)
{
    if (ggml_type == GGML_TYPE_F16)
        widen_f16(n, from, to);
    else if (ggml_type == GGML_TYPE_Q8_0)
        widen_q8_0(n, from, to);
    else if (ggml_type == GGML_TYPE_F32)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        ggml_get_type_traits((enum ggml_type)ggml_type)->to_float(from, to, n);
}

size_t row_size(int ggml_type, int64_t n)
{
    return ggml_row_size((enum ggml_type)ggml_type, n);
}
