#include "collective/sum.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/half.h"
#include "base/memory.h"

/* Values that a rank adds at once. */
#define MAX_SLICE ((int64_t)1 << 18)

/* ---- Memory ---- */

void sum_buffers_free(struct sum_buffers *buffers)
{
    block_free(buffers->mine, buffers->capacity, 1);
    block_free(buffers->received, buffers->capacity, 1);
    *buffers = (struct sum_buffers){0};
}

/* What is between the blocks' ends and the values' is sent, too: it begins as zero. */
static int reserve(struct sum_buffers *buffers, int64_t bytes, struct valence_error *error)
{
    if (bytes <= buffers->capacity)
        return VALENCE_OK;
    sum_buffers_free(buffers);
    buffers->mine = block_take_zeroed(bytes, 1);
    buffers->received = block_take_zeroed(bytes, 1);
    buffers->capacity = bytes;
    if (buffers->mine && buffers->received)
        return VALENCE_OK;
    sum_buffers_free(buffers);
    return fail_memory(error, 2 * (size_t)bytes, "the gradients of other ranks");
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How many of `n` values lie in the slice of `size` that begins at `from`. */
static int64_t within(int64_t n, int64_t from, int64_t size)
{
    return from < n ? smaller(n - from, size) : 0;
}

static int64_t slice_for(int64_t n, int n_ranks)
{
    return smaller((n + n_ranks - 1) / n_ranks, MAX_SLICE);
}

static void add(int64_t n, const float *values, float *sum)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += values[i];
}

/* ---- bfloat16 ---- */

/* One round: n_ranks slices of `slice` values from `from` on, of which there are n. */
static int sum_bf16_slices(const struct valence_collective *c, int64_t from, int64_t slice,
                           int64_t n, float *values, struct sum_buffers *buffers,
                           struct valence_error *error)
{
    uint16_t *mine = buffers->mine, *received = buffers->received;
    int64_t count = within(n, from, slice * c->n_ranks);
    for (int64_t i = 0; i < count; i++)
        mine[i] = float_to_bf16(values[from + i]);
    int status = c->all_to_all(c->context, mine, received, slice * (int64_t)sizeof *mine, error);
    if (status)
        return status;
    for (int64_t i = 0; i < slice; i++) {
        float sum = 0;
        for (int rank = 0; rank < c->n_ranks; rank++)
            sum += bf16_to_float(received[rank * slice + i]);
        mine[i] = float_to_bf16(sum);
    }
    status = c->all_gather(c->context, mine, received, slice * (int64_t)sizeof *mine, error);
    for (int64_t i = 0; i < count && !status; i++)
        values[from + i] = bf16_to_float(received[i]);
    return status;
}

int collective_sum(const struct valence_collective *c, enum collective_wire wire, int64_t n,
                   float *values, struct sum_buffers *buffers, struct valence_error *error)
{
    if (!collective_is_several(c))
        return VALENCE_OK;
    if (wire == WIRE_F32)
        return c->all_reduce(c->context, values, n, error);
    int64_t slice = slice_for(n, c->n_ranks);
    int status = reserve(buffers, slice * c->n_ranks * (int64_t)sizeof(uint16_t), error);
    for (int64_t from = 0; from < n && !status; from += slice * c->n_ranks)
        status = sum_bf16_slices(c, from, slice, n, values, buffers, error);
    return status;
}

/* ---- In order ---- */

void sum_add_part(int64_t n, const float *part, bool first, float *sum)
{
    if (first)
        memcpy(sum, part, (size_t)n * sizeof *sum);
    else
        add(n, part, sum);
}

/* The calling rank's slice: the parts of all ranks in `received`, (n_ranks, most, slice), added up
 * in `sum`. */
static void add_in_order(int n_ranks, int64_t n_parts, int64_t most, int64_t slice,
                         const float *received, float *sum)
{
    bool begun = false;
    for (int rank = 0; rank < n_ranks; rank++) {
        int64_t count = first_part(n_parts, rank + 1, n_ranks) - first_part(n_parts, rank, n_ranks);
        for (int64_t i = 0; i < count; i++) {
            const float *part = received + (rank * most + i) * slice;
            sum_add_part(slice, part, !begun, sum);
            begun = true;
        }
    }
}

int collective_sum_ordered(const struct valence_collective *c, int64_t n_parts, float *const *parts,
                           int64_t first, int64_t n, float *sum, struct sum_buffers *buffers,
                           struct valence_error *error)
{
    if (!collective_is_several(c)) {
        for (int64_t i = 0; i < n_parts; i++)
            sum_add_part(n, parts[i] + first, i == 0, sum + first);
        return VALENCE_OK;
    }
    int64_t slice = slice_for(n, c->n_ranks), most = (n_parts + c->n_ranks - 1) / c->n_ranks;
    int64_t own =
        first_part(n_parts, c->rank + 1, c->n_ranks) - first_part(n_parts, c->rank, c->n_ranks);
    int64_t block = most * slice, bytes = (int64_t)sizeof(float);
    int status = reserve(buffers, block * c->n_ranks * bytes, error);
    for (int64_t from = 0; from < n && !status; from += slice * c->n_ranks) {
        float *mine = buffers->mine, *received = buffers->received;
        for (int rank = 0; rank < c->n_ranks; rank++)
            for (int64_t i = 0; i < own; i++)
                memcpy(mine + rank * block + i * slice,
                       parts[i] + first + smaller(from + rank * slice, n),
                       (size_t)within(n, from + rank * slice, slice) * sizeof *mine);
        status = c->all_to_all(c->context, mine, received, block * bytes, error);
        if (status)
            break;
        add_in_order(c->n_ranks, n_parts, most, slice, received, mine);
        status = c->all_gather(c->context, mine, received, slice * bytes, error);
        if (!status)
            memcpy(sum + first + from, received,
                   (size_t)within(n, from, slice * c->n_ranks) * sizeof *sum);
    }
    return status;
}
