/* Transposing squares of 32-bit words: what packing needs for units that multiply a few neighbours
 * of the depth, 4 bytes of them, for 16 columns side by side. */
#ifndef VALENCE_KERNELS_TRANSPOSE_H
#define VALENCE_KERNELS_TRANSPOSE_H

#include <stdint.h>

#define TRANSPOSE_WORDS 16 /* a side */

/* Word j of row i of `from` becomes word i of row j of `to`. Rows are `from_stride` and `to_stride`
 * bytes apart; the two do not overlap. */
void transpose_words(const void *from, int64_t from_stride, void *to, int64_t to_stride);

#if defined(__x86_64__) && defined(__GNUC__) && !defined(VALENCE_WITHOUT_AVX512)

#include <immintrin.h>

/* The same of 16 vectors. */
__attribute__((target("avx512f"), always_inline)) static inline void
transpose_vectors(__m512i r[TRANSPOSE_WORDS])
{
    __m512i t[TRANSPOSE_WORDS];
    for (int i = 0; i < TRANSPOSE_WORDS; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < TRANSPOSE_WORDS; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) { /* quarters of the rows i, i + 4, i + 8 and i + 12 */
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
    }
}

#endif
#endif
