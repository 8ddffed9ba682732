/* Repetitions that are timed, and how their times spread. */
#ifndef VALENCE_BASE_TIMES_H
#define VALENCE_BASE_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/cost.h"
#include "valence/error.h"

/* Times of repetitions, as many as there is room for. */
#define TIMES_MAX 20000

/* Repetitions that are not counted: memory, threads and caches are ready then. */
#define TIMES_WARM_UP 2

struct times {
    int64_t n;
    double *seconds; /* (TIMES_MAX), free() it */
};

int times_make(struct times *times, struct valence_error *error);

/* Whether `elapsed` seconds of repetitions, `seconds` being asked for, are enough: at least five,
 * or two where they take ten times as long. */
bool times_enough(const struct times *times, double elapsed, double seconds);

/* Median, 5th and 95th percentile, as NumPy's percentile() has them; sorts the times. NaN of none.
 */
struct valence_cost_spread times_spread(struct times *times);

/* The same of numbers of clips divided by the times. */
struct valence_cost_spread times_rate(struct times *times, double n_clips);

#endif
