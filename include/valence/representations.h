/* Representation maps: how near are imagined representations to real ones?
 *
 * A clip is given to a model twice, complete and without some modalities, and what the network
 * computes for a missing modality is compared with what it computes from the real one. The map of n
 * clips is an n x n matrix of Euclidean distances: row i is clip i without the modality, column j
 * is clip j with it, both ordered by label. If imagination works, the diagonal is dark.
 *
 *     valence_run_load(run, &model, &error);
 *     valence_representations_measure(model, store, NULL, NULL, &maps, &error);
 *     printf("%.3f\n", maps->maps[1].all.ratio.mean);
 *
 * Source: arXiv 2410.15029, section 2.3 (MIA) and its figure of distances between simulated and
 * real text. */
#ifndef VALENCE_REPRESENTATIONS_H
#define VALENCE_REPRESENTATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/evaluate.h"
#include "valence/model.h"
#include "valence/progress.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is compared. */
enum valence_representation {
    /* The modality's pooled representation h, of width d. */
    VALENCE_REPRESENTATION_POOLED,
    /* What cross-attention gathers of the modality, c, for all query views side by side: of width
     * 7 o. Networks without cross-attention do not have it. */
    VALENCE_REPRESENTATION_CROSS,
    VALENCE_N_REPRESENTATIONS
};
/* "representation", "cross" */
extern VALENCE_API const char *const valence_representation_names[VALENCE_MAX_NAMES];

struct valence_representations_options {
    size_t size;              /* set by valence_representations_options_default() */
    enum valence_split split; /* test */
    unsigned missing;         /* a set of modalities that the clips are without: text */
    /* Clips of a map, 2 to 100000, or 0 for all: 2000. If there are more, this many are taken,
     * evenly spaced in the order of the labels. A map takes 4 n^2 bytes, and there are up to four
     * for each missing modality. */
    int64_t max_clips;
    /* Cells of a side of the small maps, 0 (none) to 256. */
    int64_t grid;
    int64_t batch_size; /* clips computed together, 64 */
    int64_t max_rows;   /* of a stream of a clip, 10000; longer ones are cut at their end */
};
VALENCE_API void
valence_representations_options_default(struct valence_representations_options *options);

/* Figures of the distances d_ij of some rows i of a map to all columns j: mean and sample
 * deviation over the models. */
struct valence_distance_figures {
    struct valence_seed_summary diagonal;     /* mean d_ii: to the same clip */
    struct valence_seed_summary off_diagonal; /* mean d_ij of j != i: to other clips */
    struct valence_seed_summary ratio;        /* of the two: 1 by chance, 0 for the same vector */
    /* Share of the rows to which no other clip is as near as their own. */
    struct valence_seed_summary nearest;
    /* Mean share of the other clips that are nearer than its own, ties half: 0.5 by chance. */
    struct valence_seed_summary nearer;
    /* Pearson's r of d_ij and |label_i - label_j| over j != i: whether the map is ordered by
     * sentiment. */
    struct valence_seed_summary label_corr;
};

struct valence_distance_map {
    enum valence_modality modality; /* the missing one that is compared */
    enum valence_representation representation;
    bool imagined; /* after imagination (MIA), or before */
    struct valence_distance_figures all;
    const struct valence_distance_figures *bins; /* (n_bins) by the label of the row's clip */
    const float *distances;                      /* (n_clips, n_clips): the mean over the models */
    const float *grid; /* (n_grid, n_grid): means of its blocks, NULL if n_grid is 0 */
};

/* Clips whose label is at least `low` and less than `high`; of the last bin, at most. */
struct valence_label_bin {
    double low, high;
    int64_t n_clips;
};

/* Principal components of the feature that the score is read off, of complete and of incomplete
 * clips together: (2 n, o). The points are those of the first model, since components of different
 * models are different directions. */
struct valence_feature_plane {
    struct valence_seed_summary explained[2]; /* share of the variance, of each component */
    /* Distance in all o dimensions between a clip's two features, divided by the mean distance
     * between complete features of different clips. */
    struct valence_seed_summary shift;
    const float *complete; /* (n_clips, 2) */
    const float *missing;  /* (n_clips, 2) */
};

/* Ids belong to the store. */
struct valence_representation_maps {
    enum valence_split split;
    unsigned missing;
    /* The models were trained with this flow. In one that they were not trained with, modalities
     * that no trained flow misses are not imagined: before and after are the same. */
    bool trained;
    bool synthetic;
    enum valence_data_match data;
    int n_models;
    int64_t n_clips;
    const int64_t *clips; /* (n_clips): indices in the store, by label and then by index */
    const float *labels;  /* (n_clips) */
    /* Clips left out: without a label; without real rows of a missing modality to compare with;
     * beyond max_clips. */
    int64_t n_unlabelled, n_without, n_beyond;
    char clips_sha256[65]; /* of the ids and labels, in this order */
    int n_bins;            /* one for each unit or class of the scale, else 5 */
    const struct valence_label_bin *bins;
    /* By modality, then representation, then before and after imagination. */
    int n_maps;
    const struct valence_distance_map *maps;
    int n_grid;
    struct valence_feature_plane plane;
};

/* Measures a model, or each member of a group: the seeds of a run. Every clip has a label and rows
 * of the missing modalities. *maps is NULL on failure; free it with valence_representations_free(),
 * which takes NULL. `options` and `progress` may be NULL.
 *
 * Errors: ARGUMENT for options out of range, with their key; UNSUPPORTED for models without
 * representations (enum valence_fusion: linear, constant); NOT_FOUND where the model reads no
 * stream for a missing modality, or fewer than two clips are left; DATA where a clip's values are
 * too large for the network; those of valence_evaluate(); MEMORY. */
VALENCE_API int valence_representations_measure(
    const struct valence_model *model, const struct valence_store *store,
    const struct valence_representations_options *options, const struct valence_progress *progress,
    const struct valence_representation_maps **maps, struct valence_error *error);
VALENCE_API void valence_representations_free(const struct valence_representation_maps *maps);

/* ---- Files ---- */

enum valence_map_form { VALENCE_MAP_NPY, VALENCE_MAP_CSV, VALENCE_N_MAP_FORMS };
/* "npy", "csv" */
extern VALENCE_API const char *const valence_map_form_names[VALENCE_MAX_NAMES];

/* Writes a folder, which must not exist yet: a file for each map, "text-cross-after.npy" or ".csv",
 * and a picture of it, ".png", from dark (0) to bright (its largest distance); "clips.csv" with the
 * id, label and coordinates of each clip in the order of rows and columns.
 *
 * Errors: EXISTS with key "target"; ARGUMENT; IO, DISK_FULL, MEMORY. Nothing is left on failure. */
VALENCE_API int valence_representations_write(const struct valence_representation_maps *maps,
                                              const struct valence_store *store,
                                              enum valence_map_form form, const char *folder,
                                              struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
