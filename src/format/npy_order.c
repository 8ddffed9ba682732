#include "format/npy_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* Elements are read in runs of the dimension that lies side by side. In Fortran order that is the
 * first one, and the more rows a slab holds, the longer the runs. */
#define SLAB_BYTES (32 << 20)

void npy_fortran_strides(const struct npy_header *header, int64_t *strides)
{
    for (int d = 0; d < header->n_dims; d++)
        strides[d] = d ? strides[d - 1] * header->shape[d - 1] : 1;
}

bool npy_strides_are_plain(const struct npy_header *header, const int64_t *strides)
{
    int64_t expected = 1;
    for (int d = header->n_dims - 1; d >= 0; d--) {
        if (header->shape[d] != 1 && strides[d] != expected)
            return false;
        expected *= header->shape[d];
    }
    return true;
}

bool npy_strides_fit(const struct npy_header *header, const int64_t *strides, int64_t available)
{
    int64_t last = 0;
    if (header->count == 0)
        return true;
    for (int d = 0; d < header->n_dims; d++) {
        int64_t span;
        if (strides[d] < 0 || __builtin_mul_overflow(header->shape[d] - 1, strides[d], &span) ||
            __builtin_add_overflow(last, span, &last))
            return false;
    }
    return last < available && header->count <= available;
}

/* The dimension that runs are read along. */
static int run_dimension(const struct npy_order *order, const struct npy_header *header)
{
    int best = 0;
    for (int d = 1; d < header->n_dims; d++)
        if (order->strides[d] == 1 && (order->strides[best] != 1 || header->shape[best] == 1))
            best = d;
    return best;
}

static int make_slab(struct npy_order *order, const struct npy_header *header,
                     struct valence_error *error)
{
    order->row_elements = header->count / header->shape[0];
    size_t row_bytes = (size_t)order->row_elements * header->item_bytes;
    order->room = row_bytes < SLAB_BYTES ? (int64_t)(SLAB_BYTES / row_bytes) : 1;
    if (order->room > header->shape[0])
        order->room = header->shape[0];
    order->slab = allocate(order->room, row_bytes);
    if (order->slab)
        return VALENCE_OK;
    order->room = 0;
    return fail_memory(error, row_bytes, "the rows of an array");
}

void npy_order_free(struct npy_order *order)
{
    free(order->slab);
    order->slab = NULL;
}

/* Rows `from` ... in C order into the slab. */
static int fill(struct npy_order *order, const struct npy_header *header, int64_t from,
                int (*read)(void *, uint64_t, void *, size_t, struct valence_error *), void *user,
                struct valence_error *error)
{
    int64_t sizes[ARRAY_MAX_DIMS], places[ARRAY_MAX_DIMS], index[ARRAY_MAX_DIMS] = {0};
    int64_t left = header->shape[0] - from, n_runs = 1;
    int run = run_dimension(order, header), n_dims = header->n_dims;
    size_t item = header->item_bytes;
    order->n = 0;
    memcpy(sizes, header->shape, sizeof sizes);
    sizes[0] = left < order->room ? left : order->room;
    for (int d = n_dims - 1; d >= 0; d--)
        places[d] = d == n_dims - 1 ? 1 : places[d + 1] * sizes[d + 1];
    for (int d = 0; d < n_dims; d++)
        n_runs *= d == run ? 1 : sizes[d];
    bool together = order->strides[run] == 1;
    unsigned char *buffer = allocate(sizes[run], item);
    int status =
        buffer ? VALENCE_OK : fail_memory(error, (size_t)sizes[run] * item, "the rows of an array");
    for (int64_t i = 0; i < n_runs && !status; i++) {
        int64_t at = from * order->strides[0], to = 0;
        for (int d = 0; d < n_dims; d++) {
            at += index[d] * order->strides[d];
            to += index[d] * places[d];
        }
        if (together)
            status = read(user, (uint64_t)at * item, buffer, (size_t)sizes[run] * item, error);
        for (int64_t j = 0; j < sizes[run] && !status; j++) {
            if (!together)
                status = read(user, (uint64_t)(at + j * order->strides[run]) * item,
                              buffer + (size_t)j * item, item, error);
            memcpy(order->slab + (size_t)(to + j * places[run]) * item, buffer + (size_t)j * item,
                   item);
        }
        for (int d = n_dims - 1; d >= 0; d--) {
            if (d == run)
                continue;
            if (++index[d] < sizes[d])
                break;
            index[d] = 0;
        }
    }
    free(buffer);
    order->first = from;
    order->n = status ? 0 : sizes[0];
    return status;
}

int npy_order_read(struct npy_order *order, const struct npy_header *header, int64_t first,
                   int64_t n, unsigned char *out,
                   int (*read)(void *user, uint64_t position, void *out, size_t bytes,
                               struct valence_error *error),
                   void *user, struct valence_error *error)
{
    int status = order->room || n == 0 ? VALENCE_OK : make_slab(order, header, error);
    while (n > 0 && !status) {
        int64_t row = first / order->row_elements;
        if (row < order->first || row >= order->first + order->n)
            status = fill(order, header, row, read, user, error);
        if (status)
            break;
        int64_t begin = first - order->first * order->row_elements;
        int64_t more = order->n * order->row_elements - begin;
        more = more < n ? more : n;
        memcpy(out, order->slab + (size_t)begin * header->item_bytes,
               (size_t)more * header->item_bytes);
        out += (size_t)more * header->item_bytes;
        first += more;
        n -= more;
    }
    return status;
}
