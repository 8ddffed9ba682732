/* What models cost, for people and for programs. */
#ifndef VALENCE_CLI_COST_OUTPUT_H
#define VALENCE_CLI_COST_OUTPUT_H

#include <jansson.h>

#include "table.h"
#include "valence/cost.h"

struct valence_encoder_costs;

/* What was measured: networks, and encoders or NULL. */
struct measured_cost {
    const struct valence_cost *networks;
    const struct valence_encoder_costs *encoders;
};

/* Tables of sizes and operations, of times, and of where a step's operations go, with notes about
 * the machine. As CSV one table with a row for each figure. */
void print_cost(const struct measured_cost *measured, enum table_format format, FILE *stream);

/* NULL if memory is short. */
json_t *cost_to_json(const struct measured_cost *measured);

/* Writes "cost" in every form to a folder, which is made where it is missing. */
int write_cost_tables(const char *folder, const struct measured_cost *measured,
                      struct valence_error *error);

#endif
