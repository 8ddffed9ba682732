/* The products of gemm.h with operands rounded to bf16, summed in f32:
 *
 *   c = op(a) op(b) + c,  or without "+ c",   op(a): (m, k), op(b): (k, n), c: (m, n)
 *
 * Operands are rounded and packed block by block, so they may lie as anywhere else; 180 KiB of the
 * calling thread's stack hold the blocks. Called outside a parallel region large products use all
 * threads; a result does not depend on how many. Only where bf16_units() is not BF16_NONE. */
#ifndef VALENCE_KERNELS_BF16_GEMM_H
#define VALENCE_KERNELS_BF16_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/gemm.h"

void bf16_gemm(enum transpose a_form, enum transpose b_form, int64_t m, int64_t n, int64_t k,
               const float *a, int64_t lda, const float *b, int64_t ldb, bool add, float *c,
               int64_t ldc);

#endif
