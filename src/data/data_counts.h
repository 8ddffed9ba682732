/* What a summary counts with: the part of it that programs do not see. Clips are counted in
 * data_summary.c, values in data_values.c. */
#ifndef VALENCE_DATA_DATA_COUNTS_H
#define VALENCE_DATA_DATA_COUNTS_H

#include "data/data_summary.h"

/* Of one stream; the arrays have an item a column. */
struct stream_counts {
    int32_t *lengths; /* of the clips that have it, (n_clips) */
    int64_t length_capacity;
    float *lows, *highs;
    int32_t *low_clips, *high_clips; /* that have them first */
    /* Of the training rows: their number, and sums of the distances from the first row and of their
     * squares. */
    int64_t n_training_rows;
    double *first, *sums, *squares;
    /* The clip whose rows are coming, and whether all so far were zeros. */
    int64_t current, n_current_values;
    bool is_zero;
    int64_t last_broken;
};

struct summary_clip {
    const char *id, *group;
    enum valence_split split;
    bool has_rows;
    uint64_t hash; /* of its lengths and values */
};

struct valence_data_counts {
    bool borrows; /* the clips' texts */
    struct stream_counts streams[VALENCE_STORE_MAX_STREAMS];
    struct summary_clip *clips;
    int64_t clip_capacity;
};

int stream_counts_begin(struct stream_counts *counts, int64_t width, struct valence_error *error);
void stream_counts_clear(struct stream_counts *counts);

/* What is said of a stream's values, once all rows are in. */
void stream_values_finish(struct valence_data_summary *summary, int stream);

/* Counts a clip, and names it while there is room. */
void add_example(struct valence_clip_examples *examples, int64_t clip);

#endif
