/* The sums of int8_product.h on arm64 with dot products of bytes (ARMv8.2-A; Cortex-A76, Neoverse
 * N1, Apple M1 and later). Both operands are signed there, so that 128 is taken from x's values. */
#include "encode/compute/int8_form.h"

#if defined(__aarch64__) && defined(__GNUC__)

#include <arm_neon.h>

#include "kernels/processor.h"
#include "kernels/simd.h"

#define ROWS         3
#define VECTORS      (INT8_COLUMNS / 4)
#define DOT_TARGET   __attribute__((target("arch=armv8.2-a+dotprod")))
#define VECTOR_BYTES 16

/* `rows` is constant where this is inlined, so that the sums live in registers. */
DOT_TARGET static inline __attribute__((always_inline)) void
dot_block(int rows, const struct int8_shape *shape, int64_t n_groups, const char *x, int64_t stride,
          int64_t tap_stride, const unsigned char *groups, int32_t *sums)
{
    int32x4_t sum[ROWS][VECTORS];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < VECTORS; j++)
            sum[i][j] = vdupq_n_s32(0);
    for (int64_t tap = 0; tap < shape->taps; tap++) {
        const char *row = x + tap * tap_stride;
        for (int64_t k = 0; k < n_groups; k++, row += INT8_GROUP_BYTES) {
            int8x16_t v[ROWS];
            for (int i = 0; i < rows; i++)
                v[i] = vreinterpretq_s8_u8(
                    veorq_u8(vreinterpretq_u8_u32(vld1q_dup_u32((const void *)(row + i * stride))),
                             vdupq_n_u8(128)));
            for (int j = 0; j < VECTORS; j++, groups += VECTOR_BYTES) {
                int8x16_t w = vld1q_s8((const void *)groups);
                for (int i = 0; i < rows; i++)
                    sum[i][j] = vdotq_s32(sum[i][j], w, v[i]);
            }
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < VECTORS; j++)
            vst1q_s32(sums + i * INT8_COLUMNS + 4 * j, sum[i][j]);
}

DOT_TARGET static void dot_sums(const struct int8_shape *shape, int64_t n_groups, int64_t n,
                                const char *x, int64_t stride, int64_t tap_stride,
                                const unsigned char *groups, int32_t *sums)
{
    if (n == ROWS)
        dot_block(ROWS, shape, n_groups, x, stride, tap_stride, groups, sums);
    for (int64_t i = 0; n < ROWS && i < n; i++)
        dot_block(1, shape, n_groups, x + i * stride, 0, tap_stride, groups,
                  sums + i * INT8_COLUMNS);
}

const struct int8_form *int8_form_arm(void)
{
    static const struct int8_form dot = {"NEON dot", 4, 128, ROWS, 0, dot_sums, NULL, NULL, NULL};
    return processor_has(PROCESSOR_ARM_DOT) ? &dot : NULL;
}

#else

const struct int8_form *int8_form_arm(void)
{
    return NULL;
}

#endif
