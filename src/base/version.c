#include "valence/version.h"

const char *valence_version(void)
{
    return VALENCE_VERSION;
}
