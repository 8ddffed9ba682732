/* Ranks that are threads of the test: valence/collective.h filled without any library, and with
 * every block checked to be as large as the others'. Include after cmocka.h. */
#ifndef VALENCE_TESTS_THREAD_RANKS_H
#define VALENCE_TESTS_THREAD_RANKS_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "valence/collective.h"

#define MAX_RANKS 8

/* What a rank puts where all can see it. */
struct thread_offer {
    const void *data;
    int64_t n;
};

struct thread_ranks {
    int n;
    pthread_barrier_t barrier;
    struct thread_offer offers[MAX_RANKS];
    int64_t bytes_sent; /* by rank 0 */
};

struct thread_rank {
    struct thread_ranks *all;
    struct valence_collective collective;
    pthread_t thread;
    void (*work)(struct thread_rank *rank, void *argument);
    void *argument;
};

static inline void thread_wait(struct thread_ranks *all)
{
    pthread_barrier_wait(&all->barrier);
}

/* Shows `data` to all; returns once all have shown theirs. */
static inline int thread_offer(struct thread_rank *rank, const void *data, int64_t n,
                               struct valence_error *error)
{
    struct thread_ranks *all = rank->all;
    int own = rank->collective.rank;
    if (own == 0)
        all->bytes_sent += n;
    all->offers[own] = (struct thread_offer){data, n};
    thread_wait(all);
    int64_t first = all->offers[0].n;
    if (first == n)
        return 0;
    thread_wait(all);
    return valence_fail(error, VALENCE_ERROR_SHAPE, NULL, "rank 0 has %lld bytes and rank %d %lld",
                        (long long)first, own, (long long)n);
}

static inline int thread_reduce(void *context, float *values, int64_t n,
                                struct valence_error *error)
{
    struct thread_rank *rank = context;
    float *sum = calloc((size_t)n + 1, sizeof *sum);
    int status = thread_offer(rank, values, n * (int64_t)sizeof *values, error);
    for (int r = 0; r < rank->all->n && !status; r++)
        for (int64_t i = 0; i < n; i++)
            sum[i] += ((const float *)rank->all->offers[r].data)[i];
    thread_wait(rank->all);
    if (!status)
        memcpy(values, sum, (size_t)n * sizeof *values);
    free(sum);
    return status;
}

static inline int thread_gather(void *context, const void *mine, void *all, int64_t bytes,
                                struct valence_error *error)
{
    struct thread_rank *rank = context;
    int status = thread_offer(rank, mine, bytes, error);
    for (int r = 0; r < rank->all->n && !status; r++)
        memcpy((char *)all + r * bytes, rank->all->offers[r].data, (size_t)bytes);
    thread_wait(rank->all);
    return status;
}

static inline int thread_all_to_all(void *context, const void *mine, void *received, int64_t bytes,
                                    struct valence_error *error)
{
    struct thread_rank *rank = context;
    int status = thread_offer(rank, mine, bytes, error);
    if (rank->collective.rank == 0)
        rank->all->bytes_sent += (rank->all->n - 1) * bytes;
    for (int r = 0; r < rank->all->n && !status; r++)
        memcpy((char *)received + r * bytes,
               (const char *)rank->all->offers[r].data + rank->collective.rank * bytes,
               (size_t)bytes);
    thread_wait(rank->all);
    return status;
}

static inline int thread_broadcast(void *context, void *data, int64_t bytes, int root,
                                   struct valence_error *error)
{
    struct thread_rank *rank = context;
    int status = thread_offer(rank, data, bytes, error);
    if (!status && rank->collective.rank != root)
        memcpy(data, rank->all->offers[root].data, (size_t)bytes);
    thread_wait(rank->all);
    return status;
}

static inline int thread_barrier(void *context, struct valence_error *error)
{
    (void)error;
    thread_wait(((struct thread_rank *)context)->all);
    return 0;
}

static inline void *thread_rank_main(void *argument)
{
    struct thread_rank *rank = argument;
    rank->work(rank, rank->argument);
    return NULL;
}

/* Runs `work` in n threads, each a rank. cmocka's assertions belong into the calling thread: the
 * work leaves what it found in what `argument` points to. Gives the bytes that rank 0 offered. */
static inline int64_t run_thread_ranks(int n, void (*work)(struct thread_rank *, void *),
                                       void *argument)
{
    struct thread_ranks all = {.n = n};
    struct thread_rank ranks[MAX_RANKS];
    pthread_barrier_init(&all.barrier, NULL, (unsigned)n);
    for (int r = 0; r < n; r++) {
        struct valence_collective *table = &ranks[r].collective;
        ranks[r] = (struct thread_rank){.all = &all, .work = work, .argument = argument};
        valence_collective_default(table);
        table->context = &ranks[r];
        table->rank = r;
        table->n_ranks = n;
        table->all_reduce = thread_reduce;
        table->all_gather = thread_gather;
        table->all_to_all = thread_all_to_all;
        table->broadcast = thread_broadcast;
        table->barrier = thread_barrier;
        if (pthread_create(&ranks[r].thread, NULL, thread_rank_main, &ranks[r]) != 0)
            abort();
    }
    for (int r = 0; r < n; r++)
        pthread_join(ranks[r].thread, NULL);
    pthread_barrier_destroy(&all.barrier);
    return all.bytes_sent;
}

#endif
