/* The three forms that `valence evaluate` gives its results: tables, JSON, and a CSV of all
 * predictions. */
#ifndef VALENCE_CLI_EVALUATE_OUTPUT_H
#define VALENCE_CLI_EVALUATE_OUTPUT_H

#include "evaluate/comparison.h"
#include "run/run_models.h"

/* Evaluations of the models of a run on the same clips in the same flows. */
struct evaluation_set {
    const char *run;
    const struct evaluation_options *options;
    struct run_models models;
    const struct valence_store *store;
    int n; /* evaluated: models.n once all are */
    struct evaluation *evaluations;
    struct constant_predictor constant;
};

/* `comparison` with the run `against`, or NULL. */
void print_evaluation_tables(const struct evaluation_set *set, const char *against,
                             const struct comparison *comparison);
int print_evaluation_json(const struct evaluation_set *set, const char *against,
                          const struct comparison *comparison, struct valence_error *error);

/* model,id,label, and a column a flow. */
int write_predictions(const char *path, bool overwrite, const struct evaluation_set *set,
                      struct valence_error *error);

#endif
