/* What a host sets for the whole process or for a thread. This file alone keeps such state, and
 * only libvalence has it: libvalence-media has the files around it once more. */
#include "valence/runtime.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/cpu_quota.h"
#include "base/fail.h"
#include "base/block_peak.h"

/* ---- Log ---- */

static valence_log_function receiver;
static void *receiver_user;

void valence_set_log(valence_log_function receive, void *user)
{
    receiver = receive;
    receiver_user = user;
}

void valence_log(enum valence_log_level level, const char *text)
{
    if (receiver)
        receiver(receiver_user, level, text);
}

/* ---- Memory ---- */

#define BLOCK_ALIGNMENT 64

static struct valence_allocator host; /* allocate == NULL: the C library's */

int valence_set_allocator(const struct valence_allocator *allocator, struct valence_error *error)
{
    if (!allocator) {
        host = (struct valence_allocator){0};
        return VALENCE_OK;
    }
    if (allocator->size != sizeof host || !allocator->allocate || !allocator->release)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "an allocator needs its size (%zu) and both functions", sizeof host);
    host = *allocator;
    return VALENCE_OK;
}

/* Whole multiples of the alignment, and never none; 0 where that is too much. */
static size_t block_size(size_t bytes)
{
    if (bytes > SIZE_MAX - BLOCK_ALIGNMENT)
        return 0;
    return bytes ? (bytes + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT
                 : BLOCK_ALIGNMENT;
}

/* Bytes of the blocks that there are, and the most since block_bytes_peak() was told to forget. */
static atomic_size_t bytes_taken, bytes_peak;

static void count_taken(size_t bytes)
{
    size_t now = atomic_fetch_add(&bytes_taken, bytes) + bytes, peak = atomic_load(&bytes_peak);
    while (now > peak && !atomic_compare_exchange_weak(&bytes_peak, &peak, now))
        ;
}

size_t block_bytes_peak(bool forget)
{
    if (forget)
        atomic_store(&bytes_peak, atomic_load(&bytes_taken));
    return atomic_load(&bytes_peak);
}

/* From the C library. Large blocks ask for huge pages: rows that are read in pieces then need fewer
 * translations of addresses, and a new block one page fault for each 2 MiB. */
static void *take_from_library(size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const size_t page = (size_t)2 << 20;
    void *block;
    if (bytes >= 2 * page) {
        if (posix_memalign(&block, page, bytes))
            return NULL;
        (void)madvise(block, bytes / page * page, MADV_HUGEPAGE); /* a hint: it may be refused */
        return block;
    }
#endif
    return aligned_alloc(BLOCK_ALIGNMENT, bytes);
}

void *valence_block_take(size_t bytes)
{
    size_t rounded = block_size(bytes);
    if (!rounded)
        return NULL;
    void *block = host.allocate ? host.allocate(host.user, BLOCK_ALIGNMENT, rounded)
                                : take_from_library(rounded);
    if (block)
        count_taken(rounded);
    return block;
}

void valence_block_release(void *block, size_t bytes)
{
    if (block)
        atomic_fetch_sub(&bytes_taken, block_size(bytes));
    if (block && host.release)
        host.release(host.user, block, block_size(bytes));
    else
        free(block);
}

/* ---- Threads ---- */

#ifdef _OPENMP

/* Whether this thread was told how many; OMP_NUM_THREADS cannot be told from the default. */
static _Thread_local bool chosen;

int valence_default_threads(void)
{
    int n = omp_get_num_procs(), quota = cpu_quota("");
    return quota > 0 && quota < n ? quota : n;
}

int valence_threads(void)
{
    /* By default OpenMP uses as many as there are CPUs, without regard to a quota. */
    if (!chosen && !omp_in_parallel()) {
        chosen = true;
        if (omp_get_max_threads() == omp_get_num_procs())
            omp_set_num_threads(valence_default_threads());
    }
    return omp_get_max_threads();
}

int valence_set_threads(int n)
{
    int before = valence_threads();
    chosen = true;
    omp_set_num_threads(n > 0 ? n : valence_default_threads());
    return before;
}

#else

int valence_default_threads(void)
{
    return 1;
}

int valence_threads(void)
{
    return 1;
}

int valence_set_threads(int n)
{
    (void)n;
    return 1;
}

#endif
