/* One pool of threads for the whole program: OpenMP's. OpenBLAS is the OpenMP build and uses the
 * same one; inside a parallel loop it computes on the calling thread alone. Without OpenMP
 * everything runs on one thread. */
#ifndef VALENCE_BASE_THREADS_H
#define VALENCE_BASE_THREADS_H

/* Threads that parallel loops and matrix products use from now on, at least 1. The default is the
 * machine's cores. */
void threads_set(int n);
int threads_count(void);

/* Index of the calling thread in the current parallel region, 0 outside one. */
int thread_index(void);

#endif
