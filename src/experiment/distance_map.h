/* Figures of a matrix of distances between clips without and with a modality. */
#ifndef VALENCE_EXPERIMENT_DISTANCE_MAP_H
#define VALENCE_EXPERIMENT_DISTANCE_MAP_H

#include "valence/metrics.h"
#include "valence/representations.h"

/* As struct valence_distance_figures, of one model; NaN where undefined. */
enum map_figure {
    MAP_DIAGONAL,
    MAP_OFF_DIAGONAL,
    MAP_RATIO,
    MAP_NEAREST,
    MAP_NEARER,
    MAP_LABEL_CORR,
    MAP_N_FIGURES
};

/* The bins of a scale over the given labels, which ascend: one for each unit of sentiment (-3 ...
 * 3) and of classes3, the five classes of sims (acc5_sims in valence/metrics.h), five of equal
 * width over the labels' range of others. Gives their number; `bins` has room for MAP_MAX_BINS. */
#define MAP_MAX_BINS 7
int map_label_bins(enum valence_scale scale, const float *labels, int64_t n,
                   struct valence_label_bin *bins);

/* Figures of all rows of `distances`, (n, n), in figures[0], and of the rows of each bin behind it:
 * (1 + n_bins, MAP_N_FIGURES). */
void map_measure(const float *distances, const float *labels, int64_t n,
                 const struct valence_label_bin *bins, int n_bins, double *figures);

/* Means of the blocks of a matrix (n, n), cut into (n_grid, n_grid) as evenly as can be; n_grid <=
 * n. */
void map_reduce(const float *distances, int64_t n, int n_grid, float *grid);

#endif
