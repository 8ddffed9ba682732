/* One pool of threads for the whole program: OpenMP's. OpenBLAS is the OpenMP build and uses the
 * same one; inside a parallel loop it computes on the calling thread alone. Without OpenMP
 * everything runs on one thread. */
#ifndef VALENCE_BASE_THREADS_H
#define VALENCE_BASE_THREADS_H

#include "valence/error.h"

/* Threads that parallel loops and matrix products of the calling thread use from now on; 0 is the
 * default, valence_default_threads(). */
void threads_set(int n);
int threads_count(void);

/* For a call with a number of threads of its own: sets n, 0 for leaving it as it is, and gives what
 * threads_leave() puts back. */
int threads_enter(int n);
void threads_leave(int before);

/* Lowers the calling thread's count to the threads that it will get; to be called before anything
 * is laid out for them or computed. OpenBLAS waits for ever for a thread that OpenMP does not give
 * it (OMP_DYNAMIC, OMP_THREAD_LIMIT, OMP_MAX_ACTIVE_LEVELS), and OpenMP ends the process where a
 * thread cannot be made (ulimit -u). */
void threads_prepare(void);

/* ERROR_MEMORY if OpenBLAS's buffers would not fit into a limited address space: it would ask
 * for them for ever. To be called when everything else is allocated. */
int threads_check_room(struct valence_error *error);

/* Index of the calling thread in the current parallel region, 0 outside one. */
int thread_index(void);

#endif
