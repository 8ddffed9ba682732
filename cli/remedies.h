/* What the user of the command can do about an error of the library, whose texts name settings and
 * no options. */
#ifndef VALENCE_CLI_REMEDIES_H
#define VALENCE_CLI_REMEDIES_H

#include "valence/error.h"

/* "--force replaces it", or NULL if there is nothing to add. */
const char *remedy_for(const struct valence_error *error);

#endif
