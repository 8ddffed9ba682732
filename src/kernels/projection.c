#include "kernels/projection.h"

#include "base/threads.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/vector.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Rows that are asked for before they are converted. */
#define AHEAD 2

/* Columns converted at a time: with 256 rows 256 KiB in float. */
#define PIECE_COLUMNS 256

static int64_t piece_size(void)
{
    return ragged_max_tile_rows() * PIECE_COLUMNS;
}

void projection_scratch_make(struct projection_scratch *scratch, int64_t d, int64_t max_in,
                             bool training, struct arena *arena)
{
    scratch->thread_size = piece_size() + (training ? d * max_in + d : 0);
    scratch->threads = arena_take(arena, scratch->thread_size * threads_count(), sizeof(real));
}

/* The conversions are exact for every finite half: shift the exponent by a multiplication, which
 * also gets subnormals right, and vectorises where half_to_float()'s branches would not. Infinities
 * and NaN stay not finite. */
VALENCE_INLINE float half_bits_to_float(uint16_t half)
{
    uint32_t bits = (uint32_t)(half & 0x7FFFu) << 13;
    float magnitude;
    memcpy(&magnitude, &bits, sizeof magnitude);
    magnitude *= 0x1p112f;
    memcpy(&bits, &magnitude, sizeof bits);
    bits |= (half & 0x7C00u) == 0x7C00u ? 0x7F800000u : 0;
    bits |= (uint32_t)(half & 0x8000u) << 16;
    memcpy(&magnitude, &bits, sizeof magnitude);
    return magnitude;
}

VALENCE_CLONES
static void widen_halves_portably(int64_t n, const uint16_t *x, float *y)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = half_bits_to_float(x[j]);
}

#if defined(__x86_64__) && !defined(VALENCE_SANITIZED)
/* The processor's own conversion, which GCC does not find in a loop. */
__attribute__((target("avx,f16c"))) static void widen_halves_f16c(int64_t n, const uint16_t *x,
                                                                  float *y)
{
    int64_t j = 0;
    for (; j + 8 <= n; j += 8)
        _mm256_storeu_ps(y + j, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + j))));
    for (; j < n; j++)
        y[j] = half_bits_to_float(x[j]);
}

static void widen_halves(int64_t n, const uint16_t *x, float *y)
{
    /* clang 14 cannot ask for F16C itself; every CPU with AVX2 has it. */
    if (__builtin_cpu_supports("avx2"))
        widen_halves_f16c(n, x, y);
    else
        widen_halves_portably(n, x, y);
}
#else
static void widen_halves(int64_t n, const uint16_t *x, float *y)
{
    widen_halves_portably(n, x, y);
}
#endif

/* What of a projection a piece of its columns needs; NULL as there. */
struct columns {
    const float *mean, *scale, *low, *high;
};

static struct columns columns_from(const struct projection *projection, int64_t column)
{
    struct columns columns = {0};
    if (projection->mean) {
        columns.mean = projection->mean + column;
        columns.scale = projection->scale + column;
    }
    if (projection->mean && projection->low) {
        columns.low = projection->low + column;
        columns.high = projection->high + column;
    }
    return columns;
}

/* The comparisons are written so that NaN stays NaN. */
VALENCE_CLONES
static void standardise(int64_t n, const float *x, const struct columns *columns, real *y)
{
    const float *mean = columns->mean, *scale = columns->scale;
    const float *low = columns->low, *high = columns->high;
    if (low)
        for (int64_t j = 0; j < n; j++) {
            float z = (x[j] - mean[j]) * scale[j];
            z = z < low[j] ? low[j] : z;
            y[j] = z > high[j] ? high[j] : z;
        }
    else if (mean)
        for (int64_t j = 0; j < n; j++)
            y[j] = (x[j] - mean[j]) * scale[j];
    else
        for (int64_t j = 0; j < n; j++)
            y[j] = x[j];
}

VALENCE_CLONES
static float largest_distance(int64_t n, const float *x, const struct columns *columns,
                              float largest)
{
    const float *mean = columns->mean, *scale = columns->scale;
    const float *low = columns->low, *high = columns->high;
    for (int64_t j = 0; j < n; j++) {
        float z = (x[j] - mean[j]) * scale[j];
        float below = low[j] - z, above = z - high[j];
        largest = below > largest ? below : largest;
        largest = above > largest ? above : largest;
    }
    return largest;
}

/* `width` values of a row from `column` on, in float: where they lie, or converted to `room`. */
static const float *row_values(const struct projection *projection, int64_t row, int64_t column,
                               int64_t width, float room[PIECE_COLUMNS])
{
    int64_t at = row * projection->layer.in + column;
    if (projection->type != VALENCE_F16)
        return (const float *)projection->rows + at;
    widen_halves(width, (const uint16_t *)projection->rows + at, room);
    return room;
}

/* A wide row's pieces lie too far apart for the processor to see them coming. */
static void fetch_row(const struct projection *projection, int64_t row, int64_t column,
                      int64_t width)
{
    enum { LINE = 64 };
    size_t size = projection->type == VALENCE_F16 ? sizeof(uint16_t) : sizeof(float);
    const char *at =
        (const char *)projection->rows + (size_t)(row * projection->layer.in + column) * size;
    for (size_t i = 0; row < projection->sequence->n_rows && i < (size_t)width * size; i += LINE)
        __builtin_prefetch(at + i);
}

