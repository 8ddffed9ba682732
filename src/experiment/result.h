/* The result of an experiment: what the tables show. */
#ifndef VALENCE_EXPERIMENT_RESULT_H
#define VALENCE_EXPERIMENT_RESULT_H

#include <jansson.h>

#include "experiment/contestants.h"
#include "experiment/plan.h"

#define RESULT_METRICS 5

/* What the caller gets, and the memory behind it. */
struct owned_result {
    struct valence_experiment_result shown; /* first, so that its address is this one's */
    struct valence_result_variant *variants;
    struct valence_result_cell *cells;            /* (n measured, n_flows, n_metrics) */
    struct valence_result_validation *validation; /* (n_variants, n_validation_flows) */
    double *detectable;
    unsigned flows[VALENCE_MAX_FLOWS], validation_flows[VALENCE_MAX_FLOWS];
    enum valence_metric metrics[RESULT_METRICS];
    char (*names)[256];
    char kind[VARIANT_NAME_BYTES];
    char *json;
};

/* A result with n variants, whose cells and validation figures are still to come. */
struct owned_result *result_create(const char *kind, int n_variants, struct valence_error *error);

/* Fills the cells of variants `which` (one for each contestant) from a measured contest. */
int result_compare(struct owned_result *result, const struct contest *contest, const int *which,
                   int64_t n_resamples, uint64_t seed, struct valence_error *error);

/* Sets result->json. `source` says what was compared (result.json's "source"), `plan` is the
 * plan's configuration and variants, or NULL; both are taken over. */
int result_to_json(struct owned_result *result, const struct contest *contest, uint64_t seed,
                   json_t *source, json_t *plan, struct valence_error *error);

/* valence_experiment_evaluate() without writing anything. */
int experiment_measure(const struct valence_experiment *experiment,
                       const struct valence_evaluate_options *options,
                       const struct valence_progress *progress, struct owned_result **result,
                       struct valence_error *error);

#endif
