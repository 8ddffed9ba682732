#include "collective/collective.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/sha256.h"

void valence_collective_default(struct valence_collective *collective)
{
    *collective = (struct valence_collective){.size = sizeof *collective, .n_ranks = 1};
}

int collective_check(const struct valence_collective *collective, struct valence_error *error)
{
    if (!collective)
        return VALENCE_OK;
    if (collective->size != sizeof *collective)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the collective's table has %zu bytes, not %zu: set its size with "
                    "valence_collective_default()",
                    collective->size, sizeof *collective);
    if (collective->n_ranks < 1 || collective->rank < 0 || collective->rank >= collective->n_ranks)
        return fail(error, VALENCE_ERROR_ARGUMENT, "rank %d of %d does not exist", collective->rank,
                    collective->n_ranks);
    if (collective->n_ranks > 1 &&
        !(collective->all_reduce && collective->all_gather && collective->all_to_all &&
          collective->broadcast && collective->barrier))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the collective's table lacks a function; only abort may be NULL");
    return VALENCE_OK;
}

int collective_gather(const struct valence_collective *collective, const void *mine, void *all,
                      int64_t bytes, struct valence_error *error)
{
    if (collective_is_several(collective))
        return collective->all_gather(collective->context, mine, all, bytes, error);
    memcpy(all, mine, (size_t)bytes);
    return VALENCE_OK;
}

int collective_broadcast(const struct valence_collective *collective, void *data, int64_t bytes,
                         int root, struct valence_error *error)
{
    if (!collective_is_several(collective))
        return VALENCE_OK;
    return collective->broadcast(collective->context, data, bytes, root, error);
}

/* The lowest rank that failed; of none, one that was cancelled; -1 if all are fine. */
static int first_failure(const struct valence_collective *collective, const int *statuses)
{
    int cancelled = -1;
    for (int rank = collective->n_ranks - 1; rank >= 0; rank--)
        if (statuses[rank] == VALENCE_ERROR_CANCELLED)
            cancelled = rank;
    for (int rank = 0; rank < collective->n_ranks; rank++)
        if (statuses[rank] && statuses[rank] != VALENCE_ERROR_CANCELLED)
            return rank;
    return cancelled;
}

static int take_failure(const struct valence_collective *collective, int failed, int status,
                        struct valence_error *shown, struct valence_error *error)
{
    char text[VALENCE_ERROR_TEXT_BYTES];
    if (status != VALENCE_ERROR_CANCELLED) {
        snprintf(text, sizeof text, "rank %d of %d: %.*s", failed, collective->n_ranks,
                 (int)(sizeof text - 40), shown->text);
        memcpy(shown->text, text, sizeof text);
        if (failed != collective->rank)
            status = VALENCE_ERROR_RANK;
    }
    shown->status = status;
    if (error)
        *error = *shown;
    return status;
}

int collective_settle(const struct valence_collective *collective, const int *statuses,
                      struct valence_error *error)
{
    struct valence_error shown = {0};
    int failed = first_failure(collective, statuses);
    if (failed < 0)
        return VALENCE_OK;
    if (failed == collective->rank && error)
        shown = *error;
    int status = collective_broadcast(collective, &shown, sizeof shown, failed, error);
    return status ? status : take_failure(collective, failed, statuses[failed], &shown, error);
}

int collective_agree(const struct valence_collective *collective, int status,
                     struct valence_error *error)
{
    if (!collective_is_several(collective))
        return status;
    int *statuses = allocate(collective->n_ranks, sizeof *statuses);
    if (!statuses)
        return fail_memory(error, (size_t)collective->n_ranks * sizeof *statuses, "all ranks");
    int failed = collective_gather(collective, &status, statuses, sizeof status, error);
    status = failed ? failed : collective_settle(collective, statuses, error);
    free(statuses);
    return status;
}

int collective_compare(const struct valence_collective *collective, const void *data, int64_t bytes,
                       const char *what, struct valence_error *error)
{
    char mine[SHA256_TEXT_BYTES], first[SHA256_TEXT_BYTES];
    if (!collective_is_several(collective))
        return VALENCE_OK;
    sha256_text(data, (size_t)bytes, mine);
    memcpy(first, mine, sizeof first);
    int status = collective_broadcast(collective, first, sizeof first, 0, error);
    if (status)
        return status;
    if (memcmp(first, mine, sizeof first) != 0)
        status = fail(error, VALENCE_ERROR_DATA, "its %s differ from those of rank 0", what);
    return collective_agree(collective, status, error);
}
