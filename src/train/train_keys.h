/* The keys of a training's configuration. */
#ifndef VALENCE_TRAIN_TRAIN_KEYS_H
#define VALENCE_TRAIN_TRAIN_KEYS_H

#include "config/config_table.h"
#include "train/train_config.h"

/* Whether a run can be resumed with another value of a key. FIXED ones decide what was computed so
 * far: checkpoints record them. ADDED ones do too, but are younger than some checkpoints: what was
 * done before them is not recorded. */
enum on_resume { FREE, FIXED, ADDED };

/* Of struct valence_train_config. */
extern const struct config_table train_keys;

/* What was done before there was an ADDED key. */
static inline const char *train_key_before(const struct config_key *key)
{
    return key->before ? key->before : key->known.standard;
}

#endif
