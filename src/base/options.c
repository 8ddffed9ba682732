#include "base/options.h"

#include <string.h>

#include "base/fail.h"
#include "valence/reliability.h"

int options_read(void *options, size_t size, const void *given, struct valence_error *error)
{
    size_t given_size;
    if (!given)
        return VALENCE_OK;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size || given_size > size)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "an options struct says that it has %zu bytes, where this version of the "
                    "library knows %zu (set the defaults with its _options_default() function)",
                    given_size, size);
    memcpy(options, given, given_size);
    memcpy(options, &size, sizeof size);
    return VALENCE_OK;
}

int options_check_level(double level, struct valence_error *error)
{
    if (level >= VALENCE_MIN_LEVEL && level <= VALENCE_MAX_LEVEL)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_ARGUMENT, "level",
                    "a level of %g for intervals is not within %g ... %g", level, VALENCE_MIN_LEVEL,
                    VALENCE_MAX_LEVEL);
}
