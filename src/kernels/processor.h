/* What the processor has of the units that products are written for. The system must allow them,
 * too, and this build must have code for them: VALENCE_WITHOUT_AVX512 hides those beyond
 * AVX2. */
#ifndef VALENCE_KERNELS_PROCESSOR_H
#define VALENCE_KERNELS_PROCESSOR_H

#include <stdbool.h>

enum processor_unit {
    PROCESSOR_SSSE3,
    PROCESSOR_AVX2,        /* with FMA */
    PROCESSOR_AVX_VNNI,    /* dot products of bytes, 256 bits wide */
    PROCESSOR_AVX512,      /* F, BW, DQ and VL */
    PROCESSOR_AVX512_VNNI, /* dot products of bytes, 512 bits wide */
    PROCESSOR_AVX512_BF16, /* dot products of bf16 */
    PROCESSOR_FAST_BF16,   /* as many of these a cycle as of FMA: twice the products of f32 */
    PROCESSOR_AMX_BF16,    /* tiles */
    PROCESSOR_AMX_INT8,
    PROCESSOR_ARM_DOT, /* dot products of bytes of an arm64 */
    N_PROCESSOR_UNITS
};

/* Thread-safe. */
bool processor_has(enum processor_unit unit);

/* For tests and benchmarks, while nothing computes: as if the processor had only those of its units
 * that `units` names (a bit for each, 1u << PROCESSOR_...). ~0u gives all of them back. OpenBLAS,
 * ggml and the functions marked VALENCE_CLONES choose for themselves. */
void processor_limit(unsigned units);

#endif
