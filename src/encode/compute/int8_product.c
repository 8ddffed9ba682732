#include "encode/compute/int8_product.h"

#include <assert.h>

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

/* y_ij = s_i t_j (sum_ij - z_i total_j) for a slice and the first `width` columns; with `add`, on
 * top of what y holds. */
VALENCE_CLONES
static void scale_sums(const struct block *block, bool add, const int32_t *sums,
                       const struct int8_packed_slice *panel, int64_t width, float *y)
{
    for (int64_t i = 0; i < block->n; i++, sums += INT8_COLUMNS, y += block->y_stride) {
        struct int8_scale row = block->x->scales[(block->first + i) * block->x->scale_stride];
        int32_t zero = row.zero - block->form->bias;
        if (add)
            for (int64_t j = 0; j < width; j++)
                y[j] += (float)(sums[j] - zero * panel->totals[j]) * (row.scale * panel->scales[j]);
        else
            for (int64_t j = 0; j < width; j++)
                y[j] = (float)(sums[j] - zero * panel->totals[j]) * (row.scale * panel->scales[j]);
    }
}

/* Times `width` columns of the panel at `place`. */
static void multiply_panel(const struct block *block, const unsigned char *place, int64_t width,
                           float *y)
{
    _Alignas(64) int32_t sums[MAX_ROWS * INT8_COLUMNS];
    const struct int8_form *form = block->form;
    const struct int8_rows *x = block->x;
    const char *rows = (const char *)x->values + block->first * x->stride;
    for (int64_t i = 0; i < int8_n_slices(form, block->shape); i++) {
        struct int8_slice slice = int8_slice_at(form, block->shape, i);
        const struct int8_packed_slice *panel = (const void *)place;
        form->sums(&slice.shape, int8_slice_groups(form, &slice), block->n, rows + slice.x,
                   x->stride, slice.shape.tap_stride, panel->groups, sums);
        scale_sums(block, i > 0, sums, panel, width, y);
        place += int8_slice_bytes(form, &slice);
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
        for (int64_t j = 0; j < columns; j += INT8_COLUMNS, place += panel_bytes)
            multiply_panel(&block, place, columns - j < INT8_COLUMNS ? columns - j : INT8_COLUMNS,
                           y + i * y_stride + j);
    }
    if (form->end)
        form->end(saved);
}
