/* The published splits of the usual data sets (valence/doctor.h), and which one a data set is. */
#ifndef VALENCE_DATA_PUBLISHED_SPLITS_H
#define VALENCE_DATA_PUBLISHED_SPLITS_H

#include "valence/doctor.h"

/* The one whose counts are nearest, NULL if even that one differs by more than a tenth of its
 * clips. */
const struct valence_published_split *published_split_nearest(const int64_t n_clips[3]);

#endif
