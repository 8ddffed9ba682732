/* What a data set holds: its streams with their lengths and values, its splits with their labels,
 * and what is odd about its clips. Of a store by valence_store_summarise(), of a source that could
 * be imported by valence_source_summarise() (valence/inspect.h).
 *
 * Memory grows with the number of clips and columns, not with the rows. */
#ifndef VALENCE_SUMMARY_H
#define VALENCE_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Labels rounded to -3 ... 3, halves to even, as Acc-7 does. */
#define VALENCE_LABEL_BINS 7
/* At most so many clips, columns and pairs are named; their number counts all. */
#define VALENCE_N_EXAMPLES 3

/* Some clips, by their numbers in the data set's order; valence_data_summary_id() has the ids. */
struct valence_clip_examples {
    int64_t n;
    int64_t clips[VALENCE_N_EXAMPLES];
};

/* Two clips that should have nothing in common. */
struct valence_clip_pair {
    int64_t first, second;
};

/* A column with a value far outside what the training clips have. */
struct valence_far_column {
    int64_t column;
    int64_t clip;
    float value;
    /* From the mean of the training rows, in their standard deviations. */
    double deviations;
};

struct valence_stream_summary {
    struct valence_store_stream format;
    /* Clips that have the stream, and their rows. */
    int64_t n_clips, n_rows;
    /* Rows of a clip that has it: the shortest, quantiles by nearest rank, the longest. 0 where no
     * clip has it. */
    int64_t shortest, percentile_5, median, percentile_95, longest;
    /* Clips that have rows, but not of this stream. */
    struct valence_clip_examples absent;

    /* Of the values; all 0 where has_values of the summary is false. */
    int64_t n_nan, n_infinite;
    /* f16: at the largest value it has, 65504 or -65504. */
    int64_t n_saturated;
    /* Clips with NaN or infinite values. */
    struct valence_clip_examples broken;
    /* Clips whose rows are 8 values or more and all zeros: no face or no voice was found. */
    struct valence_clip_examples zero;
    float low, high;
    /* Columns with one value in all rows, of which there are at least 2. */
    int64_t n_constant;
    int64_t constant[VALENCE_N_EXAMPLES];
    /* f16: columns whose values are so large beside their spread that rounding ruins them. */
    int64_t n_coarse;
    int64_t coarse[VALENCE_N_EXAMPLES];
    /* Columns with values far outside, the worst ones first. */
    int64_t n_far;
    struct valence_far_column far[VALENCE_N_EXAMPLES];
    /* (width): the lowest and the highest value of each column; infinite without rows. */
    const float *lows, *highs;
};

struct valence_split_summary {
    int64_t n_clips;
    /* Different recordings; 0 where none is named. */
    int64_t n_groups;
    int64_t n_unlabelled;
    /* Clips without rows of any stream. */
    int64_t n_empty;
    int64_t n_transcripts;
    /* Clips with the same rows as an earlier one of the split. */
    int64_t n_duplicates;
    /* The deviation is the population's; all NaN without labels. */
    double label_mean, label_deviation, label_low, label_high;
    /* Values beyond -3 and 3 count at the ends. */
    int64_t label_bins[VALENCE_LABEL_BINS];
};

struct valence_data_summary {
    int n_streams;
    struct valence_stream_summary streams[VALENCE_STORE_MAX_STREAMS];
    /* By enum valence_split. */
    struct valence_split_summary splits[VALENCE_MAX_SPLITS];
    int64_t n_clips;
    /* Clips that name their recording, and recordings of all splits together. */
    int64_t n_grouped, n_groups;
    /* Rows were read: what is said of values and duplicates counts. */
    bool has_values;

    /* Recordings with clips in more than one split, and clips with the same rows as one of an
     * earlier split: what is measured on them flatters the model. */
    int64_t n_shared_groups, n_leaked;
    struct valence_clip_pair shared_groups[VALENCE_N_EXAMPLES], leaked[VALENCE_N_EXAMPLES];
    /* Within a split. */
    struct valence_clip_pair duplicates[VALENCE_N_EXAMPLES];
    /* Clips with an id that was there before; a store has none. */
    struct valence_clip_examples repeated;
    /* What labels are the numbers of (valence/store.h); 0: they are scores. */
    int n_classes;

    /* The library's own. */
    struct valence_data_counts *counts;
};

/* Counts a store's clips and, where `values` is set, reads all their rows as well. `progress` may
 * be NULL. *summary is NULL on failure; it uses the store's texts, so free it, with
 * valence_data_summary_free(), before you close the store. Errors: those of reading; CANCELLED;
 * MEMORY. */
VALENCE_API int valence_store_summarise(const struct valence_store *store, bool values,
                                        const struct valence_progress *progress,
                                        struct valence_data_summary **summary,
                                        struct valence_error *error);

/* Takes NULL. */
VALENCE_API void valence_data_summary_free(struct valence_data_summary *summary);

/* A clip's id, or the recording it was cut from ("" where that is unknown); NULL for a number that
 * is none of the data set's. They live as long as the summary. */
VALENCE_API const char *valence_data_summary_id(const struct valence_data_summary *summary,
                                                int64_t clip);
VALENCE_API const char *valence_data_summary_group(const struct valence_data_summary *summary,
                                                   int64_t clip);
VALENCE_API enum valence_split
valence_data_summary_split(const struct valence_data_summary *summary, int64_t clip);

#ifdef __cplusplus
}
#endif
#endif
