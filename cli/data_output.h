/* The summary of a data set, for people and for programs. */
#ifndef VALENCE_CLI_DATA_OUTPUT_H
#define VALENCE_CLI_DATA_OUTPUT_H

#include <jansson.h>

#include "valence/summary.h"
#include "valence/import.h"

/* Tables of the streams, their values and, where `labels` is set, the labels of the splits. */
void print_data_summary(const char *title, const struct valence_data_summary *summary, bool labels);

/* {"clips", "streams", "splits", ...}; NULL if memory is short. */
json_t *data_summary_to_json(const struct valence_data_summary *summary);

/* Of a source that was only looked at: the clips an import would have left out, and why. */
void print_left_out(const struct valence_import_result *result);
json_t *left_out_to_json(const struct valence_import_result *result);

#endif
