/* What is recorded of a simulator, and of what it heard, as JSON. */
#ifndef VALENCE_ENCODE_SIMULATED_SIMULATION_RECORD_H
#define VALENCE_ENCODE_SIMULATED_SIMULATION_RECORD_H

#include <jansson.h>

#include "valence/simulate.h"

/* Which models simulate, and how. Of `options` nothing is NULL or 0 any more. NULL where memory is
 * short. */
char *simulation_settings(const struct valence_encoder *wavlm,
                          const struct valence_encoder *projector,
                          const struct valence_encoder *llm, bool mean,
                          const struct valence_simulator_options *options);

/* What was heard in one clip: {"transcript", "score", "tokens", "probabilities", "passes",
 * "flags"}. NULL where memory is short. */
json_t *simulation_to_json(const struct valence_simulation *heard);

#endif
