/* The three encoders behind simulated text, loaded together, and what is recorded of them and of
 * what they heard. */
#ifndef VALENCE_CLI_ENCODE_SIMULATION_H
#define VALENCE_CLI_ENCODE_SIMULATION_H

#include <jansson.h>
#include <stdbool.h>

#include "valence/simulate.h"

/* Texts are the caller's. */
struct simulation_options {
    const char *wavlm, *projector, *llm; /* paths, or names of 'valence models' */
    const char *layers, *device;
    bool mean;
    bool offline, quiet;
    struct valence_simulator_options search;
};

struct simulation {
    struct valence_encoder *wavlm, *projector, *llm;
    struct valence_simulator *simulator;
};

/* *simulation is cleared on failure. Errors: those of loading, of valence_simulator_create() and of
 * model_path(). */
int simulation_open(const struct simulation_options *options, struct simulation *simulation,
                    struct valence_error *error);
void simulation_close(struct simulation *simulation);

/* Which models simulate, and how: what is recorded with a store. NULL where memory is short. */
json_t *simulation_settings(const struct simulation_options *options,
                            const struct simulation *simulation);

/* What was heard in one clip: {"transcript", "score", "tokens", "probabilities", "passes",
 * "flags"}. NULL where memory is short. */
json_t *simulation_to_json(const struct valence_simulation *heard);

#endif
