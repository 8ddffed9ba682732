#include "kernels/projection.h"

#include "base/threads.h"
#include "kernels/panel.h"
#include "kernels/panel_gemm.h"
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

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- Memory ---- */

static int64_t piece_size(void)
{
    return ragged_max_tile_rows() * PIECE_COLUMNS;
}

/* A thread's memory: a piece of converted rows and, in training, a tile of dy in groups and the
 * thread's share of the gradient. */
struct thread_memory {
    real *piece;           /* (tile rows, PIECE_COLUMNS) */
    real *groups;          /* (tile rows, d) */
    real *weight_gradient; /* (d, max_in) */
    real *bias_gradient;   /* (d) */
};

static int64_t groups_size(int64_t d, int64_t max_in)
{
    return panel_gemm_pays(max_in, d) ? panel_gemm_left_size(d, ragged_max_tile_rows()) : 0;
}

void projection_scratch_make(struct projection_scratch *scratch, int64_t d, int64_t max_in,
                             bool training, struct arena *arena)
{
    int64_t training_size = groups_size(d, max_in) + d * max_in + d;
    scratch->thread_size = piece_size() + (training ? training_size : 0);
    scratch->threads = arena_take(arena, scratch->thread_size * threads_count(), sizeof(real));
    scratch->weights = NULL;
    if (panel_gemm_pays(max_in, d))
        scratch->weights = arena_take(arena, panel_gemm_right_size(max_in, d), sizeof(real));
}

/* Of layers smaller than the scratch is made for, less is used. */
static struct thread_memory thread_memory(const struct projection_scratch *scratch,
                                          const struct linear *layer, int thread)
{
    struct thread_memory memory = {.piece = scratch->threads + thread * scratch->thread_size};
    memory.groups = memory.piece + piece_size();
    memory.weight_gradient = memory.groups + groups_size(layer->out, layer->in);
    memory.bias_gradient = memory.weight_gradient + layer->in * layer->out;
    return memory;
}

static bool uses_panels(const struct linear *layer)
{
    return layer->precision == PRECISION_F32 && panel_gemm_pays(layer->in, layer->out);
}

/* ---- Conversion ---- */

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

static size_t element_size(const struct projection *projection)
{
    return projection->type == VALENCE_F16 ? sizeof(uint16_t) : sizeof(float);
}

/* Where a row's values are from `column` on. `clip` is the row's, or one before it: it moves on. */
static const void *values_at(const struct projection *projection, int64_t row, int64_t column,
                             int64_t *clip)
{
    const char *rows = projection->rows;
    if (projection->clips) {
        const int64_t *offsets = projection->sequence->offsets;
        while (offsets[*clip + 1] <= row)
            ++*clip;
        rows = projection->clips[*clip];
        row -= offsets[*clip];
    }
    return rows + (size_t)(row * projection->layer.in + column) * element_size(projection);
}

/* `width` values in float: where they lie, or converted to `room`. */
static const float *as_floats(const struct projection *projection, const void *values,
                              int64_t width, float room[PIECE_COLUMNS])
{
    if (projection->type != VALENCE_F16)
        return values;
    widen_halves(width, values, room);
    return room;
}

/* A wide row's pieces lie too far apart for the processor to see them coming. */
static void fetch_row(const struct projection *projection, int64_t row, int64_t column,
                      int64_t width, int64_t clip)
{
    enum { LINE = 64 };
    if (row >= projection->sequence->n_rows)
        return;
    const char *at = values_at(projection, row, column, &clip);
    for (size_t i = 0; i < (size_t)width * element_size(projection); i += LINE)
        __builtin_prefetch(at + i);
}

/* Rows and columns of a projection's input that are converted together. */
struct piece {
    int64_t first, n;      /* rows */
    int64_t clip;          /* that the first row belongs to */
    int64_t column, width; /* width <= PIECE_COLUMNS */
};

