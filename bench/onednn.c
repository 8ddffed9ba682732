/* oneDNN's side of bench-products, for its versions 2 and 3. */
#include "products.h"

#include <stddef.h>

#ifndef BENCH_ONEDNN

const char *onednn_version(void)
{
    return NULL;
}

bool onednn_limit(const char *level)
{
    (void)level;
    return true;
}

struct onednn_product *onednn_create(const struct product_case *c, enum number_type type,
                                     const float *weights)
{
    (void)c, (void)type, (void)weights;
    return NULL;
}

void onednn_run(struct onednn_product *product, const float *x, float *y)
{
    (void)product, (void)x, (void)y;
}

void onednn_free(struct onednn_product *product)
{
    (void)product;
}

#else

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#include "encode/compute/int8_product.h"
#include "kernels/simd.h"

static dnnl_engine_t engine;
static dnnl_stream_t stream;

/* ---- What the versions name differently ---- */

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout;

static layout make_layout(int n, const dnnl_dims_t sizes, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t made = NULL;
    dnnl_memory_desc_create_with_tag(&made, n, sizes, type, tag);
    return made;
}

static dnnl_primitive_desc_t describe(const struct product_case *c, layout x, layout w, layout y,
                                      const dnnl_dims_t strides, const dnnl_dims_t pads)
{
    dnnl_primitive_desc_t made = NULL;
    static const dnnl_dims_t none;
    if (!c->kernel)
        dnnl_matmul_primitive_desc_create(&made, engine, x, w, NULL, y, NULL);
    else
        dnnl_convolution_forward_primitive_desc_create(&made, engine, dnnl_forward_inference,
                                                       dnnl_convolution_auto, x, w, NULL, y,
                                                       strides, none, pads, pads, NULL);
    return made;
}
#else
typedef const dnnl_memory_desc_t *layout;

static layout make_layout(int n, const dnnl_dims_t sizes, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t *made = calloc(1, sizeof *made);
    dnnl_memory_desc_init_by_tag(made, n, sizes, type, tag);
    return made;
}

static dnnl_primitive_desc_t describe(const struct product_case *c, layout x, layout w, layout y,
                                      const dnnl_dims_t strides, const dnnl_dims_t pads)
{
    dnnl_primitive_desc_t made = NULL;
    dnnl_matmul_desc_t product;
    dnnl_convolution_desc_t convolution;
    if (!c->kernel && dnnl_matmul_desc_init(&product, x, w, NULL, y) == dnnl_success)
        dnnl_primitive_desc_create(&made, &product, NULL, engine, NULL);
    else if (dnnl_convolution_forward_desc_init(&convolution, dnnl_forward_inference,
                                                dnnl_convolution_auto, x, w, NULL, y, strides, pads,
                                                pads) == dnnl_success)
        dnnl_primitive_desc_create(&made, &convolution, NULL, engine, NULL);
    return made;
}
#endif

