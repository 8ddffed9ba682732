#include "kernels/transpose.h"

#include <string.h>

#include "kernels/processor.h"

static void transpose_one_by_one(const char *from, int64_t from_stride, char *to, int64_t to_stride)
{
    enum { BYTES = 4 };
    for (int i = 0; i < TRANSPOSE_WORDS; i++, from += from_stride)
        for (int j = 0; j < TRANSPOSE_WORDS; j++)
            memcpy(to + j * to_stride + i * BYTES, from + j * BYTES, BYTES);
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(VALENCE_WITHOUT_AVX512)

__attribute__((target("avx512f"))) static void
transpose_avx512(const char *from, int64_t from_stride, char *to, int64_t to_stride)
{
    __m512i rows[TRANSPOSE_WORDS];
    for (int i = 0; i < TRANSPOSE_WORDS; i++)
        rows[i] = _mm512_loadu_si512(from + i * from_stride);
    transpose_vectors(rows);
    for (int i = 0; i < TRANSPOSE_WORDS; i++)
        _mm512_storeu_si512(to + i * to_stride, rows[i]);
}

void transpose_words(const void *from, int64_t from_stride, void *to, int64_t to_stride)
{
    if (processor_has(PROCESSOR_AVX512))
        transpose_avx512(from, from_stride, to, to_stride);
    else
        transpose_one_by_one(from, from_stride, to, to_stride);
}

#else

void transpose_words(const void *from, int64_t from_stride, void *to, int64_t to_stride)
{
    transpose_one_by_one(from, from_stride, to, to_stride);
}

#endif
