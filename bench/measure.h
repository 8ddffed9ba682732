/* What every benchmark measures. */
#ifndef VALENCE_BENCH_MEASURE_H
#define VALENCE_BENCH_MEASURE_H

#include <sys/resource.h>
#include <time.h>

/* Of a clock that only goes forward. */
static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Of the processors, all threads together. */
static inline double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

/* The most memory that this process had resident. */
static inline double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

#endif
