#include "valence/mpi.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>

/* MPI counts in int. */
#define MOST_AT_ONCE ((int64_t)1 << 28)

struct valence_mpi {
    struct valence_collective collective;
    int n_local;
};

static int fail_mpi(const char *doing, int code, struct valence_error *error)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length;
    MPI_Error_string(code, text, &length);
    return valence_fail(error, VALENCE_ERROR_IO, NULL, "MPI: %s: %s", doing, text);
}

static int check_size(int64_t bytes, struct valence_error *error)
{
    if (bytes <= INT_MAX)
        return VALENCE_OK;
    return valence_fail(error, VALENCE_ERROR_LIMIT, NULL,
                        "MPI: a block of %lld bytes is too large; use smaller batches",
                        (long long)bytes);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- The functions of the table ---- */

static int reduce(void *context, float *values, int64_t n, struct valence_error *error)
{
    int code = MPI_SUCCESS;
    (void)context;
    for (int64_t done = 0; done < n && code == MPI_SUCCESS; done += MOST_AT_ONCE)
        code = MPI_Allreduce(MPI_IN_PLACE, values + done, (int)smaller(n - done, MOST_AT_ONCE),
                             MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    return code == MPI_SUCCESS ? VALENCE_OK : fail_mpi("a sum", code, error);
}

static int gather(void *context, const void *mine, void *all, int64_t bytes,
                  struct valence_error *error)
{
    (void)context;
    int status = check_size(bytes, error);
    if (status)
        return status;
    int code = MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
    return code == MPI_SUCCESS ? VALENCE_OK : fail_mpi("a gathering", code, error);
}

static int all_to_all(void *context, const void *mine, void *received, int64_t bytes,
                      struct valence_error *error)
{
    (void)context;
    int status = check_size(bytes, error);
    if (status)
        return status;
    int code =
        MPI_Alltoall(mine, (int)bytes, MPI_BYTE, received, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
    return code == MPI_SUCCESS ? VALENCE_OK : fail_mpi("an exchange", code, error);
}

static int broadcast(void *context, void *data, int64_t bytes, int root,
                     struct valence_error *error)
{
    int code = MPI_SUCCESS;
    (void)context;
    for (int64_t done = 0; done < bytes && code == MPI_SUCCESS; done += MOST_AT_ONCE)
        code = MPI_Bcast((char *)data + done, (int)smaller(bytes - done, MOST_AT_ONCE), MPI_BYTE,
                         root, MPI_COMM_WORLD);
    return code == MPI_SUCCESS ? VALENCE_OK : fail_mpi("a broadcast", code, error);
}

static int barrier(void *context, struct valence_error *error)
{
    (void)context;
    int code = MPI_Barrier(MPI_COMM_WORLD);
    return code == MPI_SUCCESS ? VALENCE_OK : fail_mpi("a barrier", code, error);
}

static void end_all(void *context, int code)
{
    (void)context;
    MPI_Abort(MPI_COMM_WORLD, code);
}

/* ---- Its life ---- */

static int count_local(int *n)
{
    MPI_Comm local;
    int code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(local, n);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_free(&local);
    return code;
}

static int start(struct valence_error *error)
{
    int started = 0, level = 0;
    MPI_Initialized(&started);
    if (started)
        return valence_fail(error, VALENCE_ERROR_BUSY, NULL, "MPI was started before");
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    if (code == MPI_SUCCESS && level < MPI_THREAD_SERIALIZED)
        return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                            "this MPI library does not allow programs with threads");
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    return code == MPI_SUCCESS ? VALENCE_OK : fail_mpi("cannot start", code, error);
}

int valence_mpi_open(struct valence_mpi **mpi, struct valence_error *error)
{
    *mpi = NULL;
    struct valence_mpi *made = calloc(1, sizeof *made);
    if (!made)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "out of memory");
    int status = start(error);
    if (status) {
        free(made);
        return status;
    }
    made->collective = (struct valence_collective){.size = sizeof made->collective,
                                                   .all_reduce = reduce,
                                                   .all_gather = gather,
                                                   .all_to_all = all_to_all,
                                                   .broadcast = broadcast,
                                                   .barrier = barrier,
                                                   .abort = end_all};
    int code = MPI_Comm_rank(MPI_COMM_WORLD, &made->collective.rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, &made->collective.n_ranks);
    if (code == MPI_SUCCESS)
        code = count_local(&made->n_local);
    if (code != MPI_SUCCESS) {
        valence_mpi_close(made);
        return fail_mpi("cannot count the ranks", code, error);
    }
    *mpi = made;
    return VALENCE_OK;
}

const struct valence_collective *valence_mpi_collective(const struct valence_mpi *mpi)
{
    return mpi ? &mpi->collective : NULL;
}

int valence_mpi_n_local(const struct valence_mpi *mpi)
{
    return mpi ? mpi->n_local : 0;
}

void valence_mpi_close(struct valence_mpi *mpi)
{
    if (!mpi)
        return;
    MPI_Finalize();
    free(mpi);
}
