/* A network's configuration as JSON: {"widths": {"audio": n, ...}, "d", "o", "imagination",
 * "dropout", "attention_dropout", "flows": ["complete", ...]}. */
#ifndef VALENCE_MODEL_CONFIG_JSON_H
#define VALENCE_MODEL_CONFIG_JSON_H

#include <jansson.h>

#include "valence/model.h"

/* A new object, NULL if memory is short. */
json_t *model_config_to_json(const struct valence_model_config *config);

/* Every key must be there, none may be unknown, and the result passes valence_model_config_check().
 * `path` names the file in errors. */
int model_config_from_json(const json_t *object, struct valence_model_config *config,
                           const char *path, struct valence_error *error);

#endif
