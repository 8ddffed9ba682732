/* The summary of a data set, for people and for programs. */
#ifndef VALENCE_CLI_DATA_OUTPUT_H
#define VALENCE_CLI_DATA_OUTPUT_H

#include <jansson.h>

#include "store/data_summary.h"

/* Tables of the streams, their values and the labels of the splits. */
void print_data_summary(const char *title, const struct data_summary *summary);

/* {"clips", "streams", "splits", ...}; NULL where memory is short. */
json_t *data_summary_to_json(const struct data_summary *summary);

#endif
