/* Work on n items that is divided among ranks: who does which, and giving the results to all. */
#ifndef VALENCE_COLLECTIVE_SHARE_H
#define VALENCE_COLLECTIVE_SHARE_H

#include "collective/collective.h"

/* The items of a rank: from `begin` to before `end`. */
struct share {
    int64_t begin, end;
};

/* Shares are consecutive and begin at multiples of `unit` items. So what is cut into units of that
 * size, such as batches, is cut in the same way however many ranks there are. */
struct share share_of_rank(int64_t n, int64_t unit, int rank, int n_ranks);
struct share collective_share(const struct valence_collective *collective, int64_t n, int64_t unit);

/* Gives every rank the results of all n items, of `item_bytes` each: each rank has filled in those
 * of its own share, which `unit` defines as above. All ranks call it, each with the status of its
 * own work, and all fail where one has failed, as collective_agree() describes. */
int collective_gather_shares(const struct valence_collective *collective, int status, int64_t n,
                             int64_t unit, int64_t item_bytes, void *items,
                             struct valence_error *error);

#endif
