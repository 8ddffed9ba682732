/* When work is worth more than one thread.
 *
 * Handing work to another thread and waiting for it takes some microseconds on an idle machine, but
 * milliseconds where another program wants the same core: a step of a small network is hundreds of
 * such pieces. So a piece that one thread does in a fraction of a millisecond stays with it. What
 * is decided depends on sizes alone, never on the machine's load: the same run gives the same
 * bytes. */
#ifndef VALENCE_KERNELS_PARALLEL_H
#define VALENCE_KERNELS_PARALLEL_H

#include <stdint.h>

#include "base/threads.h"

/* Multiply-adds of a matrix product below which it is done by one thread: 0.1 to 0.3 ms. */
#define PARALLEL_WORK ((int64_t)1 << 24)

/* Elements of loops that do a few operations for each. */
#define PARALLEL_ELEMENTS ((int64_t)1 << 18)

/* Loops and products between the two use the calling thread alone if `multiply_adds` are too few.
 * Called inside a parallel loop, where they do in any case, it changes nothing. */
static inline int share_enter(int64_t multiply_adds)
{
    return multiply_adds < PARALLEL_WORK && threads_count() > 1 ? threads_enter(1) : 0;
}

static inline void share_leave(int before)
{
    if (before)
        threads_leave(before);
}

#endif
