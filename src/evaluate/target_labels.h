/* The labels that scores are measured against: a store's own, or brought to the scale of the labels
 * that the model was trained on. */
#ifndef VALENCE_EVALUATE_TARGET_LABELS_H
#define VALENCE_EVALUATE_TARGET_LABELS_H

#include "data/clips.h"
#include "data/value_map.h"
#include "valence/metrics.h"

struct target_labels {
    const char *values; /* "FROM=TO,...", or NULL */
    struct affine map;  /* after it */
    bool mapped;        /* either was asked for */
};

/* NULL for what is not asked for; the texts must live as long. ERROR_ARGUMENT with the key
 * "label_values" or "label_map". */
int target_labels_make(const char *values, const char *formula, struct target_labels *labels,
                       struct valence_error *error);

/* valence_store_scale(), or where labels are mapped by what they become: classes3 for -1, 0 and 1
 * alone, sentiment within -3 ... 3, else other. */
enum valence_scale target_scale(const struct target_labels *labels,
                                const struct valence_store *store);

/* The median of the training clips' labels; NaN if there are none. */
int target_median(const struct target_labels *labels, const struct valence_store *store,
                  float *median, struct valence_error *error);

/* The labelled clips of a split, and their labels (selection->n), which the caller frees. Errors:
 * NOT_FOUND where there are none; MEMORY. Nothing is made on failure. */
int target_clips(const struct target_labels *labels, const struct valence_store *store,
                 const struct stream_map *map, enum valence_split split,
                 struct clip_selection *selection, float **values, struct valence_error *error);

#endif
