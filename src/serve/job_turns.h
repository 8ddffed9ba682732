/* When a job is scored while requests wait for the same thread. It takes turns: each turn lasts a
 * few seconds, and before it the requests have nine times as long. So requests that never cease
 * leave jobs a tenth of the time. The caller says what time it is. */
#ifndef VALENCE_SERVE_JOB_TURNS_H
#define VALENCE_SERVE_JOB_TURNS_H

#include <stdbool.h>

struct job_turns {
    double shortest, longest; /* seconds */
    double last_end;          /* when a turn of any job ended */
};

void job_turns_begin(struct job_turns *turns, double now);

/* Whether the requests have had their time, and a job takes a turn of this length now. */
bool job_turns_are_due(const struct job_turns *turns, double length, double now);

/* The length of a job's next turn, after it made way for requests at the end of one. Continuing
 * costs it the way back to where it was, so its turns become longer, up to the longest. Where a
 * turn ended before anything was finished (`has_advanced` false), twice as long may be enough,
 * whatever the longest is: else the job would begin again for ever. */
double job_turns_next(const struct job_turns *turns, double length, bool has_advanced);

#endif
