/* The three forms that `valence evaluate` gives its results: tables, JSON, and a CSV of all
 * predictions. */
#ifndef VALENCE_CLI_EVALUATE_OUTPUT_H
#define VALENCE_CLI_EVALUATE_OUTPUT_H

#include "valence/evaluate.h"
#include "valence/run.h"

/* Evaluations of the models of a run on the same clips in the same flows. */
struct evaluation_set {
    const char *run;
    const struct valence_evaluate_options *options;
    struct valence_run *models;
    const struct valence_store *store;
    int n; /* evaluated: all of the run's models in the end */
    const struct valence_evaluation **evaluations;
};

/* `comparison` with the run `against`, or NULL. */
void print_evaluation_tables(const struct evaluation_set *set, const char *against,
                             const struct valence_comparison *comparison);
int print_evaluation_json(const struct evaluation_set *set, const char *against,
                          const struct valence_comparison *comparison, struct valence_error *error);

/* model,id,label, and a column a flow. */
int write_predictions(const char *path, bool overwrite, const struct evaluation_set *set,
                      struct valence_error *error);

/* The share of a class's clips that is right, by a confusion matrix; NaN of one without clips. */
double class_recall(const int64_t *confusion, int n_classes, int number);

#endif
