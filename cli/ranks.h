/* Ranks: the processes that mpirun or srun started together. MPI is loaded only then, from
 * libvalence-mpi: starting it takes longer than most commands. */
#ifndef VALENCE_CLI_RANKS_H
#define VALENCE_CLI_RANKS_H

#include <stdbool.h>

#include "valence/collective.h"
#include "valence/progress.h"

struct ranks {
    const struct valence_collective *collective; /* NULL: this process is alone */
    int n_local;                                 /* ranks on this machine */
    void *library, *mpi;
};

/* How many processes mpirun or srun started together, this one included, by what they say in the
 * environment; 1 if they started none. */
int ranks_count(void);

/* Whether mpirun of Open MPI started this process: it gives its processes a terminal of their own
 * and passes on what they print there, to a file or a terminal. */
bool ranks_output_is_relayed(void);

/* Joins the other ranks, if there are any. A command that calls another one shares its ranks with
 * it: each calls ranks_open() and ranks_close(). Errors: UNSUPPORTED if this build has no MPI, or
 * if MPI does not find the other processes. */
int ranks_open(struct ranks *ranks, struct valence_error *error);

/* Lets all ranks fail where one does while they prepare their work: the lowest that failed gets its
 * error back, which names it, and the others ERROR_RANK. */
int ranks_agree(const struct ranks *ranks, int status, struct valence_error *error);

/* Whether this process is the one that prints and writes. */
bool ranks_is_first(const struct ranks *ranks);

/* Progress on the terminal, in the first rank; NULL in the others. */
struct valence_progress *ranks_progress(const struct ranks *ranks, bool quiet);

/* Threads for a rank if the user asked for none: its share of the machine's cores, or those that
 * mpirun bound it to. */
int ranks_threads(const struct ranks *ranks);

/* Computes with `wanted` threads or, if that is 0 and there are other ranks, with ranks_threads().
 */
void ranks_set_threads(const struct ranks *ranks, int64_t wanted);

/* Says what failed, in the rank whose error it is. Gives the exit code. */
int ranks_report(const struct ranks *ranks, int status, const struct valence_error *error);

/* Ends with the command's exit code. After an error of this rank, which it has reported, it ends
 * all; the others wait for that. Does nothing for a process alone. */
void ranks_close(struct ranks *ranks, int status, int code);

#endif
