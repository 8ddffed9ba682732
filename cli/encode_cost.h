/* What encoders cost, beside the network, for `valence cost`. */
#ifndef VALENCE_CLI_ENCODE_COST_H
#define VALENCE_CLI_ENCODE_COST_H

#include <jansson.h>
#include <stdbool.h>

#include "table.h"
#include "valence/cost.h"
#include "valence/encoder_cost.h"

/* What the command line says; names of models, or files. */
struct encode_cost_request {
    const char *clip, *whisper, *faces, *manet, *wavlm, *llm, *projector;
    bool quiet;
};

/* Measures each encoder whose model is in the cache or named; those that are not there say so in
 * the table. */
int measure_encoders(const struct encode_cost_request *request, double seconds,
                     const struct valence_encoder_costs **costs, struct valence_error *error);

/* `networks` may be NULL; else its first model's time stands below. As CSV a row for each encoder.
 */
void print_encoders(const struct valence_encoder_costs *costs, const struct valence_cost *networks,
                    enum table_format format, FILE *stream);
json_t *encoders_to_json(const struct valence_encoder_costs *costs);

#endif
