/* The version of the library. */
#ifndef VALENCE_VERSION_H
#define VALENCE_VERSION_H

#include "valence/api.h"
#ifdef __cplusplus
extern "C" {
#endif

/* "0.2.0": of the library that is linked, not of the header compiled against. */
VALENCE_API const char *valence_version(void);

/* The same as a number, VALENCE_VERSION_NUMBER of valence/api.h. */
VALENCE_API int valence_version_number(void);

#ifdef __cplusplus
}
#endif
#endif
