/* What a data set holds, counted clip by clip in one pass, be it in a store or in a source that
 * could be imported. Memory grows with the number of clips and columns, not with the rows. */
#ifndef VALENCE_DATA_DATA_SUMMARY_H
#define VALENCE_DATA_DATA_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/store.h"

#define LABEL_BINS       7 /* labels rounded to -3 ... 3, halves to even, as Acc-7 does */
#define SUMMARY_EXAMPLES 3

/* Clips are named by their number in the order they were added. */
struct clip_examples {
    int64_t n;
    int64_t clips[SUMMARY_EXAMPLES]; /* the first of them */
};

struct stream_summary {
    struct valence_store_stream format;
    int64_t n_clips; /* that have the stream */
    int64_t n_rows;
    /* Rows of a clip that has it: the shortest, quantiles by nearest rank, the longest. 0 where no
     * clip has it. */
    int64_t shortest, percentile_5, median, percentile_95, longest;
    struct clip_examples absent; /* clips that have rows, but not of this stream */

    /* Of the values; nothing is counted where they were not added. */
    int64_t n_nan, n_infinite;
    int64_t n_saturated;         /* f16: at the largest value it has, 65504 or -65504 */
    struct clip_examples broken; /* clips with NaN or infinite values */
    float low, high;
    int64_t n_constant; /* columns with one value in all rows, of which there are at least 2 */
    int64_t constant[SUMMARY_EXAMPLES];

    /* The summary's own. */
    int64_t *lengths, length_capacity; /* of the clips that have it */
    float *lows, *highs;               /* (width) */
    int64_t last_broken;
};

struct split_summary {
    int64_t n_clips;
    int64_t n_groups; /* different recordings; 0 where none is named */
    int64_t n_unlabelled;
    int64_t n_empty; /* without rows of any stream */
    int64_t n_transcripts;
    int64_t n_duplicates; /* clips with the same rows as an earlier one of the split */
    double label_mean, label_deviation, label_low,
        label_high;                 /* deviation of the population; NaN without labels */
    int64_t label_bins[LABEL_BINS]; /* values beyond -3 and 3 count at the ends */
};

struct summary_clip {
    char *id, *group; /* one block */
    enum valence_split split;
    int64_t n_rows; /* of all streams */
    uint64_t hash;  /* of its lengths and values */
};

/* Two clips that should have nothing in common. */
struct clip_pair {
    int64_t first, second;
};

struct data_summary {
    int n_streams;
    struct stream_summary streams[VALENCE_STORE_MAX_STREAMS];
    struct split_summary splits[VALENCE_N_SPLITS];
    bool has_values; /* rows were added: what is said of values and duplicates counts */

    /* Recordings with clips in more than one split, and clips with the same rows as one of an
     * earlier split: what is measured on them flatters the model. */
    int64_t n_shared_groups, n_leaked;
    struct clip_pair shared_groups[SUMMARY_EXAMPLES], leaked[SUMMARY_EXAMPLES];
    struct clip_pair duplicates[SUMMARY_EXAMPLES]; /* within a split */
    struct clip_examples repeated;                 /* clips with an id that was there before */

    int64_t n_clips, clip_capacity;
    struct summary_clip *clips;
};

/* An empty summary of such streams. Free with data_summary_free(), after an error too. */
int data_summary_begin(struct data_summary *summary, const struct valence_store_stream *streams,
                       int n_streams, struct valence_error *error);

/* The next clip: its record, with the rows it has of each stream. */
int data_summary_add(struct data_summary *summary, const struct valence_clip *clip,
                     struct valence_error *error);

/* Some rows of a clip, in their order, stream after stream; `clip` counts from 0 in the order of
 * data_summary_add(). */
void data_summary_add_rows(struct data_summary *summary, int64_t clip, int stream,
                           const float *rows, int64_t n_rows);

/* Computes what needs all clips. */
int data_summary_finish(struct data_summary *summary, struct valence_error *error);

void data_summary_free(struct data_summary *summary);

#endif
