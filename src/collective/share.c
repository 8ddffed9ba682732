#include "collective/share.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* What a rank sends at once: enough to use a network well, and little beside the results. */
#define MAX_SENT_BYTES ((int64_t)1 << 22)

struct share share_of_rank(int64_t n, int64_t unit, int rank, int n_ranks)
{
    int64_t units = (n + unit - 1) / unit;
    int64_t begin = units * rank / n_ranks * unit, end = units * (rank + 1) / n_ranks * unit;
    return (struct share){begin < n ? begin : n, end < n ? end : n};
}

struct share collective_share(const struct valence_collective *collective, int64_t n, int64_t unit)
{
    return share_of_rank(n, unit, collective_rank(collective), collective_n_ranks(collective));
}

/* Shares are sent in slices, all ranks the same number of items at once. */
struct slices {
    int64_t n, unit, item_bytes;
    int64_t most;   /* items of the largest share */
    int64_t size;   /* items of a slice */
    char *mine;     /* (size) */
    char *received; /* (n_ranks, size) */
};

/* Which items of a rank's share are in the slice that begins at its item `from`. */
static struct share within_slice(const struct slices *slices, int64_t from, int rank, int n_ranks)
{
    struct share share = share_of_rank(slices->n, slices->unit, rank, n_ranks);
    share.begin = share.begin + from < share.end ? share.begin + from : share.end;
    share.end = share.begin + slices->size < share.end ? share.begin + slices->size : share.end;
    return share;
}

static int send_slice(const struct valence_collective *c, const struct slices *slices, int64_t from,
                      char *items, struct valence_error *error)
{
    int64_t bytes = slices->item_bytes, slice_bytes = slices->size * bytes;
    struct share own = within_slice(slices, from, c->rank, c->n_ranks);
    memcpy(slices->mine, items + own.begin * bytes, (size_t)((own.end - own.begin) * bytes));
    int status = collective_gather(c, slices->mine, slices->received, slice_bytes, error);
    for (int rank = 0; rank < c->n_ranks && !status; rank++) {
        struct share share = within_slice(slices, from, rank, c->n_ranks);
        if (rank != c->rank)
            memcpy(items + share.begin * bytes, slices->received + rank * slice_bytes,
                   (size_t)((share.end - share.begin) * bytes));
    }
    return status;
}

static struct slices cut_into_slices(const struct valence_collective *c, int64_t n, int64_t unit,
                                     int64_t item_bytes)
{
    struct slices slices = {.n = n, .unit = unit, .item_bytes = item_bytes};
    for (int rank = 0; rank < c->n_ranks; rank++) {
        struct share share = share_of_rank(n, unit, rank, c->n_ranks);
        int64_t count = share.end - share.begin;
        slices.most = count > slices.most ? count : slices.most;
    }
    int64_t fit = item_bytes < MAX_SENT_BYTES ? MAX_SENT_BYTES / item_bytes : 1;
    slices.size = slices.most < fit ? slices.most : fit;
    return slices;
}

int collective_gather_shares(const struct valence_collective *c, int status, int64_t n,
                             int64_t unit, int64_t item_bytes, void *items,
                             struct valence_error *error)
{
    if (!collective_is_several(c))
        return status;
    struct slices slices = cut_into_slices(c, n, unit, item_bytes);
    slices.mine = allocate(slices.size, (size_t)item_bytes);
    slices.received = allocate(slices.size * c->n_ranks, (size_t)item_bytes);
    if (!status && !(slices.mine && slices.received))
        status = fail_memory(error, (size_t)(slices.size * c->n_ranks * item_bytes),
                             "the results of other ranks");
    status = collective_agree(c, status, error);
    for (int64_t from = 0; from < slices.most && !status; from += slices.size)
        status = send_slice(c, &slices, from, items, error);
    free(slices.mine);
    free(slices.received);
    return status;
}