/* `clip` as for values_at(). */
static void convert_row(const struct projection *projection, const struct piece *piece,
                        const struct columns *columns, int64_t i, int64_t *clip, real *out)
{
    float room[PIECE_COLUMNS];
    const void *values = values_at(projection, piece->first + i, piece->column, clip);
    fetch_row(projection, piece->first + i + AHEAD, piece->column, piece->width, *clip);
    standardise(piece->width, as_floats(projection, values, piece->width, room), columns, out);
}

/* Into `out` (n, width). */
static void convert_piece(const struct projection *projection, const struct piece *piece, real *out)
{
    struct columns columns = columns_from(projection, piece->column);
    int64_t clip = piece->clip;
    for (int64_t i = 0; i < piece->n; i++)
        convert_row(projection, piece, &columns, i, &clip, out + i * piece->width);
}

/* Into panels of (n, PANEL), zeros beyond the columns. */
static void convert_to_panels(const struct projection *projection, const struct piece *piece,
                              real *panels)
{
    struct columns columns = columns_from(projection, piece->column);
    real row[PIECE_COLUMNS] = {0};
    int64_t clip = piece->clip;
    for (int64_t i = 0; i < piece->n; i++) {
        convert_row(projection, piece, &columns, i, &clip, row);
        for (int64_t column = 0; column < piece->width; column += PANEL)
            memcpy(panels + column * piece->n + i * PANEL, row + column, PANEL * sizeof *row);
    }
}

/* ---- Products ---- */

/* A tile's rows, without columns yet. */
static struct piece tile_piece(const struct ragged *sequence, int64_t tile)
{
    int64_t first = tile * sequence->tile_rows;
    return (struct piece){.first = first,
                          .n = smaller(sequence->tile_rows, sequence->n_rows - first),
                          .clip = sequence->segments[sequence->tile_segments[tile]].clip};
}

/* The weights of each piece of columns in panels, one after the other. */
static void pack_weights(const struct linear *layer, real *packed)
{
#pragma omp parallel for schedule(static)
    for (int64_t column = 0; column < layer->in; column += PIECE_COLUMNS)
        panel_pack(layer->out, smaller(PIECE_COLUMNS, layer->in - column), layer->weight + column,
                   layer->in, packed + panel_gemm_right_size(column, layer->out));
}

static void forward_tile(const struct projection *projection,
                         const struct projection_scratch *scratch, int64_t tile, real *y)
{
    const struct linear *layer = &projection->layer;
    struct thread_memory memory = thread_memory(scratch, layer, thread_index());
    struct piece piece = tile_piece(projection->sequence, tile);
    real *out = y + piece.first * layer->out;
    for (int64_t i = 0; i < piece.n; i++)
        memcpy(out + i * layer->out, layer->bias, (size_t)layer->out * sizeof(real));
    for (piece.column = 0; piece.column < layer->in; piece.column += PIECE_COLUMNS) {
        piece.width = smaller(PIECE_COLUMNS, layer->in - piece.column);
        convert_piece(projection, &piece, memory.piece);
        if (uses_panels(layer))
            panel_gemm(piece.n, layer->out, piece.width, memory.piece, piece.width,
                       scratch->weights + panel_gemm_right_size(piece.column, layer->out), true,
                       out, layer->out);
        else
            linear_product(layer, AS_IS, TRANSPOSED, piece.n, layer->out, piece.width, memory.piece,
                           piece.width, layer->weight + piece.column, layer->in, true, out,
                           layer->out);
    }
}

void projection_forward(const struct projection *projection,
                        const struct projection_scratch *scratch, real *y)
{
    const struct linear *layer = &projection->layer;
    int before = share_enter(projection->sequence->n_rows * layer->in * layer->out);
    if (uses_panels(layer))
        pack_weights(layer, scratch->weights);
#pragma omp parallel for schedule(dynamic)
    for (int64_t tile = 0; tile < projection->sequence->n_tiles; tile++)
        forward_tile(projection, scratch, tile, y);
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
                convert_piece(projection, &(struct piece){i, 1, clip, column, n_columns}, row);
                vector_add_scaled(n_columns, (real)1 / (real)n, row, sums);
            }
        }
    }
}

