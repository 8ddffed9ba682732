#include "ranks.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
/* Of valence/mpi.h, which a build without MPI does not install. */
struct valence_mpi;
#include "valence/runtime.h"

/* What the launchers of Open MPI, MPICH and Slurm say of how many ranks there are. */
int ranks_count(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *n = getenv(names[i]);
        if (n && atoi(n) > 1)
            return atoi(n);
    }
    return 1;
}

/* Functions of a library that is loaded late; POSIX lets a pointer to an object become one to a
 * function. */
static void *find(const struct ranks *ranks, const char *name)
{
    return ranks->library ? dlsym(ranks->library, name) : NULL;
}

static int fail_absent(struct valence_error *error)
{
#ifdef VALENCE_WITH_MPI
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "mpirun started this, but libvalence-mpi cannot be loaded: %s\n"
                        "         (the Debian package valence-mpi has it)",
                        dlerror());
#else
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "mpirun started this, but this valence was built without MPI\n"
                        "         (install libopenmpi-dev and build it with -DVALENCE_MPI=ON)");
#endif
}

int ranks_open(struct ranks *ranks, struct valence_error *error)
{
    *ranks = (struct ranks){.n_local = 1};
    if (ranks_count() == 1)
        return VALENCE_OK;
    dlerror();
#ifdef VALENCE_WITH_MPI
    /* Global: Open MPI's plug-ins take its names from there. */
    ranks->library = dlopen(VALENCE_WITH_MPI, RTLD_NOW | RTLD_GLOBAL);
#endif
    int (*open)(struct valence_mpi **, struct valence_error *);
    const struct valence_collective *(*collective)(const struct valence_mpi *);
    int (*n_local)(const struct valence_mpi *);
    *(void **)&open = find(ranks, "valence_mpi_open");
    *(void **)&collective = find(ranks, "valence_mpi_collective");
    *(void **)&n_local = find(ranks, "valence_mpi_n_local");
    if (!open || !collective || !n_local)
        return fail_absent(error);
    struct valence_mpi *mpi;
    int status = open(&mpi, error);
    if (status)
        return status;
    ranks->mpi = mpi;
    ranks->collective = collective(mpi);
    ranks->n_local = n_local(mpi);
    return VALENCE_OK;
}

int ranks_agree(const struct ranks *ranks, int status, struct valence_error *error)
{
    const struct valence_collective *c = ranks->collective;
    if (!c)
        return status;
    int *statuses = calloc((size_t)c->n_ranks, sizeof *statuses), first = 0;
    if (!statuses)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "out of memory");
    int failed = c->all_gather(c->context, &status, statuses, sizeof status, error);
    while (first < c->n_ranks && !statuses[first])
        first++;
    free(statuses);
    if (failed || first == c->n_ranks)
        return failed;
    if (first != c->rank)
        return VALENCE_ERROR_RANK;
    char text[VALENCE_ERROR_TEXT_BYTES];
    snprintf(text, sizeof text, "rank %d of %d: %.*s", first, c->n_ranks, (int)(sizeof text - 40),
             error->text);
    memcpy(error->text, text, sizeof text);
    return status;
}

bool ranks_is_first(const struct ranks *ranks)
{
    return !ranks->collective || ranks->collective->rank == 0;
}

int ranks_threads(const struct ranks *ranks)
{
    int n = valence_default_threads(), cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (ranks->n_local <= 1 || n < cores)
        return n;
    return n / ranks->n_local > 1 ? n / ranks->n_local : 1;
}

void ranks_close(struct ranks *ranks, int status, int code)
{
    struct valence_error ignored;
    void (*close)(struct valence_mpi *);
    if (!ranks->mpi)
        return;
    if (status && status != VALENCE_ERROR_CANCELLED) {
        if (status == VALENCE_ERROR_RANK) /* the one that failed speaks first, and then ends us */
            ranks->collective->barrier(ranks->collective->context, &ignored);
        ranks->collective->abort(ranks->collective->context, code);
    }
    *(void **)&close = find(ranks, "valence_mpi_close");
    close(ranks->mpi);
    ranks->mpi = NULL;
}
