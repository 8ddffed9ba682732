/* What bench-products times: products and convolutions of the encoders' sizes. */
#ifndef VALENCE_BENCH_PRODUCTS_H
#define VALENCE_BENCH_PRODUCTS_H

#include <stdbool.h>
#include <stdint.h>

enum number_type { TYPE_F32, TYPE_BF16, TYPE_INT8, N_TYPES };

/* A linear layer of `width` rows where `kernel` is 0; a convolution over time, (width, in), where
 * `height` is 1; else one of pictures. Strides are those of the kernel. */
struct product_case {
    const char *name;
    int64_t in, out, kernel, stride, width, height, pictures;
};

static inline int64_t case_columns(const struct product_case *c)
{
    if (!c->kernel)
        return c->width;
    return c->height == 1 ? (c->width - c->kernel) / c->stride + 1 : (c->width - 1) / c->stride + 1;
}

static inline int64_t case_lines(const struct product_case *c)
{
    return c->height == 1 ? 1 : (c->height - 1) / c->stride + 1;
}

static inline int64_t case_depth(const struct product_case *c)
{
    return c->in * (!c->kernel ? 1 : c->height == 1 ? c->kernel : c->kernel * c->kernel);
}

/* ---- oneDNN (onednn.c) ---- */

/* Its version; NULL where the program was built without it. */
const char *onednn_version(void);

/* Before anything else: "avx2", "avx-vnni", "avx512", "vnni", "bf16", "amx". */
bool onednn_limit(const char *level);

/* Weights are (out, kernel, kernel, in) floats and packed here, once. NULL where it has no such
 * product. */
struct onednn_product;
struct onednn_product *onednn_create(const struct product_case *c, enum number_type type,
                                     const float *weights);

/* From floats to floats, as the encoders compute: rounding and quantising x is part of it, and so
 * are the scales. */
void onednn_run(struct onednn_product *product, const float *x, float *y);
void onednn_free(struct onednn_product *product);

#endif
