/* What ranks do together, made of the caller's functions (valence/collective.h). A NULL table, or
 * one of a single rank, is a process alone, for which everything here is a copy or nothing. */
#ifndef VALENCE_COLLECTIVE_COLLECTIVE_H
#define VALENCE_COLLECTIVE_COLLECTIVE_H

#include <stdbool.h>

#include "valence/collective.h"

static inline int collective_rank(const struct valence_collective *collective)
{
    return collective ? collective->rank : 0;
}

static inline int collective_n_ranks(const struct valence_collective *collective)
{
    return collective ? collective->n_ranks : 1;
}

static inline bool collective_is_several(const struct valence_collective *collective)
{
    return collective_n_ranks(collective) > 1;
}

/* Writes the files and tells the caller. */
static inline bool collective_is_first(const struct valence_collective *collective)
{
    return collective_rank(collective) == 0;
}

/* ERROR_ARGUMENT for a table with a function missing, or an impossible rank. NULL is fine. */
int collective_check(const struct valence_collective *collective, struct valence_error *error);

int collective_gather(const struct valence_collective *collective, const void *mine, void *all,
                      int64_t bytes, struct valence_error *error);
int collective_broadcast(const struct valence_collective *collective, void *data, int64_t bytes,
                         int root, struct valence_error *error);

/* Lets all ranks fail where one does: each calls it with its own status, and *error filled where
 * that is not 0. Gives VALENCE_OK if all had that. Else the rank that failed, the lowest of
 * several, gets its own status back, its text beginning with its name; the others get ERROR_RANK
 * with that text. Where ranks were cancelled and none failed, all are: ERROR_CANCELLED. */
int collective_agree(const struct valence_collective *collective, int status,
                     struct valence_error *error);

/* The same where the statuses of all ranks, (n_ranks), are known already. */
int collective_settle(const struct valence_collective *collective, const int *statuses,
                      struct valence_error *error);

/* ERROR_DATA if the ranks do not have the same bytes, which are `what` ("parameters"). */
int collective_compare(const struct valence_collective *collective, const void *data, int64_t bytes,
                       const char *what, struct valence_error *error);

#endif
