/* Limits the library's kernels to the instructions of some processor, for programs that compare
 * these on one machine. */
#ifndef VALENCE_BENCH_LEVEL_H
#define VALENCE_BENCH_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kernels/processor.h"

#define LEVELS "avx2, avx-vnni, avx512, vnni, bf16, amx"

/* False where there is no such level, or the processor lacks it: "bf16" is of those that are fast
 * at its dot products. OpenBLAS, ggml and the loops between products choose for themselves. */
static inline bool limit_to_level(const char *level)
{
    const unsigned avx2 = 1u << PROCESSOR_AVX2, avx512 = avx2 | 1u << PROCESSOR_AVX512;
    const struct {
        const char *level;
        unsigned units;
    } levels[] = {{"avx2", avx2},
                  {"avx-vnni", avx2 | 1u << PROCESSOR_AVX_VNNI},
                  {"avx512", avx512},
                  {"vnni", avx512 | 1u << PROCESSOR_AVX512_VNNI},
                  {"bf16", avx512 | 1u << PROCESSOR_AVX512_VNNI | 1u << PROCESSOR_AVX512_BF16 |
                               1u << PROCESSOR_FAST_BF16},
                  {"amx", avx512 | 1u << PROCESSOR_AVX512_VNNI | 1u << PROCESSOR_AVX_VNNI |
                              1u << PROCESSOR_AVX512_BF16 | 1u << PROCESSOR_AMX_BF16 |
                              1u << PROCESSOR_AMX_INT8}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(level, levels[i].level) != 0)
            continue;
        for (int unit = 0; unit < N_PROCESSOR_UNITS; unit++)
            if ((levels[i].units >> unit & 1) && !processor_has((enum processor_unit)unit))
                return false;
        processor_limit(levels[i].units);
        return true;
    }
    return false;
}

#endif
