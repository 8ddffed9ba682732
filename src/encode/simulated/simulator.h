/* A simulator that owns its encoders. */
#ifndef VALENCE_ENCODE_SIMULATED_SIMULATOR_H
#define VALENCE_ENCODE_SIMULATED_SIMULATOR_H

#include "valence/simulate.h"

/* They are freed with it. */
void simulator_own(struct valence_simulator *simulator, struct valence_encoder *const encoders[3]);

#endif
