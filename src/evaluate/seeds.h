/* A figure over several models. */
#ifndef VALENCE_EVALUATE_SEEDS_H
#define VALENCE_EVALUATE_SEEDS_H

#include "valence/evaluate.h"

/* Mean and sample standard deviation of n values; NaN where one of them is. */
struct valence_seed_summary summarise_seeds(const double *values, int n);

#endif
