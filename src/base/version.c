#include "valence/version.h"

#define TEXT(x)                     #x
#define DOTTED(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *valence_version(void)
{
    return DOTTED(VALENCE_VERSION_MAJOR, VALENCE_VERSION_MINOR, VALENCE_VERSION_PATCH);
}

int valence_version_number(void)
{
    return VALENCE_VERSION_NUMBER;
}
