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

/* What ranks_open() gave, and how many commands have it. */
static struct ranks joined;
static int n_users;

/* ---- Who started this process ---- */

/* What mpirun of Open MPI and of MPICH, and srun say of how many processes they started. mpirun
 * comes first: under Slurm, its processes inherit what Slurm says of the process that started them.
 * Slurm's SLURM_NTASKS is not among them, since a batch script, which runs once, has it, too. */
static const char slurm_size[] = "SLURM_STEP_NUM_TASKS", open_mpi_size[] = "OMPI_COMM_WORLD_SIZE";
static const char *const sizes[] = {open_mpi_size, "PMI_SIZE", "MPI_LOCALNRANKS", slurm_size};

/* The variable that counts, or NULL. */
static const char *size_variable(void)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (getenv(sizes[i]))
            return sizes[i];
    return NULL;
}

int ranks_count(void)
{
    const char *name = size_variable();
    int n = name ? atoi(getenv(name)) : 1;
    return n > 1 ? n : 1;
}

bool ranks_output_is_relayed(void)
{
    return getenv(open_mpi_size) != NULL;
}

static bool is_started_by_srun(void)
{
    return size_variable() == slurm_size;
}

/* A step of Slurm tells its tasks by PMI how they reach each other, if srun was asked for it. */
static int check_pmi(struct valence_error *error)
{
    if (!is_started_by_srun() || getenv("PMIX_RANK") || getenv("PMI_RANK"))
        return VALENCE_OK;
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "srun started %d processes without PMI, so they cannot work together\n"
                        "         (use srun --mpi=pmix, or mpirun; for independent processes unset "
                        "%s)",
                        ranks_count(), slurm_size);
}

/* An MPI library that does not understand the launcher takes every process for the only one. */
static int check_count(const struct valence_collective *collective, struct valence_error *error)
{
    if (collective->n_ranks == ranks_count())
        return VALENCE_OK;
    return valence_fail(
        error, VALENCE_ERROR_UNSUPPORTED, NULL,
        "%s started %d processes, but MPI finds %d: this MPI library does not "
        "support that launcher\n"
        "         (use the mpirun of the MPI library that valence was built with%s)",
        is_started_by_srun() ? "srun" : "mpirun", ranks_count(), collective->n_ranks,
        is_started_by_srun() ? ", or srun --mpi=pmix" : "");
}

/* ---- Joining ---- */

/* Functions of a library that is loaded late; POSIX lets a pointer to an object become one to a
 * function. */
static void *find(const struct ranks *ranks, const char *name)
{
    return ranks->library ? dlsym(ranks->library, name) : NULL;
}

static int fail_absent(struct valence_error *error)
{
    const char *launcher = is_started_by_srun() ? "srun" : "mpirun";
#ifdef VALENCE_WITH_MPI
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "%s started this, but libvalence-mpi cannot be loaded: %s\n"
                        "         (the Debian package valence-mpi has it)",
                        launcher, dlerror());
#else
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "%s started this, but this valence was built without MPI\n"
                        "         (install libopenmpi-dev and build it with -DVALENCE_MPI=ON)",
                        launcher);
#endif
}

static int load_library(struct ranks *ranks, struct valence_error *error)
{
    dlerror();
#ifdef VALENCE_WITH_MPI
    /* Global: Open MPI's plug-ins take its names from there. */
    ranks->library = dlopen(VALENCE_WITH_MPI, RTLD_NOW | RTLD_GLOBAL);
#endif
    return ranks->library ? VALENCE_OK : fail_absent(error);
}

static void leave(const struct ranks *ranks, struct valence_mpi *mpi)
{
    void (*close)(struct valence_mpi *);
    *(void **)&close = find(ranks, "valence_mpi_close");
    close(mpi);
}

static int join(struct ranks *ranks, struct valence_error *error)
{
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
    status = check_count(collective(mpi), error);
    if (status) {
        leave(ranks, mpi);
        return status;
    }
    ranks->mpi = mpi;
    ranks->collective = collective(mpi);
    ranks->n_local = n_local(mpi);
    return VALENCE_OK;
}

int ranks_open(struct ranks *ranks, struct valence_error *error)
{
    *ranks = (struct ranks){.n_local = 1};
    if (ranks_count() == 1)
        return VALENCE_OK;
    if (n_users) {
        *ranks = joined;
        n_users++;
        return VALENCE_OK;
    }
    int status = check_pmi(error);
    if (!status)
        status = load_library(ranks, error);
    if (!status)
        status = join(ranks, error);
    joined = *ranks;
    n_users = ranks->mpi ? 1 : 0;
    return status;
}

/* ---- Working together ---- */

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

struct valence_progress *ranks_progress(const struct ranks *ranks, bool quiet)
{
    return ranks_is_first(ranks) ? terminal_progress(quiet) : NULL;
}

void ranks_set_threads(const struct ranks *ranks, int64_t wanted)
{
    if (wanted || ranks->collective)
        valence_set_threads(wanted ? (int)wanted : ranks_threads(ranks));
}

int ranks_report(const struct ranks *ranks, int status, const struct valence_error *error)
{
    if (!status)
        return EXIT_FINE;
    if (status == VALENCE_ERROR_RANK)
        return EXIT_FAILED;
    if (status == VALENCE_ERROR_CANCELLED && !ranks_is_first(ranks))
        return EXIT_INTERRUPTED;
    return report_error(error);
}

/* ---- Leaving ---- */

void ranks_close(struct ranks *ranks, int status, int code)
{
    struct valence_error ignored;
    if (!ranks->mpi)
        return;
    if (status && status != VALENCE_ERROR_CANCELLED) {
        if (status == VALENCE_ERROR_RANK) /* the one that failed speaks first, and then ends us */
            ranks->collective->barrier(ranks->collective->context, &ignored);
        ranks->collective->abort(ranks->collective->context, code);
    }
    if (--n_users == 0)
        leave(ranks, ranks->mpi);
    ranks->mpi = NULL;
}