/* Rows first ... first+n-1, columns column ... column+width-1, into `piece` (n, width). */
static void convert_piece(const struct projection *projection, int64_t first, int64_t n,
                          int64_t column, int64_t width, real *piece)
{
    struct columns columns = columns_from(projection, column);
    float room[PIECE_COLUMNS];
    for (int64_t i = 0; i < n; i++) {
        fetch_row(projection, first + i + AHEAD, column, width);
        standardise(width, row_values(projection, first + i, column, width, room), &columns,
                    piece + i * width);
    }
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void projection_forward(const struct projection *projection,
                        const struct projection_scratch *scratch, real *y)
{
    const struct ragged *sequence = projection->sequence;
    struct linear layer = projection->layer;
    int before = share_enter(sequence->n_rows * layer.in * layer.out);
#pragma omp parallel for schedule(dynamic)
    for (int64_t tile = 0; tile < sequence->n_tiles; tile++) {
        real *piece = scratch->threads + thread_index() * scratch->thread_size;
        int64_t first = tile * sequence->tile_rows;
        int64_t n = smaller(sequence->tile_rows, sequence->n_rows - first);
        real *out = y + first * layer.out;
        for (int64_t i = 0; i < n; i++)
            memcpy(out + i * layer.out, layer.bias, (size_t)layer.out * sizeof(real));
        for (int64_t column = 0; column < layer.in; column += PIECE_COLUMNS) {
            int64_t width = smaller(PIECE_COLUMNS, layer.in - column);
            convert_piece(projection, first, n, column, width, piece);
            linear_product(&layer, AS_IS, TRANSPOSED, n, layer.out, width, piece, width,
                           layer.weight + column, layer.in, true, out, layer.out);
        }
    }
    share_leave(before);
}

/* Pieces of columns one after the other, each clip summed in the order of its rows. */
void projection_mean_rows(const struct projection *projection, real *means)
{
    const struct ragged *sequence = projection->sequence;
    int64_t width = projection->layer.in;
#pragma omp parallel for schedule(dynamic)
    for (int64_t clip = 0; clip < sequence->n_clips; clip++) {
        int64_t first = sequence->offsets[clip], n = sequence->offsets[clip + 1] - first;
        for (int64_t column = 0; column < width; column += PIECE_COLUMNS) {
            real row[PIECE_COLUMNS], *sums = means + clip * width + column;
            int64_t n_columns = smaller(PIECE_COLUMNS, width - column);
            memset(sums, 0, (size_t)n_columns * sizeof *sums);
            for (int64_t i = first; i < first + n; i++) {
                convert_piece(projection, i, 1, column, n_columns, row);
                vector_add_scaled(n_columns, (real)1 / (real)n, row, sums);
            }
        }
    }
}

float projection_distance(const struct projection *projection, int64_t first, int64_t n)
{
    float largest = 0, room[PIECE_COLUMNS];
    if (!projection->mean || !projection->low)
        return 0;
    for (int64_t row = first; row < first + n; row++)
        for (int64_t column = 0; column < projection->layer.in; column += PIECE_COLUMNS) {
            int64_t width = smaller(PIECE_COLUMNS, projection->layer.in - column);
            struct columns columns = columns_from(projection, column);
            largest = largest_distance(width, row_values(projection, row, column, width, room),
                                       &columns, largest);
        }
    return largest;
}

void projection_backward(const struct projection *projection,
                         const struct projection_scratch *scratch, const real *dy,
                         struct linear_gradient gradient)
{
    const struct ragged *sequence = projection->sequence;
    struct linear layer = projection->layer;
    int64_t weights = layer.in * layer.out;
    int before = share_enter(sequence->n_rows * weights), threads = threads_count();
    for (int thread = 1; thread < threads; thread++) {
        real *share = scratch->threads + thread * scratch->thread_size + piece_size();
        memset(share, 0, (size_t)(weights + layer.out) * sizeof(real));
    }
#pragma omp parallel for schedule(static)
    for (int64_t tile = 0; tile < sequence->n_tiles; tile++) {
        real *piece = scratch->threads + thread_index() * scratch->thread_size;
        real *share = thread_index() ? piece + piece_size() : gradient.weight;
        real *bias_share = thread_index() ? share + weights : gradient.bias;
        int64_t first = tile * sequence->tile_rows;
        int64_t n = smaller(sequence->tile_rows, sequence->n_rows - first);
        const real *dy_tile = dy + first * layer.out;
        for (int64_t column = 0; column < layer.in; column += PIECE_COLUMNS) {
            int64_t width = smaller(PIECE_COLUMNS, layer.in - column);
            convert_piece(projection, first, n, column, width, piece);
            linear_product(&layer, TRANSPOSED, AS_IS, layer.out, width, n, dy_tile, layer.out,
                           piece, width, true, share + column, layer.in);
        }
        vector_add_rows(n, layer.out, dy_tile, layer.out, bias_share);
    }
    for (int thread = 1; thread < threads;
         thread++) { /* in order: the sum does not depend on timing */
        const real *share = scratch->threads + thread * scratch->thread_size + piece_size();
        vector_add_scaled(weights, 1, share, gradient.weight);
        vector_add_scaled(layer.out, 1, share + weights, gradient.bias);
    }
    share_leave(before);
}
