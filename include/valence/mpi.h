/* Ranks that MPI started, for training, evaluation and prediction with several processes
 * (valence/collective.h). This is libvalence-mpi, which needs an MPI library such as Open MPI; the
 * other libraries do not.
 *
 *   struct valence_mpi *mpi;
 *   valence_mpi_open(&mpi, &error);
 *   options.collective = valence_mpi_collective(mpi);
 *   status = valence_train(config, &options, &result, &error);
 *   valence_mpi_close(mpi);
 *
 * started by `mpirun -n 4 program`. Where valence_train() fails in one rank with another error than
 * ERROR_RANK, its program says so and calls the collective's abort(). */
#ifndef VALENCE_MPI_H
#define VALENCE_MPI_H

#include "valence/collective.h"
#ifdef __cplusplus
extern "C" {
#endif

struct valence_mpi;

/* Starts MPI, once in a process; a program that was not started by MPI is rank 0 of 1. MPI may then
 * be called by one thread at a time. *mpi is NULL on failure. Errors: BUSY where it was started
 * before, MEMORY, UNSUPPORTED with MPI's own text. */
VALENCE_API int valence_mpi_open(struct valence_mpi **mpi, struct valence_error *error);

/* All ranks, by MPI_COMM_WORLD; lives until valence_mpi_close(). A block of 2 GiB or more for each
 * rank is ERROR_LIMIT. NULL for NULL. */
VALENCE_API const struct valence_collective *valence_mpi_collective(const struct valence_mpi *mpi);

/* How many of the ranks run on this machine, this one among them: they share its cores. 0 for NULL.
 */
VALENCE_API int valence_mpi_n_local(const struct valence_mpi *mpi);

/* Waits for all ranks and ends MPI. Takes NULL. */
VALENCE_API void valence_mpi_close(struct valence_mpi *mpi);

#ifdef __cplusplus
}
#endif
#endif
