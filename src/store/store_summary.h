/* What a store holds, counted from its clip records alone: the rows are not read. */
#ifndef VALENCE_STORE_SUMMARY_H
#define VALENCE_STORE_SUMMARY_H

#include "valence/store.h"

#define LABEL_BINS 7 /* labels rounded to -3 ... 3, halves to even, as Acc-7 does */

struct stream_summary {
    int64_t n_clips; /* that have the stream */
    int64_t n_rows;
    /* Rows of a clip that has it: the shortest, quantiles by nearest rank, the longest. 0 where no clip has it. */
    int64_t shortest, median, percentile_95, longest;
};

struct split_summary {
    int64_t n_clips;
    int64_t n_groups; /* different recordings; 0 where none is named */
    int64_t n_unlabelled;
    int64_t n_empty; /* without rows of any stream */
    int64_t n_transcripts;
    double label_mean, label_deviation; /* population; NaN without labels */
    int64_t label_bins[LABEL_BINS];     /* values beyond -3 and 3 count at the ends */
};

struct store_summary {
    int n_streams;
    struct stream_summary streams[VALENCE_STORE_MAX_STREAMS];
    struct split_summary splits[VALENCE_N_SPLITS];
    int64_t
        n_shared_groups; /* recordings with clips in more than one split: the test set has been seen */
};

int store_summarise(const struct valence_store *store, struct store_summary *summary,
                    struct valence_error *error);

#endif
