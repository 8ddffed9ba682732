#ifndef VALENCE_BASE_CLOCK_H
#define VALENCE_BASE_CLOCK_H

/* Seconds of a clock that only goes forward: for differences. */
double seconds_now(void);

#endif
