/* How many clips the published splits of the usual data sets have. */
#ifndef VALENCE_DATA_PUBLISHED_SPLITS_H
#define VALENCE_DATA_PUBLISHED_SPLITS_H

#include <stdint.h>

#include "valence/stream.h"

struct published_split {
    const char *name;  /* "mosi": what options say */
    const char *title; /* "CMU-MOSI, standard split" */
    const char *where; /* who publishes it */
    int64_t n_clips[VALENCE_N_SPLITS];
};

extern const struct published_split published_splits[];
extern const int n_published_splits;

/* NULL where there is none of that name. */
const struct published_split *published_split_find(const char *name);

/* The one whose counts are nearest, NULL where even that one differs by more than a tenth of its
 * clips. */
const struct published_split *published_split_nearest(const int64_t n_clips[VALENCE_N_SPLITS]);

#endif
