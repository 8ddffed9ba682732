/* Metrics as people read them: which of a scale's come first, values and intervals as text. */
#ifndef VALENCE_CLI_METRIC_TEXT_H
#define VALENCE_CLI_METRIC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"
#include "valence/metrics.h"
#include "valence/reliability.h"

/* The m-th of the few that a table shows where there is room for a few only; VALENCE_N_METRICS
 * behind the last. */
enum valence_metric scale_main_metric(enum valence_scale scale, size_t m);

#define METRIC_BYTES   32
#define INTERVAL_BYTES 72

/* Shares in per cent; "-" where undefined. `signs` for differences. */
void format_metric(char text[METRIC_BYTES], enum valence_metric metric, double value, bool signs);
void format_metric_interval(char text[INTERVAL_BYTES], enum valence_metric metric,
                            struct valence_interval interval, bool signs);

/* A table's next cell, without signs. */
void metric_interval_cell(struct table *table, enum valence_metric metric,
                          struct valence_interval interval);

/* A table's next two cells: the error to expect, and the interval with so many decimals. */
void estimate_cells(struct table *table, const struct valence_estimate *estimate, int decimals);

/* "0.912 ± 0.013", or the mean alone where the deviation is undefined. */
void format_metric_spread(char text[INTERVAL_BYTES], enum valence_metric metric, double mean,
                          double deviation);

#endif
