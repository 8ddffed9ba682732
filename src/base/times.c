#include "base/times.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"

#define LEAST       5
#define LEAST_SLOW  2
#define MUCH_LONGER 10

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct times *times, double share)
{
    double at = share * (double)(times->n - 1);
    int64_t below = (int64_t)at, above = below + 1 < times->n ? below + 1 : below;
    return times->seconds[below] +
           (at - (double)below) * (times->seconds[above] - times->seconds[below]);
}

struct valence_cost_spread times_spread(struct times *times)
{
    if (times->n == 0)
        return (struct valence_cost_spread){NAN, NAN, NAN, 0};
    qsort(times->seconds, (size_t)times->n, sizeof *times->seconds, ascending);
    return (struct valence_cost_spread){.median = percentile(times, 0.5),
                                        .low = percentile(times, 0.05),
                                        .high = percentile(times, 0.95),
                                        .n = times->n};
}

struct valence_cost_spread times_rate(struct times *times, double n_clips)
{
    for (int64_t i = 0; i < times->n; i++)
        times->seconds[i] = n_clips / times->seconds[i];
    return times_spread(times);
}

int times_make(struct times *times, struct valence_error *error)
{
    *times = (struct times){.seconds = allocate(TIMES_MAX, sizeof(double))};
    return times->seconds ? VALENCE_OK : fail_memory(error, TIMES_MAX * sizeof(double), "times");
}

bool times_enough(const struct times *times, double elapsed, double seconds)
{
    return times->n == TIMES_MAX || (times->n >= LEAST && elapsed >= seconds) ||
           (times->n >= LEAST_SLOW && elapsed >= MUCH_LONGER * seconds);
}
