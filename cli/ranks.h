/* Ranks that mpirun started. MPI is loaded only then, from libvalence-mpi: starting it takes longer
 * than most commands. */
#ifndef VALENCE_CLI_RANKS_H
#define VALENCE_CLI_RANKS_H

#include <stdbool.h>

#include "valence/collective.h"

struct ranks {
    const struct valence_collective *collective; /* NULL: this process is alone */
    int n_local;                                 /* ranks on this machine */
    void *library, *mpi;
};

/* How many processes mpirun, or srun with an MPI, started beside this one, itself among them; 1
 * where none did. */
int ranks_count(void);

/* Joins the other ranks, if there are any. Errors: UNSUPPORTED where this build has no MPI. */
int ranks_open(struct ranks *ranks, struct valence_error *error);

/* Lets all ranks fail where one does before training begins: the lowest that failed gets its error
 * back, which names it, and the others ERROR_RANK. */
int ranks_agree(const struct ranks *ranks, int status, struct valence_error *error);

/* Whether this process is the one that prints. */
bool ranks_is_first(const struct ranks *ranks);

/* Threads for a rank where the user asked for none: its share of the machine's cores, or those that
 * mpirun bound it to. */
int ranks_threads(const struct ranks *ranks);

/* Ends with the command's exit code. After an error of this rank it has said so, and ends all; the
 * others wait for that. Does nothing for a process alone. */
void ranks_close(struct ranks *ranks, int status, int code);

#endif
