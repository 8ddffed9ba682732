#include "serve/job_turns.h"

#include <math.h>

#define SHORTEST_SECONDS 5.0
#define LONGEST_SECONDS  30.0

/* Before a turn, requests have this many times its length: jobs get a tenth. */
#define TURNS_BETWEEN 9

void job_turns_begin(struct job_turns *turns, double now)
{
    *turns = (struct job_turns){SHORTEST_SECONDS, LONGEST_SECONDS, now};
}

bool job_turns_are_due(const struct job_turns *turns, double length, double now)
{
    return now - turns->last_end > TURNS_BETWEEN * length;
}

double job_turns_next(const struct job_turns *turns, double length, bool has_advanced)
{
    return has_advanced ? fmin(length + turns->shortest, turns->longest) : 2 * length;
}