const char *onednn_version(void)
{
    static char text[32];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

bool onednn_limit(const char *level)
{
    static const struct {
        const char *level;
        dnnl_cpu_isa_t set;
    } sets[] = {{"avx2", dnnl_cpu_isa_avx2},
                {"avx-vnni", dnnl_cpu_isa_avx2_vnni},
                {"avx512", dnnl_cpu_isa_avx512_core},
                {"vnni", dnnl_cpu_isa_avx512_core_vnni},
                {"bf16", dnnl_cpu_isa_avx512_core_bf16},
                {"amx", dnnl_cpu_isa_avx512_core_amx}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (strcmp(level, sets[i].level) == 0)
            return dnnl_set_max_cpu_isa(sets[i].set) == dnnl_success &&
                   dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
                   dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success;
    return false;
}

/* ---- One product ---- */

struct onednn_product {
    struct product_case c;
    enum number_type type;
    int64_t n_x, n_y;    /* values of a picture, or of a row of a linear layer */
    int64_t n_scales;    /* pictures or rows */
    dnnl_memory_t input; /* x in floats: the caller's memory */
    dnnl_memory_t x, w, y;
    dnnl_primitive_t round, product;
    struct int8_scale *scales;
    float *weight_scales;
    int32_t *totals;
};

static dnnl_memory_t memory_of(layout description, void *place)
{
    dnnl_memory_t made = NULL;
    dnnl_memory_create(&made, description, engine, place);
    return made;
}

static dnnl_primitive_t reorder_of(layout from, layout to)
{
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t made = NULL;
    if (dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine, NULL) ==
        dnnl_success)
        dnnl_primitive_create(&made, description);
    dnnl_primitive_desc_destroy(description);
    return made;
}

static void execute(dnnl_primitive_t primitive, int n, const dnnl_exec_arg_t *arguments)
{
    if (dnnl_primitive_execute(primitive, stream, n, arguments) != dnnl_success ||
        dnnl_stream_wait(stream) != dnnl_success) {
        fprintf(stderr, "bench-products: oneDNN did not compute a product\n");
        exit(1);
    }
}

static void reorder(dnnl_primitive_t primitive, dnnl_memory_t from, dnnl_memory_t to)
{
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    execute(primitive, 2, arguments);
}

/* Weights by output as bytes. */
static int8_t *quantise_weights(struct onednn_product *p, const float *weights)
{
    int64_t depth = case_depth(&p->c), out = p->c.out;
    int8_t *bytes = malloc((size_t)(depth * out));
    p->weight_scales = calloc((size_t)out, sizeof *p->weight_scales);
    p->totals = calloc((size_t)out, sizeof *p->totals);
    for (int64_t j = 0; j < out; j++) {
        float largest = 0;
        for (int64_t k = 0; k < depth; k++)
            largest = fmaxf(largest, fabsf(weights[j * depth + k]));
        p->weight_scales[j] = largest / 127;
        for (int64_t k = 0; k < depth; k++) {
            bytes[j * depth + k] = (int8_t)rintf(weights[j * depth + k] * 127 / largest);
            p->totals[j] += bytes[j * depth + k];
        }
    }
    return bytes;
}

/* Sizes in oneDNN's order, and how they lie: channels innermost. */
struct layouts {
    int n;
    dnnl_dims_t x, w, y;
    dnnl_format_tag_t plain, weights;
};

static struct layouts layouts_of(const struct product_case *c)
{
    int64_t columns = case_columns(c), lines = case_lines(c);
    if (!c->kernel)
        return (struct layouts){
            2, {c->width, c->in}, {c->in, c->out}, {c->width, c->out}, dnnl_ab, dnnl_ba};
    if (c->height == 1)
        return (struct layouts){3,
                                {c->pictures, c->in, c->width},
                                {c->out, c->in, c->kernel},
                                {c->pictures, c->out, columns},
                                dnnl_nwc,
                                dnnl_owi};
    return (struct layouts){4,
                            {c->pictures, c->in, c->height, c->width},
                            {c->out, c->in, c->kernel, c->kernel},
                            {c->pictures, c->out, lines, columns},
                            dnnl_nhwc,
                            dnnl_ohwi};
}

static bool place_weights(struct onednn_product *p, const struct layouts *l, layout wanted,
                          const float *weights)
{
    bool bytes = p->type == TYPE_INT8;
    void *values = bytes ? (void *)quantise_weights(p, weights) : (void *)(uintptr_t)weights;
    layout from = make_layout(l->n, l->w, bytes ? dnnl_s8 : dnnl_f32, l->weights);
    dnnl_memory_t given = memory_of(from, values);
    dnnl_primitive_t pack = reorder_of(from, wanted);
    p->w = memory_of(wanted, DNNL_MEMORY_ALLOCATE);
    if (pack)
        reorder(pack, given, p->w);
    dnnl_primitive_destroy(pack);
    dnnl_memory_destroy(given);
    if (bytes)
        free(values);
    return pack != NULL;
}

static bool build(struct onednn_product *p, const float *weights)
{
    static const dnnl_data_type_t types[][2] = {
        {dnnl_f32, dnnl_f32}, {dnnl_bf16, dnnl_bf16}, {dnnl_u8, dnnl_s8}};
    const struct product_case *c = &p->c;
    struct layouts l = layouts_of(c);
    dnnl_dims_t strides = {c->stride, c->stride}, pads = {c->kernel / 2, c->kernel / 2};
    if (c->height == 1)
        pads[0] = 0;
    layout input = make_layout(l.n, l.x, dnnl_f32, l.plain);
    dnnl_primitive_desc_t description = describe(
        c, make_layout(l.n, l.x, types[p->type][0], l.plain),
        make_layout(l.n, l.w, types[p->type][1], dnnl_format_tag_any),
        make_layout(l.n, l.y, p->type == TYPE_INT8 ? dnnl_s32 : dnnl_f32, l.plain), strides, pads);
    if (!description)
        return false;
    layout x = dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
    p->input = memory_of(input, DNNL_MEMORY_NONE);
    p->x =
        p->type == TYPE_F32 ? memory_of(x, DNNL_MEMORY_NONE) : memory_of(x, DNNL_MEMORY_ALLOCATE);
    p->y = memory_of(dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0),
                     p->type == TYPE_INT8 ? DNNL_MEMORY_ALLOCATE : DNNL_MEMORY_NONE);
    p->round = p->type == TYPE_BF16 ? reorder_of(input, x) : NULL;
    bool placed = place_weights(
        p, &l, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0), weights);
    dnnl_primitive_create(&p->product, description);
    dnnl_primitive_desc_destroy(description);
    return placed && p->product;
}

