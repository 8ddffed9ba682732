#include "encode/compute/int8_product.h"

#include <assert.h>
#include <string.h>

#include "encode/compute/int8_form.h"
#include "kernels/simd.h"

/* ---- The form ---- */

const struct int8_form *int8_form(void)
{
#if defined(__x86_64__)
    return int8_form_x86();
#elif defined(__aarch64__)
    return int8_form_arm();
#else
    return NULL;
#endif
}

bool int8_product_available(void)
{
    return int8_form() != NULL;
}

const char *int8_product_form(void)
{
    return int8_form()->name;
}

int int8_slice(void)
{
    return int8_form()->slice;
}

/* ---- Slices ---- */

static int64_t slices_of_a_tap(const struct int8_form *form, const struct int8_shape *shape)
{
    return (shape->length + form->slice - 1) / form->slice;
}

int64_t int8_n_slices(const struct int8_form *form, const struct int8_shape *shape)
{
    return form->slice ? shape->taps * slices_of_a_tap(form, shape) : 1;
}

struct int8_slice int8_slice_at(const struct int8_form *form, const struct int8_shape *shape,
                                int64_t index)
{
    if (!form->slice)
        return (struct int8_slice){0, 0, *shape};
    int64_t per_tap = slices_of_a_tap(form, shape), tap = index / per_tap;
    int64_t first = index % per_tap * form->slice, left = shape->length - first;
    return (struct int8_slice){tap * shape->tap_stride + first,
                               tap * shape->length + first,
                               {1, 0, left < form->slice ? left : form->slice}};
}

int64_t int8_slice_groups(const struct int8_form *form, const struct int8_slice *slice)
{
    int64_t units = (slice->shape.length + form->depth_unit - 1) / form->depth_unit;
    return units * form->depth_unit / INT8_GROUP_BYTES;
}

size_t int8_slice_bytes(const struct int8_form *form, const struct int8_slice *slice)
{
    int64_t groups = slice->shape.taps * int8_slice_groups(form, slice);
    return sizeof(struct int8_packed_slice) + (size_t)(groups * INT8_COLUMNS * INT8_GROUP_BYTES);
}

size_t int8_panel_bytes(const struct int8_shape *shape)
{
    const struct int8_form *form = int8_form();
    size_t bytes = 0;
    for (int64_t i = 0; i < int8_n_slices(form, shape); i++) {
        struct int8_slice slice = int8_slice_at(form, shape, i);
        bytes += int8_slice_bytes(form, &slice);
    }
    return bytes;
}

/* ---- The product ---- */

#define MAX_ROWS 32 /* of a form's call */

/* What the products of a block of rows and a panel have in common. */
struct block {
    const struct int8_form *form;
    const struct int8_shape *shape;
    const struct int8_rows *x;
    int64_t first, n; /* rows */
    int64_t y_stride;
};

static struct int8_scale scale_at(const struct block *block, int64_t i)
{
    return block->x->scales[(block->first + i) * block->x->scale_stride];
}

/* y_ij = s_i t_j (sum_ij - z_i total_j) for the first `width` columns. */
VALENCE_CLONES
static void scale_sums(const struct block *block, const int32_t *sums,
                       const struct int8_packed_slice *panel, int64_t width, float *y)
{
    for (int64_t i = 0; i < block->n; i++, sums += INT8_COLUMNS, y += block->y_stride) {
        struct int8_scale row = scale_at(block, i);
        int32_t zero = row.zero - block->form->bias;
        for (int64_t j = 0; j < width; j++)
            y[j] = (float)(sums[j] - zero * panel->totals[j]) * (row.scale * panel->scales[j]);
    }
}

/* Times `width` columns of the panel at `place`. */
static void multiply_panel(const struct block *block, const void *place, int64_t width, float *y)
{
    _Alignas(64) int32_t sums[MAX_ROWS * INT8_COLUMNS];
    const struct int8_form *form = block->form;
    const struct int8_rows *x = block->x;
    const struct int8_packed_slice *panel = place;
    struct int8_slice whole = int8_slice_at(form, block->shape, 0);
    form->sums(block->shape, int8_slice_groups(form, &whole), block->n,
               (const char *)x->values + block->first * x->stride, x->stride,
               block->shape->tap_stride, panel->groups, sums);
    scale_sums(block, sums, panel, width, y);
}

/* The same of a panel in slices. */
static void multiply_slices(const struct block *block, const unsigned char *place, int64_t width,
                            float *y)
{
    _Alignas(64) float sums[MAX_ROWS * INT8_COLUMNS];
    const struct int8_form *form = block->form;
    const struct int8_rows *x = block->x;
    const char *rows = (const char *)x->values + block->first * x->stride;
    int64_t length = block->shape->length;
    int32_t zeros[MAX_ROWS];
    memset(sums, 0, (size_t)(block->n * INT8_COLUMNS) * sizeof *sums);
    for (int64_t i = 0; i < block->n; i++)
        zeros[i] = scale_at(block, i).zero - form->bias;
    for (int64_t tap = 0; tap < block->shape->taps; tap++, rows += block->shape->tap_stride)
        for (int64_t k = 0; k < length; k += form->slice) {
            const struct int8_packed_slice *slice = (const void *)place;
            int64_t left = length - k, n = left < form->slice ? left : form->slice;
            int64_t groups = (n + INT8_GROUP_BYTES - 1) / INT8_GROUP_BYTES;
            form->add_slice(slice, groups, block->n, rows + k, x->stride, zeros, sums);
            place = slice->groups + groups * INT8_COLUMNS * INT8_GROUP_BYTES;
        }
    for (int64_t i = 0; i < block->n; i++, y += block->y_stride) {
        float scale = scale_at(block, i).scale;
        for (int64_t j = 0; j < width; j++)
            y[j] = scale * sums[i * INT8_COLUMNS + j];
    }
}

void int8_product(const struct int8_shape *shape, int64_t rows, const struct int8_rows *x,
                  int64_t columns, const void *panels, float *y, int64_t y_stride)
{
    const struct int8_form *form = int8_form();
    _Alignas(64) unsigned char saved[INT8_SAVED_BYTES];
    size_t panel_bytes = int8_panel_bytes(shape);
    assert(form->max_rows <= MAX_ROWS && shape->taps * shape->length <= INT8_MAX_DEPTH);
    if (form->begin)
        form->begin(saved);
    for (int64_t i = 0; i < rows; i += form->max_rows) {
        int64_t n = rows - i < form->max_rows ? rows - i : form->max_rows;
        struct block block = {form, shape, x, i, n, y_stride};
        const unsigned char *place = panels;
        for (int64_t j = 0; j < columns; j += INT8_COLUMNS, place += panel_bytes) {
            int64_t width = columns - j < INT8_COLUMNS ? columns - j : INT8_COLUMNS;
            if (form->slice)
                multiply_slices(&block, place, width, y + i * y_stride + j);
            else
                multiply_panel(&block, place, width, y + i * y_stride + j);
        }
    }
    if (form->end)
        form->end(saved);
}
