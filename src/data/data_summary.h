/* Making a summary of a data set (valence/summary.h), clip by clip in one pass, be it in a store or
 * in a source that could be imported. */
#ifndef VALENCE_DATA_DATA_SUMMARY_H
#define VALENCE_DATA_DATA_SUMMARY_H

#include "valence/summary.h"

/* An empty summary of such streams. Free with data_summary_free(), after an error too. */
int data_summary_begin(struct valence_data_summary *summary,
                       const struct valence_store_stream *streams, int n_streams,
                       struct valence_error *error);

/* Said before the first clip: ids and groups of the clips outlive the summary, and are not copied.
 */
void data_summary_borrow(struct valence_data_summary *summary);

/* The next clip: its record, with the rows it has of each stream. */
int data_summary_add(struct valence_data_summary *summary, const struct valence_clip *clip,
                     struct valence_error *error);

/* Some rows of a clip, in their order, stream after stream; `clip` counts from 0 in the order of
 * data_summary_add(). All rows of one clip and stream come before those of another. */
void data_summary_add_rows(struct valence_data_summary *summary, int64_t clip, int stream,
                           const float *rows, int64_t n_rows);

/* Computes what needs all clips. */
int data_summary_finish(struct valence_data_summary *summary, struct valence_error *error);

/* Frees what the summary holds, but not itself. */
void data_summary_free(struct valence_data_summary *summary);

#endif
