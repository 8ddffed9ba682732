/* Representation maps, and the memory behind them. */
#ifndef VALENCE_EXPERIMENT_REPRESENTATIONS_H
#define VALENCE_EXPERIMENT_REPRESENTATIONS_H

#include "experiment/distance_map.h"
#include "valence/representations.h"

struct owned_maps {
    struct valence_representation_maps shown; /* first, so that its address is this one's */
    int64_t *clips;
    float *labels;
    struct valence_label_bin bins[MAP_MAX_BINS];
    struct valence_distance_map *maps;
    struct valence_distance_figures *bins_of_maps; /* (n_maps, n_bins) */
    float *distances;                              /* (n_maps, n, n) */
    float *grids;                                  /* (n_maps, n_grid, n_grid) */
    double *figures;                               /* of each model, see representations.c */
    float *points;                                 /* (2 n, 2) */
};

#endif
