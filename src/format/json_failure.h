/* Errors of reading JSON by jansson, which gives NULL for text that is no JSON as well as for a
 * lack of memory. */
#ifndef VALENCE_FORMAT_JSON_FAILURE_H
#define VALENCE_FORMAT_JSON_FAILURE_H

#include <jansson.h>

#include "valence/error.h"

/* ERROR_MEMORY if memory was short for json_loads() or json_loadb(), which failed and left
 * `problem`; else `status` with the message given, as fail() takes it. */
int fail_json(const json_error_t *problem, struct valence_error *error, int status,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
