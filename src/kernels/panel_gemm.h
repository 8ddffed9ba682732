/* The products of gemm.h whose right matrix is in panels (kernels/panel.h), and the transposed left
 * one in groups: packed once, they are multiplied as often as needed. One thread; a row of a result
 * does not depend on the others. */
#ifndef VALENCE_KERNELS_PANEL_GEMM_H
#define VALENCE_KERNELS_PANEL_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/real.h"

/* Whether a layer's products are faster so than by gemm(): AVX-512, and layers that are not small.
 * Always for such layers in double, so that the tests of gradients cover them. */
bool panel_gemm_pays(int64_t in, int64_t out);

/* Values of a (k, n) matrix in panels: panel_pack() and panel_pack_transposed() fill them. */
int64_t panel_gemm_right_size(int64_t k, int64_t n);

/* Values of the transpose of a (k, m) matrix in groups. */
int64_t panel_gemm_left_size(int64_t m, int64_t k);

/* c = a b, or that added to c: a (m, k), b (k, n) in panels, c (m, n); k > 0 here and below. */
void panel_gemm(int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
                bool add, real *c, int64_t ldc);

/* Packs the transpose of a (k, m) in groups. */
void panel_gemm_pack_left(int64_t m, int64_t k, const real *a, int64_t lda, real *groups);

/* c += a b: a (m, k) in groups, b (k, n) in panels, c (m, n). */
void panel_gemm_left(int64_t m, int64_t n, int64_t k, const real *groups, const real *b, real *c,
                     int64_t ldc);

#endif
