/* The results of experiments as tables. */
#ifndef VALENCE_CLI_EXPERIMENT_OUTPUT_H
#define VALENCE_CLI_EXPERIMENT_OUTPUT_H

#include "table.h"
#include "valence/experiment.h"

/* Figures and differences for each flow; of a sweep the validation errors before. As CSV one table
 * with a row for each variant, flow and metric. */
void print_result(const struct valence_experiment_result *result, enum table_format format,
                  FILE *stream);

/* The run card: what was trained on what, how it was chosen and measured, by which program on which
 * machine, as Markdown. `experiment` tells what the training took; NULL for runs trained before. */
int write_card(const char *path, bool overwrite, const struct valence_experiment_result *result,
               const struct valence_experiment *experiment, struct valence_error *error);

/* Writes the tables in every form, and the result as JSON, to KIND.txt, KIND.md, KIND.csv, KIND.tex
 * and KIND.json in a folder, which is made where it is missing. */
int write_tables(const char *folder, const struct valence_experiment_result *result,
                 struct valence_error *error);

#endif
