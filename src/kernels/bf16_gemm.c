#include "kernels/bf16_gemm.h"

#include <assert.h>
#include <string.h>

#include "base/threads.h"
#include "kernels/bf16_product.h"
#include "kernels/parallel.h"
#include "kernels/transpose.h"

#if defined(__x86_64__) && defined(__GNUC__) && defined(__linux__) &&                              \
    !defined(VALENCE_WITHOUT_AVX512)

#include <immintrin.h>

#define PACK_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define PACK_INLINE PACK_TARGET static inline __attribute__((always_inline))

/* A block of a, (BLOCK_ROWS, BLOCK_DEPTH), stays in the second-level cache while blocks of b pass
 * by. */
#define BLOCK_ROWS    256
#define BLOCK_DEPTH   256
#define BLOCK_COLUMNS 64
#define ROW_STRIDE    (BLOCK_DEPTH + BF16_DEPTH) /* rows begin in different sets of the cache */
#define LANES         16
#define TILE_VALUES   (LANES * BF16_DEPTH)

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- Packing ---- */

static inline __mmask16 first_lanes(int64_t n)
{
    return n >= LANES ? 0xFFFF : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

/* The first `n` <= 32 of a row's values rounded, zeros after them. */
PACK_INLINE __m512i round_row(const float *x, int64_t n)
{
    __m512 low = _mm512_maskz_loadu_ps(first_lanes(n), x);
    __m512 high =
        n > LANES ? _mm512_maskz_loadu_ps(first_lanes(n - LANES), x + LANES) : _mm512_setzero_ps();
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* Columns 0 ... n-1 of `rows` <= 2 rows rounded, as pairs: lane j holds rows 0 and 1 of column j.
 */
PACK_INLINE __m512i round_pairs(const float *x, int64_t stride, int64_t rows, int64_t n)
{
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __mmask16 lanes = first_lanes(n);
    __m512 zero = _mm512_setzero_ps();
    __m512 first = rows > 0 ? _mm512_maskz_loadu_ps(lanes, x) : zero;
    __m512 second = rows > 1 ? _mm512_maskz_loadu_ps(lanes, x + stride) : zero;
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

/* Rows of a as they lie: (m, k) at distance lda. */
PACK_TARGET static void pack_rows(int64_t m, int64_t k, const float *a, int64_t lda,
                                  uint16_t *packed)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < k; j += BF16_DEPTH)
            _mm512_storeu_si512(packed + i * ROW_STRIDE + j, round_row(a + i * lda + j, k - j));
}

/* Rows of op(a) that are columns as they lie: (k, m) at distance lda. */
PACK_TARGET static void pack_transposed_rows(int64_t m, int64_t k, const float *a, int64_t lda,
                                             uint16_t *packed)
{
    for (int64_t i = 0; i < m; i += LANES)
        for (int64_t j = 0; j < k; j += BF16_DEPTH) {
            __m512i pairs[LANES];
            for (int64_t pair = 0; pair < LANES; pair++) {
                int64_t row = j + 2 * pair;
                pairs[pair] = round_pairs(a + row * lda + i, lda, k - row, m - i);
            }
            transpose_vectors(pairs);
            for (int64_t row = 0; row < LANES && i + row < m; row++)
                _mm512_storeu_si512(packed + (i + row) * ROW_STRIDE + j, pairs[row]);
        }
}

/* Columns of b as they lie, (k, n) at distance ldb, for n <= BF16_COLUMNS; bf16_pack()'s layout. */
PACK_TARGET static void pack_columns(int64_t n, int64_t k, const float *b, int64_t ldb,
                                     uint16_t *packed)
{
    for (int64_t j = 0; j < k; j += BF16_DEPTH)
        for (int64_t half = 0; half < BF16_COLUMNS; half += LANES, packed += TILE_VALUES)
            for (int64_t pair = 0; pair < LANES; pair++) {
                int64_t row = j + 2 * pair;
                _mm512_storeu_si512(packed + pair * BF16_DEPTH,
                                    round_pairs(b + row * ldb + half, ldb, k - row, n - half));
            }
}

/* Columns of op(b) that are rows as they lie: (n, k) at distance ldb, for n <= BF16_COLUMNS. */
PACK_TARGET static void pack_transposed_columns(int64_t n, int64_t k, const float *b, int64_t ldb,
                                                uint16_t *packed)
{
    for (int64_t j = 0; j < k; j += BF16_DEPTH)
        for (int64_t half = 0; half < BF16_COLUMNS; half += LANES, packed += TILE_VALUES) {
            __m512i pairs[LANES];
            for (int64_t row = 0; row < LANES; row++)
                pairs[row] = half + row < n ? round_row(b + (half + row) * ldb + j, k - j)
                                            : _mm512_setzero_si512();
            transpose_vectors(pairs);
            for (int64_t pair = 0; pair < LANES; pair++)
                _mm512_storeu_si512(packed + pair * BF16_DEPTH, pairs[pair]);
        }
}

/* ---- Products ---- */

struct product {
    enum transpose a_form, b_form;
    int64_t n, k;
    const float *a, *b;
    int64_t lda, ldb, ldc;
    bool add;
    float *c;
};

static void pack_a(const struct product *p, int64_t row, int64_t m, int64_t depth, int64_t k,
                   uint16_t *packed)
{
    if (p->a_form == AS_IS)
        pack_rows(m, k, p->a + row * p->lda + depth, p->lda, packed);
    else
        pack_transposed_rows(m, k, p->a + depth * p->lda + row, p->lda, packed);
}

static void pack_b(const struct product *p, int64_t column, int64_t n, int64_t depth, int64_t k,
                   uint16_t *packed)
{
    if (p->b_form == AS_IS)
        pack_columns(n, k, p->b + depth * p->ldb + column, p->ldb, packed);
    else
        pack_transposed_columns(n, k, p->b + column * p->ldb + depth, p->ldb, packed);
}

/* Rows row ... row+m-1 of c, m <= BLOCK_ROWS. */
static void multiply_rows(const struct product *p, int64_t row, int64_t m)
{
    _Alignas(64) uint16_t rows[BLOCK_ROWS * ROW_STRIDE];
    _Alignas(64) uint16_t columns[BLOCK_COLUMNS * BLOCK_DEPTH];
    for (int64_t depth = 0; depth < p->k; depth += BLOCK_DEPTH) {
        int64_t k = smaller(BLOCK_DEPTH, p->k - depth);
        int64_t padded = (k + BF16_DEPTH - 1) / BF16_DEPTH * BF16_DEPTH;
        struct bf16_shape shape = {1, 0, padded, p->add || depth > 0};
        pack_a(p, row, m, depth, k, rows);
        for (int64_t column = 0; column < p->n; column += BLOCK_COLUMNS) {
            int64_t n = smaller(BLOCK_COLUMNS, p->n - column);
            for (int64_t j = 0; j < n; j += BF16_COLUMNS)
                pack_b(p, column + j, smaller(BF16_COLUMNS, n - j), depth, k, columns + j * padded);
            bf16_product(&shape, m, rows, ROW_STRIDE, n, columns, p->c + row * p->ldc + column,
                         p->ldc);
        }
    }
}

void bf16_gemm(enum transpose a_form, enum transpose b_form, int64_t m, int64_t n, int64_t k,
               const float *a, int64_t lda, const float *b, int64_t ldb, bool add, float *c,
               int64_t ldc)
{
    struct product product = {a_form, b_form, n, k, a, b, lda, ldb, ldc, add, c};
    bool shared = m * n * k >= PARALLEL_WORK * bf16_gain();
    int64_t threads = shared ? threads_count() : 1, share = (m + threads - 1) / threads;
    int64_t block = smaller((share + BF16_DEPTH - 1) / BF16_DEPTH * BF16_DEPTH, BLOCK_ROWS);
    if (k == 0 && !add)
        for (int64_t i = 0; i < m; i++)
            memset(c + i * ldc, 0, (size_t)n * sizeof *c);
#pragma omp parallel for schedule(dynamic) if (shared)
    for (int64_t row = 0; row < m; row += block)
        multiply_rows(&product, row, smaller(block, m - row));
}

#else

void bf16_gemm(enum transpose a_form, enum transpose b_form, int64_t m, int64_t n, int64_t k,
               const float *a, int64_t lda, const float *b, int64_t ldb, bool add, float *c,
               int64_t ldc)
{
    (void)a_form, (void)b_form, (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb;
    (void)add, (void)c, (void)ldc;
    assert(!"bf16_units() is BF16_NONE");
}

#endif
