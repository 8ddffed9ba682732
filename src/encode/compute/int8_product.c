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

size_t int8_value_bytes(void)
{
    return (size_t)int8_form()->value_bytes;
}

int64_t int8_groups(const struct int8_form *form, int64_t length)
{
    int64_t units = (length + form->depth_unit - 1) / form->depth_unit;
    return units * form->depth_unit * form->value_bytes / INT8_GROUP_BYTES;
}

/* ---- The product ---- */

#define MAX_ROWS 32 /* of a form's call */

/* y_ij = s_i t_j (sum_ij - z_i total_j) for `n` rows of a panel's first `width` columns. */
VALENCE_CLONES
static void scale_sums(int64_t n, int64_t width, const int32_t *sums, const struct int8_rows *x,
                       int64_t first, int bias, const struct int8_panel *panel, float *y,
                       int64_t y_stride)
{
    for (int64_t i = 0; i < n; i++, sums += INT8_COLUMNS, y += y_stride) {
        struct int8_scale row = x->scales[(first + i) * x->scale_stride];
        int32_t zero = row.zero - bias;
        for (int64_t j = 0; j < width; j++)
            y[j] = (float)(sums[j] - zero * panel->totals[j]) * (row.scale * panel->scales[j]);
    }
}

void int8_product(const struct int8_shape *shape, int64_t rows, const struct int8_rows *x,
                  int64_t columns, const void *panels, float *y, int64_t y_stride)
{
    const struct int8_form *form = int8_form();
    _Alignas(64) int32_t sums[MAX_ROWS * INT8_COLUMNS];
    _Alignas(64) unsigned char saved[INT8_SAVED_BYTES];
    size_t panel_bytes = int8_panel_bytes(shape);
    int64_t n_groups = int8_groups(form, shape->length), size = form->value_bytes;
    assert(form->max_rows <= MAX_ROWS && shape->taps * shape->length <= INT8_MAX_DEPTH);
    if (form->begin)
        form->begin(saved);
    for (int64_t i = 0; i < rows; i += form->max_rows) {
        int64_t n = rows - i < form->max_rows ? rows - i : form->max_rows;
        const char *first = (const char *)x->values + i * x->stride * size;
        const unsigned char *place = panels;
        for (int64_t j = 0; j < columns; j += INT8_COLUMNS, place += panel_bytes) {
            const struct int8_panel *panel = (const void *)place;
            int64_t width = columns - j < INT8_COLUMNS ? columns - j : INT8_COLUMNS;
            form->sums(shape, n_groups, n, first, x->stride * size, shape->tap_stride * size,
                       panel->groups, sums);
            scale_sums(n, width, sums, x, i, form->bias, panel, y + i * y_stride + j, y_stride);
        }
    }
    if (form->end)
        form->end(saved);
}