float projection_distance(const struct projection *projection, const void *rows, int64_t n)
{
    float largest = 0, room[PIECE_COLUMNS];
    int64_t in = projection->layer.in;
    if (!projection->mean || !projection->low)
        return 0;
    for (int64_t row = 0; row < n; row++)
        for (int64_t column = 0; column < in; column += PIECE_COLUMNS) {
            int64_t width = smaller(PIECE_COLUMNS, in - column);
            struct columns columns = columns_from(projection, column);
            const void *values =
                (const char *)rows + (size_t)(row * in + column) * element_size(projection);
            largest = largest_distance(width, as_floats(projection, values, width, room), &columns,
                                       largest);
        }
    return largest;
}

/* The first thread adds to the gradient itself, the others to their shares. */
static void backward_tile(const struct projection *projection,
                          const struct projection_scratch *scratch, int64_t tile, const real *dy,
                          struct linear_gradient gradient)
{
    const struct linear *layer = &projection->layer;
    struct thread_memory memory = thread_memory(scratch, layer, thread_index());
    real *dw = thread_index() ? memory.weight_gradient : gradient.weight;
    struct piece piece = tile_piece(projection->sequence, tile);
    dy += piece.first * layer->out;
    if (uses_panels(layer))
        panel_gemm_pack_left(layer->out, piece.n, dy, layer->out, memory.groups);
    for (piece.column = 0; piece.column < layer->in; piece.column += PIECE_COLUMNS) {
        piece.width = smaller(PIECE_COLUMNS, layer->in - piece.column);
        if (uses_panels(layer)) {
            convert_to_panels(projection, &piece, memory.piece);
            panel_gemm_left(layer->out, piece.width, piece.n, memory.groups, memory.piece,
                            dw + piece.column, layer->in);
        } else {
            convert_piece(projection, &piece, memory.piece);
            linear_product(layer, TRANSPOSED, AS_IS, layer->out, piece.width, piece.n, dy,
                           layer->out, memory.piece, piece.width, true, dw + piece.column,
                           layer->in);
        }
    }
    vector_add_rows(piece.n, layer->out, dy, layer->out,
                    thread_index() ? memory.bias_gradient : gradient.bias);
}

void projection_backward(const struct projection *projection,
                         const struct projection_scratch *scratch, const real *dy,
                         struct linear_gradient gradient)
{
    const struct ragged *sequence = projection->sequence;
    const struct linear *layer = &projection->layer;
    int64_t weights = layer->in * layer->out;
    int before = share_enter(sequence->n_rows * weights), threads = threads_count();
#pragma omp parallel
    {
#pragma omp for schedule(static, 1)
        for (int thread = 0; thread < threads; thread++)
            if (thread > 0)
                memset(thread_memory(scratch, layer, thread).weight_gradient, 0,
                       (size_t)(weights + layer->out) * sizeof(real));
#pragma omp for schedule(static)
        for (int64_t tile = 0; tile < sequence->n_tiles; tile++)
            backward_tile(projection, scratch, tile, dy, gradient);
            /* An output's shares in the order of threads: the sum does not depend on timing. */
#pragma omp for schedule(static)
        for (int64_t j = 0; j < layer->out; j++)
            for (int thread = 1; thread < threads; thread++) {
                struct thread_memory share = thread_memory(scratch, layer, thread);
                vector_add_scaled(layer->in, 1, share.weight_gradient + j * layer->in,
                                  gradient.weight + j * layer->in);
                gradient.bias[j] += share.bias_gradient[j];
            }
    }
    share_leave(before);
}
