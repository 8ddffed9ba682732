/* The command's folder of models (valence/models.h): VALENCE_CACHE/models, or
 * ~/.cache/valence/models. */
#ifndef VALENCE_CLI_MODEL_CACHE_H
#define VALENCE_CLI_MODEL_CACHE_H

#include <stdbool.h>

#include "valence/models.h"

/* In fresh memory; NULL where memory is short, as the next. */
char *model_folder(void);

/* The file that remembers which models were verified (valence_encoder_options.memory). */
char *model_memory(void);

/* The file behind `name`, a known model's name or any path, in *path (free() it). A known model
 * that is not here is fetched unless `offline`, with progress unless `quiet`. */
int model_path(const char *name, bool offline, bool quiet, char **path,
               struct valence_error *error);

#endif
