/* Several processes that train, evaluate or predict as one: what they exchange.
 *
 * The same program runs n times, as *ranks* 0 ... n - 1. In training, each rank reads its share of
 * every batch, and they exchange features and gradients through the functions of this table; in
 * evaluation and prediction, each scores its share of the clips, and they exchange scores. Fill it
 * with those of whatever started the ranks: MPI (valence/mpi.h does that), Dask, Ray, NCCL, or
 * threads of one process.
 *
 *   struct valence_collective collective;
 *   valence_collective_default(&collective);
 *   collective.rank = ...; collective.n_ranks = ...; collective.all_reduce = ...; ...
 *   options.collective = &collective;           // struct valence_train_options
 *   valence_train(config, &options, &result, &error);   // in every rank
 *
 * All ranks call the same functions in the same order with the same sizes, as MPI demands it. The
 * library calls one function at a time, but in training not only from the thread that called it:
 * gradients are summed by another thread while the calling one computes the next. Blocks of memory
 * lie in the host's memory and are valid for the call alone. */
#ifndef VALENCE_COLLECTIVE_H
#define VALENCE_COLLECTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Functions return 0, or a negative enum valence_status with the reason in *error (valence_fail()),
 * which is never NULL; after that no other function is called. A rank that waits for another one
 * that has died must not wait for ever: let the function fail, or end the process as MPI does. */
struct valence_collective {
    /* sizeof(struct valence_collective); set by valence_collective_default() */
    size_t size;
    /* handed to all functions */
    void *context;
    /* 0 ... n_ranks - 1 */
    int rank, n_ranks;
    /* Replaces the n values of every rank by their sum over all ranks. Every rank must get the same
     * bytes. In which order they are added is up to the function. */
    int (*all_reduce)(void *context, float *values, int64_t n, struct valence_error *error);
    /* Collects `bytes` bytes of every rank: `all` receives (n_ranks, bytes), by rank. */
    int (*all_gather)(void *context, const void *mine, void *all, int64_t bytes,
                      struct valence_error *error);
    /* Sends the r-th block of `bytes` bytes in `mine`, (n_ranks, bytes), to rank r; `received` gets
     * one block of every rank, (n_ranks, bytes), by rank. */
    int (*all_to_all)(void *context, const void *mine, void *received, int64_t bytes,
                      struct valence_error *error);
    /* Gives the bytes of rank `root` to all. */
    int (*broadcast)(void *context, void *data, int64_t bytes, int root,
                     struct valence_error *error);
    /* Returns once all ranks have called it. */
    int (*barrier)(void *context, struct valence_error *error);
    /* Ends all ranks with this exit code, whatever they wait for; may be NULL. For the program that
     * runs the ranks: the library never calls it. */
    void (*abort)(void *context, int code);
};

/* Size set, one rank, no functions. */
VALENCE_API void valence_collective_default(struct valence_collective *collective);

#ifdef __cplusplus
}
#endif
#endif
