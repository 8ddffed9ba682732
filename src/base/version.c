#include "valence/version.h"

#include <stddef.h>

#include "valence/runtime.h"

#define TEXT(x)                     #x
#define DOTTED(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *valence_version(void)
{
    return DOTTED(VALENCE_VERSION_MAJOR, VALENCE_VERSION_MINOR, VALENCE_VERSION_PATCH);
}

const char *const *valence_features(void)
{
    static const char *const features[] = {
#ifdef _OPENMP
        "openmp",
#endif
#ifdef VALENCE_ENCODERS
        "encoders",
#endif
        NULL};
    return features;
}

int valence_version_number(void)
{
    return VALENCE_VERSION_NUMBER;
}
