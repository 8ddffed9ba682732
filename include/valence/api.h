/* What every public header needs: how a name leaves the library, and which version the header is
 * of. */
#ifndef VALENCE_API_H
#define VALENCE_API_H

/* Compare with valence_version_number(), the version of the library that is linked. */
#define VALENCE_VERSION_MAJOR 0
#define VALENCE_VERSION_MINOR 2
#define VALENCE_VERSION_PATCH 0
#define VALENCE_VERSION_NUMBER                                                                     \
    (VALENCE_VERSION_MAJOR * 10000 + VALENCE_VERSION_MINOR * 100 + VALENCE_VERSION_PATCH)

/* The library is built with hidden visibility: what is marked is exported, and nothing else. */
#if defined(__GNUC__)
#define VALENCE_API __attribute__((visibility("default")))
#else
#define VALENCE_API
#endif

/* The room in arrays of names, valence_..._names[]; those behind the last name are NULL. A new name
 * then leaves an array's size as programs were linked with it. */
#define VALENCE_MAX_NAMES 16

#endif
