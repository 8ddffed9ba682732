/* The three forms that `valence predict` gives its results, written clip by clip as they come:
 * tables for people, CSV, and JSON. */
#ifndef VALENCE_CLI_PREDICT_OUTPUT_H
#define VALENCE_CLI_PREDICT_OUTPUT_H

#include "table.h"
#include "valence/predict.h"
#include "valence/run.h"

enum predict_form { PREDICT_TABLE, PREDICT_SENTENCES, PREDICT_CSV, PREDICT_JSON };

struct predict_output {
    enum predict_form form;
    const struct valence_model *model;
    const struct valence_run *run;
    const char *run_path;
    const char *store; /* its path, NULL for sentences */
    double level;
    int64_t max_rows;
    const char *const *sentences; /* by clip; NULL for a store */

    /* While it is written. */
    bool begun;
    char level_text[16];
    int64_t n_rows; /* of the table at hand */
    struct table table;
};

/* A valence_prediction_receiver; `user` is the struct predict_output. */
int predict_output_receive(void *user, const struct valence_prediction *prediction);

/* What follows the last clip. */
void predict_output_finish(struct predict_output *output,
                           const struct valence_prediction_counts *counts);

#endif