struct onednn_product *onednn_create(const struct product_case *c, enum number_type type,
                                     const float *weights)
{
    struct onednn_product *p = calloc(1, sizeof *p);
    p->c = *c;
    p->type = type;
    p->n_scales = c->kernel ? c->pictures : c->width;
    p->n_x = c->kernel ? c->width * c->height * c->in : c->in;
    p->n_y = c->kernel ? case_columns(c) * case_lines(c) * c->out : c->out;
    p->scales = calloc((size_t)p->n_scales, sizeof *p->scales);
    if (build(p, weights))
        return p;
    onednn_free(p);
    return NULL;
}

VALENCE_CLONES
static void quantise_row(int64_t n, const float *x, struct int8_scale scale, uint8_t *bytes)
{
    float inverse = scale.scale > 0 ? 1 / scale.scale : 0;
    for (int64_t k = 0; k < n; k++) {
        float step = x[k] * inverse + (float)scale.zero + 0.5f;
        bytes[k] = (uint8_t)(step > 255 ? 255 : step);
    }
}

static void quantise(struct onednn_product *p, const float *x)
{
    uint8_t *bytes;
    void *handle;
    dnnl_memory_get_data_handle(p->x, &handle);
    bytes = handle;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->n_scales; i++) {
        float least, most;
        int8_range(p->n_x, x + i * p->n_x, &least, &most);
        p->scales[i] = int8_scale_of(least, most);
        quantise_row(p->n_x, x + i * p->n_x, p->scales[i], bytes + i * p->n_x);
    }
}

VALENCE_CLONES
static void scale_row(int64_t n, const int32_t *sums, struct int8_scale s, const int32_t *totals,
                      const float *weight_scales, float *y)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = (float)(sums[j] - s.zero * totals[j]) * (s.scale * weight_scales[j]);
}

static void scale(const struct onednn_product *p, float *y)
{
    const int32_t *sums;
    void *handle;
    int64_t out = p->c.out, per_scale = p->n_y / out;
    dnnl_memory_get_data_handle(p->y, &handle);
    sums = handle;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->n_scales * per_scale; i++)
        scale_row(out, sums + i * out, p->scales[i / per_scale], p->totals, p->weight_scales,
                  y + i * out);
}

void onednn_run(struct onednn_product *p, const float *x, float *y)
{
    if (p->type == TYPE_F32)
        dnnl_memory_set_data_handle(p->x, (void *)(uintptr_t)x);
    if (p->type != TYPE_INT8)
        dnnl_memory_set_data_handle(p->y, y);
    if (p->type == TYPE_BF16) {
        dnnl_memory_set_data_handle(p->input, (void *)(uintptr_t)x);
        reorder(p->round, p->input, p->x);
    }
    if (p->type == TYPE_INT8)
        quantise(p, x);
    dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->y}};
    execute(p->product, 3, arguments);
    if (p->type == TYPE_INT8)
        scale(p, y);
}

void onednn_free(struct onednn_product *p)
{
    dnnl_memory_t memories[] = {p->input, p->x, p->w, p->y};
    for (int i = 0; i < 4; i++)
        dnnl_memory_destroy(memories[i]);
    dnnl_primitive_destroy(p->round);
    dnnl_primitive_destroy(p->product);
    free(p->scales);
    free(p->weight_scales);
    free(p->totals);
    free(p);
}

#endif
