#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/fail.h"
#include "base/log.h"
#include "valence/runtime.h"

/* Of what OpenBLAS takes for each thread, and for the call itself: 128 MiB on the machines with the
 * largest caches. */
#define BLAS_BUFFER_BYTES ((size_t)129 << 20)
#define STACK_BYTES       ((size_t)32 << 20)

/* ---- How many ---- */

void threads_set(int n)
{
    (void)valence_set_threads(n);
}

int threads_count(void)
{
    return valence_threads();
}

int threads_enter(int n)
{
    return n > 0 ? valence_set_threads(n) : threads_count();
}

void threads_leave(int before)
{
    threads_set(before);
}

#ifdef _OPENMP

int thread_index(void)
{
    return omp_get_thread_num();
}

/* For how many threads OpenBLAS took buffers when it was loaded. */
static int n_at_start(void)
{
    return omp_get_num_procs();
}

/* What OpenMP will give at most. */
static int limit_of_openmp(void)
{
    omp_set_dynamic(0);
    return omp_get_max_active_levels() == 0 ? 1 : omp_get_thread_limit();
}

#else

int thread_index(void)
{
    return 0;
}

static int limit_of_openmp(void)
{
    return 1;
}

static int n_at_start(void)
{
    return 1;
}

#endif

/* ---- Whether they can be had ---- */

static pthread_mutex_t trial_lock = PTHREAD_MUTEX_INITIALIZER;

/* A thread of the trial lives until all have been made. */
static void *wait_for_trial(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&trial_lock);
    pthread_mutex_unlock(&trial_lock);
    return NULL;
}

/* How many of n threads there can be beside each other, this one among them. */
static int try_threads(int n)
{
    enum { AT_ONCE = 256 };
    pthread_t threads[AT_ONCE];
    int made = 0, wanted = n - 1 < AT_ONCE ? n - 1 : AT_ONCE;
    pthread_mutex_lock(&trial_lock);
    while (made < wanted && pthread_create(&threads[made], NULL, wait_for_trial, NULL) == 0)
        made++;
    pthread_mutex_unlock(&trial_lock);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return made == wanted ? n : 1 + made;
}

static bool has_room(size_t bytes)
{
    void *room = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return false;
    munmap(room, bytes);
    return true;
}

/* Only a limit on address space makes a reservation fail. */
int threads_check_room(struct valence_error *error)
{
    struct rlimit limit;
    int n = threads_count(), more = n - n_at_start();
    size_t bytes = (size_t)(1 + (more > 0 ? more : 0)) * BLAS_BUFFER_BYTES + STACK_BYTES;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || has_room(bytes))
        return VALENCE_OK;
    return fail_key(
        error, VALENCE_ERROR_MEMORY, "threads",
        "matrix products with %d threads need %zu MiB more than the %llu MiB of address "
        "space that the process is limited to (ulimit -v)",
        n, bytes >> 20, (unsigned long long)limit.rlim_cur >> 20);
}

void threads_prepare(void)
{
    static _Atomic int most_had;
    int asked = threads_count(), limit = limit_of_openmp(), n = asked < limit ? asked : limit;
    if (n > most_had) {
        n = try_threads(n);
        most_had = n > most_had ? n : most_had;
    }
    if (n < asked) {
        log_line(VALENCE_LOG_WARNING, "the system gives %d of %d threads", n, asked);
        threads_set(n);
    }
}
