/* The width that most clips of a stream have, where a source mixes several. */
#ifndef VALENCE_EXCHANGE_WIDTH_VOTE_H
#define VALENCE_EXCHANGE_WIDTH_VOTE_H

#include <stdint.h>

#define VOTE_MAX_WIDTHS 16

struct width_vote { /* begin with all zero */
    int n;
    int64_t widths[VOTE_MAX_WIDTHS], counts[VOTE_MAX_WIDTHS];
};

/* One clip more; a width of 0 does not count. */
static inline void vote_add(struct width_vote *vote, int64_t width)
{
    int i = 0;
    while (i < vote->n && vote->widths[i] != width)
        i++;
    if (width == 0 || i == VOTE_MAX_WIDTHS)
        return;
    vote->widths[i] = width;
    vote->counts[i]++;
    vote->n += i == vote->n;
}

/* Of equal ones the width met first; 0 if there are none. */
static inline int64_t vote_width(const struct width_vote *vote)
{
    int most = 0;
    for (int i = 1; i < vote->n; i++)
        most = vote->counts[i] > vote->counts[most] ? i : most;
    return vote->n ? vote->widths[most] : 0;
}

#endif
