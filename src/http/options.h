#ifndef VALENCE_HTTP_OPTIONS_H
#define VALENCE_HTTP_OPTIONS_H

#include "valence/serve.h"

/* Completes and checks a caller's options; texts stay the caller's. Errors: ARGUMENT, naming the
 * member. */
int http_options_read(struct valence_server_options *options,
                      const struct valence_server_options *given, struct valence_error *error);

#endif
