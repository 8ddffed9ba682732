/* How a stream was encoded: what a store's "source", and a run's provenance of it, record under
 * "encoders". */
#ifndef VALENCE_DATA_ENCODER_SETTINGS_H
#define VALENCE_DATA_ENCODER_SETTINGS_H

#include <jansson.h>

#include "valence/error.h"

/* The settings of a stream, an object that belongs to `source`; NULL if there are none. */
const json_t *encoder_settings(const json_t *source, const char *stream);

/* Whether two encodings give the same rows; else ERROR_DATA, naming what differs. The file's name
 * may differ. */
int encoder_settings_compare(const json_t *trained, const json_t *now, const char *stream,
                             struct valence_error *error);

#endif
