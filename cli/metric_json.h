/* Metrics as JSON. An undefined value is null; a function gives NULL if memory is short, and
 * jansson's setters take a NULL as their own failure, so that one check at the end is enough. */
#ifndef VALENCE_CLI_METRIC_JSON_H
#define VALENCE_CLI_METRIC_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "json_output.h"
#include "valence/evaluate.h"
#include "valence/run.h"

json_t *interval_to_json(struct valence_interval interval);

/* A text, or null for NULL. */
json_t *json_text(const char *text);

/* What labels were brought to the training's scale by; null where they were not. */
json_t *labels_to_json(const char *values, const char *map);

/* Takes over `value`; false if either is missing. */
bool json_put(json_t *object, const char *key, json_t *value);

/* `object` if it is complete, else NULL; it is released then. */
json_t *json_all_or_nothing(json_t *object, bool complete);

const char *metric_key(int metric);

/* The scale's metric after `metric`, -1 behind the last; -1 gives the first. */
int scale_next_metric(enum valence_scale scale, int metric);

/* {"mae": ...}: values, and intervals as [low, high]. */
json_t *metrics_to_json(const struct valence_metrics *metrics, enum valence_scale scale);
json_t *intervals_to_json(const struct valence_interval *values, enum valence_scale scale);

/* {"name", "checkpoint", "data_fingerprint", "configuration"} of a run's model; what its checkpoint
 * does not say is null. */
json_t *run_model_to_json(const struct valence_run *models, int i, const char *trained_on,
                          const char *configuration);

/* The keys of a set of warnings. */
json_t *warnings_to_json(unsigned set);

/* {"system", "cpu", "cores"} of the machine that computes. */
json_t *this_machine_to_json(void);

/* {"mean": ..., "sd": ...} */
json_t *seed_summary_to_json(struct valence_seed_summary summary);

#endif
