#ifndef VALENCE_BASE_CLOCK_H
#define VALENCE_BASE_CLOCK_H

#include <stdint.h>

/* Seconds of a clock that only goes forward: for differences. */
double seconds_now(void);

/* Milliseconds since 1970-01-01 UTC: for people, who may set this clock. */
int64_t unix_milliseconds(void);

#endif
